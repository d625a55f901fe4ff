"""Whole histories of one berth, drawn at random given all its looks: every stay with its times, seen or not.

First the states at the looks, backwards from the last (Scott 2002, JASA 97, 337); then the path between each two
of them, jump by jump, between known ends (Hobolth and Stone 2009, doi 10.1214/09-AOAS247). What the berth did while
nobody looked, whole stays included, is thus drawn from the same posterior as what was seen. Random numbers are
counted, not streamed, as in `paths`: a history depends on its key only.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Doubles, Integers
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.paths import GOLDEN, TO_53_BITS, UNIT, mix
from berthwatch.kernels.stays import Filtered
from berthwatch.kernels.uniformisation import Uniformised

Counter = npt.NDArray[np.uint64]
ONE = np.uint64(1)
ROOM = 256
ARRIVED, LEFT, WHO, FIRST, LAST = range(5)


@dataclass(frozen=True, slots=True)
class History:
    """One drawn history of a berth."""

    times_days: Doubles
    """(stays, 2): arrival and departure; NaN where that lies before the first look or after the last."""
    codes: Integers
    """(stays, 5): state on arrival (or at the first look), on departure (or at the last), candidate, and the first and
    last look during the stay, -1 where there was none."""
    jumps: Doubles
    """(S + 1, S + 1): how often the berth went from one state to another; S is vacant."""
    days: Doubles
    """(S + 1,): how long it was in each."""


def draw_history(
    filtered: Filtered,
    transition: Doubles,
    chain: Uniformised,
    gap: Integers,
    times_days: Doubles,
    weight: Doubles,
    key: int,
) -> History:
    """Draw one history.

    Parameters
    ----------
    filtered
        As `filter_stays` gives it.
    transition, chain
        Of the expanded chain: over each different gap, and as possible jumps.
    gap
        (n,) which transition matrix leads to each look.
    times_days
        (n,) of the looks, never falling.
    weight
        As in `filter_stays`.
    key
        0 to 2**64 - 1: equal keys give equal histories.

    >>> from berthwatch.kernels.uniformisation import over_gaps, uniformised
    >>> from berthwatch.kernels.stays import expanded, filter_stays, looks_of
    >>> chain = uniformised(expanded([[-1.0, 1.0], [0.5, -0.5]]), 1.0)
    >>> days, one = over_gaps(chain, [1.0]), np.array([1.0])
    >>> sure = looks_of([0.0, -99.0], [[[-99.0]], [[0.0]]], [0, 0])
    >>> blocks, gap = np.array([0, 1]), np.array([0, 0])
    >>> found = filter_stays(sure, days, np.array([0]), blocks, one, np.array([0.5, 0.5]))
    >>> drawn = draw_history(found, days, chain, gap, np.array([0.0, 1.0]), one, key=5)
    >>> drawn.codes[-1].tolist(), bool(0 < drawn.times_days[-1, 0] < 1), float(drawn.days.sum().round(12))
    ([0, 0, 0, 1, 1], True, 1.0)
    """
    looks, _, states = filtered.taken.shape
    who, state = np.empty(looks, np.int64), np.empty(looks, np.int64)
    fresh = np.empty(looks, np.bool_)
    counter = np.zeros(1, np.uint64)
    _draw_looks(filtered.vacant, filtered.taken, filtered.any_vessel, transition, gap, weight,
                np.uint64(key), counter, who, state, fresh)  # fmt: skip
    jumps, days = np.zeros((states + 1, states + 1)), np.zeros(states + 1)
    room = ROOM
    while True:
        times, codes = np.empty((room, 2)), np.empty((room, 5), np.int64)
        jumps[:], days[:], again = 0.0, 0.0, counter.copy()
        stays = _connect(who, state, fresh, times_days, weight, chain.rate, chain.powers, np.uint64(key), again,
                         times, codes, jumps, days)  # fmt: skip
        if stays <= room:
            return History(times[:stays], codes[:stays], jumps, days)
        room = stays


@kernel
def _uniform(key: np.uint64, counter: Counter) -> float:
    counter[0] += ONE
    return float(mix(mix(key + GOLDEN) + counter[0] * GOLDEN) >> TO_53_BITS) * UNIT


@kernel
def _pick(weights: Doubles, size: int, key: np.uint64, counter: Counter) -> int:
    """Index below `size` drawn in proportion to weights."""
    total = 0.0
    for i in range(size):
        total += weights[i]
    level = _uniform(key, counter) * total
    last = 0
    for i in range(size):
        if weights[i] > 0.0:
            last = i
            level -= weights[i]
            if level < 0.0:
                break
    return last


@kernel
def _draw_looks(
    vacant: Doubles,
    taken: Doubles,
    any_vessel: Doubles,
    transition: Doubles,
    gap: Integers,
    weight: Doubles,
    key: np.uint64,
    counter: Counter,
    who: Integers,
    state: Integers,
    fresh: npt.NDArray[np.bool_],
) -> None:
    """Draw the candidate (-1: vacant) and state at each look, and whether its stay began since the look before."""
    looks, _, states = taken.shape
    chance = np.empty(2 * states + 1)  # same stay from each state; vacant before; another stay from each state
    vessels = np.empty(taken.shape[1])
    for t in range(looks - 1, -1, -1):
        after, vessel = -1, -1
        if t < looks - 1:
            after, vessel = state[t + 1], who[t + 1]
        _weigh(t, after, vessel, vacant, taken, any_vessel, transition, gap, weight, chance)
        found = _pick(chance, chance.size, key, counter)
        if t < looks - 1:
            fresh[t + 1] = found >= states
        if found == states:
            who[t], state[t] = -1, states
        elif found < states:
            who[t], state[t] = vessel, found
        else:
            state[t] = found - states - 1
            for m in range(vessels.size):
                vessels[m] = taken[t, m, state[t]]
            who[t] = _pick(vessels, vessels.size, key, counter)
    fresh[0] = True


@kernel
def _weigh(
    t: int,
    after: int,
    vessel: int,
    vacant: Doubles,
    taken: Doubles,
    any_vessel: Doubles,
    transition: Doubles,
    gap: Integers,
    weight: Doubles,
    chance: Doubles,
) -> None:
    """Write how likely each state at a look is, given the one after it (-1: it is the last)."""
    states = any_vessel.shape[1]
    for s in range(states):
        chance[s] = 0.0
        chance[states + 1 + s] = any_vessel[t, s]
    chance[states] = vacant[t]
    if after < 0:
        return
    g = gap[t + 1]
    if vessel < 0:
        chance[states] *= transition[g, states, states]
        for s in range(states):
            chance[states + 1 + s] *= transition[g, s, states]
        return
    chance[states] *= weight[vessel] * transition[g, states, states + 1 + after]
    for s in range(states):
        chance[s] = taken[t, vessel, s] * transition[g, s, after]
        chance[states + 1 + s] *= weight[vessel] * transition[g, s, states + 1 + after]


@kernel
def _bridge(
    start: int,
    end: int,
    duration: float,
    rate: float,
    powers: Doubles,
    key: np.uint64,
    counter: Counter,
    states: Integers,
    times: Doubles,
) -> int:
    """Draw a path between two states: write each possible jump's time since the start and where it leads."""
    mean = rate * duration
    weights = np.empty(powers.shape[0])
    weight = math.exp(-mean)
    for n in range(powers.shape[0]):
        if n > 0:
            weight *= mean / n
        weights[n] = weight * powers[n, start, end]
    count = _pick(weights, weights.size, key, counter)
    for i in range(count):  # sorted as they come: there are few
        moment = _uniform(key, counter) * duration
        place = i
        while place > 0 and times[place - 1] > moment:
            times[place] = times[place - 1]
            place -= 1
        times[place] = moment
    here = start
    chance = np.empty(powers.shape[1])
    for i in range(count):
        for there in range(chance.size):
            chance[there] = powers[1, here, there] * powers[count - 1 - i, there, end]
        here = _pick(chance, chance.size, key, counter)
        states[i] = here
    return count


@kernel
def _connect(
    who: Integers,
    state: Integers,
    fresh: npt.NDArray[np.bool_],
    look_times: Doubles,
    weight: Doubles,
    rate: float,
    powers: Doubles,
    key: np.uint64,
    counter: Counter,
    times: Doubles,
    codes: Integers,
    jumps: Doubles,
    days: Doubles,
) -> int:
    """Draw what lies between the looks; how many stays there are, of which those with room are written."""
    vacant = days.size - 1
    stays, room = 0, times.shape[0]
    path, moments = np.empty(powers.shape[0], np.int64), np.empty(powers.shape[0])
    for t in range(who.size):
        if t > 0:
            end = state[t] + vacant + 1 if who[t] >= 0 and fresh[t] else state[t]
            duration = look_times[t] - look_times[t - 1]
            here, clock = state[t - 1], 0.0
            count = _bridge(here, end, duration, rate, powers, key, counter, path, moments)
            for i in range(count):
                there = path[i] if path[i] <= vacant else path[i] - vacant - 1
                days[here] += moments[i] - clock
                clock = moments[i]
                if there == here:
                    continue
                jumps[here, there] += 1.0
                if there == vacant and stays <= room:
                    times[stays - 1, 1], codes[stays - 1, LEFT] = look_times[t - 1] + clock, here
                if here == vacant:
                    stays += 1
                    if stays <= room:
                        times[stays - 1, 0], times[stays - 1, 1] = look_times[t - 1] + clock, math.nan
                        codes[stays - 1, ARRIVED], codes[stays - 1, LEFT] = there, there
                        codes[stays - 1, WHO] = _pick(weight, weight.size, key, counter)
                        codes[stays - 1, FIRST], codes[stays - 1, LAST] = -1, -1
                here = there
            days[here] += duration - clock
        elif who[0] >= 0:
            stays = 1
            times[0, 0], times[0, 1] = math.nan, math.nan
            codes[0, ARRIVED], codes[0, LEFT], codes[0, WHO] = state[0], state[0], who[0]
            codes[0, FIRST], codes[0, LAST] = 0, 0
        if who[t] >= 0 and stays <= room:
            codes[stays - 1, WHO], codes[stays - 1, LEFT], codes[stays - 1, LAST] = who[t], state[t], t
            if codes[stays - 1, FIRST] < 0:
                codes[stays - 1, FIRST] = t
    return stays
