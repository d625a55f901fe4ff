"""Constant false-alarm rate detectors: each pixel of a SAR intensity image against the ring of clutter around it.

The ring is a square of `outer` x `outer` pixels without the `guard` x `guard` square at its centre, cut at the
image's border. Cell-averaging (Finn & Johnson 1968, RCA Review 29, 414) and greatest-of (Hansen 1973) say how many
times its clutter's mean a pixel is; `detections` compares that, or what `cfar_rank` says, with the multiplier for the
number of cells that were seen.

An image may be cut into chunks, for dask or for threads: with outer // 2 pixels of overlap every bit stays the same.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, Doubles, checked
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.detect import NOT_SEEN, exceed
from berthwatch.kernels.ringsums import Counts, over_rings, ring_rows, spans

Split = Literal["left-right", "upper-lower"]
MEAN, LARGER, SMALLER, EXCEEDS = range(4)
"""What is made of the sums over a ring."""


def cell_averaging(
    image: npt.ArrayLike, outer: int, guard: int, mask: npt.ArrayLike | None = None, least: int = 1
) -> tuple[Array, Counts]:
    """How many times the mean of its ring each pixel is.

    Parameters
    ----------
    image
        (y, x) float32 or float64, linear intensity, not negative; what is not finite is left out.
    outer, guard
        Sides of the ring's outer square and of the square left out at its centre, in pixels, both odd.
    mask
        (y, x) bool or uint8: land, other vessels; what is not 0 is left out of every ring, but is itself measured.
    least
        Fewest cells that make a mean.

    Returns
    -------
    ratio
        (y, x) of the image's dtype, NaN where the pixel is NaN, the cells are fewer than `least`, or their mean is not
        positive.
    count
        (y, x) int32, the cells of each ring that were seen.

    Raises
    ------
    ValueError
        Another dtype or shape, sides that leave no ring or are even, or `least` below 1.

    >>> image = np.array([[1.0, 1.0, 1.0], [1.0, 6.0, np.nan], [1.0, 1.0, 3.0]])
    >>> ratio, count = cell_averaging(image, 3, 1)
    >>> float(round(ratio[1, 1], 3)), int(count[1, 1]), int(count[0, 0])
    (4.667, 7, 3)
    """
    ratio, count = _ratios(*ring_of(image, outer, guard, mask, least), least, 1, MEAN)
    return ratio, count[0]


def cell_averaging_detections(
    image: npt.ArrayLike,
    outer: int,
    guard: int,
    multipliers: npt.ArrayLike,
    mask: npt.ArrayLike | None = None,
) -> npt.NDArray[np.uint8]:
    """Whether each pixel exceeds the mean of its ring by more than the multiplier for the count of its cells.

    The same as `detections` of `cell_averaging`, but neither ratio nor count is ever written.

    Parameters
    ----------
    image, outer, guard, mask
        As for `cell_averaging`.
    multipliers
        (outer^2 - guard^2 + 1,) float64, at each count its multiplier; NaN where so few cells are not to judge.

    Returns
    -------
    (y, x) uint8: 1 above the multiplier, 0 not, 255 where `cell_averaging` or the multiplier is NaN.

    Raises
    ------
    ValueError
        As for `cell_averaging`, or multipliers of another shape.

    >>> image = np.array([[1.0, 1.0, 1.0], [1.0, 6.0, np.nan], [1.0, 1.0, 3.0]])
    >>> cell_averaging_detections(image, 3, 1, [np.nan, *[3.0] * 8])
    array([[  0,   0,   0],
           [  0,   1, 255],
           [  0,   0,   0]], dtype=uint8)
    """
    pixels, clutter, half, inner = ring_of(image, outer, guard, mask, 1)
    table = checked("multipliers", np.asarray(multipliers, np.float64), (np.float64,), ndim=1)
    if table.size != outer**2 - guard**2 + 1:
        raise ValueError(f"multipliers must have {outer**2 - guard**2 + 1} counts for this ring: {table.size}")
    of_sum = np.r_[np.nan, table[1:] / np.arange(1, table.size)]
    found = np.empty(pixels.shape, np.uint8)
    unused = np.empty((1, pixels.shape[1]), pixels.dtype)
    _run(pixels, clutter, half, inner, of_sum, EXCEEDS, unused, found, np.empty((1, 0, 0), np.int32))
    return found


def greatest_of(
    image: npt.ArrayLike,
    outer: int,
    guard: int,
    split: Split,
    mask: npt.ArrayLike | None = None,
    least: int = 1,
) -> tuple[Array, Counts]:
    """How many times the larger of the means of its ring's halves each pixel is.

    Where clutter changes along a line, the brighter side rules. Left and right are the columns before and after the
    pixel's own, upper and lower the rows; its own column (row) is in neither half.

    Parameters
    ----------
    image, outer, guard, mask, least
        As for `cell_averaging`; `least` holds for each half.
    split
        Which halves.

    Returns
    -------
    ratio
        (y, x) of the image's dtype, NaN as for `cell_averaging` and where either half has too few cells.
    count
        (2, y, x) int32 of left (upper) and right (lower).

    Raises
    ------
    ValueError
        As for `cell_averaging`, or another `split`.

    >>> image = np.array([[1.0, 9.0, 2.0], [1.0, 6.0, 4.0], [1.0, 9.0, 3.0]])
    >>> ratio, count = greatest_of(image, 3, 1, "left-right")
    >>> float(ratio[1, 1]), count[:, 1, 1].tolist()
    (2.0, [3, 3])
    """
    return _of_halves(image, outer, guard, split, mask, least, LARGER)


def smallest_of(
    image: npt.ArrayLike,
    outer: int,
    guard: int,
    split: Split,
    mask: npt.ArrayLike | None = None,
    least: int = 1,
) -> tuple[Array, Counts]:
    """How many times the smaller of the means of its ring's halves each pixel is; otherwise as `greatest_of`.

    A vessel in one half does not hide another (Trunk 1978, doi 10.1109/TAES.1978.308582); at an edge of the clutter
    false alarms are many.

    >>> image = np.array([[1.0, 9.0, 2.0], [1.0, 6.0, 4.0], [1.0, 9.0, 3.0]])
    >>> ratio, count = smallest_of(image, 3, 1, "left-right")
    >>> float(ratio[1, 1]), count[:, 1, 1].tolist()
    (6.0, [3, 3])
    """
    return _of_halves(image, outer, guard, split, mask, least, SMALLER)


def detections(ratio: npt.ArrayLike, count: npt.ArrayLike, multipliers: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Whether each pixel exceeds its clutter by more than the multiplier for its count of cells.

    Parameters
    ----------
    ratio
        (y, x) float32 or float64, from one of the detectors.
    count
        (y, x) int32, or (2, y, x) of two halves, from the same.
    multipliers
        (counts,) float64, at each count its multiplier, or (counts, counts) for two halves; NaN: not to be judged.

    Returns
    -------
    (y, x) uint8: 1 above the multiplier, 0 not, 255 where either is NaN.

    Raises
    ------
    ValueError
        Another dtype, shapes that do not fit, or a count that `multipliers` does not reach.

    >>> detections(np.array([[3.0, 3.0, np.nan]]), np.array([[1, 2, 2]], np.int32), [np.nan, 5.0, 2.5])
    array([[  0,   1, 255]], dtype=uint8)
    """
    scores = checked("ratio", ratio, FLOATS, ndim=2)
    cells = checked("count", count, (np.int32,))
    table = checked("multipliers", np.asarray(multipliers, np.float64), (np.float64,))
    halves = 2 if cells.ndim == 3 else 1
    if cells.shape != (scores.shape if halves == 1 else (2, *scores.shape)):
        raise ValueError(f"count must have shape {scores.shape} or (2, ...) of it: {cells.shape}")
    if table.ndim != halves:
        raise ValueError(f"multipliers must have {halves} dimensions for this count: shape {table.shape}")
    if cells.size and not (cells.min() >= 0 and cells.max() < min(table.shape)):
        raise ValueError(f"count must be within multipliers {table.shape}: {cells.min()} to {cells.max()}")
    return exceed(scores, table[tuple(cells.reshape(halves, *scores.shape))])


def ring_of(
    image: npt.ArrayLike, outer: int, guard: int, mask: npt.ArrayLike | None, least: int
) -> tuple[Array, Array, int, int]:
    """The image, the image as clutter (NaN where masked), and half the sides of the two squares, all checked.

    >>> ring_of(np.ones((2, 2)), 5, 3, np.array([[True, False]] * 2), 1)[1:]
    (array([[nan,  1.],
           [nan,  1.]]), 2, 1)
    """
    pixels = checked("image", image, FLOATS, ndim=2)
    if outer % 2 != 1 or guard % 2 != 1 or not outer > guard >= 1:
        raise ValueError(f"outer and guard must be odd, outer larger than guard: {outer}, {guard}")
    if least < 1:
        raise ValueError(f"least must be 1 or more: {least}")
    if mask is None:
        return pixels, pixels, outer // 2, guard // 2
    out = checked("mask", mask, (np.bool_, np.uint8), ndim=2)
    if out.shape != pixels.shape:
        raise ValueError(f"mask must have the shape of image {pixels.shape}: {out.shape}")
    clutter = np.where(out, pixels.dtype.type(np.nan), pixels)
    return pixels, checked("image", clutter, FLOATS), outer // 2, guard // 2


def _of_halves(
    image: npt.ArrayLike, outer: int, guard: int, split: Split, mask: npt.ArrayLike | None, least: int, how: int
) -> tuple[Array, Counts]:
    if split not in ("left-right", "upper-lower"):
        raise ValueError(f"split must be left-right or upper-lower: {split}")
    pixels, clutter, half, inner = ring_of(image, outer, guard, mask, least)
    if split == "left-right":
        return _ratios(pixels, clutter, half, inner, least, 2, how)
    turned = checked("image", pixels.T, FLOATS), checked("image", clutter.T, FLOATS)
    ratio, count = _ratios(*turned, half, inner, least, 2, how)
    return ratio.T.copy(), count.transpose(0, 2, 1).copy()


def _ratios(
    pixels: Array, clutter: Array, half: int, inner: int, least: int, layers: int, how: int
) -> tuple[Array, Counts]:
    number = np.arange((2 * half + 1) ** 2, dtype=np.float64)
    number[:least] = np.nan
    ratio, count = np.empty(pixels.shape, pixels.dtype), np.empty((layers, *pixels.shape), np.int32)
    _run(pixels, clutter, half, inner, number, how, ratio, np.empty((1, pixels.shape[1]), np.uint8), count)
    return ratio, count


def _run(
    pixels: Array,
    clutter: Array,
    half: int,
    inner: int,
    by_count: Doubles,
    how: int,
    ratio: Array,
    found: Array,
    count: Counts,
) -> None:
    columns, layers = pixels.shape[1], count.shape[0]
    sums, cells = (ring_rows(columns, half, inner, layers) for _ in range(2))
    sizes = spans(pixels.shape, half, inner, layers)
    over_rings(pixels, clutter, half, inner, sizes, sums, cells, by_count, _finish, how, ratio, found, count)


@kernel
def _finish(how: int, image: Array, sums: Doubles, weights: Doubles, ratio: Array, found: Array) -> None:
    first, total, weight = how == MEAN, sums[0], weights[0]
    if how == EXCEEDS:
        for x in range(len(image)):
            limit = weight[x] * (total[x] if total[x] > 0.0 else np.nan)
            value = float(image[x])
            found[x] = 1 if value > limit else (0 if value <= limit else NOT_SEEN)
        return
    other, others = sums[-1], weights[-1]
    for x in range(len(image)):
        if how != MEAN:
            # means compared crosswise: one division instead of three
            larger = total[x] * others[x] > other[x] * weight[x]
            first = larger == (how == LARGER)
        chosen = total[x] if first else other[x]
        number = (weight[x] if first else others[x]) + 0.0 * (weight[x] + others[x])  # NaN where either is
        ratio[x] = float(image[x]) * number / (chosen if chosen > 0.0 else np.nan)
