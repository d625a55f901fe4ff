"""What a kernel may be handed: arrays of a known type and shape, said clearly when they are not."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
FLOATS = (np.float32, np.float64)


def checked(name: str, value: npt.ArrayLike, dtypes: tuple[type[np.generic], ...], ndim: int | None = None) -> Array:
    """Return `value` as a C-contiguous, read-only view (a copy only where it is not contiguous).

    Numba compiles again for each layout and for writable and read-only arrays apart; handing every
    kernel the one kind makes it compile once.

    Raises
    ------
    ValueError
        The dtype is not one of `dtypes`, or the number of dimensions is not `ndim`.

    >>> checked("image", np.zeros((2, 2), np.int16), (np.float32,))
    Traceback (most recent call last):
    ValueError: image must be float32: int16
    >>> checked("image", np.zeros(2, np.float32), (np.float32,), ndim=2)
    Traceback (most recent call last):
    ValueError: image must have 2 dimensions: shape (2,)
    """
    array = np.asarray(value)
    if array.dtype.type not in dtypes or not array.dtype.isnative:
        raise ValueError(f"{name} must be {' or '.join(t.__name__ for t in dtypes)}: {array.dtype}")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimensions: shape {array.shape}")
    # ascontiguousarray would make a 0-d array 1-d
    view = np.ascontiguousarray(array).reshape(array.shape).view()
    view.flags.writeable = False
    return view


def checked_doubles(name: str, value: npt.ArrayLike, shape: tuple[int | None, ...]) -> Doubles:
    """Return `value` as `checked` float64 without NaN, of the shape given (None: any length).

    Raises
    ------
    ValueError
        The shape is another, or there is a NaN.

    >>> checked_doubles("initial", [0.5, 0.5], (3,))
    Traceback (most recent call last):
    ValueError: initial must have shape (3): (2,)
    """
    array = checked(name, np.asarray(value, np.float64), (np.float64,))
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not fits:
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} must have shape ({wanted}): {array.shape}")
    if np.isnan(array).any():
        raise ValueError(f"{name} must not hold NaN: first at {np.argwhere(np.isnan(array))[0].tolist()}")
    return array
