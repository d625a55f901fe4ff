"""How much the amplitude of each pixel varied over time, against what speckle alone would do (REACTIV).

The coefficient of variation of amplitude over dates, its expectation and its standard deviation for a number of
looks, and the date of the brightest value. Colin and Nicolas (2020), Remote Sensing 12:2089, doi 10.3390/rs12132089.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, Doubles, checked
from berthwatch.kernels.compile import kernel

BLOCK = 1024
SERIES_FROM_LOOKS = 20.0


@dataclass(frozen=True, slots=True)
class Variation:
    """Of each pixel over time.

    `cv` float32: coefficient of variation of amplitude (1/N standard deviation over mean; NaN where never seen or
    dark throughout); `score` float32: (cv - expected) / sd for the looks and the dates seen; `count` int32: dates
    seen; `brightest` int32: index of the first date of the largest value, -1 where never seen.
    """

    cv: Array
    score: Array
    count: Array
    brightest: Array


def reactiv(stack: npt.ArrayLike, looks: float) -> Variation:
    """Coefficient of variation of amplitude over time, in one pass.

    Parameters
    ----------
    stack
        (time, ...) float32 or float64, intensity (linear power); NaN, infinite and negative values are left out.
    looks
        Equivalent number of looks of one date.

    Raises
    ------
    ValueError
        Another dtype, no time axis, or looks not positive.

    Source: Colin and Nicolas (2020), Remote Sensing 12:2089, doi 10.3390/rs12132089.

    >>> found = reactiv(np.array([[1.0], [np.nan], [9.0], [4.0]]), looks=4.4)
    >>> found.cv.round(4), found.score.round(2), found.brightest
    (array([0.4082], dtype=float32), array([1.69], dtype=float32), array([2], dtype=int32))
    """
    series = checked("stack", stack, FLOATS)
    if series.ndim == 0:
        raise ValueError(f"stack must have a time axis first: shape {series.shape}")
    shape = series.shape[1:]
    expected, single = expected_variation(looks), float(variation_deviation(looks, 1))
    cv, score = np.empty(shape, np.float32), np.empty(shape, np.float32)
    count, brightest = np.empty(shape, np.int32), np.empty(shape, np.int32)
    flat = series.reshape(series.shape[0], cv.size)
    _variations(flat, expected, single, cv.reshape(-1), score.reshape(-1), count.reshape(-1), brightest.reshape(-1))
    return Variation(cv, score, count, brightest)


def expected_variation(looks: float) -> float:
    """Coefficient of variation of the amplitude of speckle: sqrt(L Gamma(L)^2 / Gamma(L + 1/2)^2 - 1).

    Raises
    ------
    ValueError
        Looks not positive.

    >>> round(expected_variation(4.4), 7)
    0.2415282
    """
    return math.sqrt(_squared_variation(looks))


def variation_deviation(looks: float, dates: npt.ArrayLike) -> Doubles:
    """Standard deviation of the coefficient of variation estimated from so many dates, to first order in 1 / dates.

    The published expression (1/4) L G^4 (4 L^2 G^2 - 4 L H^2 - H^2) / (H^4 (L G^2 - H^2)), G = Gamma(L) and
    H = Gamma(L + 1/2), is the variance times dates: its root is taken here. With g the expected variation it is
    (1 + g^2)^2 (4 L g^2 - 1) / (4 L g^2).

    Raises
    ------
    ValueError
        Looks not positive, or no dates.

    >>> variation_deviation(1.0, [1, 100]).round(4)
    array([0.3713, 0.0371])
    """
    square = _squared_variation(looks)
    number = np.asarray(dates, np.float64)
    if not (number > 0.0).all():
        raise ValueError(f"dates must be positive: {number.min(initial=np.inf)}")
    scaled = 4.0 * float(looks) * square
    return np.asarray((1.0 + square) * math.sqrt((scaled - 1.0) / scaled) / np.sqrt(number))


def _squared_variation(looks: float) -> float:
    if not 0.0 < looks < np.inf:
        raise ValueError(f"looks must be positive: {looks}")
    if looks < SERIES_FROM_LOOKS:
        return math.expm1(math.log(looks) + 2.0 * (math.lgamma(looks) - math.lgamma(looks + 0.5)))
    # Stirling's series of the same logarithm: the two gamma functions would cancel
    inverse = 1.0 / looks
    square = inverse * inverse
    return math.expm1(inverse * (1 / 4 - square * (1 / 96 - square * (1 / 320 - square * 17 / 7168))))


@kernel
def _add(values: Array, amplitudes: Doubles, intensities: Doubles) -> None:
    for pixel in range(values.size):
        value = values[pixel]
        value = value if (value >= 0.0) & (value < np.inf) else np.float32(0.0)
        amplitudes[pixel] += np.sqrt(value)
        intensities[pixel] += value


@kernel
def _see(values: Array, time: int, count: Array, brightest: Array, peak: Array) -> None:
    date = np.int32(time)
    for pixel in range(values.size):
        value = values[pixel]
        value = value if (value >= 0.0) & (value < np.inf) else np.float32(-1.0)
        count[pixel] += np.int32(value >= 0.0)
        brightest[pixel] = date if value > peak[pixel] else brightest[pixel]
        peak[pixel] = max(peak[pixel], value)


@kernel
def _variations(
    series: Array, expected: float, single: float, cv: Array, score: Array, count: Array, brightest: Array
) -> None:
    amplitudes, intensities, peak = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK, series.dtype)
    for start in range(0, series.shape[1], BLOCK):
        # a block's sums stay in the cache while its rows are read through time
        end = min(start + BLOCK, series.shape[1])
        amplitudes[:], intensities[:], peak[:] = 0.0, 0.0, -1.0
        count[start:end], brightest[start:end] = 0, -1
        for time in range(series.shape[0]):
            row = series[time, start:end]
            _add(row, amplitudes, intensities)
            _see(row, time, count[start:end], brightest[start:end], peak)
        for pixel in range(start, end):
            total = amplitudes[pixel - start]
            # the amplitudes' squares are the intensities themselves: cv^2 = N sum(I) / sum(A)^2 - 1
            square = count[pixel] * intensities[pixel - start] / (total * total) - 1.0 if total > 0.0 else np.nan
            variation = math.sqrt(max(square, 0.0)) if square == square else np.nan
            cv[pixel] = variation
            score[pixel] = (variation - expected) * math.sqrt(count[pixel]) / single
