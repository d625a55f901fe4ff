"""Monitors with calibrated run lengths: published and simulated run lengths, and `monitor` on a stack of scenes."""

import numpy as np
import pytest
import xarray as xr

import berthwatch as bw
from berthwatch import runlengths
from berthwatch.kernels import cusum, fluctuation, mosum

PIXELS = 20000


@pytest.mark.parametrize(("h", "shift", "wanted"), [(4.0, 0.0, 168.0), (5.0, 0.0, 465.0), (5.0, 1.0, 10.4)])
def test_cusum_run_lengths_are_the_published_ones(h: float, shift: float, wanted: float) -> None:
    assert runlengths.cusum_run_length(0.5, h, shift=shift) == pytest.approx(wanted, rel=0.005)


@pytest.mark.parametrize("clip", [1.5, 2.0, 3.0, np.inf])
def test_limits_give_the_run_lengths_they_were_made_for(clip: float) -> None:
    assert runlengths.cusum_run_length(0.5, runlengths.cusum_limit(0.5, 465.0, clip), clip) == pytest.approx(
        465, rel=0.01
    )


@pytest.mark.parametrize("clip", [1.5, np.inf])
def test_boundaries_give_the_run_lengths_they_were_made_for(clip: float) -> None:
    limit = runlengths.mosum_limit(6, 465.0, clip)
    assert runlengths.mosum_run_length(6, limit, clip) == pytest.approx(465, rel=0.01)


def test_clipping_lengthens_runs_and_a_high_clip_does_nothing() -> None:
    for lengths in (
        [runlengths.cusum_run_length(0.5, 4.0, clip) for clip in (1.5, 2.0, 3.0, 9.0, np.inf)],
        [runlengths.mosum_run_length(6, 2.5, clip) for clip in (1.5, 2.0, 3.0, 9.0, np.inf)],
    ):
        assert lengths == sorted(lengths, reverse=True)
        assert lengths[3] == pytest.approx(lengths[4], rel=1e-6)


@pytest.mark.parametrize("h", [2.5, 3.0, 4.5])
def test_a_moving_sum_of_one_date_runs_as_shewharts_chart(h: float) -> None:
    exact = 1.0 / (2.0 * runlengths.ndtr(-h))
    assert runlengths.mosum_run_length(1, h) == pytest.approx(exact, rel=0.02)


def test_run_lengths_out_of_reach() -> None:
    assert runlengths.mosum_run_length(2, 0.01) < 5.0
    assert runlengths.mosum_run_length(4, 1.96, 1.0) == pytest.approx(618.0, rel=0.03)  # simulated, 20000 pixels
    assert runlengths.mosum_run_length(4, 39.0) == np.inf
    assert runlengths.mosum_run_length(50, 30.0) > 1e100


@pytest.mark.parametrize(
    ("method", "values", "said"),
    [
        ("cusum_run_length", (0.5, 4.0, 0.5), "clip > k"),
        ("cusum_run_length", (40.0, 9.0), "longer than"),
        ("cusum_limit", (0.5, 2.0), "runs only 2"),
        ("cusum_limit", (0.01, 1e9), "no limit up to"),
        ("mosum_run_length", (0, 3.0), "needs a window"),
        ("mosum_run_length", (4, 3.0, 1.5), "needs a window"),
        ("mosum_limit", (4, 465.0, 0.0), "needs a window"),
        ("mosum_limit", (4, 1.0), "no boundary"),
        ("ols_cusum_critical", (0.0,), "alpha not in"),
    ],
)
def test_bad_input_is_refused(method: str, values: tuple[float, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        getattr(runlengths, method)(*values)


@pytest.mark.slow
@pytest.mark.parametrize(("clip", "shift"), [(np.inf, 0.0), (2.0, 0.0), (1.5, 0.0), (1.5, 0.7)])
def test_simulated_cusum_runs_are_as_long_as_calculated(clip: float, shift: float) -> None:
    rng, total, running = np.random.default_rng(11), 0, np.ones(PIXELS, bool)
    state, level, spread = cusum.cusum_start((PIXELS,)), np.zeros(PIXELS), np.ones(PIXELS)
    h = runlengths.cusum_limit(0.5, 300.0, clip)
    while running.any():
        total += int(running.sum())
        image = rng.normal(shift, 1.0, PIXELS)
        alarm, state = cusum.cusum_step(image, level, spread, state, h=h, clip=clip, in_place=True)
        running &= alarm == 0
    wanted = 300.0 if shift == 0.0 else runlengths.cusum_run_length(0.5, h, clip, shift)
    assert total / PIXELS == pytest.approx(wanted, rel=0.03)


@pytest.mark.slow
@pytest.mark.parametrize(("window", "clip"), [(5, np.inf), (5, 1.5), (20, np.inf), (20, 2.0)])
def test_simulated_moving_sums_run_as_long_as_calculated(window: int, clip: float) -> None:
    rng, total, running = np.random.default_rng(12), 0, np.ones(PIXELS, bool)
    state, level, spread = mosum.mosum_start((PIXELS,), window), np.zeros(PIXELS), np.ones(PIXELS)
    limit = runlengths.mosum_limit(window, 300.0, clip)
    while running.any():
        total += int(running.sum())
        _, alarm, state = mosum.mosum_step(rng.normal(size=PIXELS), level, spread, state, limit, clip, in_place=True)
        running &= (alarm == 0) | (alarm == 255)
    assert total / PIXELS == pytest.approx(300.0, rel=0.05)


@pytest.mark.slow
def test_the_ols_cusum_boundary_is_seldom_crossed() -> None:
    """A Brownian bridge goes on to cross it with a chance of .05 in all time; within twenty histories, with less."""
    rng, crossed, history = np.random.default_rng(13), np.zeros(PIXELS, bool), np.full(PIXELS, 50)
    state, critical = fluctuation.fluctuation_start((PIXELS,)), runlengths.ols_cusum_critical(0.05)
    level, spread = rng.normal(0.0, 1.0 / np.sqrt(50.0), PIXELS), np.ones(PIXELS)
    for _ in range(1000):
        image = rng.normal(size=PIXELS)
        _, alarm, state = fluctuation.ols_cusum_step(image, level, spread, history, state, critical, in_place=True)
        crossed |= np.isin(alarm, (1, 2))
    assert 0.01 < crossed.mean() < 0.055


@pytest.mark.parametrize("window", [None, 4])
def test_monitor_finds_what_rose_and_goes_on_where_it_ended(window: int | None) -> None:
    rng = np.random.default_rng(2)
    background = rng.normal(-15.0, 2.0, (300, 3, 4))
    stack = rng.normal(-15.0, 2.0, (20, 3, 4))
    stack[8:, 1, 1] += 12.0
    stack[8:, 2, 3] -= 12.0
    stack[5] = np.nan
    whole = bw.monitor(stack, background, 20000, window=window)
    assert isinstance(whole.alarm, np.ndarray)
    assert whole.alarm[-1, 1, 1] == 1
    assert whole.alarm[-1, 2, 3] == 2
    assert (whole.alarm[5] == 255).all()
    found = np.isin(whole.alarm, (1, 2)).any(axis=0)
    assert found.sum() == 2
    begun = bw.monitor(stack[:7], background, 20000, window=window)
    kept = [np.array(getattr(begun.state, name)) for name in type(begun.state).__slots__]
    rest = bw.monitor(
        xr.DataArray(stack[7:], dims=("time", "y", "x")), background, 20000, window=window, state=begun.state
    )
    assert isinstance(rest.alarm, xr.DataArray)
    np.testing.assert_array_equal(np.concatenate([begun.alarm, rest.alarm]), whole.alarm)
    for name, before in zip(type(begun.state).__slots__, kept, strict=True):
        np.testing.assert_array_equal(getattr(begun.state, name), before)
    assert rest.limit == whole.limit


def test_monitor_refuses_what_does_not_fit() -> None:
    quiet, state = np.zeros((3, 2)), cusum.cusum_start((2,))
    for stack, window in ((np.zeros((3, 3)), None), (np.zeros(()), None), (quiet, 4)):
        with pytest.raises(ValueError, match="monitor: "):
            bw.monitor(stack, quiet, 465.0, window=window, state=state)
