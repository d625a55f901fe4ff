"""The plain NumPy twin of the low mode, by the words of its definition; nothing here is shared with the kernel."""

import numpy as np

from berthwatch.kernels.arrays import Array


def as_floats(stack: Array, nodata: float | None = None) -> Array:
    """Any stack as float64, NaN where not seen."""
    return np.where(False if nodata is None else stack == nodata, np.nan, stack.astype(np.float64))


def temporal_low_mode(stack: Array, support: float = 0.2, nodata: float | None = None) -> Array:
    """Lowest supported mode over time of each pixel, as float64."""
    floats = as_floats(stack, nodata)
    out = np.full(floats.shape[1:], np.nan)
    for pixel in np.ndindex(*out.shape):
        series = floats[(slice(None), *pixel)]
        ranked = np.sort(series[np.isfinite(series)])
        if ranked.size:
            out[pixel] = _lowest(ranked, min(ranked.size, max(2, int(np.ceil(support * ranked.size)))))
    return out


def _lowest(ranked: Array, held: int) -> float:
    lengths = ranked[held - 1 :] - ranked[: ranked.size - held + 1]
    return next(  # there is one: the first of the shortest passes
        half_sample_mode(ranked[first : first + held])
        for first, length in enumerate(lengths)
        if (lengths[:first] > length).all() and (lengths[first : first + held] >= length).all()
    )


def half_sample_mode(ranked: Array) -> float:
    """Half-sample mode, written as its authors do: the same of the shortest half."""
    if ranked.size <= 2:
        return float(ranked.mean())
    if ranked.size == 3:
        gaps = np.diff(ranked)
        return float(ranked[1] if gaps[0] == gaps[1] else ranked[:2].mean() if gaps[0] < gaps[1] else ranked[1:].mean())
    half = -(-ranked.size // 2)
    first = int(np.argmin(ranked[half - 1 :] - ranked[: ranked.size - half + 1]))
    return half_sample_mode(ranked[first : first + half])
