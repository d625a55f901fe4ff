"""What a vacant and an occupied berth look like: the probability of an observation's change given the state.

Either nothing hull-like was seen, or something of some change; the logarithm of change is normal in each
state. A vacant berth may rarely show anything (a passing vessel, a sidelobe), so no single observation is
ever proof: its weight is bounded. A berth seen only in part may hide its vessel in the rest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_CHANGE = 1.0
"""A change under this, one standard deviation of the berth's own mean, is nothing."""
ANYTHING = 0.003
"""Share of looks at a vacant berth that show something as bright as any hull."""
ANYTHING_SPAN = 8.0
"""Range of the logarithm of change over which that something is spread evenly: from 1 to about 3,000."""
BRIGHTEST = 1.5
"""Standard deviations of the hulls' logarithms beyond which brighter tells nothing more."""
PRIOR_LOOKS = 40.0
"""How many looks the prior counts for."""
PERSON = 6.0
"""[assumed] Log odds of what a person says of a look: one slip in 400. Strong, but other looks can outweigh it."""
LEAST_STEP = 1.5
"""The states' mean logarithms of change stay at least this far apart, so that noise is never split in two."""


@dataclass(frozen=True, slots=True)
class State:
    """One state's looks: probability of nothing, then mean and standard deviation of ln(change)."""

    nothing: float
    mean: float
    sigma: float


@dataclass(frozen=True, slots=True)
class Emission:
    """Both states, for one source."""

    vacant: State
    occupied: State


PRIOR = Emission(vacant=State(0.97, np.log(2.0), 0.7), occupied=State(0.02, np.log(60.0), 1.1))
"""A hull of 60 standard deviations, give or take a factor of three; in a vacant berth, crumbs of twice the noise."""


def log_emission(change: NDArray[np.float64], visible: NDArray[np.float64], model: Emission) -> NDArray[np.float64]:
    """Log-likelihood of each look in (vacant, occupied): (n, 2); zeros where nothing was visible.

    >>> looks = log_emission(np.array([0.0, 80.0, np.nan]), np.array([1.0, 1.0, 0.0]), PRIOR)
    >>> (looks[:, 1] - looks[:, 0]).round(1).tolist()
    [-3.9, 6.8, 0.0]
    """
    seen = np.isfinite(change) & (visible > 0)
    share = np.where(seen, np.clip(visible, 0, 1), 0)
    some = seen & (np.nan_to_num(change) >= LEAST_CHANGE)
    size = np.log(np.where(some, change, 1.0))
    out = np.zeros((change.size, 2))
    for column, state in enumerate((model.vacant, model.occupied)):
        if column == 0:
            density = (1 - state.nothing) * _normal(size, state) + ANYTHING / ANYTHING_SPAN
            missed = np.full(change.size, state.nothing)
        else:
            # brighter than most hulls is still a hull: else a giant would count as a vacant berth's chance flash
            usual = np.minimum(size, state.mean + BRIGHTEST * state.sigma)
            density = (1 - state.nothing) * _normal(usual, state)
            missed = 1 - (1 - state.nothing) * share
        out[:, column] = np.log(np.where(some, np.maximum(density, 1e-12), missed))
    out[~seen] = 0
    return out


def log_statement(said: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-likelihood of what a person said of each look, 1 occupied or 0 vacant, in (vacant, occupied): (n, 2).

    It stands in the place of `log_emission`, for the person saw the same pixels: both would count them twice. NaN where
    nobody said anything.

    >>> log_statement(np.array([1.0, 0.0, np.nan])).round(4).tolist()
    [[-6.0025, -0.0025], [-0.0025, -6.0025], [nan, nan]]
    """
    right = -np.log1p(np.exp(-PERSON))
    return np.stack([right - PERSON * said, right - PERSON * (1 - said)], axis=1)


def _normal(size: NDArray[np.float64], state: State) -> NDArray[np.float64]:
    """Density of ln(change) in a state, given that there is some."""
    density: NDArray[np.float64] = np.exp(-0.5 * ((size - state.mean) / state.sigma) ** 2) / (
        state.sigma * np.sqrt(2 * np.pi)
    )
    return density


def _fit(state: State, nothing: float, some: float, size_sum: float, square_sum: float) -> State:
    """Posterior mode of one state from weighted counts, the prior counting for `PRIOR_LOOKS` looks."""
    likely = (nothing + PRIOR_LOOKS * state.nothing) / (nothing + some + PRIOR_LOOKS)
    weight = some + PRIOR_LOOKS
    mean = (size_sum + PRIOR_LOOKS * state.mean) / weight
    square = (square_sum + PRIOR_LOOKS * (state.sigma**2 + state.mean**2)) / weight
    return State(likely, mean, float(np.sqrt(max(square - mean**2, 0.09))))


def learn(change: NDArray[np.float64], visible: NDArray[np.float64], p_occupied: NDArray[np.float64]) -> Emission:
    """The emission that explains the looks best, given how likely each berth was taken (the M step of EM)."""
    seen = np.isfinite(change) & (visible >= 0.9)
    some = seen & (np.nan_to_num(change) >= LEAST_CHANGE)
    size = np.log(np.where(some, change, 1.0))
    states = []
    for prior, weight in ((PRIOR.vacant, 1 - p_occupied), (PRIOR.occupied, p_occupied)):
        inside = weight * (some & (np.abs(size - prior.mean) < 4 * prior.sigma))
        nothing = float(weight[seen & ~some].sum())
        states.append(
            _fit(prior, nothing, float(inside.sum()), float((inside * size).sum()), float((inside * size**2).sum()))
        )
    vacant, occupied = states
    apart = max(occupied.mean, vacant.mean + LEAST_STEP)
    return Emission(vacant, State(occupied.nothing, apart, occupied.sigma))
