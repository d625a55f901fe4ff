"""What a look says of the vessel alongside: its size, its tracker and its freeboard, for each candidate and load level.

A candidate's freeboard at a load level lies between its marks; its size does not depend on the load. Every
likelihood has a floor, so that no single measurement can be proof: shadows are misread and hulls run together.
"""

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from berthwatch.rates import LEVEL_EDGES, LEVEL_LOADS, LEVELS
from berthwatch.vessel import NONE_OF_THESE, Candidates, freeboard_at, prior_weight

MISREAD: Final = 0.04
"""Share of freeboards that have nothing to do with the vessel's [assumed]."""
MISREAD_SPAN_M: Final = 12.0
"""Range over which those are spread evenly."""
TRIM_SIGMA_M: Final = 0.2
"""Trim, tide and squat between one look and the next [assumed]."""
STRAY: Final = 0.002
"""Probability that a position at a berth is not of a vessel that lies there [assumed]."""


def _freeboard_terms(freeboard_m: float, sigma_m: float, candidates: Candidates) -> NDArray[np.float64]:
    """Log-likelihood (candidates, LEVELS) of one measured freeboard."""
    span = (candidates.freeboard_empty_m - candidates.freeboard_full_m)[:, None]
    middle = freeboard_at(candidates, LEVEL_LOADS[:, None]).T
    within = span * np.diff(LEVEL_EDGES) / np.sqrt(12)
    sigma = np.sqrt(sigma_m**2 + TRIM_SIGMA_M**2 + within**2)
    density = np.exp(-0.5 * ((freeboard_m - middle) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    terms: NDArray[np.float64] = np.log((1 - MISREAD) * density + MISREAD / MISREAD_SPAN_M)
    return terms


def freeboard_log_likelihood(looks: pd.DataFrame, candidates: Candidates) -> NDArray[np.float64]:
    """Log-likelihood of each look's freeboard given who lies there at which load level.

    Parameters
    ----------
    looks : DataFrame
        Columns of `observations`; rows without a freeboard say nothing.
    candidates : Candidates

    Returns
    -------
    (looks, candidates, LEVELS) float64, zeros where nothing was measured.
    """
    out = np.zeros((len(looks), candidates.vessel.size, LEVELS))
    freeboard, sigma = (looks[name].to_numpy(np.float64) for name in ("freeboard_m", "freeboard_sigma_m"))
    for row in np.flatnonzero(np.isfinite(freeboard) & np.isfinite(sigma)):
        out[row] = _freeboard_terms(float(freeboard[row]), float(sigma[row]), candidates)
    return out


def hull_log_likelihoods(
    sized: NDArray[np.float64], freeboards: NDArray[np.float64], candidates: Candidates
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-likelihood of each look's hull given who lies there at which load level.

    Parameters
    ----------
    sized : (looks, candidates) float64
        Of its size.
    freeboards : (looks, candidates, LEVELS) float64
        Of its freeboard.
    candidates : Candidates

    Returns
    -------
    (looks, candidates, LEVELS) float64, relative to their mean over who usually comes at which load: a look's hull says
    who lies there, and only its change says whether anyone does. And that mean, (looks,) float64.
    """
    both = sized[:, :, np.newaxis] + freeboards
    usual = np.log(prior_weight(candidates)[:, np.newaxis] / LEVELS)
    mean = logsumexp(both + usual, axis=(1, 2))
    return both - mean[:, np.newaxis, np.newaxis], mean


def tracker_log_likelihood(
    vessel_ids: pd.Series, fleet: pd.DataFrame | None, candidates: Candidates
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Log-likelihood of vessels heard at a berth.

    Parameters
    ----------
    vessel_ids : Series of str
        As the trackers say.
    fleet : DataFrame or None
    candidates : Candidates

    Returns
    -------
    (n,) float64, if the berth is vacant; (n, candidates) float64, if a candidate lies there.
    """
    listed = [] if fleet is None else fleet["vessel_id"].tolist()
    row_of = {name: row for row, name in enumerate(listed)}
    heard = np.array([row_of.get(name, NONE_OF_THESE) for name in vessel_ids], np.int64)
    stray = np.log(STRAY / max(len(listed), 1))
    return np.full(heard.size, stray), np.where(heard[:, np.newaxis] == candidates.vessel, 0.0, stray)
