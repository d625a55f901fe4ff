"""Which vessel it may be: hulls are possible ones, blanks widen them, and the vessel of the measured size wins."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.cargo import load_of
from berthwatch.hullfit import hull_log_likelihood
from berthwatch.particulars import CHAIN, LONGEST_M, SHORTEST_M, draw_particulars, even_points, normal_points
from berthwatch.vessel import (
    BEAM_SEEN,
    LENGTH_SEEN,
    MARK_SIGMA_M,
    NONE_OF_THESE,
    Candidates,
    candidates,
    capacity_beyond_hull,
    fleet_counts,
    freeboard_at,
    name_of,
)

COASTER = {
    "length_m": 88.0,
    "beam_m": 14.0,
    "depth_m": 7.0,
    "draught_ballast_m": 3.1,
    "draught_laden_m": 5.6,
    "cargo_capacity_t": 3300.0,
}


def fleet_of(*vessels: Mapping[str, float]) -> pd.DataFrame:
    rows = [dict.fromkeys(CHAIN, np.nan) | dict(vessel) for vessel in vessels]
    table = pd.DataFrame(rows, columns=list(CHAIN)).astype("float64")
    return table.assign(vessel_id=[f"V{row}" for row in range(len(rows))], name="")


def posterior(hulls: Candidates, fit: np.ndarray) -> dict[int, float]:
    """Probability of each vessel, all alike before the measurement."""
    mass = hulls.weight * np.exp(fit)
    total = {vessel: mass[hulls.vessel == vessel].sum() for vessel in np.unique(hulls.vessel).tolist()}
    return {vessel: share / sum(total.values()) for vessel, share in total.items()}


def tanker(length: float, rng: np.random.Generator) -> dict[str, float]:
    """A tanker with its own ratios, drawn otherwise than the engine draws them."""
    beam = length / rng.uniform(5.6, 6.9)
    laden = beam / rng.uniform(2.2, 2.7)
    return {
        "length_m": length,
        "beam_m": beam,
        "depth_m": laden * rng.uniform(1.15, 1.35),
        "draught_ballast_m": laden * rng.uniform(0.45, 0.65),
        "draught_laden_m": laden,
        "cargo_capacity_t": 1.025 * length * beam * laden * rng.uniform(0.42, 0.56),
    }


@st.composite
def vessels(draw: st.DrawFn) -> dict[str, float]:
    """Particulars that the fleet's reader lets pass, some of them blank."""
    length = draw(st.floats(20, 350))
    beam = length / draw(st.floats(3, 12))
    depth = beam * draw(st.floats(0.2, 0.99))
    laden = depth * draw(st.floats(0.2, 0.99))
    whole = {
        "length_m": length,
        "beam_m": beam,
        "depth_m": depth,
        "draught_ballast_m": laden * draw(st.floats(0.02, 0.99)),
        "draught_laden_m": laden,
        "cargo_capacity_t": draw(st.floats(0.1, 0.9)) * length * beam * laden,
    }
    return {name: value for name, value in whole.items() if draw(st.booleans())}


@settings(deadline=None, max_examples=300)
@given(st.lists(vessels(), max_size=3))
def test_hulls_are_possible_and_weigh_one_per_vessel(fleet: list[dict[str, float]]) -> None:
    hulls = candidates(fleet_of(*fleet))
    assert np.unique(hulls.vessel).tolist() == [NONE_OF_THESE, *range(len(fleet))]
    assert hulls.vessel[-1] == NONE_OF_THESE
    for vessel in np.unique(hulls.vessel):
        assert hulls.weight[hulls.vessel == vessel].sum() == pytest.approx(1.0, abs=1e-12)
    assert (hulls.weight > 0).all()
    assert (hulls.freeboard_full_m > 0).all()
    assert (hulls.freeboard_empty_m > hulls.freeboard_full_m).all()
    assert (freeboard_at(hulls, [[0.0], [0.5], [1.0]]) > 0).all()
    assert (hulls.draught_laden_m > hulls.freeboard_empty_m - hulls.freeboard_full_m).all()
    for column in (hulls.length_m, hulls.beam_m, hulls.capacity_t):
        assert np.isfinite(column).all()
        assert (column > 0).all()
    for row, known in enumerate(fleet):
        own = hulls.vessel == row
        assert (hulls.length_m[own] == known["length_m"]).all() if "length_m" in known else own.any()
        assert (hulls.beam_m[own] == known["beam_m"]).all() if "beam_m" in known else own.any()


def test_the_same_fleet_gives_the_same_hulls() -> None:
    fleet = fleet_of(COASTER, {"cargo_capacity_t": 5000.0})
    one, two = candidates(fleet), candidates(fleet)
    assert all((getattr(one, name) == getattr(two, name)).all() for name in Candidates.__dataclass_fields__)


def test_a_vessel_known_in_full_is_its_marks_give_or_take() -> None:
    hulls = candidates(fleet_of(COASTER))
    own = hulls.vessel == 0
    weight, full, empty = hulls.weight[own], hulls.freeboard_full_m[own], hulls.freeboard_empty_m[own]
    assert own.sum() == 8
    assert (hulls.capacity_t[own] == 3300).all()
    assert weight @ full == pytest.approx(7.0 - 5.6)
    assert weight @ empty == pytest.approx(7.0 - 3.1)
    assert np.sqrt(weight @ (full - 1.4) ** 2) == pytest.approx(MARK_SIGMA_M)
    assert MARK_SIGMA_M < np.sqrt(weight @ (empty - 3.9) ** 2) < 0.25
    # Trim, tide and density move both marks; the ballast of one voyage only the other.
    assert weight @ ((full - 1.4) * (empty - 3.9)) == pytest.approx(MARK_SIGMA_M**2)
    assert np.sqrt(weight @ hulls.seen_longer[own] ** 2) == pytest.approx(LENGTH_SEEN)
    assert np.sqrt(weight @ hulls.seen_wider[own] ** 2) == pytest.approx(BEAM_SEEN)


@pytest.mark.parametrize("blank", ["depth_m", "draught_ballast_m", "draught_laden_m", "cargo_capacity_t"])
def test_a_blank_widens_the_answer(blank: str) -> None:
    known = candidates(fleet_of(COASTER))
    wider = candidates(fleet_of({name: value for name, value in COASTER.items() if name != blank}))

    def spread(hulls: Candidates) -> float:
        own = hulls.vessel == 0
        column = hulls.capacity_t if blank == "cargo_capacity_t" else hulls.freeboard_empty_m
        if blank == "draught_laden_m":
            column = hulls.freeboard_full_m
        middle = hulls.weight[own] @ column[own]
        return float(np.sqrt(hulls.weight[own] @ (column[own] - middle) ** 2) / middle)

    assert spread(wider) > max(1.5 * spread(known), 0.05)


def test_what_is_known_tells_of_what_is_not() -> None:
    small, large = (draw_particulars({"cargo_capacity_t": tonnes}, 32) for tonnes in (1000.0, 10_000.0))
    assert 50 <= np.median(small.length_m) < 65
    assert 110 < np.median(large.length_m) < 135
    assert np.ptp(large.length_m) > 15
    deep, flat = (draw_particulars({"length_m": 88.0, "beam_m": 14.0, "depth_m": depth}, 32) for depth in (8.0, 6.0))
    assert deep.draught_laden_m.mean() > flat.draught_laden_m.mean() + 0.5
    assert deep.cargo_capacity_t.mean() > 1.1 * flat.cargo_capacity_t.mean()


@pytest.mark.parametrize(
    ("length_m", "beam_m", "laden_m", "deadweight_t"),
    [(58, 10, 4.1, 1000), (88, 14, 5.6, 3500), (98, 15.5, 6.3, 5000), (122, 19, 7.8, 10_000)],
)
def test_indicative_tankers_lie_within_the_hulls_of_their_size(
    length_m: float, beam_m: float, laden_m: float, deadweight_t: float
) -> None:
    hulls = draw_particulars({"length_m": length_m, "beam_m": beam_m}, 256)
    for column, value in ((hulls.draught_laden_m, laden_m), (hulls.cargo_capacity_t, 0.945 * deadweight_t)):
        low, high = np.quantile(column, [0.05, 0.95])
        assert low < value < high
    # MARPOL's rules for ballast of tankers under 150 m: A (observed), B, and 18.
    low, high = np.quantile(hulls.draught_ballast_m, [0.02, 0.98])
    assert low < min(0.2 + 0.032 * length_m, 1.55 + 0.023 * length_m)
    assert high > min(1.55 + 0.023 * length_m, 2.0 + 0.02 * length_m)
    freeboard = 1 - np.median(hulls.draught_laden_m / hulls.depth_m)
    assert 0.1 < freeboard < 0.25


def test_an_unknown_vessel_is_most_often_a_small_one_and_may_be_any() -> None:
    hulls = candidates(None)
    assert (hulls.vessel == NONE_OF_THESE).all()
    assert hulls.length_m.min() >= SHORTEST_M
    assert hulls.length_m.max() <= LONGEST_M
    assert hulls.length_m.max() > 150
    assert 70 < np.median(hulls.length_m) < 90
    assert np.ptp(np.log(hulls.capacity_t)) > np.log(20)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_vessel_of_the_measured_size_wins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fleet = [tanker(60 * 1.2**step * rng.uniform(0.97, 1.03), rng) for step in range(6)]
    true = int(rng.integers(6))
    length, beam = fleet[true]["length_m"], fleet[true]["beam_m"]
    hulls = candidates(fleet_of(*fleet))
    chance = posterior(hulls, hull_log_likelihood(length + 1.0, beam - 0.5, 2.0, 1.0, hulls))
    assert chance[true] > 0.8


def test_a_size_that_no_vessel_has_is_none_of_these() -> None:
    hulls = candidates(fleet_of(COASTER, COASTER | {"length_m": 98.0, "beam_m": 15.5}))
    chance = posterior(hulls, hull_log_likelihood(130.0, 20.5, 2.0, 1.0, hulls))
    assert chance[NONE_OF_THESE] > 0.95


def test_twins_share_the_probability_and_a_vessel_without_size_loses_to_one_that_fits() -> None:
    hulls = candidates(fleet_of(COASTER, COASTER, {}))
    chance = posterior(hulls, hull_log_likelihood(88.0, 14.0, 2.0, 1.0, hulls))
    assert chance[0] == pytest.approx(chance[1])
    assert chance[0] > 0.4
    assert 0 < chance[2] < 0.1


def test_what_was_not_measured_says_nothing() -> None:
    hulls = candidates(fleet_of(COASTER))
    assert (hull_log_likelihood(np.nan, np.nan, 3.0, 2.0, hulls) == 0).all()
    assert (hull_log_likelihood(88.0, 14.0, np.nan, np.nan, hulls) == 0).all()
    both = hull_log_likelihood([88.0, np.nan, 88.0], [14.0, 14.0, np.nan], 3.0, 2.0, hulls)
    assert both[0] == pytest.approx(both[1] + both[2])


def test_one_wild_measurement_does_not_rule_out_a_vessel() -> None:
    hulls = candidates(fleet_of(COASTER))
    good = hull_log_likelihood(88.0, 14.0, 2.0, 1.0, hulls)[0]
    wild = hull_log_likelihood(140.0, 14.0, 2.0, 1.0, hulls)[0]
    gaussian = -0.5 * (52 / 2.2) ** 2
    assert -25 < wild - good < -10
    assert wild - good > gaussian / 10


def test_evidence_for_an_unknown_vessel_is_smooth_in_its_size() -> None:
    """Few hulls stand for all sizes: were they points, a good measurement would fall between them."""
    hulls = candidates(None)
    length = np.exp(np.linspace(np.log(60), np.log(140), 60))
    for turn in (-1, 0, 1):
        beam = length / 6.2 * np.exp(0.06 * turn)
        fit = hull_log_likelihood(length, beam, 1.0, 0.5, hulls)
        scaled = np.log((hulls.weight * np.exp(fit)).sum(axis=1)) + 3 * np.log(length)
        assert np.std(scaled) < 0.5


@given(st.floats(0, 1))
def test_freeboard_lies_between_full_and_empty_and_gives_the_load_back(load: float) -> None:
    hulls = candidates(fleet_of(COASTER))
    freeboard = freeboard_at(hulls, load)
    assert (freeboard >= hulls.freeboard_full_m - 1e-9).all()
    assert (freeboard <= hulls.freeboard_empty_m + 1e-9).all()
    draught = hulls.draught_laden_m + hulls.freeboard_full_m - freeboard
    ballast = hulls.draught_laden_m + hulls.freeboard_full_m - hulls.freeboard_empty_m
    assert load_of(draught, ballast, hulls.draught_laden_m) == pytest.approx(np.full(draught.size, load), abs=1e-9)


def test_a_cargo_that_no_such_hull_carries_is_counted_and_not_used() -> None:
    fleet = fleet_of(COASTER, COASTER | {"cargo_capacity_t": 9000.0}, {"length_m": 88.0})
    assert capacity_beyond_hull(fleet).tolist() == [False, True, False]
    assert fleet_counts(fleet) == {"vessels": 3, "with_blank_particulars": 1, "capacity_beyond_hull_not_used": 1}
    hulls = candidates(fleet)
    own = hulls.capacity_t[hulls.vessel == 1]
    assert own.max() < 5000
    assert np.ptp(own) > 300


def test_vessels_are_called_by_name_or_id() -> None:
    fleet = fleet_of(COASTER, COASTER).assign(name=["Un Hung", ""])
    assert [name_of(fleet, row) for row in (0, 1, NONE_OF_THESE)] == ["Un Hung", "V1", ""]


def test_points_fill_the_cube_evenly() -> None:
    points = even_points(48, 8)
    assert np.array_equal(points[:16], even_points(16, 8))
    normal = normal_points(points)
    assert abs(normal.mean(axis=0)).max() < 0.2
    assert abs(normal.std(axis=0) - 1).max() < 0.1
    assert abs(np.corrcoef(normal.T) - np.eye(8)).max() < 0.35
