"""Boxes that a hull may fill: how well each stands out from what lies around it, and what all of them say together.

A hull beside a quay is no bright spot in the dark: one of its long sides may lie against something as bright as
itself. What it has is an edge at both ends and along one side, and the shape of a vessel. On an image turned so that
the hull would lie along its columns every box around the centre is looked at, and its score is the contrast over
those edges. The boxes' lengths, beams and places are averaged, each with the weight exp(score / temperature)
(Gibbs' distribution), so that what cannot be told apart widens the result instead of being decided by a hair.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from berthwatch.kernels.arrays import Doubles
from berthwatch.kernels.compile import kernel

SLENDERNESS: Final = 1.7
"""Log of length over beam as seen, blur and fenders included: 5.5."""
SLENDERNESS_VARIANCE: Final = 0.2
LEAST_CONTRAST: Final = 0.1
"""At an end or at the better side: water is 0 and the hull 1."""
LEAST_BRIGHTNESS: Final = 0.6
SECOND_SIDE: Final = 0.5
"""What contrast along the other long side counts, if it is brighter inside; a quarter if a quay is brighter."""
PRIOR: Final = 0.1
"""What a squared deviation of shape or place counts beside contrast."""
OFF_ALONG: Final = 0.15
OFF_ACROSS: Final = 0.3
"""Shares of length and beam by which a point said to be the middle is off."""
SUMS: Final = 8


class Limits(NamedTuple):
    """In samples of the turned image: of boxes, and of the strips on either side of an edge."""

    narrowest: int
    widest: int
    longest: int
    end: int
    """Depth of the strips at an end; half of it at the sides."""


@kernel
def _mean(total: Doubles, top: int, bottom: int, left: int, right: int) -> float:
    whole = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    return float(whole / ((bottom - top) * (right - left)))


@kernel
def score_box(total: Doubles, top: int, bottom: int, left: int, right: int, end: int) -> float:
    """The score of one box, -inf where it cannot be a hull's."""
    beam, length, side = bottom - top, right - left, max(1, end // 2)
    inside = _mean(total, top, bottom, left, right)
    first = _mean(total, top, bottom, left, left + end) - _mean(total, top, bottom, left - end, left)
    last = _mean(total, top, bottom, right - end, right) - _mean(total, top, bottom, right, right + end)
    upper = _mean(total, top, top + side, left, right) - _mean(total, top - side, top, left, right)
    lower = _mean(total, bottom - side, bottom, left, right) - _mean(total, bottom, bottom + side, left, right)
    better, worse = max(upper, lower), min(upper, lower)
    if inside < LEAST_BRIGHTNESS or min(first, last, better) < LEAST_CONTRAST:
        return -math.inf
    shape = (math.log(length / beam) - SLENDERNESS) ** 2 / SLENDERNESS_VARIANCE
    along = (left + right - total.shape[1] + 1) / (2 * length * OFF_ALONG)
    across = (top + bottom - total.shape[0] + 1) / (2 * beam * OFF_ACROSS)
    contrast = math.sqrt(first * last) + better + SECOND_SIDE * max(worse, -0.5 * worse) + 0.5 * inside
    return float(contrast - PRIOR * (shape + along * along + across * across))


@kernel
def _sum_boxes(
    total: Doubles, narrowest: int, widest: int, longest: int, end: int, temperature: float, out: Doubles
) -> None:  # fmt: skip
    middle, centre = (total.shape[0] - 1) // 2, (total.shape[1] - 1) // 2
    out[:] = 0.0
    out[0] = -math.inf
    for top in range(max(middle - widest, end), middle + 1):
        for bottom in range(max(middle + 1, top + narrowest), min(top + widest, total.shape[0] - 1 - end) + 1):
            beam = bottom - top
            for left in range(max(centre - longest, end), centre + 1):
                reach = min(left + min(longest, 9 * beam), total.shape[1] - 1 - end)
                for right in range(max(centre + 1, left + 2 * beam), reach + 1):
                    score = score_box(total, top, bottom, left, right, end)
                    if score == -math.inf:
                        continue
                    if score > out[0]:
                        out[1:] *= math.exp((out[0] - score) / temperature)
                        out[0] = score
                    weight = math.exp((score - out[0]) / temperature)
                    length = right - left
                    out[1] += weight
                    out[2] += weight * length
                    out[3] += weight * length * length
                    out[4] += weight * beam
                    out[5] += weight * beam * beam
                    out[6] += weight * 0.5 * (left + right)
                    out[7] += weight * 0.5 * (top + bottom)


def sum_boxes(level: Doubles, limits: Limits, temperature: float) -> Doubles:
    """What all boxes around the centre of a turned image say together.

    Parameters
    ----------
    level : (v, u) float64, odd sides
        0 for water, 1 for a hull; u along the hull. The centre is a point near the hull's middle.
    limits
        Of the boxes, in samples.
    temperature
        The difference of scores by which one box weighs e times another.

    Returns
    -------
    (8,) float64
        The best score (-inf where no box can be a hull's); then, relative to the weight exp(best / temperature), the
        sums over boxes of weight, and of weight times length, length squared, beam, beam squared, and column and row of
        the box's middle, all in samples.

    >>> level = np.zeros((31, 61))
    >>> level[14:17, 21:40] = 1.0
    >>> _, weight, length, _, beam, *_ = sum_boxes(level, Limits(2, 8, 30, 2), 0.01).tolist()
    >>> round(length / weight, 1), round(beam / weight, 1)
    (19.0, 3.0)
    """
    total = np.zeros((level.shape[0] + 1, level.shape[1] + 1))
    total[1:, 1:] = level.cumsum(axis=0).cumsum(axis=1)
    out = np.zeros(SUMS)
    _sum_boxes(total, *limits, temperature, out)
    return out
