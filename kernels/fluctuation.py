"""Sum of the residuals that follow a history, pixel by pixel: does the series still follow its regression.

The OLS-CUSUM of Chu, Stinchcombe and White (1996), as strucchange, bfast and nrt monitor with it: unlike Page's CUSUM
it forgets nothing and its limit grows, so that the chance of a false alarm at any later date is fixed
(Econometrica 64:1045-1065, doi 10.2307/2171955).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, checked
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.cusum import ABOVE, BELOW
from berthwatch.kernels.detect import NOT_SEEN
from berthwatch.kernels.standardise import BLOCK, LARGEST_DEPARTURE, flat_scene, standardise, state_array

UNJUDGED = 254


@dataclass(frozen=True, slots=True)
class FluctuationState:
    """What one scene leaves to the next: `total` float64, the sum of residuals in spreads, and `count` int32 dates."""

    total: Array
    count: Array


def fluctuation_start(shape: tuple[int, ...]) -> FluctuationState:
    """The state at the end of the history, whose residuals sum to zero.

    >>> fluctuation_start((1, 2)).total
    array([[0., 0.]])
    """
    return FluctuationState(np.zeros(shape), np.zeros(shape, np.int32))


def ols_cusum_step(
    image: npt.ArrayLike,
    level: npt.ArrayLike,
    spread: npt.ArrayLike,
    history: npt.NDArray[np.integer],
    state: FluctuationState,
    critical: float,
    *,
    in_place: bool = False,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], FluctuationState]:
    """Take in one date: the sum of (image - level) / spread since the history, over sqrt(m), m the history's dates.

    The boundary after n dates is sqrt(x (x - 1) (critical^2 + ln(x / (x - 1)))), x = (m + n) / m.

    Parameters
    ----------
    image, level, spread
        (y, x) or any one shape, float32 or float64, of one unit. The level is the regression's prediction for the
        date, the spread the standard deviation of its residuals.
    history
        Of the image's shape, whole numbers: dates seen in the history, m; a pixel with none is not judged.
    state
        From `fluctuation_start`, or from the date before.
    critical
        Of the boundary: with 2.7955 it is ever crossed with a chance of .05.
    in_place
        Whether the arrays of `state` are written over rather than copied.

    Returns
    -------
    process
        float32; a pixel not seen keeps its own.
    alarm
        uint8: 0 none, 1 process >= boundary, 2 process <= -boundary, 255 not seen (as in `cusum_step`) or no history.
    state
        That of the date.

    Raises
    ------
    ValueError
        Another dtype, shapes that differ, a state that cannot be written over, or critical <= 0.

    Source: Chu, Stinchcombe and White (1996), doi 10.2307/2171955.

    >>> seen, one = np.array([4.0, np.nan]), np.ones(2)
    >>> ols_cusum_step(seen, 0 * one, one, np.array([4, 4]), fluctuation_start((2,)), critical=2.7955)[:2]
    (array([2., 0.], dtype=float32), array([  1, 255], dtype=uint8))
    """
    if not 0.0 < critical < np.inf:
        raise ValueError(f"critical must be positive: {critical}")
    maps, shape = flat_scene(image, level, spread), np.shape(image)
    dates = checked("history", history, (np.int16, np.int32, np.int64, np.uint16)).astype(np.int32, copy=False)
    if dates.shape != shape:
        raise ValueError(f"history must have shape {shape}: {dates.shape}")
    total = state_array("state.total", state.total, np.float64, shape, in_place=in_place)
    count = state_array("state.count", state.count, np.int32, shape, in_place=in_place)
    process, alarm = np.empty(shape, np.float32), np.empty(shape, np.uint8)
    kept = (dates.reshape(-1), total.reshape(-1), count.reshape(-1))
    _scene(maps, LARGEST_DEPARTURE, kept, float(critical), process.reshape(-1), alarm.reshape(-1))
    return process, alarm, FluctuationState(total, count)


@kernel
def _sum(z: Array, history: Array, total: Array, count: Array, process: Array) -> None:
    for pixel in range(z.size):
        seen = (z[pixel] == z[pixel]) & (history[pixel] > 0)
        total[pixel] += np.float64(z[pixel] if seen else np.float32(0.0))
        count[pixel] += np.int32(1 if seen else 0)
        process[pixel] = np.float32(total[pixel]) / np.sqrt(np.float32(history[pixel] if history[pixel] > 0 else 1))


@kernel
def _judge(z: Array, history: Array, count: Array, critical: float, process: Array, alarm: Array) -> None:
    square = np.float32(0.99999 * critical * critical)
    zero = np.float32(0.0)
    for pixel in range(z.size):
        # the boundary without its logarithm lies below it: what does not reach even that is quiet
        later = np.float32(count[pixel])
        before = np.float32(history[pixel])
        value = process[pixel] * before
        reaches = value * value >= (before + later) * later * square
        told = (z[pixel] == z[pixel]) & (before > zero)
        alarm[pixel] = np.uint8(UNJUDGED if reaches else 0) if told else np.uint8(NOT_SEEN)
    for pixel in range(z.size):
        if alarm[pixel] == UNJUDGED:
            ratio = (history[pixel] + count[pixel]) / history[pixel]
            value = np.float64(process[pixel])
            square = ratio * (ratio - 1.0) * (critical * critical + math.log(ratio / (ratio - 1.0)))
            alarm[pixel] = (ABOVE if value > 0.0 else BELOW) if value * value >= square else 0


@kernel
def _scene(
    maps: tuple[Array, Array, Array],
    bound: float,
    kept: tuple[Array, Array, Array],
    critical: float,
    process: Array,
    alarm: Array,
) -> None:
    image, level, spread = maps
    history, total, count = kept
    buffer = np.empty(BLOCK, np.float32)
    for start in range(0, image.size, BLOCK):
        end = min(start + BLOCK, image.size)
        z = buffer[: end - start]
        standardise(image[start:end], level[start:end], spread[start:end], bound, z)
        _sum(z, history[start:end], total[start:end], count[start:end], process[start:end])
        _judge(z, history[start:end], count[start:end], critical, process[start:end], alarm[start:end])
