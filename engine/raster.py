"""One band's pixels out of one file: only the window that a grid covers, as numbers with NaN where there are none.

Stored numbers become values here (nodata, scale and offset, decibels to linear power) before anything is resampled,
because a mean of decibels is not the decibels of a mean.
"""

import os
from collections.abc import Iterator, Mapping
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
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from berthwatch.address import gdal_options, is_remote
from berthwatch.errors import SceneError
from berthwatch.georeference import crs_of
from berthwatch.model import BandFile, Unit
from berthwatch.warp import ALIGNED_PX, pixel_offset, put

COARSER = 4.0
"""From this many stored pixels to one of the grid on, a file's overviews are read, one finer than the grid by two."""
PAD_PX = 3

type Floats = npt.NDArray[np.float32]
type Bools = npt.NDArray[np.bool_]
type Extent = tuple[float, float, float, float]
"""First and last row, first and last column, in a file's pixels."""


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
    with (
        _told(scene_id, name, href),
        rasterio.Env(**(gdal_options() if is_remote(href) else {})),
        rasterio.open(href, **options) as file,
    ):
        yield file


@contextmanager
def _told(scene_id: str, name: str, href: str) -> Iterator[None]:
    try:
        yield
    except RasterioError as error:
        # "Read failed. See previous exception for details": the details are what a person can act on.
        reason = str(error.__cause__ or error)
        raise SceneError(scene_id, f"{name}: cannot be read: {href}: {reason}") from error


def check_georeferenced(scene_id: str, name: str, href: str, file: Any) -> None:
    """Raise SceneError where a file does not say where it lies."""
    if file.crs is None:
        raise SceneError(scene_id, f"{name}: no coordinate reference system: {href}")


def read_patches(scene_id: str, bands: Mapping[str, tuple[BandFile, Unit]], grid: GeoBox) -> dict[str, Patch | None]:
    """Read and decode the part of a scene's bands that a grid covers.

    A file is opened once for all its bands: where they are stored pixel by pixel, its blocks are then decoded once.

    Parameters
    ----------
    scene_id : str
        For messages.
    bands : mapping of str to (BandFile, Unit)
        By name, the file, where what it leaves None is taken from the file's own tags, and what its numbers are:
        ``db`` becomes linear power, ``10 ** (value / 10)``.
    grid : GeoBox

    Returns
    -------
    dict of str to Patch or None
        None where the file does not overlap the grid.

    Raises
    ------
    SceneError
        No such file, not readable, no such band in it, no CRS.
    """
    by_file: dict[str, list[str]] = {}
    for name, (source, _) in bands.items():
        by_file.setdefault(source.href, []).append(name)
    found: dict[str, Patch | None] = {}
    for href, names in by_file.items():
        waiting: dict[int, list[str]] = {}
        with opened(scene_id, names[0], href) as file:
            check_georeferenced(scene_id, names[0], href, file)
            for name in names:
                _check_band(scene_id, name, bands[name][0], file)
            extent = _pixel_bounds(file, grid)
            for name in names:
                level = _overview(file, bands[name][0].band, grid, extent)
                waiting.setdefault(-1 if level is None else level, []).append(name)
            found |= _read_all(scene_id, file, {name: bands[name] for name in waiting.pop(-1, [])}, grid)
        for level, coarse in waiting.items():
            with opened(scene_id, coarse[0], href, overview_level=level) as file:
                found |= _read_all(scene_id, file, {name: bands[name] for name in coarse}, grid)
    return found


def read_mask(scene_id: str, source: BandFile, clear: tuple[int, ...], grid: GeoBox) -> npt.NDArray[np.uint8]:
    """Where a mask says that the ground is seen, on a grid: uint8 (y, x), 1 or 0, nearest neighbour.

    Raises
    ------
    SceneError
        As :func:`read_patches`.
    """
    seen: npt.NDArray[np.uint8] = np.zeros(grid.shape, np.uint8)
    with opened(scene_id, "mask", source.href) as file:
        check_georeferenced(scene_id, "mask", source.href, file)
        _check_band(scene_id, "mask", source, file)
        window = _window(file, grid, _pixel_bounds(file, grid))
        if window is None:
            return seen
        clear_here = np.isin(file.read(source.band, window=window), clear).astype(np.uint8)
        put(clear_here, file.window_transform(window), file.crs, seen, grid, Resampling.nearest)
    return seen


def _check_band(scene_id: str, name: str, source: BandFile, file: Any) -> None:
    if not 1 <= source.band <= file.count:
        bands = "1 band" if file.count == 1 else f"{file.count} bands"
        raise SceneError(scene_id, f"{name}: no band {source.band} in {source.href}, which has {bands}")


def _pixel_bounds(file: Any, grid: GeoBox) -> Extent:
    """First and last row, first and last column of a grid in a file's pixels: (top, bottom, left, right)."""
    box = grid.boundingbox
    left, bottom, right, top = box.left, box.bottom, box.right, box.top
    if grid.crs != file.crs:
        left, bottom, right, top = transform_bounds(crs_of(grid).to_wkt(), file.crs, left, bottom, right, top)
    corners = [~file.transform @ corner for corner in ((left, top), (right, top), (left, bottom), (right, bottom))]
    columns, rows = zip(*corners, strict=True)
    return min(rows), max(rows), min(columns), max(columns)


def _window(file: Any, grid: GeoBox, extent: Extent) -> Window | None:
    """The file's pixels that a grid needs: with a few around it where they will be resampled."""
    top, bottom, left, right = extent
    if not np.isfinite([top, bottom, left, right]).all():
        return None  # the grid lies where the file's projection has no coordinates
    ratio = max(1.0, (bottom - top) / grid.shape[0], (right - left) / grid.shape[1])
    pad = 0 if pixel_offset(file.transform, file.crs, grid) is not None else int(np.ceil(PAD_PX * ratio))
    first_row, last_row = max(0, int(np.floor(top + ALIGNED_PX)) - pad), int(np.ceil(bottom - ALIGNED_PX)) + pad
    first_column, last_column = max(0, int(np.floor(left + ALIGNED_PX)) - pad), int(np.ceil(right - ALIGNED_PX)) + pad
    height, width = min(last_row, file.height) - first_row, min(last_column, file.width) - first_column
    return Window(first_column, first_row, width, height) if height > 0 and width > 0 else None


def _overview(file: Any, band: int, grid: GeoBox, extent: Extent) -> int | None:
    """Which of a file's overviews to read: the coarsest that is still twice as fine as the grid, if much coarser."""
    top, bottom, left, right = extent
    ratio = min((bottom - top) / grid.shape[0], (right - left) / grid.shape[1])
    if not ratio >= COARSER:
        return None
    fine = [level for level, factor in enumerate(file.overviews(band)) if factor <= ratio / 2]
    return max(fine, default=None)


def _read_all(
    scene_id: str, file: Any, bands: Mapping[str, tuple[BandFile, Unit]], grid: GeoBox
) -> dict[str, Patch | None]:
    window = _window(file, grid, _pixel_bounds(file, grid)) if bands else None
    found: dict[str, Patch | None] = {}
    for name, (source, unit) in bands.items():
        with _told(scene_id, name, source.href):
            found[name] = None if window is None else _read(file, source, unit, window)
    return found


def _read(file: Any, source: BandFile, unit: Unit, window: Window) -> Patch:
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
    if missing is not None:
        np.copyto(values, np.float32(np.nan), where=missing)
    # Whole numbers as they are stored are finite.
    if stored.dtype.kind not in "iu" or (scale, offset) != (1.0, 0.0) or unit == "db":
        np.copyto(values, np.float32(np.nan), where=~np.isfinite(values))
    # Zero decibels is an ordinary power; a linear zero is what products write outside their swath.
    zero = stored == 0 if nodata is None and not has_mask and unit == "linear" else None
    return Patch(values, zero, file.window_transform(window), file.crs)


def _is(stored: npt.NDArray[Any], nodata: float | None) -> Bools | None:
    """Where stored numbers equal nodata; None for a nodata that the type cannot hold, which is nowhere."""
    if nodata is None or np.isnan(nodata):
        return None
    if stored.dtype.kind in "iu":
        limits = np.iinfo(stored.dtype)
        if not (limits.min <= nodata <= limits.max and float(nodata).is_integer()):
            return None
    return np.asarray(stored == stored.dtype.type(nodata))
