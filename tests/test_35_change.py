"""The kernels on xarray: what is lazy stays lazy, and time is never put together unasked."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from berthwatch import change
from berthwatch.errors import InputError

VALUES = np.random.default_rng(0).normal(size=(9, 6, 8)).astype(np.float32)
VALUES[2, 0] = np.nan
EAGER = xr.DataArray(VALUES, dims=("time", "y", "x"), coords={"x": np.arange(8.0)}, attrs={"units": "1"})


def never(block: np.ndarray) -> np.ndarray:
    """A block that must not be computed yet."""
    raise AssertionError("computed too early")


def test_lazy_is_eager_in_every_chunk() -> None:
    lazy = EAGER.chunk(time=-1, y=4, x=3)
    for found, expected in (
        (change.quantile(lazy, 0.3), change.quantile(EAGER, 0.3)),
        (change.median_mad(lazy), change.median_mad(EAGER)),
        (change.low_mode(lazy, 0.3), change.low_mode(EAGER, 0.3)),
        (
            change.ratio_test(np.exp(lazy), np.exp(EAGER[0]), 4.4, 3),
            change.ratio_test(np.exp(EAGER), np.exp(EAGER[0]), 4.4, 3),
        ),
        (change.omnibus([np.exp(lazy)] * 2, 4.4), change.omnibus([np.exp(EAGER)] * 2, 4.4)),
    ):
        assert found.chunks is not None
        xr.testing.assert_identical(found.compute(), expected)


def test_whole_numbers_are_levels_between_them_lazily_too() -> None:
    whole = (EAGER.fillna(0) * 20 + 100).astype(np.uint16)
    whole[2, 1] = 7
    lazy = whole.chunk(time=-1, y=4)
    seen = whole.astype(np.float64).where(whole != 7)
    mad = abs(seen - seen.median("time")).median("time")
    for found, eager, expected in (
        (change.quantile(lazy, 0.3, 7), change.quantile(whole, 0.3, 7), seen.quantile(0.3, "time")),
        (
            change.median_mad(lazy, 7)["mad"],
            change.median_mad(whole, 7)["mad"],
            mad,
        ),
        (change.low_mode(lazy, nodata=7), change.low_mode(whole, nodata=7), change.low_mode(seen)),
    ):
        assert found.dtype == found.compute().dtype == eager.dtype == np.float32
        xr.testing.assert_identical(found.compute(), eager)
        np.testing.assert_allclose(eager, expected, rtol=1e-6)


def test_values_are_numpys_and_names_are_kept() -> None:
    found = change.quantile(EAGER, 0.3)
    np.testing.assert_allclose(found, np.nanquantile(VALUES, 0.3, axis=0), rtol=1e-5)
    assert found.dims == ("y", "x")
    assert found.attrs == {"units": "1"}
    assert found["x"].equals(EAGER["x"])


def test_time_need_not_be_the_first_dimension() -> None:
    turned = EAGER.transpose("x", "time", "y")
    xr.testing.assert_allclose(change.quantile(turned, 0.5), change.quantile(EAGER, 0.5).transpose("x", "y"))


def test_nothing_is_computed_before_it_is_asked_for() -> None:
    blocks = da.zeros((9, 6, 8), chunks=(9, 3, 4), dtype=np.float32).map_blocks(never, dtype=np.float32)
    lazy = change.median_mad(xr.DataArray(blocks, dims=("time", "y", "x")))
    with pytest.raises(AssertionError, match="computed too early"):
        lazy.compute(scheduler="synchronous")


def test_time_in_several_chunks_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InputError, match=r"\.chunk\(\{'time': -1, \.\.\.\}\).*got 3 chunks of up to 4"):
        change.quantile(EAGER.chunk(time=4), 0.5)


def test_without_time_is_an_error() -> None:
    with pytest.raises(InputError, match=r"a dimension 'time'; got \('y', 'x'\)"):
        change.median_mad(EAGER[0])
