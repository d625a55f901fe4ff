"""How well each source measures hulls: the scatter of its lengths and beams, and by how much they are all off.

Bows taper below what a pixel shows, quays hide a metre of beam, and a radar's point spread widens what is bright.
The scatter shows between looks soon after one another; what is common to all looks shows only against the sizes of
those who may come, and not well: so it is drawn from its posterior, and a name that hangs on it says so.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from berthwatch.hullfit import hull_log_likelihood
from berthwatch.vessel import Candidates, prior_weight

SIGMA_M: Final = {"optical": (4.0, 2.5), "sar": (25.0, 18.0)}
"""Of length and beam, by kind of source, until its own looks say better [assumed]."""
BIAS_M: Final = {"optical": (-2.0, -0.5), "sar": (20.0, 15.0)}
"""How much longer and wider hulls look than they are, in the mean over sources,"""
BIAS_SIGMA_M: Final = {"optical": (2.0, 1.0), "sar": (10.0, 8.0)}
"""and how far sources differ in that [assumed: half a pixel to a whole one of optical bows; radar's point spread]."""
STEPS: Final = np.linspace(-2.0, 2.0, 9)
"""In those standard deviations, where the bias of a source is looked for."""
LOOKS_OF_ONE: Final = 2.0
"""Looks that say the same of the bias, being of one hull [assumed]."""
BIASES: Final = 20
"""Draws of the biases, which the draws of histories take in turn."""
SCATTERS: Final = np.geomspace(0.15, 2.0, 40)
"""Multiples of the assumed errors that are tried,"""
ASSUMED_WITHIN: Final = 0.5
"""which the assumed errors are right within, as a standard deviation of the logarithm [assumed]."""
APART: Final = 0.4
"""Share of two looks soon after one another that show two vessels, or one of them badly [assumed],"""
APART_M: Final = 100.0
"""with any difference up to this."""
NEXT_LOOK_DAYS: Final = 1.5
"""Two looks within this time show the same vessel more often than not."""


def size_sigma_m(looks: pd.DataFrame, kinds: dict[str, str]) -> dict[str, tuple[float, float]]:
    """How far measured lengths and beams scatter in each source, from looks at a berth soon after one another.

    Pairs that show two vessels are told from the others by how far apart they are.

    Parameters
    ----------
    looks : DataFrame
        Columns of `observations`, berth by berth in order of time.
    kinds : dict
        The kind of each source.
    """
    found = {}
    for source, kind in kinds.items():
        own = looks[(looks["source"] == source) & looks["hull_length_m"].notna()]
        soon = soon_after(own)
        length_m, beam_m = (own[name].diff()[soon].dropna().to_numpy() for name in ("hull_length_m", "hull_beam_m"))
        found[source] = (scatter_m(length_m, SIGMA_M[kind][0]), scatter_m(beam_m, SIGMA_M[kind][1]))
    return found


def soon_after(looks: pd.DataFrame) -> NDArray[np.bool_]:
    """Which looks, berth by berth in order of time, follow soon after the one before at their berth."""
    same = looks["berth_id"] == looks["berth_id"].shift()
    soon: NDArray[np.bool_] = (same & (looks["time"].diff() <= pd.Timedelta(days=NEXT_LOOK_DAYS))).to_numpy()
    return soon


def scatter_m(differences_m: NDArray[np.float64], assumed_m: float) -> float:
    """Standard deviation of a size in one look, from differences between two looks, some of which show two vessels.

    Of a pair that does, or of which one look shows half a deck, any difference up to `APART_M` is as likely.

    >>> round(scatter_m(np.empty(0), 4.0), 1), round(scatter_m(np.array([1.0, -0.5, 30.0, 48.0, 0.7] * 4), 4.0), 1)
    (4.4, 0.9)
    """
    sigma_m = assumed_m * SCATTERS
    width_m = np.sqrt(2) * sigma_m[:, np.newaxis]
    alike = np.exp(-0.5 * (differences_m / width_m) ** 2) / (width_m * np.sqrt(2 * np.pi))
    log_posterior = np.log((1 - APART) * alike + APART / (2 * APART_M)).sum(axis=1)
    log_posterior -= 0.5 * (np.log(SCATTERS) / ASSUMED_WITHIN) ** 2
    posterior = np.exp(log_posterior - log_posterior.max())
    return float(np.sqrt((posterior * sigma_m**2).sum() / posterior.sum()))


def draw_biases_m(
    looks: pd.DataFrame,
    kinds: dict[str, str],
    sigmas_m: dict[str, tuple[float, float]],
    candidates: Candidates,
    seed: int,
) -> dict[str, NDArray[np.float64]]:
    """By how much each source measures hulls too long and too wide, drawn `BIASES` times: (BIASES, 2) for each.

    Capacities go with the cube of the size, so that a metre of bias is some per cent of a port's volume.

    Parameters
    ----------
    looks : DataFrame
        Columns of `observations`.
    kinds, sigmas_m : dict
        Kind of each source, and its errors of length and beam.
    candidates : Candidates
        Whose sizes the hulls are.
    seed : int
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(6,)))
    steps = np.stack(np.meshgrid(STEPS, STEPS), axis=-1).reshape(-1, 2)
    found, usual = {}, np.log(prior_weight(candidates))
    for source, kind in kinds.items():
        own = looks[(looks["source"] == source) & looks["hull_length_m"].notna()]
        sizes = own[["hull_length_m", "hull_beam_m"]].to_numpy(np.float64)
        length_sigma_m, beam_sigma_m = (np.full(len(own), sigma) for sigma in sigmas_m[source])
        biases = np.array(BIAS_M[kind]) + steps * np.array(BIAS_SIGMA_M[kind])
        log_posterior = -0.5 * (steps**2).sum(axis=1)
        for place, bias in enumerate(biases):
            length_m, beam_m = (sizes - bias).T
            fit = hull_log_likelihood(length_m, beam_m, length_sigma_m, beam_sigma_m, candidates)
            log_posterior[place] += float(logsumexp(fit + usual, axis=1).sum()) / LOOKS_OF_ONE
        posterior = np.exp(log_posterior - log_posterior.max())
        drawn = rng.choice(len(steps), BIASES, p=posterior / posterior.sum())
        within = (STEPS[1] - STEPS[0]) * rng.uniform(-0.5, 0.5, (BIASES, 2)) * np.array(BIAS_SIGMA_M[kind])
        found[source] = biases[drawn] + within
    return found


def size_log_likelihood(
    looks: pd.DataFrame,
    sigmas_m: dict[str, tuple[float, float]],
    biases_m: dict[str, NDArray[np.float64]],
    draw: int,
    candidates: Candidates,
) -> NDArray[np.float64]:
    """Log-likelihood (looks, candidates) of each look's hull given who lies there; zeros where there is no size.

    Parameters
    ----------
    looks : DataFrame
        Columns of `observations`.
    sigmas_m : dict
        Errors of length and beam in each source.
    biases_m : dict
        As `draw_biases_m` gives them.
    draw : int
        Which of them.
    candidates : Candidates
    """
    sigma = np.array([sigmas_m[source] for source in looks["source"]]).reshape(-1, 2)
    bias = np.array([biases_m[source][draw] for source in looks["source"]]).reshape(-1, 2)
    measured = looks[["hull_length_m", "hull_beam_m"]].to_numpy(np.float64) - bias
    return hull_log_likelihood(measured[:, 0], measured[:, 1], sigma[:, 0], sigma[:, 1], candidates)
