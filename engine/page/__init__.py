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

from berthwatch.errors import Fault, InputError
from berthwatch.page.account import EMPTY, FULL, barrels, over_cap, scenarios
from berthwatch.page.chart import NARROW, TITLE, WIDE, chart_of
from berthwatch.page.folder import RunFolder, read_folder
from berthwatch.page.sketch import sketch_of
from berthwatch.page.timeline import DID, HEIGHT, MARKS, WIDTH, axis_of, strips_of
from berthwatch.page.view import MONTHLY, figures, headline, monthly, not_told, reasons, set_aside, sources, sureness
from berthwatch.page.visits import LINED, visit_table

__all__ = ["picture", "report"]


def _shipped(name: str) -> str:
    return files(__name__).joinpath("data", name).read_text(encoding="utf-8")


def _content(run: RunFolder) -> dict[str, Any]:
    """Everything the page shows, by the names that its template uses."""
    from berthwatch.calls import DRAWS

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
        "doings": [(did, words) for did, words in DID.items() if (run.visits["transition"] == did).any()],
        "marks": MARKS,
        "charts": [chart for size, kind in ((WIDE, "broad"), (NARROW, "slim")) if (chart := _figure(run, size, kind))],
        "scenarios": scenarios(run),
        "draws": DRAWS,
        "empty_full": (EMPTY, FULL),
        "ledger_columns": MONTHLY,
        "ledger_rows": monthly(run),
        "columns": columns,
        "rows": rows,
        "lined": LINED,
        "not_told": not_told(run),
        "reasons": reasons(run),
        "set_aside": set_aside(run),
        "sources": sources(run),
        "days_vacant_taken": [1 / rate for rate in rates] if all(rate > 0 for rate in rates) else None,
        "versions": sorted((run.record.get("versions") or {}).items()),
        "run_file": str(run.record.get("run_file") or ""),
        "run_file_sha256": str(run.record.get("run_file_sha256") or ""),
    }


def _render(template: str, content: dict[str, Any], **more: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_shipped(template)).render(content, **more)


def _figure(run: RunFolder, size: tuple[int, int], kind: str = "", title: str = "") -> str | None:
    """The ledger's figure as SVG; with a title it stands alone and brings its style. None where there is no volume."""
    chart = chart_of(run, size, above=TITLE if title else 0.0)
    if chart is None:
        return None
    words = " ".join([barrels(run), *over_cap(run)])
    content = {"chart": chart, "kind": kind, "title": title, "words": words, "style": _shipped("ledger.css")}
    return _render("ledger.svg", content)


def picture(run: str | Path) -> str:
    """The figure of a run's ledger as an SVG document.

    Parameters
    ----------
    run : str or Path
        A folder as for `report`.

    Raises
    ------
    InputError
        Files are missing or cannot be read, or no volume was measured.

    >>> from berthwatch.errors import InputError
    >>> try:
    ...     picture("no-such-run")
    ... except InputError as error:
    ...     print(len(error.faults))
    6
    """
    folder = read_folder(Path(run))
    drawn = _figure(folder, WIDE, title=f"{folder.port}: barrels that left by sea")
    if drawn is None:
        raise InputError([Fault(str(run), "a run whose ledger holds volumes", barrels(folder))])
    return drawn


def _page(run: RunFolder) -> str:
    style, script = _shipped("report.css") + _shipped("ledger.css"), _shipped("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _render("report.html", _content(run), style=style, script=script, script_digest=digest)


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
