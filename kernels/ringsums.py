"""Sums over the ring of cells around each pixel of an image, row by row: what cell-averaging detectors stand on.

The ring is a square of side 2 half + 1 without the square of side 2 inner + 1 at its centre, cut at the image's
border. Its sum is put together from the columns' sums over the strips of rows above and below the guard and over
the guard's own rows, and from sums of neighbours among those. Each is made by doubling: 2, 4, 8 rows are pairs of
1, 2, 4 before, and the wanted number is a sum of such powers. That vectorises along the row, whatever the window.

Nothing is ever taken off again, so that a vessel a million times its clutter leaves no remainder in the rings after
it; and the additions are ordered alike at every pixel, so that cutting the image up (with `half` pixels of overlap)
changes no bit of the result.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, Doubles, Integers
from berthwatch.kernels.compile import kernel

Counts = npt.NDArray[np.int32]
Finish = Callable[[int, Array, Doubles, Doubles, Array, Array], None]
BLOCK = 1024
"""Columns worked on together, so that their rows of sums stay in a core's second-level cache."""


class Rows(NamedTuple):
    """Rows of sums over one block of columns and the `half` columns to either side of it."""

    powers: Doubles
    """(1 + 2 + 4 ... + 2^k + 1, width): sums over so many rows, as many of the latest of each; and a row of 0."""
    strips: Doubles
    """(half + inner + 2, width): sums over the rows of a strip, by their last row."""
    sides: Doubles
    """(half - inner + 1, width): sums over the guard's own rows, by their last row."""
    lines: Doubles
    """(k + 2, width): a row, its sums over 2, 4 ... neighbouring columns; and a row of 0."""
    boxes: Doubles
    """(2, width): sums over the columns of a strip and of the guard."""
    parts: Integers
    """(2, 64): which rows make a sum, and where in them it begins."""
    total: Doubles
    """(layers, columns): the sums over the ring, or over its left and its right half."""


class Spans(NamedTuple):
    """How many rows and columns of a square without gaps lie inside the image."""

    tall: Counts
    short: Counts
    """(rows,) of the outer square and of the guard."""
    wide: Counts
    narrow: Counts
    """(layers, columns) likewise; with two layers, of the columns before and after the pixel's own."""


def ring_rows(columns: int, half: int, inner: int, layers: int) -> Rows:
    """Room for the sums of one call."""
    block = _block(columns)
    width, longest = block + 2 * half, max(half - inner, 2 * inner + 1)
    levels = longest.bit_length()
    heights = (2**levels, half + inner + 2, half - inner + 1, levels + 2, 2)
    powers, strips, sides, lines, boxes = (np.zeros((height, width)) for height in heights)
    return Rows(powers, strips, sides, lines, boxes, np.zeros((2, 64), np.int64), np.zeros((layers, block)))


def spans(shape: tuple[int, int], half: int, inner: int, layers: int) -> Spans:
    """Counts of rows and columns for an image of this shape."""

    def before(size: int, reach: int) -> Integers:
        return np.minimum(np.arange(size), reach)

    def inside(size: int, reach: int) -> Counts:
        return (before(size, reach) + before(size, reach)[::-1] + 1).astype(np.int32)

    def across(size: int, reach: int) -> Counts:
        sides = [inside(size, reach)] if layers == 1 else [before(size, reach), before(size, reach)[::-1]]
        return np.array(sides, np.int32)

    rows, columns = shape
    return Spans(inside(rows, half), inside(rows, inner), across(columns, half), across(columns, inner))


def _block(columns: int) -> int:
    """Equal blocks, none wider than BLOCK."""
    return -(-columns // max(-(-columns // BLOCK), 1))


@kernel
def over_rings(
    image: Array,
    clutter: Array,
    half: int,
    inner: int,
    sizes: Spans,
    sums: Rows,
    cells: Rows,
    by_count: Doubles,
    finish: Finish,
    how: int,
    ratio: Array,
    found: Array,
    count: Counts,
) -> None:
    """Call finish(how, image, sums, weights, ratio, found) for each row of each block.

    `clutter` is the image with NaN at what must not be a cell; a weight is `by_count` at the count of cells. `ratio`,
    `found` (y, x), of which one may have a single row where it is not wanted, and `count` (layers, y, x), which may be
    empty, are filled. There is one `finish` for all, since each would compile this anew.
    """
    rows, columns = image.shape
    layers, block = sums.total.shape
    weights = np.empty((layers, block))
    for start in range(0, columns, max(block, 1)):
        stop = min(start + block, columns)
        gaps = _has_gaps(clutter[:, max(start - half, 0) : min(stop + half, columns)])
        for part in (sums.powers, sums.strips, sums.sides, cells.powers, cells.strips, cells.sides):
            part[:] = 0.0
        for entering in range(rows + half):
            y = entering - half
            # one place that calls them for both, since each would be compiled anew
            for turn in range(2 if gaps else 1):
                sought = sums if turn == 0 else cells
                _enter(clutter, entering, start - half, stop + half, gaps, turn == 1, sought.lines[0])
                _advance(sought, entering, half, inner)
                if y >= 0:
                    _close(sought, y, half, inner)
            if y < 0:
                continue
            fresh = gaps or y == 0 or sizes.tall[y] != sizes.tall[y - 1] or sizes.short[y] != sizes.short[y - 1]
            for layer in range(layers):
                number = cells.total[layer, : stop - start]
                if fresh and not gaps:
                    _full(sizes, y, sizes.wide[layer, start:stop], sizes.narrow[layer, start:stop], number)
                if fresh:
                    _look_up(by_count, number, weights[layer])
                if count.size > 0:
                    _store(number, count[layer, y, start:stop])
            ratios, finds = ratio[y % ratio.shape[0], start:stop], found[y % found.shape[0], start:stop]
            finish(how, image[y, start:stop], sums.total, weights, ratios, finds)


@kernel
def _has_gaps(clutter: Array) -> bool:
    for y in range(clutter.shape[0]):
        line = clutter[y]
        gaps = 0
        for x in range(len(line)):
            gaps += 0 if abs(line[x]) < np.inf else 1
        if gaps > 0:
            return True
    return False


@kernel
def _enter(clutter: Array, y: int, start: int, stop: int, gaps: bool, counted: bool, line: Doubles) -> None:
    """The columns `start` to `stop` of row y, or 1 for each; 0 outside the image and where nothing was seen."""
    line[:] = 0.0
    if y >= clutter.shape[0]:
        return
    first, last = max(start, 0), min(stop, clutter.shape[1])
    values, into = clutter[y, first:last], line[first - start : last - start]
    if counted:
        for x in range(len(values)):
            into[x] = 1.0 if abs(values[x]) < np.inf else 0.0
    elif gaps:
        for x in range(len(values)):
            into[x] = values[x] if abs(values[x]) < np.inf else 0.0
    else:
        for x in range(len(values)):
            into[x] = values[x]


@kernel
def _advance(rows: Rows, y: int, half: int, inner: int) -> None:
    """Row y, which is in lines[0], enters: sums over the rows of a strip and of the guard that end with it."""
    powers, now, later, step = rows.powers, rows.lines[0], rows.lines[1], 1
    while step < powers.shape[0]:
        # where the sum over `step` rows that ended `step` rows ago stood, the one that ends here will
        old = powers[step - 1 + y % step]
        for x in range(len(now)):
            value = now[x]
            later[x] = value + old[x]
            old[x] = value
        now, later, step = later, now, 2 * step
    for length, sums in ((half - inner, rows.strips), (2 * inner + 1, rows.sides)):
        taken, step, parts = 0, 1, 0
        while taken < length:
            if length & step != 0:
                rows.parts[0, parts] = step - 1 + (y - taken) % step
                rows.parts[1, parts] = 0
                taken, parts = taken + step, parts + 1
            step *= 2
        _add_parts(powers, rows.parts, parts, sums[y % sums.shape[0]])


@kernel
def _close(rows: Rows, y: int, half: int, inner: int) -> None:
    """The sums over the rings of row y, once row y + half has entered."""
    strips, sides, line = rows.strips, rows.sides, rows.lines[0]
    above = strips[(y - inner - 1) % strips.shape[0]]
    below = strips[(y + half) % strips.shape[0]]
    beside = sides[(y + inner) % sides.shape[0]]
    ends, core = rows.boxes[0], rows.boxes[1]
    layers, columns = rows.total.shape
    for x in range(len(line)):
        line[x] = (above[x] + below[x]) + beside[x]
    _add_neighbours(rows, half - inner, ends)
    for x in range(len(line)):
        line[x] = above[x] + below[x]
    _add_neighbours(rows, 2 * inner + 1 if layers == 1 else inner, core)
    left, right = ends[:columns], ends[half + inner + 1 :]
    if layers == 1:
        middle, total = core[half - inner :], rows.total[0]
        for x in range(len(total)):
            total[x] = left[x] + middle[x] + right[x]
    else:
        near, beyond, before, after = core[half - inner :], core[half + 1 :], rows.total[0], rows.total[1]
        for x in range(len(before)):
            before[x] = left[x] + near[x]
            after[x] = beyond[x] + right[x]


@kernel
def _add_neighbours(rows: Rows, length: int, out: Array) -> None:
    """out[x] is the sum of line[x : x + length] of lines[0], for every x that has so many after it."""
    lines, parts, have = rows.lines, rows.parts, rows.lines.shape[1]
    taken, step, level, count = 0, 1, 0, 0
    while taken < length:
        if length & step != 0:
            parts[0, count], parts[1, count] = level, taken
            taken, count = taken + step, count + 1
        if taken < length:
            have -= step
            near, far, into = lines[level, :have], lines[level, step : step + have], lines[level + 1, :have]
            for x in range(len(into)):
                into[x] = near[x] + far[x]
        step, level = 2 * step, level + 1
    _add_parts(lines, parts, count, out[: lines.shape[1] - length + 1])


@kernel
def _add_parts(table: Array, parts: Integers, count: int, out: Array) -> None:
    """Add `count` parts, each a row of the table and where in it to begin: four at a visit, the last row being 0."""
    if count == 0:
        out[:] = 0
    for part in range(count, count + 4):
        parts[0, part], parts[1, part] = table.shape[0] - 1, 0
    for first in range(0, count, 4):
        a = table[parts[0, first], parts[1, first] :]
        b = table[parts[0, first + 1], parts[1, first + 1] :]
        c = table[parts[0, first + 2], parts[1, first + 2] :]
        d = table[parts[0, first + 3], parts[1, first + 3] :]
        if first == 0:
            for x in range(len(out)):
                out[x] = (a[x] + b[x]) + (c[x] + d[x])
        else:
            for x in range(len(out)):
                out[x] += (a[x] + b[x]) + (c[x] + d[x])


@kernel
def _full(sizes: Spans, y: int, wide: Counts, narrow: Counts, number: Doubles) -> None:
    """Cells of rings without gaps."""
    tall, short = sizes.tall[y], sizes.short[y]
    for x in range(len(number)):
        number[x] = tall * wide[x] - short * narrow[x]


@kernel
def _store(number: Doubles, count: Counts) -> None:
    for x in range(len(number)):  # assigning a whole array takes numba seconds to compile
        count[x] = int(number[x])


@kernel
def _look_up(by_count: Doubles, number: Doubles, weights: Doubles) -> None:
    for x in range(len(number)):
        weights[x] = by_count[int(number[x])]
