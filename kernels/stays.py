"""Stays of vessels at one berth: what the looks so far say of who lies there and in which state.

A hidden Markov model in continuous time whose occupied states carry an identity that stays the same as long as
the vessel does. A vessel is one of `candidates`, drawn anew at each arrival with the probabilities `weight`; while
it stays, it moves among the states of one block (what it came for: at which load it is). Transition matrices are of
the expanded chain of 2 S + 1 states for S occupied ones:

    0 .. S - 1       the stay that lasted at the start of the gap, not yet ended
    S                vacant
    S + 1 .. 2 S     a stay that began within the gap

so that "still the same vessel" and "another one" are different ends. Because candidates differ only in what they
look like and how likely they are, a step costs candidates x states, not its square: the rest of the transition
matrix has rank one in the identity.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Doubles, Integers, checked_doubles
from berthwatch.kernels.compile import kernel


@dataclass(frozen=True, slots=True)
class Looks:
    """One berth's looks in order of time, as likelihoods of which the largest of each look is 1."""

    vacant: Doubles
    """(n,) of each look if the berth is vacant."""
    taken: Doubles
    """(n, candidates, levels) the same if a candidate lies there at a load level."""
    log_scale: Doubles
    """(n,) logarithm of what each look was divided by."""
    gap: Integers
    """(n,) which transition matrix leads to each look; ignored at the first."""


def looks_of(log_vacant: npt.ArrayLike, log_taken: npt.ArrayLike, gap: npt.ArrayLike) -> Looks:
    """Looks from log-likelihoods: of vacancy (n,), and of each candidate at each load level (n, candidates, levels).

    Raises
    ------
    ValueError
        Shapes that do not fit, or a look that is impossible in every state.

    >>> looks_of([0.0], [[[-np.inf]]], [0]).taken.tolist()
    [[[0.0]]]
    """
    vacant = checked_doubles("log_vacant", log_vacant, (None,))
    taken = checked_doubles("log_taken", log_taken, (vacant.size, None, None))
    largest = np.maximum(vacant, taken.max(axis=(1, 2)))
    if not np.isfinite(largest).all():
        raise ValueError(f"look {np.flatnonzero(~np.isfinite(largest))[0]} is impossible in every state")
    which = np.asarray(gap, np.int64)
    return Looks(np.exp(vacant - largest), np.exp(taken - largest[:, None, None]), largest, which)


@dataclass(frozen=True, slots=True)
class Filtered:
    """Probabilities given the looks up to each one."""

    vacant: Doubles
    """(n,)"""
    taken: Doubles
    """(n, candidates, S)"""
    any_vessel: Doubles
    """(n, S): `taken` summed over the candidates."""
    log_likelihood: float


def expanded(generator: npt.ArrayLike) -> Doubles:
    """Generator of the expanded chain (2 S + 1, 2 S + 1) from that of S occupied states and, last, vacant.

    >>> expanded([[-1.0, 1.0], [0.5, -0.5]]).tolist()
    [[-1.0, 1.0, 0.0], [0.0, -0.5, 0.5], [0.0, 1.0, -1.0]]
    """
    rates = checked_doubles("generator", generator, (None, None))
    states = len(rates) - 1
    out = np.zeros((2 * states + 1, 2 * states + 1))
    out[:states, : states + 1] = rates[:states]
    later = np.r_[states + 1 : 2 * states + 1, states]
    out[np.ix_(later, later)] = rates
    return out


def filter_stays(
    looks: Looks, transition: Doubles, level: Integers, blocks: Integers, weight: Doubles, initial: Doubles
) -> Filtered:
    """Filter one berth's looks.

    Parameters
    ----------
    looks
        At least one.
    transition
        (gap, 2 S + 1, 2 S + 1) over each different gap, of the expanded chain.
    level
        (S,) which column of `log_taken` a state looks like.
    blocks
        (blocks + 1,) states blocks[b]:blocks[b + 1] can follow one another within a stay.
    weight
        (candidates,) probability of each at an arrival.
    initial
        (S + 1,) probability of each occupied state and, last, of vacancy at the first look.

    Raises
    ------
    ValueError
        The looks cannot be: impossible in every state.

    >>> looks = looks_of(np.log([0.9, 0.1]), np.log([[[0.1]], [[0.9]]]), [0, 0])
    >>> days = np.array([[[0.6, 0.3, 0.1], [0.0, 0.7, 0.3], [0.0, 0.4, 0.6]]])
    >>> one = np.array([0]), np.array([0, 1]), np.array([1.0]), np.array([0.5, 0.5])
    >>> filter_stays(looks, days, *one).vacant.round(3).tolist()
    [0.9, 0.177]
    """
    count, candidates, _ = looks.taken.shape
    states = level.size
    found = Filtered(np.empty(count), np.empty((count, candidates, states)), np.empty((count, states)), 0.0)
    log_likelihood = float(looks.log_scale.sum()) + _filter(
        looks.vacant, looks.taken, looks.gap, transition, level, blocks, weight, initial,
        found.vacant, found.taken, found.any_vessel,
    )  # fmt: skip
    if not math.isfinite(log_likelihood):
        raise ValueError("a berth's looks are impossible in every state under this model")
    return Filtered(found.vacant, found.taken, found.any_vessel, log_likelihood)


@kernel
def _filter(
    seen_vacant: Doubles,
    seen_taken: Doubles,
    gap: Integers,
    transition: Doubles,
    level: Integers,
    blocks: Integers,
    weight: Doubles,
    initial: Doubles,
    vacant: Doubles,
    taken: Doubles,
    any_vessel: Doubles,
) -> float:
    states = level.size
    arrived = np.empty(states)
    for s in range(states):
        arrived[s] = initial[s]
    empty = initial[states]
    log_likelihood = 0.0
    for t in range(seen_vacant.size):
        g = gap[t]
        if t > 0:
            empty = vacant[t - 1] * transition[g, states, states]
            for s in range(states):
                empty += any_vessel[t - 1, s] * transition[g, s, states]
                arrived[s] = vacant[t - 1] * transition[g, states, states + 1 + s]
                for before in range(states):
                    arrived[s] += any_vessel[t - 1, before] * transition[g, before, states + 1 + s]
        step = _advance(t, g, seen_vacant, seen_taken, transition, level, blocks, weight, empty, arrived,
                        vacant, taken, any_vessel)  # fmt: skip
        if not step > -math.inf:
            return -math.inf
        log_likelihood += step
    return log_likelihood


@kernel
def _advance(
    t: int,
    g: int,
    seen_vacant: Doubles,
    seen_taken: Doubles,
    transition: Doubles,
    level: Integers,
    blocks: Integers,
    weight: Doubles,
    empty: float,
    arrived: Doubles,
    vacant: Doubles,
    taken: Doubles,
    any_vessel: Doubles,
) -> float:
    """Write one look's probabilities; its log-likelihood given the looks before."""
    vacant[t] = empty * seen_vacant[t]
    total = vacant[t]
    for s in range(level.size):
        any_vessel[t, s] = 0.0
    for m in range(weight.size):
        for b in range(blocks.size - 1):
            for s in range(blocks[b], blocks[b + 1]):
                p = weight[m] * arrived[s]
                if t > 0:
                    for before in range(blocks[b], blocks[b + 1]):
                        p += taken[t - 1, m, before] * transition[g, before, s]
                p *= seen_taken[t, m, level[s]]
                taken[t, m, s] = p
                any_vessel[t, s] += p
                total += p
    if total <= 0.0:
        return -math.inf
    vacant[t] /= total
    for s in range(level.size):
        any_vessel[t, s] /= total
        for m in range(weight.size):
            taken[t, m, s] /= total
    return math.log(total)
