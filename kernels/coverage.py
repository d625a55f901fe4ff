"""How much of each pixel lies inside a polygon, exactly.

The signed-area accumulation of font rasterisers (Levien 2012, font-rs; FreeType's "cells"): each edge adds,
in the rows it crosses, the area between itself and the right border; a running sum along the row turns the
edges of closed rings into the area inside. Exact up to rounding. Only pixels on the outline cost more than one
addition, and those wholly inside weigh exactly 1.

Pixel coordinates: pixel (row r, column c) is the square x in c..c+1, y in r..r+1.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Doubles, Integers, checked_doubles
from berthwatch.kernels.compile import kernel

# Running sums leave dust of some 1e-16 per edge where the true area is nought, or one.
DUST = 1e-12
CROSSING = 1e-6


def polygon_coverage(rings: Sequence[npt.ArrayLike], shape: tuple[int, int]) -> tuple[Integers, Doubles]:
    """Area of each pixel inside a polygon or multipolygon.

    Parameters
    ----------
    rings
        Exteriors and holes, each (n, 2) float64 of x, y in pixels, closed or not, turning either way: a ring
        inside an odd number of others is a hole. Rings may touch but not cross. May reach outside the raster.
    shape
        (rows, columns) of the raster.

    Returns
    -------
    indices: (entry,) int64, rising, flattened row * columns + column.
    weights: (entry,) float64, above 0 and at most 1. Their sum is the polygon's area inside the raster.

    Raises
    ------
    ValueError
        A ring with fewer than three corners, NaN or infinities; rings that cross; a shape below 0.

    >>> polygon_coverage([[(0.5, 0), (2, 0), (2, 1), (0.5, 1)]], shape=(1, 4))
    (array([0, 1]), array([0.5, 1. ]))
    """
    rows, columns = shape
    if rows < 0 or columns < 0:
        raise ValueError(f"shape must not be negative: {shape}")
    outlines = [_checked_ring(ring, number) for number, ring in enumerate(rings)]
    if not outlines:
        return np.empty(0, np.int64), np.empty(0)
    corners = np.concatenate(outlines)
    starts = np.cumsum([0, *(len(ring) for ring in outlines)], dtype=np.int64)
    # only the box around the polygon is touched: a berth is small, a port is large
    left, top = (
        min(max(math.floor(low), 0), size) for low, size in zip(corners.min(axis=0), (columns, rows), strict=True)
    )
    right, bottom = (
        min(max(math.ceil(high), 0), size) for high, size in zip(corners.max(axis=0), (columns, rows), strict=True)
    )
    area = np.zeros((max(bottom - top, 0), max(right - left, 0) + 1))
    _add_rings(area, corners, starts, float(left), float(top))
    indices, weights = np.empty(area.size, np.int64), np.empty(area.size)
    count, worst = _fill(area, top * columns + left, columns, indices, weights)
    if abs(worst - 0.5) > 0.5 + CROSSING:
        raise ValueError(f"rings cross: a pixel's area inside is {worst}, not in 0..1")
    return indices[:count].copy(), weights[:count].copy()


def _checked_ring(value: npt.ArrayLike, number: int) -> Doubles:
    """The ring's corners (n, 2), without the first repeated at the end."""
    ring = checked_doubles(f"ring {number}", value, (None, 2))
    if not np.isfinite(ring).all():
        raise ValueError(f"ring {number} must be finite: {ring[~np.isfinite(ring).all(axis=1)][0].tolist()}")
    if len(ring) and (ring[0] == ring[-1]).all():
        ring = ring[:-1]
    if len(ring) < 3:
        raise ValueError(f"ring {number} must have at least 3 corners: {len(ring)}")
    return ring


@kernel
def _add_rings(area: Doubles, corners: Doubles, starts: Integers, left: float, top: float) -> None:
    """Accumulate all rings, their corners moved by the box's own."""
    for number in range(starts.size - 1):
        ring = corners[starts[number] : starts[number + 1]]
        sign = _turn(ring)
        if starts.size > 2:
            sign *= _depth_sign(corners, starts, number)
        moved = np.empty_like(ring)
        for k in range(ring.shape[0]):
            moved[k, 0] = ring[k, 0] - left
            moved[k, 1] = ring[k, 1] - top
        _accumulate(area, moved, sign)


@kernel
def _turn(ring: Doubles) -> float:
    """The sign that makes the area accumulated inside the ring positive."""
    twice = 0.0
    for k in range(ring.shape[0]):
        end = (k + 1) % ring.shape[0]
        # near the origin, so that large coordinates keep their digits
        x0, y0 = ring[k, 0] - ring[0, 0], ring[k, 1] - ring[0, 1]
        x1, y1 = ring[end, 0] - ring[0, 0], ring[end, 1] - ring[0, 1]
        twice += x0 * y1 - x1 * y0
    return 1.0 if twice < 0.0 else -1.0


@kernel
def _depth_sign(corners: Doubles, starts: Integers, number: int) -> float:
    """1 for an exterior, -1 for a hole: by how many other rings lie around this one.

    Counted on a line of sight from the ring to the left, at a height where no ring has a corner, so that rings
    that touch in a corner are not mistaken for each other.
    """
    own = corners[starts[number] : starts[number + 1]]
    low, high = own[:, 1].min(), own[:, 1].max()
    if low == high:  # flat: no area whichever its sign
        return 1.0
    heights = np.sort(corners[:, 1])
    widest = height = 0.0
    for k in range(heights.size - 1):
        if heights[k] >= low and heights[k + 1] <= high and heights[k + 1] - heights[k] > widest:
            widest = heights[k + 1] - heights[k]
            height = (heights[k] + heights[k + 1]) / 2.0
    start, _ = _crossings(own, height, np.inf)
    sign = 1.0
    for other in range(starts.size - 1):
        if other != number:
            _, count = _crossings(corners[starts[other] : starts[other + 1]], height, start)
            if count % 2 == 1:
                sign = -sign
    return sign


@kernel
def _crossings(ring: Doubles, height: float, limit: float) -> tuple[float, int]:
    """Where the ring first passes a height (x), and how often it does left of a limit."""
    first = np.inf
    count = 0
    for k in range(ring.shape[0]):
        end = (k + 1) % ring.shape[0]
        x0, y0, x1, y1 = ring[k, 0], ring[k, 1], ring[end, 0], ring[end, 1]
        if (y0 <= height) != (y1 <= height):
            x = x0 + (height - y0) / (y1 - y0) * (x1 - x0)
            first = min(first, x)
            if x < limit:
                count += 1
    return first, count


@kernel
def _fill(area: Doubles, corner: int, columns: int, indices: Integers, weights: Doubles) -> tuple[int, float]:
    """Sum along rows and keep what is inside; how many pixels that are, and the area farthest from 0..1."""
    count = 0
    low = high = 0.5
    for row in range(area.shape[0]):
        inside = 0.0
        for column in range(area.shape[1] - 1):
            inside += area[row, column]
            low = min(low, inside)
            high = max(high, inside)
            if inside > DUST:
                indices[count] = corner + row * columns + column
                weights[count] = inside if inside < 1.0 - DUST else 1.0
                count += 1
    return count, low if 0.5 - low > high - 0.5 else high


@kernel
def _accumulate(area: Doubles, ring: Doubles, sign: float) -> None:
    """Add a closed ring's edges: `area` is (rows, columns + 1), its running sum along a row the area inside."""
    rows = area.shape[0]
    for k in range(ring.shape[0]):
        end = (k + 1) % ring.shape[0]
        x0, y0 = ring[k, 0], ring[k, 1]
        x1, y1 = ring[end, 0], ring[end, 1]
        direction = sign
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
            direction = -sign
        y = max(y0, 0.0)
        stop = min(y1, float(rows))
        row = math.floor(y)
        x = x0 + (y - y0) / (y1 - y0) * (x1 - x0) if y < stop else x0
        while y < stop:
            y_next = min(row + 1.0, stop)
            x_next = x1 if y_next == y1 else x0 + (y_next - y0) / (y1 - y0) * (x1 - x0)
            _add_piece(area[row], min(x, x_next), max(x, x_next), (y_next - y) * direction)
            x = x_next
            y = y_next
            row += 1


@kernel
def _add_piece(line: Doubles, low: float, high: float, height: float) -> None:
    """Add the part of one edge within one row, x from low to high, spreading its height over the columns."""
    columns = line.shape[0] - 1
    if low < 0.0:  # left of the raster: all of the row lies to its right
        line[0] += height * ((min(high, 0.0) - low) / (high - low) if high > 0.0 else 1.0)
    elif low == high and low < columns:
        column = math.floor(low)
        line[column] += height * (column + 1.0 - low)
        line[column + 1] += height * (low - column)
    x = max(low, 0.0)
    stop = min(high, float(columns))
    column = math.floor(min(x, float(columns)))
    while x < stop:
        x_next = min(column + 1.0, stop)
        share = height * ((x_next - x) / (high - low))
        before = 0.5 * (x + x_next) - column
        line[column] += share * (1.0 - before)
        line[column + 1] += share * before
        x = x_next
        column += 1
