"""Laying an image on another grid, bilinearly, from a plan of where the grid's pixels lie in the image.

The plan holds positions at every `step`-th pixel only, its knots; between them positions are linear, which for map
projections is right to a thousandth of a pixel at steps of some pixels. A plan so small serves every scene on one pair
of grids and costs no memory traffic.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, Doubles, checked, checked_doubles
from berthwatch.kernels.compile import kernel


def knots(pixels: int, step: int) -> int:
    """How many knots a side of so many pixels has: the last lies beyond its last pixel, so that each has one after it.

    >>> knots(1, 16), knots(16, 16), knots(17, 16)
    (2, 2, 3)
    """
    return max(0, pixels - 1) // step + 2


def resample_bilinear(
    image: npt.ArrayLike, rows: npt.ArrayLike, columns: npt.ArrayLike, step: int, out: npt.NDArray[np.float32]
) -> None:
    """Lay an image on a grid.

    Parameters
    ----------
    image
        (y, x) float32; NaN where not seen.
    rows, columns
        (knot_y, knot_x) where the centre of each `step`-th pixel of the grid lies in the image, in pixels from its
        upper left corner (the centre of the first pixel is at 0.5). Not finite: nowhere.
    step
        Pixels of the grid from one knot to the next.
    out
        (y, x) float32, changed in place: the mean of the four pixels around, weighted by nearness, of those that were
        seen; NaN where the position lies outside the image, or in a pixel that was not seen. GDAL does the same.

    Raises
    ------
    ValueError
        Another dtype or shape, or too few knots.

    >>> out, rows = np.empty((1, 3), np.float32), [[0.5] * 3] * 2
    >>> resample_bilinear(np.array([[1, 3, 5]], np.float32), rows, [[1.0, 3.0, 5.0]] * 2, 2, out)
    >>> out
    array([[ 2.,  4., nan]], dtype=float32)
    """
    source = checked("image", image, (np.float32,), ndim=2)
    if out.dtype != np.float32 or out.ndim != 2 or not out.flags.c_contiguous:
        raise ValueError(f"out must be contiguous float32 (y, x): {out.dtype}, shape {out.shape}")
    if step < 1:
        raise ValueError(f"step must be at least 1: {step}")
    wanted = (knots(out.shape[0], step), knots(out.shape[1], step))
    down: Doubles = checked_doubles("rows", rows, wanted)
    across: Doubles = checked_doubles("columns", columns, wanted)
    _resample(source, down, across, int(step), out)


@kernel
def _resample(image: Array, rows: Doubles, columns: Doubles, step: int, out: Array) -> None:
    height, width = image.shape
    for y in range(out.shape[0]):
        above = y // step
        down = (y - above * step) / step
        for cell in range(columns.shape[1] - 1):
            first = cell * step
            row = rows[above, cell] + down * (rows[above + 1, cell] - rows[above, cell])
            row_end = rows[above, cell + 1] + down * (rows[above + 1, cell + 1] - rows[above, cell + 1])
            column = columns[above, cell] + down * (columns[above + 1, cell] - columns[above, cell])
            column_end = columns[above, cell + 1] + down * (columns[above + 1, cell + 1] - columns[above, cell + 1])
            row_step = (row_end - row) / step
            column_step = (column_end - column) / step
            for x in range(first, min(first + step, out.shape[1])):
                at_row = row + (x - first) * row_step
                at_column = column + (x - first) * column_step
                # written so that what is not finite is outside
                if not (0.0 <= at_row < height and 0.0 <= at_column < width):
                    out[y, x] = np.nan
                    continue
                own = image[int(at_row), int(at_column)]
                if own != own:
                    out[y, x] = np.nan
                    continue
                # from the centre of the pixel above and to the left, which may lie one outside
                top = int(at_row + 0.5) - 1
                left = int(at_column + 0.5) - 1
                lower = at_row - 0.5 - top
                right = at_column - 0.5 - left
                if top >= 0 and left >= 0 and top + 1 < height and left + 1 < width:
                    upper_mean = (1.0 - right) * image[top, left] + right * image[top, left + 1]
                    lower_mean = (1.0 - right) * image[top + 1, left] + right * image[top + 1, left + 1]
                    value = (1.0 - lower) * upper_mean + lower * lower_mean
                    if value == value:
                        out[y, x] = value
                        continue
                out[y, x] = _of_those_seen(image, top, left, lower, right)


@kernel
def _of_those_seen(image: Array, top: int, left: int, lower: float, right: float) -> float:
    """The weighted mean of those of four neighbours that lie in the image and were seen, as one of them was."""
    total = 0.0
    weight = 0.0
    for corner in range(4):
        row = top + corner // 2
        column = left + corner % 2
        if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
            value = float(image[row, column])
            if value == value:
                share = (lower if corner >= 2 else 1.0 - lower) * (right if corner % 2 == 1 else 1.0 - right)
                total += share * value
                weight += share
    return total / weight
