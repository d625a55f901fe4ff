"""Many berths' observations end to end, as the hidden Markov kernels take them.

The series of different berths lie one after another in one array: series s is observations
offsets[s]:offsets[s + 1], in order of time. Berths of one source share the times of its scenes, so there are
few different gaps: each is turned into a transition matrix once.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Doubles, Integers, checked, checked_doubles
from berthwatch.kernels.transition import checked_gaps, checked_generator, transition_matrices


@dataclass(frozen=True, slots=True)
class Sequences:
    """Checked input of the sequence kernels, in logarithms: products of many probabilities would underflow."""

    log_emission: Doubles
    """(n, K) log-likelihood of each observation in each state; a row of zeros where nothing was seen."""
    log_transition: Doubles
    """(gap, K, K) of each different gap."""
    gap: Integers
    """(n,) which of the gaps lies before each observation."""
    offsets: Integers
    """(series + 1,)"""
    log_initial: Doubles
    """(K,)"""


def checked_sequences(
    log_emission: npt.ArrayLike,
    gaps_days: npt.ArrayLike,
    offsets: npt.ArrayLike,
    generator: npt.ArrayLike,
    initial: npt.ArrayLike,
) -> Sequences:
    """Check what a hidden Markov kernel was handed and turn gaps into log transition matrices.

    Parameters
    ----------
    log_emission
        (n, K) float64, not NaN nor +inf; -inf where a state cannot give the observation.
    gaps_days
        (n,) days since the observation before; ignored at the first of each series.
    offsets
        (series + 1,) integers from 0 to n, never falling.
    generator
        (K, K) jumps per day from row to column; rows sum to 0.
    initial
        (K,) probabilities of the state at the first observation of a series.

    Raises
    ------
    ValueError
        Whatever of that does not hold, echoing the value.

    >>> checked_sequences(np.zeros((1, 2)), [0.0], [0, 1], [[-1, 1], [1, -1]], [0.5, 0.6])
    Traceback (most recent call last):
    ValueError: initial must be probabilities that sum to 1: [0.5, 0.6]
    """
    rates = checked_generator(generator)
    emission = checked_doubles("log_emission", log_emission, (None, len(rates)))
    if (emission == np.inf).any():
        raise ValueError(f"log_emission must not be +inf: first at {np.argwhere(emission == np.inf)[0].tolist()}")
    starts = checked_offsets(offsets, len(emission))
    distinct, which = distinct_gaps(gaps_days, starts)
    first = checked_doubles("initial", initial, (len(rates),))
    if (first < 0.0).any() or abs(first.sum() - 1.0) > 1e-9:
        raise ValueError(f"initial must be probabilities that sum to 1: {first.tolist()}")
    with np.errstate(divide="ignore"):  # what cannot be has logarithm -inf
        return Sequences(emission, np.log(transition_matrices(rates, distinct)), which, starts, np.log(first))


def checked_offsets(offsets: npt.ArrayLike, observations: int) -> Integers:
    """Return the offsets of the series as read-only int64.

    Raises
    ------
    ValueError
        They do not rise from 0 to the number of observations.

    >>> checked_offsets([0, 3], 4)
    Traceback (most recent call last):
    ValueError: offsets must rise from 0 to the number of observations 4: [0, 3]
    """
    starts: Integers = checked("offsets", np.asarray(offsets, np.int64), (np.int64,), ndim=1)
    if starts.size == 0 or starts[0] != 0 or starts[-1] != observations or (np.diff(starts) < 0).any():
        raise ValueError(
            f"offsets must rise from 0 to the number of observations {observations}: {starts.tolist()[:9]}"
        )
    return starts


def distinct_gaps(gaps_days: npt.ArrayLike, offsets: Integers) -> tuple[Doubles, Integers]:
    """Return the different gaps, and for each observation which of them lies before it.

    Raises
    ------
    ValueError
        Not one gap per observation, or one that counts is negative or not finite.

    >>> distinct_gaps([np.nan, 2.0, 5.0, 2.0], np.array([0, 4]))
    (array([0., 2., 5.]), array([0, 1, 2, 1]))
    """
    gaps = np.array(gaps_days, np.float64)
    if gaps.shape != (offsets[-1],):
        raise ValueError(f"gaps_days must have shape ({offsets[-1]}): {gaps.shape}")
    gaps[offsets[:-1][np.diff(offsets) > 0]] = 0.0  # nothing lies before a first observation
    distinct, which = np.unique(checked_gaps(gaps), return_inverse=True)
    return distinct, which.astype(np.int64)
