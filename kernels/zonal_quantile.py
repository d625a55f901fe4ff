"""Quantiles of what a zone holds, from pixels that it covers in part.

With pixels in the order of their values, pixel i (from 0) of n stands at i w_i + (n - 1) (w_0 + ... + w_(i-1)), and a
quantile q at q (n - 1) times the zone's weight, read off between the two pixels beside it. With equal weights this is
type 7 of Hyndman and Fan (1996, doi 10.1080/00031305.1996.10473566); with any it is exactextract's. Equal values stand
in the order of their weights.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, Doubles
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.spans import Spans
from berthwatch.kernels.zonal import Images, as_images, known


def weighted_quantile(
    values: npt.ArrayLike, spans: Spans, q: Sequence[float], nodata: float | None = None
) -> tuple[Doubles, Doubles]:
    """Coverage-weighted quantiles of each zone in each scene.

    Parameters
    ----------
    values, spans, nodata
        As in `zonal.weighted_mean`.
    q
        Each 0 to 1.

    Returns
    -------
    quantile: (q, time, zone) float64, NaN where nothing was seen.
    covered: (time, zone) float64, the weight that was seen, in pixels.

    Raises
    ------
    ValueError
        As `zonal.weighted_mean`, or a `q` that is not in 0..1.

    >>> from berthwatch.kernels.spans import spans_of
    >>> spans = spans_of([0, 4], [0, 1, 2, 3], [1.0, 1.0, 0.5, 1.0])
    >>> quantile, covered = weighted_quantile(np.array([[4.0, 1.0, 2.0, np.nan]]), spans, [0.5, 1.0])
    >>> quantile.ravel().round(3).tolist(), covered.item()
    ([2.0, 4.0], 2.5)
    """
    wanted = np.asarray(q, np.float64)
    if wanted.ndim != 1 or not ((wanted >= 0.0) & (wanted <= 1.0)).all():
        raise ValueError(f"q not in 0..1: {wanted.tolist()}")
    images = as_images(values, spans, nodata)
    quantile = np.empty((wanted.size, len(images.values), spans.zones))
    covered = np.empty(quantile.shape[1:])
    _quantiles(images, wanted, quantile, covered)
    return quantile, covered


@kernel
def _quantiles(images: Images, q: Doubles, quantiles: Doubles, covereds: Doubles) -> None:
    largest = np.uint64(0)
    for zone in range(images.ptr.size - 1):
        largest = max(largest, images.table[images.ptr[zone] : images.ptr[zone + 1], 1].sum())
    values, shares = np.empty(largest), np.empty(largest)
    for time in range(images.values.shape[0]):
        line = images.values[time]
        for zone in range(images.ptr.size - 1):
            count = _gather(line, images, zone, values, shares)
            covered = shares[:count].sum()
            covereds[time, zone] = covered
            for k in range(q.size):
                found = np.nan
                if count > 0:
                    found = _quantile(values[:count], shares[:count], q[k] * (count - 1) * covered)
                quantiles[k, time, zone] = found


@kernel
def _gather(line: Array, images: Images, zone: int, values: Doubles, shares: Doubles) -> int:
    """Put together what was seen of a zone; how many pixels that is."""
    count = 0
    for span in range(images.ptr[zone], images.ptr[zone + 1]):
        first, length, at = images.table[span, 0], images.table[span, 1], images.table[span, 2]
        for k in range(length):
            value = float(line[first + k])
            values[count], shares[count] = value, images.weights[at + k]
            count += 1 if known(value, images.nodata) else 0
    return count


@kernel
def _quantile(values: Doubles, shares: Doubles, target: float) -> float:
    """What stands at `target`; reorders both arrays."""
    last = values.size - 1
    place, before = _select(values, shares, target)
    here, own = values[place], shares[place]
    stands = place * own + last * before
    if target < stands:
        other = _extreme(values, shares, 0, place, 1.0)
        beside = (place - 1) * shares[other] + last * (before - shares[other])
    elif place < last:
        other = _extreme(values, shares, place + 1, values.size, -1.0)
        beside = (place + 1) * shares[other] + last * (before + own)
    else:
        return float(here)
    if values[other] == here or beside == stands:  # also two equal infinities
        return float(here)
    share = (target - stands) / (beside - stands)
    return float((1.0 - share) * here + share * values[other])


@kernel
def _select(values: Doubles, shares: Doubles, target: float) -> tuple[int, float]:
    """Put into its place the pixel in whose share `target / (n - 1)` falls, smaller ones before it and greater behind.

    Hoare's selection, three ways: pixels like the pivot are done with at once, as there are many in whole numbers.
    Returns the place, and the weight of what lies before.
    """
    last = values.size - 1
    low, high, before = 0, values.size, 0.0
    while low < high:
        middle = (low + high) // 2
        _order(values, shares, low, middle)
        _order(values, shares, low, high - 1)
        _order(values, shares, middle, high - 1)
        pivot, own = values[middle], shares[middle]
        less, k, more, under = low, low, high, before
        while k < more:
            if values[k] < pivot or (values[k] == pivot and shares[k] < own):
                under += shares[k]
                _swap(values, shares, less, k)
                less += 1
                k += 1
            elif values[k] == pivot and shares[k] == own:
                k += 1
            else:
                more -= 1
                _swap(values, shares, k, more)
        if target < last * under:
            high = less
        else:
            for place in range(less, more):
                if target < last * (under + own):
                    return place, under
                under += own
            low, before = more, under
    return low - 1, before - shares[low - 1]


@kernel
def _order(values: Doubles, shares: Doubles, i: int, j: int) -> None:
    if values[j] < values[i]:
        _swap(values, shares, i, j)


@kernel
def _swap(values: Doubles, shares: Doubles, i: int, j: int) -> None:
    values[i], values[j] = values[j], values[i]
    shares[i], shares[j] = shares[j], shares[i]


@kernel
def _extreme(values: Doubles, shares: Doubles, start: int, stop: int, sign: float) -> int:
    """Where the greatest pixel of some is, or with the sign -1 the least; of equal ones, by weight."""
    best = start
    for k in range(start + 1, stop):
        if sign * values[k] > sign * values[best] or (
            values[k] == values[best] and sign * shares[k] > sign * shares[best]
        ):
            best = k
    return best
