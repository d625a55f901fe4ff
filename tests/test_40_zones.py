"""Zones: what share of which pixel is berth, how large pixels are on the ground, and where a berth's water lies."""

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely import affinity
from shapely.geometry import MultiPolygon, Point, Polygon, box

from berthwatch.model import Berth
from berthwatch.zones import coverage_of, metres_per_pixel, nearest_berth, within_reach, zones_of

UTM = "EPSG:32636"
GRID = GeoBox((80, 100), Affine(10, 0, 500_000, 0, -10, 4_000_000), UTM)


def placed(shape: Polygon | MultiPolygon, crs: str = UTM) -> Polygon | MultiPolygon:
    """A polygon given in metres, in EPSG:4326 as berths are."""
    return gpd.GeoSeries([shape], crs=crs).to_crs("EPSG:4326").iloc[0]


def metres(left: float, bottom: float, right: float, top: float) -> Polygon:
    return box(500_000 + left, 4_000_000 - bottom, 500_000 + right, 4_000_000 - top)


TILTED = affinity.rotate(metres(203, 307, 497, 252), 33)
WITH_HOLE = Polygon(metres(101, 604, 402, 333).exterior.coords, [metres(150, 500, 257, 400).exterior.coords])
TWO_PARTS = MultiPolygon([metres(55, 101, 78, 33), metres(500, 612, 733, 557)])
SLIVER = metres(301, 303, 699, 300.5)


@pytest.mark.parametrize("shape", [TILTED, WITH_HOLE, TWO_PARTS, SLIVER], ids=["tilted", "hole", "two-parts", "sliver"])
def test_coverage_sums_to_the_area_of_the_polygon(shape: Polygon | MultiPolygon) -> None:
    indices, share = coverage_of(placed(shape), GRID)
    assert share.sum() * 100 == pytest.approx(shape.area, rel=1e-3)
    assert share.min() >= 0
    assert share.max() <= 1
    assert np.unique(indices).size == indices.size


def test_only_the_part_inside_the_grid_is_covered() -> None:
    assert coverage_of(placed(metres(-200, 100, 150, 0)), GRID)[1].sum() * 100 == pytest.approx(150 * 100, rel=1e-3)
    assert coverage_of(placed(metres(5000, 6000, 5500, 5500)), GRID)[1].sum() == 0


def berth_at(longitude: float, latitude: float) -> Berth:
    return Berth("A", "berth", Point(longitude, latitude).buffer(0.002))


def test_a_pixel_in_utm_is_as_large_as_its_grid_says() -> None:
    assert metres_per_pixel(GRID, [berth_at(33, 36)]) == 10.0


def test_web_mercator_is_shrunk_by_the_cosine_of_the_latitude() -> None:
    grid = GeoBox((10, 10), Affine(10, 0, 1.48e7, 0, -10, 5.3e6), "EPSG:3857")
    assert metres_per_pixel(grid, [berth_at(133, 43)]) == pytest.approx(10 * np.cos(np.deg2rad(43)), rel=1e-3)


def test_a_pixel_in_degrees_has_the_size_of_its_ground() -> None:
    step = 1e-4
    grid = GeoBox((10, 10), Affine(step, 0, 133, 0, -step, 43), "EPSG:4326")
    corners = gpd.GeoSeries([box(133, 43 - step, 133 + step, 43)], crs="EPSG:4326").to_crs("EPSG:32653")
    assert metres_per_pixel(grid, [berth_at(133, 43)]) == pytest.approx(corners.area.iloc[0] ** 0.5, rel=0.01)


@pytest.mark.parametrize("crs", [UTM, "EPSG:3857", "EPSG:4326"])
def test_a_berth_has_the_same_ground_area_on_every_grid(crs: str) -> None:
    berth = Berth("A", "berth", placed(metres(200, 400, 500, 300)))
    x, y = gpd.GeoSeries([berth.polygon.centroid], crs="EPSG:4326").to_crs(crs).iloc[0].coords[0]
    step = 1e-4 if crs == "EPSG:4326" else 10
    grid = GeoBox((100, 100), Affine(step, 0, x - 50 * step, 0, -step, y + 50 * step), crs)
    zones = zones_of([berth], grid)
    assert zones.pixels(0)[1].sum() * zones.resolution_m**2 == pytest.approx(30_000, rel=0.01)


def test_zones_name_berths_in_order_and_keep_controls() -> None:
    berths = [
        Berth("B2", "berth", placed(metres(100, 200, 300, 150))),
        Berth("sea", "control", placed(metres(400, 200, 600, 150))),
    ]
    zones = zones_of(berths, GRID)
    assert zones.berth_ids == ("B2", "sea")
    assert set(np.unique(zones.owner)) == {-1, 0, 1}
    assert (zones.owner[16:19, 11:29] == 0).all()
    assert (zones.owner[16:19, 41:59] == 1).all()


def test_given_reference_water_is_only_what_lies_wholly_in_it() -> None:
    berth = Berth("A", "berth", placed(metres(100, 200, 300, 150)))
    zones = zones_of([berth], GRID, placed(metres(405, 305, 605, 205)))
    assert zones.given_water is not None
    assert zones.given_water.sum() == pytest.approx(19 * 9, abs=19)
    assert zones.given_water.sum() * 100 < 200 * 100


def reached_from(start: NDArray[np.bool_], passable: NDArray[np.bool_], resolution_m: float) -> NDArray[np.bool_]:
    reached = np.zeros(start.shape, np.bool_)
    reached.flat[within_reach(np.flatnonzero(start), passable, resolution_m)] = True
    return reached


def basin_with_mole(from_row: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """A berth to the left of a mole that runs from a row down to the edge."""
    berth, passable = np.zeros((60, 60), np.bool_), np.ones((60, 60), np.bool_)
    berth[28:32, 10:20], passable[from_row:, 25:27] = True, False
    return berth, passable


def test_water_behind_a_mole_is_not_within_reach() -> None:
    reached = reached_from(*basin_with_mole(0), 10.0)
    assert reached[30, 24]
    assert not reached[:, 25:].any()


def test_water_past_the_head_of_a_mole_is_reached_by_going_around() -> None:
    reached = reached_from(*basin_with_mole(20), 10.0)
    assert reached[18, 28]
    assert not reached[58, 28]


@pytest.mark.parametrize("resolution_m", [10.0, 20.0])
def test_reach_ends_after_400_metres_whatever_the_pixel(resolution_m: float) -> None:
    start = np.zeros((120, 120), np.bool_)
    start[60, 60] = True
    rows, columns = np.nonzero(reached_from(start, np.ones_like(start), resolution_m))
    assert np.abs(rows - 60).max() * resolution_m == 400
    assert np.abs(columns - 60).max() * resolution_m == 400


def test_nothing_is_within_reach_of_a_berth_outside_the_grid() -> None:
    assert within_reach(np.empty(0, np.int64), np.ones((5, 5), np.bool_), 10.0).size == 0


def test_each_pixel_belongs_to_the_berth_nearest_to_it() -> None:
    owner = np.full((20, 40), -1, np.int16)
    owner[10, 2], owner[10, 20], owner[2, 38] = 0, 1, 2
    nearest = nearest_berth(owner)
    assert (nearest[10, :11] == 0).all()
    assert (nearest[10, 12:28] == 1).all()
    assert nearest[0, 39] == 2
    assert (nearest_berth(np.full((2, 2), -1, np.int16)) == -1).all()
