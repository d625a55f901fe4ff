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
from berthwatch.kernels.background import temporal_low_mode
from berthwatch.kernels.change import ratio_test as ratio_test_of_images
from berthwatch.kernels.omnibus import omnibus as omnibus_of_stacks
from berthwatch.kernels.quantile import temporal_median_mad, temporal_quantile

TIME = "time"

Loop = Callable[..., Any]


def quantile(stack: xr.DataArray, q: float, nodata: float | None = None) -> xr.DataArray:
    """Quantile of each pixel over time, leaving out what was not seen (type 7 of Hyndman and Fan 1996).

    Parameters
    ----------
    stack : (time, ...) uint8, uint16, int16, float32 or float64
        NaN is not seen.
    q : float
        0 to 1.
    nodata : float, optional
        The whole number that is not seen in a stack of whole numbers.

    Returns
    -------
    (...) of the stack's dtype, float32 for whole numbers; NaN where a pixel was never seen.

    Raises
    ------
    InputError
        No dimension `time`, or dask has cut it into several chunks.

    >>> stack = xr.DataArray([[1.0, np.nan], [4.0, np.nan], [2.0, np.nan]], dims=("time", "x"))
    >>> quantile(stack, 0.5).values
    array([ 2., nan])
    """
    (found,) = over_time(partial(temporal_quantile, q=q, nodata=nodata), [stack], [_level(stack)])
    return found.rename("quantile")


def median_mad(stack: xr.DataArray, nodata: float | None = None) -> xr.Dataset:
    """Median of each pixel over time and the median absolute deviation from it, `median` and `mad`.

    The deviation is as it is: times 1.4826 it estimates a normal's standard deviation. Stack, `nodata`, dtypes and
    errors are those of `quantile`.

    >>> found = median_mad(xr.DataArray([[1.0], [2.0], [4.0], [9.0]], dims=("time", "x")))
    >>> found["median"].item(), found["mad"].item()
    (3.0, 1.5)
    """
    median, mad = over_time(partial(temporal_median_mad, nodata=nodata), [stack], [_level(stack)] * 2)
    return xr.Dataset({"median": median, "mad": mad})


def low_mode(stack: xr.DataArray, support: float = 0.2, nodata: float | None = None) -> xr.DataArray:
    """What each pixel is when nothing lies on it: the lowest mode that the share `support` of its dates make up.

    Right for a berth that is taken more often than not, where a median is the hull's (`kernels.background`). Stack,
    `nodata`, dtypes and errors are those of `quantile`.

    >>> water, hull = [1.0, 1.1, 1.3], [8.0, 8.01, 8.02, 8.03, 8.04, 8.05]
    >>> low_mode(xr.DataArray(hull + water, dims="time"), support=0.3).item()
    1.05
    """
    (found,) = over_time(partial(temporal_low_mode, support=support, nodata=nodata), [stack], [_level(stack)])
    return found.rename("low_mode")


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


def ratio_test(before: xr.DataArray, after: xr.DataArray, looks_before: float, looks_after: float) -> xr.DataArray:
    """Two-sided p-value of the ratio of two SAR intensities where nothing changed (`kernels.change.ratio_test`).

    >>> before, after = xr.DataArray([1.0, 1.0], dims="x"), xr.DataArray([3.0, 0.1], dims="x")
    >>> ratio_test(before, after, 4.4, 4.4).round(6).values
    array([0.121687, 0.00235 ])
    """
    loop = partial(ratio_test_of_images, looks_before=looks_before, looks_after=looks_after)
    found: xr.DataArray = xr.apply_ufunc(
        loop, *xr.broadcast(before, after), dask="parallelized", output_dtypes=[np.float64], keep_attrs=False
    )
    return found.rename("p")


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


def _level(stack: xr.DataArray) -> np.dtype[Any]:
    """Of what is drawn from a series: whole numbers have quantiles between them."""
    return np.result_type(stack.dtype, np.float32)


def _time_first(loop: Loop, outputs: int, *series: npt.NDArray[Any]) -> Any:
    # apply_ufunc puts time last; kernels take it first, as cubes hold it, so that nothing is copied
    found = loop(*(np.moveaxis(each, -1, 0) for each in series))
    return tuple(found) if outputs > 1 else found
