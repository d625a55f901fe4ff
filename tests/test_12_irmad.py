"""IR-MAD: its twin, an outside reference, what it is indifferent to, what it finds, and how often it is wrong."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

import berthwatch as bw
from berthwatch.kernels import reference_irmad as twin
from berthwatch.kernels.irmad import irmad, spread_seen

Array = npt.NDArray[Any]
unhurried = settings(deadline=None, max_examples=40)  # the first call compiles


def scenes(seed: int, bands: int, pixels: int, noise: float = 0.3) -> tuple[Array, Array]:
    """Bands that hang together, seen twice, the second time mixed, with other gains and offsets, and noisier."""
    rng = np.random.default_rng(seed)
    before = (np.eye(bands) + 0.5 * rng.uniform(size=(bands, bands))) @ rng.normal(size=(bands, pixels))
    spread = noise * np.linspace(0.5, 1.5, bands)[:, None]
    after = np.linspace(1, 3, bands)[:, None] * (before + spread * rng.normal(size=before.shape)) + 40
    return before, after


def changed_scenes(seed: int) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Of four bands, with another cover on one pixel in twenty."""
    before, after = scenes(seed, 4, 10_000)
    changed = np.zeros(10_000, np.bool_)
    changed[2_000:2_500] = True
    after[:, changed] += np.array([1.5, -1.0, 2.0, 0.5])[:, None]
    after[:, changed] += 3 * np.random.default_rng(seed + 1).normal(size=(4, 500))
    return before, after, changed


def auc(score: Array, truth: npt.NDArray[np.bool_]) -> float:
    """How often a changed pixel's score is above an unchanged one's."""
    count = int(truth.sum())
    return float((rankdata(score)[truth].sum() - count * (count + 1) / 2) / (count * (truth.size - count)))


@unhurried
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 5),
    st.integers(300, 1500),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([1, 2, 50]),
)
def test_irmad_is_its_twins(seed: int, bands: int, pixels: int, dtype: type, penalty: float, iterations: int) -> None:
    before, after = (image.astype(dtype) for image in scenes(seed, bands, pixels))
    gappy = before.copy()
    gappy[seed % bands, ::7] = np.nan
    seen = np.isfinite(gappy).all(axis=0)
    ours = irmad(gappy, after, iterations, penalty)
    variates, correlations, z, done = twin.irmad(before[:, seen], after[:, seen], iterations, penalty)
    assert ours.iterations == done
    np.testing.assert_allclose(ours.correlations, correlations, rtol=1e-7)
    np.testing.assert_allclose(ours.z[seen], z, rtol=1e-5, atol=1e-6)
    assert np.isnan(ours.z[~seen]).all()
    assert np.isnan(ours.p[~seen]).all()
    assert np.isnan(ours.variates[:, ~seen]).all()
    if bands == 1 or -np.diff(correlations).max() > 0.01:  # of equal ones, any rotation is as good
        np.testing.assert_allclose(ours.variates[:, seen].std(axis=1), variates.std(axis=1), rtol=1e-4)


@pytest.mark.parametrize("bands", [1, 2, 3, 4, 13])
def test_the_spread_seen_is_the_integral(bands: int) -> None:
    assert spread_seen(bands) == pytest.approx(twin.spread_seen(bands), abs=1e-7)


def waves() -> tuple[Array, Array]:
    t = np.arange(400.0)
    before = np.stack([np.sin(t), np.cos(1.7 * t), np.sin(0.3 * t * t)])
    after = np.stack([2 * before[0] + before[1], before[1] - before[2], before[2]])
    after += 0.2 * np.sin(np.outer([5.1, 7.3, 11.9], t * t)) + 4
    after[:, 100:106] += 2
    return before, after


@pytest.mark.parametrize(
    ("penalty", "correlations", "z", "variates"),
    [
        (
            0.0,
            [0.9975083116, 0.9954710786, 0.9522427049],
            [0.2465075421, 4.907948143, 719.8513367, 9.197230248],
            [[-0.0139817400, -1.434280259], [0.0218220828, -0.2445278716], [0.1215592606, -5.356952304]],
        ),
        (
            0.05,
            [0.9973372235, 0.9956419550, 0.9559624327],
            [1.756178045, 3.419215147, 699.8442866, 11.83217217],
            [[-0.0682451484, -1.712558420], [0.0529167069, 0.0291216266], [0.2496883787, -4.665790306]],
        ),
    ],
)
def test_four_rounds_as_published_give_what_cantys_algorithm_gives(
    penalty: float, correlations: list[float], z: list[float], variates: list[list[float]]
) -> None:
    """Numbers of the algorithm of iMad.py (github.com/mortcanty/CRC4Docker), run in double precision throughout."""
    found = irmad(*waves(), 4, penalty, as_published=True)
    np.testing.assert_allclose(found.correlations, correlations, rtol=1e-8)
    np.testing.assert_allclose(found.z[[0, 50, 103, 119]], z, rtol=1e-6)
    np.testing.assert_allclose(found.variates[:, [0, 103]], variates, atol=1e-6)


@unhurried
@given(st.integers(0, 2**32 - 1), st.floats(-1e3, 1e3), st.sampled_from([1e-3, 1.0, 1e4]))
def test_mixing_either_images_bands_changes_nothing(seed: int, offset: float, gain: float) -> None:
    before, after, _ = changed_scenes(3)
    rng = np.random.default_rng(seed)
    mixing = np.linalg.qr(rng.normal(size=(4, 4)))[0] * rng.uniform(0.3, 3.0, 4) * gain
    plain = irmad(before, after)
    for pair in ((mixing @ before + offset, after), (before, mixing @ after + offset)):
        mixed = irmad(*pair)
        assert mixed.iterations == plain.iterations
        np.testing.assert_allclose(mixed.correlations, plain.correlations, rtol=1e-8)
        np.testing.assert_allclose(mixed.z, plain.z, rtol=1e-4, atol=1e-6)


def test_variates_have_the_signs_that_are_said() -> None:
    before, after = waves()
    found = irmad(before, after, 1)
    assert (np.diff(found.correlations) < 0).all()
    assert (found.correlations > 0).all()
    swapped = irmad(-before, after, 1)
    np.testing.assert_allclose(swapped.variates, -found.variates, atol=1e-9)
    np.testing.assert_allclose(found.variates.var(axis=1, ddof=1), 2 * (1 - found.correlations), rtol=1e-9)


def test_change_is_found_and_the_reweighting_finds_more() -> None:
    for seed in range(5):
        before, after, changed = changed_scenes(seed)
        plain, reweighted = irmad(before, after, 1), irmad(before, after)
        assert reweighted.converged
        assert auc(reweighted.z, changed) > 0.97
        assert auc(reweighted.z, changed) > auc(plain.z, changed)
        found = [(each.p[changed] < 0.01).mean() for each in (reweighted, plain)]
        assert found[0] > found[1]
        assert (reweighted.p[~changed] < 0.01).mean() < 0.015


def test_as_published_calls_much_of_nothing_a_change() -> None:
    images = scenes(5, 4, 20_000)
    assert (irmad(*images, as_published=True).p < 0.05).mean() > 0.2
    assert (irmad(*images).p < 0.05).mean() == pytest.approx(0.05, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("bands", [1, 3, 6])
def test_size_is_what_it_says(bands: int) -> None:
    p = np.concatenate([irmad(*scenes(seed, bands, 40_000)).p for seed in range(20)])
    for level in (0.05, 0.01, 0.001):
        assert (p < level).mean() == pytest.approx(level, rel=0.1)


def test_images_with_names_keep_them() -> None:
    before, after = (image.reshape(3, 20, 20) for image in waves())
    counts = np.round(1000 * before + 2000).astype(np.uint16)
    counts[1, 2, 3] = 0
    named = xr.DataArray(counts, dims=("band", "y", "x"), coords={"x": np.arange(20.0), "band": list("bgr")})
    found = bw.irmad(named, after, nodata=0)
    wanted = bw.irmad(np.where(counts == 0, np.nan, counts), after)
    assert isinstance(found, xr.Dataset)
    assert found["variates"].dims == ("variate", "y", "x")
    assert found["z"].dims == ("y", "x")
    assert "x" in found.coords
    assert "band" not in found.coords
    assert np.argwhere(np.isnan(found["p"].values)).tolist() == [[2, 3]]
    for name in ("variates", "correlations", "z", "p"):
        np.testing.assert_array_equal(found[name].values, getattr(wanted, name))
    assert found.attrs == {"iterations": wanted.iterations, "converged": wanted.converged}


BEFORE, AFTER = waves()
CUBE = BEFORE.reshape(3, 20, 20)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: irmad(BEFORE.astype(np.int16), AFTER), "before must be float32 or float64: int16"),
        (lambda: irmad(BEFORE, AFTER[:2]), "before and after must be (bands, ...) of one shape: (3, 400) and (2, 400)"),
        (lambda: irmad(BEFORE[:0], AFTER[:0]), "before and after must be (bands, ...) of one shape"),
        (lambda: irmad(BEFORE, AFTER, 0), "iterations must be above 0: 0"),
        (lambda: irmad(BEFORE, AFTER, penalty=1.0), "penalty not in 0..1: 1.0"),
        (lambda: irmad(BEFORE[:, :6], AFTER[:, :6]), "3 bands need more than 6 pixels that are seen in both images"),
        (lambda: irmad(BEFORE * np.nan, AFTER), "each counted by how likely it is unchanged: 0"),
        (lambda: irmad(BEFORE, AFTER * [[1], [0], [1]]), "after has a band that is constant where seen: 1"),
        (lambda: irmad(BEFORE[[0, 1, 0]], AFTER), "before has bands that are linear combinations of each other"),
        (lambda: irmad(BEFORE, 2 * BEFORE[::-1] + 1), "before and after are each other's linear transformation"),
        (lambda: bw.irmad(BEFORE, AFTER), "irmad: expected an image (band, y, x) as `before`, got 2 dimensions"),
        (lambda: bw.irmad(CUBE, CUBE[:2]), "irmad: expected two images of one shape, got (3, 20, 20) and (2, 20, 20)"),
    ],
)
def test_wrong_input_is_named_and_echoed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_a_penalty_lets_dependent_bands_through() -> None:
    assert np.isfinite(irmad(BEFORE[[0, 1, 0]], AFTER, penalty=0.01).z).all()
