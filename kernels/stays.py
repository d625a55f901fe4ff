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
    place: Doubles
    """(n, places) the same again if the vessel lies at a place along the berth, which it keeps as long as it stays."""
    mute: Doubles
    """(n,) of each look if a vessel lies there, whoever it is at whatever level and place: it is added."""
    log_scale: Doubles
    """(n,) logarithm of what each look was divided by."""
    gap: Integers
    """(n,) which transition matrix leads to each look; ignored at the first."""


def looks_of(
    log_vacant: npt.ArrayLike,
    log_taken: npt.ArrayLike,
    gap: npt.ArrayLike,
    log_place: npt.ArrayLike | None = None,
    log_mute: npt.ArrayLike | None = None,
) -> Looks:
    """Looks from log-likelihoods.

    Parameters
    ----------
    log_vacant
        (n,) if the berth is vacant.
    log_taken
        (n, candidates, levels) if a candidate lies there at a load level,
    gap
        (n,) which transition matrix leads to each look.
    log_place
        (n, places) and at a place along the berth; one place for all when not given.
    log_mute
        (n,) if a vessel lies there, and the look says nothing of it: added to the product of the two before it.

    Raises
    ------
    ValueError
        Shapes that do not fit, or a look that is impossible in every state.

    >>> looks_of([0.0], [[[-np.inf]]], [0]).taken.tolist()
    [[[0.0]]]
    """
    vacant = checked_doubles("log_vacant", log_vacant, (None,))
    taken = checked_doubles("log_taken", log_taken, (vacant.size, None, None))
    anywhere = np.zeros((vacant.size, 1)) if log_place is None else log_place
    place = checked_doubles("log_place", anywhere, (vacant.size, None))
    never = np.full(vacant.size, -np.inf)
    mute = checked_doubles("log_mute", never if log_mute is None else log_mute, (vacant.size,))
    likeliest = place.max(axis=1)
    largest = np.maximum(np.maximum(vacant, mute), taken.max(axis=(1, 2)) + likeliest)
    if not np.isfinite(largest).all():
        raise ValueError(f"look {np.flatnonzero(~np.isfinite(largest))[0]} is impossible in every state")
    which = np.asarray(gap, np.int64)
    both = taken + (likeliest - largest)[:, None, None]
    where = np.exp(place - likeliest[:, None])
    return Looks(np.exp(vacant - largest), np.exp(both), where, np.exp(mute - largest), largest, which)


@dataclass(frozen=True, slots=True)
class Filtered:
    """Probabilities given the looks up to each one."""

    vacant: Doubles
    """(n,)"""
    taken: Doubles
    """(n, candidates x places, S): of one candidate all places stand side by side."""
    any_vessel: Doubles
    """(n, S): `taken` summed over the candidates and places."""
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
        (candidates x places,) probability of each at an arrival.
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
    count, candidates = looks.vacant.size, looks.taken.shape[1] * looks.place.shape[1]
    states = level.size
    found = Filtered(np.empty(count), np.empty((count, candidates, states)), np.empty((count, states)), 0.0)
    log_likelihood = float(looks.log_scale.sum()) + _filter(
        looks.vacant, looks.taken, looks.place, looks.mute, looks.gap, transition, level, blocks, weight, initial,
        found.vacant, found.taken, found.any_vessel,
    )  # fmt: skip
    if not math.isfinite(log_likelihood):
        raise ValueError("a berth's looks are impossible in every state under this model")
    return Filtered(found.vacant, found.taken, found.any_vessel, log_likelihood)


@kernel
def _filter(
    seen_vacant: Doubles,
    seen_taken: Doubles,
    seen_place: Doubles,
    mute: Doubles,
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
    states, places = level.size, seen_place.shape[1]
    arrived = np.empty(states)
    for s in range(states):
        arrived[s] = initial[s]
    empty = initial[states]
    # candidates lie side by side here, so that a step runs through them at the speed of memory
    lay, lies = np.zeros((states, weight.size)), np.empty((states, weight.size))
    seen = np.empty((seen_taken.shape[2], weight.size))
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
        _moved(transition[g], blocks, weight, arrived, lay, lies)
        vacant[t] = empty * seen_vacant[t]
        for m in range(weight.size):
            for at in range(seen.shape[0]):
                seen[at, m] = seen_taken[t, m // places, at] * seen_place[t, m % places] + mute[t]
        total = _weighed(vacant[t], seen, level, lies, any_vessel[t])
        if not total > 0.0:
            return -math.inf
        share = 1.0 / total
        vacant[t] *= share
        for s in range(states):
            any_vessel[t, s] *= share
            for m in range(weight.size):
                lies[s, m] *= share
        for m in range(weight.size):
            for s in range(states):
                taken[t, m, s] = lies[s, m]
        lay, lies = lies, lay
        log_likelihood += math.log(total)
    return log_likelihood


@kernel
def _moved(
    transition: Doubles, blocks: Integers, weight: Doubles, arrived: Doubles, lay: Doubles, lies: Doubles
) -> None:
    """Write how likely each candidate lies there in each state, (S, candidates), before the look is looked at."""
    for b in range(blocks.size - 1):
        for s in range(blocks[b], blocks[b + 1]):
            for m in range(weight.size):
                lies[s, m] = weight[m] * arrived[s]
            for before in range(blocks[b], blocks[b + 1]):
                stays = transition[before, s]
                for m in range(weight.size):
                    lies[s, m] += lay[before, m] * stays


@kernel
def _weighed(vacant: float, seen: Doubles, level: Integers, lies: Doubles, any_vessel: Doubles) -> float:
    """Multiply in one look's likelihoods; the probability of the look given those before it."""
    total = vacant
    for s in range(level.size):
        for m in range(lies.shape[1]):
            lies[s, m] *= seen[level[s], m]
        any_vessel[s] = 0.0
        for m in range(lies.shape[1]):
            any_vessel[s] += lies[s, m]
        total += any_vessel[s]
    return total
