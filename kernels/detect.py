"""From an image and what is expected of it to a score per pixel, and from a score to bright or not.

Not seen stays not seen: NaN in a score, `NOT_SEEN` in a mask.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, checked
from berthwatch.kernels.compile import kernel

NOT_SEEN = 255


def departure(image: npt.ArrayLike, level: npt.ArrayLike, spread: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """How far each pixel lies above a level, in standard deviations: (image - level) / spread.

    Parameters
    ----------
    image
        (..., y, x) float32 or float64, linear (power or reflectance).
    level, spread
        (y, x), or any shape that the image's ends with; 0-d arrays hold one value for all.

    Returns
    -------
    (..., y, x) float32; NaN where any of them is NaN or the spread is not positive.

    Raises
    ------
    ValueError
        Another dtype, or shapes that do not fit.

    >>> departure(np.array([1.0, 2.0, np.nan]), np.array(1.0), np.array(0.5))
    array([ 0.,  2., nan], dtype=float32)
    """
    pixels, levels, shape = _aligned("image", image, "level", level)
    _, spreads, _ = _aligned("image", image, "spread", spread)
    out = np.empty(pixels.shape, np.float32)
    _departure(pixels, levels, spreads, out)
    return out.reshape(shape)


def exceed(image: npt.ArrayLike, threshold_map: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Whether each pixel lies above its threshold.

    Parameters
    ----------
    image
        (..., y, x) float32 or float64: a score or an intensity.
    threshold_map
        (y, x), or any shape that the image's ends with; a 0-d array holds one threshold for all.

    Returns
    -------
    (..., y, x) uint8: 1 above the threshold, 0 not, 255 where either is NaN.

    Raises
    ------
    ValueError
        Another dtype, or shapes that do not fit.

    >>> exceed(np.array([0.5, 2.0, np.nan]), np.array(1.0))
    array([  0,   1, 255], dtype=uint8)
    """
    pixels, thresholds, shape = _aligned("image", image, "threshold_map", threshold_map)
    out = np.empty(pixels.shape, np.uint8)
    _exceed(pixels, thresholds, out)
    return out.reshape(shape)


def _aligned(
    name: str, image: npt.ArrayLike, map_name: str, per_pixel: npt.ArrayLike
) -> tuple[Array, Array, tuple[int, ...]]:
    """Both as float arrays, (repeat, pixel) and (pixel,), and the image's shape."""
    pixels = checked(name, image, FLOATS)
    values = checked(map_name, per_pixel, FLOATS)
    split = pixels.ndim - values.ndim
    if split < 0 or pixels.shape[split:] != values.shape:
        raise ValueError(f"{name} must end with the shape of {map_name} {values.shape}: {pixels.shape}")
    repeats = int(np.prod(pixels.shape[:split]))
    return pixels.reshape(repeats, values.size), values.reshape(values.size), pixels.shape


@kernel
def _departure(image: Array, level: Array, spread: Array, out: Array) -> None:
    for repeat in range(image.shape[0]):
        for pixel in range(image.shape[1]):
            scale = float(spread[pixel])
            above = float(image[repeat, pixel]) - float(level[pixel])
            out[repeat, pixel] = above / scale if scale > 0.0 else np.nan


@kernel
def _exceed(image: Array, threshold: Array, out: Array) -> None:
    for repeat in range(image.shape[0]):
        for pixel in range(image.shape[1]):
            value = image[repeat, pixel]
            limit = threshold[pixel]
            if value != value or limit != limit:
                out[repeat, pixel] = NOT_SEEN
            else:
                out[repeat, pixel] = 1 if value > limit else 0
