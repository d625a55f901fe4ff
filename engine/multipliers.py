"""By how much a pixel must exceed its ring's clutter to be a detection at a stated false-alarm rate.

Exact for gamma clutter: the pixel has L looks and the ring's cells, of the same mean, have L looks and are
independent. Cell-averaging is an F test; greatest-of, smallest-of and ordered statistic have closed forms for one
look (Gandhi & Kassam 1988, doi 10.1109/7.7185; Rohling 1983, doi 10.1109/TAES.1983.309350) and are integrated for
others. Every multiplier is that of the mean (of the ring, of a half) or of the cell that stands for it.

Neighbouring pixels of a finely sampled image are correlated. `pixels_per_cell` says how many of them count as one:
a ring of N such pixels is taken for N / pixels_per_cell independent cells of L looks, whose mean has the same
variance and is taken to be gamma distributed too. A rank keeps its mean probability. L stays what single
pixels show, for the correlation between neighbours does not alter one pixel's law.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray
from scipy import optimize, signal, special

Doubles = NDArray[np.float64]
NODES = 256
ROWS = 2048
"""Multipliers found together, so that the integrals' nodes stay within some megabytes."""
NEGLIGIBLE = 1e-16


def cell_averaging(cells: npt.ArrayLike, looks: float, pfa: float, pixels_per_cell: float = 1.0) -> Doubles:
    """Multiplier of the mean of `cells` cells: the F quantile with 2L and 2NL degrees of freedom.

    Parameters
    ----------
    cells
        Any shape, pixels that make the mean; 0 gives NaN.
    looks
        Equivalent number of looks of the intensity.
    pfa
        Probability that a pixel of clutter is a detection.
    pixels_per_cell
        How many correlated pixels count as one independent cell.

    Raises
    ------
    ValueError
        Looks or pixels per cell not positive, or pfa outside 0..1.

    >>> cell_averaging([16, 24], 1.0, 1e-3).round(4)
    array([8.6388, 8.0045])
    """
    number = _independent(cells, looks, pfa, pixels_per_cell)
    # the pixel's share of pixel and ring together is beta distributed
    share = special.betainccinv(looks, looks * number, pfa)
    return np.asarray(number * share / (1.0 - share))


def greatest_of(
    first: npt.ArrayLike, second: npt.ArrayLike, looks: float, pfa: float, pixels_per_cell: float = 1.0
) -> Doubles:
    """Multiplier of the larger of the means of two halves, of `first` and of `second` cells.

    >>> (greatest_of([8], [8], 1.0, 1e-3) / 8).round(6)  # of a half's sum
    array([0.935914])
    """
    return _of_halves(first, second, looks, pfa, pixels_per_cell, greatest=True)


def smallest_of(
    first: npt.ArrayLike, second: npt.ArrayLike, looks: float, pfa: float, pixels_per_cell: float = 1.0
) -> Doubles:
    """Multiplier of the smaller of the means of two halves, of `first` and of `second` cells.

    >>> (smallest_of([8], [8], 1.0, 1e-3) / 8).round(6)
    array([1.574964])
    """
    return _of_halves(first, second, looks, pfa, pixels_per_cell, greatest=False)


def ordered_statistic(
    cells: npt.ArrayLike, rank: npt.ArrayLike, looks: float, pfa: float, pixels_per_cell: float = 1.0
) -> Doubles:
    """Multiplier of the rank-th smallest of `cells` cells; ranks as `berthwatch.kernels.cfar_rank.rank` gives them.

    For one look the false-alarm rate is prod_{i<k} (N - i) / (N - i + alpha), which is a ratio of beta functions.

    >>> ordered_statistic([16, 24, 32], [12, 18, 24], 1.0, 1e-6).round(3)
    array([20.954, 16.293, 14.399])
    """
    whole = _independent(cells, looks, pfa, pixels_per_cell)
    pixels, places = whole * pixels_per_cell, np.asarray(rank, np.float64)
    if np.any(places < 1.0) or np.any(places > pixels * (1.0 + 1e-12)):
        raise ValueError(f"rank not in 1..cells: {places} of {pixels}")
    place = places * (whole + 1.0) / (pixels + 1.0)

    def log_rate(alpha: Doubles, n: Doubles, k: Doubles) -> Doubles:
        return np.asarray(special.betaln(n - k + 1.0 + alpha, k) - special.betaln(n - k + 1.0, k))

    def nodes(n: Doubles, k: Doubles) -> tuple[Doubles, Doubles]:
        tail = NEGLIGIBLE * pfa
        low = special.gammaincinv(looks, special.betaincinv(k, n - k + 1.0, tail)) / looks
        high = special.gammainccinv(looks, special.betaincinv(n - k + 1.0, k, tail)) / looks
        w, step = _log_spaced(low, high)
        below, above = special.gammainc(looks, looks * w), special.gammaincc(looks, looks * w)
        log_weight = special.xlogy(k - 1.0, below) + special.xlogy(n - k, above) - special.betaln(k, n - k + 1.0)
        return w, np.exp(log_weight) * _density(w, looks) * step

    return _solved((whole, place), looks, pfa, log_rate, nodes)


def table(count: npt.ArrayLike, multiplier: Callable[..., Doubles]) -> Doubles:
    """Multipliers by count, for the counts that occur (and, of halves, those swapped); NaN at others and at 0.

    `count` is (y, x) int32 from a detector; or (2, y, x) from `greatest_of`, for which the table has two dimensions
    and `multiplier` takes two arrays.

    >>> table(np.array([[0, 2], [2, 3]]), lambda cells: cell_averaging(cells, 1.0, 0.01)).round(2)
    array([  nan,   nan, 18.  , 10.92])
    """
    cells = np.asarray(count)
    layers = np.sort(cells.reshape(2 if cells.ndim == 3 else 1, -1), axis=0)  # halves may be swapped
    shape = (int(cells.max(initial=0)) + 1,) * len(layers)
    found = np.unravel_index(np.unique(np.ravel_multi_index(tuple(layers), shape)), shape)
    positive = np.all([part > 0 for part in found], axis=0)
    kept = tuple(part[positive] for part in found)
    out = np.full(shape, np.nan)
    out[kept] = out[kept[::-1]] = multiplier(*kept)
    return out


def pixels_per_cell(outer: int, guard: int, correlation: npt.ArrayLike, *, half: bool = False) -> float:
    """How many pixels of a ring (its left half) count as one independent cell: the sum of all correlations over N.

    `correlation` is (2a + 1, 2b + 1): coefficients of the intensity at lags -a..a in y and -b..b in x, 1 at the centre.

    >>> round(pixels_per_cell(41, 11, np.outer([0.4, 1.0, 0.4], [0.4, 1.0, 0.4])), 2)
    3.14
    """
    lags = np.atleast_2d(np.asarray(correlation, np.float64))
    if (
        lags.shape[0] % 2 == 0
        or lags.shape[1] % 2 == 0
        or abs(lags[lags.shape[0] // 2, lags.shape[1] // 2] - 1.0) > 1e-9
    ):
        raise ValueError(f"correlation must have odd sides and 1 at its centre: shape {lags.shape}")
    ring = np.ones((outer, outer))
    edge = (outer - guard) // 2
    ring[edge : outer - edge, edge : outer - edge] = 0.0
    if half:
        ring[:, outer // 2 :] = 0.0
    if not ring.any():
        raise ValueError(f"outer must be larger than guard: {outer}, {guard}")
    return float((ring * signal.convolve2d(ring, lags, mode="same")).sum() / ring.sum())


def _independent(cells: npt.ArrayLike, looks: float, pfa: float, pixels: float) -> Doubles:
    """Independent cells, NaN where there are none."""
    if not (looks > 0.0 and pixels > 0.0 and 0.0 < pfa < 1.0):
        raise ValueError(f"looks and pixels per cell must be positive, pfa between 0 and 1: {looks}, {pixels}, {pfa}")
    number = np.asarray(cells, np.float64)
    return np.where(number > 0.0, number, np.nan) / pixels


def _of_halves(
    first: npt.ArrayLike, second: npt.ArrayLike, looks: float, pfa: float, pixels: float, *, greatest: bool
) -> Doubles:
    def log_rate(alpha: Doubles, n: Doubles, m: Doubles) -> Doubles:
        # The sum over i < n of C(n - 1 + i, i) (2 + T)^-(n + i) is a negative binomial, so an incomplete beta
        # function, which holds for halves of unequal and of no whole number of cells.
        share = special.betainc if greatest else special.betaincc
        parts = [np.exp(-a * np.log1p(alpha / a)) * share(b, a, b / (a + b + alpha)) for a, b in ((n, m), (m, n))]
        return np.asarray(np.log(np.maximum(parts[0] + parts[1], np.finfo(np.float64).tiny)))

    def nodes(n: Doubles, m: Doubles) -> tuple[Doubles, Doubles]:
        tail = NEGLIGIBLE * pfa
        a, b = looks * n, looks * m
        low = np.minimum(special.gammaincinv(a, tail) / a, special.gammaincinv(b, tail) / b)
        high = np.maximum(special.gammainccinv(a, tail) / a, special.gammainccinv(b, tail) / b)
        w, step = _log_spaced(low, high)
        share = special.gammainc if greatest else special.gammaincc
        return w, (_density(w, a) * share(b, b * w) + _density(w, b) * share(a, a * w)) * step

    one, other = (_independent(part, looks, pfa, pixels) for part in (first, second))
    return _solved((one, other), looks, pfa, log_rate, nodes)


def _log_spaced(low: Doubles, high: Doubles) -> tuple[Doubles, Doubles]:
    """Nodes (..., NODES) and their step in log w: there the trapezoidal rule gains digits exponentially."""
    start, stop = np.log(low), np.log(high)
    step = (stop - start) / (NODES - 1)
    return np.exp(start + step * np.arange(NODES)), step


def _density(w: Doubles, shape: Doubles | float) -> Doubles:
    """Density of log w, for w gamma distributed with mean 1."""
    return np.asarray(np.exp(shape * (np.log(w) + np.log(shape) - w) - special.gammaln(shape)))


def _solved(
    arguments: tuple[Doubles, Doubles],
    looks: float,
    pfa: float,
    log_rate_one_look: Callable[[Doubles, Doubles, Doubles], Doubles],
    nodes: Callable[[Doubles, Doubles], tuple[Doubles, Doubles]],
) -> Doubles:
    """The multiplier at which the false-alarm rate is `pfa`, for each pair of arguments."""
    first, second = np.broadcast_arrays(*arguments)
    out = np.full(first.size, np.nan)
    known = np.flatnonzero(~np.isnan(first + second))
    for rows in np.split(known, range(ROWS, known.size, ROWS)) if known.size else []:
        out[rows] = _roots(first.ravel()[rows], second.ravel()[rows], looks, pfa, log_rate_one_look, nodes)
    return out.reshape(first.shape)


def _roots(
    a: Doubles,
    b: Doubles,
    looks: float,
    pfa: float,
    log_rate_one_look: Callable[[Doubles, Doubles, Doubles], Doubles],
    nodes: Callable[[Doubles, Doubles], tuple[Doubles, Doubles]],
) -> Doubles:
    w, weight = nodes(a[:, None], b[:, None]) if looks != 1.0 else (a, b)

    def excess(log_alpha: Doubles, row: NDArray[np.int64]) -> Doubles:
        alpha = np.exp(log_alpha)
        if looks == 1.0:
            return np.asarray(log_rate_one_look(alpha, a[row], b[row]) - np.log(pfa))
        rate = (special.gammaincc(looks, looks * alpha[..., None] * w[row]) * weight[row]).sum(axis=-1)
        return np.asarray(np.log(np.maximum(rate, np.finfo(np.float64).tiny)) - np.log(pfa))

    rows = (np.arange(a.size),)
    bracket = optimize.elementwise.bracket_root(excess, np.zeros(a.size), np.ones(a.size), args=rows)
    return np.asarray(np.exp(optimize.elementwise.find_root(excess, bracket.bracket, args=rows).x))
