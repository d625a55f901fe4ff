"""The kernels on xarray: what each pixel's series says, with what is lazy left lazy.

A kernel wants a pixel's whole series at once. Where dask has cut time into several chunks nothing is put
together behind the caller's back, since that could take all memory: it is an error that says what to do.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from berthwatch.errors import Fault, InputError
from berthwatch.kernels.omnibus import omnibus as omnibus_of_stacks
from berthwatch.kernels.quantile import temporal_median_mad, temporal_quantile

TIME = "time"

Loop = Callable[..., Any]


def quantile(stack: xr.DataArray, q: float) -> xr.DataArray:
    """Quantile of each pixel over time, leaving out NaN (type 7 of Hyndman and Fan 1996).

    Parameters
    ----------
    stack : (time, ...) float32 or float64
    q : float
        0 to 1.

    Raises
    ------
    InputError
        No dimension `time`, or dask has cut it into several chunks.

    >>> stack = xr.DataArray([[1.0, np.nan], [4.0, np.nan], [2.0, np.nan]], dims=("time", "x"))
    >>> quantile(stack, 0.5).values
    array([ 2., nan])
    """
    (found,) = over_time(partial(temporal_quantile, q=q), [stack], [stack.dtype])
    return found.rename("quantile")


def median_mad(stack: xr.DataArray) -> xr.Dataset:
    """Median of each pixel over time, and the median absolute deviation from it (times 1.4826: a sigma).

    Raises
    ------
    InputError
        No dimension `time`, or dask has cut it into several chunks.

    >>> found = median_mad(xr.DataArray([[1.0], [2.0], [4.0], [9.0]], dims=("time", "x")))
    >>> found["median"].item(), found["mad"].item()
    (3.0, 1.5)
    """
    median, mad = over_time(temporal_median_mad, [stack], [stack.dtype] * 2)
    return xr.Dataset({"median": median, "mad": mad})


def omnibus(channels: Sequence[xr.DataArray], looks: float, alpha: float = 0.01, *, full: bool = False) -> xr.Dataset:
    """Whether, when and how often each pixel of a SAR series changed (`kernels.omnibus`).

    Parameters
    ----------
    channels : sequence of (time, ...) float32 or float64
        Linear intensities tested side by side, such as VV and VH; or, with `full`, C11, C22, Re C12 and Im C12.
    looks : float
        Equivalent number of looks.
    alpha : float
        Level of each test.

    Returns
    -------
    xarray.Dataset
        `count` of changes; index in time of the `first`, `last` and `strongest`, -1 where there is none; `p`, the
        p-value of the whole series, and `strongest_p`, that of the strongest change.

    Raises
    ------
    InputError
        No dimension `time`, or dask has cut it into several chunks.

    >>> vv = xr.DataArray([1, 1.2, 0.8, 1.1, 6, 5], dims="time")
    >>> found = omnibus([vv], looks=4.4)
    >>> found["count"].item(), found["first"].item()
    (1, 4)
    """

    def loop(*stacks: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], ...]:
        found = omnibus_of_stacks(stacks, looks, alpha, full=full)
        return found.count, found.first, found.last, found.strongest, found.p, found.strongest_p

    names = ("count", "first", "last", "strongest", "p", "strongest_p")
    return xr.Dataset(dict(zip(names, over_time(loop, channels, [np.int32] * 4 + [np.float64] * 2), strict=True)))


def over_time(loop: Loop, stacks: Sequence[xr.DataArray], dtypes: Sequence[npt.DTypeLike]) -> tuple[xr.DataArray, ...]:
    """What a kernel that takes one or more (time, ...) finds: an array without time for each of `dtypes`.

    Raises
    ------
    InputError
        No dimension `time`, or dask has cut it into several chunks.
    """
    for stack in stacks:
        check_whole_series(stack)
    found = xr.apply_ufunc(
        partial(_time_first, loop, len(dtypes)),
        *stacks,
        input_core_dims=[[TIME] for _ in stacks],
        output_core_dims=[[] for _ in dtypes],
        dask="parallelized",
        output_dtypes=list(dtypes),
        keep_attrs=True,
    )
    return found if len(dtypes) > 1 else (found,)


def check_whole_series(stack: xr.DataArray) -> None:
    """Whether each chunk holds its pixels' whole series.

    Raises
    ------
    InputError
        No dimension `time`, or dask has cut it into several chunks.
    """
    if TIME not in stack.dims:
        raise InputError([Fault("stack", f"a dimension {TIME!r}", f"{stack.dims}")])
    chunks = dict(zip(stack.dims, stack.chunks, strict=True))[TIME] if stack.chunks else ()
    if len(chunks) > 1:
        wanted = f"each series whole: .chunk({{{TIME!r}: -1, ...}}), and smaller chunks in space"
        raise InputError([Fault(f"stack, {TIME!r}", wanted, f"{len(chunks)} chunks of up to {max(chunks)}")])


def _time_first(loop: Loop, outputs: int, *series: npt.NDArray[Any]) -> Any:
    # apply_ufunc puts time last; kernels take it first, as cubes hold it, so that nothing is copied
    found = loop(*(np.moveaxis(each, -1, 0) for each in series))
    return tuple(found) if outputs > 1 else found
