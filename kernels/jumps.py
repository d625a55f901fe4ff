"""What happened between observations: expected days in each state, and expected jumps, given the ends.

The statistics that EM needs for a generator's rates (Hobolth and Jensen 2005; Metzner, Schuette and
Vanden-Eijnden 2007): with W the posterior of the end states over the probability of the transition, both come from

    G = integral over s from 0 to t of  exp(Q' s) W exp(Q' (t - s)) ds,      Q' the transpose of Q

as days_i = G_ii and jumps_ij = q_ij G_ij. The integral is the upper right block of one matrix exponential,
exp([[Q', W], [0, Q']] t) (Van Loan 1978, IEEE TAC 23, 395), which serves all pairs of end states at once because
G is linear in W.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Doubles, checked_doubles
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.sequence import checked_offsets, distinct_gaps
from berthwatch.kernels.transition import checked_generator, exponential, transition_matrices


def expected_jumps(
    xi: npt.ArrayLike, gaps_days: npt.ArrayLike, offsets: npt.ArrayLike, generator: npt.ArrayLike
) -> tuple[Doubles, Doubles]:
    """Expected days in each state and expected number of jumps, summed over all gaps of all series.

    Parameters
    ----------
    xi
        (n, K, K) posterior of the states before (row) and at (column) each observation, as from
        `forward_backward`; ignored at the first of each series.
    gaps_days
        (n,) days since the observation before; ignored at the first of each series.
    offsets
        (series + 1,) series s is observations offsets[s]:offsets[s + 1].
    generator
        (K, K) jumps per day from row to column, the one that gave `xi`.

    Returns
    -------
    time_in_state: (K,) days, which sum to all gaps; jumps: (K, K) from row to column, 0 on the diagonal.
    A maximum-likelihood rate is jumps_ij / time_in_state_i.

    Raises
    ------
    ValueError
        Input that does not hold to the above, or a pair of end states that the generator cannot join.

    >>> stayed_vacant = np.array([np.zeros((2, 2)), [[1.0, 0.0], [0.0, 0.0]]])
    >>> days, jumps = expected_jumps(stayed_vacant, [0.0, 2.0], [0, 2], [[-1.0, 1.0], [1.0, -1.0]])
    >>> days.round(3).tolist(), jumps.round(3).tolist()
    ([1.482, 0.518], [[0.0, 0.964], [0.964, 0.0]])
    """
    rates = checked_generator(generator)
    pairs = checked_doubles("xi", xi, (None, *rates.shape))
    if not ((pairs >= 0.0) & (pairs < np.inf)).all():
        raise ValueError(f"xi must be finite and not negative: {pairs.min()} to {pairs.max()}")
    starts = checked_offsets(offsets, len(pairs))
    gaps, which = distinct_gaps(gaps_days, starts)
    joint = np.zeros((gaps.size, *rates.shape))
    follows = np.ones(len(pairs), bool)
    follows[starts[:-1][np.diff(starts) > 0]] = False
    np.add.at(joint, which[follows], pairs[follows])
    transition = transition_matrices(rates, gaps)
    if (joint[transition == 0.0] > 0.0).any():
        raise ValueError("xi holds a pair of states that the generator cannot join")
    ratio = np.divide(joint, transition, out=np.zeros_like(joint), where=transition > 0.0)
    integral = np.zeros(rates.shape)
    _integrate(rates, gaps, ratio, integral)
    time_in_state = integral.diagonal().copy()
    jumps = rates * integral
    np.fill_diagonal(jumps, 0.0)
    return time_in_state, jumps


@kernel
def _integrate(rates: Doubles, gaps: Doubles, ratio: Doubles, integral: Doubles) -> None:
    states = rates.shape[0]
    block = np.zeros((2 * states, 2 * states))
    result = np.empty((2 * states, 2 * states))
    for g in range(gaps.size):
        for i in range(states):
            for j in range(states):
                block[i, j] = rates[j, i]
                block[i, states + j] = ratio[g, i, j]
                block[states + i, states + j] = rates[j, i]
        exponential(block, gaps[g], result)
        for i in range(states):
            for j in range(states):
                integral[i, j] += result[i, states + j]
