"""What is known of a simulated port beside its scenes: the truth of its visits, and the tables an analyst would have.

truth.csv and labels.csv are for judging a run; fleet.csv and ais.csv are what the run file names.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from berthwatch.datasets.fleet import Vessel
from berthwatch.datasets.ports import SyntheticPort
from berthwatch.datasets.trackers import Fix
from berthwatch.datasets.traffic import Call, present

FLEET_COLUMNS = (
    *("vessel_id", "name", "flag", "watch", "length_m", "beam_m", "depth_m", "draught_ballast_m", "draught_laden_m"),
    *("cargo_capacity_t", "source"),
)
TRUTH_COLUMNS = (
    *("visit", "berth_id", "arrival", "departure", "vessel_id", "length_m", "beam_m"),
    *("arrival_freeboard_m", "departure_freeboard_m", "arrival_load", "departure_load", "transition", "barrels"),
    *("in_fleet", "ais"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One scene as the truth knows it."""

    scene_id: str
    time: datetime
    clear: Mapping[str, float]
    """For each berth and control the share that no cloud or fog hides, 0..1; those not named are clear."""


def stamp(time: datetime) -> str:
    """A time as ISO 8601 in UTC, to the second.

    >>> from datetime import UTC
    >>> stamp(datetime(2024, 3, 7, 1, 2, 3, 999, tzinfo=UTC))
    '2024-03-07T01:02:03Z'
    """
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def write_truth(path: Path, calls: Iterable[Call]) -> None:
    """Write truth.csv: one row per visit."""
    _write_rows(path, TRUTH_COLUMNS, (_truth_row(number + 1, call) for number, call in enumerate(calls)))


def _truth_row(number: int, call: Call) -> list[object]:
    vessel = call.vessel
    freeboards = [f"{call.freeboard_m(time):.2f}" for time in (call.arrival, call.departure)]
    return [
        *(number, call.berth_id, stamp(call.arrival), stamp(call.departure)),
        *(vessel.vessel_id, vessel.length_m, vessel.beam_m, *freeboards),
        *(call.arrival_load, call.departure_load, call.transition, round(call.barrels)),
        *(int(vessel.listed), "tracked" if vessel.tracked else "dark"),
    ]


def write_labels(path: Path, port: SyntheticPort, calls: Sequence[Call], scenes: Iterable[Seen]) -> None:
    """Write labels.csv: one row per scene and berth or control, whether it was taken (1 or 0), and how clear it was."""
    names = [mooring.berth_id for mooring in port.moorings] + [berth_id for berth_id, _ in port.controls]
    rows = []
    for seen in sorted(scenes, key=lambda seen: (seen.time, seen.scene_id)):
        taken = {call.berth_id for call in present(calls, seen.time)}
        for name in names:
            clear = round(seen.clear.get(name, 1.0), 3)
            rows.append([stamp(seen.time), seen.scene_id, name, int(name in taken), clear])
    _write_rows(path, ("time", "scene_id", "berth_id", "occupied", "clear"), rows)


def write_fleet(path: Path, vessels: Iterable[Vessel], blank_share: float, rng: np.random.Generator) -> None:
    """Write fleet.csv: those that are listed, in the order given, with some particulars left blank.

    Length and beam are never blank: every register has them.
    """
    rows = []
    for vessel in vessels:
        unsure = (vessel.depth_m, vessel.draught_ballast_m, vessel.draught_laden_m, vessel.cargo_capacity_t)
        cells = ["" if blank else value for value, blank in zip(unsure, rng.random(4) < blank_share, strict=True)]
        watch = "watched" if rng.random() < 0.4 else ""
        if vessel.listed:
            names = [vessel.vessel_id, vessel.name, vessel.flag, watch, vessel.length_m, vessel.beam_m]
            rows.append([*names, *cells, "synthetic"])
    _write_rows(path, FLEET_COLUMNS, rows)


def write_fixes(path: Path, port: SyntheticPort, fixes: Sequence[Fix]) -> None:
    """Write ais.csv: one row per position report, EPSG:4326."""
    xs, ys = ([port.easting_m + fix.x_m for fix in fixes], [port.northing_m + fix.y_m for fix in fixes])
    lons, lats = port.to_lonlat().transform(xs, ys)
    rows = [
        [fix.vessel_id, stamp(fix.time), f"{lon:.5f}", f"{lat:.5f}"]
        for fix, lon, lat in zip(fixes, lons, lats, strict=True)
    ]
    _write_rows(path, ("vessel_id", "time", "lon", "lat"), rows)


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(rows)
