"""The vessels that may call, and where their trackers say they were: two CSV files.

Particulars are in metres and tonnes. A blank cell means not known and widens the answer; a cell that cannot
be true (draughts the wrong way round, feet for metres) is a fault with its line.
"""

import csv
import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from berthwatch.errors import Fault, InputError

TEXT_COLUMNS = ("vessel_id", "name", "flag", "watch")
NUMBER_LIMITS = {
    "length_m": 500.0,
    "beam_m": 80.0,
    "depth_m": 45.0,
    "draught_ballast_m": 30.0,
    "draught_laden_m": 30.0,
    "cargo_capacity_t": 650_000.0,
}
"""Each particular's column and a bound above the largest vessel ever built: beyond it the unit is wrong."""

AIS_COLUMNS = ("vessel_id", "time", "lon", "lat")
Lines = NDArray[np.int64]
"""The line of the file each row ends on."""

_MOST_FAULTS = 20
"""Faults shown of one file: a wrong column would otherwise be a page of the same line."""


def read_fleet(path: Path) -> pd.DataFrame:
    """Read the vessels' particulars.

    Parameters
    ----------
    path
        CSV with the column `vessel_id`, and any of `name, flag, watch, length_m, beam_m, depth_m,
        draught_ballast_m, draught_laden_m, cargo_capacity_t`. Other columns are kept as text.

    Returns
    -------
    DataFrame
        One row per vessel: texts as str ("" where blank), particulars as float64 (NaN where blank). Columns that
        the file lacks are there, blank.

    Raises
    ------
    InputError
        With a fault for each cell that cannot be true, by line.
    """
    table, lines = _read_table(path, (*TEXT_COLUMNS, *NUMBER_LIMITS), required=("vessel_id",))
    faults = [*_id_faults(path, table["vessel_id"], lines)]
    for column in NUMBER_LIMITS:
        table[column], wrong = _numbers(path, table[column], lines)
        faults += wrong
    for line, (_, row) in zip(lines, table.iterrows(), strict=True):
        particulars = {column: float(row[column]) for column in NUMBER_LIMITS}
        where = f"{path.name}:{line} (vessel {row['vessel_id']})"
        faults += [Fault(f"{where} {column}", expected, came) for column, expected, came in _untrue(particulars)]
    _raise(path, faults)
    return table


def read_ais(path: Path) -> pd.DataFrame:
    """Read tracker positions.

    Parameters
    ----------
    path
        CSV with the columns `vessel_id, time, lon, lat`: ISO 8601 times with a zone, degrees (EPSG:4326). Other
        columns are kept as text. Rows with a blank position, or AIS's own "not available" (longitude 181,
        latitude 91), are left out.

    Returns
    -------
    DataFrame
        Sorted by time: `time` datetime64 in UTC, `lon` and `lat` float64, the rest str.

    Raises
    ------
    InputError
        With a fault for each time and position that cannot be read, by line.
    """
    table, lines = _read_table(path, AIS_COLUMNS, required=AIS_COLUMNS)
    nowhere = table["lon"].isin(["", "181", "181.0"]) | table["lat"].isin(["", "91", "91.0"])
    lines = lines[~nowhere.to_numpy()]
    table = table[~nowhere].reset_index(drop=True)
    faults = [
        Fault(f"{path.name}:{line} vessel_id", "a vessel's id", "a blank") for line in lines[table["vessel_id"] == ""]
    ]
    table["time"], wrong = _times(path, table["time"], lines)
    faults += wrong
    for column, limit in (("lon", 180.0), ("lat", 90.0)):
        degrees = pd.to_numeric(table[column], errors="coerce").astype("float64")
        for row in np.flatnonzero(~(degrees.abs() <= limit)):
            where = f"{path.name}:{lines[row]} {column}"
            faults.append(Fault(where, f"degrees from {-limit:g} to {limit:g}", repr(table[column][row])))
        table[column] = degrees
    _raise(path, faults)
    return table.sort_values(["time", "vessel_id"], kind="stable", ignore_index=True)


def _read_table(path: Path, known: tuple[str, ...], required: tuple[str, ...]) -> tuple[pd.DataFrame, Lines]:
    """All cells as stripped text, and the line each row ends on; known columns that are not there are blank."""
    try:
        # utf-8-sig: spreadsheets write a byte-order mark, which would become part of the first column's name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if any(map(str.strip, row))]
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError([Fault(path.name, "a CSV file in UTF-8", str(error))]) from None
    faults = [*_header_faults(path, header, known, required)]
    for line, row in rows:
        if len(row) != len(header):
            faults.append(Fault(f"{path.name}:{line}", f"{len(header)} cells, as in the header", str(len(row))))
    _raise(path, faults)
    table = pd.DataFrame([row for _, row in rows], columns=header, dtype="str")
    for column in known:
        if column not in table:
            table[column] = ""
    return table, np.array([line for line, _ in rows], dtype=np.int64)


def _header_faults(path: Path, header: list[str], known: tuple[str, ...], required: tuple[str, ...]) -> Iterator[Fault]:
    where = f"{path.name}:1"
    missing = [column for column in known if column not in header]
    for column in required:
        if column in missing:
            yield Fault(where, f"a column {column}", ", ".join(header) or "an empty file")
    for column in sorted(set(header)):
        if header.count(column) > 1:
            yield Fault(where, "each column once", f"{column!r} {header.count(column)} times")
        # A misspelt column would be kept as an extra one, and its values silently not used.
        near = difflib.get_close_matches(column, missing, n=1, cutoff=0.8)
        if near and column not in known and near[0] not in required:
            yield Fault(where, f"a column {near[0]}", f"{column!r}: perhaps it is misspelt")


def _id_faults(path: Path, ids: pd.Series, lines: Lines) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for line, vessel_id in zip(lines.tolist(), ids, strict=True):
        where = f"{path.name}:{line} vessel_id"
        if not vessel_id:
            yield Fault(where, "a vessel's id", "a blank")
        elif vessel_id in first:
            yield Fault(where, "each vessel_id once", f"{vessel_id!r}, which line {first[vessel_id]} has already")
        else:
            first[vessel_id] = line


def _numbers(path: Path, cells: pd.Series, lines: Lines) -> tuple[pd.Series, list[Fault]]:
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    wrong = (cells != "") & ~np.isfinite(numbers)
    faults = [
        Fault(f"{path.name}:{lines[row]} {cells.name}", "a number or a blank", repr(cells[row]))
        for row in np.flatnonzero(wrong)
    ]
    return numbers.where(~wrong), faults


def _untrue(vessel: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    """What cannot be true of one vessel, as (column, expected, came). Comparisons with NaN are False."""
    for column, limit in NUMBER_LIMITS.items():
        value = vessel[column]
        if value <= 0.0:
            yield column, "more than zero, or a blank", f"{value:g}"
        elif value > limit:
            unit = "tonnes" if column.endswith("_t") else "metres (not feet)"
            yield column, f"{unit}, at most {limit:g}", f"{value:g}"
    length, beam, depth = vessel["length_m"], vessel["beam_m"], vessel["depth_m"]
    ballast, laden = vessel["draught_ballast_m"], vessel["draught_laden_m"]
    if beam > length:
        yield "beam_m", f"less than the length of {length:g} m", f"{beam:g}"
    if depth > beam:
        yield "depth_m", f"less than the beam of {beam:g} m (metres, not feet)", f"{depth:g}"
    if ballast >= laden:
        yield "draught_ballast_m", f"less than the laden draught of {laden:g} m", f"{ballast:g}"
    for column in ("draught_ballast_m", "draught_laden_m"):
        if vessel[column] >= depth:
            yield column, f"less than the depth of {depth:g} m", f"{vessel[column]:g}"


def _times(path: Path, cells: pd.Series, lines: Lines) -> tuple[pd.Series, list[Fault]]:
    times = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
    zoned = cells.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$", flags=re.IGNORECASE, regex=True)
    faults = []
    for row in np.flatnonzero(times.isna() | ~zoned):
        expected = "a time in ISO 8601" if pd.isna(times[row]) else "a time with a zone, such as 2024-03-07T02:11:00Z"
        faults.append(Fault(f"{path.name}:{lines[row]} time", expected, repr(cells[row])))
    return times, faults


def _raise(path: Path, faults: list[Fault]) -> None:
    if len(faults) > _MOST_FAULTS:
        more = len(faults) - _MOST_FAULTS
        faults = [*faults[:_MOST_FAULTS], Fault(path.name, "a table without faults", f"{more} faults more like these")]
    if faults:
        raise InputError(faults)
