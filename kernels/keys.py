"""Values as sorting keys: signed whole numbers in the order of the values, and what was not seen last of all.

A float's bits, read as a whole number, are in the order of its magnitude; turning all but the sign bit of a
negative one puts negatives in order too (Terdiman 2000, "Radix sort revisited"). An unsigned number needs its
top bit turned. This is the one place that knows NaN and nodata: whoever works on keys meets neither.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, checked
from berthwatch.kernels.compile import kernel

STACKS = (np.uint8, np.uint16, np.int16, *FLOATS)
ROWS = 8
"""Keys come in whole groups of so many dates, the last one filled up with not seen."""


class Coding(NamedTuple):
    """How bits become keys: what to turn in them, and which keys were seen. All in the keys' type but `within`."""

    turn_negative: Any
    turn_other: Any
    low: Any
    high: Any
    within: bool
    """Whether the keys `low` to `high` are those that were seen, or those that were not."""
    last: Any
    """The greatest key, given to what was not seen."""


class Series(NamedTuple):
    """A stack as (time, pixel): its values, the same bits as signed numbers, and their coding."""

    values: Array
    bits: Array
    coding: Coding

    @property
    def result(self) -> type[np.floating[Any]]:
        """What statistics of it are given in: the stack's own float type, or float32 for whole numbers."""
        return self.values.dtype.type if self.values.dtype.kind == "f" else np.float32


def as_series(stack: npt.ArrayLike, nodata: float | None) -> Series:
    """Read a stack (time, ...) as series of pixels; nothing is copied.

    Raises
    ------
    ValueError
        A dtype not in `STACKS`, no time axis, a `nodata` that the dtype cannot hold, or one other than NaN for floats.

    >>> as_series(np.zeros((2, 3), np.uint8), 256)
    Traceback (most recent call last):
    ValueError: nodata of a uint8 stack must be a whole number in 0..255: 256
    """
    pixels = checked("stack", stack, STACKS)
    if pixels.ndim == 0:
        raise ValueError(f"stack must have a time axis first: shape {pixels.shape}")
    values = pixels.reshape(pixels.shape[0], int(np.prod(pixels.shape[1:])))
    whole = np.dtype(f"i{values.itemsize}").type
    coding = _of_floats(values.dtype, whole, nodata) if values.dtype.kind == "f" else _of_whole(values, whole, nodata)
    return Series(values, values.view(whole), coding)


def _of_floats(dtype: np.dtype[Any], whole: Any, nodata: float | None) -> Coding:
    if nodata is not None and not np.isnan(nodata):
        raise ValueError(f"nodata of a {dtype} stack must be NaN: {nodata}")
    most = whole(np.iinfo(whole).max)
    infinity = np.array(np.inf, dtype).view(whole)[()]
    return Coding(most, whole(0), ~infinity, infinity, True, most)


def _of_whole(values: Array, whole: Any, nodata: float | None) -> Coding:
    least, most = np.iinfo(values.dtype).min, np.iinfo(values.dtype).max
    turn = whole(np.iinfo(whole).min if least == 0 else 0)
    if nodata is None:  # no key lies between these
        low, high = whole(1), whole(0)
    elif least <= nodata <= most and nodata == int(nodata):
        low = high = np.array(int(nodata), values.dtype).view(whole)[()] ^ turn
    else:
        raise ValueError(f"nodata of a {values.dtype} stack must be a whole number in {least}..{most}: {nodata}")
    return Coding(turn, turn, low, high, False, whole(np.iinfo(whole).max))


@kernel
def key_of(bits: Any, coding: Coding) -> Any:
    """Key of a value's bits, as if it was seen; of a key, the bits."""
    return bits ^ coding.turn_negative if bits < 0 else bits ^ coding.turn_other


@kernel
def is_seen(key: Any, coding: Coding) -> bool:
    """Whether a key of `key_of` is of a value that was seen."""
    return bool((coding.low <= key and key <= coding.high) == coding.within)


@kernel
def load_keys(bits: Array, start: int, width: int, coding: Coding, keys: Array, seen: Array) -> None:
    """Keys (time, pixel) of `width` pixels from `start` on, and at how many dates each was seen."""
    seen[:] = 0
    for time in range(bits.shape[0]):
        source = bits[time, start : start + width]
        target = keys[time]
        for pixel in range(width):
            key = key_of(source[pixel], coding)
            known = is_seen(key, coding)
            target[pixel] = key if known else coding.last
            seen[pixel] += 1 if known else 0
    keys[bits.shape[0] :] = coding.last
