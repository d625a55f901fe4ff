"""The plain NumPy twins of the CFAR detectors: the ring of every pixel cut out, its cells listed and counted."""

from collections.abc import Callable, Iterator
from math import floor

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array


def rings(
    image: Array, outer: int, guard: int, mask: Array | None, stride: int = 1
) -> Iterator[tuple[tuple[int, int], Array, Array, Array]]:
    """Each pixel's place, the cells of its ring that were seen (float64), and how far down and right they lie."""
    rows, columns = np.indices(image.shape)
    seen = np.isfinite(image) if mask is None else np.isfinite(image) & (mask == 0)
    for y, x in np.ndindex(*image.shape):
        down, right = rows - y, columns - x
        far = np.maximum(np.abs(down), np.abs(right))
        cells = (far <= outer // 2) & (far > guard // 2) & (down % stride == 0) & (right % stride == 0) & seen
        yield (y, x), image[cells].astype(np.float64), down[cells], right[cells]


def cell_averaging(
    image: Array, outer: int, guard: int, mask: Array | None = None, least: int = 1
) -> tuple[Array, Array]:
    """Ratio to the mean of the ring, and its cells."""
    ratio, count = np.full(image.shape, np.nan, image.dtype), np.zeros(image.shape, np.int32)
    for place, cells, _, _ in rings(image, outer, guard, mask):
        count[place] = len(cells)
        if len(cells) >= least and cells.mean() > 0.0:
            ratio[place] = image[place] / cells.mean()
    return ratio, count


def of_halves(
    image: Array,
    outer: int,
    guard: int,
    split: str,
    mask: Array | None,
    least: int,
    choose: Callable[[list[float]], float],
) -> tuple[Array, Array]:
    """Ratio to the mean that `choose`, max or min, takes of those of the two halves, and the cells of each."""
    ratio, count = np.full(image.shape, np.nan, image.dtype), np.zeros((2, *image.shape), np.int32)
    for place, cells, down, right in rings(image, outer, guard, mask):
        along = right if split == "left-right" else down
        halves = [cells[along < 0], cells[along > 0]]
        count[(slice(None), *place)] = [len(half) for half in halves]
        if min(len(half) for half in halves) >= least:
            mean = choose([float(half.mean()) for half in halves])
            if mean > 0.0:
                ratio[place] = image[place] / mean
    return ratio, count


def ordered_statistic(
    image: Array, outer: int, guard: int, q: float, stride: int = 1, mask: Array | None = None, least: int = 1
) -> tuple[Array, Array]:
    """Ratio to the k-th smallest cell of the sorted ring, and its cells."""
    ratio, count = np.full(image.shape, np.nan, image.dtype), np.zeros(image.shape, np.int32)
    for place, cells, _, _ in rings(image, outer, guard, mask, stride):
        count[place] = len(cells)
        if len(cells) >= least:
            level = np.sort(cells)[max(floor(q * len(cells) + 0.5), 1) - 1]
            if level > 0.0:
                ratio[place] = image[place] / level
    return ratio, count


def detections(ratio: Array, count: Array, multipliers: Array) -> npt.NDArray[np.uint8]:
    """1 above the multiplier of the count, 0 not, 255 where either is NaN."""
    limit = multipliers[count] if count.ndim == 2 else multipliers[count[0], count[1]]
    return np.where(np.isnan(ratio) | np.isnan(limit), 255, ratio > limit).astype(np.uint8)
