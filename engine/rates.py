"""How calls go at a port: rates of arriving, cargo work and leaving, as one generator, with their priors.

A call has a purpose, which it keeps: to load, to discharge, or neither. A vessel that loads waits, works its cargo
up through the load levels, waits and leaves, most likely when it is done; one that discharges does the reverse; one
that does neither keeps its load. Priors are weak and come from the case (stays of a day and a half to two and a
half days, cargo worked within a day); no purpose is likelier than another before anything was seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVEL_EDGES: Final = np.array([0.0, 0.1, 0.3, 0.5, 0.65, 0.8, 1.0])
"""A load level is a range of loads: the lowest is "empty", the highest "nearly full"."""
LEVELS: Final = LEVEL_EDGES.size - 1
LEVEL_LOADS: Final = (LEVEL_EDGES[1:] + LEVEL_EDGES[:-1]) / 2
PURPOSES: Final = ("loaded", "discharged", "unchanged")
STATES: Final = len(PURPOSES) * LEVELS
VACANT: Final = STATES
BLOCKS: Final = np.arange(len(PURPOSES) + 1, dtype=np.int64) * LEVELS
LEVEL_OF: Final = np.tile(np.arange(LEVELS, dtype=np.int64), len(PURPOSES))
PURPOSE_OF: Final = np.repeat(np.arange(len(PURPOSES), dtype=np.int64), LEVELS)

ARRIVES_EMPTY: Final = np.array([0.80, 0.14, 0.03, 0.02, 0.01, 0.0])
"""Of vessels that come to load, by level [assumed]: most in ballast, some with a part cargo from elsewhere."""
ARRIVES_ANY: Final = np.array([0.30, 0.12, 0.12, 0.12, 0.12, 0.22])
"""Of vessels that come for something else [assumed]."""

PRIOR: Final = {
    "arrivals": (2.0, 40.0),
    "start": (6.0, 2.5),
    "step": (12.0, 2.2),
    "finish": (6.0, 2.5),
    "part": (1.0, 4.0),
    "idle": (12.0, 12.0),
}
"""Gamma priors of rates per day, as (events, days they took) [assumed, see the module]: a call in 20 days; ten hours
of waiting before and after; a level in 4.4 hours, so a cargo in 18; leaving part-laden once in 4 days; idle a day."""
PRIOR_PURPOSES: Final = np.array([1.0, 0.5, 0.5])
"""Dirichlet: any share of calls that load is as likely as another, and the rest divides as it may. Less than 1 in all
would let a port of which little is seen be of one kind only, and each call with it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates per day, and the share of calls by purpose (3,)."""

    arrivals: float
    start: float
    step: float
    finish: float
    part: float
    idle: float
    shares: NDArray[np.float64]


def prior_rates() -> Rates:
    """The priors' means."""
    means = {name: events / days for name, (events, days) in PRIOR.items()}
    return Rates(**means, shares=PRIOR_PURPOSES / PRIOR_PURPOSES.sum())


def generator(rates: Rates) -> NDArray[np.float64]:
    """Generator (STATES + 1, STATES + 1): purposes x levels, and last vacant.

    >>> q = generator(prior_rates())
    >>> q.shape, bool(np.allclose(q.sum(axis=1), 0)), float(q[0, 1].round(2)), float(q[5, VACANT].round(2))
    ((19, 19), True, 2.4, 2.4)
    """
    q = np.zeros((STATES + 1, STATES + 1))
    for first, step, arrives in ((0, 1, ARRIVES_EMPTY), (2 * LEVELS - 1, -1, ARRIVES_EMPTY)):
        states = first + step * np.arange(LEVELS)
        q[states[:-1], states[1:]] = [rates.start, *[rates.step] * (LEVELS - 2)]
        q[states[1:-1], VACANT] = rates.part
        q[states[-1], VACANT] = rates.finish
        q[VACANT, states] = rates.arrivals * rates.shares[first // LEVELS] * arrives
    q[2 * LEVELS : STATES, VACANT] = rates.idle
    q[VACANT, 2 * LEVELS : STATES] = rates.arrivals * rates.shares[2] * ARRIVES_ANY
    np.fill_diagonal(q, -q.sum(axis=1))
    return q


def _counts(jumps: NDArray[np.float64], days: NDArray[np.float64]) -> dict[str, tuple[float, float]]:
    """Events and the days they could have happened in, by rate; loading and discharging mirror each other."""
    total = dict.fromkeys(PRIOR, (0.0, 0.0))

    def add(name: str, events: float, exposure: float) -> None:
        total[name] = (total[name][0] + float(events), total[name][1] + float(exposure))

    for first, step in ((0, 1), (2 * LEVELS - 1, -1)):
        states = first + step * np.arange(LEVELS)
        moves = jumps[states[:-1], states[1:]]
        add("start", moves[0], days[states[0]])
        add("step", moves[1:].sum(), days[states[1:-1]].sum())
        add("part", jumps[states[1:-1], VACANT].sum(), days[states[1:-1]].sum())
        add("finish", jumps[states[-1], VACANT], days[states[-1]])
    idle = slice(2 * LEVELS, STATES)
    add("idle", jumps[idle, VACANT].sum(), days[idle].sum())
    add("arrivals", jumps[VACANT].sum(), days[VACANT])
    return total


def draw_rates(jumps: NDArray[np.float64], days: NDArray[np.float64], rng: np.random.Generator) -> Rates:
    """Rates drawn from their posterior given how often and for how long (conjugate gamma and Dirichlet).

    Parameters
    ----------
    jumps : (STATES + 1, STATES + 1) float64
        How often berths went from state to state, over whole histories.
    days : (STATES + 1,) float64
        How long they were in each.
    rng : numpy.random.Generator
    """
    found = {
        name: float(rng.gamma(PRIOR[name][0] + events, 1 / (PRIOR[name][1] + exposure)))
        for name, (events, exposure) in _counts(jumps, days).items()
    }
    arrived = jumps[VACANT, :STATES].reshape(len(PURPOSES), LEVELS).sum(axis=1)
    return Rates(**found, shares=rng.dirichlet(PRIOR_PURPOSES + arrived))


def stationary(q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Long-run share of time in each state (STATES + 1,).

    >>> shares = stationary(generator(prior_rates()))
    >>> bool(np.allclose(shares @ generator(prior_rates()), 0)), float(shares.sum().round(9))
    (True, 1.0)
    """
    system = np.vstack([q.T, np.ones(len(q))])
    shares: NDArray[np.float64] = np.maximum(np.linalg.lstsq(system, np.r_[np.zeros(len(q)), 1.0], rcond=None)[0], 0)
    return shares / shares.sum()
