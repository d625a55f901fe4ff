"""Change between two images: found where it is, in any unit, and nowhere when there is none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.io import imread

import berthwatch as bw

PAIRS = ("bern", "farmland", "inland_water", "ottawa", "san_francisco_v2", "sulzberger1", "yellow_river")
CHANGED = np.zeros((120, 140), np.bool_)
CHANGED[40:70, 30:90] = True
FEW = np.zeros((300, 300), np.bool_)
FEW[100:110, 60:120] = FEW[200:206, 200:240] = True

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


def pair(looks: float, factor: float, changed: NDArray[np.bool_] = CHANGED, level: float = 100.0) -> Pair:
    """Two intensity images with independent gamma speckle, one of them `factor` times as bright in part."""
    rng = np.random.default_rng(7)
    before, after = rng.gamma(looks, level / looks, (2, *changed.shape))
    return before, np.where(changed, factor * after, after)


def kappa(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Cohen's: agreement beyond that of two maps that have these shares by chance."""
    agreed, chance = (found == truth).mean(), found.mean() * truth.mean() + (1 - found.mean()) * (1 - truth.mean())
    return float((agreed - chance) / (1 - chance))


@pytest.mark.parametrize(("looks", "factor", "least"), [(1, 10, 0.9), (4, 3, 0.93), (4, 1 / 3, 0.93), (20, 1.8, 0.95)])
def test_a_changed_field_is_found(looks: float, factor: float, least: float) -> None:
    assert kappa(bw.change_pair(*pair(looks, factor)), CHANGED) >= least


@pytest.mark.parametrize("looks", [1, 4, 20])
def test_where_nothing_changed_nothing_is_found(looks: float) -> None:
    before, after = pair(looks, 1.0)
    assert bw.change_pair(before, after).mean() < 0.001
    assert not bw.change_pair(before, before).any()


def test_one_per_cent_of_change_on_dark_water_in_8_bit_is_found() -> None:
    before, after = pair(1, 100, FEW, level=9.0)
    eight_bit = [np.round(np.sqrt(image)).clip(0, 255).astype(np.uint8) for image in (before, after)]
    assert FEW.mean() < 0.01
    assert kappa(bw.change_pair(*eight_bit), FEW) > 0.9


@settings(max_examples=10, deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e3))
def test_units_and_gains_do_not_matter(unit: float, gain: float) -> None:
    before, after = pair(4, 3)
    found = bw.change_pair(unit * before, unit * gain * after)
    assert (found == bw.change_pair(before, after)).mean() > 0.999


def test_the_order_does_not_matter() -> None:
    before, after = pair(4, 3)
    assert np.array_equal(bw.change_pair(before, after), bw.change_pair(after, before))


def test_what_was_not_seen_is_not_changed_and_hides_nothing_else() -> None:
    before, after = pair(4, 3)
    before[:20], after[:, 120:] = np.nan, np.nan
    found = bw.change_pair(before, after)
    assert not found[:20].any()
    assert not found[:, 120:].any()
    assert kappa(found, CHANGED) > 0.9
    assert not bw.change_pair(np.full((9, 9), np.nan), np.ones((9, 9))).any()


def test_stated_looks_are_taken() -> None:
    before, after = pair(4, 3)
    assert kappa(bw.change_pair(before, after, looks=4), CHANGED) > 0.93


def test_an_array_with_coordinates_keeps_them() -> None:
    before, after = (xr.DataArray(image, dims=("y", "x"), coords={"y": np.arange(120)}) for image in pair(4, 3))
    found = bw.change_pair(before, after)
    assert found.dtype == bool
    assert found["y"].equals(before["y"])
    assert np.array_equal(found.values, bw.change_pair(before.values, after.values))


@pytest.mark.parametrize(
    ("before", "after", "looks", "words"),
    [
        (np.ones((4, 5)), np.ones((5, 4)), None, r"one shape, got \(4, 5\) and \(5, 4\)"),
        (np.ones(5), np.ones(5), None, "got 1 dimensions"),
        (np.ones((4, 5)), np.full((4, 5), -12.0), None, "decibels"),
        (np.full((4, 5), np.inf), np.ones((4, 5)), None, "from 0 up in `before`"),
        (np.ones((4, 5)), np.ones((4, 5)), 0.0, "looks above 0, got 0"),
    ],
)
def test_bad_images_are_refused(
    before: NDArray[np.float64], after: NDArray[np.float64], looks: float | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        bw.change_pair(before, after, looks=looks)


def test_seven_real_pairs(real_data: Callable[[str], Path]) -> None:
    found = {}
    for name in PAIRS:
        images = [imread(real_data("sar-change") / name / f"{which}.png") for which in ("t1", "t2", "gt")]
        before, after, truth = (image.reshape(*image.shape[:2], -1)[..., 0] for image in images)
        found[name] = kappa(bw.change_pair(before, after), truth > 127)
    assert np.mean(list(found.values())) >= 0.86
    assert min(found.values()) >= 0.77
