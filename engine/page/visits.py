"""The table of visits, cell by cell: what is read, and what a column is sorted by."""

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from berthwatch.page.folder import RunFolder
from berthwatch.page.timeline import DID
from berthwatch.page.words import interval, likelihood, minute, significant, stay

LOADS: Final = ("Load on arrival", "Load on leaving")
LINED: Final = ("Arrived (UTC)", "Left (UTC)", "Did", *LOADS, "Barrels out", "Vessel")
"""Columns whose cells are broken into lines where their words say so, and nowhere else."""
CHOSEN: Final = ("Berth", "Did", "AIS")
TOLD_NOTHING: Final = 0.9
"""An interval of load as wide as this says nothing about it."""
UNCERTAIN: Final = 0.5
"""Beyond this width an interval's middle is not worth naming."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the table of visits: what is read, and what is sorted by."""

    text: str
    order: str


def _number(value: Any) -> str:
    return "" if pd.isna(value) else significant(float(value))


def _ends(run: RunFolder) -> dict[str, tuple[pd.Timestamp, pd.Timestamp]]:
    told = run.occupancy[run.occupancy["occupied"].notna()]
    spans = told.groupby("berth_id")["time"].agg(["min", "max"])
    return {str(name): (row["min"], row["max"]) for name, row in spans.iterrows()}


def _window(after: Any, before: Any, arrival: bool, edge: Any) -> str:
    """A window in words, on two lines; an open one says what is not known."""
    if not pd.isna(after) and not pd.isna(before):
        return f"between {minute(after)}\nand {minute(before)}"
    if arrival:
        why = "there at the first look" if before == edge else "not seen to arrive"
        return f"by {minute(before)}:\n{why}"
    why = "there at the last look" if after == edge else "not seen to leave"
    return f"after {minute(after)}:\n{why}"


def _hull(visit: Any) -> str:
    sides = [_number(visit.length_m), _number(visit.beam_m)]
    return f"about {sides[0]} × {sides[1]}" if all(sides) else f"about {sides[0]} long" if sides[0] else "not measured"


def _vessel(visit: Any) -> str:
    name = visit.vessel_name if not pd.isna(visit.vessel_name) else visit.vessel_id
    if pd.isna(name):
        return "not known"
    return (
        str(name)
        if pd.isna(visit.vessel_probability)
        else f"{name}\nprobability {likelihood(float(visit.vessel_probability))}"
    )


def _did(visit: Any) -> str:
    """What a visit did; a probability where it was told, and where it was not, none that could be read as a verdict."""
    if visit.transition == "undetermined":
        return "could not be told"
    words = DID.get(str(visit.transition), str(visit.transition))
    known = visit.transition in DID and not pd.isna(visit.transition_probability)
    return f"{words}\nprobability {likelihood(float(visit.transition_probability))}" if known else words


def _load(middle: Any, low: Any, high: Any) -> str:
    """A load in percent of full, as far as its interval tells."""
    if pd.isna(middle) or high - low >= TOLD_NOTHING:
        return "not told"
    bounds = f"{round(100 * low)} to {round(100 * high)} %"
    return bounds if high - low > UNCERTAIN else f"{5 * round(20 * middle)} %\n({bounds})"


def _barrels(visit: Any) -> str:
    if pd.isna(visit.barrels):
        return "not stated"
    low, middle, high = interval(visit.barrels_low, visit.barrels, visit.barrels_high)
    return f"{low} to {high}" if visit.transition == "undetermined" else f"{middle}\n({low} to {high})"


def _order(value: Any) -> str:
    return "" if pd.isna(value) else f"{value:.6g}"


def visit_table(run: RunFolder) -> tuple[list[str], list[list[Cell]]]:
    """Headings and rows of the table of visits. Columns that no visit fills are left out; the text says so instead."""
    visits, ends = run.visits, _ends(run)
    filled = {
        "Vessel": visits[["vessel_id", "vessel_name"]].notna().any(axis=None),
        "AIS": (visits["ais"].fillna("no-data") != "no-data").any(),
        "Barrels out": visits["barrels"].notna().any(),
        **dict.fromkeys(LOADS, visits[["arrival_load", "departure_load"]].notna().any(axis=None)),
    }
    rows = []
    for visit in visits.itertuples(index=False):
        first, last = ends.get(visit.berth_id, (None, None))
        least = visit.departure_after - visit.arrival_before
        cells = {
            "Visit": Cell(visit.visit_id, visit.visit_id),
            "Berth": Cell(visit.berth_id, visit.berth_id),
            "Arrived (UTC)": Cell(
                _window(visit.arrival_after, visit.arrival_before, True, first), visit.arrival_before.isoformat()
            ),
            "Left (UTC)": Cell(
                _window(visit.departure_after, visit.departure_before, False, last), visit.departure_after.isoformat()
            ),
            "Did": Cell(_did(visit), str(visit.transition)),
            LOADS[0]: Cell(
                _load(visit.arrival_load, visit.arrival_load_low, visit.arrival_load_high), _order(visit.arrival_load)
            ),
            LOADS[1]: Cell(
                _load(visit.departure_load, visit.departure_load_low, visit.departure_load_high),
                _order(visit.departure_load),
            ),
            "Barrels out": Cell(_barrels(visit), _order(visit.barrels)),
            "Vessel": Cell(_vessel(visit), _vessel(visit)),
            "AIS": Cell(str(visit.ais), str(visit.ais)),
            "Stayed": Cell(
                stay(visit.arrival_after, visit.arrival_before, visit.departure_after, visit.departure_before),
                f"{least.total_seconds():.0f}",
            ),
            "Looks": Cell(f"{visit.observations:,}", str(visit.observations)),
            "Bright part (m)": Cell(_hull(visit), _order(visit.length_m)),
        }
        rows.append({name: cell for name, cell in cells.items() if filled.get(name, True)})
    return (list(rows[0]) if rows else []), [list(row.values()) for row in rows]


def choices(columns: list[str], rows: list[list[Cell]]) -> dict[str, list[tuple[str, str]]]:
    """What the table can be narrowed to by choosing: for each such column its cells' orders and words, once each."""
    found = {}
    for name in CHOSEN:
        if name in columns:
            cells = {row[columns.index(name)].order: row[columns.index(name)].text for row in rows}
            found[name] = [(order, text.split("\n")[0]) for order, text in sorted(cells.items())]
    return {name: told for name, told in found.items() if len(told) > 1}
