"""From draught to cargo to barrels: published numbers come out, and load and draught are each other's inverse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.cargo import (
    LEAST_BARRELS_PER_TONNE,
    MOST_BARRELS_PER_TONNE,
    PRODUCTS,
    SEA_WATER_T_PER_M3,
    barrels_per_tonne,
    block_at,
    displacement_t,
    draught_of,
    load_of,
    scenario_totals,
)
from berthwatch.config import LedgerTerms
from berthwatch.errors import InputError

LADEN = st.floats(2.0, 25.0)
BALLAST_SHARE = st.floats(0.15, 0.95)
BLOCK = st.floats(0.6, 0.9)
LOAD = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("block", "draught_m", "laden_m", "expected"),
    [(0.82, 12.48, 13.57, 0.8149052), (0.66, 11.09, 11.49, 0.6559604)],
)
def test_block_at_partial_draught_is_the_published_one(
    block: float, draught_m: float, laden_m: float, expected: float
) -> None:
    assert float(block_at(block, laden_m, draught_m)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("volume_m3", "length_m", "beam_m", "draught_m", "block"),
    [(80_097, 218.75, 32.25, 13.6, 0.8348329), (52_382.04, 209.25, 32.2, 11.5, 0.6760257)],
)
def test_displacement_is_that_of_the_published_volume(
    volume_m3: float, length_m: float, beam_m: float, draught_m: float, block: float
) -> None:
    mass = float(displacement_t(length_m, beam_m, draught_m, block))
    assert mass == pytest.approx(SEA_WATER_T_PER_M3 * volume_m3, rel=1e-7)


def test_difference_of_displacements_would_understate_cargo_by_a_fifth() -> None:
    """The worked case: 3,500 dwt, 88 x 14 x 5.6 m, arriving at 3.08 m with 922 t of ballast and fuel."""
    capacity_t, ballast_m, laden_m = 3300.0, 3.08, 5.6
    full_t = float(displacement_t(88, 14, laden_m, 0.74))
    arriving_t = float(displacement_t(88, 14, ballast_m, block_at(0.74, laden_m, ballast_m)))
    assert (round(full_t), round(arriving_t)) == (5233, 2655)
    assert arriving_t - (full_t - 3500) == pytest.approx(922, abs=1)
    cargo_t = capacity_t * float(load_of(laden_m, ballast_m, laden_m) - load_of(ballast_m, ballast_m, laden_m))
    assert cargo_t == capacity_t
    assert (full_t - arriving_t) / cargo_t - 1 == pytest.approx(-0.22, abs=0.005)


@given(LADEN, BALLAST_SHARE, BLOCK, LOAD)
def test_load_and_draught_are_inverse(laden_m: float, share: float, block: float, load: float) -> None:
    ballast_m = share * laden_m
    draught_m = draught_of(load, ballast_m, laden_m, block)
    assert ballast_m <= draught_m <= laden_m
    assert float(load_of(draught_m, ballast_m, laden_m, block)) == pytest.approx(load, abs=1e-9)


@given(LADEN, BALLAST_SHARE, BLOCK)
def test_load_rises_with_draught_and_stays_between_empty_and_full(laden_m: float, share: float, block: float) -> None:
    draughts = np.linspace(0.5 * share * laden_m, 1.1 * laden_m, 50)
    load = load_of(draughts, share * laden_m, laden_m, block)
    between = (draughts > share * laden_m) & (draughts < laden_m)
    assert load.min() == 0.0
    assert load.max() == 1.0
    assert (np.diff(load[between]) > 0).all()


@given(LADEN, st.floats(0.4, 0.8), LOAD)
def test_load_is_the_share_of_the_displacement_between_the_marks(laden_m: float, share: float, load: float) -> None:
    def mass_t(draught_m: float) -> float:
        return float(displacement_t(100, 16, draught_m, block_at(0.74, laden_m, draught_m)))

    ballast_m = share * laden_m
    expected = mass_t(ballast_m) + load * (mass_t(laden_m) - mass_t(ballast_m))
    assert mass_t(float(draught_of(load, ballast_m, laden_m))) == pytest.approx(expected, rel=1e-9)


def test_a_draught_that_is_not_known_gives_no_load() -> None:
    assert np.isnan(load_of([np.nan, 4.0], 3.0, 5.0)).tolist() == [True, False]
    assert load_of(np.ones((2, 1)), [0.5, 0.6, 0.7], 2.0).shape == (2, 3)
    assert draught_of([[0.0], [1.0]], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]).tolist() == [[1, 2, 3], [2, 4, 6]]


def test_the_reports_of_2018_come_out_to_the_barrel() -> None:
    totals = scenario_totals(1_367_628 / 0.9)
    assert round(totals["90_percent"]) == 1_367_628
    assert int(totals["half"]) == 759_793  # as the press printed it
    assert totals["half"] == pytest.approx(759_793.3, abs=0.05)
    assert totals["one_third"] == pytest.approx(506_528.9, abs=0.05)
    assert scenario_totals(3.0)["one_third"] == 1.0


def test_barrels_per_tonne_that_are_given_are_taken() -> None:
    drawn = barrels_per_tonne(LedgerTerms(product="mazut M100", barrels_per_tonne=6.6), 5, seed=1)
    assert drawn.tolist() == [6.6] * 5


@pytest.mark.parametrize("product", ["Gasoil", "diesel", "gasoline", "jet", "fuel oil", "naphtha", "LPG"])
def test_a_known_product_scatters_about_its_factor(product: str) -> None:
    drawn = barrels_per_tonne(LedgerTerms(product=product), 20_000, seed=3)
    middle = PRODUCTS[product.casefold()][0]
    assert drawn.dtype == np.float64
    assert drawn.mean() == pytest.approx(middle, rel=0.002)
    assert 0.0095 < drawn.std() / middle < 0.05
    # The other published factors lie within the scatter.
    assert all(abs(factor / middle - 1) < 2.5 * drawn.std() / middle for factor in PRODUCTS[product.casefold()])


def test_an_unknown_product_spreads_over_the_published_range() -> None:
    drawn = barrels_per_tonne(LedgerTerms(), 20_000, seed=3)
    assert drawn.min() >= LEAST_BARRELS_PER_TONNE
    assert drawn.max() <= MOST_BARRELS_PER_TONNE
    low, middle, high = np.quantile(drawn, [0.05, 0.5, 0.95])
    assert low < 6.6
    assert 7.3 < middle < 7.7
    assert high > 8.3
    assert (drawn == barrels_per_tonne(LedgerTerms(), 20_000, seed=3)).all()
    assert (drawn != barrels_per_tonne(LedgerTerms(), 20_000, seed=4)).any()


def test_a_product_without_a_factor_is_told_with_those_that_have_one() -> None:
    with pytest.raises(InputError, match=r"ledger\.product: expected one of gasoil, .*lpg; or .* got 'bitumen'"):
        barrels_per_tonne(LedgerTerms(product="bitumen"), 1, seed=0)
