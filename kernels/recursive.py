"""A pixel's history by least squares, one date at a time: what it foretells, how it scatters, whether it is stable.

Each date seen is rotated into a triangle (Gentleman 1974, Applied Statistics 23:448-454, AS 75,
doi 10.2307/2347147), which never forms the ill-conditioned normal equations and gives the recursive residual
of the date by the way.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, Doubles, checked, checked_doubles
from berthwatch.kernels.compile import kernel

DEPENDENT = 1e-20
"""A column that the others explain to a part in 1e10 says nothing of its own; this is its square."""


@dataclass(frozen=True, slots=True)
class HistoryFit:
    """Least squares of each pixel: `coefficients` (terms, ...), residual `spread` (...) float64, `count` (...) int32.

    The spread is over count - terms; both it and the coefficients are NaN where the dates seen do not determine them.
    """

    coefficients: Doubles
    spread: Doubles
    count: Array


def history_fit(stack: npt.ArrayLike, design: npt.ArrayLike) -> HistoryFit:
    """Least squares of each pixel's dates seen on a design, such as an intercept, a trend and harmonics.

    Parameters
    ----------
    stack
        (time, ...) float32 or float64 of any unit; NaN and infinite values are left out.
    design
        (time, terms), finite. The level of a later date is its own row times the coefficients.

    Raises
    ------
    ValueError
        Another dtype, a design of another length or with NaN, or a stack without a time axis.

    Source: Gentleman (1974), Applied Statistics 23:448-454, algorithm AS 75, doi 10.2307/2347147.

    >>> fit = history_fit(np.array([[1.0], [3.0], [np.nan], [7.5]]), [[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    >>> fit.coefficients.round(3).tolist(), fit.spread.round(4).tolist(), fit.count.tolist()
    ([[0.929], [2.179]], [0.1336], [3])
    """
    series, rows, shape = _regression(stack, design)
    coefficients = np.empty((rows.shape[1], series.shape[1]))
    spread, count = np.empty(series.shape[1]), np.empty(series.shape[1], np.int32)
    _history_fits(series, rows, coefficients, spread, count)
    return HistoryFit(coefficients.reshape(-1, *shape), spread.reshape(shape), count.reshape(shape))


def recursive_cusum(stack: npt.ArrayLike, design: npt.ArrayLike, initial: int) -> Doubles:
    """The recursive CUSUM (empirical fluctuation process): is the history itself of one piece.

    Each date is foretold by least squares on those before it; the errors w, made of one variance, are summed over
    sd(w) sqrt(n - initial), n dates seen.

    Parameters
    ----------
    stack, design
        As in `history_fit`.
    initial
        Dates seen that only fit, at least as many as terms.

    Returns
    -------
    (time, ...) float64: NaN at dates not seen and at the first `initial`.

    Raises
    ------
    ValueError
        As `history_fit`, or fewer initial dates than terms.

    Source: Brown, Durbin and Evans (1975), JRSS B 37:149-192, eq. 2 and 6, doi 10.1111/j.2517-6161.1975.tb01532.x.

    >>> recursive_cusum(np.array([[1.0], [3.0], [2.0]]), [[1.0], [1.0], [1.0]], 1).round(3).ravel()
    array([nan,  1.,  1.])
    """
    series, rows, shape = _regression(stack, design)
    if initial < rows.shape[1]:
        raise ValueError(f"initial must be at least the {rows.shape[1]} terms: {initial}")
    process = np.empty(series.shape)
    _recursive_cusums(series, rows, int(initial), process)
    return process.reshape(-1, *shape)


def _regression(stack: npt.ArrayLike, design: npt.ArrayLike) -> tuple[Array, Doubles, tuple[int, ...]]:
    series = checked("stack", stack, FLOATS)
    if series.ndim == 0:
        raise ValueError(f"stack must have a time axis first: shape {series.shape}")
    rows = checked_doubles("design", design, (series.shape[0], None))
    return series.reshape(series.shape[0], math.prod(series.shape[1:])), rows, series.shape[1:]


@kernel
def _take_in(row: Array, value: float, scale: Array, upper: Array, target: Array) -> float:
    """Rotate one date into the triangle; returns its recursive residual (0 while terms are undetermined)."""
    weight = 1.0
    for i in range(row.size):
        entry = row[i]
        gain = weight * entry * entry
        if gain > 0.0:
            after = scale[i] + gain
            kept = scale[i] / after
            taken = weight * entry / after
            scale[i] = after
            weight *= kept
            for j in range(i + 1, row.size):
                before = row[j]
                row[j] = before - entry * upper[i, j]
                upper[i, j] = kept * upper[i, j] + taken * before
            before = value
            value = before - entry * target[i]
            target[i] = kept * target[i] + taken * before
    return math.sqrt(weight) * value


@kernel
def _history_fits(series: Array, design: Doubles, coefficients: Doubles, spread: Doubles, count: Array) -> None:
    terms = design.shape[1]
    row, scale, size, target = np.empty(terms), np.empty(terms), np.empty(terms), np.empty(terms)
    upper = np.empty((terms, terms))
    for pixel in range(series.shape[1]):
        scale[:], size[:], target[:], upper[:] = 0.0, 0.0, 0.0, 0.0
        dates, squares = 0, 0.0
        for time in range(series.shape[0]):
            value = np.float64(series[time, pixel])
            if abs(value) < np.inf:
                row[:] = design[time]
                for i in range(terms):
                    size[i] += row[i] * row[i]
                squares += _take_in(row, value, scale, upper, target) ** 2
                dates += 1
        count[pixel] = dates
        known = dates > terms and np.all(scale > DEPENDENT * size)
        spread[pixel] = math.sqrt(squares / (dates - terms)) if known else np.nan
        for i in range(terms - 1, -1, -1):
            below = np.sum(upper[i, i + 1 :] * coefficients[i + 1 :, pixel])
            coefficients[i, pixel] = target[i] - below if known else np.nan


@kernel
def _recursive_cusums(series: Array, design: Doubles, initial: int, process: Doubles) -> None:
    terms = design.shape[1]
    row, scale, target, upper = np.empty(terms), np.empty(terms), np.empty(terms), np.empty((terms, terms))
    for pixel in range(series.shape[1]):
        scale[:], target[:], upper[:] = 0.0, 0.0, 0.0
        dates, mean, squares, total = 0, 0.0, 0.0, 0.0
        for time in range(series.shape[0]):
            value = np.float64(series[time, pixel])
            process[time, pixel] = np.nan
            if abs(value) < np.inf:
                row[:] = design[time]
                error = _take_in(row, value, scale, upper, target)
                dates += 1
                if dates > initial:
                    departure = error - mean
                    mean += departure / (dates - initial)
                    squares += departure * (error - mean)
                    total += error
                    process[time, pixel] = total
        # squares / (dates - initial - 1) is the errors' variance
        unit = math.sqrt(squares * (dates - initial) / (dates - initial - 1)) if dates - initial > 1 else 0.0
        process[:, pixel] /= unit if unit > 0.0 else np.nan
