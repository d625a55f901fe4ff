"""The blurred step and the profile's normal equations equal their twins, SciPy's integrals and plain differences."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.kernels import reference
from berthwatch.kernels.edge import blurred_step
from berthwatch.kernels.profile import LEVELS, SHAPES, Strip, profile_normals

Array = npt.NDArray[Any]
unhurried = settings(deadline=None, max_examples=40)
SMALL = 1e-5


def step(x: float, width: float, pixel: Array, corrections: Array) -> Array:
    out = np.empty(6)
    blurred_step(x, width, pixel, *corrections, out)
    return out


@unhurried
@given(
    st.floats(-6, 6), st.floats(0.5, 2.0), st.floats(0.05, 1.5), st.floats(0.05, 1.5), st.integers(0, 10**6)
)  # fmt: skip
def test_the_step_equals_its_twin_and_its_slopes_are_differences(
    x: float, width: float, one: float, other: float, seed: int
) -> None:
    pixel, corrections = np.array([one, other]), np.random.default_rng(seed).normal(0.0, 0.02, 3)
    found = step(x, width, pixel, corrections)
    assert found[0] == pytest.approx(reference.blurred_step(x, width, pixel, corrections), abs=1e-6)
    ahead, behind = (step(x + sign * SMALL, width, pixel, corrections)[0] for sign in (1, -1))
    assert found[1] == pytest.approx((ahead - behind) / (2 * SMALL), abs=1e-5)
    ahead, behind = (step(x, width * np.exp(sign * SMALL), pixel, corrections)[0] for sign in (1, -1))
    assert found[2] == pytest.approx((ahead - behind) / (2 * SMALL), abs=1e-5)


@pytest.mark.parametrize(
    ("x", "width", "pixel", "value"),
    [
        (0.3, 0.4, (0.5, 0.2), 0.71939749432),
        (-0.8, 0.05, (1.5, 0.06), 0.23333333333),
        (1.1, 1.2, (1.0, 1.0), 0.77420749333),
    ],
)
def test_the_step_equals_frozen_integrals(x: float, width: float, pixel: tuple[float, float], value: float) -> None:
    """scipy.integrate.dblquad of scipy.stats.norm.cdf over the pixel, SciPy 1.16."""
    assert step(x, width, np.array(pixel), np.zeros(3))[0] == pytest.approx(value, abs=1e-9)


def case(seed: int) -> tuple[Strip, Array, Array, Array, Array]:
    """Two bands and two segments of random pixels, weights, shape, levels and slots."""
    rng, pixels = np.random.default_rng(seed), 16
    strip = Strip(
        rng.uniform(-8.0, 14.0, pixels), rng.uniform(-6.0, 6.0, pixels), np.sort(rng.integers(0, 2, pixels)),
        rng.normal(size=(2, pixels)), rng.normal(0.0, 0.5, (2, 2)), 0.2, 1.3, np.array([1.3, 0.5]),
    )  # fmt: skip
    shape = rng.normal(0.0, 0.05, SHAPES + 2 + 4)
    shape[-2:] = rng.uniform(1.0, 5.0, 2)
    shape[0], shape[1] = rng.uniform(-0.3, 0.5), rng.uniform(-1.5, -0.3)
    levels, slot = rng.normal(size=(2, LEVELS + 2)), rng.integers(0, 2, 2)
    return strip, rng.uniform(0.0, 2.0, (2, pixels)), shape, levels, slot


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 10**6))
def test_normal_equations_are_those_of_the_models_differences(seed: int) -> None:
    strip, weights, shape, levels, slot = case(seed)
    found = profile_normals(strip, weights, shape, levels, slot)
    model = reference.profile_model(strip, shape, levels, slot)
    np.testing.assert_allclose(found.residual, strip.values - model, rtol=0, atol=1e-5)
    assert found.misfit == pytest.approx(float((weights * (strip.values - model) ** 2).sum()), rel=1e-4)

    def moved(place: int, by: float) -> Array:
        here = shape.copy()
        here[place] += by
        return reference.profile_model(strip, here, levels, slot)

    slopes = np.stack([(moved(n, 1e-4) - moved(n, -1e-4)) / 2e-4 for n in range(shape.size)])
    np.testing.assert_allclose(found.shape_slope, (slopes * weights * found.residual).sum(axis=(1, 2)), atol=2e-3)
    np.testing.assert_allclose(found.shapes, np.einsum("ikp,jkp,kp->ij", slopes, slopes, weights), atol=5e-3)
    for band in range(2):
        basis = np.stack([_by_level(strip, shape, levels, slot, band, m) for m in range(levels.shape[1])])
        np.testing.assert_allclose(found.levels[band], (basis * weights[band]) @ basis.T, atol=2e-3)
        np.testing.assert_allclose(found.level_slope[band], basis @ (weights[band] * found.residual[band]), atol=2e-3)
        np.testing.assert_allclose(found.cross[band], (slopes[:, band] * weights[band]) @ basis.T, atol=5e-3)


def _by_level(strip: Strip, shape: Array, levels: Array, slot: Array, band: int, place: int) -> Array:
    """What one more of a level adds to a band: the model is linear in it."""
    more = levels.copy()
    more[band, place] += 1.0
    change: Array = reference.profile_model(strip, shape, more, slot)[band]
    return change - reference.profile_model(strip, shape, levels, slot)[band]
