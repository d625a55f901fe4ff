"""Monitors of series: tabular CUSUM, moving sums, regression CUSUMs and REACTIV, against twins and published values."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from berthwatch import runlengths
from berthwatch.kernels import cusum, fluctuation, mosum, reactiv, recursive
from berthwatch.kernels import reference_monitoring as twin

Array = npt.NDArray[Any]
unhurried = settings(deadline=None, max_examples=60)
numbers = st.floats(-20.0, 20.0, width=32) | st.sampled_from([np.nan, np.nan, np.inf, -np.inf, 0.0, 1.0, 3e38])
stacks = st.sampled_from([np.float32, np.float64]).flatmap(
    lambda dtype: hnp.arrays(dtype, st.tuples(st.integers(1, 12), st.integers(1, 3), st.just(2)), elements=numbers)
)
clips = st.sampled_from([1.5, np.inf])
PISTON = [102, 94.8, 98.3, 98.4, 102, 98.5, 99, 97.7, 100, 98.1, 101.3, 98.7, 101.1, 98.4, 97, 96.7, 100.3, 101.4]
PISTON += [97.2, 101]
UP = [2, 0, 0, 0, 2, 0.5, 0, 0, 0, 0, 1.3, 0, 1.1, 0, 0, 0, 0.3, 1.7, 0, 1]
DOWN = [0, 3.2, 2.9, 2.5, 0, 0, 0, 0.3, 0, 0, 0, 0, 0, 0, 1, 2.3, 0, 0, 0.8, 0]
DESIGN = np.stack([np.ones(12), np.sin(np.arange(12.0)), np.arange(12.0) + 17000.0], axis=1)


def maps(stack: Array) -> tuple[Array, Array]:
    """A level and a spread, of which some are no spread at all."""
    level = np.linspace(-1.0, 1.0, stack[0].size).reshape(stack[0].shape).astype(stack.dtype)
    return level, np.resize(np.array([1.0, 0.5, 2.0, 0.0, 1.0], stack.dtype), stack[0].shape)


def test_cusum_equals_the_worked_example() -> None:
    """Montgomery and Runger, table 16-8: target 99, K = 1, H = 10."""
    level, spread, state = np.full(1, 99.0), np.ones(1), cusum.cusum_start((1,))
    for value, up, down in zip(PISTON, UP, DOWN, strict=True):
        alarm, state = cusum.cusum_step(np.array([float(value)]), level, spread, state, k=1.0, h=10.0)
        assert alarm[0] == 0
        np.testing.assert_allclose([state.above[0], state.below[0]], [up, down], atol=2e-6)


@unhurried
@given(stacks, st.sampled_from([0.0, 0.5]), st.sampled_from([2.0, 5.0]), clips)
def test_cusum_equals_its_twin(stack: Array, k: float, h: float, clip: float) -> None:
    level, spread = maps(stack)
    wanted = twin.cusum(stack, level, spread, k, h, clip)
    state = cusum.cusum_start(stack.shape[1:])
    for time, image in enumerate(stack):
        alarm, state = cusum.cusum_step(image, level, spread, state, k, h, clip, in_place=time % 2 == 1)
        for ours, theirs in zip((alarm, state.above, state.below), wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs[time])


def test_a_state_is_left_as_it_is_unless_it_may_be_written_over() -> None:
    one, state = np.ones(1), cusum.cusum_start((1,))
    _, after = cusum.cusum_step(one, 0 * one, one, state)
    assert (state.above[0], after.above[0]) == (0.0, 0.5)
    _, same = cusum.cusum_step(one, 0 * one, one, after, in_place=True)
    assert same.above is after.above
    state.above.flags.writeable = False
    with pytest.raises(ValueError, match="cannot be written over"):
        cusum.cusum_step(one, one, one, state, in_place=True)


@unhurried
@given(stacks, st.integers(1, 4), clips)
def test_mosum_equals_its_twin(stack: Array, window: int, clip: float) -> None:
    level, spread = maps(stack)
    wanted = twin.mosum(stack, level, spread, window, clip)
    seen = ~np.isnan(twin.departures(stack, level, spread))
    state = mosum.mosum_start(stack.shape[1:], window)
    limits = np.full(stack.shape[1:], 3.0)
    limits[0, 0] = np.nan
    for time, image in enumerate(stack):
        process, alarm, state = mosum.mosum_step(image, level, spread, state, limits, clip, in_place=time % 2 == 1)
        np.testing.assert_allclose(process, wanted[time], rtol=1e-5, atol=1e-5)
        judged = seen[time] & ~np.isnan(process) & ~np.isnan(limits)
        side = np.where(process > 3.0, 1, np.where(process < -3.0, 2, 0))
        np.testing.assert_array_equal(alarm, np.where(judged, side, 255))


def test_mosum_does_not_drift() -> None:
    rng = np.random.default_rng(5)
    stack = rng.normal(size=(5000, 1)) * np.where(np.arange(5000)[:, None] % 500 == 0, 1e30, 1.0)
    state = mosum.mosum_start((1,), np.array([7]))
    for image in stack:
        process, _, state = mosum.mosum_step(image, np.zeros(1), np.ones(1), state, 9.0, in_place=True)
    np.testing.assert_allclose(process, stack[-7:].astype(np.float32).sum() / np.sqrt(7), rtol=1e-6)


@unhurried
@given(stacks, st.sampled_from([1.5, 2.8]))
def test_ols_cusum_equals_its_twin(stack: Array, critical: float) -> None:
    level, spread = maps(stack)
    history = np.resize(np.array([1, 4, 3, 24, 2, 0]), stack.shape[1:])
    process, boundary = twin.ols_cusum(stack, level, spread, history, critical)
    seen = ~np.isnan(twin.departures(stack, level, spread)) & (history > 0)
    state = fluctuation.fluctuation_start(stack.shape[1:])
    for time, image in enumerate(stack):
        ours, alarm, state = fluctuation.ols_cusum_step(
            image, level, spread, history, state, critical, in_place=time % 2 == 1
        )
        np.testing.assert_allclose(ours, np.where(history > 0, process[time], 0.0), rtol=1e-6, atol=1e-6)
        np.testing.assert_array_equal(state.count, seen[: time + 1].sum(axis=0))
        clear = seen[time] & (np.abs(np.abs(process[time]) - boundary[time]) > 1e-4)
        side = np.where(np.abs(process[time]) < boundary[time], 0, np.where(process[time] > 0, 1, 2))
        np.testing.assert_array_equal(alarm[clear], side[clear])
        np.testing.assert_array_equal(alarm == 255, ~seen[time])


@unhurried
@given(stacks)
def test_regressions_equal_their_twins(stack: Array) -> None:
    design = DESIGN[: len(stack)]
    stack = np.round(np.where(stack > 1e30, np.nan, stack), 2)
    fit = recursive.history_fit(stack, design)
    coefficients, spread, count = twin.history_fit(stack, design)
    np.testing.assert_allclose(fit.spread, spread, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(fit.count, count)
    np.testing.assert_allclose(*(np.tensordot(design, c, 1) for c in (fit.coefficients, coefficients)), atol=1e-6)


@unhurried
@given(st.integers(0, 2**32), st.integers(3, 5), st.floats(0.0, 0.9))
def test_recursive_cusum_equals_its_twin(seed: int, initial: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    stack = rng.normal(size=(12, 2, 2))
    stack[rng.random(stack.shape) < missing] = np.nan
    design = DESIGN - [0.0, 0.0, 17006.0]
    ours = recursive.recursive_cusum(stack, design, initial)
    for place in np.ndindex(2, 2):
        index = (slice(None), *place)
        np.testing.assert_allclose(ours[index], twin.recursive_cusum(stack[index], design, initial), rtol=1e-7)


def test_regression_of_dependent_columns_is_nan() -> None:
    design = np.stack([np.ones(9), np.full(9, 0.1), np.arange(9.0)], axis=1)
    fit = recursive.history_fit(np.random.default_rng(0).normal(size=(9, 1)), design)
    assert np.isnan([*fit.spread, *fit.coefficients.ravel()]).all()


def test_monitors_equal_the_frozen_outputs_of_nrt(real_data: Any) -> None:
    """bfast's and strucchange's values, which nrt freezes: 100 dates of history, the rest monitored."""
    folder = real_data("oracles") / "nrt"
    design, stack = (np.genfromtxt(folder / f"{name}.csv", delimiter=",") for name in ("X", "y"))
    of_cusum, of_mosum = (np.genfromtxt(folder / f"{n}_result.csv", delimiter=",") for n in ("cusum", "mosum"))
    fit = recursive.history_fit(stack[:100], design[:100])
    np.testing.assert_array_equal(fit.count, of_cusum[2])
    np.testing.assert_allclose(fit.spread, of_cusum[3], rtol=1e-12)
    level, critical = design @ fit.coefficients, runlengths.ols_cusum_critical(0.05)
    sums = fluctuation.fluctuation_start((5,))
    for image, expected in zip(stack[100:], level[100:], strict=True):
        process, alarm, sums = fluctuation.ols_cusum_step(image, expected, fit.spread, fit.count, sums, critical)
    np.testing.assert_allclose(process, of_cusum[0], rtol=2e-6)
    boundary = twin.ols_cusum(stack[100:], level[100:], fit.spread, fit.count, critical)[1][-1]
    np.testing.assert_allclose(boundary, of_cusum[1], rtol=1e-6)
    judged = alarm != 255
    np.testing.assert_array_equal(alarm[judged], np.where(of_cusum[0] <= -of_cusum[1], 2, 0)[judged])
    window = fit.count // 4
    ring = mosum.mosum_start((5,), window)
    for image, expected in zip(stack, level, strict=True):
        process, _, ring = mosum.mosum_step(image, expected, fit.spread, ring, np.inf, in_place=True)
    np.testing.assert_allclose(process * np.sqrt(window / fit.count), of_mosum[0], rtol=2e-6)


def test_recursive_cusum_equals_the_frozen_output_of_strucchange(real_data: Any) -> None:
    folder = real_data("oracles") / "nrt"
    design, stack = (np.genfromtxt(folder / f"{name}.csv", delimiter=",")[::-1] for name in ("X", "y"))
    # strucchange was given the intercept twice, so it began to foretell one date later than the terms need
    process = recursive.recursive_cusum(stack, design, initial=6)
    first = process[:, 0][~np.isnan(process[:, 0])]
    np.testing.assert_allclose(first, np.loadtxt(folder / "efp_result.csv")[1:], rtol=1e-9, atol=1e-11)
    for series, wanted in zip(process.T, np.loadtxt(folder / "roc_history_result.csv"), strict=True):
        values = np.r_[0.0, series[~np.isnan(series)]]
        beyond = np.abs(values) > 0.9478982340418134 * (1.0 + 2.0 * np.arange(values.size) / (values.size - 1))
        assert (values.size - beyond.argmax() + 1 if beyond.any() else 1) == wanted


@unhurried
@given(stacks)
def test_reactiv_equals_its_twin(stack: Array) -> None:
    stack = np.where(stack > 1e30, np.nan, stack)
    found = reactiv.reactiv(stack, 4.4)
    cv, score, count, brightest = twin.reactiv(stack, 4.4)
    # the variance is a difference: of amplitudes that are all one it is zero to rounding only
    atol = 1e-3 if stack.dtype == np.float32 else 1e-7
    np.testing.assert_allclose(found.cv, cv, rtol=1e-5, atol=atol)
    np.testing.assert_allclose(found.score, score, rtol=1e-4, atol=30 * atol + 1e-5)
    np.testing.assert_array_equal(found.count, count)
    np.testing.assert_array_equal(found.brightest, brightest)


def test_expected_variation_and_its_deviation() -> None:
    """The deviation is the root of the published bracket; the series of gamma functions meets the functions."""
    for looks, wanted in ((1.0, 0.5227232), (4.4, 0.2415282), (4.9, 0.2285877)):
        assert reactiv.expected_variation(looks) == pytest.approx(wanted, abs=5e-8)
    for looks, wanted in ((1.0, 0.3713), (4.4, 0.1707)):
        np.testing.assert_allclose(reactiv.variation_deviation(looks, [1, 25]), [wanted, wanted / 5.0], rtol=4e-4)
    assert reactiv.expected_variation(20.0 - 1e-9) == pytest.approx(reactiv.expected_variation(20.0), rel=1e-9)
    assert reactiv.variation_deviation(1e6, 1) == pytest.approx(np.sqrt(1 / 8e6), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("looks", [1.0, 4.4, 4.9])
def test_simulated_variation_has_the_mean_and_deviation_calculated(looks: float) -> None:
    stack = np.random.default_rng(3).gamma(looks, 1.0 / looks, (400, 20000))
    found = reactiv.reactiv(stack, looks)
    assert found.cv.mean() == pytest.approx(reactiv.expected_variation(looks), rel=0.01)
    assert found.score.std() == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda one: cusum.cusum_step(one, one[:0], one, cusum.cusum_start((1,))), "must have one shape"),
        (lambda one: cusum.cusum_step(one, one, one, cusum.cusum_start((2,))), "state.above must be float32 of shape"),
        (lambda one: cusum.cusum_step(one.astype(int), one, one, cusum.cusum_start((1,))), "must be float32 or"),
        (lambda one: cusum.cusum_step(one, one, one, cusum.cusum_start((1,)), h=0.0), "a CUSUM needs"),
        (lambda one: cusum.cusum_step(one, one, one, cusum.cusum_start((1,)), clip=np.nan), "clip must be positive"),
        (lambda one: mosum.mosum_start((1,), 1.5), "whole numbers"),
        (lambda one: mosum.mosum_start((1,), [1, 2]), "whole numbers"),
        (lambda one: mosum.mosum_start((1,), 0), "not in 1..32767"),
        (lambda one: mosum.mosum_step(one, one, one, mosum.mosum_start((1,), 1), np.ones(2)), "boundary must be"),
        (lambda one: mosum.mosum_step(one, one, one, too_wide(), 1.0), "must fit the ring"),
        (lambda one: fluctuation.ols_cusum_step(one, one, one, one, sums(), 3.0), "history must be int16"),
        (lambda one: fluctuation.ols_cusum_step(one, one, one, np.array(3), sums(), 3.0), "history must have shape"),
        (lambda one: fluctuation.ols_cusum_step(one, one, one, np.array([3]), sums(), 0.0), "critical must be"),
        (lambda one: recursive.history_fit(one, [[1.0], [1.0]]), "design must have shape"),
        (lambda one: recursive.history_fit(one[0], [[1.0]]), "time axis"),
        (lambda one: recursive.recursive_cusum(one, [[1.0, 2.0]], 1), "initial must be at least"),
        (lambda one: reactiv.reactiv(one, 0.0), "looks must be positive"),
        (lambda one: reactiv.reactiv(one[0], 4.4), "time axis"),
        (lambda one: reactiv.variation_deviation(4.4, [3, 0]), "dates must be positive"),
    ],
)
def test_bad_input_is_refused(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call(np.ones(1))


def sums() -> fluctuation.FluctuationState:
    return fluctuation.fluctuation_start((1,))


def too_wide() -> mosum.MosumState:
    state = mosum.mosum_start((1,), 2)
    state.window[0] = 3
    return state
