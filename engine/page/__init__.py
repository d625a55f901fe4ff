"""The report: one HTML page for people, drawn from the tables of a run.

The page is one file that asks the network for nothing. Names come from other people's files, so everything is
escaped, and a content security policy lets only the page's own script run. Equal folders give equal bytes.
"""

import base64
import hashlib
import os
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from berthwatch.errors import Fault, InputError
from berthwatch.page.account import EMPTY, FULL, barrels, over_cap, scenarios
from berthwatch.page.chart import NARROW, TITLE, WIDE, chart_of
from berthwatch.page.evidence import FRAME, Evidence, evidence_of, unpictured
from berthwatch.page.folder import RunFolder, read_folder
from berthwatch.page.sketch import sketch_of
from berthwatch.page.timeline import DID, HEIGHT, MARKS, WIDTH, axis_of, strips_of
from berthwatch.page.view import (
    MONTHLY,
    corrections,
    figures,
    headline,
    monthly,
    not_told,
    reasons,
    set_aside,
    sources,
    sureness,
)
from berthwatch.page.visits import LINED, choices, visit_table

__all__ = ["live_page", "picture", "report", "visit_page"]


def _shipped(name: str) -> str:
    return files(__name__).joinpath("data", name).read_text(encoding="utf-8")


def _content(run: RunFolder, proofs: list[Evidence]) -> dict[str, Any]:
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
        "corrections": corrections(run),
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
        "choices": choices(columns, rows),
        "evidence": _proofs(proofs),
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


def _proofs(proofs: list[Evidence]) -> str:
    """The evidence of visits as a part of a page."""
    profiled = any(look.across for proof in proofs for look in proof.looks)
    content = {"proofs": proofs, "unpictured": unpictured(proofs), "frame": FRAME, "profiled": profiled}
    return _render("evidence.html", content)


def _dress(script: str = "report.js", *styles: str) -> dict[str, str]:
    """Style and script of a page, and the digest by which its policy lets the script run."""
    style = "".join(map(_shipped, ("report.css", "evidence.css", "ledger.css", *styles)))
    script = _shipped(script)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return {"style": style, "script": script, "script_digest": digest}


def visit_page(run: RunFolder, visits: pd.DataFrame, cubes: Path) -> str:
    """A page with the evidence of some of a run's visits and nothing else.

    Parameters
    ----------
    run : RunFolder
    visits : DataFrame
        Rows of its table of visits.
    cubes : Path
        The folder with a cube for each source.
    """
    proofs = evidence_of(replace(run, visits=visits), cubes)
    return _render("visit.html", {"port": run.port, "evidence": _proofs(proofs)}, **_dress())


def live_page(port: str) -> str:
    """The page on which a person looks through scenes and corrects; what it shows it asks of `serving`."""
    return _render("live.html", {"port": port}, **_dress("live.js", "live.css"))


def _page(run: RunFolder, cubes: Path) -> str:
    return _render("report.html", _content(run, evidence_of(run, cubes)), **_dress())


def report(run: str | Path, cubes: str | Path | None = None) -> Path:
    """Write `report.html` into the folder of a run, from that folder's files and its cubes.

    Parameters
    ----------
    run : str or Path
        A folder with `observations.parquet`, `occupancy.parquet`, `visits.parquet`, `ledger.csv`, `summary.json`
        and `run.json`. Keys that the JSON files lack leave their part of the page out, as do `hulls.parquet` and cubes.
    cubes : str or Path, optional
        Where its cubes are, one for each source; `cube` in that folder by default.

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
    page = _page(read_folder(folder), folder / "cube" if cubes is None else Path(cubes))
    target, unfinished = folder / "report.html", folder / ".report.html.unfinished"
    try:
        unfinished.write_text(page, encoding="utf-8", newline="\n")
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target
