"""How many dates a monitor runs until its first false alarm, and the limits that make it run so long.

For independent standard normal departures, clipped as the kernels clip them. The tabular CUSUM as a Markov chain: the
sum lies in one of so many cells, and the alarm is the state that is never left (Brook and Evans 1972, Biometrika
59:539-549, doi 10.1093/biomet/59.3.539). The moving sum from its chance of staying within the limit over one and over
two windows, which goes on as a product (Glaz, Naus and Wang 2001, Scan Statistics, chapter 4); the chances by
simulation under exponential tilting (Siegmund 1976, doi 10.1214/aos/1176343541), so that rare alarms cost no more.
"""

from math import erf, exp, expm1, log1p, pi, sinh, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

type Doubles = NDArray[np.float64]

CELLS: Final = 400
"""Run lengths move by less than 0.2 % with twice as many."""
LIMITS: Final = (0.25, 100.0)
LONGEST: Final = 1e10
DRAWS: Final = 1_500_000
PATHS: Final = (2000, 100_000)
PROCESS_LIMITS: Final = (0.5, 9.0)
UNREACHED: Final = 20.0
"""A normal departure is never that large: a clip beyond it is none."""
STEEPEST: Final = 30.0
"""Tilt that takes a departure's mean to more than 0.99 of any clip."""


def cusum_run_length(k: float, h: float, clip: float = np.inf, shift: float = 0.0) -> float:
    """Average dates until `kernels.cusum` alarms, started at zero, when departures are normal about `shift`.

    Parameters
    ----------
    k, h, clip, shift
        Reference value, decision interval, Huber's bound and true shift, in spreads.

    Raises
    ------
    ValueError
        k < 0, h <= 0, a clip that is not above k (the sum could never grow), or a run length above 1e10 (which double
        precision cannot tell).

    >>> round(cusum_run_length(0.5, 4.0)), round(cusum_run_length(0.5, 5.0, shift=1.0), 1)
    (168, 10.4)
    """
    if not (0.0 <= k < np.inf and 0.0 < h < np.inf and clip > k and np.isfinite(shift)):
        raise ValueError(f"a run length needs k >= 0, h > 0 and clip > k: k {k}, h {h}, clip {clip}, shift {shift}")
    # exact: while one sum exceeds h the other is at zero (van Dobben de Bruyn 1968)
    rate = sum(1.0 / _one_sided(k, h, clip, mean) for mean in (shift, -shift))
    if not rate * LONGEST >= 1.0:
        raise ValueError(f"longer than {LONGEST:g} dates: k {k}, h {h}, clip {clip}, shift {shift}")
    return 1.0 / rate


def cusum_limit(k: float, run_length: float, clip: float = np.inf) -> float:
    """The decision interval h, in spreads, with which false alarms come `run_length` dates apart on average.

    Raises
    ------
    ValueError
        As `cusum_run_length`, or a run length that no limit in 0.25..100 gives.

    >>> round(cusum_limit(0.5, 465.4), 2)
    5.0
    """
    low, high = LIMITS[0], 2.0 * LIMITS[0]
    if not run_length > cusum_run_length(k, low, clip):
        raise ValueError(f"no limit from {low:g} runs only {run_length} dates: k {k}, clip {clip}")
    while cusum_run_length(k, high, clip) < run_length:
        low, high = high, 2.0 * high
        if high > LIMITS[1]:
            raise ValueError(f"no limit up to {LIMITS[1]:g} runs {run_length} dates: k {k}, clip {clip}")
    return float(brentq(lambda h: np.log(cusum_run_length(k, h, clip) / run_length), low, high, xtol=1e-4))


def mosum_run_length(window: int, h: float, clip: float = np.inf) -> float:
    """Average dates until the process of `kernels.mosum` first leaves -h..h, from an empty ring; to about 3 %.

    Parameters
    ----------
    window
        Dates in the sum.
    h, clip
        Boundary in standard deviations of the unclipped process, and Huber's bound in spreads.

    Raises
    ------
    ValueError
        No window, h <= 0, clip <= 0, or 0.99 clip sqrt(window) not above h: the process could hardly get there.

    >>> round(mosum_run_length(1, 3.0), -1)  # Shewhart's chart: 370.4
    370.0
    """
    bound = min(clip, UNREACHED)
    if not (window >= 1 and 0.0 < h < 0.99 * bound * sqrt(window)):
        raise ValueError(
            f"a run length needs a window and 0 < h < 0.99 clip sqrt(window): {window}, h {h}, clip {clip}"
        )
    first, early, late = _first_passages(int(window), h * sqrt(window), bound)
    if early + late == 0.0:
        return np.inf
    # none while the ring fills, then one window's chances, then a product; of hardly any that are left all may go
    stays = 1.0 - min(early, 1.0)
    hazard = -expm1(log1p(-late / stays) / window) if 0.0 < late < stays else 1.0
    return float(window * (2.0 - (first + early) / 2.0) + stays / hazard)


def mosum_limit(window: int, run_length: float, clip: float = np.inf) -> float:
    """The boundary, in standard deviations, with which a moving sum's first false alarm comes after `run_length` dates.

    Raises
    ------
    ValueError
        As `mosum_run_length`, or a run length that no boundary gives.

    >>> bool(abs(mosum_limit(1, 370.4) - 3.0) < 0.01)
    True
    """
    if not (window >= 1 and clip > 0.0):
        raise ValueError(f"a boundary needs a window and clip > 0: {window}, clip {clip}")
    low, high = PROCESS_LIMITS[0], min(PROCESS_LIMITS[1], 0.98 * clip * sqrt(window))
    if not (low < high and mosum_run_length(window, low, clip) < run_length <= mosum_run_length(window, high, clip)):
        raise ValueError(f"no boundary in {low:g}..{high:g} runs {run_length} dates: window {window}, clip {clip}")
    return float(brentq(lambda h: np.log(mosum_run_length(window, h, clip) / run_length), low, high, xtol=1e-3))


def ols_cusum_critical(alpha: float) -> float:
    """The critical value of `kernels.fluctuation`: 2 (1 - Phi(x) + x phi(x)) = alpha.

    Source: Chu, Stinchcombe and White (1996), Econometrica 64:1045-1065, doi 10.2307/2171955.

    >>> round(ols_cusum_critical(0.05), 6)
    2.795483
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha not in 0..1: {alpha}")
    return float(brentq(lambda x: 1.0 - erf(x / sqrt(2.0)) + x * sqrt(2.0 / pi) * exp(-x * x / 2.0) - alpha, 0.0, 40.0))


def _one_sided(k: float, h: float, clip: float, mean: float) -> float:
    """Average run length of max(0, C + z - k) from zero; the cells are [0, w/2], then w wide about their middles."""
    width = 2.0 * h / (2 * CELLS - 1)
    states = np.arange(CELLS) * width
    # chance that the next sum is at most each edge, of what is clipped neither above nor below
    reach = (states + width / 2.0)[None, :] - states[:, None] + k
    within = ndtr(np.clip(reach, -clip, clip) - mean)
    within[:, 1:] -= within[:, :-1].copy()
    within[:, 0] -= ndtr(-clip - mean)
    for jump, chance in ((clip - k, ndtr(mean - clip)), (-clip - k, ndtr(-clip - mean))):
        if np.isfinite(jump):
            _add_jumps(within, np.maximum(states + jump, 0.0) / width, float(chance))
    try:
        length = float(np.linalg.solve(np.eye(CELLS) - within, np.ones(CELLS))[0])
    except np.linalg.LinAlgError:
        return np.inf
    # an alarm all but out of reach leaves a matrix whose solution is rounding
    return length if length > 0.0 else np.inf


def _add_jumps(within: Doubles, landing: Doubles, chance: float) -> None:
    """What is clipped moves a whole cell by one step, shared between the two cells it overlaps; beyond is the alarm."""
    lower = landing.astype(np.int64)
    for cell, share in ((lower, lower + 1 - landing), (lower + 1, landing - lower)):
        rows = np.flatnonzero(cell < len(within))
        within[rows, cell[rows]] += chance * share[rows]


def _first_passages(window: int, limit: float, clip: float) -> tuple[float, float, float]:
    """Chances that the first moving sum beyond the limit is the first of all, the first to w-th, or a later to 2w-th.

    Each path has its alarm at a place of its own: the departures in that window are tilted so that their sum is about
    the limit on average, and the path counts, by its likelihood ratio, if no sum before was beyond.
    """
    places = 2 * window + 1
    paths = int(np.clip(DRAWS // (3 * window), *PATHS)) // places * places + places
    uniform = np.random.default_rng(window).random((paths, 3 * window))
    place = np.arange(paths) % places
    tilt = float(brentq(lambda t: _tilted_mean(t, clip) - limit / window, 0.0, STEEPEST))
    columns = np.arange(3 * window)[None, :] - place[:, None]
    tilted = (columns >= 0) & (columns < window)
    low, between, high = _masses(tilt, clip)
    # the tilted distribution by its inverse: what lies beyond either end of the part between is clipped
    mass = uniform * (low + between + high) - low
    inverse = ndtr(-clip - tilt) + mass * exp(-tilt * tilt / 2.0)
    z = np.clip(ndtri(np.where(tilted, np.clip(inverse, 0.0, 1.0), uniform)) + tilt * tilted, -clip, clip)
    sums = np.cumsum(np.pad(z, ((0, 0), (1, 0))), axis=1)
    moving = sums[:, window:] - sums[:, :-window]
    at = moving[np.arange(paths), place]
    before = (np.abs(moving) > limit) & (np.arange(places)[None, :] < place[:, None])
    log_ratio = window * np.log(low + between + high) - tilt * at
    chance = np.where((at > limit) & ~before.any(axis=1), 2.0 * np.exp(log_ratio), 0.0)
    each = np.bincount(place, chance, places) / (paths // places)
    return float(each[0]), float(each[: window + 1].sum()), float(each[window + 1 :].sum())


def _masses(tilt: float, clip: float) -> tuple[float, float, float]:
    """Of exp(tilt z) times the density of a clipped normal z: at -clip, between, and at clip."""
    tail = float(ndtr(-clip))
    between = exp(tilt * tilt / 2.0) * float(ndtr(clip - tilt) - ndtr(-clip - tilt))
    return tail * exp(-tilt * clip), between, tail * exp(tilt * clip)


def _tilted_mean(tilt: float, clip: float) -> float:
    low, between, high = _masses(tilt, clip)
    ends = 2.0 * exp(-clip * clip / 2.0) / sqrt(2.0 * pi) * sinh(tilt * clip)
    return ((high - low) * clip + tilt * between - ends) / (low + between + high)
