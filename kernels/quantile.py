"""Quantiles along time, pixel by pixel, leaving out what was not seen (NaN or nodata).

Blocks of neighbouring pixels are read along their rows as sorting keys, and ranks are selected by counting
(`ranks`), so that the processor's vectors run over pixels and a block stays in its cache until it is done.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, Doubles
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.keys import ROWS, Coding, Series, as_series, is_seen, key_of, load_keys
from berthwatch.kernels.ranks import counter, next_above, select

BLOCK_BYTES = 1 << 18
"""Of keys in a block: fewer fit a cache better, but rows are then read in pieces too short."""


def temporal_quantile(stack: npt.ArrayLike, q: float, nodata: float | None = None) -> Array:
    """Quantile of each pixel over time, interpolated linearly between ranks (type 7 of Hyndman and Fan 1996).

    Parameters
    ----------
    stack
        (time, ...) uint8, uint16, int16, float32 or float64; NaN is left out, infinities are numbers.
    q
        0 to 1.
    nodata
        The whole number that says not seen in a stack of whole numbers, left out too; None: all were seen.
        Floats say not seen by NaN: any other `nodata` is refused for them.

    Returns
    -------
    (...) of the stack's dtype, float32 for whole numbers; NaN where a pixel was never seen. Equal to
    `np.nanquantile(stack, q, axis=0)`.

    Raises
    ------
    ValueError
        Another dtype, no time axis, `q` outside 0..1, or a `nodata` that is none of the stack's.

    >>> stack = np.array([[1.0, np.nan], [4.0, np.nan], [2.0, np.nan]])
    >>> temporal_quantile(stack, 0.5)
    array([ 2., nan])
    >>> temporal_quantile(np.array([[0, 0], [7, 0], [4, 0]], np.uint16), 0.5, nodata=0)
    array([5.5, nan], dtype=float32)
    """
    series = as_series(stack, nodata)
    if not 0.0 <= q <= 1.0:
        raise ValueError(f"q not in 0..1: {q}")
    out = np.empty(series.values.shape[1], series.result)
    _quantiles(series, float(q), _places(series.values), out)
    return out.reshape(np.shape(stack)[1:])


def temporal_median_mad(stack: npt.ArrayLike, nodata: float | None = None) -> tuple[Array, Array]:
    """Median and median absolute deviation from it, of each pixel over time, in one visit.

    Parameters
    ----------
    stack
        (time, ...) uint8, uint16, int16, float32 or float64; NaN is left out.
    nodata
        As in `temporal_quantile`.

    Returns
    -------
    median, mad: (...) of the stack's dtype, float32 for whole numbers; NaN where a pixel was never seen. The
    deviation is as it is: times 1.4826 it estimates a normal's standard deviation.

    Raises
    ------
    ValueError
        Another dtype, no time axis, or a `nodata` that is none of the stack's.

    >>> median, mad = temporal_median_mad(np.array([[1.0], [2.0], [4.0], [9.0], [np.nan]]))
    >>> median.tolist(), mad.tolist()
    ([3.0], [1.5])
    """
    series = as_series(stack, nodata)
    median = np.empty(series.values.shape[1], series.result)
    mad = np.empty_like(median)
    like = as_series(median[None], None)
    _medians_mads(series, like, _places(series.values), median, mad)
    shape = np.shape(stack)[1:]
    return median.reshape(shape), mad.reshape(shape)


def _places(values: Array) -> Array:
    """A place for each pixel's rank in a block, of the type that counts that far."""
    rows = -(-len(values) // ROWS) * ROWS
    width = BLOCK_BYTES // (max(rows, 1) * values.itemsize)
    return np.zeros(min(max(width, 32), 1024), counter(values.itemsize, rows))


@kernel
def _block_quantiles(
    keys: Array,
    like: Array,
    coding: Coding,
    q: float,
    seen: Array,
    places: Array,
    out: Doubles,
) -> None:
    """Quantiles of a block of keys, of values of the type that `like` has."""
    below = np.empty(seen.size, like.dtype)
    above = np.empty(seen.size, like.dtype)
    found, following = below.view(keys.dtype), above.view(keys.dtype)
    for i in range(seen.size):
        places[i] = int(q * (max(seen[i], 1) - 1))
    select(keys, ~coding.last, places, found)
    next_above(keys, coding.last, places, found, following)
    for i in range(seen.size):
        found[i] = key_of(found[i], coding)
        following[i] = key_of(following[i], coding)
    for i in range(seen.size):
        fraction = q * (max(seen[i], 1) - 1) - places[i]
        low, high = float(below[i]), float(above[i])
        if seen[i] == 0:
            out[i] = np.nan
        elif fraction == 0.0 or low == high:  # also two equal infinities, whose difference is no number
            out[i] = low
        else:
            out[i] = (1.0 - fraction) * low + fraction * high


@kernel
def _quantiles(series: Series, q: float, places: Array, out: Array) -> None:
    times, pixels = series.bits.shape
    keys = np.empty(((times + ROWS - 1) // ROWS * ROWS, places.size), series.bits.dtype)
    seen = np.empty(places.size, places.dtype)
    found = np.empty(places.size, np.float64)
    for start in range(0, pixels, places.size):
        width = min(places.size, pixels - start)
        load_keys(series.bits, start, width, series.coding, keys, seen)
        _block_quantiles(keys, series.values, series.coding, q, seen, places, found)
        for i in range(width):
            out[start + i] = found[i]


@kernel
def _load_deviations(
    values: Array, bits: Array, start: int, coding: Coding, medians: Doubles, width: int, deviations: Array
) -> None:
    for time in range(bits.shape[0]):
        row = values[time, start : start + width]
        source = bits[time, start : start + width]
        target = deviations[time]
        for pixel in range(width):
            value, median = float(row[pixel]), medians[pixel]
            away = abs(value - median)
            away = 0.0 if value == median else away
            target[pixel] = away if is_seen(key_of(source[pixel], coding), coding) else np.nan
    deviations[bits.shape[0] :] = np.nan


@kernel
def _medians_mads(series: Series, like: Series, places: Array, medians: Array, mads: Array) -> None:
    times, pixels = series.bits.shape
    keys = np.empty(((times + ROWS - 1) // ROWS * ROWS, places.size), series.bits.dtype)
    deviations = np.empty(keys.shape, mads.dtype)
    seen = np.empty(places.size, places.dtype)
    median = np.empty(places.size, np.float64)
    mad = np.empty(places.size, np.float64)
    for start in range(0, pixels, places.size):
        width = min(places.size, pixels - start)
        load_keys(series.bits, start, width, series.coding, keys, seen)
        _block_quantiles(keys, series.values, series.coding, 0.5, seen, places, median)
        _load_deviations(series.values, series.bits, start, series.coding, median, width, deviations)
        # no deviation is negative, and so its bits are its key
        _block_quantiles(deviations.view(like.bits.dtype), like.values, like.coding, 0.5, seen, places, mad)
        for i in range(width):
            medians[start + i] = median[i]
            # the median of two opposite infinities is no number, and then neither is the deviation
            mads[start + i] = mad[i] if median[i] == median[i] else np.nan
