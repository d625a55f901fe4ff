"""What each observation says about each state, given all observations of its series.

Forward-backward for a hidden Markov model in continuous time (Rabiner 1989, Proc. IEEE 77, 257, with
expm(Q * gap) in place of one transition matrix), in logarithms: simultaneous observations that contradict each
other by hundreds of nats do not underflow.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Doubles, Integers
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.sequence import Sequences, checked_sequences


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Probabilities of states, given all observations of a series."""

    posterior: Doubles
    """(n, K): of each state at each observation."""
    xi: Doubles
    """(n, K, K): of the state before (row) and at (column) each observation; zeros at the first of a series."""
    log_likelihood: Doubles
    """(series,): of each series; 0 for an empty one."""


def forward_backward(
    log_emission: npt.ArrayLike,
    gaps_days: npt.ArrayLike,
    offsets: npt.ArrayLike,
    generator: npt.ArrayLike,
    initial: npt.ArrayLike,
) -> Posteriors:
    """Posterior probabilities of states and of pairs of states, for many series at once.

    Parameters
    ----------
    log_emission
        (n, K) log-likelihood of each observation in each state; a row of zeros where nothing was seen.
    gaps_days
        (n,) days since the observation before; ignored at the first of each series.
    offsets
        (series + 1,) series s is observations offsets[s]:offsets[s + 1].
    generator
        (K, K) jumps per day from row to column; rows sum to 0.
    initial
        (K,) probabilities of the state at the first observation of a series.

    Raises
    ------
    ValueError
        Input that does not hold to the above, or a series that the model cannot give.

    >>> seen_vacant_then_taken = np.log([[0.9, 0.1], [0.1, 0.9]])
    >>> result = forward_backward(seen_vacant_then_taken, [0, 1], [0, 2], [[-0.5, 0.5], [0.5, -0.5]], [0.5, 0.5])
    >>> result.posterior.round(3).tolist(), result.log_likelihood.round(3).tolist()
    ([[0.831, 0.169], [0.169, 0.831]], [-1.655])
    """
    given = checked_sequences(log_emission, gaps_days, offsets, generator, initial)
    log_forward, log_likelihood = forward(given)
    posterior = np.empty_like(log_forward)
    xi = np.zeros((*posterior.shape, posterior.shape[1]))
    _backward(given.log_emission, given.log_transition, given.gap, given.offsets, log_forward, posterior, xi)
    return Posteriors(posterior, xi, log_likelihood)


def forward(given: Sequences) -> tuple[Doubles, Doubles]:
    """Log-probability of each state given the series up to each observation (n, K), and each log-likelihood.

    Raises
    ------
    ValueError
        A series that the model cannot give.

    >>> given = checked_sequences([[0.0, -np.inf]], [0.0], [0, 1], [[0, 0], [0, 0]], [0.0, 1.0])
    >>> forward(given)
    Traceback (most recent call last):
    ValueError: series 0 is impossible in every state under this model
    """
    log_forward = np.empty(given.log_emission.shape)
    log_likelihood = np.zeros(given.offsets.size - 1)
    _forward(*_fields(given), log_forward, log_likelihood)
    impossible = np.flatnonzero(np.isneginf(log_likelihood))
    if impossible.size:
        raise ValueError(f"series {impossible[0]} is impossible in every state under this model")
    return log_forward, log_likelihood


def _fields(given: Sequences) -> tuple[Doubles, Doubles, Integers, Integers, Doubles]:
    return given.log_emission, given.log_transition, given.gap, given.offsets, given.log_initial


@kernel
def log_sum(terms: Doubles) -> float:
    """Logarithm of the sum of exponentials (a kernel: unchecked)."""
    largest = -np.inf
    for i in range(terms.size):
        largest = max(largest, terms[i])
    if largest == -np.inf:
        return -np.inf
    total = 0.0
    for i in range(terms.size):
        total += math.exp(terms[i] - largest)
    return largest + math.log(total)


@kernel
def _forward(
    log_emission: Doubles,
    log_transition: Doubles,
    gap: Integers,
    offsets: Integers,
    log_initial: Doubles,
    log_forward: Doubles,
    log_likelihood: Doubles,
) -> None:
    states = log_emission.shape[1]
    terms = np.empty(states)
    joint = np.empty(states)
    for series in range(offsets.size - 1):
        for t in range(offsets[series], offsets[series + 1]):
            for j in range(states):
                predicted = log_initial[j]
                if t > offsets[series]:
                    for i in range(states):
                        terms[i] = log_forward[t - 1, i] + log_transition[gap[t], i, j]
                    predicted = log_sum(terms)
                joint[j] = predicted + log_emission[t, j]
            step = log_sum(joint)
            log_likelihood[series] += step
            if step == -np.inf:  # the caller turns this series away
                break
            for j in range(states):
                log_forward[t, j] = joint[j] - step


@kernel
def _backward(
    log_emission: Doubles,
    log_transition: Doubles,
    gap: Integers,
    offsets: Integers,
    log_forward: Doubles,
    posterior: Doubles,
    xi: Doubles,
) -> None:
    states = log_emission.shape[1]
    after = np.empty(states)  # log-likelihood of everything after t, per state at t, up to a constant
    ahead = np.empty(states)
    terms = np.empty(states)
    for series in range(offsets.size - 1):
        last = offsets[series + 1] - 1
        for t in range(last, offsets[series] - 1, -1):
            for i in range(states):
                after[i] = 0.0
                if t < last:
                    for j in range(states):
                        terms[j] = log_transition[gap[t + 1], i, j] + ahead[j]
                    after[i] = log_sum(terms)
            for i in range(states):
                terms[i] = log_forward[t, i] + after[i]
            total = log_sum(terms)
            for i in range(states):
                posterior[t, i] = math.exp(terms[i] - total)
                if t < last:
                    for j in range(states):
                        pair = log_forward[t, i] + log_transition[gap[t + 1], i, j] + ahead[j]
                        xi[t + 1, i, j] = math.exp(pair - total)
            for i in range(states):  # less the total, which keeps the numbers small however long the series
                ahead[i] = log_emission[t, i] + after[i] - total
