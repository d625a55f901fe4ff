"""The plain twins of the ratio kernels: means pixel by pixel, and the F distribution as a sum over many points."""

import math

import numpy as np

from berthwatch.kernels.arrays import Array, Doubles

POINTS = 40_001
REACH = 60.0


def log_ratio(stack: Array, background: Array | None = None) -> Doubles:
    """Difference of logarithms in extended precision, of the one rounded ratio where they are close."""
    above, below = _paired(stack, background)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.log(above) - np.log(below)
        near = np.log1p((above - below) / below)
    return np.where(np.abs(far) < 0.5, near, far).astype(np.float64)


def mean_ratio(stack: Array, background: Array | None = None, window_px: int = 1) -> Doubles:
    """One minus the lesser over the greater of two means, window by window."""
    above, below = _paired(stack, background)
    out = np.full(above.shape, np.nan)
    half = window_px // 2
    for time, y, x in np.ndindex(*out.shape):
        window = (slice(max(y - half, 0), y + half + 1), slice(max(x - half, 0), x + half + 1))
        if np.isnan(above[time, y, x]) or np.isnan(below[time, y, x]):
            continue
        low, high = sorted(float(np.nanmean(image[time][window])) for image in (above, below))
        if low >= 0.0 and high > 0.0 and low < np.inf:
            out[time, y, x] = 1.0 - low / high
    return out


def ratio_test(before: float, after: float, looks_before: float, looks_after: float) -> float:
    """Both tails of z = ln F by Simpson's rule: its density goes with e^(m z) / (1 + m / n e^z)^(m + n)."""
    n, m = looks_before, looks_after
    if not (0.0 < before < np.inf and 0.0 < after < np.inf):
        return np.nan
    shift = math.log(after) - math.log(before)
    tails = []
    for side in (-1.0, 1.0):
        z = shift + side * np.linspace(0.0, 2.0 + REACH / min(m, n), POINTS)
        log_density = m * (z + math.log(m / n)) - (m + n) * np.logaddexp(0.0, z + math.log(m / n))
        log_density -= math.lgamma(m) + math.lgamma(n) - math.lgamma(m + n)
        simpson = np.full(POINTS, 2.0) + 2.0 * (np.arange(POINTS) % 2)
        simpson[[0, -1]] = 1.0
        tails.append(float(simpson @ np.exp(log_density)) * abs(float(z[1] - z[0])) / 3.0)
    return min(2.0 * min(tails), 1.0)


def _paired(stack: Array, background: Array | None) -> tuple[Array, Array]:
    long = stack.astype(np.longdouble)
    if background is None:
        return long[1:], long[:-1]
    return long, np.broadcast_to(background.astype(np.longdouble), long.shape)
