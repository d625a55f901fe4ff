"""How much brighter or darker a pixel became, by ratios: speckle multiplies, so differences would follow the level.

The logarithm of a ratio, the ratio of local means, and for SAR intensities of known looks how likely so large a ratio
would come by chance. Not seen stays not seen: NaN.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, Doubles, checked
from berthwatch.kernels.beta import fraction, lesser_tails, log_beta, terms_needed
from berthwatch.kernels.compile import dividing, kernel
from berthwatch.kernels.logarithm import BLOCK_PX, log_of_ratio, log_ratios

TEST_BLOCK_PX = 512
MOST_LOOKS = 1e4
"""Beyond, rounding takes the ninth digit of a p-value; to 1,000 looks it leaves ten."""


def log_ratio(stack: npt.ArrayLike, background: npt.ArrayLike | None = None) -> Array:
    """Natural logarithm of each date over a background, or over the date before it.

    Parameters
    ----------
    stack
        (time, ...) float32 or float64, linear, not below 0.
    background
        (...) of the stack's dtype; without one, each date but the first is compared with the one before.

    Returns
    -------
    (time, ...), or (time - 1, ...) without a background, of the stack's dtype and right to 2 ulp. -inf for 0 over
    something, inf for something over 0; NaN where either is NaN or below 0, both are 0 or both are infinite.

    Raises
    ------
    ValueError
        Another dtype, no time axis, or a background of another shape or dtype.

    Notes
    -----
    The log-ratio operator: Rignot and van Zyl 1993, IEEE TGRS 31(4), 896-906, doi 10.1109/36.239913.

    >>> log_ratio(np.array([[1.0, 2.0], [1.0, np.nan]]), np.array([2.0, 2.0])).round(3).tolist()
    [[-0.693, 0.0], [-0.693, nan]]
    >>> log_ratio(np.array([1.0, 2.0, 0.0])).round(3).tolist()
    [0.693, -inf]
    """
    above, below, shape = _paired(stack, background)
    out = np.empty(above.shape, above.dtype)
    if above.dtype == np.float32:
        _single_log_ratios(above, below, above.view(np.int32), below.view(np.int32), out)
    else:
        _double_log_ratios(above, below, out)
    return out.reshape(shape)


def mean_ratio(stack: npt.ArrayLike, background: npt.ArrayLike | None = None, window_px: int = 1) -> Array:
    """One minus the ratio of local means, the lesser over the greater: 0 for no change, towards 1 for a great one.

    Parameters
    ----------
    stack
        (time, y, x) float32 or float64, linear, not below 0.
    background
        (y, x) of the stack's dtype; without one, each date but the first is compared with the one before.
    window_px
        Side of the square over which means are taken, odd: what of it was seen and lies in the image counts.

    Returns
    -------
    (time, y, x), or (time - 1, y, x) without a background, of the stack's dtype; NaN where the pixel itself is NaN
    in either, or where a mean is below 0, both are 0 or both are infinite.

    Raises
    ------
    ValueError
        Another dtype or number of dimensions, a background of another shape or dtype, or an even window.

    Notes
    -----
    The mean-ratio detector: Inglada and Mercier 2007, IEEE TGRS 45(5), 1432-1445, doi 10.1109/TGRS.2007.893568.

    >>> mean_ratio(np.array([[[1.0, 8.0, 0.0]]]), np.array([[4.0, 2.0, 0.0]])).tolist()
    [[[0.75, 0.75, nan]]]
    >>> mean_ratio(np.array([[[1.0, 8.0, np.nan]]]), np.array([[2.0, 4.0, 1.0]]), window_px=3).round(3).tolist()
    [[[0.333, 0.481, nan]]]
    """
    images = checked("stack", stack, FLOATS, ndim=3)
    if window_px < 1 or window_px % 2 == 0:
        raise ValueError(f"window_px must be odd and above 0: {window_px}")
    above, below, shape = _paired(images, background)
    rows, columns = images.shape[1:]
    out = np.empty((len(above), rows, columns), above.dtype)
    _mean_ratios(above.reshape(-1, rows, columns), below.reshape(-1, rows, columns), window_px // 2, out)
    return out.reshape(shape)


def ratio_test(before: npt.ArrayLike, after: npt.ArrayLike, looks_before: float, looks_after: float) -> Doubles:
    """How likely so large a ratio of two SAR intensities, up or down, is where nothing changed. Exact.

    Parameters
    ----------
    before, after
        Intensities of one shape, float32 or float64, linear, above 0.
    looks_before, looks_after
        Equivalent number of looks of each, above 0, whole or not.

    Returns
    -------
    Two-sided p-values of that shape: twice the lesser tail of the F distribution with 2 looks_after and 2 looks_before
    degrees of freedom. NaN where either is NaN, not above 0 or infinite.

    Raises
    ------
    ValueError
        Another dtype, shapes that differ, or looks that are not above 0 or above 10,000.

    Notes
    -----
    The ratio of two gamma variables: Touzi, Lopes and Bousquet 1988, IEEE TGRS 26(6), 764-773, doi 10.1109/36.7708.

    >>> ratio_test(np.array([1.0, 1.0]), np.array([3.0, 0.1]), 4.4, 4.4).round(6).tolist()
    [0.121687, 0.00235]
    """
    first, second = checked("before", before, FLOATS), checked("after", after, FLOATS)
    if first.shape != second.shape:
        raise ValueError(f"before and after must have one shape: {first.shape} and {second.shape}")
    for name, looks in (("looks_before", looks_before), ("looks_after", looks_after)):
        if not 0.0 < looks <= MOST_LOOKS:
            raise ValueError(f"{name} must be above 0 and at most {MOST_LOOKS:.0f}: {looks}")
    p = np.empty(first.shape)
    _ratio_test(first.reshape(-1), second.reshape(-1), float(looks_before), float(looks_after), p.reshape(-1))
    return p


def _paired(stack: npt.ArrayLike, background: npt.ArrayLike | None) -> tuple[Array, Array, tuple[int, ...]]:
    """What is above and what below in each ratio, (time, pixel) and (time or 1, pixel), and the result's shape."""
    dates = checked("stack", stack, FLOATS)
    if dates.ndim == 0:
        raise ValueError(f"stack must have a time axis first: shape {dates.shape}")
    pixels = int(np.prod(dates.shape[1:]))
    flat = dates.reshape(len(dates), pixels)
    if background is None:
        above = flat[1:]
        return above, flat[: len(above)], (len(above), *dates.shape[1:])
    below = checked("background", background, (dates.dtype.type,))
    if below.shape != dates.shape[1:]:
        raise ValueError(f"background must have the shape of a date {dates.shape[1:]}: {below.shape}")
    return flat, below.reshape(1, pixels), dates.shape


@kernel
def _single_log_ratios(above: Array, below: Array, above_bits: Array, below_bits: Array, out: Array) -> None:
    room = np.empty((3, BLOCK_PX), np.int32)
    for start in range(0, above.shape[1], BLOCK_PX):
        stop = min(start + BLOCK_PX, above.shape[1])
        for time in range(above.shape[0]):
            base = min(time, below.shape[0] - 1)
            log_ratios(
                above[time, start:stop],
                below[base, start:stop],
                above_bits[time, start:stop],
                below_bits[base, start:stop],
                out[time, start:stop],
                room,
            )


@kernel
def _double_log_ratios(above: Array, below: Array, out: Array) -> None:
    for time in range(above.shape[0]):
        base = min(time, below.shape[0] - 1)
        for pixel in range(above.shape[1]):
            out[time, pixel] = log_of_ratio(above[time, pixel], below[base, pixel])


@kernel
def _local_means(image: Array, half: int, means: Doubles) -> None:
    """Means over (2 half + 1)^2 pixels of those that are there and not NaN; NaN where the pixel itself is NaN."""
    rows, columns = image.shape
    sums, counts = np.empty(columns + 2 * half), np.empty(columns + 2 * half)
    total, count = np.empty(columns), np.empty(columns)
    for y in range(rows):
        sums[:] = 0.0
        counts[:] = 0.0
        for row in range(max(y - half, 0), min(y + half + 1, rows)):
            for x in range(columns):
                value = image[row, x]
                sums[half + x] += value if value == value else 0.0
                counts[half + x] += 1.0 if value == value else 0.0
        total[:] = 0.0
        count[:] = 0.0
        for shift in range(2 * half + 1):
            for x in range(columns):
                total[x] += sums[shift + x]
                count[x] += counts[shift + x]
        for x in range(columns):
            value = image[y, x]
            means[y, x] = total[x] / count[x] if value == value else np.nan


@dividing
def _mean_ratios(above: Array, below: Array, half: int, out: Array) -> None:
    rows, columns = out.shape[1:]
    means, others = np.empty((rows, columns)), np.empty((rows, columns))
    for time in range(above.shape[0]):
        _local_means(above[time], half, means)
        if time < below.shape[0]:
            _local_means(below[time], half, others)
        for y in range(rows):
            for x in range(columns):
                mean, other = means[y, x], others[y, x]
                low, high = min(mean, other), max(mean, other)
                fit = (mean >= 0.0) & (other >= 0.0) & (high > 0.0)
                out[time, y, x] = 1.0 - low / (high if fit else np.nan)


@kernel
def _ratio_test(before: Array, after: Array, looks_before: float, looks_after: float, p: Doubles) -> None:
    terms = max(terms_needed(looks_after, looks_before), terms_needed(looks_before, looks_after))
    of_x, of_y = fraction(looks_after, looks_before, terms), fraction(looks_before, looks_after, terms)
    log_b = log_beta(looks_after, looks_before)
    room = np.empty((4, TEST_BLOCK_PX))
    for start in range(0, p.size, TEST_BLOCK_PX):
        stop = min(start + TEST_BLOCK_PX, p.size)
        x, y = room[0, : stop - start], room[1, : stop - start]
        _shares(before[start:stop], after[start:stop], looks_before, looks_after, x, y)
        lesser_tails(x, y, looks_after, looks_before, of_x, of_y, log_b, room[2:])
        for i in range(stop - start):
            p[start + i] = 2.0 * x[i]


@dividing
def _shares(before: Array, after: Array, looks_before: float, looks_after: float, x: Doubles, y: Doubles) -> None:
    """Shares of both dates in the sum over all their looks, the later in x and the earlier in y."""
    for i in range(x.size):
        now, then = looks_after * np.float64(after[i]), looks_before * np.float64(before[i])
        fit = (now > 0.0) & (then > 0.0) & (now < np.inf) & (then < np.inf)
        least, most = min(now, then), max(now, then)
        ratio = (least if fit else np.nan) / most
        greater = 1.0 / (1.0 + ratio)
        x[i] = greater if now > then else ratio * greater
        y[i] = ratio * greater if now > then else greater
