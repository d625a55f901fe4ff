"""The vessels that may call, and where their trackers say they were: two CSV files.

Particulars are in metres and tonnes. A blank cell means not known and widens the answer; a cell that cannot
be true (draughts the wrong way round, feet for metres) is a fault with its line.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from berthwatch.csvtable import Lines, numbers_in, raise_any, read_csv_table, times_in
from berthwatch.errors import Fault

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

LEAST_LENGTH_OVER_BEAM, MOST_LENGTH_OVER_BEAM = 2.2, 13.0
"""Tugs have 2.5 and river barges 12; a tanker of 4 to 7 with one of the two in feet lies beyond."""
LEAST_CARGO_T_PER_M3 = 0.1
"""Cargo of a tanker over length, beam and laden draught is about 0.5; with all three in feet it would be 0.014."""

AIS_COLUMNS = ("vessel_id", "time", "lon", "lat")


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
    table, lines = read_csv_table(path, (*TEXT_COLUMNS, *NUMBER_LIMITS), required=("vessel_id",))
    faults = [*_id_faults(path, table["vessel_id"], lines)]
    for column in NUMBER_LIMITS:
        table[column], wrong = numbers_in(path, table[column], lines)
        faults += wrong
    for line, (_, row) in zip(lines, table.iterrows(), strict=True):
        particulars = {column: float(row[column]) for column in NUMBER_LIMITS}
        where = f"{path.name}:{line} (vessel {row['vessel_id']})"
        faults += [Fault(f"{where} {column}", expected, came) for column, expected, came in _untrue(particulars)]
    raise_any(path, faults)
    return table


def read_ais(path: Path) -> pd.DataFrame:
    """Read tracker positions.

    Parameters
    ----------
    path
        CSV with the columns `vessel_id, time, lon, lat`: ISO 8601 times with a zone, degrees (EPSG:4326). Other
        columns are kept as text.

    Returns
    -------
    DataFrame
        Sorted by time: `time` datetime64 in UTC, `lon` and `lat` float64, the rest str. A blank position, or AIS's own
        "not available" (longitude 181, latitude 91), is NaN in both.

    Raises
    ------
    InputError
        With a fault for each time and position that cannot be read, by line.
    """
    table, lines = read_csv_table(path, AIS_COLUMNS, required=AIS_COLUMNS)
    nowhere = table["lon"].isin(["", "181", "181.0"]) | table["lat"].isin(["", "91", "91.0"])
    faults = [
        Fault(f"{path.name}:{line} vessel_id", "a vessel's id", "a blank") for line in lines[table["vessel_id"] == ""]
    ]
    table["time"], wrong = times_in(path, table["time"], lines)
    faults += wrong
    for column, limit in (("lon", 180.0), ("lat", 90.0)):
        degrees = pd.to_numeric(table[column], errors="coerce").astype("float64")
        for row in np.flatnonzero(~((degrees.abs() <= limit) | nowhere)):
            where = f"{path.name}:{lines[row]} {column}"
            faults.append(Fault(where, f"degrees from {-limit:g} to {limit:g}", repr(table[column][row])))
        table[column] = degrees.mask(nowhere)
    raise_any(path, faults)
    return table.sort_values(["time", "vessel_id"], kind="stable", ignore_index=True)


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
    elif length > MOST_LENGTH_OVER_BEAM * beam:
        most = f"at most {MOST_LENGTH_OVER_BEAM:g} times the beam of {beam:g} m (metres, not feet)"
        yield "length_m", most, f"{length:g}"
    elif length < LEAST_LENGTH_OVER_BEAM * beam:
        most = f"at most the length of {length:g} m over {LEAST_LENGTH_OVER_BEAM:g} (metres, not feet)"
        yield "beam_m", most, f"{beam:g}"
    if depth > beam:
        yield "depth_m", f"less than the beam of {beam:g} m (metres, not feet)", f"{depth:g}"
    if laden >= beam:
        yield "draught_laden_m", f"less than the beam of {beam:g} m (metres, not feet)", f"{laden:g}"
    least = LEAST_CARGO_T_PER_M3 * length * beam * laden
    if 0.0 < vessel["cargo_capacity_t"] < least:
        expected = f"at least {least:.0f} for a tanker of this length, beam and laden draught (metres, not feet)"
        yield "cargo_capacity_t", expected, f"{vessel['cargo_capacity_t']:g}"
    if ballast >= laden:
        yield "draught_ballast_m", f"less than the laden draught of {laden:g} m", f"{ballast:g}"
    for column in ("draught_ballast_m", "draught_laden_m"):
        if vessel[column] >= depth:
            yield column, f"less than the depth of {depth:g} m", f"{vessel[column]:g}"
