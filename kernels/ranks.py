"""The value at a rank, for many series of keys side by side, as (time, series).

Selection without moving anything: halve the range of keys and count what lies below, one bit of the key after the
other (Blum et al. 1973 ask for no more than counts). The loops run over series and hold no branch, so that the
processor's vectors compare as many keys at once as they hold.
"""

from typing import Any

import numpy as np

from berthwatch.kernels.arrays import Array
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.keys import ROWS


def counter(itemsize: int, rows: int) -> type[np.integer[Any]]:
    """The type to count so many rows of keys in: as wide as a key, for then vectors hold as many of both, if it can.

    >>> counter(2, 100).__name__, counter(1, 1000).__name__
    ('uint16', 'uint32')
    """
    own = np.dtype(f"u{itemsize}").type
    return own if rows <= np.iinfo(own).max else np.uint32


@kernel
def _count_below(keys: Array, pivots: Array, counts: Array) -> None:
    counts[:] = 0
    for first in range(0, keys.shape[0], ROWS):  # eight dates for one load and store of the counts
        a, b, c, d = keys[first], keys[first + 1], keys[first + 2], keys[first + 3]
        e, f, g, h = keys[first + 4], keys[first + 5], keys[first + 6], keys[first + 7]
        for i in range(counts.size):
            pivot = pivots[i]
            counts[i] += (
                np.uint8(a[i] < pivot)
                + np.uint8(b[i] < pivot)
                + np.uint8(c[i] < pivot)
                + np.uint8(d[i] < pivot)
                + np.uint8(e[i] < pivot)
                + np.uint8(f[i] < pivot)
                + np.uint8(g[i] < pivot)
                + np.uint8(h[i] < pivot)
            )


@kernel
def select(keys: Array, lowest: Any, ranks: Array, found: Array) -> None:
    """Key at each series' rank, from the lowest that the type holds upwards; `ranks` of `counter`'s type."""
    pivots = np.empty_like(found)
    below = np.empty_like(ranks)
    found[:] = lowest
    for bit in range(8 * found.itemsize - 1, -1, -1):
        for i in range(found.size):
            pivots[i] = int(found[i]) + (1 << bit)
        _count_below(keys, pivots, below)
        for i in range(found.size):
            # what is loaded only sometimes keeps the loop from becoming vectors
            lower, higher = found[i], pivots[i]
            found[i] = higher if below[i] <= ranks[i] else lower


@kernel
def next_above(keys: Array, last: Any, ranks: Array, found: Array, above: Array) -> None:
    """Key at the rank after each series' rank, from what was found there; `last` where there is none."""
    reached = np.zeros_like(ranks)
    above[:] = last
    for time in range(keys.shape[0]):
        row = keys[time]
        for i in range(row.size):
            key, here, least = row[i], found[i], above[i]
            reached[i] += 1 if key <= here else 0
            greater = key if key > here else last
            above[i] = min(least, greater)
    for i in range(found.size):
        here, greater = found[i], above[i]
        above[i] = here if reached[i] > ranks[i] + 1 else greater
