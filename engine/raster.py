"""One band's pixels out of one file: only the window that a grid covers, as numbers with NaN where there are none.

Stored numbers become values here (nodata, scale and offset, decibels to linear power) before anything is resampled,
because a mean of decibels is not the decibels of a mean.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

from berthwatch.address import gdal_options, is_remote
from berthwatch.errors import SceneError
from berthwatch.georeference import crs_of
from berthwatch.model import BandFile, Unit

ALIGNED_PX = 1e-3
"""Pixels that lie closer together than this are the same pixels: files round their coordinates."""
COARSER = 4.0
"""From this many stored pixels to one of the grid on, a file's overviews are read, one finer than the grid by two."""
PAD_PX = 3
WARP_TOLERANCE_PX = 0.01
"""GDAL's default of an eighth of a pixel would show in lengths and shadows measured to a fraction of a pixel."""

type Floats = npt.NDArray[np.float32]
type Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Patch:
    """A window of one band: values float32 (y, x), where they lie, and where a zero may stand for no data.

    `zero` is None where the file or its STAC item says what nodata is: zero is then a value like any other.
    """

    values: Floats
    zero: Bools | None
    transform: Affine
    crs: Any


@contextmanager
def opened(scene_id: str, name: str, href: str, **options: Any) -> Iterator[Any]:
    """A band's file opened with rasterio; what GDAL finds wrong in the block becomes a SceneError naming it."""
    if not is_remote(href) and not href.startswith("/vsi") and not os.path.isfile(href):
        raise SceneError(scene_id, f"{name}: no such file: {href}")
    try:
        with rasterio.Env(**(gdal_options() if is_remote(href) else {})), rasterio.open(href, **options) as file:
            yield file
    except RasterioError as error:
        # "Read failed. See previous exception for details": the details are what a person can act on.
        reason = str(error.__cause__ or error)
        raise SceneError(scene_id, f"{name}: cannot be read: {href}: {reason}") from error


def check_georeferenced(scene_id: str, name: str, href: str, file: Any) -> None:
    """Raise SceneError where a file does not say where it lies."""
    if file.crs is None:
        raise SceneError(scene_id, f"{name}: no coordinate reference system: {href}")


def read_patch(scene_id: str, name: str, source: BandFile, unit: Unit, grid: GeoBox) -> Patch | None:
    """Read and decode the part of a band that a grid covers.

    Parameters
    ----------
    scene_id, name : str
        Scene and band, for messages.
    source : BandFile
        The file; what it leaves None is taken from the file's own tags.
    unit : {"linear", "db"}
        ``db`` becomes linear power, ``10 ** (value / 10)``.
    grid : GeoBox

    Returns
    -------
    Patch or None
        None where the file does not overlap the grid.

    Raises
    ------
    SceneError
        No such file, not readable, no such band in it, no CRS.
    """
    with opened(scene_id, name, source.href) as file:
        check_georeferenced(scene_id, name, source.href, file)
        _check_band(scene_id, name, source, file)
        level = _overview(file, source.band, grid)
        if level is None:
            return _read(file, source, unit, grid)
    with opened(scene_id, name, source.href, overview_level=level) as file:
        return _read(file, source, unit, grid)


def read_mask(scene_id: str, source: BandFile, clear: tuple[int, ...], grid: GeoBox) -> npt.NDArray[np.uint8]:
    """Where a mask says that the ground is seen, on a grid: uint8 (y, x), 1 or 0, nearest neighbour.

    Raises
    ------
    SceneError
        As :func:`read_patch`.
    """
    seen: npt.NDArray[np.uint8] = np.zeros(grid.shape, np.uint8)
    with opened(scene_id, "mask", source.href) as file:
        check_georeferenced(scene_id, "mask", source.href, file)
        _check_band(scene_id, "mask", source, file)
        window = _window(file, grid)
        if window is None:
            return seen
        clear_here = np.isin(file.read(source.band, window=window), clear).astype(np.uint8)
        put(clear_here, file.window_transform(window), file.crs, seen, grid, Resampling.nearest)
    return seen


def put(
    values: npt.NDArray[Any], transform: Affine, crs: Any, out: npt.NDArray[Any], grid: GeoBox, how: Resampling
) -> None:
    """Lay a window's pixels on a grid, into `out`: copied where they are the grid's own pixels, else resampled."""
    offset = pixel_offset(transform, crs, grid)
    if offset is not None:
        rows, source_rows = _overlap(offset[0], values.shape[0], out.shape[0])
        columns, source_columns = _overlap(offset[1], values.shape[1], out.shape[1])
        out[rows, columns] = values[source_rows, source_columns]
        return
    empty = np.nan if out.dtype.kind == "f" else 0
    reproject(
        values, out, src_transform=transform, src_crs=crs, dst_transform=grid.affine, dst_crs=crs_of(grid).to_wkt(),
        src_nodata=empty, dst_nodata=empty, resampling=how, tolerance=WARP_TOLERANCE_PX,
    )  # fmt: skip


def pixel_offset(transform: Affine, crs: Any, grid: GeoBox) -> tuple[int, int] | None:
    """Row and column on the grid of a raster's first pixel; None where its pixels are not the grid's.

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


def _check_band(scene_id: str, name: str, source: BandFile, file: Any) -> None:
    if not 1 <= source.band <= file.count:
        bands = "1 band" if file.count == 1 else f"{file.count} bands"
        raise SceneError(scene_id, f"{name}: no band {source.band} in {source.href}, which has {bands}")


def _pixel_bounds(file: Any, grid: GeoBox) -> tuple[float, float, float, float]:
    """First and last row, first and last column of a grid in a file's pixels: (top, bottom, left, right)."""
    box = grid.boundingbox
    left, bottom, right, top = box.left, box.bottom, box.right, box.top
    if grid.crs != file.crs:
        left, bottom, right, top = transform_bounds(crs_of(grid).to_wkt(), file.crs, left, bottom, right, top)
    corners = [~file.transform @ corner for corner in ((left, top), (right, top), (left, bottom), (right, bottom))]
    columns, rows = zip(*corners, strict=True)
    return min(rows), max(rows), min(columns), max(columns)


def _window(file: Any, grid: GeoBox) -> Window | None:
    """The file's pixels that a grid needs: with a few around it where they will be resampled."""
    top, bottom, left, right = _pixel_bounds(file, grid)
    if not np.isfinite([top, bottom, left, right]).all():
        return None  # the grid lies where the file's projection has no coordinates
    ratio = max(1.0, (bottom - top) / grid.shape[0], (right - left) / grid.shape[1])
    pad = 0 if pixel_offset(file.transform, file.crs, grid) is not None else int(np.ceil(PAD_PX * ratio))
    first_row, last_row = max(0, int(np.floor(top + ALIGNED_PX)) - pad), int(np.ceil(bottom - ALIGNED_PX)) + pad
    first_column, last_column = max(0, int(np.floor(left + ALIGNED_PX)) - pad), int(np.ceil(right - ALIGNED_PX)) + pad
    height, width = min(last_row, file.height) - first_row, min(last_column, file.width) - first_column
    return Window(first_column, first_row, width, height) if height > 0 and width > 0 else None


def _overview(file: Any, band: int, grid: GeoBox) -> int | None:
    """Which of a file's overviews to read: the coarsest that is still twice as fine as the grid, if much coarser."""
    top, bottom, left, right = _pixel_bounds(file, grid)
    ratio = min((bottom - top) / grid.shape[0], (right - left) / grid.shape[1])
    if not ratio >= COARSER:
        return None
    fine = [level for level, factor in enumerate(file.overviews(band)) if factor <= ratio / 2]
    return max(fine, default=None)


def _read(file: Any, source: BandFile, unit: Unit, grid: GeoBox) -> Patch | None:
    window = _window(file, grid)
    if window is None:
        return None
    index = source.band - 1
    stored = file.read(source.band, window=window)
    nodata = source.nodata if source.nodata is not None else file.nodatavals[index]
    has_mask = nodata is None and MaskFlags.per_dataset in file.mask_flag_enums[index]
    missing = file.read_masks(source.band, window=window) == 0 if has_mask else _is(stored, nodata)
    scale = source.scale if source.scale is not None else file.scales[index]
    offset = source.offset if source.offset is not None else file.offsets[index]
    values: Floats = stored.astype(np.float32)
    if (scale, offset) != (1.0, 0.0):
        values = values * np.float32(scale) + np.float32(offset)
    if unit == "db":
        values = np.power(np.float32(10), values / np.float32(10))
    values[missing | ~np.isfinite(values)] = np.nan
    # Zero decibels is an ordinary power; a linear zero is what products write outside their swath.
    zero = stored == 0 if nodata is None and not has_mask and unit == "linear" else None
    return Patch(values, zero, file.window_transform(window), file.crs)


def _is(stored: npt.NDArray[Any], nodata: float | None) -> Bools:
    """Where stored numbers equal nodata; a nodata that the type cannot hold is nowhere."""
    if nodata is None or np.isnan(nodata):
        return np.zeros(stored.shape, np.bool_)
    if stored.dtype.kind in "iu":
        limits = np.iinfo(stored.dtype)
        if not (limits.min <= nodata <= limits.max and float(nodata).is_integer()):
            return np.zeros(stored.shape, np.bool_)
    return np.asarray(stored == stored.dtype.type(nodata))


def _overlap(offset: int, length: int, target: int) -> tuple[slice, slice]:
    """Slices of a target and of what is laid on it at an offset.

    >>> _overlap(-2, 5, 4), _overlap(9, 5, 4)
    ((slice(0, 3, None), slice(2, 5, None)), (slice(4, 4, None), slice(0, 0, None)))
    """
    start, stop = min(max(0, offset), target), max(0, min(target, offset + length))
    if stop <= start:
        return slice(target, target), slice(0, 0)
    return slice(start, stop), slice(start - offset, stop - offset)
