"""Many ports in one go: each by itself, so that one that fails stops no other, and one page that sums them up.

Run again, it goes on: a port whose scenes, run file and outputs are as they were costs a look at its files.
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pandas as pd

from berthwatch.config import read_port
from berthwatch.errors import Fault, InputError
from berthwatch.model import SetAside
from berthwatch.outputs import write_json
from berthwatch.pipeline import run

if TYPE_CHECKING:
    from distributed import Client

    from berthwatch.progress import Progress

Status = Literal["done", "scenes set aside", "input wrong", "failed"]

_log = logging.getLogger(__name__)

SUMMARY: Final = "ports"
HEADLINES: Final = (
    "scenes",
    "first_scene",
    "last_scene",
    "visits_seen",
    "visits_loaded",
    "visits_undetermined",
    "visits_dark",
    "barrels_low",
    "barrels",
    "barrels_high",
    "cap_barrels",
    "p_over_cap",
    "over_cap_on",
)
"""What of a run's summary stands in the summary of all."""


@dataclass(frozen=True, slots=True)
class PortOutcome:
    """How one port's run ended, in the folder `port`.

    `said` is why it did not end well, blank where it did; `set_aside` are the scenes that could not be used.
    """

    port: str
    run_file: str
    status: Status
    said: str = ""
    headlines: Mapping[str, Any] = field(default_factory=dict)
    set_aside: tuple[SetAside, ...] = ()


def folder_names(run_files: Sequence[Path]) -> list[str]:
    """Each port's folder: its run file's name, or that of the folder it lies in where several are named alike.

    Raises
    ------
    InputError
        Two of them would still share a folder, or a file is named twice.

    >>> folder_names([Path("a/latakia.yaml"), Path("nampo/port.yaml"), Path("rason/port.yaml")])
    ['latakia', 'nampo', 'rason']
    """
    alike = Counter(path.stem.casefold() for path in run_files)
    names = [path.stem if alike[path.stem.casefold()] == 1 else path.resolve().parent.name for path in run_files]
    taken: dict[str, Path] = {}
    faults = []
    for name, path in zip(names, run_files, strict=True):
        first = taken.setdefault(name.casefold(), path)
        if first is not path:
            faults.append(Fault(str(path), "a name of its own for its folder", f"{name!r}, as {first} has"))
    if faults:
        raise InputError(faults)
    return names


def run_ports(
    run_files: Sequence[Path],
    out: Path,
    client: "Client | None" = None,
    progress: "Progress | None" = None,
    tell: Callable[[PortOutcome], None] | None = None,
) -> list[PortOutcome]:
    """Run every port, each into a folder of `out`, and write `ports.json` and `ports.csv` there.

    Parameters
    ----------
    run_files : sequence of Path
        The ports' run files.
    out : Path
        Is made where it is not there.
    client, progress
        As for `run`.
    tell : callable, optional
        Is told each port's outcome when it is there; the summary so far has then been written.

    Raises
    ------
    InputError
        Two ports would share a folder; nothing was run. What is wrong with a port alone is its outcome.
    """
    names = folder_names(run_files)
    out.mkdir(parents=True, exist_ok=True)
    outcomes: list[PortOutcome] = []
    for path, name in zip(run_files, names, strict=True):
        outcomes.append(_run_one(path, name, out, client, progress))
        _write(outcomes, out)
        if tell is not None:
            tell(outcomes[-1])
    return outcomes


def _run_one(path: Path, name: str, out: Path, client: "Client | None", progress: "Progress | None") -> PortOutcome:
    try:
        found = run(read_port(path), out / name, client=client, progress=progress)
    except InputError as error:
        return PortOutcome(name, str(path), "input wrong", "; ".join(map(str, error.faults)))
    except Exception as error:  # noqa: BLE001 - whatever it was, the other ports go on, and this one's line says it
        _log.debug("%s failed", name, exc_info=True)
        return PortOutcome(name, str(path), "failed", " ".join(f"{type(error).__name__}: {error}".split()))
    finally:
        if progress is not None:
            progress.done()
    headlines = {key: found.summary.get(key) for key in HEADLINES}
    if not found.set_aside:
        return PortOutcome(name, str(path), "done", headlines=headlines)
    scenes = "1 scene" if len(found.set_aside) == 1 else f"{len(found.set_aside)} scenes"
    return PortOutcome(name, str(path), "scenes set aside", f"{scenes} set aside", headlines, found.set_aside)


def _write(outcomes: Sequence[PortOutcome], out: Path) -> None:
    """Both summaries of the ports so far, each whole or not at all."""
    write_json(out / f".{SUMMARY}.json", [asdict(outcome) for outcome in outcomes])
    rows = [
        {"port": one.port, "run_file": one.run_file, "status": one.status, "said": one.said}
        | dict.fromkeys(HEADLINES)
        | dict(one.headlines)
        for one in outcomes
    ]
    pd.DataFrame(rows).to_csv(out / f".{SUMMARY}.csv", index=False, lineterminator="\n")
    for suffix in ("json", "csv"):
        os.replace(out / f".{SUMMARY}.{suffix}", out / f"{SUMMARY}.{suffix}")
