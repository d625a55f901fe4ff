"""Moving an image by a fraction of a pixel, so that scenes of one track lie on top of each other.

Bilinear interpolation. A pixel that was not seen (NaN) or lies outside the image has no say: the weights
of the others are scaled up to one, as long as they hold at least half of it.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, Doubles, checked, checked_doubles
from berthwatch.kernels.compile import kernel

ENOUGH_WEIGHT = 0.5


def shift_bilinear(image: npt.ArrayLike, dy: float, dx: float) -> npt.NDArray[np.float32]:
    """Move an image down by `dy` and right by `dx` pixels: out[y, x] is the image at (y - dy, x - dx).

    Parameters
    ----------
    image
        (y, x) float32; NaN where not seen.
    dy, dx
        Pixels, positive towards larger indices.

    Returns
    -------
    (y, x) float32; NaN where less than half of the weight was seen.

    Raises
    ------
    ValueError
        Another dtype or shape, or a shift that is not finite.

    >>> shift_bilinear(np.array([[1, 3, 5]], np.float32), dy=0, dx=0.5)
    array([[1., 2., 4.]], dtype=float32)
    """
    source = checked("image", image, (np.float32,), ndim=2)
    if not (np.isfinite(dy) and np.isfinite(dx)):
        raise ValueError(f"shift must be finite: dy {dy}, dx {dx}")
    out = np.empty(source.shape, np.float32)
    _shift(source, float(dy), float(dx), out)
    return out


def shift_stack(stack: npt.ArrayLike, dy: npt.ArrayLike, dx: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Move each scene of a stack by its own shift, as `shift_bilinear` does.

    Parameters
    ----------
    stack
        (time, y, x) float32.
    dy, dx
        (time,) pixels.

    Returns
    -------
    (time, y, x) float32.

    Raises
    ------
    ValueError
        Another dtype or shape, or a shift that is not finite.

    >>> shift_stack(np.array([[[1, 3]], [[1, 3]]], np.float32), dy=[0, 0], dx=[0, 1])[:, 0]
    array([[ 1.,  3.],
           [nan,  1.]], dtype=float32)
    """
    source = checked("stack", stack, (np.float32,), ndim=3)
    down: Doubles = checked_doubles("dy", dy, source.shape[:1])
    right: Doubles = checked_doubles("dx", dx, source.shape[:1])
    out = np.empty(source.shape, np.float32)
    for scene, image in enumerate(source):
        out[scene] = shift_bilinear(image, down[scene], right[scene])
    return out


@kernel
def _shift(image: Array, dy: float, dx: float, out: Array) -> None:
    rows, columns = image.shape
    # the same for every pixel: whole steps to the upper left neighbour, and the weight beyond it
    step_y = np.floor(-dy)
    step_x = np.floor(-dx)
    lower = -dy - step_y
    right = -dx - step_x
    for y in range(rows):
        for x in range(columns):
            total = 0.0
            weight = 0.0
            for corner in range(4):
                down = corner // 2
                across = corner % 2
                share = (lower if down == 1 else 1.0 - lower) * (right if across == 1 else 1.0 - right)
                # compared as floats: a huge shift does not fit an integer
                row = y + step_y + down
                column = x + step_x + across
                if share > 0.0 and 0.0 <= row < rows and 0.0 <= column < columns:
                    value = float(image[int(row), int(column)])
                    if value == value:
                        total += share * value
                        weight += share
            out[y, x] = total / weight if weight >= ENOUGH_WEIGHT else np.nan
