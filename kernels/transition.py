"""From rates per day to probabilities over a gap: P = expm(Q * gap).

Two states have a closed form. More are summed by uniformisation (Jensen 1953; Grassmann 1977), in which every
term is positive and nothing cancels, on a gap halved until the series is short, then squared back.
"""

import math

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Doubles, checked_doubles
from berthwatch.kernels.compile import kernel

# 0.5**20 / 20! is 4e-25: also the rarest chain of jumps keeps its digits
TERMS = 20


def transition_matrices(generator: npt.ArrayLike, gaps_days: npt.ArrayLike) -> Doubles:
    """Probability of each state after a gap, given the state before.

    Parameters
    ----------
    generator
        (K, K) float64, jumps per day from row to column; rows sum to 0.
    gaps_days
        (gap,) float64, finite and not negative.

    Returns
    -------
    (gap, K, K) float64: row the state before, column the state after; rows sum to 1.

    Raises
    ------
    ValueError
        Not a generator, or a gap that is negative or not finite.

    >>> transition_matrices([[-0.5, 0.5], [0.25, -0.25]], [0.0, 1.0, 1e6]).round(3).tolist()
    [[[1.0, 0.0], [0.0, 1.0]], [[0.648, 0.352], [0.176, 0.824]], [[0.333, 0.667], [0.333, 0.667]]]
    """
    rates = checked_generator(generator)
    gaps = checked_gaps(gaps_days)
    out = np.empty((gaps.size, *rates.shape))
    if len(rates) == 2:
        _two_states(rates, gaps, out)
    else:
        _many_states(rates.copy(), gaps, out)  # writable, as in jumps: compiled once for both
    return out


def checked_generator(generator: npt.ArrayLike) -> Doubles:
    """Return a generator (K, K) as read-only float64.

    Raises
    ------
    ValueError
        Not square, a negative rate, or rows that do not sum to 0.

    >>> checked_generator([[-1.0, 2.0], [0.0, 0.0]])
    Traceback (most recent call last):
    ValueError: generator's rows must sum to 0: [1.0, 0.0]
    """
    rates = checked_doubles("generator", generator, (None, None))
    if rates.shape[0] != rates.shape[1] or rates.size == 0:
        raise ValueError(f"generator must be square: shape {rates.shape}")
    between = rates[~np.eye(len(rates), dtype=bool)]
    if not (np.isfinite(rates).all() and (between >= 0.0).all()):
        raise ValueError(f"generator's rates must be finite and not negative: {rates.tolist()}")
    sums = rates.sum(axis=1)
    if (np.abs(sums) > 1e-9 * np.abs(rates).max()).any():
        raise ValueError(f"generator's rows must sum to 0: {sums.tolist()}")
    return rates


def checked_gaps(gaps_days: npt.ArrayLike) -> Doubles:
    """Return gaps (n,) in days as read-only float64.

    Raises
    ------
    ValueError
        A gap that is negative or not finite.

    >>> checked_gaps([3.0, -1.0])
    Traceback (most recent call last):
    ValueError: gaps_days must be finite and not negative: -1.0 at 1
    """
    gaps = checked_doubles("gaps_days", gaps_days, (None,))
    wrong = np.flatnonzero(~(np.isfinite(gaps) & (gaps >= 0.0)))
    if wrong.size:
        raise ValueError(f"gaps_days must be finite and not negative: {gaps[wrong[0]]} at {wrong[0]}")
    return gaps


@kernel
def _two_states(rates: Doubles, gaps: Doubles, out: Doubles) -> None:
    leave = rates[0, 1]
    back = rates[1, 0]
    total = leave + back
    for g in range(gaps.size):
        # 1 - exp(-total * gap) over total, kept exact where the gap is short
        moved = -math.expm1(-total * gaps[g]) / total if total > 0.0 else 0.0
        stayed = math.exp(-total * gaps[g])
        out[g, 0, 1] = leave * moved
        out[g, 1, 0] = back * moved
        out[g, 0, 0] = back * moved + stayed
        out[g, 1, 1] = leave * moved + stayed


@kernel
def _many_states(rates: Doubles, gaps: Doubles, out: Doubles) -> None:
    states = rates.shape[0]
    result = np.empty((states, states))
    for g in range(gaps.size):
        exponential(rates, gaps[g], result)
        for i in range(states):
            total = 0.0
            for j in range(states):
                total += result[i, j]
            for j in range(states):
                out[g, i, j] = result[i, j] / total


@kernel
def exponential(rates: Doubles, gap: float, out: Doubles) -> None:
    """Write expm(rates * gap) into `out`; for square matrices not negative off the diagonal (a kernel: unchecked)."""
    states = rates.shape[0]
    fastest = 0.0
    for i in range(states):
        fastest = max(fastest, -rates[i, i])
    squarings = 0
    while fastest * gap > 0.5:
        gap *= 0.5
        squarings += 1
    step = np.empty((states, states))
    scratch = np.empty((states, states))
    decay = math.exp(-fastest * gap)
    for i in range(states):
        for j in range(states):
            step[i, j] = gap * (rates[i, j] + (fastest if i == j else 0.0))
            out[i, j] = decay if i == j else 0.0
    for term in range(TERMS, 0, -1):  # Horner: 1 + step/1 (1 + step/2 (1 + ...))
        _multiply(step, out, 1.0 / term, decay, scratch)
    for _ in range(squarings):
        _multiply(out, out, 1.0, 0.0, scratch)


@kernel
def _multiply(left: Doubles, right: Doubles, factor: float, diagonal: float, scratch: Doubles) -> None:
    """Turn `right` into factor * left @ right, and add to its diagonal; numba's own `@` needs scipy."""
    size = left.shape[0]
    for i in range(size):
        for j in range(size):
            total = 0.0
            for k in range(size):
                total += left[i, k] * right[k, j]
            scratch[i, j] = factor * total + (diagonal if i == j else 0.0)
    for i in range(size):
        for j in range(size):
            right[i, j] = scratch[i, j]
