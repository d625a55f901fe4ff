"""The picture of one moored hull: the window of its scene in all bands, and what each pixel there shows.

From it come the hull's size, to a fraction of a pixel, and its freeboard. Everything is in the scene's own pixels:
what the common frame knows (structures, other hulls) is moved back by the scene's shift, to the nearest pixel.
"""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import label

from berthwatch.backdrop import Backdrop
from berthwatch.bands import main_band
from berthwatch.hulls import Hull
from berthwatch.hullside import CLEAR, HIDDEN, STRUCTURE, TAKEN, Lie, Picture, placed
from berthwatch.parts import EIGHT
from berthwatch.score import Change
from berthwatch.sightline import ground_axes

AROUND_M = 60.0
"""Beyond the hull's ends: water, and the shadow of 12 m of freeboard under a low sun."""
NO_FARTHER = 0.55
"""Half of what moments call its length, and a bit: a hull ends before this, or a neighbour begins."""
CORE = 0.1
"""Half the width, over the beam, of the strip along which a hull's ends are looked for."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns of a scene's own pixels, from the common frame's by its shift."""

    rows: slice
    columns: slice
    down: int
    right: int


def window_of(hull: Hull, cube: xr.Dataset, step: int, resolution_m: float) -> Window:
    """Where a hull lies in its scene, with water around it, kept inside the scene."""
    shift = np.nan_to_num([float(cube["shift_y_px"].values[step]), float(cube["shift_x_px"].values[step])])
    down, right = (round(float(part)) for part in shift)
    reach = math.ceil((hull.length_m / 2 + AROUND_M) / resolution_m)
    middle_row, middle_column = round(float(hull.rows.mean())) - down, round(float(hull.columns.mean())) - right
    height, width = cube.sizes["y"], cube.sizes["x"]
    rows = slice(max(middle_row - reach, 0, -down), min(middle_row + reach, height, height - down))
    columns = slice(max(middle_column - reach, 0, -right), min(middle_column + reach, width, width - right))
    return Window(rows, columns, down, right)


def shows_of(scene: Change, back: Backdrop, hull: Hull, window: Window) -> NDArray[np.uint8]:
    """What each pixel of a window shows: water, structure, nothing, or another hull or what is bright like one."""
    frame = (
        slice(window.rows.start + window.down, window.rows.stop + window.down),
        slice(window.columns.start + window.right, window.columns.stop + window.right),
    )
    shows = np.full(scene.z.shape, CLEAR, np.uint8)
    labels, _ = label(scene.bright, EIGHT)
    own = np.unique(labels[hull.rows, hull.columns])
    shows[scene.bright & ~np.isin(labels, own[own > 0])] = TAKEN
    shows[~scene.seen] = HIDDEN
    shows[~back.usable] = STRUCTURE
    return shows[frame]


def picture_of(
    bands: xr.Dataset, window: Window, shows: NDArray[np.uint8], hull: Hull, grid: GeoBox, resolution_m: float
) -> tuple[Picture, Lie]:
    """A hull's picture, and where it lies there.

    Parameters
    ----------
    bands : Dataset
        One scene's bands (y, x), whole or lazy.
    window : Window
    shows : (y, x) uint8
    hull : Hull
    grid : GeoBox
        Of the scene.
    resolution_m : float
    """
    names = [str(name) for name in bands.data_vars if name != "seen"]
    cut = bands[names].isel(y=window.rows, x=window.columns).compute(scheduler="synchronous")
    stack = np.stack([cut[name].values.astype(np.float64) for name in names])
    row, column = float(hull.rows.mean()) - window.down, float(hull.columns.mean()) - window.right
    axes = ground_axes(grid, row, column)
    north_deg = math.degrees(math.atan2(axes[1, 0], axes[0, 0]))
    shown = np.where(np.isfinite(stack).all(axis=0), shows, np.uint8(HIDDEN))
    picture = Picture(stack, shown, axes, resolution_m, names.index(main_band(bands)))
    heading_deg = (hull.heading_deg - north_deg) % 360
    lie = Lie(row - window.rows.start, column - window.columns.start, heading_deg, hull.length_m, hull.beam_m)
    return picture, lie


def hull_size(picture: Picture, lie: Lie) -> tuple[float, float]:
    """Length and beam (m) to where brightness falls half way from deck to water; NaN where it does not do so.

    Moments call a hull shorter than it is, because bows taper.
    """
    along, across = placed(picture, lie, 1)
    image, water = picture.bands[picture.main], picture.shows == CLEAR
    outside = water & (np.abs(across) > 1.5 * lie.beam_m) & (np.abs(along) < lie.length_m)
    if np.count_nonzero(outside) < 20:
        return math.nan, math.nan
    level = float(np.median(image[outside]))
    step = picture.resolution_m / 2
    strip = water & (np.abs(across) <= max(CORE * lie.beam_m, 1.5 * step))
    waist = water & (np.abs(along) <= 0.3 * lie.length_m)
    length_m = _between_halves(along[strip], image[strip] - level, lie.length_m, step)
    return length_m, _between_halves(across[waist], image[waist] - level, lie.beam_m, step)


def _between_halves(
    place_m: NDArray[np.float64], brightness: NDArray[np.float64], about_m: float, step_m: float
) -> float:
    """Width of a bright profile at half its height, its middle part being about so wide."""
    order = np.floor(place_m / step_m).astype(np.intp)
    first = int(order.min(initial=0))
    count = np.bincount(order - first)
    filled = np.flatnonzero(count)
    mean = np.bincount(order - first, brightness)[filled] / count[filled]
    middle = (filled + first + 0.5) * step_m
    inside = np.abs(middle) < 0.35 * about_m
    if np.count_nonzero(inside) < 2:
        return math.nan
    half = float(np.median(mean[inside])) / 2
    ends = []
    for sign in (1.0, -1.0):
        # from outside in: decks have dark gaps, as before a house, that are not their end
        far = sign * middle
        ahead = np.argsort(far)
        ahead = ahead[(far[ahead] > 0.2 * about_m) & (far[ahead] < NO_FARTHER * about_m + 8 * step_m)]
        above = np.flatnonzero(mean[ahead] >= half)
        if above.size == 0 or above[-1] == ahead.size - 1:
            return math.nan
        last, out = ahead[above[-1]], ahead[above[-1] + 1]
        if abs(middle[out] - middle[last]) > 4.5 * step_m:
            return math.nan
        share = (mean[last] - half) / (mean[last] - mean[out])
        ends.append(sign * (middle[last] + share * (middle[out] - middle[last])))
    return float(ends[0] + ends[1])
