"""A scene's bands on its source's grid: linear power or reflectance, NaN where nothing was recorded.

A mask never removes a value: masks often take a bright deck for a cloud. It only says, in `seen`, what was clear.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling

from berthwatch.config import Source
from berthwatch.errors import SceneError
from berthwatch.model import BandFile, Scene, Unit
from berthwatch.raster import Patch, read_mask, read_patches
from berthwatch.warp import put

type Room = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Pixels:
    """A scene on a grid, or on a part of one.

    `values` is float32 (band, y, x), `seen` uint8 (y, x); `overlaps` says for each band whether its file does, and
    `valid_px` how many of its pixels have a value.
    """

    values: npt.NDArray[np.float32]
    seen: npt.NDArray[np.uint8]
    overlaps: tuple[bool, ...]
    valid_px: tuple[int, ...]


def read_scene(scene: Scene, source: Source, grid: GeoBox) -> xr.Dataset:
    """Read a scene on a grid.

    Parameters
    ----------
    scene : Scene
    source : Source
        Its `bands` are read; its `units`, where given, are believed more than the scene's own.
    grid : GeoBox

    Returns
    -------
    xarray.Dataset
        Each band float32 (y, x), NaN where there is no data: SAR as linear power, optical as reflectance. `seen`
        uint8 (y, x): 1 where every band has data and the mask, if any, says clear. Files that say nothing of
        nodata: pixels that are 0 in all bands are taken for nodata, unless they are decibels.

    Raises
    ------
    SceneError
        A file is missing or broken, lacks the band or a CRS, lies elsewhere, or has no data in the grid.
    """
    pixels = read_pixels(scene, source, grid)
    check_usable(scene, source, pixels.overlaps, pixels.valid_px)
    ys, xs = (grid.coordinates[name].values for name in grid.dimensions)
    variables = {name: (("y", "x"), band) for name, band in zip(source.bands, pixels.values, strict=True)}
    return xr.Dataset({**variables, "seen": (("y", "x"), pixels.seen)}, coords={"y": ys, "x": xs})


def read_pixels(
    scene: Scene,
    source: Source,
    grid: GeoBox,
    into: tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]] | None = None,
) -> Pixels:
    """As `read_scene`, for a part of the port's grid, where having no data is no fault.

    `into` holds the arrays to be filled: values (band, y, x), NaN everywhere, and `seen`; without, new ones are made.

    Raises
    ------
    SceneError
        A file is missing or broken, or lacks the band or a CRS.
    """
    wanted = {name: (band_file(scene, name), unit_of(scene, source, name)) for name in source.bands}
    read = read_patches(scene.scene_id, wanted, grid)
    patches = [read[name] for name in source.bands]
    _blank_borders([patch for patch in patches if patch is not None])
    if into is None:
        shape = (len(patches), *grid.shape)
        into = np.full(shape, np.nan, np.float32), np.empty(grid.shape, np.uint8)
    values, seen = into
    unseen = np.zeros(grid.shape, np.bool_)
    valid_px = []
    for patch, band in zip(patches, values, strict=True):
        if patch is not None:
            put(patch.values, patch.transform, patch.crs, band, grid, Resampling.bilinear)
        missing = np.isnan(band)
        valid_px.append(missing.size - int(np.count_nonzero(missing)))
        unseen |= missing
    np.logical_not(unseen, out=seen.view(np.bool_))
    if source.mask is not None:
        if scene.mask is None:
            raise SceneError(scene.scene_id, f"mask: no asset {source.mask.asset!r} in {scene.document}")
        seen &= read_mask(scene.scene_id, scene.mask, source.mask.clear, grid)
    return Pixels(values, seen, tuple(patch is not None for patch in patches), tuple(valid_px))


def check_usable(scene: Scene, source: Source, overlaps: tuple[bool, ...], valid_px: tuple[int, ...]) -> None:
    """Raise SceneError where a scene says nothing of the port: it lies elsewhere, or a band or all have no values."""
    hrefs = ", ".join(dict.fromkeys(band_file(scene, name).href for name in source.bands))
    if not any(overlaps):
        raise SceneError(scene.scene_id, f"no overlap with the port: {hrefs}")
    if not any(valid_px):
        raise SceneError(scene.scene_id, f"every pixel over the port is nodata: {hrefs}")
    for name, valid in zip(source.bands, valid_px, strict=True):
        if not valid:
            href = band_file(scene, name).href
            raise SceneError(scene.scene_id, f"{name}: every pixel over the port is nodata or NaN: {href}")


def band_file(scene: Scene, name: str) -> BandFile:
    """Where a band of a scene lies; SceneError where the scene has no such band."""
    if name not in scene.bands:
        has = ", ".join(scene.bands) or "none"
        raise SceneError(scene.scene_id, f"{name}: no such band in {scene.document}, which has {has}")
    return scene.bands[name]


def unit_of(scene: Scene, source: Source, name: str) -> Unit:
    """What a band's numbers are: as the run file says, else as the scene does, else linear."""
    if source.kind != "sar":
        return "linear"
    return source.units or band_file(scene, name).unit or "linear"


def _blank_borders(patches: list[Patch]) -> None:
    """Take pixels that are zero in all bands of one grid for nodata, where no file says what nodata is.

    One band's zero alone is a value: near infrared over still water is often corrected to 0.
    """
    zeros = [patch.zero for patch in patches if patch.zero is not None]
    if len(zeros) < len(patches):
        return
    places = [(patch.transform, patch.values.shape) for patch in patches]
    for place in set(places):
        border = np.logical_and.reduce([zero for zero, other in zip(zeros, places, strict=True) if other == place])
        for patch, other in zip(patches, places, strict=True):
            if other == place:
                patch.values[border] = np.nan
