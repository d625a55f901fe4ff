"""How well a measured length and beam fit each hull that a vessel may be."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from berthwatch.vessel import Candidates, Doubles

_TAIL: Final = 5.0
"""Degrees of freedom of measured sizes: a jetty or a wake taken for hull must not rule out the right vessel."""


def hull_log_likelihood(
    length_m: ArrayLike, beam_m: ArrayLike, length_sigma_m: ArrayLike, beam_sigma_m: ArrayLike, hulls: Candidates
) -> Doubles:
    """How well measured sizes fit each hull: log-density of a measurement, given the hull.

    Student's t with 5 degrees of freedom, so that a bad measurement costs a hull little more the worse it is.
    Hulls that stand for a spread of sizes fit within their distance from each other.

    Parameters
    ----------
    length_m, beam_m, length_sigma_m, beam_sigma_m : array_like
        What was measured, with its standard deviation; a size of which either is NaN says nothing. They broadcast.
    hulls : Candidates
        n rows.

    Returns
    -------
    ndarray of float64
        (n,) for one measurement, (m, n) for m of them; zeros where nothing was measured.

    >>> from berthwatch.vessel import candidates
    >>> hulls = candidates(None)
    >>> fit = hull_log_likelihood(88.0, np.nan, 3.0, np.nan, hulls)
    >>> bool(abs(hulls.length_m[fit.argmax()] - 88.0) < 3.0)
    True
    >>> hull_log_likelihood([88.0, 90.0], 14.0, 3.0, 2.0, hulls).shape
    (2, 64)
    """
    length_spread, beam_spread = _spreads(hulls)
    length = _log_fit(length_m, length_sigma_m, hulls.length_m * (1 + hulls.seen_longer), length_spread)
    return length + _log_fit(beam_m, beam_sigma_m, hulls.beam_m * (1 + hulls.seen_wider), beam_spread)


def _log_fit(measured_m: ArrayLike, sigma_m: ArrayLike, size_m: Doubles, spread: Doubles) -> Doubles:
    """Log-density of a measured size given each hull's: Student's t; 0 where there is none."""
    measured, sigma = (np.asarray(value, np.float64)[..., None] for value in (measured_m, sigma_m))
    width = np.hypot(sigma, spread * size_m)
    misfit = np.log1p(((measured - size_m) / width) ** 2 / _TAIL)
    constant = gammaln((_TAIL + 1) / 2) - gammaln(_TAIL / 2) - 0.5 * np.log(_TAIL * np.pi)
    fit: Doubles = np.nan_to_num(constant - (_TAIL + 1) / 2 * misfit - np.log(width))
    return fit


def _spreads(hulls: Candidates) -> tuple[Doubles, Doubles]:
    """Half the distance between a vessel's hulls in length and in beam, as a share of them; 0 where they agree."""
    group = np.unique(hulls.vessel, return_inverse=True)[1]
    rows = np.bincount(group)

    def scatter(size_m: Doubles) -> Doubles:
        logs = np.log(size_m)
        off = logs - (np.bincount(group, logs) / rows)[group]
        # What is left by rounding of sizes that are the same is no scatter.
        found: Doubles = np.maximum(np.sqrt(np.bincount(group, off**2) / rows) - 1e-9, 0.0)
        return found

    length, beam = scatter(hulls.length_m), scatter(hulls.beam_m)
    # Where both differ, the points lie in a band of about 1.4 by 0.3, one to each cell of it; else on a line.
    cell = 0.3 / np.sqrt(rows)
    both = (length > 0) & (beam > 0)
    alone = 0.5 * np.sqrt(12.0) / rows
    return np.where(both, cell, alone * length)[group], np.where(both, cell, alone * beam)[group]
