"""The plain NumPy twins of the kernels that monitor series: one pixel after another, each sum written out."""

from math import gamma, sqrt

import numpy as np

from berthwatch.kernels.arrays import Array, Doubles


def departures(stack: Array, level: Array, spread: Array, clip: float = np.inf) -> Array:
    """(time, ...) float32: NaN where not seen, at most the clip or a million spreads."""
    with np.errstate(all="ignore"):
        z = (stack - level) / np.where(spread > 0, spread, np.float32(np.nan))
    bound = min(clip, 1e6)
    return np.where(np.isfinite(z), np.clip(z, -bound, bound), np.nan).astype(np.float32)


def cusum(stack: Array, level: Array, spread: Array, k: float, h: float, clip: float) -> tuple[Array, Array, Array]:
    """Alarms, C+ and C- after every date, each (time, ...); sums are rounded to float32 at each step, as a state is."""
    z = departures(stack, level, spread, clip)
    alarm = np.full(z.shape, 255, np.uint8)
    above, below = np.zeros(z.shape, np.float32), np.zeros(z.shape, np.float32)
    for place in np.ndindex(z.shape[1:]):
        high = low = np.float32(0)
        for time in range(len(z)):
            value = z[(time, *place)]
            if not np.isnan(value):
                high = max(np.float32(0), high + value - np.float32(k))
                low = max(np.float32(0), low - value - np.float32(k))
                alarm[(time, *place)] = int(high > np.float32(h)) + 2 * int(low > np.float32(h))
            above[(time, *place)], below[(time, *place)] = high, low
    return alarm, above, below


def mosum(stack: Array, level: Array, spread: Array, window: int, clip: float = np.inf) -> Doubles:
    """Sums of the last departures seen, over the root of their number, after every date; NaN until there are enough."""
    z = departures(stack, level, spread, clip).astype(np.float64)
    out = np.full(z.shape, np.nan)
    for place in np.ndindex(z.shape[1:]):
        for time in range(len(z)):
            series = z[(slice(time + 1), *place)]
            seen = series[~np.isnan(series)]
            if len(seen) >= window:
                out[(time, *place)] = seen[-window:].sum() / sqrt(window)
    return out


def ols_cusum(stack: Array, level: Array, spread: Array, history: Array, critical: float) -> tuple[Doubles, Doubles]:
    """Process and boundary after every date; the boundary is 0 before the first that was seen."""
    z = departures(stack, level, spread).astype(np.float64)
    m = np.where(history > 0, history, np.nan)
    x = 1.0 + np.cumsum(~np.isnan(z), axis=0) / m
    with np.errstate(all="ignore"):
        square = x * (x - 1.0) * (critical**2 + np.log(x / (x - 1.0)))
    return np.cumsum(np.nan_to_num(z), axis=0) / np.sqrt(m), np.sqrt(np.where(x > 1.0, square, 0.0))


def history_fit(stack: Array, design: Doubles) -> tuple[Doubles, Doubles, Array]:
    """Coefficients, spread and dates seen, by the pseudo-inverse; NaN where rank or dates do not suffice."""
    terms = design.shape[1]
    shape = stack.shape[1:]
    coefficients, spread = np.full((terms, *shape), np.nan), np.full(shape, np.nan)
    count = np.isfinite(stack).sum(axis=0)
    for place in np.ndindex(shape):
        values = stack[(slice(None), *place)].astype(np.float64)
        seen = np.isfinite(values)
        x, y = design[seen], values[seen]
        if len(y) > terms and np.linalg.matrix_rank(x) == terms:
            found = np.linalg.pinv(x) @ y
            coefficients[(slice(None), *place)] = found
            spread[place] = sqrt(((y - x @ found) ** 2).sum() / (len(y) - terms))
    return coefficients, spread, count


def recursive_cusum(series: Array, design: Doubles, initial: int) -> Doubles:
    """Of one pixel: each date seen is foretold by least squares on all before it."""
    out = np.full(len(series), np.nan)
    seen = np.flatnonzero(np.isfinite(series))
    x, y = design[seen], series[seen].astype(np.float64)
    errors = []
    for n in range(initial, len(y)):
        inverse = np.linalg.inv(x[:n].T @ x[:n])
        foretold = x[n] @ inverse @ x[:n].T @ y[:n]
        errors.append((y[n] - foretold) / sqrt(1.0 + x[n] @ inverse @ x[n]))
    if len(errors) > 1:
        out[seen[initial:]] = np.cumsum(errors) / (np.std(errors, ddof=1) * sqrt(len(errors)))
    return out


def reactiv(stack: Array, looks: float) -> tuple[Doubles, Doubles, Array, Array]:
    """Coefficient of variation of amplitude, its score, dates seen and the date of the largest value."""
    with np.errstate(all="ignore"):
        amplitude = np.sqrt(stack.astype(np.float64))
    amplitude[~np.isfinite(amplitude)] = np.nan
    shape = stack.shape[1:]
    cv, score = np.full(shape, np.nan), np.full(shape, np.nan)
    count, brightest = np.zeros(shape, int), np.full(shape, -1)
    g, half = gamma(looks), gamma(looks + 0.5)
    expected = sqrt(looks * g**2 / half**2 - 1)
    over = 4 * looks**2 * g**2 - 4 * looks * half**2 - half**2
    bracket = looks * g**4 * over / (4 * half**4 * (looks * g**2 - half**2))
    for place in np.ndindex(shape):
        series = amplitude[(slice(None), *place)]
        seen = series[~np.isnan(series)]
        count[place] = len(seen)
        if len(seen):
            brightest[place] = np.nanargmax(series)
        if len(seen) and seen.mean() > 0:
            cv[place] = seen.std() / seen.mean()
            score[place] = (cv[place] - expected) / sqrt(bracket / len(seen))
    return cv, score, count, brightest
