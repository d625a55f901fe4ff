"""Cumulative sums of standardised departures, pixel by pixel: has the level risen or fallen since the start.

The tabular CUSUM of Page (1954), two-sided, with state in and state out, so that a new scene costs one pass.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.detect import NOT_SEEN
from berthwatch.kernels.standardise import BLOCK, checked_clip, flat_scene, standardise, state_array

ABOVE, BELOW = 1, 2


@dataclass(frozen=True, slots=True)
class CusumState:
    """What one scene leaves to the next: the sums C+ (`above`) and C- (`below`), float32, in spreads."""

    above: Array
    below: Array


def cusum_start(shape: tuple[int, ...]) -> CusumState:
    """The state before the first date.

    >>> cusum_start((1, 2)).above
    array([[0., 0.]], dtype=float32)
    """
    return CusumState(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def cusum_step(
    image: npt.ArrayLike,
    level: npt.ArrayLike,
    spread: npt.ArrayLike,
    state: CusumState,
    k: float = 0.5,
    h: float = 5.0,
    clip: float = np.inf,
    *,
    in_place: bool = False,
) -> tuple[npt.NDArray[np.uint8], CusumState]:
    """Take in one date: C+ = max(0, C+ + z - k), C- = max(0, C- - z - k), z = (image - level) / spread.

    Parameters
    ----------
    image, level, spread
        (y, x) or any one shape, float32 or float64, of one unit (decibels, amplitude, reflectance, ...).
    state
        From `cusum_start`, or from the date before. To begin anew somewhere, set its sums to 0 there.
    k, h
        Reference value and decision interval, in spreads.
    clip
        Huber's bound on z, in spreads; h must be calibrated with it.
    in_place
        Whether the arrays of `state` are written over rather than copied.

    Returns
    -------
    alarm
        uint8: 0 none, 1 C+ > h, 2 C- > h, 3 both, 255 not seen: NaN or infinite, or spread not positive.
    state
        That of the date; a pixel not seen keeps its own.

    Raises
    ------
    ValueError
        Another dtype, shapes that differ, a state that cannot be written over, or k < 0, h <= 0, clip <= 0.

    Source: Page (1954), Biometrika 41:100-115, doi 10.1093/biomet/41.1-2.100; Montgomery and Runger, Applied
    Statistics and Probability for Engineers, section on the tabular CUSUM.

    >>> ones = np.ones(3)
    >>> alarm, state = cusum_step(np.array([7.0, -1.0, np.nan]), ones, ones, cusum_start((3,)))
    >>> alarm.tolist(), state.above.tolist(), state.below.tolist()
    ([1, 0, 255], [5.5, 0.0, 0.0], [0.0, 1.5, 0.0])
    """
    if not (0.0 <= k < np.inf and 0.0 < h < np.inf):
        raise ValueError(f"a CUSUM needs k >= 0 and h > 0: k {k}, h {h}")
    bound = checked_clip(clip)
    maps, shape = flat_scene(image, level, spread), np.shape(image)
    above = state_array("state.above", state.above, np.float32, shape, in_place=in_place)
    below = state_array("state.below", state.below, np.float32, shape, in_place=in_place)
    alarm = np.empty(shape, np.uint8)
    _scene(maps, above.reshape(-1), below.reshape(-1), float(k), float(h), bound, alarm.reshape(-1))
    return alarm, CusumState(above, below)


@kernel
def _advance(z: Array, k: float, above: Array, below: Array) -> None:
    allowance = np.float32(k)
    zero = np.float32(0.0)
    for pixel in range(z.size):
        high = above[pixel]
        low = below[pixel]
        up = max(high + z[pixel] - allowance, zero)
        down = max(low - z[pixel] - allowance, zero)
        seen = z[pixel] == z[pixel]
        above[pixel] = up if seen else high
        below[pixel] = down if seen else low


@kernel
def _judge(z: Array, above: Array, below: Array, h: float, alarm: Array) -> None:
    limit = np.float32(h)
    for pixel in range(z.size):
        side = np.uint8((ABOVE if above[pixel] > limit else 0) | (BELOW if below[pixel] > limit else 0))
        alarm[pixel] = side if z[pixel] == z[pixel] else np.uint8(NOT_SEEN)


@kernel
def _scene(
    maps: tuple[Array, Array, Array], above: Array, below: Array, k: float, h: float, clip: float, alarm: Array
) -> None:
    image, level, spread = maps
    buffer = np.empty(BLOCK, np.float32)
    for start in range(0, image.size, BLOCK):
        end = min(start + BLOCK, image.size)
        z = buffer[: end - start]
        standardise(image[start:end], level[start:end], spread[start:end], clip, z)
        _advance(z, k, above[start:end], below[start:end])
        _judge(z, above[start:end], below[start:end], h, alarm[start:end])
