"""Moving sums of standardised departures, pixel by pixel: does the level of the last dates differ from what it was.

The MOSUM of Chu, Hornik and Kuan (1995) kept online in a ring per pixel, with state in and state out: a new scene
costs one pass, however long the window.

With a regression's prediction as level, its residuals' standard deviation as spread and w a share of the history's m
dates, the OLS-MOSUM of strucchange, bfast and nrt (Zeileis, Leisch, Kleiber and Hornik 2005, J. Applied Econometrics
20:99-121, doi 10.1002/jae.776) is the process here times sqrt(w / m); its boundary, a critical value times
sqrt(2 max(1, ln(dates / m))), is to be divided by sqrt(w / m).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, checked
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.cusum import ABOVE, BELOW
from berthwatch.kernels.detect import NOT_SEEN
from berthwatch.kernels.standardise import BLOCK, checked_clip, flat_scene, standardise, state_array

LARGEST_WINDOW = 32767


@dataclass(frozen=True, slots=True)
class MosumState:
    """What one scene leaves to the next, for a window of w dates that may differ between pixels.

    `ring` (largest w, ...) float32 holds the last departures, `total` (...) float64 their sum, `window` (...) uint16
    is w, and `cursor` (...) uint16 runs from 0 to w - 1 while the ring fills and from w to 2 w - 1 after.
    """

    ring: Array
    total: Array
    window: Array
    cursor: Array


def mosum_start(shape: tuple[int, ...], window: npt.ArrayLike) -> MosumState:
    """The state before the first date; `window` in dates seen, 1 to 32767, one for all or one per pixel.

    Raises
    ------
    ValueError
        A window that is no whole number in 1..32767, or of another shape.

    >>> mosum_start((2,), [3, 4]).ring.shape
    (4, 2)
    """
    windows = np.asarray(window)
    if windows.dtype.kind not in "iu" or windows.shape not in ((), shape):
        raise ValueError(f"window must be whole numbers, one or of shape {shape}: {windows.dtype} {windows.shape}")
    if windows.size and not (windows.min() >= 1 and windows.max() <= LARGEST_WINDOW):
        raise ValueError(f"window not in 1..{LARGEST_WINDOW}: {windows.min()} to {windows.max()}")
    ring = np.zeros((int(windows.max(initial=1)), *shape), np.float32)
    return MosumState(ring, np.zeros(shape), np.full(shape, windows, np.uint16), np.zeros(shape, np.uint16))


def mosum_step(
    image: npt.ArrayLike,
    level: npt.ArrayLike,
    spread: npt.ArrayLike,
    state: MosumState,
    boundary: npt.ArrayLike,
    clip: float = np.inf,
    *,
    in_place: bool = False,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8], MosumState]:
    """Take in one date: the sum of the last w z = (image - level) / spread that were seen, over sqrt(w).

    Parameters
    ----------
    image, level, spread
        (y, x) or any one shape, float32 or float64, of one unit.
    state
        From `mosum_start`, or from the date before.
    boundary
        One for all, or of the image's shape; float32 or float64, in standard deviations of the process.
    clip
        Huber's bound on z, in spreads; the boundary must be calibrated with it.
    in_place
        Whether the arrays of `state` are written over rather than copied: a copy of the ring costs w scenes.

    Returns
    -------
    process
        float32, NaN until w dates were seen; a pixel not seen keeps its own.
    alarm
        uint8: 0 none, 1 process > boundary, 2 process < -boundary, 255 not seen (as in `cusum_step`), boundary NaN,
        or the ring not full.
    state
        That of the date.

    Raises
    ------
    ValueError
        Another dtype, shapes that differ, a state that cannot be written over, or clip <= 0.

    Source: Chu, Hornik and Kuan (1995), Biometrika 82:603-617, doi 10.1093/biomet/82.3.603.

    >>> state = mosum_start((1,), 2)
    >>> for value in (1.0, 3.0, 5.0):
    ...     process, alarm, state = mosum_step(np.array([value]), np.zeros(1), np.ones(1), state, 4.0)
    >>> process, alarm
    (array([5.656854], dtype=float32), array([1], dtype=uint8))
    """
    bound = checked_clip(clip)
    maps, shape = flat_scene(image, level, spread), np.shape(image)
    limits = checked("boundary", boundary, FLOATS)
    if limits.shape not in ((), shape):
        raise ValueError(f"boundary must be one number or of shape {shape}: {limits.shape}")
    limits = limits.astype(np.float32, copy=False)
    after = _own(state, shape, in_place=in_place)
    process, alarm = np.empty(shape, np.float32), np.empty(shape, np.uint8)
    flat = (after.total.reshape(-1), after.window.reshape(-1), after.cursor.reshape(-1))
    kept = (after.ring.reshape(len(after.ring), process.size), *flat)
    _scene(maps, limits.reshape(-1), bound, kept, process.reshape(-1), alarm.reshape(-1))
    return process, alarm, after


def _own(state: MosumState, shape: tuple[int, ...], *, in_place: bool) -> MosumState:
    """The state that is written to; windows are only read."""
    window = checked("state.window", state.window, (np.uint16,))
    if window.shape != shape or window.max(initial=0) > len(state.ring):
        raise ValueError(f"state.window must fit the ring {state.ring.shape}: shape {window.shape}")
    return MosumState(
        state_array("state.ring", state.ring, np.float32, state.ring.shape[:1] + shape, in_place=in_place),
        state_array("state.total", state.total, np.float64, shape, in_place=in_place),
        window,
        state_array("state.cursor", state.cursor, np.uint16, shape, in_place=in_place),
    )


@kernel
def _turn(z: Array, ring: Array, total: Array, window: Array, cursor: Array) -> None:
    """Put each departure in the place of the oldest; one not seen puts back what was there."""
    for pixel in range(z.size):
        width = np.int32(window[pixel])
        place = np.int32(cursor[pixel])
        slot = place - width if place >= width else place
        old = ring[slot, pixel]
        seen = z[pixel] == z[pixel]
        new = z[pixel] if seen else old
        ring[slot, pixel] = new
        # float64 holds such sums of float32 all but exactly, so that what leaves the ring cancels
        total[pixel] += np.float64(new) - np.float64(old)
        after = place + 1 if place + 1 < 2 * width else width
        cursor[pixel] = after if seen else place


@kernel
def _judge(z: Array, total: Array, window: Array, cursor: Array, boundary: Array, process: Array, alarm: Array) -> None:
    for pixel in range(z.size):
        value = np.float32(total[pixel]) / np.sqrt(np.float32(window[pixel]))
        value = value if cursor[pixel] >= window[pixel] else np.float32(np.nan)
        process[pixel] = value
        limit = boundary[pixel]
        side = np.uint8((ABOVE if value > limit else 0) | (BELOW if value < -limit else 0))
        told = (z[pixel] == z[pixel]) & (value == value) & (limit == limit)
        alarm[pixel] = side if told else np.uint8(NOT_SEEN)


@kernel
def _scene(
    maps: tuple[Array, Array, Array],
    boundary: Array,
    clip: float,
    kept: tuple[Array, Array, Array, Array],
    process: Array,
    alarm: Array,
) -> None:
    image, level, spread = maps
    ring, total, window, cursor = kept
    buffer, limits = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    single = boundary.size != image.size
    if single:
        limits[:] = boundary[0]
    for start in range(0, image.size, BLOCK):
        end = min(start + BLOCK, image.size)
        z = buffer[: end - start]
        standardise(image[start:end], level[start:end], spread[start:end], clip, z)
        _turn(z, ring[:, start:end], total[start:end], window[start:end], cursor[start:end])
        if not single:
            limits[: end - start] = boundary[start:end]
        state = (total[start:end], window[start:end], cursor[start:end])
        _judge(z, *state, limits[: end - start], process[start:end], alarm[start:end])
