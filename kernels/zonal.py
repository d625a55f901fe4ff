"""What a berth holds, from pixels that it covers in part.

The zones are the rows of a sparse matrix (compressed rows): zone z covers pixels
indices[indptr[z]:indptr[z + 1]] of the flattened image with the weights beside them. Weights are computed
once (`coverage.polygon_coverage`) and serve every scene. Zones may overlap. Pixels not seen are left out,
and the weight that was seen comes back beside each figure: divided by a zone's whole weight it is the
share that was visible.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, Doubles, Integers, checked, checked_doubles
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.detect import NOT_SEEN


def weighted_mean(
    values: npt.ArrayLike, indptr: npt.ArrayLike, indices: npt.ArrayLike, weights: npt.ArrayLike
) -> tuple[Doubles, Doubles]:
    """Coverage-weighted mean of each zone in each scene.

    Parameters
    ----------
    values
        (time, pixel) or (time, y, x) float32 or float64; NaN where not seen.
    indptr
        (zone + 1,) integers from 0, never falling.
    indices
        (entry,) integers: flattened pixel.
    weights
        (entry,) share of the pixel inside the zone, not negative.

    Returns
    -------
    mean, covered: (time, zone) float64. `covered` is the weight that was seen, in pixels; where it is 0
    the mean is NaN.

    Raises
    ------
    ValueError
        Another dtype, or a sparse matrix that does not fit the values.

    >>> mean, covered = weighted_mean(np.array([[1.0, 3.0, np.nan]]), [0, 2, 3], [0, 1, 2], [1.0, 0.5, 1.0])
    >>> mean.round(3), covered
    (array([[1.667,   nan]]), array([[1.5, 0. ]]))
    """
    pixels = checked("values", values, FLOATS)
    return _reduced(pixels, indptr, indices, weights)


def weighted_fraction(
    mask: npt.ArrayLike, indptr: npt.ArrayLike, indices: npt.ArrayLike, weights: npt.ArrayLike
) -> tuple[Doubles, Doubles]:
    """Coverage-weighted share of each zone that is marked, in each scene.

    Parameters
    ----------
    mask
        (time, pixel) or (time, y, x) bool, or uint8 as `detect.exceed` gives it: 0 no, 255 not seen, others yes.
    indptr, indices, weights
        The zones, as in `weighted_mean`.

    Returns
    -------
    fraction, covered: (time, zone) float64. `covered` is the weight that was seen, in pixels; where it is 0
    the fraction is NaN.

    Raises
    ------
    ValueError
        Another dtype, or a sparse matrix that does not fit the mask.

    >>> mask = np.array([[1, 0, 255]], np.uint8)
    >>> weighted_fraction(mask, [0, 3], [0, 1, 2], [0.5, 1.5, 1.0])
    (array([[0.25]]), array([[2.]]))
    """
    marked = checked("mask", mask, (np.bool_, np.uint8))
    return _reduced(marked.view(np.uint8), indptr, indices, weights)


def _reduced(
    pixels: Array, indptr: npt.ArrayLike, indices: npt.ArrayLike, weights: npt.ArrayLike
) -> tuple[Doubles, Doubles]:
    if pixels.ndim not in (2, 3):
        raise ValueError(f"values must be (time, pixel) or (time, y, x): shape {pixels.shape}")
    flat = pixels.reshape(pixels.shape[0], int(np.prod(pixels.shape[1:])))
    starts, entries, shares = _checked_zones(indptr, indices, weights, flat.shape[1])
    total = np.empty((flat.shape[0], starts.size - 1))
    covered = np.empty_like(total)
    if flat.dtype == np.uint8:
        _count(flat, starts, entries, shares, total, covered)
    else:
        _sum(flat, starts, entries, shares, total, covered)
    mean = np.full_like(total, np.nan)
    np.divide(total, covered, out=mean, where=covered > 0.0)
    return mean, covered


def _checked_zones(
    indptr: npt.ArrayLike, indices: npt.ArrayLike, weights: npt.ArrayLike, pixels: int
) -> tuple[Integers, Integers, Doubles]:
    starts: Integers = checked("indptr", np.asarray(indptr, np.int64), (np.int64,), ndim=1)
    entries: Integers = checked("indices", np.asarray(indices, np.int64), (np.int64,), ndim=1)
    shares = checked_doubles("weights", weights, entries.shape)
    if starts.size == 0 or starts[0] != 0 or starts[-1] != entries.size or (np.diff(starts) < 0).any():
        raise ValueError(f"indptr must rise from 0 to the number of indices {entries.size}: {starts.tolist()[:9]}")
    if entries.size and (entries.min() < 0 or entries.max() >= pixels):
        raise ValueError(f"indices not in 0..{pixels - 1}: {entries.min()} to {entries.max()}")
    if shares.size and not (shares.min() >= 0.0 and shares.max() < np.inf):
        raise ValueError(f"weights must be finite and not negative: {shares.min()} to {shares.max()}")
    return starts, entries, shares


@kernel
def _sum(
    values: Array, indptr: Integers, indices: Integers, weights: Doubles, totals: Doubles, covereds: Doubles
) -> None:
    for time in range(values.shape[0]):
        for zone in range(indptr.size - 1):
            total = 0.0
            covered = 0.0
            for entry in range(indptr[zone], indptr[zone + 1]):
                value = float(values[time, indices[entry]])
                if value == value:
                    total += weights[entry] * value
                    covered += weights[entry]
            totals[time, zone] = total
            covereds[time, zone] = covered


@kernel
def _count(
    mask: Array, indptr: Integers, indices: Integers, weights: Doubles, totals: Doubles, covereds: Doubles
) -> None:
    for time in range(mask.shape[0]):
        for zone in range(indptr.size - 1):
            total = 0.0
            covered = 0.0
            for entry in range(indptr[zone], indptr[zone + 1]):
                value = mask[time, indices[entry]]
                if value != NOT_SEEN:
                    covered += weights[entry]
                    if value != 0:
                        total += weights[entry]
            totals[time, zone] = total
            covereds[time, zone] = covered
