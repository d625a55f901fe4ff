"""Zones as spans: stretches of pixels that lie side by side in memory, each with its weights.

A zone's pixels come as rows of a sparse matrix, with an index for each. As spans they are read in order, and long
stretches that lie wholly inside share one block of ones for weights. Found once per set of zones, used for every scene.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, Doubles, Integers, checked, checked_doubles

LONG_PX = 32
"""From here on a stretch of whole pixels is worth a span of its own."""
LONGEST_PX = 512
"""Spans are cut to this length, so that the ones, and what is summed beside them, stay in a processor's first cache."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Zone z has the spans table[ptr[z]:ptr[z + 1]], each (first flattened pixel, how many, where its weights begin).

    The table is uint64: an index that cannot be negative is not looked at before use. `weights` (n,) float64 begin
    with a block of ones, the weights of all spans of whole pixels. `whole` (zone,) is the weight of each zone; `pixels`
    is how large an image must be at least.
    """

    ptr: Integers
    table: Array
    weights: Doubles
    whole: Doubles
    pixels: int

    @property
    def zones(self) -> int:
        """How many zones there are."""
        return int(self.ptr.size - 1)


def spans_of(indptr: npt.ArrayLike, indices: npt.ArrayLike, weights: npt.ArrayLike) -> Spans:
    """Find the spans of zones given as a sparse matrix of compressed rows.

    Parameters
    ----------
    indptr
        (zone + 1,) integers from 0, never falling: zone z covers indices[indptr[z]:indptr[z + 1]].
    indices
        (entry,) integers: flattened pixel, as `coverage.polygon_coverage` gives it. Zones may overlap.
    weights
        (entry,) share of the pixel inside the zone, not negative; pixels of weight 0 are left out.

    Returns
    -------
    Spans

    Raises
    ------
    ValueError
        Rows that do not fit the indices, an index or a weight below 0, or a weight that is not finite.

    >>> spans = spans_of([0, 3, 4], [4, 5, 9, 4], [0.5, 1.0, 0.25, 1.0])
    >>> spans.ptr.tolist(), spans.table[:, :2].tolist(), spans.weights[LONGEST_PX:].tolist()
    ([0, 2, 3], [[4, 2], [9, 1], [4, 1]], [0.5, 1.0, 0.25, 1.0])
    >>> spans.whole.tolist(), spans.pixels
    ([1.75, 1.0], 10)
    """
    starts: Integers = checked("indptr", np.asarray(indptr, np.int64), (np.int64,), ndim=1)
    entries: Integers = checked("indices", np.asarray(indices, np.int64), (np.int64,), ndim=1)
    shares = checked_doubles("weights", weights, entries.shape)
    if starts.size == 0 or starts[0] != 0 or starts[-1] != entries.size or (np.diff(starts) < 0).any():
        raise ValueError(f"indptr must rise from 0 to the number of indices {entries.size}: {starts.tolist()[:9]}")
    if entries.size and entries.min() < 0:
        raise ValueError(f"indices must not be negative: {entries.min()}")
    if shares.size and not (shares.min() >= 0.0 and shares.max() < np.inf):
        raise ValueError(f"weights must be finite and not negative: {shares.min()} to {shares.max()}")
    zone = np.repeat(np.arange(starts.size - 1), np.diff(starts))
    held = np.flatnonzero(shares)
    return _cut(starts.size - 1, zone[held], entries[held], shares[held])


def _cut(zones: int, zone: Integers, entries: Integers, shares: Doubles) -> Spans:
    """Spans of entries (zone, pixel, weight) that all have a weight."""
    apart = np.ones(zone.size, np.bool_)
    apart[1:] = (np.diff(zone) != 0) | (np.diff(entries) != 1)
    part = shares != 1.0
    stretches = np.flatnonzero(apart | _changes(part))
    lengths = np.diff(stretches, append=zone.size)
    alike = np.repeat(~part[stretches] & (lengths >= LONG_PX), lengths)
    begins = np.flatnonzero(apart | _changes(alike))
    since = np.arange(zone.size) - np.repeat(begins, np.diff(begins, append=zone.size))
    firsts = np.flatnonzero(since % LONGEST_PX == 0)
    at = np.where(alike, 0, LONGEST_PX + np.cumsum(~alike) - 1)
    table = np.stack([entries[firsts], np.diff(firsts, append=zone.size), at[firsts]], axis=1).astype(np.uint64)
    return Spans(
        np.searchsorted(zone[firsts], np.arange(zones + 1)),
        table,
        np.concatenate([np.ones(LONGEST_PX), shares[~alike]]),
        np.bincount(zone, shares, zones),
        int(entries.max(initial=-1)) + 1,
    )


def _changes(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    return np.diff(flags, prepend=flags[:1])
