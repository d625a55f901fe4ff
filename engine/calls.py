"""Draws of whole histories: every call at every berth, seen or not, with its times, vessel and load, many times over.

Histories and rates are drawn in turn from their joint posterior (Gibbs sampling with data augmentation, Tanner and
Wong 1987, doi 10.1080/01621459.1987.10478458): rates that few looks settle widen every answer downstream. All numbers
about calls, loads and barrels are counts over these draws.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from berthwatch.kernels.histories import History, draw_history
from berthwatch.kernels.stays import Filtered, Looks, expanded, filter_stays, looks_of
from berthwatch.kernels.uniformisation import Uniformised, over_gaps, uniformised
from berthwatch.rates import (
    BLOCKS,
    LEVEL_EDGES,
    LEVEL_OF,
    PRIOR_PURPOSES,
    PURPOSE_OF,
    Rates,
    draw_rates,
    generator,
    prior_rates,
    stationary,
)  # fmt: skip
from berthwatch.vessel import Candidates, prior_weight

SETTLING: Final = 20
"""Rounds that are thrown away: the rates begin at their priors."""
ROUNDS: Final = 100
HISTORIES: Final = 5
"""Histories drawn for each drawing of the rates: they cost less."""
DRAWS: Final = ROUNDS * HISTORIES
LONGEST_GAP_DAYS: Final = 6.0
SAME_GAP_DAYS: Final = 0.01
"""Gaps are rounded to a quarter of an hour for the filter: there are then few different ones, each worked out once."""
LEAD_DAYS: Final = 12.0
"""The histories begin this long before the first look, so that who lies there then has arrived some time."""


@dataclass(frozen=True, slots=True)
class BerthLooks:
    """One berth's looks, and the times at which a tracker was heard there, in order of time.

    `days` (n,) since the port's first look; `look` (n,) which look it is, -1 where a tracker was heard; the
    log-likelihoods of that given vacancy (n,), given each candidate at each level (n, candidates, LEVELS), and given
    each place along the berth (n, places); `log_mute` (n,): that some vessel lay there, and what was measured of it had
    nothing to do with it. `visible` (looks,): whether anything was visible.
    """

    days: NDArray[np.float64]
    look: NDArray[np.int64]
    log_vacant: NDArray[np.float64]
    log_taken: NDArray[np.float64]
    log_place: NDArray[np.float64]
    log_mute: NDArray[np.float64]
    visible: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Calls:
    """All calls of all draws, each array (calls,). Times are days since the port's first look.

    `draw` 0..DRAWS - 1; `berth` the place in the list given; `candidate` a row of the candidates; `purpose` a place in
    `PURPOSES`; `first`, `last` the looks at its berth during the call, -1 where there was none; `departure_days` is
    NaN where the vessel was still there at the last look, and the load on departure is then that at the last look.
    `seen`: whether anything was visible in one of those looks. `shares` (DRAWS, purposes): how calls divide.
    """

    draw: NDArray[np.int64]
    berth: NDArray[np.int64]
    arrival_days: NDArray[np.float64]
    departure_days: NDArray[np.float64]
    candidate: NDArray[np.int64]
    purpose: NDArray[np.int64]
    arrival_load: NDArray[np.float64]
    departure_load: NDArray[np.float64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    seen: NDArray[np.bool_]
    shares: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Series:
    """A berth's looks with steps without a look between them, so that no gap is long; `look` is -1 at such a step.

    `visible_before[i]` counts the looks before look i that showed anything.
    """

    days: NDArray[np.float64]
    gap_days: NDArray[np.float64]
    look: NDArray[np.int64]
    visible_before: NDArray[np.int64]
    looks: Looks


def _with_steps(berth: BerthLooks) -> _Series:
    days, row = [berth.days[0] - LEAD_DAYS], [-1]
    for index, day in enumerate(berth.days):
        steps = int(np.ceil((day - days[-1]) / LONGEST_GAP_DAYS))
        before = days[-1]
        for step in range(1, steps):
            days.append(before + (day - before) * step / steps)
            row.append(-1)
        days.append(float(day))
        row.append(index)
    at = np.array(row)
    known = at >= 0
    log_vacant = np.where(known, berth.log_vacant[at], 0.0)
    log_taken = np.where(known[:, None, None], berth.log_taken[at], 0.0)
    log_place = np.where(known[:, None], berth.log_place[at], 0.0)
    moments, look = np.array(days), np.where(known, berth.look[at], -1)
    gaps = np.round(np.diff(moments, prepend=moments[0]) / SAME_GAP_DAYS) * SAME_GAP_DAYS
    visible_before = np.cumsum(np.r_[0, berth.visible])
    log_mute = np.where(known, berth.log_mute[at], -np.inf)
    looks = looks_of(log_vacant, log_taken, np.zeros(at.size, np.int64), log_place, log_mute)
    return _Series(moments, gaps, look, visible_before, looks)


def _port(berths: Sequence[BerthLooks]) -> tuple[list[_Series], NDArray[np.float64]]:
    """All berths' series, and the different gaps in them."""
    series = [_with_steps(berth) for berth in berths]
    gaps = np.unique(np.concatenate([one.gap_days for one in series]))
    return [replace(one, looks=replace(one.looks, gap=np.searchsorted(gaps, one.gap_days))) for one in series], gaps


@dataclass(frozen=True, slots=True)
class _Round:
    """What the histories of one round have in common."""

    chain: Uniformised
    transition: NDArray[np.float64]
    weight: NDArray[np.float64]
    filtered: tuple[Filtered, ...]


def _prepare(series: Sequence[_Series], gaps: NDArray[np.float64], rates: Rates, weight: NDArray[np.float64]) -> _Round:
    q = generator(rates)
    chain = uniformised(expanded(q), LONGEST_GAP_DAYS)
    transition = over_gaps(chain, gaps)
    initial = stationary(q)
    filtered = tuple(filter_stays(one.looks, transition, LEVEL_OF, BLOCKS, weight, initial) for one in series)
    return _Round(chain, transition, weight, filtered)


def _log_likelihood(now: _Round) -> float:
    return sum(berth.log_likelihood for berth in now.filtered)


def _history(series: _Series, berth: int, now: _Round, key: int) -> History:
    return draw_history(now.filtered[berth], now.transition, now.chain, series.looks.gap, series.days, now.weight, key)


def _key(seed: int, *place: int) -> int:
    return int(np.random.SeedSequence(seed, spawn_key=place).generate_state(1, np.uint64)[0])


def draw_calls(berths_in: Callable[[int], Sequence[BerthLooks]], candidates: Candidates, seed: int) -> Calls:
    """Draw the calls at all berths of a port, `DRAWS` times.

    Parameters
    ----------
    berths_in : callable
        The berths' looks in a round, each berth with at least one. Only `log_taken` may differ between rounds.
    candidates : Candidates
        Who may come.
    seed : int
        Equal seeds and looks give equal draws.
    """
    rates = prior_rates()
    kept: list[tuple[int, int, History]] = []
    shares = []
    for turn in range(SETTLING + ROUNDS):
        series, gaps = _port(berths_in(turn))
        places = series[0].looks.place.shape[1]
        weight = np.repeat(prior_weight(candidates) / places, places)
        rng = np.random.default_rng(_key(seed, 3, turn))
        now = _prepare(series, gaps, rates, weight)
        # Histories and shares hold each other fast: shares also jump, judged over all histories at once.
        other = replace(rates, shares=rng.dirichlet(PRIOR_PURPOSES))
        there = _prepare(series, gaps, other, weight)
        if np.log(rng.random()) < _log_likelihood(there) - _log_likelihood(now):
            rates, now = other, there
        drawn = [_history(one, berth, now, _key(seed, 1, turn, berth)) for berth, one in enumerate(series)]
        if turn >= SETTLING:
            for copy in range(HISTORIES):
                draw = (turn - SETTLING) * HISTORIES + copy
                again = drawn if copy == 0 else [
                    _history(one, berth, now, _key(seed, 2, turn, berth, copy)) for berth, one in enumerate(series)
                ]  # fmt: skip
                kept += [(draw, berth, history) for berth, history in enumerate(again)]
                shares.append(rates.shares)
        jumps, days = np.sum([h.jumps for h in drawn], axis=0), np.sum([h.days for h in drawn], axis=0)
        rates = draw_rates(jumps, days, rng)
    calls = _collect(kept, series, np.array(shares), np.random.default_rng(_key(seed, 4)))
    return replace(calls, candidate=calls.candidate // series[0].looks.place.shape[1])


def _collect(
    kept: Sequence[tuple[int, int, History]],
    series: Sequence[_Series],
    shares: NDArray[np.float64],
    rng: np.random.Generator,
) -> Calls:
    """Put all draws end to end; steps without a look are taken out again, and levels become loads."""
    size = [len(history.codes) for _, _, history in kept]
    draw, berth = (np.repeat([place[which] for place in kept], size) for which in (0, 1))
    codes = np.concatenate([history.codes for _, _, history in kept])
    times = np.concatenate([history.times_days for _, _, history in kept])
    first, last = np.full(len(codes), -1), np.full(len(codes), -1)
    seen = np.zeros(len(codes), np.bool_)
    for place, one in enumerate(series):
        real = np.flatnonzero(one.look >= 0)
        own = np.flatnonzero((berth == place) & (codes[:, 3] >= 0))
        begin = np.searchsorted(real, codes[own, 3])
        end = np.searchsorted(real, codes[own, 4], side="right") - 1
        some = begin <= end
        first[own[some]], last[own[some]] = begin[some], end[some]
        seen[own[some]] = one.visible_before[end[some] + 1] > one.visible_before[begin[some]]
    loads = [_within(LEVEL_OF[codes[:, column]], rng) for column in (0, 1)]
    still = codes[:, 0] == codes[:, 1]
    loads[1][still] = loads[0][still]
    who = _unseen_like_seen(codes[:, 2], seen, draw, rng)
    return Calls(
        draw, berth, times[:, 0], times[:, 1], who, PURPOSE_OF[codes[:, 0]], loads[0], loads[1],
        first, last, seen, shares,
    )  # fmt: skip


def _unseen_like_seen(
    candidate: NDArray[np.int64], seen: NDArray[np.bool_], draw: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Candidates in which each call that nobody saw is of a vessel of one that was, drawn at random in its draw."""
    found = candidate.copy()
    for number in np.unique(draw):
        own = draw == number
        known, unknown = np.flatnonzero(own & seen), np.flatnonzero(own & ~seen)
        if known.size:
            found[unknown] = candidate[rng.choice(known, unknown.size)]
    return found


def _within(level: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A load somewhere in its level."""
    drawn: NDArray[np.float64] = rng.uniform(LEVEL_EDGES[level], LEVEL_EDGES[level + 1])
    return drawn
