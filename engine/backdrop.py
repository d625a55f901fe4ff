"""What stands still around a berth: structures, and each pixel's vacant level.

Both come from a low mode of the pixel over time, per track: the 20th percentile of its brightness over
the water of the same scene. Outside the berths, what is bright even then is quay, jetty or land. Inside
a berth a bright low mode is no proof of a structure (a vessel may lie there for years), so a berth's own
past never makes it vacant: only a moderate excess, such as the glow of a lamp-lit quay or a shallow, is
taken as the pixel's vacant level, and pixels within one resolution cell of an outside structure are left out.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from berthwatch.bands import brightness
from berthwatch.clutter import clutter
from berthwatch.kernels.quantile import temporal_quantile
from berthwatch.kernels.shift import shift_bilinear
from berthwatch.sampling import spread_evenly
from berthwatch.zones import Zones, nearest_berth, within_reach

LOW_MODE = 0.2
LARGEST_SAMPLE = 64
STRUCTURE_RATIO = 3.0
"""SAR: a low mode this many times the water (4.8 dB) is a structure."""
STRUCTURE_Z = 6.0
"""Optical: so many standard deviations of the water."""
VACANT_MOST = {"sar": 1.5, "optical": 3.0}
"""The most a berth's own vacant level may exceed water: a ratio (SAR) or standard deviations (optical)."""
QUAY_GLOW_MOST = 6.0
"""SAR: and next to a structure, whose walls and sidelobes glow over the water; hulls are ten times that and more,"""
QUAY_GLOW_REACH_M = 40.0
"""as far from it as that [assumed: two resolution cells]. Hulls reach beyond."""
LEAST_WATER_PX = 150
LEAST_SEEN = 0.3
"""Share of scenes in which a pixel must have data to be used at all."""


@dataclass(frozen=True, slots=True)
class Backdrop:
    """One track's still picture on the common frame, each (y, x).

    `usable`: seen often enough, and neither structure nor within a resolution cell of one.
    `water`: usable, and fit for reference (outside berths and controls).
    `reference`: for each berth, the flat indices of its reference water.
    `nearest`: the berth nearest to each pixel, int16.
    `vacant`: what to multiply (SAR) or add in standard deviations (optical) to water's level, float32.
    """

    usable: NDArray[np.bool_]
    water: NDArray[np.bool_]
    reference: tuple[NDArray[np.intp], ...]
    nearest: NDArray[np.int16]
    vacant: NDArray[np.float32]


def aligned(cube: xr.Dataset) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Load scenes onto the common frame: brightness (time, y, x) float32 and whether each pixel was seen."""
    loaded = xr.Dataset({"image": brightness(cube), "seen": cube["seen"]}).compute(scheduler="synchronous")
    images = loaded["image"].values.astype(np.float32, copy=False)
    seen = loaded["seen"].values != 0
    shifts = np.nan_to_num(np.stack([cube["shift_y_px"].values, cube["shift_x_px"].values], axis=1))
    out_images, out_seen = np.empty_like(images), np.empty_like(seen)
    for step, (dy, dx) in enumerate(shifts):
        if dy == 0 and dx == 0:
            out_images[step], out_seen[step] = images[step], seen[step]
            continue
        out_images[step] = shift_bilinear(images[step], float(dy), float(dx))
        moved = shift_bilinear(seen[step].astype(np.float32), float(dy), float(dx))
        out_seen[step] = np.nan_to_num(moved) > 0.5
    return out_images, out_seen


def _first_level(image: NDArray[np.float32], around: NDArray[np.bool_]) -> float:
    """Water's level before anything is known of structures: a low quantile in and just around declared water."""
    values = image[around & np.isfinite(image)]
    level = float(np.quantile(values, 0.3)) if values.size else 0.0
    return level if level > 0 else np.nan


def _departures(images: NDArray[np.float32], water: NDArray[np.bool_], kind: str) -> NDArray[np.float32]:
    """Each scene against its own water: a ratio to the mean (SAR) or standard deviations (optical)."""
    out = np.full_like(images, np.nan)
    for step, image in enumerate(images):
        reference = image[water & np.isfinite(image)]
        if reference.size < 50 or (kind == "sar" and np.median(reference) <= 0):
            continue
        found = clutter(reference, "sar" if kind == "sar" else "optical", None)
        out[step] = image / found.level if kind == "sar" else (image - found.level) / found.spread
    return out


def _resolution_cell(resolution_m: float, kind: str) -> int:
    """Pixels around a structure that its brightness spills into: 20 m of SAR point spread, else a pixel."""
    return max(1, round(20.0 / resolution_m)) if kind == "sar" else 1


def backdrop(cube: xr.Dataset, zones: Zones) -> Backdrop:
    """The backdrop of one track from its scenes (at most 64 of them, evenly spread over time).

    Parameters
    ----------
    cube : Dataset
        Scenes of one track, with their shifts.
    zones : Zones
        Berths placed on the cube's grid.
    """
    kind = cube.attrs["kind"]
    sample = cube.isel(time=spread_evenly(cube.sizes["time"], LARGEST_SAMPLE))
    images, seen = aligned(sample)
    images = np.where(seen, images, np.nan)
    often = np.isfinite(images).mean(axis=0) >= LEAST_SEEN
    around = binary_dilation(zones.declared, iterations=max(1, round(50 / zones.resolution_m)))
    near = zones.near
    first = np.array([_first_level(image, around) for image in images], np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        rough = temporal_quantile(images / first[:, None, None], LOW_MODE)
        dark = often & near & ~zones.declared & (rough < STRUCTURE_RATIO / 2)
    if zones.given_water is not None:
        dark = zones.given_water & often
    low = temporal_quantile(_departures(images, dark, kind), LOW_MODE)
    still_bright = np.nan_to_num(low, nan=-np.inf) > (STRUCTURE_RATIO if kind == "sar" else STRUCTURE_Z)
    outside = still_bright & ~zones.declared
    structure = binary_dilation(outside, iterations=_resolution_cell(zones.resolution_m, kind))
    usable = often & ~structure
    water = usable & ~zones.declared if zones.given_water is None else zones.given_water & often
    vacant = _vacant(low, dark, len(images), kind, _most_vacant(outside, zones.resolution_m, kind))
    passable = usable | zones.declared
    reference = tuple(_reference(berth, water, passable, zones) for berth in range(len(zones.berth_ids)))
    return Backdrop(usable, water, reference, nearest_berth(zones.owner), vacant)


def _reference(berth: int, water: NDArray[np.bool_], passable: NDArray[np.bool_], zones: Zones) -> NDArray[np.intp]:
    """A berth's reference water: within reach by water, or all there is near the berths where that is too little."""
    reached = within_reach(zones.pixels(berth)[0], passable, zones.resolution_m)
    own = reached[water.flat[reached]]
    return own if own.size >= LEAST_WATER_PX and zones.given_water is None else np.flatnonzero(water & zones.near)


def _most_vacant(structure: NDArray[np.bool_], resolution_m: float, kind: str) -> NDArray[np.float64]:
    """The most that each pixel's vacant level may exceed water."""
    most = np.full(structure.shape, VACANT_MOST[kind])
    if kind == "sar":
        glows = binary_dilation(structure, iterations=max(1, round(QUAY_GLOW_REACH_M / resolution_m)))
        most[glows] = QUAY_GLOW_MOST
    return most


def _vacant(
    low: NDArray[np.float32], water: NDArray[np.bool_], scenes: int, kind: str, most: NDArray[np.float64]
) -> NDArray[np.float32]:
    """How far a pixel's own low mode lies above that of water, kept moderate; none from fewer than 8 scenes."""
    nothing = 1.0 if kind == "sar" else 0.0
    if scenes < 8 or not water.any():
        return np.full(low.shape, nothing, np.float32)
    usual = float(np.nanmedian(low[water]))
    above = low / usual if kind == "sar" else low - usual
    vacant: NDArray[np.float32] = np.clip(np.nan_to_num(above, nan=nothing), nothing, most)
    return vacant.astype(np.float32)
