"""CSV tables from other people's hands: every cell read as text first, so that each fault has its line."""

import csv
import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from berthwatch.errors import Fault, InputError

Lines = NDArray[np.int64]
"""The line of the file each row ends on."""

_MOST_FAULTS = 20
"""Faults shown of one file: a wrong column would otherwise be a page of the same line."""


def read_csv_table(path: Path, known: tuple[str, ...], required: tuple[str, ...]) -> tuple[pd.DataFrame, Lines]:
    """All cells as stripped text, and the line each row ends on; known columns that are not there are blank.

    Raises
    ------
    InputError
        It is no CSV, a required column is missing, a column is there twice or its name nearly that of a known one
        that is missing, or a row has more or fewer cells than the header.

    >>> file = Path("fleet.csv")
    >>> _ = file.write_text("vessel_id, name\\n8, Un Hung\\n")
    >>> table, lines = read_csv_table(file, ("vessel_id", "name", "flag"), ("vessel_id",))
    >>> table.loc[0].to_dict(), lines.tolist()
    ({'vessel_id': '8', 'name': 'Un Hung', 'flag': ''}, [2])
    """
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
    raise_any(path, faults)
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


def numbers_in(path: Path, cells: pd.Series, lines: Lines) -> tuple[pd.Series, list[Fault]]:
    """Cells as float64, NaN where blank, and a fault for each that is no finite number.

    >>> cells = pd.Series(["1.5", "", "6 ft"], name="beam_m")
    >>> numbers, faults = numbers_in(Path("fleet.csv"), cells, np.array([2, 3, 4]))
    >>> numbers.tolist(), str(faults[0])
    ([1.5, nan, nan], "fleet.csv:4 beam_m: expected a number or a blank; got '6 ft'")
    """
    numbers = pd.to_numeric(cells, errors="coerce").astype("float64")
    wrong = (cells != "") & ~np.isfinite(numbers)
    faults = [
        Fault(f"{path.name}:{lines[row]} {cells.name}", "a number or a blank", repr(cells[row]))
        for row in np.flatnonzero(wrong)
    ]
    return numbers.where(~wrong), faults


def times_in(path: Path, cells: pd.Series, lines: Lines) -> tuple[pd.Series, list[Fault]]:
    """Cells as UTC times, NaT where they are none, and a fault for each that is none or has no zone.

    >>> cells = pd.Series(["2024-03-07T02:11:00+10:00", "2024-03-07T02:11"], name="time")
    >>> times, faults = times_in(Path("ais.csv"), cells, np.array([2, 3]))
    >>> str(times[0]), str(faults[0])[:44]
    ('2024-03-06 16:11:00+00:00', 'ais.csv:3 time: expected a time with a zone,')
    """
    times = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
    zoned = cells.str.contains(r"(?:Z|[+-]\d{2}:?\d{2})$", flags=re.IGNORECASE, regex=True)
    faults = []
    for row in np.flatnonzero(times.isna() | ~zoned):
        expected = "a time in ISO 8601" if pd.isna(times[row]) else "a time with a zone, such as 2024-03-07T02:11:00Z"
        faults.append(Fault(f"{path.name}:{lines[row]} {cells.name}", expected, repr(cells[row])))
    return times, faults


def raise_any(path: Path, faults: list[Fault]) -> None:
    """Raise the faults of a file, if there are any, the first twenty of them.

    >>> raise_any(Path("fleet.csv"), [])
    """
    if len(faults) > _MOST_FAULTS:
        more = len(faults) - _MOST_FAULTS
        faults = [*faults[:_MOST_FAULTS], Fault(path.name, "a table without faults", f"{more} faults more like these")]
    if faults:
        raise InputError(faults)
