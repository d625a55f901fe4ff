"""Paths of a Markov chain in continuous time as a Poisson stream of possible jumps (Jensen 1953).

With `rate` at least the fastest rate of leaving any state, jumps come as a Poisson process of that rate and each
moves by B = I + Q / rate, often to where it already is. The powers of B, made once, give the probabilities over
any gap as a sum with Poisson weights, and paths between known ends, jump by jump (Hobolth and Stone 2009,
doi 10.1214/09-AOAS247).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Doubles
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.transition import checked_gaps, checked_generator

MOST_JUMPS = 300.0
"""exp(-mean) must not underflow, and the powers must fit in memory: longer gaps are for the caller to divide."""


@dataclass(frozen=True, slots=True)
class Uniformised:
    """A generator as jumps that come at one rate."""

    rate: float
    """Possible jumps per day."""
    powers: Doubles
    """(n, K, K): powers[n] is B to the n."""


def uniformised(generator: npt.ArrayLike, longest_gap_days: float) -> Uniformised:
    """Prepare a generator for gaps up to a length.

    Parameters
    ----------
    generator
        (K, K) float64, jumps per day from row to column; rows sum to 0.
    longest_gap_days
        No gap asked for later may be longer.

    Raises
    ------
    ValueError
        Not a generator; a gap that is negative or not finite, or one of more than 300 possible jumps.

    >>> chain = uniformised([[-0.5, 0.5], [0.25, -0.25]], 1.0)
    >>> chain.rate, chain.powers[1].tolist()
    (0.5, [[0.0, 1.0], [0.5, 0.5]])
    """
    rates = checked_generator(generator)
    longest = float(checked_gaps([longest_gap_days])[0])
    rate = max(float(-rates.diagonal().min()), 1e-9)
    mean = rate * longest
    if mean > MOST_JUMPS:
        raise ValueError(f"a gap of {longest:g} days has {mean:.0f} possible jumps, more than {MOST_JUMPS:g}")
    # eight standard deviations beyond the mean, and enough where the mean is small
    count = math.ceil(mean + 8.0 * math.sqrt(mean)) + 20
    powers = np.empty((count, *rates.shape))
    powers[0] = np.eye(len(rates))
    _raise(np.maximum(np.eye(len(rates)) + rates / rate, 0.0), powers)
    return Uniformised(rate, powers)


def over_gaps(chain: Uniformised, gaps_days: npt.ArrayLike) -> Doubles:
    """Probability (gap, K, K) of each state after each gap, given the state before.

    Raises
    ------
    ValueError
        A gap that is negative or not finite.

    >>> over_gaps(uniformised([[-0.5, 0.5], [0.25, -0.25]], 1.0), [0.0, 1.0]).round(3).tolist()
    [[[1.0, 0.0], [0.0, 1.0]], [[0.648, 0.352], [0.176, 0.824]]]
    """
    gaps = checked_gaps(gaps_days)
    out = np.zeros((gaps.size, *chain.powers.shape[1:]))
    _sum(chain.rate, chain.powers, gaps, out)
    return out


@kernel
def _raise(step: Doubles, powers: Doubles) -> None:
    size = step.shape[0]
    for n in range(1, powers.shape[0]):
        for i in range(size):
            for j in range(size):
                powers[n, i, j] = 0.0
            for k in range(size):
                share = powers[n - 1, i, k]
                if share > 0.0:
                    for j in range(size):
                        powers[n, i, j] += share * step[k, j]


@kernel
def _sum(rate: float, powers: Doubles, gaps: Doubles, out: Doubles) -> None:
    size = powers.shape[1]
    for g in range(gaps.size):
        mean = rate * gaps[g]
        weight = math.exp(-mean)
        left = 1.0
        for n in range(powers.shape[0]):
            if n > 0:
                weight *= mean / n
            left -= weight
            if weight > 1e-18:
                for i in range(size):
                    for j in range(size):
                        out[g, i, j] += weight * powers[n, i, j]
            if n > mean and left < 1e-15:
                break
