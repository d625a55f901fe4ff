"""A hull that somebody points at: its length, beam and heading, whether it lies in open water or beside a quay.

An investigator with an image and no port file asks how long the vessel at this pixel is. Brightness is put on the
scale from water to hull by what lies nearby (Otsu 1979), the image is turned through all headings, and the boxes
around the point that have edges where a hull has them say its size together (kernels/hullbox.py). What the image
leaves open is in the standard deviations. Hulls at declared berths are found and measured without a point
(engine/hulls.py, engine/hullfit.py).
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates
from skimage.filters import threshold_otsu

from berthwatch.kernels.hullbox import Limits, sum_boxes

NEARBY_PX: Final = 20
"""Half the side of the square that tells what water is like here."""
REACH_PX: Final = 56
"""Half the side of the image that is turned: the longest hull, off its middle, and its strips."""
AROUND_PX: Final = 80
"""Half the side of what it is turned out of: the diagonal."""
COARSE: Final = Limits(narrowest=2, widest=9, longest=50, end=2)
FINE: Final = Limits(narrowest=4, widest=18, longest=100, end=3)
"""In half pixels."""
COARSE_DEG: Final = 6
FINE_DEG: Final = 2
AROUND_DEG: Final = 8
TEMPERATURE: Final = 0.15
"""Chosen so that seven of ten labelled lengths at five ports lie within a standard deviation."""
ROUNDING_PX: Final = 0.7
"""Standard deviation that edges of mixed pixels add to a length, at both ends together."""
MOST_HIDDEN: Final = 0.05
"""Of a hull and the strip around it."""
FLAT: Final = 1e-3


@dataclass(frozen=True, slots=True)
class PointedHull:
    """A hull's size in pixels between half levels, its heading in degrees from the columns' way up, 0..180, and errors.

    `row`, `column`: its middle. Standard deviations end in `_sigma_px` and `_sigma_deg`.
    """

    row: float
    column: float
    length_px: float
    length_sigma_px: float
    beam_px: float
    beam_sigma_px: float
    heading_deg: float
    heading_sigma_deg: float


def hull_at(image: ArrayLike | xr.DataArray, row: float, column: float) -> PointedHull | None:
    """The hull near whose middle a point lies.

    Parameters
    ----------
    image : (y, x) array or DataArray
        Brightness in which hulls exceed water: near infrared for optical scenes; NaN where not seen, 0 and below count
        as water. Pixels may be 3 to 15 m; hulls of 4 to 50 pixels are looked for.
    row, column
        The point, in pixels from the middle of the first one; off the hull's middle by about a sixth of its length
        and a third of its beam at most.

    Returns
    -------
    PointedHull or None
        None where nothing near the point has a hull's edges, or part of the hull or of what lies around it was not seen
        (NaN, or beyond the image's border).

    Raises
    ------
    ValueError
        An image of other dimensions, or a point outside it.

    >>> sea = np.full((60, 80), 100.0)
    >>> sea[30:33, 30:48] = 900.0
    >>> sea[33:] = 800.0  # a quay
    >>> found = hull_at(sea, 31, 39)
    >>> round(found.length_px), round(found.heading_deg)
    (18, 90)
    """
    whole = image if isinstance(image, xr.DataArray) else np.asarray(image)
    if whole.ndim != 2:
        raise ValueError(f"hull_at: expected an image of two dimensions, got {whole.ndim}")
    if not (0 <= row <= whole.shape[0] - 1 and 0 <= column <= whole.shape[1] - 1):
        raise ValueError(f"hull_at: expected a point in the image of {whole.shape}, got ({row}, {column})")
    top, left = max(round(row) - AROUND_PX, 0), max(round(column) - AROUND_PX, 0)
    around = whole[top : round(row) + AROUND_PX + 1, left : round(column) + AROUND_PX + 1]
    found = _measured(np.asarray(around, np.float64), row - top, column - left)
    return None if found is None else replace(found, row=found.row + top, column=found.column + left)


def _measured(values: NDArray[np.float64], row: float, column: float) -> PointedHull | None:
    level = _level(values, round(row), round(column))
    if level is None:
        return None
    best, heading_deg = max(
        (float(sum_boxes(_turned(level, row, column, deg, 1.0), COARSE, TEMPERATURE)[0]), deg)
        for deg in range(0, 180, COARSE_DEG)
    )
    if best == -math.inf:
        return None
    headings = [*range(heading_deg - AROUND_DEG, heading_deg + AROUND_DEG + 1, FINE_DEG)]
    sums = np.array([sum_boxes(_turned(level, row, column, deg, 0.5), FINE, TEMPERATURE) for deg in headings])
    if sums[:, 0].max() == -math.inf:
        return None
    found = _summed(sums, np.array(headings), row, column)
    return None if _share_hidden(values, found) > MOST_HIDDEN else found


def _share_hidden(values: NDArray[np.float64], found: PointedHull) -> float:
    """How much of a hull and of the strip around it was not seen: where sight ends, no hull need end."""
    hidden = np.where(np.isfinite(values), 0.0, 1.0)
    turned = _turned(hidden, found.row, found.column, found.heading_deg, 0.5, outside=1.0)
    middle = 2 * REACH_PX
    half_beam, half_length = (round(size_px) + FINE.end for size_px in (found.beam_px, found.length_px))
    beside = slice(middle - half_beam, middle + half_beam + 1)
    return float(turned[beside, middle - half_length : middle + half_length + 1].mean())


def _level(values: NDArray[np.float64], row: int, column: int) -> NDArray[np.float64] | None:
    """Log brightness, 0 for water nearby, what is 0 and what was not seen, and 1 for what the point lies on."""
    seen = np.log(np.where(values > 0, values, np.nan))
    here = seen[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
    near = seen[max(row - NEARBY_PX, 0) : row + NEARBY_PX + 1, max(column - NEARBY_PX, 0) : column + NEARBY_PX + 1]
    if np.isnan(here).all():
        return None
    bright = float(np.nanmedian(here))
    near = np.minimum(near[np.isfinite(near)], bright)
    if np.ptp(near) < FLAT:
        return None
    dark = float(np.median(near[near <= threshold_otsu(near)]))
    return np.clip((np.nan_to_num(seen, nan=dark) - dark) / max(bright - dark, FLAT), 0.0, 1.0)


def _turned(
    level: NDArray[np.float64], row: float, column: float, deg: float, step: float, outside: float = 0.0
) -> NDArray[np.float64]:
    """The image around a point, turned so that a hull of this heading lies along the columns."""
    off, turn = np.arange(-REACH_PX, REACH_PX + step / 2, step), math.radians(deg)
    across, along = np.meshgrid(off, off, indexing="ij")
    rows = row - along * math.cos(turn) + across * math.sin(turn)
    columns = column + along * math.sin(turn) + across * math.cos(turn)
    return np.asarray(map_coordinates(level, [rows, columns], order=1, mode="constant", cval=outside))


def _summed(sums: NDArray[np.float64], headings: NDArray[Any], row: float, column: float) -> PointedHull:
    """Means and deviations over headings and boxes; half pixels become pixels."""
    weights = np.exp((sums[:, 0] - sums[:, 0].max()) / TEMPERATURE)
    whole, length, squares, beam, beam_squares, along, across = weights @ sums[:, 1:]
    share = weights * sums[:, 1] / whole
    heading = float(share @ headings)
    middle, turn = 2 * REACH_PX + 0.5, math.radians(heading)
    ahead, aside = (along / whole - middle) / 2, (across / whole - middle) / 2
    return PointedHull(
        row=row - ahead * math.cos(turn) + aside * math.sin(turn),
        column=column + ahead * math.sin(turn) + aside * math.cos(turn),
        length_px=length / whole / 2,
        length_sigma_px=math.hypot(_deviation(length / whole, squares / whole) / 2, ROUNDING_PX),
        beam_px=beam / whole / 2,
        beam_sigma_px=math.hypot(_deviation(beam / whole, beam_squares / whole) / 2, ROUNDING_PX),
        heading_deg=heading % 180.0,
        heading_sigma_deg=math.hypot(math.sqrt(share @ (headings - heading) ** 2), FINE_DEG / 2),
    )


def _deviation(mean: float, mean_of_squares: float) -> float:
    return math.sqrt(max(mean_of_squares - mean**2, 0.0))
