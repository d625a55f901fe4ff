"""Histories of calls: what the looks force they show, what nobody saw they do not claim to know, and sums cohere."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from berthwatch.barrels import in_span, ledger
from berthwatch.calls import DRAWS, HISTORIES
from berthwatch.config import LedgerTerms, Port, Source
from berthwatch.inference import Inference, infer
from berthwatch.model import Berth
from berthwatch.rates import BLOCKS, PURPOSES, STATES, VACANT, draw_rates, generator, prior_rates
from berthwatch.summary import summarise
from berthwatch.tables import OBSERVATION_COLUMNS, as_table

START = pd.Timestamp("2024-03-07T02:00:00Z")
FLEET = pd.DataFrame(
    {
        "vessel_id": ["big", "small"],
        "name": ["BIG", "SMALL"],
        "flag": "",
        "watch": "",
        "length_m": [110.0, 75.0],
        "beam_m": [17.5, 12.0],
        "depth_m": [9.0, 6.0],
        "draught_ballast_m": [3.6, 2.4],
        "draught_laden_m": [7.2, 4.8],
        "cargo_capacity_t": [5600.0, 1700.0],
    }
)
EMPTY_BIG_M, FULL_BIG_M, EMPTY_SMALL_M, FULL_SMALL_M = 5.4, 1.8, 3.6, 1.2
Seen = tuple[float, float | None] | None
"""A look: length of the hull and its freeboard (None: not measured), or None for vacant water."""


def port(ais: pd.DataFrame | None = None, fleet: pd.DataFrame | None = FLEET) -> Port:
    berth = Berth("B1", "berth", box(133.07, 42.74, 133.072, 42.741))
    source = Source("daily", "optical", "*.json", ("nir",))
    terms = LedgerTerms("gasoil", None, 500_000.0)
    return Port("P", Path("port.yaml"), (berth,), None, fleet, ais, (source,), terms, "")


def observed(looks: Sequence[Seen], step_days: float = 1.0) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, look in enumerate(looks):
        time = START + pd.Timedelta(days=number * step_days)
        row = {"berth_id": "B1", "time": time, "source": "daily", "scene_id": f"s{number:03d}", "visible": 1.0}
        row |= {"change": 0.0, "reason": "no hull seen"}
        if look is not None:
            length_m, freeboard_m = look
            row |= {"change": 70.0, "hull_length_m": length_m, "hull_beam_m": 0.16 * length_m, "reason": ""}
            if freeboard_m is not None:
                row |= {"freeboard_m": freeboard_m, "freeboard_sigma_m": 0.3}
        rows.append(row)
    return as_table(rows, OBSERVATION_COLUMNS)


LOADING: list[Seen] = [None, None, (110.0, EMPTY_BIG_M), (110.0, 2.2), (110.0, FULL_BIG_M), None, None]


@pytest.fixture(scope="module")
def loading() -> Inference:
    """Five calls alike, each seen empty, half and full."""
    return infer(observed(LOADING * 5), port())


def test_a_call_seen_empty_and_then_full_loaded(loading: Inference) -> None:
    assert loading.visits["transition"].tolist() == ["loaded"] * 5
    assert (loading.visits["vessel_id"] == "big").all()
    assert (loading.visits["vessel_probability"] > 0.8).all()
    first = loading.visits.iloc[0]
    assert first["arrival_load_low"] <= 0.0
    assert first["arrival_load_high"] <= 0.4
    assert first["departure_load_low"] >= 0.6
    assert first["barrels_low"] < 0.85 * 5600 * 7.46 < first["barrels_high"]


def test_the_ledger_is_a_count_over_the_same_draws_as_the_summary(loading: Inference) -> None:
    days = ledger(loading.histories, 500_000.0)
    told = summarise(port(), loading, days, ())
    last = days.iloc[-1]
    assert told["barrels"] == pytest.approx(last["seen"], abs=1)
    assert told["barrels_estimated_high"] == pytest.approx(last["estimated_high"], abs=1)
    assert (days["seen"].diff().dropna() >= 0).all()
    assert (days[["seen_low", "seen", "seen_high"]].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert (days["seen"] <= days["estimated"]).all()
    assert told["visits_loaded"] == 5
    assert told["p_over_cap"] == 0.0
    assert told["over_cap_on"] is None
    assert told["scenario_barrels"]["90_percent"] == pytest.approx(5 * 5600 * 7.46 * 0.9, rel=0.1)


def test_a_cap_that_was_passed_is_dated(loading: Inference) -> None:
    days = ledger(loading.histories, 50_000.0)
    told = summarise(port(), loading, days, ())
    assert told["p_over_cap"] == 1.0
    passed = days.loc[days["p_over_cap"] >= 0.95, "date"].iloc[0]
    assert told["over_cap_on"] == passed
    before = days.loc[days["date"] < passed]
    assert (before["p_over_cap"] < 0.95).all()


def test_the_year_starts_anew() -> None:
    looks = observed(LOADING * 3).assign(time=lambda table: table["time"] + pd.Timedelta(days=291))
    days = ledger(infer(looks, port()).histories, 500_000.0).set_index("date")
    assert days.loc["2024-12-31", "seen"] > 20_000
    assert days.loc["2025-01-01", "seen"] < 5_000


def test_a_discharge_is_no_export() -> None:
    found = infer(observed([*reversed(LOADING)] * 5), port())
    assert found.visits["transition"].tolist() == ["discharged"] * 5
    assert (found.visits["barrels_high"] < 0).all()
    assert ledger(found.histories)["seen"].iloc[-1] == 0


def test_calls_without_cargo_work_are_not_counted_as_loadings() -> None:
    idle: list[Seen] = [None, None, *[(110.0, 3.4)] * 5, None, None]
    found = infer(observed(idle * 4), port())
    assert "loaded" not in set(found.visits["transition"])


def test_without_any_freeboard_no_load_and_no_volume_is_told() -> None:
    blind: list[Seen] = [look if look is None else (look[0], None) for look in LOADING]
    found = infer(observed(blind * 3), port())
    assert (found.visits["transition"] == "undetermined").all()
    assert found.visits[["arrival_load", "departure_load", "barrels", "transition_probability"]].isna().all(axis=None)
    days = ledger(found.histories, 500_000.0)
    assert days.drop(columns="date").isna().all(axis=None)
    told = summarise(port(), found, days, ())
    assert told["barrels"] is None
    assert told["scenario_barrels"]["half"] > 0, "what officials argue with needs no load"


def test_what_is_usual_at_a_port_is_no_evidence_about_one_call() -> None:
    looks = observed([*LOADING * 6, None, (110.0, None), None])
    last = infer(looks, port()).visits.iloc[-1]
    assert last["transition"] == "undetermined"
    assert np.isnan(last["departure_load"])


def test_whether_a_port_loads_or_discharges_is_open_where_each_call_is_seen_once_half_laden() -> None:
    """All may load or all discharge: the share that loads must wander all over, and not linger where it began."""
    found = infer(observed([None, (110.0, 3.6)] * 12, 4.0), port())
    assert found.histories is not None
    shares = found.histories.calls.shares[::HISTORIES, 0]
    assert shares.min() < 0.2
    assert shares.max() > 0.8
    assert np.corrcoef(shares[3:], shares[:-3])[0, 1] < 0.35


def test_another_vessel_in_the_same_place_is_another_visit() -> None:
    looks: list[Seen] = [None, (110.0, EMPTY_BIG_M), (110.0, FULL_BIG_M), (75.0, EMPTY_SMALL_M), (75.0, FULL_SMALL_M)]
    visits = infer(observed([*looks, None, None] * 2), port()).visits
    assert visits["vessel_id"].tolist() == ["big", "small"] * 2
    first, second = visits.iloc[0], visits.iloc[1]
    assert first["departure_before"] == second["arrival_before"]
    assert second["arrival_after"] == first["departure_after"]


def test_a_vessel_that_is_not_in_the_fleet_is_not_named() -> None:
    other: list[Seen] = [None, None, (92.0, 4.4), (92.0, 1.6), None, None]
    visits = infer(observed(other * 3), port()).visits
    assert visits["vessel_id"].isna().all()
    without = infer(observed(other * 3), port(fleet=None)).visits
    assert without["vessel_id"].isna().all()
    assert (without["barrels_high"] - without["barrels_low"] > 3_000).all(), "an unknown capacity is a wide answer"


def test_gaps_hide_calls_and_the_estimate_says_so() -> None:
    """Calls of two days looked at every fourth: about half of them are never seen."""
    rng = np.random.default_rng(4)
    day, calls = 0.0, 0
    looks: list[Seen] = [None] * 60
    while day < 236:
        day += rng.exponential(4.0)
        stay, length_m = rng.uniform(1.5, 2.5), float(rng.uniform(70.0, 120.0))
        calls += 1
        for number in range(60):
            if day <= 4 * number < day + stay:
                looks[number] = (length_m, None)
        day += stay
    found = infer(observed(looks, 4.0), port())
    histories = found.histories
    assert histories is not None
    inside = in_span(histories)
    counts = np.bincount(histories.calls.draw[inside], minlength=DRAWS)
    low, high = np.quantile(counts, (0.05, 0.95))
    assert len(found.visits) < calls
    assert low <= calls <= high
    assert low > len(found.visits)


def test_a_tracker_heard_at_the_berth_names_the_vessel_and_silence_is_dark() -> None:
    times = START + pd.to_timedelta([2.1, 2.9, 3.5, 9.0], unit="D")
    near = {"lon": [133.071] * 3 + [133.3], "lat": [42.7405] * 3 + [42.6]}
    ais = pd.DataFrame({"vessel_id": ["small"] * 3 + ["stranger"], "time": times, **near})
    alike: list[Seen] = [None, None, (92.0, None), (92.0, None), None, None, None]
    found = infer(observed(alike * 2), port(ais))
    assert found.visits["ais"].tolist() == ["tracked", "dark"]
    assert found.visits["vessel_id"].iloc[0] == "small"
    assert found.counts["ais"]["positions"] == 4


def test_equal_observations_give_equal_draws(loading: Inference) -> None:
    again = infer(observed(LOADING * 5), port())
    pd.testing.assert_frame_equal(loading.visits, again.visits, check_exact=True)
    pd.testing.assert_frame_equal(ledger(loading.histories), ledger(again.histories), check_exact=True)


def test_rates_keep_purposes_apart_and_recover_what_happened() -> None:
    q = generator(prior_rates())
    for first, end in pairwise(BLOCKS.tolist()):
        outside = [state for state in range(STATES) if not first <= state < end]
        assert (q[first:end, outside] == 0).all()
    jumps, days = np.zeros((STATES + 1, STATES + 1)), np.zeros(STATES + 1)
    jumps[VACANT, 0], days[VACANT] = 300.0, 1500.0
    drawn = [draw_rates(jumps, days, np.random.default_rng(seed)) for seed in range(200)]
    assert np.mean([rates.arrivals for rates in drawn]) == pytest.approx(302 / 1540, rel=0.02)
    assert np.mean([rates.shares[0] for rates in drawn]) == pytest.approx(301 / 303, rel=0.01)
    assert len(drawn[0].shares) == len(PURPOSES)
