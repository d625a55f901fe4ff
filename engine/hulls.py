"""Hulls: connected bright parts that have the size of a vessel, with length, beam and heading from moments.

A part is first cut at half its own peak (on the scale of its source), which separates a hull from its
sidelobes and from a neighbour's glow. What is longer than any vessel at these berths is a sidelobe, a
wake or a cloud's edge: only its thick parts are kept, if there are any. What is too large, thick, and mostly
in berths is several hulls run together, divided at the berths' borders.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_opening, find_objects, label

from berthwatch.decks import AROUND_PX, Sky, cloud_of, decks
from berthwatch.parts import EIGHT, LEAST_AREA_M2, Part, Pixels, measure, pieces

LONGEST_M = 450.0
WIDEST_M = 130.0
"""Vessels rafted together, blurred by a 20 m point spread and bright enough to saturate, measure up to this."""
SLENDEREST = 8.0
SLIMMEST_LEFT = 1.5
"""The same for what is left of a part whose thin parts were taken away."""
LEAST_SHARE = 0.15
"""Of hulls run together: a berth's share of them that is no mere rim of the neighbour's."""
RESOLUTION_M = 20.0
"""Of a radar's point spread: finer pixels show a point in several, and in one only what is speckle."""
THICKNESSES_PX = (3, 4, 5)
THICKER_PX = 4
"""A sidelobe is blurred to three pixels."""


@dataclass(frozen=True, slots=True)
class Hull:
    """A bright part on the grid: its pixels, ground size in metres, heading in degrees (0..180 from grid north).

    `clouded`: cloud lies over or beside it, so that its ends need not be where they seem.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    z: NDArray[np.float32]
    length_m: float
    beam_m: float
    heading_deg: float
    clouded: bool = False


def find_hulls(
    bright: NDArray[np.bool_],
    z: NDArray[np.float32],
    berth: NDArray[np.int16],
    cloudy: NDArray[np.bool_],
    threshold: NDArray[np.float32],
    looks_root: NDArray[np.float32] | None,
    resolution_m: float,
) -> list[Hull]:
    """Hulls that touch declared water.

    Parameters
    ----------
    bright : (y, x) bool
        Pixels over the threshold.
    z : (y, x) float32
        Standard deviations above water, NaN where not seen.
    berth : (y, x) int16
        The berth a pixel of declared water belongs to, -1 elsewhere.
    cloudy : (y, x) bool
        Hidden by cloud, or next to it.
    threshold : (y, x) float32
        The z-score at which a pixel is bright.
    looks_root : (y, x) float32 or None
        For SAR the root of the looks, which turns z into a ratio; None for optical.
    resolution_m : float
        Pixel size.
    """
    labels, _ = label(bright, EIGHT)
    touched = np.unique(labels[(berth >= 0) & bright])
    touched, boxes = touched[touched > 0], find_objects(labels)
    # what is not asked for is not worked out: openings cost more than all the rest
    cloud = cloud_of(z, cloudy, resolution_m) if looks_root is None and touched.size else np.zeros_like(z)
    hulls: list[Hull] = []
    for part in touched:
        box = _grown(boxes[part - 1])
        inside = labels[box] == part
        level = float(np.median(threshold[box][inside]))
        if looks_root is None:
            found = decks(inside, Sky(z[box], cloudy[box], cloud[box], resolution_m), level)
        else:
            root = float(np.median(looks_root[box][inside]))
            found = _echoes(inside, z[box], berth[box], root, level, resolution_m)
        for one in found:
            size = measure(one.rows, one.columns, resolution_m)
            hulls.append(Hull(one.rows + box[0].start, one.columns + box[1].start, one.z, *size, one.clouded))
    return hulls


def _grown(box: tuple[slice, slice]) -> tuple[slice, slice]:
    """A box with what lies around it."""
    rows, columns = (slice(max(side.start - AROUND_PX, 0), side.stop + AROUND_PX) for side in box)
    return rows, columns


def _echoes(
    part: NDArray[np.bool_],
    z: NDArray[np.float32],
    berth: NDArray[np.int16],
    looks_root: float,
    threshold: float,
    resolution_m: float,
) -> list[Part]:
    """The hulls of one bright part of a radar scene. One pixel wide is speckle, where a resolution cell is wider."""
    peak = float(np.quantile(z[part], 0.9))
    ratio = max(1 + peak / looks_root, 1.0) ** 0.5
    kept = part & (z > max(threshold, (ratio - 1) * looks_root))
    if _has_line(part, resolution_m):
        # a line stays one however it is cut: only what is clearly thicker than it may be a hull
        kept = binary_opening(kept, np.ones((THICKER_PX, THICKER_PX), np.int8))
    vessels = (vessel for piece in pieces(kept) for vessel in _vessels(piece, berth, resolution_m))
    narrowest_m = resolution_m if resolution_m <= RESOLUTION_M / 2 else 0.0
    return [Part(*vessel, z[vessel]) for vessel in vessels if measure(*vessel, resolution_m)[1] > narrowest_m]


def _has_line(part: NDArray[np.bool_], resolution_m: float) -> bool:
    """Whether a part is longer, in metres or for its beam, than any vessel: a sidelobe, alone or through a hull."""
    rows, columns = np.nonzero(part)
    length_m, beam_m, _ = measure(rows, columns, resolution_m)
    return length_m > LONGEST_M or beam_m > WIDEST_M or length_m > SLENDEREST * beam_m


def _has_size(piece: Pixels, resolution_m: float) -> bool:
    length_m, beam_m, _ = measure(piece[0], piece[1], resolution_m)
    return length_m <= LONGEST_M and beam_m <= WIDEST_M


def _vessels(piece: Pixels, berth: NDArray[np.int16], resolution_m: float) -> Iterator[Pixels]:
    """A piece as vessels: itself if it has the size of one; else its shares of the berths, or its thick parts."""
    if piece[0].size * resolution_m**2 < LEAST_AREA_M2:
        return
    if _has_size(piece, resolution_m):
        yield piece
        return
    mask = np.zeros(berth.shape, np.bool_)
    mask[piece] = True
    if np.count_nonzero(binary_opening(mask, EIGHT)) >= piece[0].size / 2:
        shares = _divided(piece, berth, resolution_m)
        if shares:
            yield from shares
            return
    for side in THICKNESSES_PX:
        thick = binary_opening(mask, np.ones((side, side), np.int8))
        if not np.array_equal(thick, mask):
            for part in pieces(thick):
                yield from (vessel for vessel in _vessels(part, berth, resolution_m) if _is_slim(vessel, resolution_m))
            return


def _is_slim(piece: Pixels, resolution_m: float) -> bool:
    """Longer than wide: what is left of a line when its thin parts are taken away is round."""
    length_m, beam_m, _ = measure(piece[0], piece[1], resolution_m)
    return length_m >= SLIMMEST_LEFT * beam_m


def _divided(piece: Pixels, berth: NDArray[np.int16], resolution_m: float) -> list[Pixels]:
    """Hulls run together over several berths, divided at the borders; none if most of it lies outside them."""
    where = berth[piece]
    if np.count_nonzero(where >= 0) < piece[0].size / 2:
        return []
    shares = [(piece[0][where == index], piece[1][where == index]) for index in np.unique(where[where >= 0])]
    least = max(LEAST_SHARE * piece[0].size, LEAST_AREA_M2 / resolution_m**2)
    return [share for share in shares if share[0].size >= least and _has_size(share, resolution_m)]
