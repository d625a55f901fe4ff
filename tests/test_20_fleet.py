"""Fleet and AIS tables: blanks widen the answer, and what cannot be true is told by line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from berthwatch.errors import InputError
from berthwatch.fleet import NUMBER_LIMITS, read_ais, read_fleet
from berthwatch.tracker import clean_ais

HEADER = "vessel_id,name,flag,watch,length_m,beam_m,depth_m,draught_ballast_m,draught_laden_m,cargo_capacity_t,source\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def fleet_faults(path: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        read_fleet(path)
    return [str(fault) for fault in error.value.faults]


def ais_faults(path: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        read_ais(path)
    return [str(fault) for fault in error.value.faults]


def test_particulars_are_numbers_and_blanks_are_not_known(tmp_path: Path) -> None:
    text = "\ufeff" + HEADER + "8 ,Un Hung,NA,un-1718,120,18,9.5,4,7.5,7000,register\n\n9,,,,,,,,,,\n"
    fleet = read_fleet(write(tmp_path, text))
    assert fleet["vessel_id"].tolist() == ["8", "9"]
    assert fleet["flag"].tolist() == ["NA", ""]  # Namibia, not a missing value
    assert fleet["source"].tolist() == ["register", ""]
    assert fleet.loc[0, list(NUMBER_LIMITS)].tolist() == [120, 18, 9.5, 4, 7.5, 7000]
    assert fleet.loc[1, list(NUMBER_LIMITS)].isna().all()
    assert all(fleet[column].dtype == np.float64 for column in NUMBER_LIMITS)


def test_columns_that_are_not_there_are_blank(tmp_path: Path) -> None:
    fleet = read_fleet(write(tmp_path, "vessel_id\n8\n"))
    assert fleet["name"].tolist() == [""]
    assert fleet["beam_m"].isna().all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("8,,,,120,18,9,7,4,7000,", "draught_ballast_m: expected less than the laden draught of 4 m; got 7"),
        ("8,,,,120,18,9,4,7,0,", "cargo_capacity_t: expected more than zero, or a blank; got 0"),
        ("8,,,,120,18,31,4,7,7000,", "depth_m: expected less than the beam of 18 m (metres, not feet); got 31"),
        ("8,,,,394,59,9,4,25,7000,", "draught_laden_m: expected less than the depth of 9 m; got 25"),
        ("8,,,,394,18,9,4,7,7000,", "length_m: expected at most 13 times the beam of 18 m (metres, not feet); got 394"),
        ("8,,,,120,59,9,4,7,7000,", "beam_m: expected at most the length of 120 m over 2.2 (metres, not feet); got 59"),
        ("8,,,,120,18,,4,23,7000,", "draught_laden_m: expected less than the beam of 18 m (metres, not feet); got 23"),
        (
            "8,,,,289,46,23,10,18.4,3300,",
            "cargo_capacity_t: expected at least 24461 for a tanker of this length, beam and laden draught (metres,",
        ),
        ("8,,,,120,18,9,7,7,7000,", "draught_ballast_m: expected less than the laden draught of 7 m; got 7"),
        ("8,,,,820,18,9,4,7,7000,", "length_m: expected metres (not feet), at most 500; got 820"),
        ("8,,,,18,120,9,4,7,7000,", "beam_m: expected less than the length of 18 m; got 120"),
        ("8,,,,120 m,18,9,4,7,7000,", "length_m: expected a number or a blank; got '120 m'"),
        ("8,,,,inf,18,9,4,7,7000,", "length_m: expected a number or a blank; got 'inf'"),
        (",,,,120,18,9,4,7,7000,", "vessel_id: expected a vessel's id; got a blank"),
        ("8,,,,120", "expected 11 cells, as in the header; got 5"),
    ],
)
def test_particulars_that_cannot_be_true_are_refused_by_line(tmp_path: Path, row: str, message: str) -> None:
    found = fleet_faults(write(tmp_path, HEADER + "7,,,,,,,,,,\n" + row + "\n"))
    assert any(message in fault for fault in found)
    assert all(fault.startswith("table.csv:3") for fault in found)


@pytest.mark.parametrize(
    "row", ["135,11.45,3.6,,3.2,3000", "30,11,5,3,4,", "183,32.2,19.1,6.5,12.6,45000", "88,14,7,,,"]
)
def test_barges_tugs_and_tankers_are_let_pass(tmp_path: Path, row: str) -> None:
    assert len(read_fleet(write(tmp_path, HEADER + "8,,,," + row + ",\n"))) == 1


def test_duplicate_vessels_are_refused(tmp_path: Path) -> None:
    assert fleet_faults(write(tmp_path, "vessel_id,name\n8,A\n9,B\n8,C\n")) == [
        "table.csv:4 vessel_id: expected each vessel_id once; got '8', which line 2 has already"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "table.csv:1: expected a column vessel_id; got an empty file"),
        ("imo,name\n1,A\n", "table.csv:1: expected a column vessel_id; got imo, name"),
        ("vessel_id,draft_laden_m\n1,3\n", "expected a column draught_laden_m; got 'draft_laden_m': perhaps it is"),
        ("vessel_id,name,name\n1,a,b\n", "expected each column once; got 'name' 2 times"),
        ('vessel_id,name\n1,"a\n', "expected a CSV file in UTF-8; got"),
    ],
)
def test_a_table_of_another_shape_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in "\n".join(fleet_faults(write(tmp_path, text)))


def test_many_faults_are_cut_short(tmp_path: Path) -> None:
    found = fleet_faults(write(tmp_path, "vessel_id,beam_m\n" + "".join(f"{n},-1\n" for n in range(100))))
    assert len(found) == 21
    assert "80 faults more like these" in found[-1]


def test_positions_are_sorted_and_other_columns_kept(tmp_path: Path) -> None:
    text = (
        "time,vessel_id,lon,lat,sog\n2024-03-07T02:00:00+10:00,8,133.0,42.7,0.1\n2024-03-06 15:00:00Z,9,133.1,42.7,\n"
    )
    ais = read_ais(write(tmp_path, text))
    assert ais["vessel_id"].tolist() == ["9", "8"]
    assert ais["time"].tolist() == [pd.Timestamp("2024-03-06T15:00Z"), pd.Timestamp("2024-03-06T16:00Z")]
    assert ais["sog"].tolist() == ["", "0.1"]
    assert ais["lon"].tolist() == [133.1, 133.0]


def test_positions_not_available_are_blank_then_dropped_and_counted(tmp_path: Path) -> None:
    rows = ["8,2024-03-07T02:00:00Z,181,91", "8,2024-03-07T03:00:00Z,,", "8,2024-03-07T04:00:00Z,133,42.7"]
    ais = read_ais(write(tmp_path, "\n".join(["vessel_id,time,lon,lat", *rows, ""])))
    assert ais["lon"].isna().tolist() == ais["lat"].isna().tolist() == [True, True, False]
    left, counts = clean_ais(ais, {"8"}, None)
    assert left["lat"].tolist() == [42.7]
    assert (counts["positions"], counts["not_available"]) == (3, 2)


def test_bad_times_and_positions_are_refused_by_line(tmp_path: Path) -> None:
    rows = [
        "8,2024-03-07T02:00:00,133,42",
        "8,yesterday,133,42",
        "8,2024-03-07T02:00:00Z,233,42",
        "8,2024-03-07T02:00:00Z,133,north",
        ",2024-03-07T02:00:00Z,133,42",
    ]
    assert ais_faults(write(tmp_path, "vessel_id,time,lon,lat\n" + "\n".join(rows) + "\n")) == [
        "table.csv:6 vessel_id: expected a vessel's id; got a blank",
        "table.csv:2 time: expected a time with a zone, such as 2024-03-07T02:11:00Z; got '2024-03-07T02:00:00'",
        "table.csv:3 time: expected a time in ISO 8601; got 'yesterday'",
        "table.csv:4 lon: expected degrees from -180 to 180; got '233'",
        "table.csv:5 lat: expected degrees from -90 to 90; got 'north'",
    ]
