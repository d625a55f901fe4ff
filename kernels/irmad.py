"""Change between two optical images of one place, whatever their gains and offsets: IR-MAD.

Nielsen, Conradsen and Simpson 1998 (doi 10.1016/S0034-4257(97)00162-4) take differences of canonical variates, the
combinations of bands that correlate most; Nielsen 2007 (doi 10.1109/TIP.2006.888195) does it again and again with each
pixel weighed by its probability of no change, until the correlations stand still.

Weights that fall with the distance make the spread of what did not change look smaller, in every round again, so that
the published distances are no chi-square. For normal differences the factor is known: E[w Z] / (N E[w]) with
w = P(chi2_N > Z) is E[min(Z, Z')] / N, that is 1 less the Gini coefficient of chi2_N. It is divided out.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, Doubles, checked
from berthwatch.kernels.chisquare import corrected_tails
from berthwatch.kernels.compile import kernel

BLOCK_PX = 512
SETTLED = 1e-3
SINGULAR = 1e-10
"""Least eigenvalue of the bands' correlations, and least 1 - canonical correlation, that are told from rounding."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """How far each pixel is from no change, over `bands` canonical variates, the best correlated first."""

    variates: Doubles
    """(bands, ...) differences of canonical variates that have unit variance; NaN where not seen."""
    correlations: Doubles
    """(bands,) canonical correlations, falling."""
    z: Doubles
    """(...) sum of squares of the variates over their variances; chi-square of `bands` degrees under no change."""
    p: Doubles
    """(...) how likely so large a z is where nothing changed."""
    iterations: int
    converged: bool
    """Whether the correlations stood still, to 0.001, before the iterations ran out."""


def irmad(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    iterations: int = 50,
    penalty: float = 0.0,
    *,
    as_published: bool = False,
) -> Alteration:
    """Iteratively reweighted multivariate alteration detection.

    Parameters
    ----------
    before, after
        (bands, ...) of one shape, float32 or float64. A pixel that is not finite in any band is left out.
    iterations
        At most so many; 1 is the plain MAD transformation.
    penalty
        0 to below 1: the share of the unit matrix mixed into each image's covariances, for bands that are nearly
        dependent. It makes the result depend on the bands' scale.
    as_published
        Leave the spread as the weights make it look.

    Raises
    ------
    ValueError
        Other dtypes or shapes; too few pixels seen; bands constant or dependent; images that are each other's linear
        transformation; iterations or penalty out of range.

    >>> rng = np.random.default_rng(0)
    >>> before = rng.normal(size=(2, 50, 50))
    >>> after = 3 * before + 7 + rng.normal(size=before.shape)
    >>> after[:, 0, 0] += 30
    >>> found = irmad(before, after)
    >>> found.converged, bool(found.p[0, 0] < 1e-9), bool(0.03 < (found.p < 0.05).mean() < 0.07)
    (True, True, True)
    """
    images = checked("before", before, FLOATS), checked("after", after, FLOATS)
    shape = images[0].shape
    if images[1].shape != shape or len(shape) == 0 or shape[0] == 0:
        raise ValueError(f"before and after must be (bands, ...) of one shape: {shape} and {images[1].shape}")
    if iterations < 1:
        raise ValueError(f"iterations must be above 0: {iterations}")
    if not 0.0 <= penalty < 1.0:
        raise ValueError(f"penalty not in 0..1: {penalty}")
    bands = shape[0]
    first, second = (image.reshape(bands, -1) for image in images)
    turn, offset, centre = np.zeros((bands, 2 * bands)), np.zeros(bands), _seen_means(first, second)
    deviations, correlations = np.ones(bands), np.zeros(bands)
    shrinkage, done, converged = 1.0, 0, False
    while done < iterations and not converged:
        mean, covariance = _moments(first, second, centre, turn, offset)
        turn, deviations, found = _canonical(covariance, penalty, shrinkage)
        offset = turn @ mean
        converged = bool(np.abs(found - correlations).max() <= SETTLED)
        correlations, done = found, done + 1
        shrinkage = 1.0 if as_published else spread_seen(bands)
    variates, z, p = np.empty(first.shape), np.empty(first.shape[1]), np.empty(first.shape[1])
    _project(first, second, centre, turn, offset, deviations, variates, z, p)
    rest = shape[1:]
    return Alteration(variates.reshape(shape), correlations, z.reshape(rest), p.reshape(rest), done, converged)


def spread_seen(bands: int) -> float:
    """Share of a normal variance that is seen under the weights P(chi2 > Z), of so many bands.

    >>> spread_seen(2)
    0.5
    """
    return 1.0 - math.exp(math.lgamma((bands + 1) / 2) - math.lgamma(bands / 2 + 1)) / math.sqrt(math.pi)


def _seen_means(first: Array, second: Array) -> Doubles:
    """Means of both images' bands over the pixels seen in all: sums about them lose no digits."""
    sums = np.zeros(2 * first.shape[0])
    return sums / max(_sum_up(first, second, sums), 1)


def _moments(first: Array, second: Array, centre: Doubles, turn: Doubles, offset: Doubles) -> tuple[Doubles, Doubles]:
    """Weighted means, about the centre, and covariances of all bands of both images."""
    sums, products = np.zeros(centre.size), np.zeros((centre.size, centre.size))
    weight = _accumulate(first, second, centre, turn, offset, sums, products)
    if weight <= centre.size:
        raise ValueError(
            f"{first.shape[0]} bands need more than {centre.size} pixels that are seen in both images,"
            f" each counted by how likely it is unchanged: {weight:g}"
        )
    mean = sums / weight
    lower = products / weight - np.outer(mean, mean)
    covariance = (np.tril(lower) + np.tril(lower, -1).T) * (weight / (weight - 1.0))
    return mean, covariance


def _canonical(covariance: Doubles, penalty: float, shrinkage: float) -> tuple[Doubles, Doubles, Doubles]:
    """Rows that turn all bands into standardised MAD variates; their deviations; the canonical correlations."""
    bands = covariance.shape[0] // 2
    s11, s22 = (
        (1.0 - penalty) * block + penalty * np.eye(bands)
        for block in (covariance[:bands, :bands], covariance[bands:, bands:])
    )
    low1, low2 = _root(s11, "before"), _root(s22, "after")
    half = np.linalg.solve(low1, covariance[:bands, bands:])
    left, mu, right = np.linalg.svd(np.linalg.solve(low2, half.T).T)
    # columns; the correlation of each pair is a singular value, and so not below 0
    a, b = np.linalg.solve(low1.T, left), np.linalg.solve(low2.T, right.T)
    sign = np.where((s11 @ a / np.sqrt(np.diag(s11))[:, None]).sum(axis=0) < 0.0, -1.0, 1.0)
    a, b = a * sign, b * sign
    length_a, length_b = (a * a).sum(axis=0), (b * b).sum(axis=0)
    variance = (2.0 - penalty * (length_a + length_b)) / (1.0 - penalty) - 2.0 * mu
    if not (variance > SINGULAR).all():
        raise ValueError("before and after are each other's linear transformation in some bands: there is no change")
    # a combination of dependent bands that is nothing has no variance, and correlates with nothing
    own = np.maximum((1.0 - penalty * length_a) * (1.0 - penalty * length_b), SINGULAR)
    rho = mu * (1.0 - penalty) / np.sqrt(own)
    # var(U - V) / var(U + V) is what the weights shrink
    apart = np.minimum((1.0 - rho) / (1.0 + rho) / shrinkage, 1.0)
    deviations = np.sqrt(variance / shrinkage)
    return np.concatenate([a, -b]).T / deviations[:, None], deviations, (1.0 - apart) / (1.0 + apart)


def _root(covariance: Doubles, name: str) -> Doubles:
    """The lower Cholesky factor of one image's covariances."""
    scale = np.sqrt(np.diag(covariance))
    if not (scale > 0.0).all():
        raise ValueError(f"{name} has a band that is constant where seen: {int(np.argmin(scale))}")
    if np.linalg.eigvalsh(covariance / np.outer(scale, scale))[0] < SINGULAR:
        raise ValueError(f"{name} has bands that are linear combinations of each other; a penalty above 0 helps")
    return np.linalg.cholesky(covariance)


@kernel
def _gather(first: Array, second: Array, centre: Doubles, start: int, stop: int, values: Doubles, at: Array) -> int:
    """Bands of the pixels start:stop that are seen, about the centre, and which they are; returns how many."""
    bands, count = first.shape[0], 0
    for pixel in range(start, stop):
        seen = True
        for band in range(bands):
            values[band, count] = first[band, pixel] - centre[band]
            values[bands + band, count] = second[band, pixel] - centre[bands + band]
            seen = seen and math.isfinite(values[band, count]) and math.isfinite(values[bands + band, count])
        if seen:
            at[count] = pixel
            count += 1
    return count


@kernel
def _sum_up(first: Array, second: Array, sums: Doubles) -> int:
    """Add up the bands of the pixels seen; returns how many they are."""
    values, at, total = np.empty((sums.size, BLOCK_PX)), np.empty(BLOCK_PX, np.int64), 0
    nought = np.zeros(sums.size)
    for start in range(0, first.shape[1], BLOCK_PX):
        count = _gather(first, second, nought, start, min(start + BLOCK_PX, first.shape[1]), values, at)
        for row in range(sums.size):
            for i in range(count):
                sums[row] += values[row, i]
        total += count
    return total


@kernel
def _standardised(values: Doubles, count: int, turn: Doubles, offset: Doubles, out: Doubles, z: Doubles) -> None:
    """MAD variates over their deviations, and the sum of their squares."""
    z[:count] = 0.0
    for row in range(turn.shape[0]):
        for i in range(count):
            out[row, i] = -offset[row]
        for column in range(turn.shape[1]):
            factor = turn[row, column]
            for i in range(count):
                out[row, i] += factor * values[column, i]
        for i in range(count):
            z[i] += out[row, i] * out[row, i]


@kernel
def _accumulate(
    first: Array, second: Array, centre: Doubles, turn: Doubles, offset: Doubles, sums: Doubles, products: Doubles
) -> float:
    """Weighted sums, and products below the diagonal; returns the sum of the weights.

    A pixel's weight is its probability of no change: 1 while `turn` is 0, as its distance is.
    """
    bands, pixels = first.shape
    values, at = np.empty((2 * bands, BLOCK_PX)), np.empty(BLOCK_PX, np.int64)
    out, z, weights, room = np.empty((bands, BLOCK_PX)), np.empty(BLOCK_PX), np.empty(BLOCK_PX), np.empty((5, BLOCK_PX))
    dof, none, weighed = np.full(BLOCK_PX, float(bands)), np.zeros(BLOCK_PX), np.empty(BLOCK_PX)
    total = 0.0
    for start in range(0, pixels, BLOCK_PX):
        count = _gather(first, second, centre, start, min(start + BLOCK_PX, pixels), values, at)
        _standardised(values, count, turn, offset, out, z)
        corrected_tails(z[:count], dof[:count], none[:count], weights[:count], room)
        total += weights[:count].sum()
        for row in range(2 * bands):
            for i in range(count):
                weighed[i] = weights[i] * values[row, i]
                sums[row] += weighed[i]
            for column in range(row + 1):
                part = 0.0
                for i in range(count):
                    part += weighed[i] * values[column, i]
                products[row, column] += part
    return total


@kernel
def _project(
    first: Array,
    second: Array,
    centre: Doubles,
    turn: Doubles,
    offset: Doubles,
    deviations: Doubles,
    variates: Doubles,
    z: Doubles,
    p: Doubles,
) -> None:
    """Variates, z and p of every pixel; NaN where not seen."""
    bands, pixels = first.shape
    values, at = np.empty((2 * bands, BLOCK_PX)), np.empty(BLOCK_PX, np.int64)
    out, squares, tails, room = (
        np.empty((bands, BLOCK_PX)),
        np.empty(BLOCK_PX),
        np.empty(BLOCK_PX),
        np.empty((5, BLOCK_PX)),
    )
    dof, none = np.full(BLOCK_PX, float(bands)), np.zeros(BLOCK_PX)
    variates[:], z[:], p[:] = np.nan, np.nan, np.nan
    for start in range(0, pixels, BLOCK_PX):
        count = _gather(first, second, centre, start, min(start + BLOCK_PX, pixels), values, at)
        _standardised(values, count, turn, offset, out, squares)
        corrected_tails(squares[:count], dof[:count], none[:count], tails[:count], room)
        for i in range(count):
            z[at[i]], p[at[i]] = squares[i], tails[i]
            for band in range(bands):
                variates[band, at[i]] = out[band, i] * deviations[band]
