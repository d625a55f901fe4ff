"""Departures of a scene from what is expected of it, in spreads, and the checks that online monitors share.

A departure may be clipped as Huber does, so that one passing wake or speckle spike cannot raise an alarm alone.
"""

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, checked
from berthwatch.kernels.compile import kernel

BLOCK = 1024
"""Pixels whose departures lie in the cache between short loops that run on vectors."""
LARGEST_DEPARTURE = 1e6
"""Bound of what is not clipped, far beyond any limit: sums of float32 stay finite, and those of float64 exact."""


def flat_scene(image: npt.ArrayLike, level: npt.ArrayLike, spread: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """All three as flat float arrays.

    Raises
    ------
    ValueError
        Another dtype, or shapes that differ.

    >>> flat_scene(np.ones(2), np.ones(2), np.ones(3))
    Traceback (most recent call last):
    ValueError: image, level and spread must have one shape: (2,), (2,), (3,)
    """
    maps = [checked(name, m, FLOATS) for name, m in (("image", image), ("level", level), ("spread", spread))]
    if len({m.shape for m in maps}) != 1:
        raise ValueError(f"image, level and spread must have one shape: {', '.join(str(m.shape) for m in maps)}")
    return maps[0].reshape(-1), maps[1].reshape(-1), maps[2].reshape(-1)


def state_array(
    name: str, value: Array, dtype: type[np.generic], shape: tuple[int, ...], *, in_place: bool = False
) -> Array:
    """One array of a state, to be written: itself if in place, else a copy.

    Raises
    ------
    ValueError
        Another dtype or shape, or in place and not writable or not C-contiguous.

    >>> state_array("above", np.zeros(2, np.float32), np.float32, (3,))
    Traceback (most recent call last):
    ValueError: above must be float32 of shape (3,): float32 (2,)
    """
    if value.dtype != dtype or value.shape != shape:
        raise ValueError(f"{name} must be {dtype.__name__} of shape {shape}: {value.dtype} {value.shape}")
    if not in_place:
        return value.copy(order="C")
    if not (value.flags.writeable and value.flags.c_contiguous):
        raise ValueError(f"{name} cannot be written over: it must be writable and C-contiguous")
    return value


def checked_clip(clip: float) -> float:
    """Huber's bound in spreads, as the loops take it.

    Raises
    ------
    ValueError
        Not positive.

    >>> checked_clip(np.inf)
    1000000.0
    """
    if not clip > 0.0:
        raise ValueError(f"clip must be positive: {clip}")
    return min(float(clip), LARGEST_DEPARTURE)


@kernel
def standardise(image: Array, level: Array, spread: Array, clip: float, z: Array) -> None:
    """(image - level) / spread within -clip..clip; NaN where not seen: not finite, or the spread not positive."""
    bound = np.float32(clip)
    for pixel in range(image.size):
        scale = spread[pixel]
        departure = (image[pixel] - level[pixel]) / (scale if scale > 0.0 else np.float32(np.nan))
        seen = abs(departure) < np.inf
        departure = max(min(departure, bound), -bound)
        z[pixel] = departure if seen else np.float32(np.nan)
