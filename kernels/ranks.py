"""The value at a rank, for many series of keys side by side, as (time, series).

Selection without moving anything: halve the range of keys and count what lies below (Blum et al. 1973 ask for
no more than counts). A key is taken apart into halves until bytes are left, for a vector holds 32 of those; eight
counts over time give a byte. What lies outside the upper half that was found is pushed to an end of the
lower one's range and so keeps its side.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from berthwatch.kernels.arrays import Array
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.keys import ROWS

Select = Callable[[Array, Array, Array], None]
MOST_COUNTED = 248
"""Dates, in whole groups, that a count in one byte can hold."""


def counter(rows: int) -> type[np.unsignedinteger[Any]]:
    """The smallest type that counts so many rows of keys: a byte where it does."""
    return np.uint8 if rows <= MOST_COUNTED else np.uint32


@kernel
def _count_below(groups: Array, pivots: Array, counts: Array) -> None:
    counts[:] = 0
    for group in groups:  # eight dates for one load and store of the counts
        for i in range(counts.size):
            pivot = pivots[i]
            counts[i] += (
                np.uint8(group[0, i] < pivot)
                + np.uint8(group[1, i] < pivot)
                + np.uint8(group[2, i] < pivot)
                + np.uint8(group[3, i] < pivot)
                + np.uint8(group[4, i] < pivot)
                + np.uint8(group[5, i] < pivot)
                + np.uint8(group[6, i] < pivot)
                + np.uint8(group[7, i] < pivot)
            )


@kernel
def select_8(keys: Array, ranks: Array, found: Array) -> None:
    """Key at each series' rank; `keys` int8, `ranks` of the type that `counter` gives."""
    groups = keys.reshape(keys.shape[0] // ROWS, ROWS, keys.shape[1])
    step = MOST_COUNTED // ROWS
    pivots = np.empty_like(found)
    counts = np.empty(found.size, np.uint8)
    below = np.empty_like(ranks)
    found[:] = -128
    bit = 128
    while bit > 0:
        for i in range(found.size):
            pivots[i] = int(found[i]) + bit
        below[:] = 0
        for first in range(0, groups.shape[0], step):
            _count_below(groups[first : first + step], pivots, counts)
            for i in range(found.size):
                below[i] += counts[i]
        for i in range(found.size):
            # what is loaded only sometimes keeps the loop from becoming vectors
            lower, higher = found[i], pivots[i]
            found[i] = higher if below[i] <= ranks[i] else lower
        bit >>= 1


def _by_halves(bits: int, half_type: type[np.signedinteger[Any]], select_half: Select) -> Select:
    """Selection among keys of so many bits, by that among keys of half as many."""
    width = bits // 2
    lowest, highest = half_type(np.iinfo(half_type).min), half_type(np.iinfo(half_type).max)
    turn = 1 << (width - 1)

    @kernel
    def select(keys: Array, ranks: Array, found: Array) -> None:
        half = np.empty(keys.shape, half_type)
        upper = np.empty(found.size, half_type)
        lower = np.empty(found.size, half_type)
        for time in range(keys.shape[0]):
            row, part = keys[time], half[time]
            for i in range(row.size):
                part[i] = row[i] >> width
        select_half(half, ranks, upper)
        for time in range(keys.shape[0]):
            row, part = keys[time], half[time]
            for i in range(row.size):
                has, wanted = part[i], upper[i]
                inside = half_type(row[i]) ^ lowest
                side = lowest if has < wanted else highest
                part[i] = inside if has == wanted else side
        select_half(half, ranks, lower)
        for i in range(found.size):
            found[i] = (int(upper[i]) << width) + int(lower[i]) + turn

    return select


select_16 = _by_halves(16, np.int8, select_8)
select_32 = _by_halves(32, np.int16, select_16)
select_64 = _by_halves(64, np.int32, select_32)


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
