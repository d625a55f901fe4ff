"""Visits: windows of arrival and departure from looks, and the order they must always keep."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.calls import DRAWS, Calls
from berthwatch.tables import VISIT_COLUMNS
from berthwatch.verdict import Told
from berthwatch.vessel import candidates
from berthwatch.visit import visits_of

START = pd.Timestamp("2024-03-01T00:00:00Z")


def judged(
    p_occupied: Sequence[float | None], berth_id: str = "B1", days: Sequence[float] | None = None
) -> pd.DataFrame:
    """Looks at a berth a day apart; None is a look that saw nothing (its probability is then high, to tempt)."""
    times = [START + pd.Timedelta(days=day) for day in (days or range(len(p_occupied)))]
    return pd.DataFrame(
        {
            "berth_id": pd.Series([berth_id] * len(p_occupied), dtype="str"),
            "time": pd.Series(times, dtype="datetime64[ns, UTC]"),
            "source": "s1",
            "scene_id": [f"s-{time:%m%dT%H%M%S}" for time in times],
            "visible": [0.0 if p is None else 1.0 for p in p_occupied],
            "p_occupied": [0.97 if p is None else p for p in p_occupied],
            "change": [np.nan if p is None else 50.0 * (p >= 0.5) for p in p_occupied],
            "hull_length_m": [100.0 + index for index in range(len(p_occupied))],
            "hull_beam_m": 16.0,
            "freeboard_m": np.nan,
        }
    )


def windows(looks: pd.DataFrame, berths: tuple[str, ...] = ("B1",)) -> list[tuple[float | None, ...]]:
    """The four times of each visit, as days after the start; None where open."""
    table = visits_of(looks, list(berths))
    names = ("arrival_after", "arrival_before", "departure_after", "departure_before")
    return [
        tuple(None if pd.isna(row[name]) else (row[name] - START) / pd.Timedelta(days=1) for name in names)
        for row in table.to_dict("records")
    ]


def test_a_visit_lies_between_the_looks_around_it() -> None:
    assert windows(judged([0.01, 0.01, 0.99, 0.99, 0.99, 0.01])) == [(1, 2, 4, 5)]


def test_one_look_makes_a_visit() -> None:
    assert windows(judged([0.01, 0.99, 0.01])) == [(0, 1, 1, 2)]


def test_windows_are_open_where_the_series_ends() -> None:
    assert windows(judged([0.99, 0.99, 0.01, 0.99])) == [(None, 0, 1, 2), (2, 3, 3, None)]
    assert windows(judged([0.99, 0.99])) == [(None, 0, 1, None)]


def test_looks_that_saw_nothing_are_skipped() -> None:
    assert windows(judged([0.01, None, 0.99, None, 0.99, None, None, 0.01])) == [(0, 2, 4, 7)]
    assert windows(judged([None, 0.99, None])) == [(None, 1, 1, None)]
    assert windows(judged([None, None])) == []


def test_doubtful_looks_widen_the_windows() -> None:
    assert windows(judged([0.01, 0.2, 0.7, 0.99, 0.99, 0.6, 0.3, 0.02])) == [(0, 3, 4, 7)]


def test_a_visit_never_surely_seen_keeps_its_first_and_last_look() -> None:
    assert windows(judged([0.01, 0.6, 0.8, 0.01])) == [(0, 1, 2, 3)]


def test_a_doubtful_look_between_two_visits_keeps_them_apart() -> None:
    first, second = windows(judged([0.01, 0.99, 0.3, 0.99, 0.01]))
    assert first == (0, 1, 1, 3)
    assert second == (1, 3, 3, 4)
    first, second = windows(judged([0.01, 0.99, 0.6, 0.3, 0.6, 0.99, 0.01]))
    assert first[3] is not None
    assert second[0] is not None
    assert first[3] <= 5
    assert second[0] >= 1


def test_visits_keep_their_ids_when_scenes_are_added_before_and_after() -> None:
    inner = [0.01, 0.99, 0.99, 0.01, 0.6, 0.98, 0.01]
    days = [10 + day for day in range(len(inner))]
    more = judged([0.99, 0.01, *inner, 0.01, 0.99], days=[1.0, 2.0, *days, 30.0, 31.0])
    before = visits_of(judged(inner, days=days), ["B1"])
    after = visits_of(more, ["B1"])
    assert before["visit_id"].tolist() == ["B1-20240312T000000", "B1-20240316T000000"]
    assert after["visit_id"].tolist()[1:3] == before["visit_id"].tolist()
    assert after["visit_id"].is_unique


def test_a_longer_stay_is_the_same_visit() -> None:
    short = visits_of(judged([0.01, 0.99, 0.99]), ["B1"])
    longer = visits_of(judged([0.01, 0.99, 0.99, 0.99, 0.01]), ["B1"])
    assert short["visit_id"].tolist() == longer["visit_id"].tolist()


def test_controls_have_no_visits() -> None:
    looks = pd.concat([judged([0.01, 0.99, 0.01]), judged([0.99] * 3, "C1")])
    assert visits_of(looks, ["B1"])["berth_id"].tolist() == ["B1"]


def test_what_is_known_of_a_visit_is_told_and_nothing_else() -> None:
    table = visits_of(judged([0.01, 0.99, None, 0.99, 0.99, 0.01]), ["B1"])
    assert {name: str(kind) for name, kind in table.dtypes.items()} == dict(VISIT_COLUMNS)
    (row,) = table.to_dict("records")
    assert row["observations"] == 3
    assert row["scenes"] == ["s-0302T000000", "s-0304T000000", "s-0305T000000"]
    assert (row["length_m"], row["beam_m"]) == (103.0, 16.0)
    assert (row["transition"], row["ais"]) == ("undetermined", "no-data")
    blank = [name for name in VISIT_COLUMNS if name.startswith(("barrels", "vessel", "arrival_load", "departure_load"))]
    assert table[blank].isna().all(axis=None)


def test_visits_come_in_order_of_arrival() -> None:
    looks = pd.concat([judged([0.01, 0.01, 0.99, 0.01], "A"), judged([0.01, 0.99, 0.01, 0.99], "B")])
    table = visits_of(looks, ["A", "B"])
    assert table["berth_id"].tolist() == ["B", "A", "B"]


PROBABILITY = (
    st.none() | st.sampled_from([0.0, 0.01, 0.05, 0.3, 0.4999, 0.5, 0.6, 0.94, 0.95, 0.99, 1.0]) | st.floats(0, 1)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(PROBABILITY, st.integers(1, 40)), min_size=1, max_size=25))
def test_windows_are_always_in_order_and_visits_never_overlap(looks: list[tuple[float | None, int]]) -> None:
    hours = pd.Series([gap for _, gap in looks]).cumsum()
    series = judged([p for p, _ in looks], days=(hours / 24).tolist())
    found = visits_of(series, ["B1"])
    times = found[["arrival_after", "arrival_before", "departure_after", "departure_before"]]
    known = times.fillna({"arrival_after": pd.Timestamp.min.tz_localize("UTC") + pd.Timedelta(days=1)})
    known = known.fillna({"departure_before": pd.Timestamp.max.tz_localize("UTC") - pd.Timedelta(days=1)})
    assert (known["arrival_after"] < known["arrival_before"]).all()
    assert (known["arrival_before"] <= known["departure_after"]).all()
    assert (known["departure_after"] < known["departure_before"]).all()
    assert found["visit_id"].is_unique
    ends, starts = known.iloc[:-1].reset_index(drop=True), known.iloc[1:].reset_index(drop=True)
    assert (ends["departure_before"] <= starts["arrival_before"]).all()
    assert (starts["arrival_after"] >= ends["departure_after"]).all()
    taken = sum(p is not None and p >= 0.5 for p, _ in looks)
    assert found["observations"].sum() == taken


def told(at: list[list[int]]) -> Told:
    """Draws in which the calls of these numbers lay at one berth at each look, -1 for none."""
    draws = [at[draw % len(at)] for draw in range(DRAWS)]
    rows = [(draw, call, looks) for draw, looks in enumerate(draws) for call in sorted(set(looks) - {-1})]
    spans = [[look for look, lay in enumerate(looks) if lay == call] for _, call, looks in rows]
    size, nothing = len(rows), np.zeros(len(rows))
    calls = Calls(
        np.array([draw for draw, _, _ in rows]), np.zeros(size, np.int64), nothing, nothing, np.zeros(size, np.int64),
        np.zeros(size, np.int64), nothing, nothing, np.array([span[0] for span in spans]),
        np.array([span[-1] for span in spans]), np.ones(size, np.bool_), np.full((DRAWS, 3), 1 / 3),
    )  # fmt: skip
    return Told(calls, candidates(None), nothing, None)


def test_where_another_vessel_may_have_followed_the_windows_say_so() -> None:
    """One vessel at all three looks in two draws of three, and in the third another at the last look."""
    table = visits_of(
        judged([0.01, 0.99, 0.99, 0.99, 0.01]), ["B1"], told([[-1, 0, 0, 0, -1]] * 2 + [[-1, 0, 0, 1, -1]])
    )
    (row,) = table.to_dict("records")
    days = [row[name].day for name in ("arrival_after", "arrival_before", "departure_after", "departure_before")]
    assert days == [1, 2, 3, 5]
    assert row["observations"] == 3


def test_a_run_is_cut_where_another_vessel_followed_in_most_draws() -> None:
    table = visits_of(
        judged([0.01, 0.99, 0.99, 0.99, 0.01]), ["B1"], told([[-1, 0, 0, 1, -1]] * 2 + [[-1, 0, 0, 0, -1]])
    )
    assert table["observations"].tolist() == [2, 1]
    first, second = table.to_dict("records")
    assert first["departure_after"].day == 3
    assert first["departure_before"].day == 5, "it may have been the one at the last look"
    assert second["arrival_after"].day == 1, "or it may have lain there all the time"
