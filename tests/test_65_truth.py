"""Truths and labels as people write them: blanks are not known, and what cannot be true is one fault by line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from berthwatch.errors import InputError
from berthwatch.truth import read_labels, read_told, read_truth

STAY = "berth_id,arrival,departure"
FIRST, LAST = "2024-03-02T01:00Z", "2024-03-04T01:00Z"
LABELS = "time,scene_id,berth_id,occupied"


def write(folder: Path, text: str, name: str = "truth.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_blanks_are_not_known_and_other_columns_are_kept(tmp_path: Path) -> None:
    text = (
        f"visit,{STAY},barrels,transition,source\n7,B1,{FIRST},{LAST},,,seen by eye\n8,B1,{FIRST},{LAST},-3,loaded,\n"
    )
    table = read_truth(write(tmp_path, text))
    assert table["visit"].tolist() == ["7", "8"]
    np.testing.assert_array_equal(table["barrels"], [np.nan, -3])
    assert table["transition"].tolist() == ["", "loaded"]
    assert table["source"].tolist() == ["seen by eye", ""]
    assert "vessel_id" not in table


def test_a_truth_without_visits_is_a_port_where_nobody_came(tmp_path: Path) -> None:
    table = read_truth(write(tmp_path, STAY + "\n"))
    assert table.empty
    assert str(table["arrival"].dtype) == "datetime64[ns, UTC]"


def test_times_of_other_zones_are_the_same_moments(tmp_path: Path) -> None:
    table = read_truth(write(tmp_path, f"{STAY}\nB1,2024-03-02T11:00:00+10:00,{LAST}\n"))
    assert table["arrival"][0] == pd.Timestamp(FIRST)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"berth_id,arrival\nB1,{FIRST}", "truth.csv:1: expected a column departure; got berth_id, arrival"),
        ("", "truth.csv:1: expected a column berth_id; got an empty file"),
        (f"{STAY}\nB1,2024-03-02T01:00,{LAST}", "truth.csv:2 arrival: expected a time with a zone, such as"),
        (
            f"{STAY}\nB1,{LAST},{FIRST}",
            "departure: expected a time after the arrival of 2024-03-04T01:00:00Z; got 2024-03-02",
        ),
        (f"{STAY}\nB1,{LAST},{LAST}", "truth.csv:2 departure: expected a time after the arrival"),
        (f"{STAY}\nB1,{LAST},", "truth.csv:2 departure: expected a time in ISO 8601; got ''"),
        (f"{STAY}\n,{FIRST},{LAST}", "truth.csv:2 berth_id: expected a berth's id; got a blank"),
        (
            f"{STAY},transition\nB1,{FIRST},{LAST},filled",
            "transition: expected one of loaded, discharged, unchanged or a",
        ),
        (f"{STAY},in_fleet\nB1,{FIRST},{LAST},yes", "truth.csv:2 in_fleet: expected one of 0, 1 or a blank; got 'yes'"),
        (f"{STAY},barrels\nB1,{FIRST},{LAST},many", "barrels: expected a number or a blank; got 'many'"),
    ],
)
def test_truth_that_cannot_be_true_is_told_by_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_truth(write(tmp_path, text))
    assert message in str(error.value.faults[0])
    assert len(error.value.faults) == (3 if not text else 1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2024-03-02T00:00:00,s,B1,1,1", "labels.csv:2 time: expected a time with a zone"),
        (f"{FIRST},s,B1,2,1", "labels.csv:2 occupied: expected one of 1, 0, -1; got '2'"),
        (f"{FIRST},s,B1,,1", "labels.csv:2 occupied: expected one of 1, 0, -1; got ''"),
        (f"{FIRST},s,B1,1,40", "labels.csv:2 clear: expected a share from 0 to 1; got 40"),
    ],
)
def test_labels_that_cannot_be_are_told_by_line(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_labels(write(tmp_path, f"{LABELS},clear\n{row}\n", "labels.csv"))
    (fault,) = error.value.faults
    assert message in str(fault)


def test_labels_beside_the_truth_are_found_however_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, f"{STAY}\nB1,{FIRST},{LAST}\n")
    assert read_told(path)[1] is None
    write(tmp_path, f"{LABELS}\n{FIRST},s,B1,-1\n", "labels.csv")
    for way in (path, tmp_path):
        truth, labels = read_told(way)
        assert labels is not None
        assert (len(truth), labels["occupied"].tolist()) == (1, [-1.0])


def test_no_truth_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"got no truth\.csv in it"):
        read_told(tmp_path)
    with pytest.raises(InputError, match="got no such file"):
        read_told(tmp_path / "truth.csv")
