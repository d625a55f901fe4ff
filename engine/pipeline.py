"""The main job: from a port's run file to a folder with its visits, ledger and report.

Each step is a pure function from one value to the next (ingest, observe, infer, ledger, report);
only the ends touch disk. What depends on all scenes is computed again from the cubes, and only when the
inputs are not those of the run before.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import xarray as xr
from odc.geo.crs import CRS

from berthwatch.barrels import ledger
from berthwatch.corrections import Corrections, corrected, lost_looks, read_corrections, told_of
from berthwatch.cube import open_cube
from berthwatch.georeference import crs_of
from berthwatch.inference import SEED, infer
from berthwatch.ingestion import Ingested, ingest
from berthwatch.model import Scene, SetAside
from berthwatch.observation import observe_hulls
from berthwatch.outlines import HULL_COLUMNS
from berthwatch.outputs import output_hashes, staged, still_there, write_berths, write_json, write_table, write_visits
from berthwatch.page import report
from berthwatch.page.words import places
from berthwatch.plan import plan_ingest
from berthwatch.progress import Progress, Silent
from berthwatch.provenance import RECORD, check_same_port, inputs_of, read_record, record
from berthwatch.store import lock_at, locked
from berthwatch.summary import summarise
from berthwatch.tables import OBSERVATION_COLUMNS, as_table

if TYPE_CHECKING:
    from distributed import Client

    from berthwatch.config import Port

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class RunResult:
    """A run that ended: its folder, headline figures, scenes it did not use, and whether anything was new."""

    out: Path
    summary: dict[str, Any]
    set_aside: tuple[SetAside, ...]
    changed: bool

    def __repr__(self) -> str:
        from berthwatch.notebook import told_of_run

        return "; ".join(told_of_run(self))

    def _repr_html_(self) -> str:
        from berthwatch.notebook import html, told_of_run

        return html(told_of_run(self))


def _observe_all(
    cubes: dict[str, xr.Dataset], port: "Port", client: "Client | None", progress: Progress
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    tables = [as_table([], OBSERVATION_COLUMNS)]
    outlines = [gpd.GeoDataFrame(columns=HULL_COLUMNS, geometry=[], crs="EPSG:4326")]
    for name, cube in cubes.items():
        progress.step(f"observe berths in {name}", cube.sizes["time"])
        table, hulls = observe_hulls(cube, port, client, progress.advance)
        tables.append(table)
        outlines.append(hulls)
        progress.done()
    return _sorted(tables), _sorted(outlines)


def _sorted[Table: pd.DataFrame](tables: list[Table]) -> Table:
    """Tables of all sources as one; the first, which is empty, where they hold nothing."""
    whole = pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)
    ordered: Table = whole.sort_values(["time", "source", "scene_id", "berth_id"], kind="stable", ignore_index=True)
    return ordered


def _write(
    out: Path,
    port: "Port",
    observed: tuple[pd.DataFrame, gpd.GeoDataFrame],
    cubes: dict[str, xr.Dataset],
    ingested: Ingested,
    inputs: dict[str, Any],
    corrections: Corrections,
) -> dict[str, Any]:
    observations, hulls = observed
    looks = corrected(observations, corrections)
    inference = infer(looks.observations, port, hulls)
    days = ledger(inference.histories, port.ledger.cap_barrels)
    summary = summarise(port, inference, days, ingested.set_aside)
    with staged(out) as folder:
        write_table(observations, folder / "observations.parquet")
        write_table(hulls, folder / "hulls.parquet")
        write_table(inference.occupancy, folder / "occupancy.parquet")
        write_visits(inference.visits, port, folder)
        write_berths(port, folder)
        days.to_csv(folder / "ledger.csv", index=False, lineterminator="\n")
        write_json(folder / "summary.json", summary)
        seeds = {"draws": SEED}
        written = record(inputs, cubes, ingested.set_aside, inference.model, seeds, port.path.parent.resolve())
        written |= {"counts": inference.counts, "corrections": told_of(looks, corrections)}
        write_json(folder / RECORD, written)
        report(folder, out / "cube")
        write_json(folder / RECORD, written | {"outputs": output_hashes(folder)})
    return summary


def run(port: "Port", out: str | Path, client: "Client | None" = None, progress: Progress | None = None) -> RunResult:
    """Do the whole job: read the new scenes of a port, and write its tables, ledger and report.

    Parameters
    ----------
    port : Port
        As `read_port` gives it.
    out : str or Path
        The run's folder. A second run with more scenes adds only those; one that finds nothing new changes nothing.
        What persons said of looks, in its `corrections.jsonl`, is evidence.
    client : distributed.Client, optional
        A dask cluster whose workers see the same files; without one, threads of this process do the work.
    progress : Progress, optional

    Returns
    -------
    RunResult

    Raises
    ------
    InputError
        The input is wrong, corrections among it, or the folder was written by another run file; nothing was written.
    """
    out = Path(out)
    told = progress if progress is not None else Silent()
    check_same_port(port, out, read_record(out))
    read_corrections(out)  # before hours of reading scenes: a torn line is an error at once
    ingested = ingest(port, out, client, told)
    with locked(lock_at(out)):
        return _from_cubes(port, out, ingested, client, told)


def _from_cubes(port: "Port", out: Path, ingested: Ingested, client: "Client | None", told: Progress) -> RunResult:
    """What follows ingest. The caller holds the lock: a run beside it may have written the same meanwhile."""
    before, corrections = read_record(out), read_corrections(out)
    check_same_port(port, out, before)
    found = inputs_of(port, ingested.sources) | {"corrections_sha256": corrections.sha256}
    if before is not None and _nothing_new(out, before, found):
        _tell_lost(before)
        return RunResult(out, _summary_of(out), ingested.set_aside, changed=False)
    held = [source for source in ingested.sources if source.snapshot is not None]
    cubes = {source.source: open_cube(source.path) for source in held}
    observed = _observe_all(cubes, port, client, told)
    summary = _write(out, port, observed, cubes, ingested, found, corrections)
    _tell_lost(read_record(out) or {})
    return RunResult(out, summary, ingested.set_aside, changed=True)


def _tell_lost(record: dict[str, Any]) -> None:
    """Name corrections that were not used. An error's level, for `--quiet` must not hide them."""
    for line in lost_looks((record.get("corrections") or {}).get("not_found", ())):
        _log.error("%s", line)


def _nothing_new(out: Path, before: dict[str, Any], inputs: dict[str, Any]) -> bool:
    same = all(before.get(key) == value for key, value in inputs.items())
    return same and still_there(out, before.get("outputs", {"": ""}))


def _summary_of(out: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return summary


def check(port: "Port") -> list[str]:
    """Say what a run would do, without doing it: one line per source, then what would be set aside.

    Raises
    ------
    InputError
        The same faults that `run` would raise.
    """
    with TemporaryDirectory() as nowhere:
        plans = plan_ingest(port, Path(nowhere))
    lines = [f"{port.name}: {places(berth.kind for berth in port.berths)}"]
    for plan in plans:
        lines.append(f"{plan.source.name} ({plan.source.kind}): {len(plan.scenes)} scenes to read" + _span(plan.scenes))
        if plan.grid is not None:
            box = plan.grid.geobox
            size = f"{box.shape[1]} x {box.shape[0]} pixels of {abs(box.resolution.x):g} m"
            lines.append(f"  grid: {size} in {_crs_name(crs_of(box))}")
        lines += [f"  would set aside {scene.scene_id}: {scene.reason}" for scene in plan.set_aside]
    return lines


def _crs_name(crs: CRS) -> str:
    """A projection by its code where it has one: files bring theirs as a page of WKT."""
    return f"EPSG:{crs.epsg}" if crs.epsg else str(crs)


def _span(scenes: Sequence[Scene]) -> str:
    return f", {scenes[0].time:%Y-%m-%d} to {scenes[-1].time:%Y-%m-%d}" if scenes else ""
