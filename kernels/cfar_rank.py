"""Constant false-alarm rate by rank: each pixel of a SAR intensity image against the k-th smallest cell of its ring.

Ordered statistic (Rohling 1983, doi 10.1109/TAES.1983.309350). Other vessels in the ring move a rank little, where
they would raise a mean. Ring, mask and counts are those of `cfar`.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, Integers
from berthwatch.kernels.cfar import ring_of
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.ringsums import Counts


def ordered_statistic(
    image: npt.ArrayLike,
    outer: int,
    guard: int,
    q: float,
    stride: int = 1,
    mask: npt.ArrayLike | None = None,
    least: int = 1,
) -> tuple[Array, Counts]:
    """How many times the k-th smallest cell of its ring each pixel is.

    Parameters
    ----------
    image, outer, guard, mask, least
        As for `cfar.cell_averaging`.
    q
        Above 0, up to 1: the rank as a fraction of the count of cells, usually 0.75; see `rank`.
    stride
        Of the ring only every so manieth row and column is used, counted from the pixel: pixels finer than the sensor
        resolves are correlated, and thinning makes the cells nearly independent.

    Returns
    -------
    ratio
        (y, x) of the image's dtype, NaN where the pixel is NaN, the cells are fewer than `least`, or that of the rank
        is not positive.
    count
        (y, x) int32, the cells of each ring that were seen.

    Raises
    ------
    ValueError
        As for `cfar.cell_averaging`, and where `q` or `stride` is wrong.

    >>> ratio, count = ordered_statistic(np.array([[1.0, 2.0, 5.0], [4.0, 8.0, 99.0]]), 3, 1, q=0.75)
    >>> float(ratio[1, 1]), int(count[1, 1])  # 1, 2, 4, 5, 99: the fourth
    (1.6, 5)
    """
    pixels, clutter, half, inner = ring_of(image, outer, guard, mask, least)
    if not 0.0 < q <= 1.0:
        raise ValueError(f"q not above 0 and up to 1: {q}")
    if stride < 1 or half // stride == inner // stride:
        raise ValueError(f"stride must be 1 or more and leave cells in a ring of {outer} and {guard}: {stride}")
    ratio, count = np.empty(pixels.shape, pixels.dtype), np.empty(pixels.shape, np.int32)
    _ordered(pixels, clutter, half, inner, stride, float(q), least, ratio, count)
    return ratio, count


def rank(count: npt.ArrayLike, q: float) -> Integers:
    """Which cell of the sorted ring stands for its clutter: k = q count rounded half up, at least 1.

    >>> rank([1, 20, 22], 0.75).tolist()
    [1, 15, 17]
    """
    return np.maximum(np.floor(q * np.asarray(count) + 0.5), 1.0).astype(np.int64)


@kernel
def _select(scratch: Array, count: int, rank: int) -> None:
    """Reorder scratch[:count] so that `rank` holds its sorted value, none larger before it, none smaller after."""
    low = 0
    high = count - 1
    while low < high:
        first = scratch[low]
        middle = scratch[(low + high) // 2]
        last = scratch[high]
        pivot = max(min(first, middle), min(max(first, middle), last))
        i = low
        j = high
        while i <= j:
            while scratch[i] < pivot:
                i += 1
            while pivot < scratch[j]:
                j -= 1
            if i <= j:
                swapped = scratch[i]
                scratch[i] = scratch[j]
                scratch[j] = swapped
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:  # between the two halves all equal the pivot
            return


@kernel
def _ordered(
    image: Array, clutter: Array, half: int, inner: int, stride: int, q: float, least: int, ratio: Array, count: Counts
) -> None:
    rows, columns = image.shape
    reach = half // stride * stride
    scratch = np.empty((2 * half + 1) ** 2, image.dtype)
    for y in range(rows):
        for x in range(columns):
            cells = 0
            for dy in range(-reach, reach + 1, stride):
                if 0 <= y + dy < rows:
                    for dx in range(-reach, reach + 1, stride):
                        if 0 <= x + dx < columns and max(abs(dy), abs(dx)) > inner:
                            value = clutter[y + dy, x + dx]
                            if abs(value) < np.inf:
                                scratch[cells] = value
                                cells += 1
            count[y, x] = cells
            ratio[y, x] = np.nan
            if cells >= least:
                k = max(int(q * cells + 0.5), 1) - 1
                _select(scratch, cells, k)
                if scratch[k] > 0.0:
                    ratio[y, x] = float(image[y, x]) / float(scratch[k])
