"""Pictures of moored hulls: sizes to a fraction of a pixel, and windows that stay inside the scene."""

import math

import numpy as np
import pytest
import xarray as xr

from berthwatch.hullpicture import hull_size, window_of
from berthwatch.hulls import Hull
from berthwatch.hullside import CLEAR, STRUCTURE, Lie, Picture

PIXEL_M = 3.0


def picture(length_m: float, beam_m: float, heading_deg: float, off: float = 0.0) -> tuple[Picture, Lie]:
    """A bright rectangle on dark water, drawn on cells of 0.3 m and averaged over pixels of 3 m; nothing blurred."""
    size, finer = 61, 10
    cells = (np.arange(size * finer) + 0.5) / finer - size / 2
    east, north = np.meshgrid(cells * PIXEL_M, -cells * PIXEL_M)
    turn = math.radians(heading_deg)
    along = (east - off) * math.sin(turn) + north * math.cos(turn)
    across = (east - off) * math.cos(turn) - north * math.sin(turn)
    inside = (np.abs(along) < length_m / 2) & (np.abs(across) < beam_m / 2)
    drawn = np.where(inside, 0.3, 0.02).reshape(size, finer, size, finer).mean(axis=(1, 3))
    axes = np.array([[PIXEL_M, 0.0], [0.0, -PIXEL_M]])
    shows = np.full((size, size), CLEAR, np.uint8)
    middle = (size - 1) / 2
    return Picture(drawn[None], shows, axes, PIXEL_M, 0), Lie(middle, middle + off / PIXEL_M, heading_deg, 90.0, 15.0)


@pytest.mark.parametrize("heading_deg", [0.0, 30.0, 72.0, 90.0, 131.0])
@pytest.mark.parametrize("off", [0.0, 1.1])
def test_a_rectangle_has_its_size_whichever_way_it_lies(heading_deg: float, off: float) -> None:
    length_m, beam_m = hull_size(*picture(94.0, 15.5, heading_deg, off))
    assert length_m == pytest.approx(94.0, abs=1.5)
    assert beam_m == pytest.approx(15.5, abs=1.5)


def test_where_the_quay_hides_an_edge_there_is_no_beam() -> None:
    seen, lie = picture(94.0, 15.5, 0.0)
    seen.shows[:, : round(lie.column) - 1] = STRUCTURE
    length_m, beam_m = hull_size(seen, lie)
    assert length_m == pytest.approx(94.0, abs=1.5)
    assert math.isnan(beam_m)


def test_without_water_around_there_is_no_size() -> None:
    seen, lie = picture(94.0, 15.5, 0.0)
    seen.shows[:] = STRUCTURE
    assert all(math.isnan(size) for size in hull_size(seen, lie))


@pytest.mark.parametrize("shift", [(0.0, 0.0), (7.6, -3.2), (-9.1, 4.0), (math.nan, math.nan)])
def test_windows_lie_in_the_scene_and_in_the_common_frame(shift: tuple[float, float]) -> None:
    shape = {"y": 120, "x": 80}
    cube = xr.Dataset(coords={"shift_y_px": ("time", [shift[0]]), "shift_x_px": ("time", [shift[1]])})
    cube = cube.assign(nir=(("time", "y", "x"), np.zeros((1, 120, 80), np.float32)))
    rows, columns = np.array([10, 11, 12]), np.array([70, 71, 72])
    hull = Hull(rows, columns, np.ones(3, np.float32), 100.0, 15.0, 45.0)
    window = window_of(hull, cube, 0, PIXEL_M)
    for part, moved, size in ((window.rows, window.down, shape["y"]), (window.columns, window.right, shape["x"])):
        assert 0 <= part.start < part.stop <= size
        assert part.start + moved >= 0
        assert part.stop + moved <= size
    assert window.rows.start <= 11 - window.down < window.rows.stop
