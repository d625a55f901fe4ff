"""Whole histories of states: drawn at random given the observations, or the single most probable one.

Drawn backwards (Fruehwirth-Schnatter 1994; Scott 2002, JASA 97, 337): the last state from its filtered
probability, each earlier one given the one after it. Random numbers are counted, not streamed (SplitMix64,
Steele, Lea and Flood 2014): draw d of series s at step k depends on (seed, s, d, k) only, so the same bits come
out on every machine, in any order of work, and however many draws are asked for.
"""

import math

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Doubles, Integers
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.forward_backward import forward
from berthwatch.kernels.sequence import checked_sequences

States = npt.NDArray[np.int8]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_A = np.uint64(0xBF58476D1CE4E5B9)
MIX_B = np.uint64(0x94D049BB133111EB)
SHIFT_A, SHIFT_B, SHIFT_C = np.uint64(30), np.uint64(27), np.uint64(31)
TO_53_BITS = np.uint64(11)
UNIT = 2.0**-53


def sample_paths(
    log_emission: npt.ArrayLike,
    gaps_days: npt.ArrayLike,
    offsets: npt.ArrayLike,
    generator: npt.ArrayLike,
    initial: npt.ArrayLike,
    seed: int,
    n_draws: int,
) -> States:
    """Draw histories of states at the observation times from their posterior.

    Parameters
    ----------
    log_emission, gaps_days, offsets, generator, initial
        As in `forward_backward`.
    seed
        0 to 2**64 - 1.
    n_draws
        How many histories of every series. The first draws are the same whatever the number.

    Returns
    -------
    (n_draws, n) int8 states.

    Raises
    ------
    ValueError
        Input that does not hold to the above, more than 127 states, or a series that the model cannot give.

    >>> certain = np.array([[0.0, -np.inf], [-np.inf, 0.0]])
    >>> sample_paths(certain, [0, 1], [0, 2], [[-1, 1], [1, -1]], [0.5, 0.5], seed=7, n_draws=3).tolist()
    [[0, 1], [0, 1], [0, 1]]
    """
    given = checked_sequences(log_emission, gaps_days, offsets, generator, initial)
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed not in 0..2**64 - 1: {seed}")
    if n_draws < 0:
        raise ValueError(f"n_draws must not be negative: {n_draws}")
    _check_states(given.log_emission)
    log_forward, _ = forward(given)
    cumulative = np.zeros((*log_forward.shape, log_forward.shape[1]))
    _cumulate(given.log_transition, given.gap, given.offsets, log_forward, cumulative)
    paths = np.empty((n_draws, len(log_forward)), np.int8)
    _draw(cumulative, given.offsets, np.uint64(seed), paths)
    return paths


def viterbi(
    log_emission: npt.ArrayLike,
    gaps_days: npt.ArrayLike,
    offsets: npt.ArrayLike,
    generator: npt.ArrayLike,
    initial: npt.ArrayLike,
) -> States:
    """Most probable history of states at the observation times (Viterbi 1967); of equals the lower states.

    Parameters
    ----------
    log_emission, gaps_days, offsets, generator, initial
        As in `forward_backward`.

    Returns
    -------
    (n,) int8 states.

    Raises
    ------
    ValueError
        Input that does not hold to the above, more than 127 states, or a series that the model cannot give.

    >>> one_doubtful = np.log([[0.9, 0.1], [0.4, 0.6], [0.9, 0.1]])
    >>> viterbi(one_doubtful, [0, 1, 1], [0, 3], [[-0.1, 0.1], [0.1, -0.1]], [0.5, 0.5]).tolist()
    [0, 0, 0]
    """
    given = checked_sequences(log_emission, gaps_days, offsets, generator, initial)
    _check_states(given.log_emission)
    forward(given)  # turns away a series that cannot be
    best = np.empty(given.log_emission.shape)
    came_from = np.zeros(best.shape, np.int8)
    states = np.empty(len(best), np.int8)
    _viterbi(
        given.log_emission,
        given.log_transition,
        given.gap,
        given.offsets,
        given.log_initial,
        best,
        came_from,
        states,
    )
    return states


def _check_states(log_emission: Doubles) -> None:
    if log_emission.shape[1] > np.iinfo(np.int8).max:
        raise ValueError(f"more than {np.iinfo(np.int8).max} states: {log_emission.shape[1]}")


@kernel
def mix(x: np.uint64) -> np.uint64:
    """Scramble 64 bits (the finaliser of SplitMix64; a kernel: unchecked)."""
    x = (x ^ (x >> SHIFT_A)) * MIX_A
    x = (x ^ (x >> SHIFT_B)) * MIX_B
    return x ^ (x >> SHIFT_C)


@kernel
def _cumulate(
    log_transition: Doubles, gap: Integers, offsets: Integers, log_forward: Doubles, cumulative: Doubles
) -> None:
    """Write the cumulated probability of each state at t given each state (first axis) at t + 1."""
    states = log_forward.shape[1]
    for series in range(offsets.size - 1):
        stop = offsets[series + 1]
        for t in range(offsets[series], stop):
            for j in range(states):
                largest = -np.inf
                for i in range(states):
                    cumulative[t, j, i] = log_forward[t, i]
                    if t + 1 < stop:
                        cumulative[t, j, i] += log_transition[gap[t + 1], i, j]
                    largest = max(largest, cumulative[t, j, i])
                total = 0.0
                if largest > -np.inf:  # else state j cannot follow, and is never asked for
                    for i in range(states):
                        total += math.exp(cumulative[t, j, i] - largest)
                        cumulative[t, j, i] = total


@kernel
def _draw(cumulative: Doubles, offsets: Integers, seed: np.uint64, paths: States) -> None:
    states = cumulative.shape[1]
    for series in range(offsets.size - 1):
        series_key = mix(mix(seed + GOLDEN) + np.uint64(series) * GOLDEN)
        first = offsets[series]
        for draw in range(paths.shape[0]):
            draw_key = mix(series_key + np.uint64(draw + 1) * GOLDEN)
            after = 0
            for t in range(offsets[series + 1] - 1, first - 1, -1):
                bits = mix(draw_key + np.uint64(t - first + 1) * GOLDEN) >> TO_53_BITS
                level = float(bits) * UNIT * cumulative[t, after, states - 1]
                state = 0
                while state < states - 1 and cumulative[t, after, state] <= level:
                    state += 1
                paths[draw, t] = state
                after = state


@kernel
def _viterbi(
    log_emission: Doubles,
    log_transition: Doubles,
    gap: Integers,
    offsets: Integers,
    log_initial: Doubles,
    best: Doubles,
    came_from: States,
    path: States,
) -> None:
    states = log_emission.shape[1]
    for series in range(offsets.size - 1):
        first = offsets[series]
        stop = offsets[series + 1]
        for t in range(first, stop):
            for j in range(states):
                best[t, j] = log_initial[j]
                if t > first:
                    best[t, j] = -np.inf
                    for i in range(states):
                        score = best[t - 1, i] + log_transition[gap[t], i, j]
                        if score > best[t, j]:
                            best[t, j] = score
                            came_from[t, j] = i
                best[t, j] += log_emission[t, j]
        for t in range(stop - 1, first - 1, -1):
            state = 0
            if t == stop - 1:
                for j in range(states):
                    if best[t, j] > best[t, state]:
                        state = j
            else:
                state = came_from[t + 1, path[t + 1]]
            path[t] = state
