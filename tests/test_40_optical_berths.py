"""Berths in optical scenes of a small port: hulls on dark water, and clouds, masked or not, which are none."""

from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import gaussian_filter
from shapely.geometry import box

from berthwatch.georeference import geozarr_attributes
from berthwatch.model import Berth
from berthwatch.observation import observe
from berthwatch.score import unmask_decks

GRID = GeoBox((240, 260), Affine(3, 0, 500_000, 0, -3, 4_000_000), "EPSG:32653")
ROWS, COLUMNS = np.mgrid[: GRID.shape[0], : GRID.shape[1]]
WATER, DECK, SCENES, VISITED = 0.03, 0.22, 10, 4

Image = NDArray[np.float64]


def berth(berth_id: str, top: float, left: float, bottom: float, right: float) -> Berth:
    """A berth given by the edges of its pixels."""
    edges = box(500_000 + 3 * left, 4_000_000 - 3 * bottom, 500_000 + 3 * right, 4_000_000 - 3 * top)
    placed = gpd.GeoSeries([edges], crs="EPSG:32653").to_crs("EPSG:4326")
    return Berth(berth_id, "berth", placed.iloc[0])


PORT: Any = SimpleNamespace(
    berths=(berth("west", 174, 30, 196, 110), berth("east", 174, 140, 196, 220)), reference_water=None, sources=()
)


def vessel(y: float, x: float, length_px: float, beam_px: float) -> Image:
    """The share of each pixel that a hull along the quay covers."""

    def overlap(at: Image, centre: float, size: float) -> Image:
        shared = np.minimum(at + 0.5, centre + size / 2) - np.maximum(at - 0.5, centre - size / 2)
        return np.asarray(np.clip(shared, 0, 1), np.float64)

    return overlap(ROWS, y, beam_px) * overlap(COLUMNS, x, length_px)


MOORED = vessel(186, 70, 60, 10)


def cube_of(visited: Image, seen: NDArray[np.bool_] | None = None) -> xr.Dataset:
    """Ten scenes of a port with a quay; one of them shows more, or hides some."""
    quay = np.where(ROWS >= 200, 0.25, 0.0)
    stack = np.empty((SCENES, *GRID.shape), np.float32)
    for scene in range(SCENES):
        added = visited if scene == VISITED else 0.0
        rng = np.random.default_rng(scene)
        stack[scene] = gaussian_filter(WATER + 0.002 * scene + quay + added, 0.5) + rng.normal(0, 0.005, GRID.shape)
    mask = np.isfinite(stack).astype(np.uint8)
    if seen is not None:
        mask[VISITED] = seen
    return xr.Dataset(
        {"nir": (("time", "y", "x"), stack), "seen": (("time", "y", "x"), mask)},
        coords={
            "time": np.datetime64("2024-06-01", "ns") + np.arange(SCENES) * np.timedelta64(1, "D"),
            "scene_id": ("time", [f"scene-{index:02d}" for index in range(SCENES)]),
            "track": ("time", ["all"] * SCENES),
            "shift_y_px": ("time", np.zeros(SCENES, np.float32)),
            "shift_x_px": ("time", np.zeros(SCENES, np.float32)),
        },
        attrs={**geozarr_attributes(GRID), "kind": "optical", "source": "planetscope"},
    )


def visited_rows(cube: xr.Dataset) -> pd.DataFrame:
    """What is observed in the one scene; in all the others nothing is found."""
    table = observe(cube, PORT)
    own = table["scene_id"] == f"scene-{VISITED:02d}"
    assert (table.loc[~own, "change"] == 0).all()
    assert (table.loc[~own, "visible"] == 1).all()
    return table[own].set_index("berth_id")


@pytest.mark.parametrize(("length_px", "beam_px"), [(60, 10), (40, 7), (75, 14)])
def test_hull_on_dark_water_is_measured(length_px: float, beam_px: float) -> None:
    found = visited_rows(cube_of(DECK * vessel(185, 70, length_px, beam_px)))
    assert found.loc["west", "hull_length_m"] == pytest.approx(3 * length_px, rel=0.1)
    assert found.loc["west", "hull_beam_m"] == pytest.approx(3 * beam_px, abs=4)
    assert abs(found.loc["west", "hull_heading_deg"] - 90) < 5
    assert found.loc["west", "change"] > 10
    assert found.loc["east", "change"] == 0


def test_a_dark_deck_with_a_white_house_is_one_hull() -> None:
    """Cut at half of the house's brightness, only the house is left, and that is no vessel."""
    house = MOORED * (COLUMNS > 88)
    found = visited_rows(cube_of(DECK * (MOORED + 2 * house) / 3)).loc["west"]
    assert found["hull_length_m"] == pytest.approx(180, rel=0.1)
    assert found["hull_beam_m"] == pytest.approx(30, abs=4)


def test_a_scene_without_data_shows_nothing_and_says_so() -> None:
    cube = cube_of(DECK * MOORED)
    cube["nir"].values[VISITED] = np.nan
    cube["seen"].values[VISITED] = 0
    found = visited_rows(cube)
    assert (found["visible"] == 0).all()
    assert found["change"].isna().all()
    assert found["reason"].str.startswith("not seen").all()


def test_berths_under_masked_cloud_are_not_visible() -> None:
    cloud = np.hypot(ROWS - 185, COLUMNS - 70) < 55
    found = visited_rows(cube_of(DECK * MOORED + 0.5 * cloud, ~cloud))
    assert found.loc["west", "visible"] == 0
    assert pd.isna(found.loc["west", "change"])
    assert found.loc["west", "reason"].startswith("not seen")
    assert found.loc["east", "visible"] == 1
    assert found.loc["east", "change"] == 0


def test_a_scene_masked_as_a_whole_is_not_visible() -> None:
    found = visited_rows(cube_of(DECK * MOORED, np.zeros(GRID.shape, np.bool_)))
    assert (found["visible"] == 0).all()
    assert found["change"].isna().all()


def test_a_bright_deck_that_the_mask_calls_cloud_is_still_seen() -> None:
    deck = MOORED > 0
    found = visited_rows(cube_of(DECK * MOORED, ~deck)).loc["west"]
    assert found["visible"] > 0.9
    assert found["hull_length_m"] == pytest.approx(180, rel=0.1)


@pytest.mark.parametrize(
    ("width_px", "reason"), [(15, "not seen: something bright"), (22, "not seen: hidden by cloud")]
)
def test_an_unmasked_soft_cloud_over_a_berth_is_no_hull_and_nothing_is_told(width_px: float, reason: str) -> None:
    blob = 0.25 * np.exp(-(np.hypot(ROWS - 180, COLUMNS - 70) ** 2) / 2 / width_px**2)
    found = visited_rows(cube_of(blob)).loc["west"]
    assert found["visible"] == 0
    assert pd.isna(found["change"])
    assert found["reason"].startswith(reason)


def test_a_wisp_over_a_corner_of_a_berth_leaves_the_rest_to_be_judged() -> None:
    """Were the berth not judged at all, vacant berths would be left out more often than taken ones."""
    found = visited_rows(cube_of(soft_cloud(0.12, 178, 48, 5))).loc["west"]
    assert found["change"] == 0
    assert 0.7 < found["visible"] < 0.97
    assert found["reason"] == "no hull seen"


def soft_cloud(brightest: float, y: float, x: float, width_px: float) -> Image:
    """Cloud that thins out slowly."""
    return np.asarray(brightest * np.exp(-(np.hypot(ROWS - y, COLUMNS - x) ** 2) / 2 / width_px**2), np.float64)


def test_a_hull_under_thin_cloud_is_seen_but_not_measured() -> None:
    found = visited_rows(cube_of(DECK * MOORED + soft_cloud(0.1, 160, 70, 20))).loc["west"]
    assert found["change"] > 10
    assert pd.isna(found["hull_length_m"])
    assert found["reason"] == "no freeboard: cloud over or beside the hull"


def test_a_hull_that_the_mask_cuts_off_is_seen_but_not_measured() -> None:
    cloud = np.hypot(ROWS - 150, COLUMNS - 30) < 50
    found = visited_rows(cube_of(DECK * MOORED + 0.5 * cloud + soft_cloud(0.04, 150, 30, 35), ~cloud)).loc["west"]
    assert found["change"] > 10
    assert pd.isna(found["hull_length_m"])


@pytest.mark.parametrize("askew", [False, True])
def test_under_cloud_only_what_lies_along_the_berth_is_a_hull(askew: bool) -> None:
    down, right = ROWS - 185, COLUMNS - 70
    across, along = (down, right) if not askew else ((down + right) / 2**0.5, (right - down) / 2**0.5)
    bar = (np.abs(across) < 4) & (np.abs(along) < (25 if not askew else 15))
    found = visited_rows(cube_of(DECK * bar + soft_cloud(0.1, 160, 70, 20))).loc["west"]
    assert (found["change"] > 0) == (not askew)


def test_a_soft_streak_along_a_berth_is_no_hull() -> None:
    streak = 0.15 * np.exp(-(((ROWS - 185) / 4.0) ** 2) - ((COLUMNS - 70) / 25.0) ** 4)
    found = visited_rows(cube_of(streak)).loc["west"]
    assert not found["change"] > 0


def test_cloud_beyond_the_edge_of_the_mask_is_no_hull() -> None:
    distance = np.hypot(ROWS - 130, COLUMNS - 70)
    cloud, masked = distance < 62, distance < 55
    found = visited_rows(cube_of(0.4 * cloud, ~masked)).loc["west"]
    assert pd.isna(found["hull_length_m"])
    assert not found["change"] > 0


def test_where_most_water_is_under_unmasked_cloud_nothing_is_told() -> None:
    cloud = 0.2 * np.exp(-(((ROWS - 130) / 45.0) ** 4)) * (1 + 0.4 * np.sin(COLUMNS / 6.0))
    found = visited_rows(cube_of(cloud))
    assert not (found["change"] > 0).any()


def test_masks_open_only_where_they_are_narrower_than_a_deck_and_have_data() -> None:
    seen, data = np.ones((120, 120), np.bool_), np.ones((120, 120), np.bool_)
    seen[10:20, 10:70] = False
    seen[50:110, 20:100] = False
    data[12:15, 12:15] = False
    opened = unmask_decks(seen, data, 3.0)
    assert opened[18, 40]
    assert not opened[13, 13]
    assert not opened[60:100, 40:80].any()
