"""Ratios of dates, and the exact test of the ratio of two SAR intensities: twins, scipy, frozen values, and size."""

import math
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats

from berthwatch.kernels import reference_change as twin
from berthwatch.kernels.beta import fraction, lesser_tails, log_beta, terms_needed
from berthwatch.kernels.change import log_ratio, mean_ratio, ratio_test

Array = npt.NDArray[Any]
LEVELS = (0.05, 0.01, 0.001)
unhurried = settings(deadline=None)  # the first call compiles
ODD = [math.nan, 0.0, -0.0, -1.0, math.inf, 1e-44, 3e38, 1.0, 2.0]
LARGEST = float(np.float32(3e38))


def stacks(low: float, high: float, odd: list[float]) -> st.SearchStrategy[Array]:
    elements = st.floats(low, high, width=32, allow_subnormal=False) | st.sampled_from(
        [float(np.float32(v)) for v in odd]
    )
    shapes = hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)
    return st.sampled_from([np.float32, np.float64]).flatmap(lambda dtype: hnp.arrays(dtype, shapes, elements=elements))


def ulps(ours: Array, exact: Array) -> float:
    """The largest distance in units of the last digit; what is no number or infinite must be the same."""
    finite = np.isfinite(exact)
    np.testing.assert_array_equal(ours[~finite], exact[~finite].astype(ours.dtype))
    spacing = np.spacing(np.abs(exact[finite]).astype(ours.dtype))
    return float(np.max(np.abs(ours[finite] - exact[finite]) / spacing, initial=0.0))


@unhurried
@given(stacks(2.0**-126, LARGEST, ODD))
def test_log_ratio_is_its_twins_to_the_last_digits(stack: Array) -> None:
    for background in (None, stack[-1]):
        ours = log_ratio(stack, background)
        assert ours.dtype == stack.dtype
        assert ulps(ours, twin.log_ratio(stack, background)) <= 2.0


@pytest.mark.parametrize("spread", [1e-6, 1e-3, 0.7, 80.0])
def test_log_ratio_keeps_its_digits_near_one_and_far_off(spread: float) -> None:
    rng = np.random.default_rng(1)
    base = np.exp(rng.uniform(-80, 80, 300_000)).astype(np.float32)
    near = (base.astype(np.float64) * np.exp(rng.uniform(-spread, spread, base.size))).clip(1e-45, 3e38)
    stack = near.astype(np.float32)[None]
    assert ulps(log_ratio(stack, base), twin.log_ratio(stack, base)) <= 2.0
    assert not log_ratio(base[None], base).any()


def test_log_ratio_of_what_is_no_intensity() -> None:
    above = np.array([[0.0, 1.0, 0.0, -1.0, 1.0, np.inf, np.inf, 1.0, np.nan, 1.0, -0.0, -np.nan]], np.float32)
    below = np.array([1.0, 0.0, 0.0, -1.0, -1.0, 1.0, np.inf, np.inf, 1.0, np.nan, 1.0, 1.0], np.float32)
    wanted = [-np.inf, np.inf, *[np.nan] * 3, np.inf, np.nan, -np.inf, np.nan, np.nan, -np.inf, np.nan]
    np.testing.assert_array_equal(log_ratio(above, below), np.array([wanted], np.float32), strict=True)
    np.testing.assert_array_equal(log_ratio(above.astype(np.float64), below.astype(np.float64)), [wanted])


def test_blocks_join_and_shapes_are_kept() -> None:
    stack = np.random.default_rng(2).gamma(4.4, 1 / 4.4, (3, 2, 2500)).astype(np.float32)
    np.testing.assert_allclose(log_ratio(stack, stack[1]), np.log(stack / stack[1]), rtol=1e-4, atol=2e-7)
    np.testing.assert_allclose(log_ratio(stack), np.log(stack[1:] / stack[:-1]), rtol=1e-4, atol=2e-7)
    assert log_ratio(stack[:1]).shape == (0, 2, 2500)
    assert log_ratio(stack[:, 0, 0], stack[0, 0, 0]).shape == (3,)
    p = ratio_test(stack[0], stack[1], 4.4, 4.4)
    assert p.shape == (2, 2500)
    assert p[1, 2400] == ratio_test(stack[0, 1, 2400], stack[1, 1, 2400], 4.4, 4.4)


@unhurried
@given(stacks(2.0**-9, 2.0**13, [math.nan, 0.0, -1.0, math.inf, 1.0]), st.sampled_from([1, 3, 5]))
def test_mean_ratio_is_its_twins(stack: Array, window_px: int) -> None:
    for background in (None, stack[0]):
        ours = mean_ratio(stack, background, window_px)
        assert ours.dtype == stack.dtype
        np.testing.assert_allclose(ours, twin.mean_ratio(stack, background, window_px), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("ratio", "p"), [(2, 0.322215), (3, 0.121687), (5, 0.0268315), (10, 0.00235011)])
def test_frozen_values_of_a_pair(ratio: float, p: float) -> None:
    pair = np.float64(1.0), np.float64(ratio)
    assert float(ratio_test(*pair, 4.4, 4.4)) == pytest.approx(p, rel=5e-6)
    assert float(ratio_test(*pair[::-1], 4.4, 4.4)) == pytest.approx(p, rel=5e-6)


looks = st.floats(0.5, 60.0)


@unhurried
@given(st.floats(-4.0, 4.0), looks, looks)
def test_ratio_test_is_its_twins(log_of_ratio: float, looks_before: float, looks_after: float) -> None:
    pair = np.array(0.03), np.array(0.03 * math.exp(log_of_ratio))
    ours = float(ratio_test(*pair, looks_before, looks_after))
    assert ours == pytest.approx(twin.ratio_test(*map(float, pair), looks_before, looks_after), rel=1e-8, abs=1e-15)


@pytest.mark.parametrize("looks_before", [0.3, 1.0, 4.4, 9.0, 300.0, 1e4])
@pytest.mark.parametrize("looks_after", [0.3, 1.0, 4.4, 77.7, 1e4])
def test_ratio_test_is_scipys_far_into_both_tails(looks_before: float, looks_after: float) -> None:
    quantiles = np.r_[np.logspace(-300, -1, 100), np.linspace(0.1, 0.5, 40)]
    f = stats.f(2 * looks_after, 2 * looks_before)
    ratios = np.r_[f.ppf(quantiles), f.isf(quantiles)]
    ratios = ratios[(ratios > 1e-280) & (ratios < 1e280)]
    n, m = looks_before, looks_after
    share, rest = m * ratios / (m * ratios + n), n / (m * ratios + n)
    # of the lesser share, which has all its digits; scipy's betainc of the greater is off by half for 9 and 10,000
    lower = np.where(share < 0.5, special.betainc(m, n, share), special.betaincc(n, m, rest))
    upper = np.where(rest < 0.5, special.betainc(n, m, rest), special.betaincc(m, n, share))
    wanted = 2 * np.minimum(lower, upper)
    kept = wanted > 1e-300
    assert kept.sum() > 100
    ours = ratio_test(np.ones_like(ratios), ratios, n, m)
    np.testing.assert_allclose(ours[kept], wanted[kept], rtol=1e-10 if max(n, m) <= 1000 else 1e-9)


def test_the_incomplete_beta_function_is_scipys() -> None:
    x = np.linspace(1e-9, 1.0 - 1e-9, 999)
    for a, b in ((0.5, 0.5), (2.0, 30.0), (250.0, 4.4)):
        terms = max(terms_needed(a, b), terms_needed(b, a))
        ours = x.copy()
        lesser_tails(
            ours, 1.0 - x, a, b, fraction(a, b, terms), fraction(b, a, terms), log_beta(a, b), np.empty((2, 999))
        )
        wanted = np.minimum(special.betainc(a, b, x), special.betaincc(a, b, x))
        kept = wanted > 1e-290
        np.testing.assert_allclose(ours[kept], wanted[kept], rtol=1e-10)


def test_no_intensity_has_no_p_value() -> None:
    before = np.array([1.0, 0.0, -1.0, np.nan, np.inf, 1.0, 1.0, 1.0], np.float32)
    after = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, np.nan, np.inf], np.float32)
    assert ratio_test(before, after, 4.4, 4.4).tolist()[0] == pytest.approx(1.0, abs=1e-12)
    assert np.isnan(ratio_test(before, after, 4.4, 4.4)[1:]).all()
    assert math.isnan(twin.ratio_test(1.0, 0.0, 4.4, 4.4))
    assert ratio_test(np.array(1e-300), np.array(1e300), 4.4, 4.4) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(("looks_before", "looks_after"), [(1.0, 1.0), (4.4, 4.4), (4.4, 19.3), (30.0, 2.5)])
def test_size_of_the_ratio_test_is_what_it_says(looks_before: float, looks_after: float) -> None:
    rng = np.random.default_rng(21)
    count = 4_000_000
    before = rng.gamma(looks_before, 0.02 / looks_before, count)
    after = rng.gamma(looks_after, 0.02 / looks_after, count)
    p = ratio_test(before.astype(np.float32), after.astype(np.float32), looks_before, looks_after)
    for level in LEVELS:
        assert (p < level).mean() == pytest.approx(level, abs=max(0.02 * level, 3 * math.sqrt(level / count)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: log_ratio(np.zeros(3, np.int16)), "stack must be float32 or float64: int16"),
        (lambda: log_ratio(np.zeros(())), "stack must have a time axis first: shape ()"),
        (lambda: log_ratio(np.zeros((2, 3)), np.zeros(2)), "background must have the shape of a date (3,): (2,)"),
        (lambda: log_ratio(np.zeros((2, 3)), np.zeros(3, np.float32)), "background must be float64: float32"),
        (lambda: mean_ratio(np.zeros((2, 3))), "stack must have 3 dimensions: shape (2, 3)"),
        (lambda: mean_ratio(np.zeros((2, 3, 3)), window_px=2), "window_px must be odd and above 0: 2"),
        (lambda: mean_ratio(np.zeros((2, 3, 3)), window_px=-1), "window_px must be odd and above 0: -1"),
        (lambda: ratio_test(np.ones(2), np.ones(3), 1, 1), "before and after must have one shape: (2,) and (3,)"),
        (lambda: ratio_test(np.ones(2), np.ones(2), 0, 1), "looks_before must be above 0 and at most 10000: 0"),
        (lambda: ratio_test(np.ones(2), np.ones(2), 1, np.nan), "looks_after must be above 0 and at most 10000: nan"),
    ],
)
def test_wrong_input_is_named_and_echoed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
