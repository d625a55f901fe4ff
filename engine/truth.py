"""What truly happened at a port, as whoever knows it wrote it down: the stays of its vessels, and labels of looks."""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from berthwatch.csvtable import Lines, numbers_in, raise_any, read_csv_table, times_in
from berthwatch.errors import Fault, InputError
from berthwatch.tables import TIME

STAY: Final = ("berth_id", "arrival", "departure")
"""Columns that a truth must have. The others are optional; a score that needs one that is not there is left out."""

_NUMBERS: Final = ("arrival_load", "departure_load", "barrels")
_CHOICES: Final = {
    "transition": ("loaded", "discharged", "unchanged"),
    "ais": ("dark", "tracked"),
    "in_fleet": ("0", "1"),
}


def read_truth(path: Path) -> pd.DataFrame:
    """Read the true visits.

    Parameters
    ----------
    path
        CSV with the columns `berth_id, arrival, departure` (ISO 8601 with a zone), and any of `visit, vessel_id,
        arrival_load, departure_load, barrels` (positive leaves the port), `transition` (loaded, discharged or
        unchanged), `in_fleet` (1 or 0) and `ais` (dark or tracked). A blank cell means not known.

    Returns
    -------
    DataFrame
        One row per visit: `visit` str (numbered where the file has none), times datetime64 in UTC, loads and
        barrels float64 with NaN for a blank, the rest str with "" for a blank. Optional columns are there only if
        the file has them.

    Raises
    ------
    InputError
        With a fault for each cell that cannot be true, by line.

    Examples
    --------
    >>> file = Path("truth.csv")
    >>> _ = file.write_text("berth_id,arrival,departure\\nB1,2024-03-07T02:00Z,2024-03-09T11:00Z\\n")
    >>> truth = read_truth(file)
    >>> truth.visit.tolist(), str(truth.departure[0] - truth.arrival[0])
    (['1'], '2 days 09:00:00')
    """
    table, lines = read_csv_table(path, STAY, required=STAY)
    faults = _blanks(path, table, lines)
    for column in ("arrival", "departure"):
        times, wrong = times_in(path, table[column], lines)
        table[column] = times.astype(TIME)
        faults += wrong
    for row in np.flatnonzero(table["departure"] <= table["arrival"]):
        expected = f"a time after the arrival of {table['arrival'][row]:%Y-%m-%dT%H:%M:%SZ}"
        came = f"{table['departure'][row]:%Y-%m-%dT%H:%M:%SZ}"
        faults.append(Fault(f"{path.name}:{lines[row]} departure", expected, came))
    for column in [name for name in _NUMBERS if name in table]:
        table[column], wrong = numbers_in(path, table[column], lines)
        faults += wrong
    for column in [name for name in _CHOICES if name in table]:
        faults += _no_choice(path, table[column], lines, _CHOICES[column])
    raise_any(path, faults)
    if "visit" not in table:
        table["visit"] = [str(number) for number in range(1, len(table) + 1)]
    return table


def read_labels(path: Path) -> pd.DataFrame:
    """Read what each look should have told.

    Parameters
    ----------
    path
        CSV with the columns `time` (ISO 8601 with a zone), `scene_id`, `berth_id`, `occupied` (1, 0, or -1 for
        cannot tell), and optionally `clear`, the true share of the polygon that nothing hid (0..1).

    Returns
    -------
    DataFrame
        `time` datetime64 in UTC, `occupied` and `clear` float64, the ids str. `clear` is there only if the file
        has it.

    Raises
    ------
    InputError
        With a fault for each cell that cannot be true, by line.
    """
    needed = ("time", "scene_id", "berth_id", "occupied")
    table, lines = read_csv_table(path, needed, required=needed)
    faults = _no_choice(path, table["occupied"], lines, ("1", "0", "-1"), blank=False)
    times, wrong = times_in(path, table["time"], lines)
    faults += wrong
    table["time"] = times.astype(TIME)
    table["occupied"] = pd.to_numeric(table["occupied"], errors="coerce").astype("float64")
    if "clear" in table:
        table["clear"], wrong = numbers_in(path, table["clear"], lines)
        faults += wrong
        for row in np.flatnonzero((table["clear"] < 0) | (table["clear"] > 1)):
            faults.append(Fault(f"{path.name}:{lines[row]} clear", "a share from 0 to 1", f"{table['clear'][row]:g}"))
    raise_any(path, faults)
    return table


def read_told(path: Path) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The true visits, and the labels that lie beside them.

    Parameters
    ----------
    path
        A truth file, or a folder that holds `truth.csv`. Labels are read from `labels.csv` beside it, if there.

    Raises
    ------
    InputError
        There is no such file, or it cannot be true.
    """
    file = path / "truth.csv" if path.is_dir() else path
    if not file.is_file():
        expected = "a CSV file of true visits, or a folder that holds truth.csv"
        raise InputError([Fault(str(path), expected, "no truth.csv in it" if path.is_dir() else "no such file")])
    labels = file.parent / "labels.csv"
    return read_truth(file), read_labels(labels) if labels.is_file() else None


def _blanks(path: Path, table: pd.DataFrame, lines: Lines) -> list[Fault]:
    return [Fault(f"{path.name}:{line} berth_id", "a berth's id", "a blank") for line in lines[table["berth_id"] == ""]]


def _no_choice(
    path: Path, cells: pd.Series, lines: Lines, choices: tuple[str, ...], *, blank: bool = True
) -> list[Fault]:
    wrong = ~cells.isin(choices) & ((cells != "") | (not blank))
    expected = ", ".join(choices) + (" or a blank" if blank else "")
    return [
        Fault(f"{path.name}:{lines[row]} {cells.name}", f"one of {expected}", repr(cells[row]))
        for row in np.flatnonzero(wrong)
    ]
