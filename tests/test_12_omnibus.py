"""The omnibus test: the published constants, the plain twin, and its size by simulation."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from berthwatch.kernels import reference_omnibus as twin
from berthwatch.kernels.chisquare import corrected_tail, corrected_tails, critical_value
from berthwatch.kernels.logsums import log_sums
from berthwatch.kernels.omnibus import omnibus, q_constants, r_constants

SERIES = np.array([1, 1.2, 0.8, 1.1, 6, 5])
LEVELS = (0.05, 0.01, 0.001)
unhurried = settings(deadline=None)  # the first call compiles


def test_frozen_values_of_a_series() -> None:
    found = omnibus([SERIES], 4.4)
    assert float(found.p) == pytest.approx(0.003524913, rel=1e-6)
    p_r = [twin.p_of_r([SERIES[:j, None, None]], 4.4) for j in range(2, 7)]
    assert p_r == pytest.approx([0.7927867, 0.6007439, 0.8642540, 0.000203578, 0.0615259], rel=3e-6)
    assert (int(found.count), int(found.first), int(found.last), int(found.strongest)) == (1, 4, 4, 4)
    assert float(found.strongest_p) == pytest.approx(0.000203578, rel=3e-6)


@pytest.mark.parametrize(("ratio", "p"), [(2, 0.322210), (3, 0.121680), (5, 0.0268250), (10, 0.00234675)], ids=str)
def test_frozen_values_of_a_pair(ratio: float, p: float) -> None:
    assert float(omnibus([np.array([1.0, ratio])], 4.4).p) == pytest.approx(p, rel=1e-5)


def test_frozen_constants() -> None:
    assert q_constants(2, 1, 4.4) == pytest.approx((0.9431818, -0.000907243), rel=1e-6)
    assert q_constants(6, 1, 4.4) == pytest.approx((0.9558080808, -0.00267211006), rel=1e-8)
    assert q_constants(6, 2, 4.4) == pytest.approx((0.8453282828, 0.04845444947), rel=1e-8)
    assert q_constants(6, 3, 13.0) == pytest.approx((0.9152421652, 0.0300799407), rel=1e-8)
    assert r_constants(2, 2, 9.0) == pytest.approx((0.9027777778, 0.00165680473), rel=1e-8)


@unhurried
@given(st.floats(1e-6, 3000.0), st.integers(1, 400))
def test_the_tail_is_scipys(z: float, dof: int) -> None:
    expected = float(stats.chi2.sf(z, dof))
    assert corrected_tail(z, dof, 0.0) == pytest.approx(expected, rel=1e-9, abs=1e-300)
    with_four = expected + 0.05 * (float(stats.chi2.sf(z, dof + 4)) - expected)
    assert corrected_tail(z, dof, 0.05) == pytest.approx(with_four, rel=1e-9, abs=1e-300)


def test_many_tails_are_each_ones() -> None:
    rng = np.random.default_rng(6)
    z = np.r_[rng.uniform(0.0, 300.0, 500), -1.0, 0.0, np.nan, np.inf, 1399.0, 1401.0, 3000.0, 5e-324]
    dof = rng.integers(1, 120, z.size).astype(np.float64)
    omega2, ours = rng.uniform(-0.05, 0.05, z.size), np.empty_like(z)
    corrected_tails(z, dof, omega2, ours, np.empty((5, z.size)))
    np.testing.assert_allclose(
        ours, [corrected_tail(*one) for one in zip(z, dof.astype(int), omega2, strict=True)], rtol=1e-12
    )
    seen = ~np.isnan(z)
    tail, more = stats.chi2.sf(z[seen], dof[seen]), stats.chi2.sf(z[seen], dof[seen] + 4)
    expected = (tail + omega2[seen] * (more - tail)).clip(0.0, 1.0)
    np.testing.assert_allclose(ours[seen], np.where(z[seen] > 0.0, expected, 1.0), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("dof", [1, 2, 5, 40])
@pytest.mark.parametrize("alpha", LEVELS)
def test_the_critical_value_is_scipys(alpha: float, dof: int) -> None:
    assert critical_value(alpha, dof, 0.0) == pytest.approx(stats.chi2.isf(alpha, dof), rel=1e-9)
    assert twin.corrected_tail(critical_value(alpha, dof, 0.1), dof, 0.1) == pytest.approx(alpha, rel=1e-6)


def test_no_statistic_has_no_tail() -> None:
    assert math.isnan(corrected_tail(math.nan, 3, 0.0))
    assert corrected_tail(0.0, 3, 0.0) == corrected_tail(-1.0, 3, 0.0) == twin.corrected_tail(0.0, 3, 0.0) == 1.0
    assert corrected_tail(math.inf, 3, 0.0) == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@unhurried
@given(st.integers(0, 2**32), st.integers(1, 14))
def test_sums_of_logarithms_are_numpys(dtype: Any, seed: int, dates: int) -> None:
    rng = np.random.default_rng(seed)
    limits = (1e-44, 3e38) if dtype is np.float32 else (5e-324, 1e308)
    values = np.exp(rng.uniform(math.log(limits[0]), math.log(limits[1]) - 0.1, (dates, 7))).astype(dtype)
    values[rng.random(values.shape) < 0.2] = rng.choice([np.nan, 0.0, -1.0, np.inf])
    sums, logs, counts = np.empty((1, 7)), np.empty(7), np.empty(7)
    log_sums((values,), 0, 7, sums, logs, counts, np.empty((2, 7)))
    fit = (values > 0) & np.isfinite(values)
    assert counts.tolist() == fit.sum(axis=0).tolist()
    exact = np.where(fit, values, 1).astype(np.float64)
    np.testing.assert_allclose(logs, np.log(exact).sum(axis=0), rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(sums[0], np.where(fit, values, 0).astype(np.float64).sum(axis=0), rtol=1e-13)


def covariances(rng: np.random.Generator, dates: int, looks: int, scale: float) -> np.ndarray:
    """(date, 2, 2) sample covariances of complex normal vectors; from the middle date on `scale` times as large."""
    root = np.linalg.cholesky(np.array([[1.0, 0.3 + 0.2j], [0.3 - 0.2j, 0.6]]))
    drawn = rng.normal(size=(dates, looks, 2)) + 1j * rng.normal(size=(dates, looks, 2))
    vectors = drawn @ root.T
    found = np.einsum("dlp,dlq->dpq", vectors, vectors.conj()) / looks
    found[dates // 2 :] *= scale
    return np.asarray(found)


@pytest.mark.parametrize("case", ["single", "diagonal", "full"])
@unhurried
@given(st.integers(0, 2**32), st.integers(2, 9), st.sampled_from([1.0, 3.0, 12.0]))
def test_changes_are_the_twins(case: str, seed: int, dates: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    full = covariances(rng, dates, 5, scale)
    channels = [full[:, 0, 0].real.copy(), full[:, 1, 1].real.copy(), full[:, 0, 1].real, full[:, 0, 1].imag]
    lost = rng.random(dates) < 0.2
    channels[0][lost] = rng.choice([np.nan, 0.0, -1.0])
    seen = np.flatnonzero(~lost)
    blocks = [channels[0][seen, None, None], channels[1][seen, None, None]]
    series = {"single": blocks[:1], "diagonal": blocks, "full": [full[seen]]}[case]
    found = omnibus(channels[: {"single": 1, "diagonal": 2, "full": 4}[case]], 5.0, 0.05, full=case == "full")
    if seen.size < 2:
        assert math.isnan(float(found.p))
        assert (int(found.count), int(found.first)) == (0, -1)
        return
    assert float(found.p) == pytest.approx(twin.p_of_q(series, 5.0), rel=1e-6, abs=1e-12)
    expected = twin.changes(series, 5.0, 0.05)
    assert int(found.count) == len(expected)
    dates_found = [int(seen[at]) for at, _ in expected]
    assert [int(found.first), int(found.last)] == ([dates_found[0], dates_found[-1]] if expected else [-1, -1])
    strongest = int(seen[min(expected, key=lambda one: one[1])[0]]) if expected else -1
    assert int(found.strongest) == strongest
    least = min(p for _, p in expected) if expected else math.nan
    assert float(found.strongest_p) == pytest.approx(least, rel=1e-6, abs=1e-12, nan_ok=True)


def test_a_matrix_that_is_no_covariance_is_left_out() -> None:
    c11, c22 = np.array([1.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0])
    broken = omnibus([c11, c22, np.array([0.1, 5.0, 0.1]), np.zeros(3)], 5.0, full=True)
    whole = omnibus([c11[[0, 2]], c22[[0, 2]], np.full(2, 0.1), np.zeros(2)], 5.0, full=True)
    assert float(broken.p) == float(whole.p)


def test_shapes_are_kept_and_blocks_join() -> None:
    stack = np.random.default_rng(0).gamma(4.4, 1 / 4.4, (6, 3, 401)).astype(np.float32)
    stack[3:, 1, 200] *= 40
    found = omnibus([stack], 4.4, 1e-4)
    assert found.p.shape == found.count.shape == (3, 401)
    assert found.count[1, 200] == 1
    assert found.first[1, 200] == 3
    single = omnibus([stack[:, 2, 399]], 4.4, 1e-4)
    assert float(single.p) == found.p[2, 399]


@pytest.mark.parametrize(
    ("channels", "options", "said"),
    [
        ([], {}, "one shape and dtype"),
        ([np.ones(3), np.ones(4)], {}, "one shape and dtype"),
        ([np.float64(1)], {}, "one shape and dtype"),
        ([np.ones(3, np.int64)], {}, "channels must be float32 or float64"),
        ([np.ones(3)], {"full": True}, "C11, C22, Re C12, Im C12: 1 channels"),
        ([np.ones(3)], {"looks": 0.0}, "looks must be above 0"),
        ([np.ones(3)], {"alpha": 1.0}, r"alpha not in 0\.\.1"),
    ],
)
def test_bad_input_is_said(channels: list[Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        omnibus(channels, **({"looks": 4.4} | options))


@pytest.mark.slow
@pytest.mark.parametrize("case", ["single", "diagonal"])
def test_size_is_what_it_says(case: str) -> None:
    rng = np.random.default_rng(11)
    count = 400_000
    stacks = [rng.gamma(4.4, 1 / 4.4, (6, count)) for _ in range(1 if case == "single" else 2)]
    p = omnibus(stacks, 4.4).p
    for level in LEVELS:
        assert (p < level).mean() == pytest.approx(level, abs=max(0.1 * level, 3 * math.sqrt(level / count)))


@pytest.mark.slow
def test_size_of_full_matrices_is_what_it_says() -> None:
    rng = np.random.default_rng(12)
    count, dates, looks = 60_000, 6, 9
    drawn = rng.normal(size=(dates, looks, 2, count)) + 1j * rng.normal(size=(dates, looks, 2, count))
    found = np.einsum("dlpc,dlqc->dpqc", drawn, drawn.conj()) / looks
    channels = [found[:, 0, 0].real, found[:, 1, 1].real, found[:, 0, 1].real, found[:, 0, 1].imag]
    p = omnibus(channels, float(looks), full=True).p
    for level in LEVELS:
        assert (p < level).mean() == pytest.approx(level, abs=max(0.1 * level, 3 * math.sqrt(level / count)))
