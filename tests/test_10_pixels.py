"""Pixel kernels (quantiles, shifts, scores) equal their plain twins, NumPy and SciPy."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage, stats

from berthwatch.kernels import reference
from berthwatch.kernels.detect import departure, exceed
from berthwatch.kernels.quantile import temporal_median_mad, temporal_quantile
from berthwatch.kernels.shift import shift_bilinear, shift_stack

Array = npt.NDArray[Any]
unhurried = settings(deadline=None)  # the first call compiles


def floats(dtype: Any, sides: int, low: float = -100.0) -> st.SearchStrategy[Array]:
    width = np.dtype(dtype).itemsize * 8
    elements = st.floats(low, 100.0, width=width) | st.just(float("nan")) | st.sampled_from([0.0, 1.0, 2.0])
    return hnp.arrays(
        dtype, hnp.array_shapes(min_dims=sides, max_dims=sides, min_side=1, max_side=9), elements=elements
    )


stacks = st.sampled_from([np.float32, np.float64]).flatmap(lambda dtype: floats(dtype, 3))


@unhurried
@given(stacks, st.floats(0.0, 1.0))
def test_quantile_equals_its_twin(stack: Array, q: float) -> None:
    ours = temporal_quantile(stack, q)
    assert ours.dtype == stack.dtype
    np.testing.assert_allclose(ours, reference.temporal_quantile(stack, q), rtol=1e-6, atol=1e-5)


@unhurried
@given(stacks)
def test_median_and_mad_equal_their_twin(stack: Array) -> None:
    for ours, theirs in zip(temporal_median_mad(stack), reference.temporal_median_mad(stack), strict=True):
        assert ours.dtype == stack.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("times", [1, 2, 3, 50, 209])
def test_quantiles_equal_numpy_and_scipy(dtype: Any, times: int) -> None:
    rng = np.random.default_rng(times)
    stack = rng.gamma(4.4, 0.01, (times, 12, 7)).astype(dtype)
    stack[rng.random(stack.shape) < 0.3] = np.nan
    stack[0, np.isnan(stack).all(axis=0)] = 0.01
    for q in (0.0, 0.1, 0.25, 0.5, 0.9, 1.0):
        np.testing.assert_allclose(temporal_quantile(stack, q), np.nanquantile(stack, q, axis=0), rtol=1e-6)
    median, mad = temporal_median_mad(stack)
    wanted = stats.median_abs_deviation(stack.astype(np.float64), axis=0, nan_policy="omit")
    np.testing.assert_allclose(median, np.nanmedian(stack, axis=0), rtol=1e-6)
    np.testing.assert_allclose(mad, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("order", ["rising", "falling", "organ pipe", "constant", "two values"])
def test_quantile_stands_any_order(order: str) -> None:
    ramp = np.arange(2001.0)
    series = {
        "rising": ramp,
        "falling": ramp[::-1],
        "organ pipe": np.minimum(ramp, ramp[::-1]),
        "constant": 0.0 * ramp,
        "two values": ramp % 2,
    }[order]
    assert temporal_quantile(series, 0.3) == np.quantile(series, 0.3)


def test_quantile_of_nothing_is_nan_without_a_warning() -> None:
    assert np.isnan(temporal_quantile(np.full((3, 2), np.nan), 0.5)).all()
    assert np.isnan(temporal_median_mad(np.empty((0, 2), np.float32))).all()


def test_infinities_are_numbers() -> None:
    stack = np.array([[np.inf, -np.inf, np.inf, 1.0], [np.inf, np.inf, 1.0, np.inf], [np.inf, np.nan, 2.0, np.nan]])
    np.testing.assert_array_equal(temporal_quantile(stack, 0.5), [np.inf, np.nan, 2.0, np.inf])
    median, mad = temporal_median_mad(stack)
    np.testing.assert_array_equal(median, [np.inf, np.nan, 2.0, np.inf])
    np.testing.assert_array_equal(mad[:3], [0.0, np.nan, 1.0])


def test_read_only_and_strided_stacks_are_read_as_they_are() -> None:
    stack = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)
    stack.flags.writeable = False
    np.testing.assert_array_equal(temporal_quantile(stack, 0.5), np.median(stack, axis=0))
    assert not stack.flags.writeable


@unhurried
@given(floats(np.float32, 2), st.floats(-12.0, 12.0), st.floats(-12.0, 12.0))
def test_shift_equals_its_twin(image: Array, dy: float, dx: float) -> None:
    ours, theirs = shift_bilinear(image, dy, dx), reference.shift_bilinear(image, dy, dx)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4)


@unhurried
@given(floats(np.float32, 2), st.integers(-4, 4), st.integers(-4, 4))
def test_whole_shift_moves_pixels_untouched(image: Array, dy: int, dx: int) -> None:
    rows, columns = image.shape
    wanted = np.full((rows + 16, columns + 16), np.nan, np.float32)
    wanted[8 + dy : 8 + dy + rows, 8 + dx : 8 + dx + columns] = image
    np.testing.assert_array_equal(shift_bilinear(image, dy, dx), wanted[8 : 8 + rows, 8 : 8 + columns])


def test_shift_inside_equals_scipy() -> None:
    image = np.random.default_rng(1).random((30, 40), np.float32)
    for dy, dx in ((0.3, -0.8), (-2.25, 1.5), (7.9, 0.0)):
        wanted = ndimage.shift(image.astype(np.float64), (dy, dx), order=1)
        np.testing.assert_allclose(shift_bilinear(image, dy, dx)[9:-9, 9:-9], wanted[9:-9, 9:-9], atol=1e-6)


def test_shift_keeps_a_pixel_that_half_of_it_saw_and_no_other() -> None:
    image = np.array([[np.nan, 1.0, 1.0, np.nan]], np.float32)
    np.testing.assert_array_equal(shift_bilinear(image, 0.0, 0.5), [[np.nan, 1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(shift_bilinear(image, 0.0, 0.75), [[np.nan, np.nan, 1.0, 1.0]])
    assert np.isnan(shift_bilinear(image, 1e300, 0.0)).all()


def test_shift_stack_equals_its_twin() -> None:
    stack = np.random.default_rng(2).random((3, 6, 5), np.float32)
    dy, dx = np.array([0.0, 0.5, -1.25]), np.array([0.0, -0.5, 2.0])
    np.testing.assert_allclose(shift_stack(stack, dy, dx), reference.shift_stack(stack, dy, dx), atol=1e-6)


wide = st.floats(-1.0, 1e30) | st.floats(0.0, 1e-6) | st.sampled_from([np.nan, -1.0, 0.0])
pairs = hnp.arrays(np.float64, st.tuples(st.integers(1, 3), st.just(4)), elements=wide)
maps = hnp.arrays(np.float64, 4, elements=wide)


@unhurried
@given(pairs, maps, hnp.arrays(np.float64, 4, elements=st.floats(-1.0, 1e3) | st.sampled_from([np.nan, 0.0])))
def test_departure_equals_its_twin(image: Array, level: Array, spread: Array) -> None:
    with np.errstate(over="ignore"):
        ours = departure(image, level, spread)
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, reference.departure(image, level, spread), rtol=1e-6, atol=1e-6)


@unhurried
@given(pairs, maps)
def test_exceed_equals_its_twin(image: Array, threshold: Array) -> None:
    np.testing.assert_array_equal(exceed(image, threshold), reference.exceed(image, threshold), strict=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: temporal_quantile(np.zeros((2, 2), np.int64), 0.5), "or float32 or float64: int64"),
        (lambda: temporal_quantile(np.zeros((2, 2), ">f4"), 0.5), "or float32 or float64: >f4"),
        (lambda: temporal_quantile(np.zeros(()), 0.5), "stack must have a time axis first: shape ()"),
        (lambda: temporal_quantile(np.zeros(2), 50.0), "q not in 0..1: 50.0"),
        (lambda: temporal_quantile(np.zeros(2), np.nan), "q not in 0..1: nan"),
        (lambda: shift_bilinear(np.zeros((2, 2)), 0, 0), "image must be float32: float64"),
        (lambda: shift_bilinear(np.zeros(2, np.float32), 0, 0), "image must have 2 dimensions: shape (2,)"),
        (lambda: shift_bilinear(np.zeros((2, 2), np.float32), np.nan, 0), "shift must be finite: dy nan, dx 0"),
        (lambda: shift_stack(np.zeros((2, 2, 2), np.float32), [0], [0, 0]), "dy must have shape (2): (1,)"),
        (lambda: shift_stack(np.zeros((1, 2, 2), np.float32), [0], [np.nan]), "dx must not hold NaN: first at [0]"),
        (lambda: exceed(np.zeros((2, 3)), np.zeros(2)), "image must end with the shape of threshold_map (2,): (2, 3)"),
        (
            lambda: departure(np.zeros(2), np.zeros((2, 2)), np.ones(2)),
            "image must end with the shape of level (2, 2): (2,)",
        ),
    ],
)
def test_wrong_input_is_named_and_echoed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
