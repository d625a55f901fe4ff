"""How well sources measure hulls: scatter is learned between looks, the common error only as far as sizes tell it."""

import numpy as np
import pandas as pd
import pytest

from berthwatch.sizes import BIAS_M, BIAS_SIGMA_M, BIASES, SIGMA_M, draw_biases_m, size_log_likelihood, size_sigma_m
from berthwatch.vessel import candidates

KINDS = {"daily": "optical"}
LENGTHS = np.linspace(70.0, 120.0, 6)
FLEET = pd.DataFrame(
    {
        "vessel_id": [f"v{row}" for row in range(6)],
        "length_m": LENGTHS,
        "beam_m": LENGTHS / 6.3,
        "depth_m": LENGTHS / 12,
        "draught_ballast_m": LENGTHS / 28,
        "draught_laden_m": LENGTHS / 15.5,
        "cargo_capacity_t": 3000 * (LENGTHS / 88) ** 3,
    }
)


def looks_of(bias_m: float, scatter_m: float, visits: int = 24) -> pd.DataFrame:
    """Two looks a day apart at each of many visits of the fleet's vessels."""
    rng = np.random.default_rng(4)
    visit, look = np.divmod(np.arange(2 * visits), 2)
    length_m = LENGTHS[visit % 6]
    return pd.DataFrame(
        {
            "berth_id": "B1",
            "source": "daily",
            "time": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(5 * visit + look, unit="D"),
            "hull_length_m": length_m + bias_m + rng.normal(0, scatter_m, visit.size),
            "hull_beam_m": length_m / 6.3 + BIAS_M["optical"][1] + rng.normal(0, 0.5, visit.size),
        }
    )


@pytest.mark.parametrize("scatter_m", [0.5, 3.0])
def test_the_scatter_is_learned_from_looks_soon_after_one_another(scatter_m: float) -> None:
    length_sigma_m, _ = size_sigma_m(looks_of(-2.0, scatter_m), KINDS)["daily"]
    assert length_sigma_m == pytest.approx(np.hypot(scatter_m, 0.6), rel=0.35)
    assert size_sigma_m(looks_of(-2.0, scatter_m).iloc[:0], KINDS)["daily"][0] > SIGMA_M["optical"][0] * 0.99


@pytest.mark.parametrize("bias_m", [-4.5, -2.0, 0.5])
def test_the_bias_is_drawn_around_what_fits_the_fleet(bias_m: float) -> None:
    looks = looks_of(bias_m, 1.0)
    drawn = draw_biases_m(looks, KINDS, size_sigma_m(looks, KINDS), candidates(FLEET), 1)["daily"]
    assert drawn.shape == (BIASES, 2)
    assert drawn[:, 0].mean() == pytest.approx(bias_m, abs=1.5)
    assert drawn[:, 0].std() < BIAS_SIGMA_M["optical"][0]


def test_without_hulls_biases_are_those_assumed_and_sizes_say_nothing() -> None:
    looks = looks_of(0.0, 1.0).assign(hull_length_m=np.nan, hull_beam_m=np.nan)
    who, sigmas_m = candidates(FLEET), size_sigma_m(looks, KINDS)
    drawn = draw_biases_m(looks, KINDS, sigmas_m, who, 1)
    assert drawn["daily"][:, 0].mean() == pytest.approx(BIAS_M["optical"][0], abs=1.5)
    assert (size_log_likelihood(looks, sigmas_m, drawn, 0, who) == 0).all()
