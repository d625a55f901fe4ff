"""The table of observations: its form, its reasons, its false alarms, and that a cluster changes nothing."""

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
from shapely.geometry import Polygon, box

from berthwatch.georeference import geozarr_attributes
from berthwatch.model import Berth, Kind
from berthwatch.observation import observe
from berthwatch.tables import OBSERVATION_COLUMNS

GRID = GeoBox((100, 120), Affine(10, 0, 500_000, 0, -10, 4_000_000), "EPSG:32636")
LOOKS = 4.4


def rectangle(top: float, left: float, bottom: float, right: float) -> Polygon:
    """A rectangle given by the edges of its pixels, in EPSG:4326."""
    edges = box(500_000 + 10 * left, 4_000_000 - 10 * bottom, 500_000 + 10 * right, 4_000_000 - 10 * top)
    placed: Polygon = gpd.GeoSeries([edges], crs="EPSG:32636").to_crs("EPSG:4326").iloc[0]
    return placed


def port_of(berths: list[Berth], water: Polygon | None = None, looks: float | None = None, kind: Kind = "sar") -> Any:
    sources = (SimpleNamespace(name="radar", kind=kind, looks=looks),)
    return SimpleNamespace(berths=tuple(berths), reference_water=water, sources=sources)


NORTH = Berth("north", "berth", rectangle(20, 30, 27, 60))
SOUTH = Berth("south", "berth", rectangle(60, 30, 67, 60))


def speckle(scenes: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).gamma(LOOKS, 0.01 / LOOKS, (scenes, *GRID.shape)).astype(np.float32)


def cube_of(stack: NDArray[np.float32], **coords: Any) -> xr.Dataset:
    scenes = len(stack)
    return xr.Dataset(
        {"vv": (("time", "y", "x"), stack), "seen": (("time", "y", "x"), np.isfinite(stack).astype(np.uint8))},
        coords={
            "time": np.datetime64("2024-01-01", "ns") + np.arange(scenes) * np.timedelta64(6, "D"),
            "scene_id": ("time", [f"scene-{index:03d}" for index in range(scenes)]),
            "track": ("time", [f"orbit-{index % 2:03d}" for index in range(scenes)]),
            "shift_y_px": ("time", np.full(scenes, np.nan, np.float32)),
            "shift_x_px": ("time", np.full(scenes, np.nan, np.float32)),
        }
        | coords,
        attrs={**geozarr_attributes(GRID), "kind": "sar", "source": "radar"},
    )


@pytest.fixture(scope="module")
def visited() -> xr.Dataset:
    """Forty scenes of two tracks; a hull in the northern berth in every third."""
    stack = speckle(40)
    stack[::3, 22:25, 35:55] *= 60
    return cube_of(stack)


@pytest.fixture(scope="module")
def table(visited: xr.Dataset) -> pd.DataFrame:
    return observe(visited, port_of([NORTH, SOUTH]))


def test_columns_and_types_are_those_of_the_table(table: pd.DataFrame) -> None:
    assert {name: str(kind) for name, kind in table.dtypes.items()} == OBSERVATION_COLUMNS
    assert list(table.columns) == list(OBSERVATION_COLUMNS)


def test_every_berth_has_one_row_in_every_scene_by_time_scene_and_berth(
    visited: xr.Dataset, table: pd.DataFrame
) -> None:
    expected = [[scene, berth] for scene in visited["scene_id"].values for berth in ("north", "south")]
    assert table[["scene_id", "berth_id"]].to_numpy().tolist() == expected
    np.testing.assert_array_equal(table["time"].dt.tz_localize(None).to_numpy()[::2], visited["time"].values)
    assert (table["source"] == "radar").all()


def test_hulls_are_seen_just_where_they_lie(table: pd.DataFrame) -> None:
    seen = table.loc[table["change"] > 0, ["scene_id", "berth_id"]].to_numpy().tolist()
    assert seen == [[f"scene-{scene:03d}", "north"] for scene in range(0, 40, 3)]


def test_every_row_gives_a_reason_for_having_no_freeboard(table: pd.DataFrame) -> None:
    assert table["freeboard_m"].isna().all()
    assert (table["reason"].str.len() > 0).all()
    assert table.loc[table["hull_length_m"].notna(), "reason"].str.startswith("no freeboard").all()


def test_controls_are_observed_as_berths_are(visited: xr.Dataset, table: pd.DataFrame) -> None:
    controls = [Berth(each.berth_id, "control", each.polygon) for each in (NORTH, SOUTH)]
    pd.testing.assert_frame_equal(observe(visited, port_of(controls)), table)


def test_progress_counts_every_scene(visited: xr.Dataset) -> None:
    done: list[int] = []
    observe(visited, port_of([NORTH, SOUTH]), advance=done.append)
    assert sum(done) == visited.sizes["time"]


def test_lazy_and_loaded_cubes_give_the_same_table(visited: xr.Dataset, table: pd.DataFrame) -> None:
    lazy = visited.chunk({"time": 16, "y": 64, "x": 64})
    pd.testing.assert_frame_equal(observe(lazy, port_of([NORTH, SOUTH])), table)


@pytest.mark.slow
def test_a_cluster_gives_the_same_table_as_this_process(visited: xr.Dataset, table: pd.DataFrame) -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        pd.testing.assert_frame_equal(observe(visited, port_of([NORTH, SOUTH]), client), table)


def test_a_berth_outside_the_grid_is_not_seen_and_the_others_are(visited: xr.Dataset, table: pd.DataFrame) -> None:
    outside = Berth("away", "berth", rectangle(500, 500, 507, 530))
    found = observe(visited, port_of([outside, NORTH, SOUTH]))
    away = found[found["berth_id"] == "away"]
    assert (away["visible"] == 0).all()
    assert away["change"].isna().all()
    assert away["reason"].str.startswith("not seen: outside").all()
    pd.testing.assert_frame_equal(found[found["berth_id"] != "away"].reset_index(drop=True), table)


def test_a_port_wholly_outside_the_grid_is_not_seen() -> None:
    outside = Berth("away", "berth", rectangle(500, 500, 507, 530))
    found = observe(cube_of(speckle(3)), port_of([outside]))
    assert found["reason"].str.startswith("not seen: outside").all()


def test_without_reference_water_nothing_is_told(visited: xr.Dataset) -> None:
    found = observe(visited, port_of([NORTH], rectangle(300, 300, 340, 340)))
    assert (found["visible"] == 0).all()
    assert found["change"].isna().all()
    assert found["reason"].str.contains("reference water").all()


def test_given_reference_water_is_used_where_it_is_seen(visited: xr.Dataset, table: pd.DataFrame) -> None:
    found = observe(visited, port_of([NORTH, SOUTH], rectangle(35, 20, 55, 90)))
    np.testing.assert_array_equal(found["change"] > 0, table["change"] > 0)


def test_a_scene_without_data_is_not_seen(visited: xr.Dataset) -> None:
    gap = visited.copy(deep=True)
    gap["vv"].values[5], gap["seen"].values[5] = np.nan, 0
    found = observe(gap, port_of([NORTH, SOUTH]))
    own = found[found["scene_id"] == "scene-005"]
    assert (own["visible"] == 0).all()
    assert own["change"].isna().all()
    assert own["reason"].str.startswith("not seen").all()
    assert (found.loc[found["scene_id"] != "scene-005", "visible"] > 0.95).all()


def test_a_berth_seen_in_part_says_how_much(visited: xr.Dataset) -> None:
    cut = visited.copy(deep=True)
    cut["vv"].values[4, :, 45:], cut["seen"].values[4, :, 45:] = np.nan, 0
    found = observe(cut, port_of([NORTH, SOUTH]))
    assert found.loc[found["scene_id"] == "scene-004", "visible"].to_numpy() == pytest.approx(0.5, abs=0.05)


def test_looks_stated_by_the_scenes_bound_those_of_the_water(visited: xr.Dataset, table: pd.DataFrame) -> None:
    stated = visited.assign_coords(looks=("time", np.full(40, LOOKS)))
    few = visited.assign_coords(looks=("time", np.full(40, 1.0)))
    change = table["change"] > 0
    assert (observe(stated, port_of([NORTH, SOUTH])).loc[change, "change"] > 10).all()
    # One look has a standard deviation as large as its mean: the same hull is fewer of them.
    assert (observe(few, port_of([NORTH, SOUTH])).loc[change, "change"] < table.loc[change, "change"]).all()


def test_speckle_on_empty_water_raises_no_more_than_four_false_alarms() -> None:
    berths = [
        Berth(f"b{row}{column}", "berth", rectangle(8 + 18 * row, 5 + 28 * column, 15 + 18 * row, 28 + 28 * column))
        for row in range(5)
        for column in range(4)
    ]
    found = observe(cube_of(speckle(200, 9)), port_of(berths, looks=LOOKS))
    assert len(found) == 4000
    assert (found["visible"] == 1).mean() > 0.99
    assert (found["change"] > 0).sum() <= 4
