"""Water's brightness: thresholds keep their false-alarm rate, and vessels or clouds among the water do not move it."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from berthwatch.clutter import Clutter, clutter, equivalent_looks, gamma_threshold, optical_clutter, sar_clutter

LEVEL = 0.02
PIXELS = 40_000


def speckle(looks: float, size: int, seed: int = 0) -> NDArray[np.float64]:
    return LEVEL * np.random.default_rng(seed).gamma(looks, 1 / looks, size)


def with_ships(water: NDArray[np.float64], share: float, times: float = 100) -> NDArray[np.float64]:
    mixed = water.copy()
    mixed[: int(share * water.size)] *= times
    return mixed


def looks_of(found: Clutter) -> float:
    return float((found.level / found.spread) ** 2)


@pytest.mark.parametrize("looks", [1.0, 4.4, 15.0])
def test_gamma_threshold_is_exceeded_as_often_as_stated(looks: float) -> None:
    draws = stats.gamma.rvs(looks, scale=1 / looks, size=2_000_000, random_state=7)
    assert np.mean(draws > gamma_threshold(looks, 1e-3)) == pytest.approx(1e-3, rel=0.1)


@pytest.mark.parametrize("looks", [1, 2, 4.4, 8, 15, 20])
def test_looks_of_clean_water_are_found(looks: float) -> None:
    assert equivalent_looks(speckle(looks, PIXELS)) == pytest.approx(looks, rel=0.1)


@pytest.mark.parametrize("looks", [1, 2, 4.4, 8, 15, 20])
def test_looks_are_found_with_ships_on_3_percent_of_the_water(looks: float) -> None:
    found = sar_clutter(with_ships(speckle(looks, PIXELS), 0.03), None)
    assert looks_of(found) == pytest.approx(looks, rel=0.1)
    assert found.bright_share == pytest.approx(0.03, abs=0.005)


@pytest.mark.parametrize("looks", [1, 4.4, 15])
@pytest.mark.parametrize("share", [0.01, 0.03, 0.05])
def test_ships_among_the_water_change_its_level_by_less_than_5_percent(looks: float, share: float) -> None:
    assert sar_clutter(with_ships(speckle(looks, PIXELS), share), None).level == pytest.approx(LEVEL, rel=0.05)


@pytest.mark.parametrize("looks", [1.0, 4.4, 15.0])
def test_textured_water_has_fewer_looks_and_seldom_exceeds_its_threshold(looks: float) -> None:
    rng = np.random.default_rng(3)
    textured = speckle(looks, 1_000_000) * rng.gamma(3, 1 / 3, 1_000_000)
    found = sar_clutter(textured, looks)
    assert looks_of(found) < looks
    assert np.mean((textured - found.level) / found.spread > found.threshold) < 1e-4


def test_stated_looks_are_an_upper_limit_only() -> None:
    water = speckle(4.4, PIXELS)
    assert looks_of(sar_clutter(water, 2.0)) == pytest.approx(2.0)
    assert looks_of(sar_clutter(water, 50.0)) == pytest.approx(4.4, rel=0.1)


def test_clear_speckle_is_practically_never_bright() -> None:
    found = sar_clutter(speckle(4.4, 1_000_000), 4.4)
    assert found.bright_share < 1e-5
    assert found.pixels == 1_000_000


def test_clouds_on_15_percent_of_optical_water_do_not_hide_it() -> None:
    rng = np.random.default_rng(5)
    water = rng.normal(0.03, 0.006, PIXELS)
    clouded = water.copy()
    clouded[: int(0.15 * PIXELS)] += rng.uniform(0.1, 0.5, int(0.15 * PIXELS))
    found = optical_clutter(clouded)
    assert found.level == pytest.approx(0.03, abs=0.002)
    assert found.spread == pytest.approx(0.006, rel=0.3)
    assert found.bright_share == pytest.approx(0.15, abs=0.01)


def test_optical_water_without_noise_still_has_the_spread_of_a_sensor() -> None:
    found = clutter(np.full(500, 0.02), "optical", None)
    assert (found.level, found.bright_share) == (0.02, 0.0)
    assert found.spread > 0


def test_scaling_a_sar_scene_scales_its_level_and_spread_only() -> None:
    water = speckle(4.4, PIXELS)
    one, hundred = clutter(water, "sar", 4.4), clutter(100 * water, "sar", 4.4)
    assert hundred.level == pytest.approx(100 * one.level)
    assert hundred.spread == pytest.approx(100 * one.spread)
    assert hundred.threshold == pytest.approx(one.threshold)
