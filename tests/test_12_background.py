"""Background kernels: quantiles of every dtype with nodata, long series, and the low mode."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from berthwatch.kernels import reference, reference_background
from berthwatch.kernels.background import temporal_low_mode
from berthwatch.kernels.quantile import temporal_median_mad, temporal_quantile

Array = npt.NDArray[Any]
unhurried = settings(deadline=None)  # the first call compiles
WHOLE = [np.uint8, np.uint16, np.int16]


@st.composite
def marked_stacks(draw: st.DrawFn) -> tuple[Array, int | None]:
    dtype = draw(st.sampled_from(WHOLE))
    bounds = np.iinfo(dtype)
    edges = st.sampled_from([bounds.min, bounds.min + 1, bounds.max, bounds.max - 1, 0, 1, 100])
    elements = edges | st.integers(bounds.min, bounds.max)
    stack = draw(hnp.arrays(dtype, hnp.array_shapes(min_dims=2, max_dims=3, max_side=9), elements=elements))
    return stack, draw(st.none() | edges)


@unhurried
@given(marked_stacks(), st.floats(0.0, 1.0))
def test_whole_numbers_equal_the_twins_of_floats(marked: tuple[Array, int | None], q: float) -> None:
    stack, nodata = marked
    floats = reference_background.as_floats(stack, nodata)
    ours = temporal_quantile(stack, q, nodata)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, reference.temporal_quantile(floats, q).astype(np.float32))
    for mine, theirs in zip(temporal_median_mad(stack, nodata), reference.temporal_median_mad(floats), strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_array_equal(mine, theirs.astype(np.float32))


bits_32 = hnp.arrays(np.uint32, st.tuples(st.integers(1, 9), st.integers(1, 5)))
bits_64 = hnp.arrays(np.uint64, st.tuples(st.integers(1, 9), st.integers(1, 5)))


@unhurried
@given((bits_32 | bits_64).map(lambda bits: bits.view(f"f{bits.itemsize}")), st.sampled_from([0.0, 1.0]))
def test_any_bits_are_ranked_as_the_floats_they_are(stack: Array, q: float) -> None:
    wanted = np.where(np.isnan(stack), np.inf if q == 0 else -np.inf, stack)
    wanted = wanted.min(axis=0) if q == 0 else wanted.max(axis=0)
    wanted[np.isnan(stack).all(axis=0)] = np.nan
    np.testing.assert_array_equal(temporal_quantile(stack, q), wanted, strict=True)


@pytest.mark.parametrize("times", [7, 8, 9, 247, 248, 249, 520])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_counts_hold_at_every_number_of_dates_and_over_several_blocks(dtype: Any, times: int) -> None:
    rng = np.random.default_rng(times)
    stack = rng.integers(0, 40, (times, 1300)).astype(dtype)
    nodata = 0 if dtype is np.uint16 else None
    floats = stack.astype(np.float64)
    if nodata is None:
        stack[stack == 0] = np.nan
    floats[floats == 0] = np.nan
    for q in (0.0, 0.31, 0.5, 1.0):
        np.testing.assert_allclose(temporal_quantile(stack, q, nodata), np.nanquantile(floats, q, axis=0), rtol=1e-6)
    median, mad = temporal_median_mad(stack, nodata)
    np.testing.assert_array_equal(median, np.nanmedian(floats, axis=0))
    np.testing.assert_array_equal(mad, np.nanmedian(np.abs(floats - np.nanmedian(floats, axis=0)), axis=0))


def test_nodata_at_the_end_of_the_range_is_not_the_greatest_value() -> None:
    stack = np.array([[65535, 65535], [65534, 65535], [0, 65535], [65535, 65535]], np.uint16)
    np.testing.assert_array_equal(temporal_quantile(stack, 1.0, 65535), [65534, np.nan])
    np.testing.assert_array_equal(temporal_quantile(stack, 1.0, 0.0), [65535, 65535])
    np.testing.assert_array_equal(temporal_quantile(stack, 0.5), [65534.5, 65535])
    np.testing.assert_array_equal(temporal_quantile(np.array([[2.0], [np.nan]]), 0.5, np.nan), [2.0])


@unhurried
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(0, 30), st.integers(1, 3)),
        elements=st.floats(-100.0, 100.0) | st.integers(0, 5).map(float) | st.sampled_from([np.nan, np.inf, -np.inf]),
    ),
    st.sampled_from([1e-9, 0.2, 0.5, 1.0]),
)
def test_low_mode_equals_its_twin(stack: Array, support: float) -> None:
    wanted = reference_background.temporal_low_mode(stack, support)
    np.testing.assert_allclose(temporal_low_mode(stack, support), wanted, rtol=1e-12, atol=1e-300)


@unhurried
@given(marked_stacks())
def test_low_mode_of_whole_numbers_equals_its_twin(marked: tuple[Array, int | None]) -> None:
    ours = temporal_low_mode(marked[0], 0.3, marked[1])
    wanted = reference_background.temporal_low_mode(marked[0], 0.3, marked[1])
    np.testing.assert_array_equal(ours, wanted.astype(np.float32), strict=True)


@pytest.mark.parametrize(
    ("series", "mode"),
    [
        ([4.0], 4.0),
        ([4.0, 6.0], 5.0),
        ([1.0, 2.0, 5.0], 1.5),
        ([1.0, 4.0, 5.0], 4.5),
        ([1.0, 2.0, 3.0], 2.0),
        ([1.0, 2.0, 2.0, 2.5, 7.0, 9.0, 9.5], 2.0),
        ([0.0, 5.0, 6.0, 6.5, 20.0], 6.25),
    ],
)
def test_half_sample_mode_by_hand(series: list[float], mode: float) -> None:
    assert temporal_low_mode(np.array(series)[::-1], support=1.0) == mode


def test_low_mode_is_the_vacant_level_of_a_berth_mostly_taken() -> None:
    """Speckle of 4.4 looks at 0.02, hulls at 0.5 on most dates: the median is the hull's, the low mode is not."""
    rng = np.random.default_rng(5)
    for taken in (0, 30, 65):
        stack = 0.02 * rng.gamma(4.4, 1 / 4.4, (100, 400))
        stack[:taken] = 0.5 * rng.gamma(4.4, 1 / 4.4, (taken, 400))
        low = temporal_low_mode(stack, 0.2)
        assert 0.010 < np.median(low) < 0.020, "about the mode, (4.4 - 1) / 4.4 of the mean"
        assert (low < 0.04).mean() > 0.99
    assert np.median(temporal_quantile(stack, 0.5)) > 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: temporal_quantile(np.zeros(2, np.uint8), 0.5, 256),
            "nodata of a uint8 stack must be a whole number in 0..255: 256",
        ),
        (
            lambda: temporal_median_mad(np.zeros(2, np.int16), 0.5),
            "nodata of a int16 stack must be a whole number in -32768..32767: 0.5",
        ),
        (
            lambda: temporal_quantile(np.zeros(2, np.uint16), 0.5, np.nan),
            "nodata of a uint16 stack must be a whole number in 0..65535: nan",
        ),
        (
            lambda: temporal_quantile(np.zeros(2, np.float32), 0.5, -9999.0),
            "nodata of a float32 stack must be NaN: -9999.0",
        ),
        (lambda: temporal_low_mode(np.zeros(2, bool)), "stack must be uint8 or uint16 or int16 or float32 or float64"),
        (lambda: temporal_low_mode(np.zeros(2), 0.0), "support not in 0..1, or 0: 0.0"),
        (lambda: temporal_low_mode(np.zeros(2), 1.1), "support not in 0..1, or 0: 1.1"),
        (lambda: temporal_low_mode(np.zeros(())), "stack must have a time axis first: shape ()"),
    ],
)
def test_wrong_input_is_named_and_echoed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
