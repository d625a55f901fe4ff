"""Corrections: what persons said of looks is evidence of the next run, kept whole, never dropped in silence."""

import json
import threading
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from shapely.geometry import box

import berthwatch as bw
from berthwatch import corrections as kept
from berthwatch.config import LedgerTerms, Port, Source
from berthwatch.corrections import (
    FILE,
    Corrected,
    Correction,
    Corrections,
    Said,
    add_correction,
    corrected,
    read_corrections,
)
from berthwatch.datasets.registry import scenario
from berthwatch.datasets.simulate import simulate
from berthwatch.emission import PERSON, PRIOR, log_emission, log_statement
from berthwatch.errors import InputError
from berthwatch.inference import infer
from berthwatch.model import Berth
from berthwatch.page.evidence import joined_looks, told_in_words
from berthwatch.page.folder import read_folder
from berthwatch.page.view import sureness
from berthwatch.tables import OBSERVATION_COLUMNS, as_table
from berthwatch.verify import verify

WHEN = "2024-05-01T10:00:00Z"
HULL = {"change": 70.0, "hull_length_m": 110.0, "hull_beam_m": 17.0, "freeboard_m": 4.0, "freeboard_sigma_m": 0.3}


def port() -> Port:
    berth = Berth("B1", "berth", box(133.07, 42.74, 133.072, 42.741))
    source = Source("daily", "optical", "*.json", ("nir",))
    return Port("P", Path("port.yaml"), (berth,), None, None, None, (source,), LedgerTerms(), "")


def looks(taken: str, every_days: float = 4.0) -> pd.DataFrame:
    """A look for each letter: `x` a hull, `.` none, `?` not seen."""
    rows: list[dict[str, Any]] = []
    for number, letter in enumerate(taken):
        time = pd.Timestamp("2024-03-01", tz="UTC") + number * pd.Timedelta(days=every_days)
        row = {
            "berth_id": "B1",
            "time": time,
            "source": "daily",
            "scene_id": f"s{number}",
            "visible": 1.0,
            "reason": "",
        }
        row |= HULL if letter == "x" else {"visible": 0.0} if letter == "?" else {"change": 0.0}
        rows.append(row)
    return as_table(rows, OBSERVATION_COLUMNS)


def said(look: int, verdict: str, who: str = "Ada", berth: str = "B1") -> Correction:
    return Correction(berth, "daily", f"s{look}", verdict, who, WHEN)  # type: ignore[arg-type]


def occupied(table: pd.DataFrame, *corrections: Correction) -> pd.DataFrame:
    found = corrected(table, Corrections(corrections, "0"))
    return infer(found.observations, port()).occupancy


@pytest.mark.parametrize(
    ("taken", "look", "verdict", "before", "after"),
    [
        ("....x....", 4, "vacant", True, False),
        ("....x....", 6, "occupied", False, True),
        ("....?....", 4, "occupied", None, True),
        ("...x?x...", 4, "vacant", None, False),
        ("....x....", 4, "cannot tell", True, None),
        ("....x....", 4, "occupied", True, True),
    ],
)
def test_correction_changes_what_its_look_is_called(
    taken: str, look: int, verdict: str, before: bool | None, after: bool | None
) -> None:
    def called(table: pd.DataFrame) -> bool | None:
        value = table["occupied"].iloc[look]
        return None if pd.isna(value) else bool(value)

    assert called(occupied(looks(taken))) is before
    assert called(occupied(looks(taken), said(look, verdict))) is after


def test_a_person_is_strong_evidence_but_other_looks_can_outweigh_it() -> None:
    alone = occupied(looks("....x...."), said(4, "vacant"))["p_occupied"].iloc[4]
    amid = occupied(looks("..xxxxxxxxx..", every_days=0.01), said(6, "vacant"))["p_occupied"].iloc[6]
    assert 0 <= alone < 0.1
    assert amid > 0.5
    odds = np.diff(log_statement(np.array([1.0, 0.0])))[:, 0]
    assert odds.tolist() == pytest.approx([PERSON, -PERSON])
    (vacant, taken) = log_emission(np.array([70.0]), np.array([1.0]), PRIOR)[0]
    assert taken - vacant == pytest.approx(PERSON, abs=1.0)  # about as much as a hull that shines


def test_look_called_vacant_measures_no_vessel_and_one_that_cannot_be_told_nothing_at_all() -> None:
    found = corrected(looks("xxx"), Corrections((said(0, "vacant"), said(1, "cannot tell")), "0")).observations
    assert found["hull_length_m"].isna().tolist() == [True, True, False]
    assert found["freeboard_m"].isna().tolist() == [True, True, False]
    assert found["visible"].tolist() == [1.0, 0.0, 1.0]
    assert found["change"].isna().tolist() == [False, True, False]
    assert len(infer(found, port()).visits) == 1


def test_without_corrections_every_bit_stays() -> None:
    table = looks("..xx..x.")
    for nothing in (
        Corrections(),
        Corrections((), "e3b0"),
        Corrections((said(2, "vacant"), said(2, "withdrawn")), "0"),
    ):
        found = corrected(table, nothing)
        assert found.observations is table
        assert_frame_equal(
            infer(found.observations, port()).occupancy, infer(table, port()).occupancy, check_exact=True
        )


def test_last_word_on_a_look_counts_and_what_has_no_look_is_handed_back() -> None:
    several = (said(0, "vacant"), said(1, "vacant"), said(0, "occupied", "Bo"), said(1, "withdrawn"), said(7, "vacant"))
    found = corrected(looks("..."), Corrections((*several, said(0, "vacant", berth="B9")), "0"))
    assert [each.who for each in found.used] == ["Bo"]
    assert [(each.berth_id, each.scene_id) for each in found.not_found] == [("B1", "s7"), ("B9", "s0")]
    nowhere = corrected(looks("..."), Corrections((said(9, "vacant"),), "0"))
    assert nowhere == Corrected(nowhere.observations, (), (said(9, "vacant"),))


def test_what_is_added_is_read_again_with_who_and_when(tmp_path: Path) -> None:
    first = add_correction(tmp_path, Said("B1", "daily", "s1", "vacant", "Ada Ł. Ñ", "a crane, “no ship”"))
    before = (tmp_path / FILE).read_bytes()
    second = add_correction(tmp_path, Said("B1", "daily", "s2", "occupied", "Bo"))
    found = read_corrections(tmp_path)
    assert found.all == (first, second)
    assert (tmp_path / FILE).read_bytes().startswith(before)
    assert pd.Timestamp(first.when).tz_convert("UTC") > pd.Timestamp.now("UTC") - pd.Timedelta(minutes=5)
    assert read_corrections(tmp_path / "elsewhere") == Corrections()


def test_many_at_once_lose_none(tmp_path: Path) -> None:
    def add(number: int) -> None:
        add_correction(tmp_path, Said("B1", "daily", f"s{number}", "vacant", "Ada"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.scene_id for each in read_corrections(tmp_path).all) == sorted(f"s{n}" for n in range(16))
    assert {path.name for path in tmp_path.iterdir()} == {FILE, f".{FILE}.lock"}


def test_torn_line_is_one_clear_error_and_nothing_is_added_after_it(tmp_path: Path) -> None:
    add_correction(tmp_path, Said("B1", "daily", "s1", "vacant", "Ada"))
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole + whole[:30])
    with pytest.raises(InputError) as error:
        read_corrections(tmp_path)
    (fault,) = error.value.faults
    assert fault.where == f"{tmp_path / FILE}:2"
    assert "30 bytes that were cut off" in fault.came
    with pytest.raises(InputError):
        add_correction(tmp_path, Said("B1", "daily", "s2", "vacant", "Ada"))
    assert (tmp_path / FILE).read_bytes() == whole + whole[:30]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"verdict": "perhaps"}, "verdict"),
        ({"who": "  "}, "who"),
        ({"who": "Ada\nLovelace"}, "who"),
        ({"when": "2024-02-30T10:00:00Z"}, "when"),
        ({"when": "2024-02-03 10:00"}, "when"),
        ({"barrels": 7}, "barrels"),
        ({"scene_id": 7}, "scene_id"),
    ],
)
def test_line_of_another_form_is_named_by_its_key(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    good = asdict(said(1, "vacant"))
    (tmp_path / FILE).write_text(json.dumps(good) + "\n" + json.dumps(good | change) + "\n")
    with pytest.raises(InputError, match=f":2: expected a correction with a right '{expected}'"):
        read_corrections(tmp_path)


def test_file_that_is_no_json_or_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe not json\n\n")
    with pytest.raises(InputError, match="JSON object on one line"):
        read_corrections(tmp_path)
    (tmp_path / FILE).unlink()
    monkeypatch.setattr(kept, "MOST_BYTES", 150)
    add_correction(tmp_path, Said("B1", "daily", "s1", "vacant", "Ada"))
    with pytest.raises(InputError, match="at most 150 bytes"):
        add_correction(tmp_path, Said("B1", "daily", "s2", "vacant", "Ada"))
    assert len(read_corrections(tmp_path).all) == 1


def test_run_uses_counts_and_names_corrections(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    small = scenario("small-port")
    short = replace(small, optical=None, end=small.start + timedelta(days=20))
    run_file = simulate(short, tmp_path, seed=1)
    out = bw.run(bw.read_port(run_file), tmp_path / "out").out
    before, record = read_folder(out), json.loads((out / "run.json").read_text())
    assert (record["corrections_sha256"], record["corrections"]["used"]) == (None, 0)
    assert verify(out)[1] == []
    look = before.occupancy[before.occupancy["occupied"].fillna(value=False)].iloc[0]
    add_correction(out, Said(look.berth_id, look.source, look.scene_id, "cannot tell", "Ada"))
    add_correction(out, Said(look.berth_id, look.source, "gone", "vacant", "Bo"))
    assert [fault.where for fault in verify(out)[1]] == [str(out / FILE)]

    again = bw.run(bw.read_port(run_file), out)
    assert again.changed
    assert f"no look at berth {look.berth_id} in scene gone" in caplog.text
    after = read_folder(out)
    keys = ["berth_id", "source", "scene_id"]
    here = (after.occupancy[keys] == look[keys]).all(axis=1)
    assert after.occupancy[here]["occupied"].isna().all()
    assert_frame_equal(after.observations, before.observations)  # what was measured stays as it was measured
    told = after.record["corrections"]
    assert (told["used"], told["verdicts"]["cannot tell"], told["looks"][0]["who"]) == (1, 1, "Ada")
    assert [each["scene_id"] for each in told["not_found"]] == ["gone"]
    assert after.record["corrections_sha256"] == read_corrections(out).sha256
    assert any("1 was corrected by hand: 1 as not to be told, by Ada" in text for text in sureness(after))
    page = (out / "report.html").read_text()
    assert f'<th scope="row">{look.berth_id}</th><td class="hash">{look.scene_id}</td><td>cannot tell</td>' in page
    joined = joined_looks(after)
    (mine,) = joined[(joined[keys] == look[keys]).all(axis=1)].itertuples()
    assert "corrected: Ada could not tell" in told_in_words(mine)
    assert "corrections: as recorded" in verify(out)[0]

    caplog.clear()
    assert not bw.run(bw.read_port(run_file), out).changed
    assert "scene gone" in caplog.text  # named each time, as scenes set aside are
    (out / FILE).write_bytes((out / FILE).read_bytes()[:-5])
    with pytest.raises(InputError, match="cut off"):
        bw.run(bw.read_port(run_file), out)
    (out / FILE).unlink()
    assert bw.run(bw.read_port(run_file), out).changed
    assert_frame_equal(read_folder(out).occupancy, before.occupancy, check_exact=True)
