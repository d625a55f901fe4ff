"""The grid of a source: where its pixels lie, how far it reaches, and what is refused."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from shapely.geometry import Polygon, box

from berthwatch.config import Source
from berthwatch.errors import InputError
from berthwatch.georeference import array_attributes, grid_of
from berthwatch.grid import project, source_grid
from berthwatch.model import BandFile, Berth, Geometry, Scene

UTM = "EPSG:32636"
SOURCE = Source("s1", "sar", "*.json", ("vv",))


def berth(left: float, bottom: float, right: float, top: float, name: str = "B1") -> Berth:
    """A berth given by its bounds in UTM metres."""
    shape = project(box(left, bottom, right, top), UTM, "EPSG:4326")
    return Berth(name, "berth", shape if isinstance(shape, Polygon) else shape.geoms[0])


def scene(folder: Path, name: str, transform: Affine, shape: tuple[int, int], crs: str | None = UTM) -> Scene:
    path = folder / f"{name}.tif"
    profile = {"driver": "GTiff", "count": 1, "height": shape[0], "width": shape[1], "dtype": "float32"}
    with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as file:
        file.write(np.ones((1, *shape), np.float32))
    band = BandFile(str(path), 1, None, None, None, None)
    return Scene(name, datetime(2024, 1, 1, tzinfo=UTC), {"vv": band}, None, Geometry(), None, None, str(path))


BERTH = berth(502_000, 3_998_000, 502_200, 3_998_100)


def test_scenes_that_share_pixels_keep_them_and_the_window_is_the_berths_with_a_margin(tmp_path: Path) -> None:
    scenes = [scene(tmp_path, "a", Affine(10, 0, 500_003, 0, -10, 4_000_007), (600, 600))]
    grid = source_grid(scenes, SOURCE, [BERTH], margin_m=500)
    box_ = grid.boundingbox
    assert grid.crs == CRS(UTM)
    assert (box_.left - 500_003) % 10 == 0
    assert (box_.top - 4_000_007) % 10 == 0
    assert 501_490 < box_.left <= 501_500
    assert 3_998_600 <= box_.top < 3_998_610.001


def test_a_grid_has_no_borders_that_no_scene_covers(tmp_path: Path) -> None:
    scenes = [scene(tmp_path, "a", Affine(10, 0, 501_900, 0, -10, 3_998_200), (30, 40))]
    assert source_grid(scenes, SOURCE, [BERTH]) == GeoBox((30, 40), Affine(10, 0, 501_900, 0, -10, 3_998_200), UTM)


def test_the_most_frequent_phase_wins(tmp_path: Path) -> None:
    odd = scene(tmp_path, "odd", Affine(10, 0, 500_004, 0, -10, 4_000_004), (600, 600))
    even = [scene(tmp_path, f"even{i}", Affine(10, 0, 500_000 + 10 * i, 0, -10, 4_000_000), (600, 600)) for i in (0, 1)]
    grid = source_grid([odd, *even], SOURCE, [BERTH])
    assert grid.boundingbox.left % 10 == 0


def test_a_resolution_that_is_asked_for_is_used(tmp_path: Path) -> None:
    scenes = [scene(tmp_path, "a", Affine(10, 0, 500_003, 0, -10, 4_000_007), (600, 600))]
    grid = source_grid(scenes, Source("s1", "sar", "", ("vv",), resolution_m=4), [BERTH])
    assert (grid.affine.a, grid.affine.e) == (4, -4)
    assert grid.affine.c % 4 == 0


@pytest.mark.parametrize(("crs", "step"), [("EPSG:4326", 1e-4), ("EPSG:3857", 12.4)])
def test_scenes_whose_pixels_are_no_metres_are_put_on_utm(tmp_path: Path, crs: str, step: float) -> None:
    left, bottom, right, top = project(box(500_000, 3_996_000, 504_000, 4_000_000), UTM, crs).bounds
    shape = (int((top - bottom) / step), int((right - left) / step))
    grid = source_grid([scene(tmp_path, "a", Affine(step, 0, left, 0, -step, top), shape, crs)], SOURCE, [BERTH])
    assert grid.crs == CRS(UTM)
    true_m = step * 111_320 * np.cos(np.radians(36.1)) if crs == "EPSG:4326" else step * np.cos(np.radians(36.1))
    assert grid.affine.a == pytest.approx(true_m, rel=0.02)


def test_a_berth_outside_every_scene_is_named(tmp_path: Path) -> None:
    scenes = [scene(tmp_path, "a", Affine(10, 0, 500_000, 0, -10, 4_000_000), (600, 600))]
    far = berth(520_000, 3_998_000, 520_100, 3_998_100, "FAR")
    with pytest.raises(InputError, match=r"^berth FAR: .*outside every scene$"):
        source_grid(scenes, SOURCE, [BERTH, far])
    with pytest.raises(InputError, match=r"^berth FAR: "):
        source_grid(scenes, SOURCE, [far])


def test_a_grid_too_large_is_refused(tmp_path: Path) -> None:
    scenes = [scene(tmp_path, "a", Affine(10, 0, 500_000, 0, -10, 4_000_000), (600, 600))]
    with pytest.raises(InputError, match="at most 20000 pixels a side"):
        source_grid(scenes, Source("s1", "sar", "", ("vv",), resolution_m=0.1), [BERTH])


def test_no_scene_that_can_be_read_is_a_fault_with_the_first_reason(tmp_path: Path) -> None:
    bare = scene(tmp_path, "bare", Affine(10, 0, 500_000, 0, -10, 4_000_000), (60, 60), crs=None)
    with pytest.raises(InputError, match=r"source s1: .* bare: vv: no coordinate reference system"):
        source_grid([bare], SOURCE, [BERTH])


def test_a_grid_comes_back_from_its_attributes() -> None:
    grid = GeoBox((3, 5), Affine(3.3, 0, 500_000.1, 0, -3.3, 4_000_000.7), UTM)
    custom = GeoBox((3, 5), grid.affine, "+proj=tmerc +lon_0=35.3 +datum=WGS84")
    assert grid_of(array_attributes(grid)) == grid
    assert grid_of(array_attributes(custom)) == custom
