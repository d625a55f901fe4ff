"""Laying a raster's pixels on a grid: copied where they are the grid's own, else resampled by a plan kept for the next.

A plan says where a grid's pixels lie in another projection, at some of them; what lies between follows linearly. It
depends on the two projections and the grid alone, so that one serves all scenes of a series, wherever each begins.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.warp import reproject

from berthwatch.georeference import crs_of
from berthwatch.kernels.resample import knots, resample_bilinear

ALIGNED_PX = 1e-3
"""Pixels that lie closer together than this are the same pixels: files round their coordinates."""
STEPS = (16, 4, 1)
"""Pixels of the grid from one knot of a plan to the next; the first that is exact enough is taken."""
PLAN_TOLERANCE_PX = 1e-3
"""How far a plan may be from the projections, in pixels of the raster."""
WARP_TOLERANCE_PX = 0.01
"""GDAL's default of an eighth of a pixel would show in lengths and shadows measured to a fraction of a pixel."""
FINER = 1.05
"""From this many pixels of the raster to one of the grid on, four of them are too few and GDAL averages more."""
PLANS = 16
"""Kept at a time: a task needs one for each projection among its scenes."""

type Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where every `step`-th pixel of a grid lies in another projection, and by how much those between may be off."""

    x: Doubles
    y: Doubles
    step: int
    error: float


def put(
    values: npt.NDArray[Any], transform: Affine, crs: Any, out: npt.NDArray[Any], grid: GeoBox, how: Resampling
) -> None:
    """Lay a window's pixels on a grid, into `out`: copied where they are the grid's own pixels, else resampled.

    What the window does not cover stays as it is in `out` where pixels are copied, and has no value where they are not.
    """
    offset = pixel_offset(transform, crs, grid)
    if offset is not None:
        rows, source_rows = _overlap(offset[0], values.shape[0], out.shape[0])
        columns, source_columns = _overlap(offset[1], values.shape[1], out.shape[1])
        out[rows, columns] = values[source_rows, source_columns]
        return
    if how == Resampling.bilinear:
        plan = _plan_for(transform, crs, grid)
        with np.errstate(invalid="ignore"):
            columns_px, rows_px = _apply(~transform, plan.x, plan.y)
        nowhere = ~(np.isfinite(rows_px) & np.isfinite(columns_px))
        rows_px[nowhere] = columns_px[nowhere] = -1.0
        if _finer(rows_px, columns_px, plan.step) <= FINER:
            resample_bilinear(values, rows_px, columns_px, plan.step, out)
            return
    empty = np.nan if out.dtype.kind == "f" else 0
    reproject(
        values, out, src_transform=transform, src_crs=crs, dst_transform=grid.affine, dst_crs=crs_of(grid).to_wkt(),
        src_nodata=empty, dst_nodata=empty, resampling=how, tolerance=WARP_TOLERANCE_PX,
    )  # fmt: skip


def pixel_offset(transform: Affine, crs: Any, grid: GeoBox) -> tuple[int, int] | None:
    """Row and column on the grid of a raster's first pixel; None where its pixels are not the grid's.

    >>> import rasterio
    >>> grid = GeoBox((4, 4), Affine(10, 0, 500000, 0, -10, 4000000), "EPSG:32636")
    >>> pixel_offset(Affine(10, 0, 500020, 0, -10, 4000010), rasterio.CRS.from_epsg(32636), grid)
    (-1, 2)
    >>> pixel_offset(Affine(10, 0, 500025, 0, -10, 4000010), rasterio.CRS.from_epsg(32636), grid) is None
    True
    """
    if grid.crs != crs:
        return None
    relative = ~grid.affine @ transform
    # Over the longest side a grid may have, a difference in resolution must not add up to a pixel's thousandth.
    shape_off = max(abs(relative.a - 1), abs(relative.e - 1), abs(relative.b), abs(relative.d))
    row, column = round(relative.f), round(relative.c)
    phase_off = max(abs(relative.f - row), abs(relative.c - column))
    if shape_off * max(grid.shape) > ALIGNED_PX or phase_off > ALIGNED_PX:
        return None
    return row, column


def _plan_for(transform: Affine, crs: Any, grid: GeoBox) -> Plan:
    """The coarsest plan that is exact enough for a raster's pixels; the finest needs no interpolation."""
    pixel = min(np.hypot(transform.a, transform.d), np.hypot(transform.b, transform.e))
    target = crs_of(grid).to_wkt()
    plans = (_plan(grid.affine, grid.shape.yx, target, crs, step) for step in STEPS)
    return next(plan for plan in plans if plan.step == STEPS[-1] or plan.error <= PLAN_TOLERANCE_PX * pixel)


@lru_cache(maxsize=PLANS)
def _plan(affine: Affine, shape: tuple[int, int], grid_wkt: str, crs: Any, step: int) -> Plan:
    height, width = (knots(side, step) for side in shape)
    transformer = Transformer.from_crs(grid_wkt, crs.to_wkt(), always_xy=True)

    def project(first: float) -> tuple[Doubles, Doubles]:
        columns, rows = np.meshgrid(np.arange(width) * step + first, np.arange(height) * step + first)
        xs, ys = _apply(affine, columns, rows)
        x, y = transformer.transform(xs, ys)  # infinite where the projection has no coordinates
        return x, y

    x, y = project(0.5)
    if step == 1:
        return Plan(x, y, step, 0.0)
    # Half way between knots a line departs most from what it stands for.
    with np.errstate(invalid="ignore"):
        middles = [exact[:-1, :-1] - _middle(knot) for exact, knot in zip(project(0.5 + step / 2), (x, y), strict=True)]
        error = np.hypot(*middles).max()
    return Plan(x, y, step, float(error) if np.isfinite(error) else np.inf)


def _middle(knot: Doubles) -> Doubles:
    return (knot[:-1, :-1] + knot[1:, :-1] + knot[:-1, 1:] + knot[1:, 1:]) / 4


def _apply(affine: Affine, x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    return affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f


def _finer(rows: Doubles, columns: Doubles, step: int) -> float:
    """How many pixels of a raster go into one of the grid along a side, at most."""
    sides = [np.hypot(np.diff(rows, axis=axis), np.diff(columns, axis=axis)) / step for axis in (0, 1)]
    # The median: where the projection has no coordinates, neighbours seem far apart.
    return max(float(np.median(side)) for side in sides)


def _overlap(offset: int, length: int, target: int) -> tuple[slice, slice]:
    """Slices of a target and of what is laid on it at an offset.

    >>> _overlap(-2, 5, 4), _overlap(9, 5, 4)
    ((slice(0, 3, None), slice(2, 5, None)), (slice(4, 4, None), slice(0, 0, None)))
    """
    start, stop = min(max(0, offset), target), max(0, min(target, offset + length))
    if stop <= start:
        return slice(target, target), slice(0, 0)
    return slice(start, stop), slice(start - offset, stop - offset)
