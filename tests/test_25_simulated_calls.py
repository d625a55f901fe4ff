"""What the simulator says of vessels, calls, trackers and the truth holds together, and the package can read it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyproj import Geod

import berthwatch as bw
from berthwatch.datasets.fleet import draw_fleet
from berthwatch.datasets.ports import ANCHOR_LAT, ANCHOR_LON
from berthwatch.datasets.scenarios import demo_port
from berthwatch.datasets.simulate import simulate
from berthwatch.datasets.traffic import Call, Traffic, draw_calls
from berthwatch.datasets.truth import TRUTH_COLUMNS

T = datetime(2024, 3, 10, 2, tzinfo=UTC)
TRAFFIC = Traffic(calls_per_vacant_day=0.5)


@pytest.fixture(scope="module")
def calls() -> tuple[Call, ...]:
    """Three years at two berths."""
    fleet = draw_fleet(np.random.default_rng(1), TRAFFIC.fleet)
    return draw_calls(TRAFFIC, fleet, ["B1", "B2"], T, T + timedelta(days=1100), np.random.default_rng(2))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a year of traffic, with a few optical scenes."""
    demo = demo_port()
    plan = replace(demo.optical, every_days=30.0)
    return simulate(replace(demo, sar=None, optical=plan), tmp_path_factory.mktemp("port"), seed=1)


def truth_of(port: Path) -> pd.DataFrame:
    return pd.read_csv(port.parent / "truth.csv", parse_dates=["arrival", "departure"])


def test_particulars_are_those_of_small_tankers() -> None:
    fleet = draw_fleet(np.random.default_rng(0), 400)
    for vessel in fleet:
        assert 0 < vessel.draught_ballast_m < vessel.draught_laden_m < vessel.depth_m < vessel.beam_m
        assert 0.6 < vessel.depth_m - vessel.draught_laden_m < 3.5
        assert 1.0 < vessel.draught_laden_m - vessel.draught_ballast_m < 4.9
        block = vessel.length_m * vessel.beam_m * vessel.draught_laden_m * 1.025
        assert 0.36 < vessel.cargo_capacity_t / block < 0.60
    # Near 88 m long about 3,500 tonnes deadweight are usual, at 122 m about 10,000.
    for length_m, low_t, high_t in ((88, 2300, 4200), (122, 6200, 11500)):
        near = [v.cargo_capacity_t for v in fleet if abs(v.length_m - length_m) < 2]
        assert low_t < np.median(near) < high_t
    assert sum(vessel.listed for vessel in fleet) == 320
    assert sum(vessel.tracked for vessel in fleet) == 60


def test_the_deeper_the_fuller() -> None:
    for vessel in draw_fleet(np.random.default_rng(0), 20):
        draughts = [vessel.draught_m(load) for load in np.linspace(0, 1, 21)]
        assert draughts[0] == pytest.approx(vessel.draught_ballast_m)
        assert draughts[-1] == pytest.approx(vessel.draught_laden_m)
        assert all(before < after for before, after in pairwise(draughts))


def test_nothing_is_in_two_places(calls: tuple[Call, ...]) -> None:
    for key in (lambda call: call.vessel.vessel_id, lambda call: call.berth_id):
        for name in {key(call) for call in calls}:
            mine = sorted((call.arrival, call.departure) for call in calls if key(call) == name)
            assert all(before[1] < after[0] for before, after in pairwise(mine))


def test_purposes_have_their_shares(calls: tuple[Call, ...]) -> None:
    counts = pd.Series([call.transition for call in calls]).value_counts(normalize=True)
    assert len(calls) > 350
    assert counts["loaded"] == pytest.approx(0.82, abs=0.06)
    assert counts["discharged"] == pytest.approx(0.08, abs=0.05)
    assert counts["unchanged"] == pytest.approx(0.10, abs=0.05)


def test_load_moves_one_way_during_a_part_of_the_stay(calls: tuple[Call, ...]) -> None:
    for call in calls:
        assert call.arrival < call.work_begins < call.work_ends < call.departure
        times = [call.arrival + share * (call.departure - call.arrival) for share in np.linspace(0, 1, 40)]
        steps = np.diff([call.freeboard_m(time) for time in times])
        way = {"loaded": -1, "discharged": 1, "unchanged": 0}[call.transition]
        assert (steps * way >= 0).all() if way else (steps == 0).all()
        assert call.load(call.work_begins) == call.load(call.arrival) == call.arrival_load
        assert call.load(call.work_ends) == pytest.approx(call.departure_load)
        assert call.freeboard_m(call.arrival) > 0.4
        if call.transition == "loaded":
            assert call.arrival_load <= 0.08
            assert call.departure_load >= 0.8


def test_truth_says_what_its_fleet_table_implies(port: Path) -> None:
    truth = truth_of(port)
    fleet = pd.read_csv(port.parent / "fleet.csv").set_index("vessel_id")
    assert tuple(truth.columns) == TRUTH_COLUMNS
    assert (truth.in_fleet == truth.vessel_id.isin(fleet.index)).all()
    known = truth[truth.in_fleet == 1].join(fleet.drop(columns=["length_m", "beam_m"]), on="vessel_id")
    assert len(known) > 15
    carried_t = (known.departure_load - known.arrival_load) * known.cargo_capacity_t
    np.testing.assert_allclose(known.barrels, carried_t * 7.46, atol=1)
    ballast_m, laden_m = known.depth_m - known.draught_ballast_m, known.depth_m - known.draught_laden_m
    for side in ("arrival", "departure"):
        share = (ballast_m - known[f"{side}_freeboard_m"]) / (ballast_m - laden_m)
        assert (share - known[f"{side}_load"]).abs().max() < 0.25
    assert (np.sign(truth.barrels) == truth.transition.map({"loaded": 1, "discharged": -1, "unchanged": 0})).all()


def test_trackers_tell_who_is_there_and_who_hides(port: Path) -> None:
    truth = truth_of(port)
    ais = pd.read_csv(port.parent / "ais.csv", parse_dates=["time"])
    _, _, off_m = Geod(ellps="WGS84").inv(
        *(np.full(len(ais), value) for value in (ANCHOR_LON, ANCHOR_LAT)), ais.lon.to_numpy(), ais.lat.to_numpy()
    )
    ais["off_m"] = off_m
    assert {"dark", "tracked"} == set(truth.ais)
    for call in truth.itertuples():
        heard = ais[(ais.vessel_id == call.vessel_id) & ais.time.between(call.arrival, call.departure)]
        if call.ais == "dark":
            assert heard.empty
        elif call.arrival > ais.time.min() and call.departure < ais.time.max():
            assert len(heard) >= 2
            assert heard.off_m.max() < 400
    # Those who hide are heard elsewhere, never near; and somebody is heard nearby nearly always.
    dark = ais[ais.vessel_id.isin(truth.vessel_id[truth.ais == "dark"])]
    assert set(dark.vessel_id) == set(truth.vessel_id[truth.ais == "dark"])
    assert dark.off_m.min() > 50e3
    near = ais[ais.off_m < 30e3].time.sort_values()
    assert near.diff().max() < pd.Timedelta(days=3)
    for _, track in ais.groupby("vessel_id"):
        _, _, step_m = Geod(ellps="WGS84").inv(track.lon[:-1], track.lat[:-1], track.lon[1:], track.lat[1:])
        hours = track.time.diff().dt.total_seconds().to_numpy()[1:] / 3600
        assert (np.asarray(step_m) <= 33e3 * hours + 100).all()


def test_the_package_reads_what_is_written(port: Path) -> None:
    read = bw.read_port(port)
    assert read.fleet is not None
    assert read.ais is not None
    assert len(read.fleet) == 10 + 6
    assert (read.ledger.product, read.ledger.cap_barrels) == ("gasoil", 500000)


def test_blank_particulars_are_as_many_as_asked_for(tmp_path: Path) -> None:
    demo = demo_port()
    traffic = replace(demo.traffic, fleet=60, elsewhere=0, listed_share=1.0, blank_share=0.3)
    path = simulate(replace(demo, traffic=traffic, sar=None, optical=None), tmp_path, seed=4)
    fleet = pd.read_csv(path.parent / "fleet.csv")
    unsure = fleet[["depth_m", "draught_ballast_m", "draught_laden_m", "cargo_capacity_t"]]
    assert unsure.isna().to_numpy().mean() == pytest.approx(0.3, abs=0.1)
    assert fleet[["length_m", "beam_m"]].notna().all(axis=None)
