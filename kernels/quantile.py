"""Quantiles along time, pixel by pixel, leaving out what was not seen (NaN).

Selection instead of sorting (Hoare 1961, CACM 4, "Algorithm 65: find"): the pixel's series is copied to
a scratch buffer and partitioned around medians of three until the wanted rank stands in its place.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, checked
from berthwatch.kernels.compile import kernel


def temporal_quantile(stack: npt.ArrayLike, q: float) -> Array:
    """Quantile of each pixel over time, interpolated linearly between ranks (type 7 of Hyndman and Fan 1996).

    Parameters
    ----------
    stack
        (time, ...) float32 or float64; NaN is left out.
    q
        0 to 1.

    Returns
    -------
    (...) of the stack's dtype; NaN where a pixel was never seen. Equal to `np.nanquantile(stack, q, axis=0)`.

    Raises
    ------
    ValueError
        Another dtype, no time axis, or `q` outside 0..1.

    >>> stack = np.array([[1.0, np.nan], [4.0, np.nan], [2.0, np.nan]])
    >>> temporal_quantile(stack, 0.5)
    array([ 2., nan])
    """
    series = _as_series(stack)
    if not 0.0 <= q <= 1.0:
        raise ValueError(f"q not in 0..1: {q}")
    out = np.empty(series.shape[1], series.dtype)
    _quantiles(series, float(q), out)
    return out.reshape(np.shape(stack)[1:])


def temporal_median_mad(stack: npt.ArrayLike) -> tuple[Array, Array]:
    """Median and median absolute deviation from it, of each pixel over time, in one visit.

    Parameters
    ----------
    stack
        (time, ...) float32 or float64; NaN is left out.

    Returns
    -------
    median, mad: (...) of the stack's dtype, NaN where a pixel was never seen. The deviation is as it is:
    times 1.4826 it estimates a normal's standard deviation.

    Raises
    ------
    ValueError
        Another dtype, or no time axis.

    >>> median, mad = temporal_median_mad(np.array([[1.0], [2.0], [4.0], [9.0], [np.nan]]))
    >>> median.tolist(), mad.tolist()
    ([3.0], [1.5])
    """
    series = _as_series(stack)
    median = np.empty(series.shape[1], series.dtype)
    mad = np.empty(series.shape[1], series.dtype)
    _medians_mads(series, median, mad)
    shape = np.shape(stack)[1:]
    return median.reshape(shape), mad.reshape(shape)


def _as_series(stack: npt.ArrayLike) -> Array:
    checked_stack = checked("stack", stack, FLOATS)
    if checked_stack.ndim == 0:
        raise ValueError(f"stack must have a time axis first: shape {checked_stack.shape}")
    pixels = int(np.prod(checked_stack.shape[1:]))
    return checked_stack.reshape(checked_stack.shape[0], pixels)


@kernel
def _select(scratch: Array, count: int, rank: int) -> None:
    """Reorder scratch[:count] so that `rank` holds its sorted value, none larger before it, none smaller after."""
    low = 0
    high = count - 1
    while low < high:
        first = scratch[low]
        middle = scratch[(low + high) // 2]
        last = scratch[high]
        pivot = max(min(first, middle), min(max(first, middle), last))
        i = low
        j = high
        while i <= j:
            while scratch[i] < pivot:
                i += 1
            while pivot < scratch[j]:
                j -= 1
            if i <= j:
                swapped = scratch[i]
                scratch[i] = scratch[j]
                scratch[j] = swapped
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:  # between the two halves all equal the pivot
            return


@kernel
def _quantile(scratch: Array, count: int, q: float) -> float:
    if count == 0:
        return np.nan
    position = q * (count - 1)
    rank = int(position)
    _select(scratch, count, rank)
    below = float(scratch[rank])
    fraction = position - rank
    if fraction == 0.0:
        return below
    above = float(scratch[rank + 1])
    for i in range(rank + 2, count):
        above = min(above, float(scratch[i]))
    if below == above:  # also two equal infinities, whose difference is no number
        return below
    return (1.0 - fraction) * below + fraction * above


@kernel
def _gather(series: Array, pixel: int, scratch: Array) -> int:
    count = 0
    for time in range(series.shape[0]):
        value = series[time, pixel]
        if value == value:
            scratch[count] = value
            count += 1
    return count


@kernel
def _quantiles(series: Array, q: float, out: Array) -> None:
    scratch = np.empty(series.shape[0], series.dtype)
    for pixel in range(series.shape[1]):
        out[pixel] = _quantile(scratch, _gather(series, pixel, scratch), q)


@kernel
def _medians_mads(series: Array, medians: Array, mads: Array) -> None:
    scratch = np.empty(series.shape[0], series.dtype)
    for pixel in range(series.shape[1]):
        count = _gather(series, pixel, scratch)
        median = _quantile(scratch, count, 0.5)
        for i in range(count):
            value = float(scratch[i])
            scratch[i] = 0.0 if value == median else abs(value - median)
        medians[pixel] = median
        # the median of two opposite infinities is no number, and then neither is the deviation
        mads[pixel] = _quantile(scratch, count, 0.5) if median == median else np.nan
