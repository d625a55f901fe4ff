"""The report: one HTML page for people, drawn from the tables of a run.

The page is one file that asks the network for nothing. Names come from other people's files, so everything is
escaped, and a content security policy lets only the page's own script run. Equal folders give equal bytes.
"""

import base64
import hashlib
import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from berthwatch.page.folder import RunFolder, read_folder
from berthwatch.page.sketch import sketch_of
from berthwatch.page.timeline import HEIGHT, WIDTH, axis_of, strips_of
from berthwatch.page.view import figures, headline, not_told, reasons, set_aside, sources, sureness
from berthwatch.page.visits import visit_table

__all__ = ["report"]


def _shipped(name: str) -> str:
    return files(__name__).joinpath("data", name).read_text(encoding="utf-8")


def _content(run: RunFolder) -> dict[str, Any]:
    """Everything the page shows, by the names that its template uses."""
    axis = axis_of(run.occupancy["time"])
    columns, rows = visit_table(run)
    model = run.record.get("model") or {}
    rates = [model.get(name) or 0.0 for name in ("arrivals_per_day", "departures_per_day")]
    return {
        "port": run.port,
        "headline": headline(run),
        "figures": figures(run),
        "sureness": sureness(run),
        "axis": axis,
        "strips": strips_of(run, axis) if axis else [],
        "strip_size": (WIDTH, HEIGHT),
        "sketch": sketch_of(list(run.record.get("berths") or [])),
        "columns": columns,
        "rows": rows,
        "not_told": not_told(run),
        "reasons": reasons(run),
        "set_aside": set_aside(run),
        "sources": sources(run),
        "days_vacant_taken": [1 / rate for rate in rates] if all(rate > 0 for rate in rates) else None,
        "versions": sorted((run.record.get("versions") or {}).items()),
        "run_file": str(run.record.get("run_file") or ""),
        "run_file_sha256": str(run.record.get("run_file_sha256") or ""),
    }


def _page(run: RunFolder) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    style, script = _shipped("report.css"), _shipped("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.from_string(_shipped("report.html")).render(
        _content(run), style=style, script=script, script_digest=digest
    )


def report(run: str | Path) -> Path:
    """Write `report.html` into the folder of a run, from that folder's files and nothing else.

    Parameters
    ----------
    run : str or Path
        A folder with `observations.parquet`, `occupancy.parquet`, `visits.parquet`, `ledger.csv`, `summary.json`
        and `run.json`. Keys that the JSON files lack leave their part of the page out.

    Returns
    -------
    Path
        The page, which appears whole or not at all.

    Raises
    ------
    InputError
        Files are missing or cannot be read; no page was written, and one that was there stays.

    >>> from berthwatch.errors import InputError
    >>> try:
    ...     report("no-such-run")
    ... except InputError as error:
    ...     print(len(error.faults), error.faults[0].came)
    6 no such file
    """
    folder = Path(run)
    page = _page(read_folder(folder))
    target, unfinished = folder / "report.html", folder / ".report.html.unfinished"
    try:
        unfinished.write_text(page, encoding="utf-8", newline="\n")
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target
