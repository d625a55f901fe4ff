"""What the report is drawn from: the tables and records of one run, read from its folder and from nothing else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from berthwatch.errors import Fault, InputError
from berthwatch.tables import LEDGER_COLUMNS, OBSERVATION_COLUMNS, OCCUPANCY_COLUMNS, VISIT_COLUMNS


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run: its four tables, with the columns of `berthwatch.tables`, and its two JSON records."""

    observations: pd.DataFrame
    occupancy: pd.DataFrame
    visits: pd.DataFrame
    ledger: pd.DataFrame
    summary: Mapping[str, Any]
    record: Mapping[str, Any]
    hulls: pd.DataFrame | None = None
    """Outlines of hulls (EPSG:4326) with the berth and scene of each; None where a run kept none."""

    @property
    def port(self) -> str:
        """The port's name, as the run file gives it."""
        return str(self.record.get("port") or self.summary.get("port") or "a port without a name")

    def kinds(self) -> dict[str, str]:
        """Every berth and control with its kind, in the order of the run file; those of the tables too."""
        told = {
            str(berth.get("berth_id")): str(berth.get("kind") or "berth") for berth in self.record.get("berths") or []
        }
        seen = dict.fromkeys(sorted(self.occupancy["berth_id"].unique()), "berth")
        return told | {name: kind for name, kind in seen.items() if name not in told}


def _parquet(columns: Mapping[str, str]) -> Callable[[Path], pd.DataFrame]:
    return lambda path: pd.read_parquet(path, columns=list(columns))


def _json(path: Path) -> Mapping[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise TypeError(f"a JSON {type(found).__name__}")
    return found


def read_folder(run: Path) -> RunFolder:
    """Read the folder that a run wrote.

    Raises
    ------
    InputError
        Files are missing or cannot be read; one fault for each.
    """
    faults: list[Fault] = []

    def read[T](name: str, reader: Callable[[Path], T], expected: str) -> T | None:
        try:
            return reader(run / name)
        except FileNotFoundError:
            faults.append(Fault(str(run / name), f"{expected}, as `berthwatch run` writes it", "no such file"))
        except (OSError, ValueError, TypeError, KeyError) as error:
            faults.append(Fault(str(run / name), expected, " ".join(str(error).split())[:200]))
        return None

    observations = read("observations.parquet", _parquet(OBSERVATION_COLUMNS), "a table of observations")
    occupancy = read("occupancy.parquet", _parquet(OCCUPANCY_COLUMNS), "a table of occupancy")
    visits = read("visits.parquet", _parquet(VISIT_COLUMNS), "a table of visits")
    ledger = read("ledger.csv", lambda path: pd.read_csv(path, usecols=list(LEDGER_COLUMNS)), "a ledger")
    summary = read("summary.json", _json, "the headline figures, as a JSON object")
    record = read("run.json", _json, "the record of a run, as a JSON object")
    kept = (run / "hulls.parquet").is_file()  # runs of earlier versions kept none
    hulls = read("hulls.parquet", gpd.read_parquet, "outlines of hulls") if kept else None
    tables = (observations, occupancy, visits, ledger)
    if faults or summary is None or record is None or any(table is None for table in tables):
        raise InputError(faults)
    return RunFolder(observations, occupancy, visits, ledger, summary, record, hulls)
