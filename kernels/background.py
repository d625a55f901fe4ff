"""What a pixel usually is when nothing lies on it: the lowest mode of its series that has enough support.

A berth may be taken more often than not, so that its median is the hull's. A hull is brighter than the water
it hides; the vacant level is then the lowest place where values crowd, however many lie above it.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, Doubles
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.keys import Series, as_series, key_of, load_keys

BLOCK = 256
"""Pixels read at once."""


def temporal_low_mode(stack: npt.ArrayLike, support: float = 0.2, nodata: float | None = None) -> Array:
    """Lowest mode of each pixel over time that at least the share `support` of its values make up.

    The shortest interval that holds so many values (at least two) is looked for from the lowest value upwards, until
    none of those that begin inside of the best one found is shorter; the half-sample mode of the values
    in it is the result (Bickel and Frühwirth 2006, section 2, doi 10.1016/j.csda.2005.07.011). With `support`
    1 it is their half-sample mode of the whole series. Of intervals of one length the lowest is taken.

    Parameters
    ----------
    stack
        (time, ...) uint8, uint16, int16, float32 or float64; NaN and infinities are left out.
    support
        Above 0, to 1: the share of dates at which a pixel is taken to be vacant, at the least. A mode of a gamma
        distribution lies below its mean; for the mode of decibels hand over decibels.
    nodata
        As in `temporal_quantile`.

    Returns
    -------
    (...) of the stack's dtype, float32 for whole numbers; NaN where a pixel was never seen.

    Raises
    ------
    ValueError
        Another dtype, no time axis, `support` not in 0..1 or 0, or a `nodata` that is none of the stack's.

    >>> water, hull = [1.0, 1.1, 1.3], [8.0, 8.01, 8.02, 8.03, 8.04, 8.05]
    >>> temporal_low_mode(np.array(hull + water + [0.2]), support=0.3)
    array(1.05)
    """
    series = as_series(stack, nodata)
    if not 0.0 < support <= 1.0:
        raise ValueError(f"support not in 0..1, or 0: {support}")
    out = np.empty(series.values.shape[1], series.result)
    _low_modes(series, float(support), out)
    return out.reshape(np.shape(stack)[1:])


@kernel
def _low_modes(series: Series, support: float, out: Array) -> None:
    times, pixels = series.bits.shape
    keys = np.empty((times, BLOCK), series.bits.dtype)
    seen = np.empty(BLOCK, np.int64)
    ranked = np.empty(times, series.bits.dtype)
    values = ranked.view(series.values.dtype)
    finite = np.empty(times, np.float64)
    for start in range(0, pixels, BLOCK):
        width = min(BLOCK, pixels - start)
        load_keys(series.bits, start, width, series.coding, keys, seen)
        for i in range(width):
            for time in range(times):
                ranked[time] = keys[time, i]
            ranked.sort()
            for time in range(seen[i]):
                ranked[time] = key_of(ranked[time], series.coding)
            count = 0
            for time in range(seen[i]):
                finite[count] = values[time]
                count += 1 if np.isfinite(finite[count]) else 0
            out[start + i] = _low_mode(finite[:count], support)


@kernel
def _low_mode(ranked: Doubles, support: float) -> float:
    """Low mode of finite values in rising order."""
    if ranked.size < 2:
        return ranked[0] if ranked.size == 1 else np.nan
    held = max(2, int(np.ceil(support * ranked.size)))
    best = 0
    for first in range(1, ranked.size - held + 1):
        if first - best >= held:
            break
        if ranked[first + held - 1] - ranked[first] < ranked[best + held - 1] - ranked[best]:
            best = first
    return _half_sample_mode(ranked[best : best + held])


@kernel
def _half_sample_mode(ranked: Doubles) -> float:
    low, count = 0, ranked.size
    while count > 3:
        half = (count + 1) // 2
        best = low
        for first in range(low + 1, low + count - half + 1):
            if ranked[first + half - 1] - ranked[first] < ranked[best + half - 1] - ranked[best]:
                best = first
        low, count = best, half
    if count == 3:
        left, right = ranked[low + 1] - ranked[low], ranked[low + 2] - ranked[low + 1]
        if left == right:
            return float(ranked[low + 1])
        low += 1 if right < left else 0
    return float(0.5 * ranked[low] + 0.5 * ranked[low + 1])
