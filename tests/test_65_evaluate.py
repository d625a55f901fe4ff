"""A run scored against the truth: matching, each score, what has no data, and truths that cannot be true."""

import json
from pathlib import Path

import pandas as pd
import pytest

from berthwatch.errors import InputError
from berthwatch.evaluate import evaluate
from berthwatch.scoresheet import scoresheet
from berthwatch.tables import LEDGER_COLUMNS, OBSERVATION_COLUMNS, OCCUPANCY_COLUMNS, VISIT_COLUMNS, as_table

START = pd.Timestamp("2024-03-01T00:00:00Z")


def day(number: float) -> pd.Timestamp:
    return START + pd.Timedelta(days=number)


def stamp(number: float) -> str:
    return f"{day(number):%Y-%m-%dT%H:%M:%SZ}"


def seen(first: float, last: float, berth_id: str = "B1", **more: object) -> dict[str, object]:
    """A visit whose looks are at noon: the berth was vacant a day before the first and a day after the last."""
    return {
        "visit_id": f"{berth_id}-{first:g}", "berth_id": berth_id, "observations": 2, "scenes": [], "ais": "no-data",
        "arrival_after": day(first - 1), "arrival_before": day(first),
        "departure_after": day(last), "departure_before": day(last + 1), "transition": "undetermined", **more,
    }  # fmt: skip


def true(arrival: float, departure: float, berth_id: str = "B1", **more: object) -> dict[str, object]:
    return {"berth_id": berth_id, "arrival": stamp(arrival), "departure": stamp(departure), **more}


def write_run(folder: Path, visits: list[dict[str, object]], ledger: object = (), visible=1.0, **summary) -> Path:
    """Twenty daily looks at B1 and B2 and a control, and these visits."""
    folder.mkdir()
    looks = [
        {"berth_id": berth_id, "time": day(number), "source": "s", "scene_id": f"s{number}", "visible": visible,
         "observations": 1, "p_occupied": 0.1 if berth_id == "B1" else 0.6, "occupied": False}
        for number in range(20)
        for berth_id in ("B1", "B2", "C1")
    ]  # fmt: skip
    as_table(looks, OBSERVATION_COLUMNS).to_parquet(folder / "observations.parquet")
    as_table(looks, OCCUPANCY_COLUMNS).to_parquet(folder / "occupancy.parquet")
    as_table(visits, VISIT_COLUMNS).to_parquet(folder / "visits.parquet")
    as_table(ledger, LEDGER_COLUMNS).to_csv(folder / "ledger.csv", index=False)
    (folder / "summary.json").write_text(json.dumps(summary))
    berths = [{"berth_id": "B1"}, {"berth_id": "B2"}, {"berth_id": "C1", "kind": "control"}]
    (folder / "run.json").write_text(json.dumps({"port": "synthetic pier", "berths": berths}))
    return folder


def write_truth(folder: Path, visits: list[dict[str, object]], labels: list[dict[str, object]] | None = None) -> Path:
    folder.mkdir()
    columns = list(visits[0]) if visits else ["berth_id", "arrival", "departure", "transition", "vessel_id", "ais"]
    pd.DataFrame(visits, columns=columns).to_csv(folder / "truth.csv", index=False)
    if labels is not None:
        pd.DataFrame(labels).to_csv(folder / "labels.csv", index=False)
    return folder


def label(number: int, berth_id: str = "B1", **more: object) -> dict[str, object]:
    return {"time": stamp(number), "scene_id": f"s{number}", "berth_id": berth_id, "occupied": 0, **more}


@pytest.fixture
def scored(tmp_path: Path):
    def call(visits, truth, labels=None, **run):
        return evaluate(write_run(tmp_path / "run", visits, **run), write_truth(tmp_path / "truth", truth, labels))

    return call


def rows(score: dict[str, object]) -> tuple[int, int, int]:
    return score["matched"], score["missed"], score["false"]


def test_each_seen_visit_is_one_true_one(scored) -> None:
    # The first stay was seen as two, the two at B2 as one; one was seen in a single look; one is made up.
    visits = [seen(2, 4), seen(5, 5), seen(9, 9), seen(14, 15), seen(2, 8, "B2")]
    truth = [true(1.5, 5.5), true(8.9, 9.2), true(1.9, 3, "B2"), true(4, 8.1, "B2")]
    scores = scored(visits, truth)
    assert rows(scores["visits"]["all"]) == (3, 1, 2)
    assert scores["visits"]["false_visits"] == ["B1-5", "B1-14"]
    assert scores["visits"]["missed_visits"] == ["3"]
    assert scores["visits"]["all"]["f1"] == pytest.approx(2 * 3 / (2 * 3 + 2 + 1))


def test_a_stay_that_only_touches_the_windows_is_no_match(scored) -> None:
    scores = scored([seen(5, 6)], [true(4.2, 4.9), true(6.1, 6.8)])
    assert rows(scores["visits"]["all"]) == (0, 2, 1)
    assert scores["timing"]["both_inside"]["share"] is None


def test_visits_outside_the_span_of_the_scenes_are_not_asked_for(scored) -> None:
    scores = scored([seen(2, 3)], [true(-5, -2), true(1.5, 3.5), true(18, 25), true(21, 24)])
    assert scores["truth"] == {"visits": 4, "not_watched": 0, "in_span": 2}
    assert rows(scores["visits"]["all"]) == (1, 1, 0)


def test_a_visit_without_a_clear_look_counts_as_neither_found_nor_false(scored) -> None:
    labels = [label(number, clear=0.95 if number == 10 else 0.5) for number in range(20)]
    scores = scored([seen(2, 3)], [true(1.5, 3.5), true(5.5, 7.5), true(9.5, 10.5)], labels)
    assert rows(scores["visits"]["with_a_clear_look"]) == (0, 1, 0)
    assert rows(scores["visits"]["all"]) == (1, 2, 0)


def test_labels_of_scenes_that_the_run_was_not_given_are_no_looks(scored) -> None:
    labels = [label(2, clear=1.0), {**label(6, clear=1.0), "scene_id": "of another sensor"}]
    scores = scored([], [true(1.5, 3.5), true(5.5, 7.5)], labels)
    assert scores["visits"]["with_a_clear_look"]["missed"] == 1


@pytest.mark.parametrize(("visible", "missed"), [(0.5, 1), (0.49, 0)])
def test_without_clear_in_the_labels_a_look_is_clear_where_the_run_saw(scored, visible, missed) -> None:
    scores = scored([], [true(1.5, 3.5)], [label(2)], visible=visible)
    assert scores["visits"]["with_a_clear_look"]["missed"] == missed


def test_open_windows_hold_any_time_and_have_no_width(scored) -> None:
    opened = seen(0, 19) | {"arrival_after": None, "departure_before": None}
    scores = scored([opened, seen(4, 6, "B2")], [true(-3, 25), true(2.5, 6.5, "B2")])
    timing = scores["timing"]
    assert timing["arrival"] == {"inside": {"share": 0.5, "hits": 1, "of": 2}, "median_width_h": 24.0, "open": 1}
    assert timing["departure"]["inside"]["share"] == 1.0
    assert timing["both_inside"]["hits"] == 1


def test_transitions_are_right_among_the_decided_and_nothing_else_is_called_loaded(scored) -> None:
    said = ["loaded", "undetermined", "loaded", "discharged", "unchanged"]
    is_so = ["loaded", "loaded", "unchanged", "discharged", ""]
    visits = [seen(1 + 3 * k, 2 + 3 * k, transition=what) for k, what in enumerate(said)]
    truth = [true(0.5 + 3 * k, 2.5 + 3 * k, transition=what) for k, what in enumerate(is_so)]
    scores = scored([*visits, seen(17, 18, transition="loaded")], truth)["transitions"]
    assert scores["decided"] == {"share": 0.75, "hits": 3, "of": 4}
    assert (scores["right"]["hits"], scores["right"]["of"]) == (2, 3)
    assert (scores["others_called_loaded"]["hits"], scores["others_called_loaded"]["of"]) == (1, 2)
    assert scores["false_visits_called_loaded"] == 1
    assert scores["confusion"]["loaded"] == {"loaded": 1, "discharged": 0, "unchanged": 0, "undetermined": 1}


def test_totals_are_the_ledgers_last_day_against_loaded_calls_that_left(scored) -> None:
    moved = [("loaded", 1000), ("discharged", -700), ("unchanged", 5), ("loaded", 4000), ("loaded", 90)]
    stays = [(0.5, 2.5), (3.5, 5), (6, 7), (17, 30), (-3, -0.1)]
    truth = [true(*stay, transition=what, barrels=n) for stay, (what, n) in zip(stays, moved, strict=True)]
    names = ("seen_low", "seen", "seen_high", "estimated_low", "estimated", "estimated_high")
    days = [(0, 1, 2, 3, 4, 5), (800, 900, 990, 900, 1100, 1450)]
    ledger = [{"date": f"2024-03-{19 + k}", **dict(zip(names, values, strict=True))} for k, values in enumerate(days)]
    estimate = {"visits_estimated_low": 3, "visits_estimated": 4.5, "visits_estimated_high": 7}
    scores = scored([], truth, ledger=ledger, **estimate)
    seen_total, estimated = (scores["totals"][name]["2024"] for name in ("seen", "estimated"))
    assert (seen_total["true"], seen_total["covered"]) == (1000.0, False)
    assert (estimated["covered"], estimated["half_width"]) == (True, 0.25)
    assert (scores["totals"]["visits_estimated"]["true"], scores["totals"]["visits_estimated"]["covered"]) == (4, True)
    assert "1,100  (900 to 1,450, ±25 %)" in scoresheet(scores)


def test_total_of_a_truth_with_an_unknown_cargo_is_not_judged(scored) -> None:
    scores = scored([], [true(1, 2, transition="loaded", barrels="")], ledger=[{"date": "2024-03-20"}])
    assert "does not tell the barrels of every call that loaded" in scores["left_out"]["totals.seen"]


def test_intervals_vessels_and_ais_of_matched_visits(scored) -> None:
    load = {"departure_load": 0.8, "departure_load_low": 0.7, "departure_load_high": 0.9}
    named = {"vessel_id": "8", "vessel_probability": 0.9}
    visits = [
        seen(1, 2, ais="dark", **load, **named), seen(4, 5, ais="dark", **load, **named),
        seen(8, 9, vessel_id="8", vessel_probability=0.5), seen(12, 13, ais="tracked", **named),
    ]  # fmt: skip
    told = [(0.85, "8", 1, "dark"), (0.95, "9", 1, "tracked"), ("", "8", 1, "dark"), (0.9, "8", 0, "tracked")]
    names = ("departure_load", "vessel_id", "in_fleet", "ais")
    truth = [
        true(first - 0.5, first + 1.5, **dict(zip(names, values, strict=True)))
        for first, values in zip((1, 4, 8, 12), told, strict=True)
    ]
    scores = scored(visits, truth)
    loads = scores["departure_load"]
    assert (loads["stated"]["of"], loads["stated"]["hits"], loads["covered"]["share"]) == (3, 2, 0.5)
    assert (loads["mean_width"], loads["mean_error"]) == (pytest.approx(0.2), pytest.approx(-0.1))
    vessels = scores["vessels"]
    assert (vessels["named"]["hits"], vessels["right"]["hits"]) == (3, 1)
    assert vessels["strangers_named"] == {"share": 1.0, "hits": 1, "of": 1}
    assert (scores["ais"]["decided"]["hits"], scores["ais"]["right"]["hits"]) == (3, 2)
    assert scores["ais"]["tracked_called_dark"]["share"] == 0.5
    assert scores["calibration"]["vessel"]["brier"] == pytest.approx((0.01 + 0.81 + 0.25 + 0.81) / 4)


def test_occupancy_is_calibrated_at_berths_and_not_at_controls_or_where_nobody_could_tell(scored) -> None:
    labels = [label(1), label(2, "B2", occupied=1), label(3, "B2", occupied=-1), label(1, "C1", occupied=1)]
    occupied = scored([], [true(1.5, 2.5, "B2")], labels)["calibration"]["occupied"]
    assert (occupied["count"], occupied["brier"]) == (2, pytest.approx((0.01 + 0.16) / 2))
    assert [one["count"] for one in occupied["bins"]] == [0, 1, 0, 0, 0, 0, 1, 0, 0, 0]


def test_a_port_where_nobody_came_has_no_data_and_no_percentages(scored) -> None:
    scores = scored([], [])
    sheet = scoresheet(scores)
    assert scores["visits"]["all"]["f1"] is None
    assert "no data" in sheet
    assert "%  (" not in sheet
    json.dumps(scores, allow_nan=False)


def test_what_the_truth_does_not_tell_is_left_out_with_the_reason(scored) -> None:
    scores = scored([seen(2, 3)], [true(1.5, 3.5)])
    assert scores["transitions"] is None
    assert scores["left_out"]["transitions"] == "the truth has no column transition"
    assert scores["left_out"]["totals.visits_estimated"] == "the run's summary does not state it"
    assert scores["left_out"]["calibration.occupied"] == "no labels.csv beside the truth"
    assert "  barrels: the truth has no column barrels" in scoresheet(scores)


def test_ledger_without_barrels_is_told(scored) -> None:
    scores = scored([], [true(1.5, 3.5, barrels=7)], ledger=[{"date": "2024-03-20"}])
    assert scores["left_out"]["totals.seen"] == "the run's ledger states no barrels"


def test_visits_at_berths_that_the_run_did_not_watch_are_counted_apart(scored) -> None:
    scores = scored([], [true(1.5, 3.5), true(1.5, 3.5, "Z9")])
    assert scores["truth"] == {"visits": 2, "not_watched": 1, "in_span": 1}
    assert "1 more true visits are at berths that the run did not watch" in scoresheet(scores)


def test_truth_of_another_port_is_refused(scored) -> None:
    with pytest.raises(InputError, match=r"visits to berths of the run \(B1, B2, C1\); got Q7"):
        scored([], [true(1.5, 3.5, "Q7")])


def test_labels_of_another_run_are_refused(scored) -> None:
    with pytest.raises(InputError, match="expected scenes of the run; got none of them among its 1"):
        scored([], [true(1.5, 3.5)], [label(1, scene_id="elsewhere")])


def test_run_whose_times_have_no_zone_is_refused(tmp_path: Path) -> None:
    run, truth = write_run(tmp_path / "run", [seen(2, 3)]), write_truth(tmp_path / "truth", [true(1.5, 3.5)])
    table = pd.read_parquet(run / "visits.parquet")
    table["arrival_before"] = table["arrival_before"].dt.tz_localize(None)
    table.to_parquet(run / "visits.parquet")
    with pytest.raises(InputError, match="times with a zone in arrival_before") as error:
        evaluate(run, truth)
    assert len(error.value.faults) == 1


def test_command_prints_the_sheet_and_writes_the_scores(tmp_path: Path, command_line) -> None:
    run, truth = write_run(tmp_path / "run", [seen(2, 3)]), write_truth(tmp_path / "truth", [true(1.5, 3.5)])
    result = command_line("evaluate", run, truth, "--json", tmp_path / "scores.json")
    assert result.returncode == 0, result.stderr
    scores = evaluate(run, truth)
    assert result.stdout == scoresheet(scores) + "\n"
    assert json.loads((tmp_path / "scores.json").read_text()) == scores


def test_command_says_what_is_missing_and_exits_2(tmp_path: Path, command_line) -> None:
    (write_run(tmp_path / "run", []) / "visits.parquet").unlink()
    result = command_line("evaluate", tmp_path / "run", write_truth(tmp_path / "truth", [true(1.5, 3.5)]))
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "visits.parquet" in result.stderr
