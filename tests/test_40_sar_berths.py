"""Berths in SAR scenes of a small port: what stands still, which hull lies where, and what is none."""

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

from berthwatch.backdrop import backdrop
from berthwatch.georeference import geozarr_attributes
from berthwatch.model import Berth
from berthwatch.observation import observe
from berthwatch.zones import zones_of

GRID = GeoBox((150, 160), Affine(10, 0, 500_000, 0, -10, 4_000_000), "EPSG:32636")
ROWS, COLUMNS = np.mgrid[: GRID.shape[0], : GRID.shape[1]]
QUAY_ROW = 100
"""Everything below is quay and land."""
WATER = 0.01
HULL = 60.0
"""How much brighter than water a hull is."""

Image = NDArray[np.float64]


def berth(berth_id: str, top: float, left: float, bottom: float, right: float) -> Berth:
    """A berth given by the edges of its pixels."""
    edges = box(500_000 + 10 * left, 4_000_000 - 10 * bottom, 500_000 + 10 * right, 4_000_000 - 10 * top)
    placed = gpd.GeoSeries([edges], crs="EPSG:32636").to_crs("EPSG:4326")
    return Berth(berth_id, "berth", placed.iloc[0])


# Two berths side by side along the quay, one of them apart, and one turned across at a pier of its own.
BERTHS = [
    berth("west", 89, 20, 96, 50),
    berth("east", 89, 50, 96, 80),
    berth("far", 89, 110, 96, 140),
    berth("buoy", 35, 60, 65, 68),
]
PORT: Any = SimpleNamespace(berths=tuple(BERTHS), reference_water=None, sources=())


def vessel(y: float, x: float, length_px: float, beam_px: float, heading_deg: float) -> Image:
    """The share of each pixel that a rectangular hull covers; heading clockwise from north."""
    fine = (np.arange(5) - 2) / 5
    share = np.zeros(GRID.shape)
    heading = np.deg2rad(heading_deg)
    for dy in fine:
        for dx in fine:
            south, east = ROWS + dy - y, COLUMNS + dx - x
            along = east * np.sin(heading) - south * np.cos(heading)
            across = east * np.cos(heading) + south * np.sin(heading)
            share += (np.abs(along) <= length_px / 2) & (np.abs(across) <= beam_px / 2)
    return np.asarray(share / 25, np.float64)


def empty_port() -> Image:
    return np.where(ROWS >= QUAY_ROW, 80.0, 1.0)


def speckled(clean: Image, seed: int) -> Image:
    """A scene: blurred by a point spread of about a pixel, with speckle of 4.4 looks."""
    blurred = gaussian_filter(clean, 0.6)
    return np.asarray(WATER * blurred * np.random.default_rng(seed).gamma(4.4, 1 / 4.4, clean.shape), np.float64)


def cube_of(images: list[Image]) -> xr.Dataset:
    stack = np.stack(images).astype(np.float32)
    scenes = len(images)
    return xr.Dataset(
        {"vv": (("time", "y", "x"), stack), "seen": (("time", "y", "x"), np.isfinite(stack).astype(np.uint8))},
        coords={
            "time": np.datetime64("2024-01-01", "ns") + np.arange(scenes) * np.timedelta64(6, "D"),
            "scene_id": ("time", [f"scene-{index:02d}" for index in range(scenes)]),
            "track": ("time", ["orbit-007"] * scenes),
            "shift_y_px": ("time", np.zeros(scenes, np.float32)),
            "shift_x_px": ("time", np.zeros(scenes, np.float32)),
        },
        attrs={**geozarr_attributes(GRID), "kind": "sar", "source": "sentinel-1"},
    )


def series(visits: dict[int, list[Image]], scenes: int = 12) -> xr.Dataset:
    """Scenes with hulls in some of them; in all the others the port lies empty."""
    return cube_of(
        [
            speckled(empty_port() + HULL * sum(visits.get(scene, []), np.zeros(GRID.shape)), scene)
            for scene in range(scenes)
        ]
    )


def rows_of(table: pd.DataFrame, scene: int) -> pd.DataFrame:
    return table[table["scene_id"] == f"scene-{scene:02d}"].set_index("berth_id")


def angle_between(one: float, other: float) -> float:
    return abs((one - other + 90) % 180 - 90)


@pytest.mark.parametrize(
    ("name", "y", "x", "length_px", "beam_px", "heading_deg"),
    [
        ("west", 92.5, 35, 24, 3.2, 90),
        ("east", 92.3, 64, 18, 2.8, 87),
        ("far", 92.5, 126, 26, 4.5, 93),
        ("buoy", 50, 64, 24, 3.6, 8),
        ("buoy", 50, 64, 20, 3.2, 172),
    ],
)
def test_hull_is_seen_with_its_length_beam_and_heading(
    name: str, y: float, x: float, length_px: float, beam_px: float, heading_deg: float
) -> None:
    table = observe(series({5: [vessel(y, x, length_px, beam_px, heading_deg)]}), PORT)
    found = rows_of(table, 5)
    row = found.loc[name]
    assert row["change"] > 10
    assert row["hull_length_m"] == pytest.approx(10 * length_px, rel=0.25)
    assert row["hull_beam_m"] == pytest.approx(10 * beam_px, abs=20)
    assert angle_between(row["hull_heading_deg"], heading_deg) < 5
    assert (found["change"].drop(name) == 0).all()


def test_empty_berths_have_no_change_and_no_hull() -> None:
    table = observe(series({}), PORT)
    assert (table["change"] == 0).all()
    assert (table["visible"] == 1).all()
    assert table["hull_length_m"].isna().all()
    assert (table["reason"] == "no hull seen").all()


def test_hull_across_two_berths_is_in_the_one_it_overlaps_most() -> None:
    table = observe(series({4: [vessel(92.5, 54, 22, 3.5, 90)]}), PORT)
    found = rows_of(table, 4)
    assert found.loc["east", "change"] > 0
    assert found.loc["west", "change"] == 0
    assert found.loc["east", "hull_length_m"] == pytest.approx(220, rel=0.25)


def test_hull_mostly_outside_is_not_in_the_berth() -> None:
    passing = vessel(50, 74, 24, 3.5, 90)  # across the buoy's berth by a quarter of its length
    found = rows_of(observe(series({4: [passing]}), PORT), 4)
    assert found.loc["buoy", "change"] == 0


SPECKLES = range(4, 12)
"""The same scene under as many draws of speckle: what holds for one by luck does not hold for all."""


def with_each_speckle(hulls: Image) -> list[pd.DataFrame]:
    """An empty port in six scenes, then six scenes of the same brightness, each with speckle of its own."""
    empty = [speckled(empty_port(), seed) for seed in range(6)]
    table = observe(cube_of(empty + [speckled(empty_port() + HULL * hulls, seed) for seed in SPECKLES]), PORT)
    return [rows_of(table, scene) for scene in range(6, 6 + len(SPECKLES))]


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_sidelobe_line_across_a_berth_is_no_hull(strength: float) -> None:
    line = strength * vessel(52, 64, 80, 1.0, 90)
    hulls = [found.loc["buoy", "hull_length_m"] for found in with_each_speckle(line)]
    assert np.isnan(hulls).all()


def test_hull_is_told_from_its_own_sidelobes() -> None:
    hull = np.maximum(vessel(50, 64, 24, 3.6, 0), 0.08 * vessel(46, 64, 70, 1.0, 90))
    for found in with_each_speckle(hull):
        assert found.loc["buoy", "hull_length_m"] == pytest.approx(240, rel=0.25)
        assert angle_between(found.loc["buoy", "hull_heading_deg"], 0) < 5


@pytest.mark.parametrize("beam_px", [3.2, 4.5, 6.0])
def test_two_hulls_run_together_are_divided_over_their_berths(beam_px: float) -> None:
    found = pd.concat(with_each_speckle(vessel(92.5, 50, 56, beam_px, 90)))
    for berth_id in ("west", "east"):
        assert (found.loc[berth_id, "change"] > 10).all()
        assert found.loc[berth_id, "hull_length_m"].median() == pytest.approx(280, rel=0.25)


def test_hulls_in_neighbouring_berths_are_two() -> None:
    found = rows_of(observe(series({4: [vessel(92.5, 35, 20, 3.2, 90), vessel(92.5, 65, 22, 3.2, 90)]}), PORT), 4)
    assert found.loc["west", "hull_length_m"] == pytest.approx(200, rel=0.25)
    assert found.loc["east", "hull_length_m"] == pytest.approx(220, rel=0.25)


def test_a_vessel_that_lies_there_in_every_scene_is_never_learned_away() -> None:
    moored = vessel(92.5, 35, 24, 3.5, 90)
    table = observe(series({scene: [moored] for scene in range(40)}, 40), PORT)
    stays = table[table["berth_id"] == "west"]
    assert (stays["change"] > 10).all()
    np.testing.assert_allclose(stays["hull_length_m"], 240, rtol=0.25)
    assert (table[table["berth_id"] != "west"]["change"] == 0).all()


@pytest.mark.parametrize("scenes", [1, 2, 5])
def test_few_scenes_are_enough(scenes: int) -> None:
    table = observe(series({0: [vessel(92.5, 35, 24, 3.5, 90)]}, scenes), PORT)
    assert rows_of(table, 0).loc["west", "hull_length_m"] == pytest.approx(240, rel=0.25)
    others = table[(table["berth_id"] != "west") | (table["scene_id"] != "scene-00")]
    assert (others["change"] == 0).all()


@pytest.mark.parametrize("scenes", [4, 12])
def test_quay_is_structure_and_so_is_one_resolution_cell_around_it(scenes: int) -> None:
    moored = vessel(92.5, 35, 24, 3.5, 90)
    cube = series({scene: [moored] for scene in range(scenes)}, scenes)
    found = backdrop(cube, zones_of(BERTHS, GRID))
    near = zones_of(BERTHS, GRID).near
    assert not found.usable[(ROWS >= QUAY_ROW - 2) & near].any()
    assert found.usable[ROWS < QUAY_ROW - 5].mean() > 0.999
    assert found.usable[90:95, 22:48].all(), "the vessel is no structure"
    assert not found.water[moored > 0].any(), "nor is its berth anyone's reference water"


def test_a_quay_does_not_let_water_behind_it_be_reference() -> None:
    behind = np.where((ROWS >= QUAY_ROW) & (ROWS < 112), 80.0, 1.0)
    found = backdrop(cube_of([speckled(behind, scene) for scene in range(10)]), zones_of(BERTHS, GRID))
    assert (found.reference[0] // GRID.shape[1] < QUAY_ROW).all()
    assert found.reference[0].size > 500


def test_a_moderate_glow_in_a_berth_is_its_vacant_level() -> None:
    glow = np.where((ROWS > 88) & (ROWS < 97) & (COLUMNS > 18) & (COLUMNS < 52), 1.4, 1.0)
    cube = cube_of([speckled(empty_port() * glow, scene) for scene in range(30)])
    found = backdrop(cube, zones_of(BERTHS, GRID))
    assert np.median(found.vacant[90:95, 22:48]) == pytest.approx(1.4, rel=0.1)
    assert np.median(found.vacant[40:60, 90:140]) < 1.1
    assert (observe(cube, PORT)["change"] == 0).all()


def test_a_quay_that_glows_over_the_berth_is_no_hull_and_hides_none() -> None:
    """Its wall and sidelobes glow some 25 m over the water, brighter in some scenes than in others."""
    strip = ((ROWS >= 94) & (ROWS < 98)).astype(np.float64)
    glow = {scene: [strip * (3.0 + 0.25 * scene) / HULL] for scene in range(12)}
    glow[5].append(vessel(92, 35, 12, 3, 90))
    found = observe(series(glow), PORT)
    west = found[found["berth_id"] == "west"].set_index("scene_id")["change"]
    assert west["scene-05"] > 50
    assert (found["change"] >= 1).sum() == 1


def test_a_line_one_pixel_wide_is_no_hull() -> None:
    line = ((ROWS == 91) & (abs(COLUMNS - 35) <= 3)).astype(np.float64)
    images = [speckled(empty_port(), scene) for scene in range(12)]
    images[4] += WATER * 30 * line
    found = observe(cube_of(images), PORT)
    assert (found["change"] == 0).all()


def test_a_scene_is_judged_by_its_own_water_however_rough() -> None:
    visits: dict[int, list[Image]] = {3: [vessel(92.5, 35, 24, 3.5, 90)]}
    cube = series(visits)
    for scene in range(12):
        cube["vv"].values[scene] *= 1.0 + 2.0 * (scene % 3)
    table = observe(cube, PORT)
    assert table.loc[table["change"] > 0, ["berth_id", "scene_id"]].to_numpy().tolist() == [["west", "scene-03"]]


def test_shifts_are_applied_before_berths_are_read() -> None:
    cube = series({4: [vessel(50, 64, 24, 3.6, 0)]})
    moved = cube.copy(deep=True)
    for scene in (4, 7):
        moved["vv"].values[scene] = np.roll(cube["vv"].values[scene], (-5, 12), (0, 1))
        moved["shift_y_px"].values[scene], moved["shift_x_px"].values[scene] = 5, -12
    found = rows_of(observe(moved, PORT), 4).loc["buoy"]
    expected = rows_of(observe(cube, PORT), 4).loc["buoy"]
    assert found["hull_length_m"] == expected["hull_length_m"]
    assert found["change"] == pytest.approx(expected["change"], rel=0.05)
