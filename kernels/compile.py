"""The one place that says how kernels are compiled.

Single-threaded and without the GIL, because dask's threads bring the parallelism. Without a cache on
disk, because numba's cache has crashed with several processes (numba #4807) and leaves files behind.
Lazily, because a run should compile only what it uses.
"""

from collections.abc import Callable
from typing import Any, cast

import numba


def kernel[F: Callable[..., Any]](loop: F) -> F:
    """Compile a scalar loop on its first call; its type stays that of the Python function.

    >>> @kernel
    ... def double(x: float) -> float:
    ...     return 2.0 * x
    >>> double(21.0)
    42.0
    """
    return cast(F, numba.njit(nogil=True, cache=False)(loop))


def dividing[F: Callable[..., Any]](loop: F) -> F:
    """As `kernel`, for loops that divide: by zero it is inf or NaN, as the processor has it.

    A loop that must look out for an exception at every division does not fill the processor's vectors.

    >>> @dividing
    ... def inverses(values: Any, out: Any) -> None:
    ...     for i in range(out.size):
    ...         out[i] = 1.0 / values[i]
    >>> import numpy as np
    >>> out = np.empty(2)
    >>> inverses(np.array([0.0, 4.0]), out)
    >>> out
    array([ inf, 0.25])
    """
    return cast(F, numba.njit(nogil=True, cache=False, error_model="numpy")(loop))
