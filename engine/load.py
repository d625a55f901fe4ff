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
from berthwatch.vessel import NONE_OF_THESE, Candidates, freeboard_at, hull_log_likelihood

MISREAD: Final = 0.04
"""Share of freeboards that have nothing to do with the vessel's [assumed]."""
MISREAD_SPAN_M: Final = 12.0
"""Range over which those are spread evenly."""
TRIM_SIGMA_M: Final = 0.2
"""Trim, tide and squat between one look and the next [assumed]."""
SIZE_SIGMA_M: Final = {"optical": (4.0, 2.5), "sar": (25.0, 18.0)}
"""Of length and beam, by kind of source, until its own looks say better [assumed]."""
SIZE_BIAS_M: Final = {"optical": (0.0, 0.0), "sar": (25.0, 18.0)}
"""A radar's point spread and the saturation of steel widen what is bright,"""
BIAS_SIGMA_M: Final = {"optical": (2.5, 1.5), "sar": (15.0, 10.0)}
"""more or less; bows and quays make an optical hull a little shorter and narrower [assumed]."""
BIAS_STEPS: Final = np.linspace(-2.0, 2.0, 9)
"""In those standard deviations, where the bias of a source is looked for."""
SIZE_FLOOR: Final = 0.3
"""Share of the assumed error that no number of looks takes away: a hull's errors in successive looks are alike."""
STRAY: Final = 0.002
"""Probability that a position at a berth is not of a vessel that lies there [assumed]."""
ASSUMED_PAIRS: Final = 2
"""Pairs of looks that the assumed errors count for."""
NEXT_LOOK_DAYS: Final = 1.5
"""Two looks within this time show the same vessel more often than not."""


def size_sigma_m(looks: pd.DataFrame, kinds: dict[str, str]) -> dict[str, tuple[float, float]]:
    """How far measured lengths and beams scatter in each source, from looks at a berth soon after one another.

    The median of the differences is robust against those pairs that show two vessels.

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
        soon = (own["berth_id"] == own["berth_id"].shift()) & (own["time"].diff() <= pd.Timedelta(days=NEXT_LOOK_DAYS))
        differences = [own[name].diff()[soon].abs().dropna() for name in ("hull_length_m", "hull_beam_m")]
        pairs = len(differences[0])
        sigmas = []
        for assumed, each in zip(SIZE_SIGMA_M[kind], differences, strict=True):
            scatter = 1.4826 * float(each.median()) / np.sqrt(2) if pairs else 0.0
            shared = (ASSUMED_PAIRS * assumed**2 + pairs * scatter**2) / (ASSUMED_PAIRS + pairs)
            sigmas.append(float(np.sqrt(shared + (SIZE_FLOOR * assumed) ** 2)))
        found[source] = (sigmas[0], sigmas[1])
    return found


def size_bias_m(
    looks: pd.DataFrame, kinds: dict[str, str], sizes_m: dict[str, tuple[float, float]], candidates: Candidates
) -> dict[str, tuple[float, float]]:
    """By how much each source measures hulls too long and too wide: what makes its hulls fit the candidates best.

    Capacities go with the cube of the size, so that a metre of bias is some per cent of a port's volume.

    Parameters
    ----------
    looks : DataFrame
        Columns of `observations`.
    kinds, sizes_m : dict
        Kind of each source, and its errors of length and beam.
    candidates : Candidates
    """
    found, usual = {}, np.log(prior_weight(candidates))
    for source, kind in kinds.items():
        own = looks[(looks["source"] == source) & looks["hull_length_m"].notna()]
        length, beam = own["hull_length_m"].to_numpy(np.float64), own["hull_beam_m"].to_numpy(np.float64)
        best, most = SIZE_BIAS_M[kind], -np.inf
        for step in np.stack(np.meshgrid(BIAS_STEPS, BIAS_STEPS), axis=-1).reshape(-1, 2) if len(own) else ():
            bias = np.array(SIZE_BIAS_M[kind]) + step * np.array(BIAS_SIGMA_M[kind])
            sigma = np.broadcast_to(sizes_m[source], (len(own), 2))
            fit = hull_log_likelihood(length - bias[0], beam - bias[1], sigma[:, 0], sigma[:, 1], candidates)
            total = float(logsumexp(fit + usual, axis=1).sum()) - 0.5 * float((step**2).sum())
            if total > most:
                best, most = (float(bias[0]), float(bias[1])), total
        found[source] = best
    return found


def _freeboard_terms(freeboard_m: float, sigma_m: float, candidates: Candidates) -> NDArray[np.float64]:
    """Log-likelihood (candidates, LEVELS) of one measured freeboard."""
    span = (candidates.freeboard_empty_m - candidates.freeboard_full_m)[:, None]
    middle = freeboard_at(candidates, LEVEL_LOADS[:, None]).T
    within = span * np.diff(LEVEL_EDGES) / np.sqrt(12)
    sigma = np.sqrt(sigma_m**2 + TRIM_SIGMA_M**2 + within**2)
    density = np.exp(-0.5 * ((freeboard_m - middle) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
    terms: NDArray[np.float64] = np.log((1 - MISREAD) * density + MISREAD / MISREAD_SPAN_M)
    return terms


def load_log_likelihood(
    looks: pd.DataFrame,
    sizes_m: dict[str, tuple[float, float]],
    bias_m: dict[str, tuple[float, float]],
    candidates: Candidates,
) -> NDArray[np.float64]:
    """Log-likelihood of each look's hull given who lies there at which load level.

    Parameters
    ----------
    looks : DataFrame
        Columns of `observations`; rows without a hull say nothing.
    sizes_m, bias_m : dict
        Errors of length and beam in each source, and by how much they are too large.
    candidates : Candidates

    Returns
    -------
    (looks, candidates, LEVELS) float64, relative to their mean over who usually comes at which load: a look's hull says
    who lies there, and only its change says whether anyone does.
    """
    of_row = np.array([sizes_m[source] for source in looks["source"]]).reshape(-1, 2)
    bias = np.array([bias_m[source] for source in looks["source"]]).reshape(-1, 2)
    measured = looks[["hull_length_m", "hull_beam_m"]].to_numpy(np.float64) - bias
    sized = hull_log_likelihood(measured[:, 0], measured[:, 1], of_row[:, 0], of_row[:, 1], candidates)
    out = np.repeat(sized[:, :, np.newaxis], LEVELS, axis=2)
    freeboard, sigma = (looks[name].to_numpy(np.float64) for name in ("freeboard_m", "freeboard_sigma_m"))
    for row in np.flatnonzero(np.isfinite(freeboard) & np.isfinite(sigma)):
        out[row] += _freeboard_terms(float(freeboard[row]), float(sigma[row]), candidates)
    usual = np.log(prior_weight(candidates)[:, np.newaxis] / LEVELS)
    relative: NDArray[np.float64] = out - logsumexp(out + usual, axis=(1, 2), keepdims=True)
    return relative


def prior_weight(candidates: Candidates) -> NDArray[np.float64]:
    """Probability of each candidate before anything is known: every second vessel is one of the fleet.

    >>> from berthwatch.vessel import candidates
    >>> float(prior_weight(candidates(None)).sum().round(9))
    1.0
    """
    listed = candidates.vessel >= 0
    share = np.where(listed, 0.5 / max(np.unique(candidates.vessel[listed]).size, 1), 0.5) * candidates.weight
    weight: NDArray[np.float64] = share / share.sum()
    return weight


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
