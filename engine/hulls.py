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
from scipy.ndimage import binary_dilation, binary_opening, find_objects, label

Pixels = tuple[NDArray[np.intp], NDArray[np.intp]]
EIGHT = np.ones((3, 3), np.int8)
LONGEST_M = 450.0
WIDEST_M = 130.0
"""Vessels rafted together, blurred by a 20 m point spread and bright enough to saturate, measure up to this."""
WIDEST_OPTICAL_M = 75.0
SHORTEST_OPTICAL_M = 40.0
"""Launches, tugs and puffs of cloud are shorter; radar, whose point spread is longer than they are, cannot tell."""
SLIMMEST = 1.8
"""Length over beam: vessels have 5 to 8, two rafted together half of that; clouds are round."""
SLENDEREST = 8.0
SLIMMEST_LEFT = 1.5
"""The same for what is left of a part whose thin parts were taken away."""
LEAST_SHARE = 0.15
"""Of hulls run together: a berth's share of them that is no mere rim of the neighbour's."""
SHARPEST_CLOUD = 0.2
"""Share of its own brightness that an edge gains per pixel: a hull's about half, a wisp's a tenth."""
STEP = 1.5
"""Between the levels at which a hull is looked for in thin cloud."""
FALLS_TO = 0.5
SLIM = 3.0
"""Length over beam of a hull that was found within cloud, where doubt is greater."""
LEAST_AREA_M2 = 250.0
WIDEST_GAP_M = 15.0
"""Along a deck, that a shadow makes."""
THICKNESSES_PX = (3, 4, 5)
THICKER_PX = 4
"""A sidelobe is blurred to three pixels."""


@dataclass(frozen=True, slots=True)
class Hull:
    """A bright part on the grid: its pixels, ground size in metres, heading in degrees (0..180 from grid north)."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    z: NDArray[np.float32]
    length_m: float
    beam_m: float
    heading_deg: float


def measure(rows: NDArray[np.intp], columns: NDArray[np.intp], resolution_m: float) -> tuple[float, float, float]:
    """Length and beam (m) of the rectangle with these pixels' second moments, and its heading (degrees).

    A uniform rectangle of length l has variance l^2 / 12 along itself.

    >>> rows, columns = np.nonzero(np.ones((3, 12)))
    >>> measure(rows, columns, 10.0)
    (120.0, 30.0, 90.0)
    """
    y, x = rows - rows.mean(), columns - columns.mean()
    yy, xx, xy = (y * y).mean() + 1 / 12, (x * x).mean() + 1 / 12, (x * y).mean()
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    length, beam = np.sqrt(12 * (middle + half)), np.sqrt(12 * max(middle - half, 0.0))
    along_x = 0.5 * np.arctan2(2 * xy, xx - yy)
    heading = np.rad2deg(np.pi / 2 + along_x) % 180
    return round(float(length) * resolution_m, 1), round(float(beam) * resolution_m, 1), round(float(heading), 1)


def _pieces(mask: NDArray[np.bool_]) -> Iterator[Pixels]:
    labels, count = label(mask, EIGHT)
    for piece in range(1, count + 1):
        rows, columns = np.nonzero(labels == piece)
        yield rows, columns


def _joined(pieces: list[Pixels], resolution_m: float) -> list[Pixels]:
    """Pieces of one optical part, those that lie in one line as one: a house's shadow cuts a deck in two."""
    whole: list[Pixels] = []
    for piece in sorted(pieces, key=lambda piece: -piece[0].size):
        for place, other in enumerate(whole):
            both = (np.concatenate([other[0], piece[0]]), np.concatenate([other[1], piece[1]]))
            length_m, beam_m, _ = measure(*both, resolution_m)
            one, two = (measure(*each, resolution_m) for each in (other, piece))
            if length_m <= one[0] + two[0] + WIDEST_GAP_M and beam_m <= one[1] + resolution_m / 2:
                whole[place] = both
                break
        else:
            whole.append(piece)
    return whole


def _cut(
    part: NDArray[np.bool_], z: NDArray[np.float32], looks_root: float | None, threshold: float
) -> NDArray[np.bool_]:
    """Keep what exceeds half the part's peak: half in decibels (SAR), half in reflectance (optical)."""
    peak = float(np.quantile(z[part], 0.9))
    if looks_root is None:
        return part & (z > max(threshold, peak / 2))
    ratio = max(1 + peak / looks_root, 1.0) ** 0.5
    kept: NDArray[np.bool_] = part & (z > max(threshold, (ratio - 1) * looks_root))
    return kept


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
        Hidden by cloud, or next to it: a part that reaches there is taken for cloud.
    threshold : (y, x) float32
        The z-score at which a pixel is bright.
    looks_root : (y, x) float32 or None
        For SAR the root of the looks, which turns z into a ratio; None for optical.
    resolution_m : float
        Pixel size.
    """
    labels, _ = label(bright, EIGHT)
    touched = np.unique(labels[(berth >= 0) & bright])
    boxes = find_objects(labels)
    hulls: list[Hull] = []
    for part in touched[touched > 0]:
        box = boxes[part - 1]
        inside = labels[box] == part
        level = float(np.median(threshold[box][inside]))
        root = None if looks_root is None else float(np.median(looks_root[box][inside]))
        kept = _cut(inside, z[box], root, level) if root is not None else np.zeros_like(inside)
        if root is None:
            for clear in _without_cloud(inside, cloudy[box], z[box], level, resolution_m):
                kept |= _cut(clear, z[box], None, level)
        if _has_line(inside, resolution_m):
            # a line stays one however it is cut: only what is clearly thicker than it may be a hull
            kept = binary_opening(kept, np.ones((THICKER_PX, THICKER_PX), np.int8))
        pieces = _pieces(kept) if root is not None else _joined(list(_pieces(kept)), resolution_m)
        for piece in pieces:
            for rows, columns in _vessels(piece, berth[box], resolution_m):
                whole = (rows + box[0].start, columns + box[1].start)
                hull = Hull(*whole, z[whole], *measure(rows, columns, resolution_m))
                if root is not None or hull.length_m >= SHORTEST_OPTICAL_M:
                    hulls.append(hull)
    return hulls


def _without_cloud(
    part: NDArray[np.bool_], cloudy: NDArray[np.bool_], z: NDArray[np.float32], level: float, resolution_m: float
) -> Iterator[NDArray[np.bool_]]:
    """What of an optical part is no cloud: all of it, or what stands out of thin cloud around it as a hull does."""
    if not _is_cloud(part, cloudy, z, resolution_m):
        yield part
        return
    higher = level * STEP
    labels, count = label(part & (z > higher), EIGHT)
    for piece in range(1, count + 1):
        inside = labels == piece
        if np.count_nonzero(inside) * resolution_m**2 >= LEAST_AREA_M2:
            found = _without_cloud(inside, cloudy, z, higher, resolution_m)
            yield from (clear for clear in found if _stands_out(clear, z, resolution_m))


def _stands_out(part: NDArray[np.bool_], z: NDArray[np.float32], resolution_m: float) -> bool:
    """Whether a part is as slim as one vessel, and its brightness falls to half within three pixels all around.

    The thick of a cloud is round, and grows thin more slowly.
    """
    rows, columns = np.nonzero(part)
    length_m, beam_m, _ = measure(rows, columns, resolution_m)
    if length_m < SLIM * beam_m:
        return False
    near = binary_dilation(part, EIGHT)
    around = binary_dilation(near, EIGHT, iterations=2) & ~near
    around &= np.isfinite(z)
    return bool(around.any() and np.median(z[around]) < FALLS_TO * np.median(z[part]))


def _is_cloud(part: NDArray[np.bool_], cloudy: NDArray[np.bool_], z: NDArray[np.float32], resolution_m: float) -> bool:
    """Whether an optical part reaches into cloud, is larger or rounder than any vessel, or has no sharp edge."""
    if (part & cloudy).any() or min(part.shape) < 2:
        return True
    rows, columns = np.nonzero(part)
    length_m, beam_m, _ = measure(rows, columns, resolution_m)
    if length_m > LONGEST_M or beam_m > WIDEST_OPTICAL_M or length_m < SLIMMEST * (beam_m - resolution_m):
        return True
    # where a neighbour was not seen there is no slope: a wisp cut off by a quay has an edge that is not its own
    slopes = np.hypot(*np.gradient(z))[part]
    known = slopes[np.isfinite(slopes)]
    return known.size == 0 or bool(np.quantile(known, 0.9) < SHARPEST_CLOUD * np.quantile(z[part], 0.9))


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
            for part in _pieces(thick):
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
