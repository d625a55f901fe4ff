"""From an image and what is expected of it to a score per pixel, and from a score to bright or not.

Not seen stays not seen: NaN in a score, `NOT_SEEN` in a mask.
"""

import math

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, checked
from berthwatch.kernels.compile import kernel

NOT_SEEN = 255


def score_log_ratio(image: npt.ArrayLike, level: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Natural logarithm of image over level, per pixel: by how much a pixel exceeds its vacant level.

    The ratio is the right comparison for multiplicative speckle (Rignot and van Zyl 1993, IEEE TGRS 31, 896).

    Parameters
    ----------
    image
        (..., y, x) float32 or float64, linear (power or reflectance).
    level
        (y, x), or any shape that the image's ends with; a 0-d array holds one level for all.

    Returns
    -------
    (..., y, x) float32; NaN where either is NaN, infinite, or not positive.

    Raises
    ------
    ValueError
        Another dtype, or shapes that do not fit.

    >>> score_log_ratio(np.array([1.0, 2.0, 0.0]), np.array(1.0))
    array([0.       , 0.6931472,       nan], dtype=float32)
    """
    pixels, levels, shape = _aligned("image", image, "level", level)
    out = np.empty(pixels.shape, np.float32)
    _log_ratio(pixels, levels, out)
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
def _log_ratio(image: Array, level: Array, out: Array) -> None:
    for repeat in range(image.shape[0]):
        for pixel in range(image.shape[1]):
            above = float(image[repeat, pixel])
            below = float(level[pixel])
            if 0.0 < above < np.inf and 0.0 < below < np.inf:
                ratio = above / below
                # a ratio out of a double's range (subnormals) still has a logarithm
                in_range = 0.0 < ratio < np.inf
                out[repeat, pixel] = math.log(ratio) if in_range else math.log(above) - math.log(below)
            else:
                out[repeat, pixel] = np.nan


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
