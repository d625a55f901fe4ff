"""The profile across a hull's side: what the model of deck, side, shadow and water says of each pixel, and its slopes.

Across the side a pixel sees a deck up to its edge, then the hull's own side (if it is turned to the satellite), then
the shadow, then water, each at a level of its own, blurred by the sensor. With x the distance from the pixel to the
deck's edge, h the height of the deck above water, and what the side and the shadow's tip gain per metre of height,
F0 = F(x), F1 = F(x + h side), F2 = F(x + h tip), the model is

    W0 + W1 along + W2 across + G R(x) + E (F1 - F0) + D_i F0 - C (F2 - F1)

with water's plane W, a deck level D_i for each segment i of the hull's length and a slope G into the deck (R is the
integral of the blurred step), the side's level E, and the shadow's contrast C, in each band. F is a step blurred by
a Gaussian and seen by a square pixel that is turned against the edge, so that what it sees of the edge is blurred by
a box of either of its sides; to that Gram and Charlier's corrections (Kendall & Stuart 1977, section 6.17) of third,
fourth and sixth order are added. A fit needs the normal equations of this model, linearised, for hundreds of pixels
some dozens of times.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from berthwatch.kernels.arrays import Doubles, Integers
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.edge import blurred_step

WIDTH, CONTRAST, EDGE, TURN, THIRD, FOURTH, SIXTH = range(7)
"""Places in the shape: logs of the blur's width and of the contrast, edge at along = 0, its slope, corrections."""
SHAPES: Final = 7
LEVELS: Final = 5
"""Levels before those of the deck's segments: W0, W1, W2, E, G."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Pixels beside a hull: across and along (P,) in metres, segment (P,), values (K, P) in K bands.

    `mix` (K, K): what a contrast of 1 in the sensor's band j takes from band k. `side` and `tip`: metres per metre of
    height, from the deck's edge to the foot of the side and to the tip of the shadow. `pixel` (2,): half the lengths,
    in metres, that the two sides of a pixel have across the edge; neither may be 0.
    """

    across: Doubles
    along: Doubles
    segment: Integers
    values: Doubles
    mix: Doubles
    side: float
    tip: float
    pixel: Doubles


@dataclass(frozen=True, slots=True)
class Normals:
    """Weighted normal equations of the linearised model: N shapes, and M levels in each of K bands.

    `shapes` (N, N), `cross` (K, N, M), `levels` (K, M, M), slopes of half the misfit `shape_slope` (N,) and
    `level_slope` (K, M); `residual` (K, P); `cover` (2, P): F0 and its slope; `misfit`: the weighted sum of squares.
    """

    shapes: Doubles
    cross: Doubles
    levels: Doubles
    shape_slope: Doubles
    level_slope: Doubles
    residual: Doubles
    cover: Doubles
    misfit: float


def profile_normals(strip: Strip, weights: Doubles, shape: Doubles, levels: Doubles, slot: Integers) -> Normals:
    """Normal equations of the profile's model at a point.

    Parameters
    ----------
    strip : Strip
        What is fitted: P pixels, K bands, in S segments.
    weights : (K, P) float64
        1 / variance; 0 leaves a value out.
    shape : (7 + K + 2 S,) float64
        As the constants say; then each band's own part of the log contrast, each segment's bulge (m), heights (m).
    levels : (K, 5 + S) float64
        W0, W1, W2, E, G, then each segment's deck over water.
    slot : (S,) int64
        Which of the heights is a segment's.

    Returns
    -------
    Normals

    Examples
    --------
    >>> one, pixel = np.ones((1, 1)), np.array([0.5, 0.1])
    >>> strip = Strip(np.array([-9.0, 9.0]), np.zeros(2), np.zeros(2, np.int64), np.ones((1, 2)), one, 0, 1, pixel)
    >>> levels = np.array([[1.0, 0, 0, 0, 0, 3.0]])
    >>> found = profile_normals(strip, np.ones((1, 2)), np.zeros(10), levels, np.zeros(1, int))
    >>> found.residual  # of water 1 and a deck 3 above it
    array([[-3.,  0.]])
    """
    bands, pixels = strip.values.shape
    count, segments = shape.size, slot.size
    if shape.size != SHAPES + bands + 2 * segments or levels.shape != (bands, LEVELS + segments):
        raise ValueError(f"shape and levels must fit {bands} bands and {segments} segments: {count}, {levels.shape}")
    out = Normals(
        np.zeros((count, count)),
        np.zeros((bands, count, LEVELS + segments)),
        np.zeros((bands, LEVELS + segments, LEVELS + segments)),
        np.zeros(count),
        np.zeros((bands, LEVELS + segments)),
        np.empty((bands, pixels)),
        np.empty((2, pixels)),
        0.0,
    )
    misfit = _accumulate(
        strip.across, strip.along, strip.segment, strip.values, strip.mix, float(strip.side), float(strip.tip),
        strip.pixel, weights, shape, levels, slot, out.shapes, out.cross, out.levels, out.shape_slope, out.level_slope,
        out.residual, out.cover,
    )  # fmt: skip
    return Normals(out.shapes, out.cross, out.levels, out.shape_slope, out.level_slope, out.residual, out.cover, misfit)


OWN: Final = 7
"""Slopes a pixel has beside those by the contrasts: WIDTH, EDGE, TURN, the three corrections, its segment's height."""
BASES: Final = LEVELS + 2
"""What a pixel's levels are multiplied by: water's plane, side, ramp, deck, and last the share in shadow."""


@kernel
def _slopes(
    at_top: float, at_foot: float, at_end: float, top: Doubles, foot: Doubles, end: Doubles, side: float, tip: float,
    slope: Doubles,
) -> None:  # fmt: skip
    """Slopes of a pixel's model from the blurred steps at the deck's edge, the side's foot and the shadow's end."""
    slope[0] = at_top * top[2] + at_foot * foot[2] + at_end * end[2]
    slope[1] = at_top * top[1] + at_foot * foot[1] + at_end * end[1]
    for c in range(3):
        slope[3 + c] = at_top * top[3 + c] + at_foot * foot[3 + c] + at_end * end[3 + c]
    slope[6] = at_foot * foot[1] * side + at_end * end[1] * tip


@kernel
def _add(
    k: int, weight: float, left: float, slope: Doubles, basis: Doubles,
    ss: Doubles, sb: Doubles, bb: Doubles, sr: Doubles, br: Doubles,
) -> None:  # fmt: skip
    """Add one value's products to the sums of its segment."""
    for u in range(OWN):
        scaled = weight * slope[u]
        sr[u] += scaled * left
        for v in range(OWN):
            ss[u, v] += scaled * slope[v]
        for v in range(BASES):
            sb[k, u, v] += scaled * basis[v]
    for u in range(BASES):
        scaled = weight * basis[u]
        br[k, u] += scaled * left
        for v in range(BASES):
            bb[k, u, v] += scaled * basis[v]


@kernel
def _fading(shape: Doubles, mix: Doubles) -> Doubles:
    """Slopes (K, 1 + K) of each band's level in shadow by the mean contrast and by each band's own."""
    bands = mix.shape[0]
    fading = np.zeros((bands, 1 + bands))
    for j in range(bands):
        dark = math.exp(shape[CONTRAST] + shape[SHAPES + j])
        for k in range(bands):
            fading[k, 1 + j] = -mix[k, j] * dark
            fading[k, 0] += fading[k, 1 + j]
    return fading


@kernel
def _accumulate(
    across: Doubles, along: Doubles, segment: Integers, values: Doubles, mix: Doubles, side: float, tip: float,
    pixel: Doubles, weights: Doubles, shape: Doubles, levels: Doubles, slot: Integers, shapes: Doubles, cross: Doubles,
    squares: Doubles, shape_slope: Doubles, level_slope: Doubles, residual: Doubles, cover: Doubles,
) -> float:  # fmt: skip
    bands, pixels = values.shape
    width = math.exp(shape[WIDTH])
    bulges = SHAPES + bands
    heights = bulges + slot.size
    fading = _fading(shape, mix)
    slope, basis = np.empty(OWN), np.empty(BASES)
    top, foot, end = np.empty(6), np.empty(6), np.empty(6)
    # sums over the pixels of one segment on end; they all bear on the same shapes and levels
    ss, sb, bb = np.zeros((OWN, OWN)), np.zeros((bands, OWN, BASES)), np.zeros((bands, BASES, BASES))
    sr, br = np.zeros(OWN), np.zeros((bands, BASES))
    misfit = 0.0
    for p in range(pixels):
        i = segment[p]
        height = shape[heights + slot[i]]
        x = shape[EDGE] + shape[TURN] * along[p] + shape[bulges + i] - across[p]
        blurred_step(x, width, pixel, shape[THIRD], shape[FOURTH], shape[SIXTH], top)
        blurred_step(x + height * side, width, pixel, shape[THIRD], shape[FOURTH], shape[SIXTH], foot)
        blurred_step(x + height * tip, width, pixel, shape[THIRD], shape[FOURTH], shape[SIXTH], end)
        z = x / width
        plain = 0.5 * math.erfc(-z * math.sqrt(0.5))
        density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        cover[0, p], cover[1, p] = top[0], top[1]
        basis[0], basis[1], basis[2] = 1.0, along[p], across[p]
        basis[3], basis[4] = foot[0] - top[0], width * (z * plain + density)
        basis[5], basis[6] = top[0], end[0] - foot[0]
        for k in range(bands):
            model = levels[k, LEVELS + i] * basis[5] + fading[k, 0] * basis[6]
            for v in range(LEVELS):
                model += levels[k, v] * basis[v]
            left = values[k, p] - model
            residual[k, p] = left
            weight = weights[k, p]
            misfit += weight * left * left
            at_top, at_foot = levels[k, LEVELS + i] - levels[k, 3], levels[k, 3] - fading[k, 0]
            _slopes(at_top, at_foot, fading[k, 0], top, foot, end, side, tip, slope)
            slope[0] += levels[k, 4] * width * density
            slope[1] += levels[k, 4] * plain
            slope[2] = slope[1] * along[p]
            _add(k, weight, left, slope, basis, ss, sb, bb, sr, br)
        if p + 1 == pixels or segment[p + 1] != i:
            _spread(i, bulges, heights + slot[i], fading, ss, sb, bb, sr, br,
                    shapes, cross, squares, shape_slope, level_slope)  # fmt: skip
            ss[:], sb[:], bb[:], sr[:], br[:] = 0.0, 0.0, 0.0, 0.0, 0.0
    return misfit


@kernel
def _spread(
    segment: int, bulges: int, height: int, fading: Doubles, ss: Doubles, sb: Doubles, bb: Doubles, sr: Doubles,
    br: Doubles, shapes: Doubles, cross: Doubles, squares: Doubles, shape_slope: Doubles, level_slope: Doubles,
) -> None:  # fmt: skip
    """Add a segment's sums where they belong; a bulge has the slope of the edge, a contrast that of its basis."""
    bands = fading.shape[0]
    place = np.array([WIDTH, EDGE, TURN, THIRD, FOURTH, SIXTH, height, bulges + segment])
    source = np.array([0, 1, 2, 3, 4, 5, 6, 1])
    last = BASES - 1
    for u in range(OWN + 1):
        shape_slope[place[u]] += sr[source[u]]
        for v in range(OWN + 1):
            shapes[place[u], place[v]] += ss[source[u], source[v]]
    for k in range(bands):
        for u in range(last):
            row = u if u < LEVELS else LEVELS + segment
            level_slope[k, row] += br[k, u]
            for v in range(last):
                squares[k, row, v if v < LEVELS else LEVELS + segment] += bb[k, u, v]
            for w in range(OWN + 1):
                cross[k, place[w], row] += sb[k, source[w], u]
        for q in range(1 + bands):
            dark = CONTRAST if q == 0 else SHAPES + q - 1
            shape_slope[dark] += fading[k, q] * br[k, last]
            for w in range(OWN + 1):
                both = fading[k, q] * sb[k, source[w], last]
                shapes[place[w], dark] += both
                shapes[dark, place[w]] += both
            for r in range(1 + bands):
                shapes[dark, CONTRAST if r == 0 else SHAPES + r - 1] += fading[k, q] * fading[k, r] * bb[k, last, last]
            for u in range(last):
                cross[k, dark, u if u < LEVELS else LEVELS + segment] += fading[k, q] * bb[k, last, u]
