"""Trackers: what cannot be is dropped and counted, and a visit is dark only where somebody listened."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import box

from berthwatch.config import LedgerTerms, Port
from berthwatch.fleet import read_ais
from berthwatch.model import Berth
from berthwatch.tables import VISIT_COLUMNS, as_table
from berthwatch.tracker import ais_status, clean_ais, positions_at_berths

START = pd.Timestamp("2024-03-07T00:00:00Z")
LAST = START + pd.Timedelta(days=30)
BERTH = box(133.07, 42.74, 133.0715, 42.7405)
OTHER = box(133.08, 42.74, 133.0815, 42.7405)
AT_BERTH = (133.0707, 42.7402)
IN_PORT = (133.2, 42.7)
FAR_AWAY = (129.8, 41.8)
PORT = Port(
    "P",
    Path("port.yaml"),
    (Berth("B1", "berth", BERTH), Berth("B2", "berth", OTHER)),
    None,
    None,
    None,
    (),
    LedgerTerms(),
    "",
)


def ais_of(*rows: tuple[str, float, tuple[float, float]]) -> pd.DataFrame:
    """Positions from (vessel, hours after the start, place)."""
    return pd.DataFrame(
        {
            "vessel_id": pd.Series([vessel for vessel, _, _ in rows], dtype="str"),
            "time": pd.to_datetime([START + pd.Timedelta(hours=hours) for _, hours, _ in rows], utc=True),
            "lon": np.array([place[0] for _, _, place in rows], np.float64),
            "lat": np.array([place[1] for _, _, place in rows], np.float64),
        }
    )


def visit(hours: tuple[float | None, float, float, float | None], vessel_id: str | None = None) -> dict[str, Any]:
    """A visit to B1 from its four window ends, in hours after the start."""
    names = ("arrival_after", "arrival_before", "departure_after", "departure_before")
    ends = {
        name: pd.NaT if hour is None else START + pd.Timedelta(hours=hour)
        for name, hour in zip(names, hours, strict=True)
    }
    return {"visit_id": "B1-1", "berth_id": "B1", "observations": 1, "vessel_id": vessel_id, "scenes": []} | ends


def status(ais: pd.DataFrame, *visits: dict[str, Any]) -> list[tuple[str, str]]:
    found = ais_status(as_table(visits, VISIT_COLUMNS), ais, PORT)
    return list(found.itertuples(index=False, name=None))


def test_a_jump_there_and_back_is_dropped_and_counted() -> None:
    ais = ais_of(
        ("8", 0, IN_PORT), ("9", 0.5, FAR_AWAY), ("8", 1, (13.0, 42.7)), ("8", 2, AT_BERTH), ("9", 2.5, FAR_AWAY)
    )
    left, counts = clean_ais(ais, {"8"}, LAST)
    assert left[["vessel_id", "lon"]].to_numpy().tolist() == [["8", 133.2], ["9", 129.8], ["8", 133.0707], ["9", 129.8]]
    assert left.index.tolist() == [0, 1, 2, 3]
    assert counts == {
        "positions": 5,
        "not_available": 0,
        "after_last_scene": 0,
        "impossible_jump": 1,
        "of_other_vessels": 2,
        "other_vessels": 1,
    }


@pytest.mark.parametrize("wrong", [0, 1, 2, 3])
def test_the_wrong_one_of_a_track_is_dropped_wherever_it_stands(wrong: int) -> None:
    places = [IN_PORT] * 4
    places[wrong] = FAR_AWAY
    left, counts = clean_ais(ais_of(*(("8", hour, place) for hour, place in enumerate(places))), set(), LAST)
    assert counts["impossible_jump"] == 1
    assert (left["lon"] == IN_PORT[0]).all()


def test_of_two_positions_alone_nobody_can_say_which_is_wrong() -> None:
    left, counts = clean_ais(ais_of(("8", 0, IN_PORT), ("8", 1, FAR_AWAY)), set(), LAST)
    assert len(left) == 2
    assert counts["impossible_jump"] == 0


def test_a_fast_vessel_and_a_coarse_clock_are_no_jump() -> None:
    ais = ais_of(("8", 0, (133.0, 42.0)), ("8", 1, (133.0, 42.6)), ("8", 2, (133.0, 43.2)), ("8", 2, (133.001, 43.201)))
    assert clean_ais(ais, set(), LAST)[1]["impossible_jump"] == 0  # 36 knots, and 140 m in no time


def test_times_of_the_future_are_dropped_before_they_can_accuse_others() -> None:
    ais = ais_of(("8", 0, IN_PORT), ("8", 24 * 30.9, IN_PORT), ("8", 24 * 32, FAR_AWAY), ("8", 24 * 3650, IN_PORT))
    left, counts = clean_ais(ais, {"8"}, LAST)
    assert counts["after_last_scene"] == 2
    assert len(left) == 2
    assert len(clean_ais(ais, {"8"}, None)[0]) == 4


def test_no_positions_are_no_positions() -> None:
    for ais in (None, ais_of()):
        left, counts = clean_ais(ais, {"8"}, LAST)
        assert len(left) == 0
        assert set(counts.values()) == {0}
        assert status(left, visit((0, 5, 20, 30))) == [("no-data", "")]
    assert len(ais_status(as_table([], VISIT_COLUMNS), ais_of(("8", 0, AT_BERTH)), PORT)) == 0


def test_a_file_of_positions_is_cleaned_as_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ais.csv"
    rows = [
        "8,2024-03-07T00:00:00Z,133.2,42.7",
        "8,2024-03-07T01:00:00Z,13.2,42.7",
        "8,2024-03-07T02:00:00Z,133.2,42.7",
    ]
    file.write_text("vessel_id,time,lon,lat\n" + "\n".join(rows) + "\n")
    left, counts = clean_ais(read_ais(file), {"8"}, pd.Timestamp("2024-03-08T00:00Z"))
    assert (len(left), counts["impossible_jump"], counts["of_other_vessels"]) == (2, 1, 0)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-3000, 3000), st.floats(-3000, 3000), st.sampled_from([(133.07, 42.74), (179.9999, -70.0), (0.0, 0.0)])
)
def test_positions_within_300_m_of_a_berth_are_at_it(
    east_m: float, north_m: float, corner: tuple[float, float]
) -> None:
    """Against pyproj's geodesics to the nearest point of the berth, a box."""
    lon, lat = corner
    berth = box(lon, lat, lon + 0.002, lat + 0.001)
    geod = Geod(ellps="WGS84")
    point = geod.fwd(*geod.fwd(lon, lat, 90.0, east_m)[:2], 0.0, north_m)[:2]
    point = (point[0] - 360.0 if point[0] > 180.0 else point[0], point[1])
    near = lon + min(max((point[0] - lon + 180) % 360 - 180, 0.0), 0.002), min(max(point[1], lat), lat + 0.001)
    distance_m = geod.inv(*point, *near)[2]
    found = len(positions_at_berths(ais_of(("8", 0, point)), [Berth("B1", "berth", berth)]))
    if abs(distance_m - 300) > 10:
        assert found == (distance_m < 300)


def test_positions_at_a_berth_are_in_order_of_time() -> None:
    ais = ais_of(("9", 5, AT_BERTH), ("8", 1, AT_BERTH), ("8", 2, IN_PORT), ("8", 3, AT_BERTH))
    found = positions_at_berths(ais, [Berth("B1", "berth", BERTH)])
    assert list(found.columns) == ["time", "vessel_id", "berth_id"]
    assert found["vessel_id"].tolist() == ["8", "8", "9"]
    assert found["time"].is_monotonic_increasing


def test_a_position_is_at_the_nearest_berth_only() -> None:
    beside = box(133.0717, 42.74, 133.0732, 42.7405)
    ais = ais_of(("8", 1, AT_BERTH), ("9", 2, (133.0725, 42.7402)))
    found = positions_at_berths(ais, [Berth("B1", "berth", BERTH), Berth("B2", "berth", beside)])
    assert found[["vessel_id", "berth_id"]].to_numpy().tolist() == [["8", "B1"], ["9", "B2"]]


def test_a_vessel_at_its_berth_during_its_certain_stay_is_tracked() -> None:
    ais = ais_of(("7", 19, AT_BERTH), ("8", 10, AT_BERTH), ("8", 12, AT_BERTH), ("9", 29, AT_BERTH))
    assert status(ais, visit((0, 5, 20, 30), "8")) == [("tracked", "8")]
    assert status(ais, visit((0, 5, 20, 30))) == [("tracked", "8")]  # the one most often there
    assert status(ais, visit((0, 5, 20, 30), "9")) == [("dark", "")]  # it came after the certain stay
    assert status(ais, visit((0, 5, 20, 30), "8") | {"berth_id": "B2"}) == [("dark", "")]


def test_a_visit_is_dark_only_where_somebody_listened() -> None:
    hours = (0.0, 50.0, 90.0, 100.0)
    assert status(ais_of(("9", 60, IN_PORT)), visit(hours, "8")) == [("dark", "")]
    assert status(ais_of(("8", 3, IN_PORT)), visit(hours, "8")) == [("dark", "")]
    assert status(ais_of(("8", 137, IN_PORT)), visit(hours, "8")) == [("dark", "")]
    assert status(ais_of(("9", 60, FAR_AWAY)), visit(hours, "8")) == [("no-data", "")]
    assert status(ais_of(("9", 1, IN_PORT), ("9", 139, IN_PORT)), visit(hours, "8")) == [("no-data", "")]


def test_a_stay_known_from_one_look_reaches_six_hours_either_side_within_its_windows() -> None:
    for hour, told in ((15, "tracked"), (25, "tracked"), (13, "dark"), (27, "dark")):
        assert status(ais_of(("8", hour, AT_BERTH)), visit((0, 20, 20, 40), "8"))[0][0] == told
        assert status(ais_of(("8", hour, AT_BERTH)), visit((None, 20, 20, None), "8"))[0][0] == told
    for hour, told in ((17, "dark"), (19, "tracked"), (21, "tracked"), (23, "dark")):
        assert status(ais_of(("8", hour, AT_BERTH)), visit((18, 20, 20, 22), "8"))[0][0] == told


def test_each_visit_has_its_own_answer_under_its_own_index() -> None:
    visits = as_table([visit((0, 5, 20, 30), "8"), visit((300, 305, 320, 330), "8")], VISIT_COLUMNS)
    visits.index = pd.Index([7, 3])
    found = ais_status(visits, ais_of(("8", 10, AT_BERTH)), PORT)
    assert found["ais"].to_dict() == {7: "tracked", 3: "no-data"}
