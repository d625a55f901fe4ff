"""Many ports in one go: each by itself, so that one that fails stops no other, and one page that sums them up.

Run again, it goes on: a port whose scenes, run file and outputs are as they were costs a look at its files.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import pandas as pd

from berthwatch.config import read_port
from berthwatch.errors import Fault, InputError
from berthwatch.outputs import write_json
from berthwatch.pipeline import run

if TYPE_CHECKING:
    from distributed import Client

    from berthwatch.progress import Progress

Status = Literal["done", "scenes set aside", "input wrong", "failed"]

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
    """How one port's run ended. `said` is why it did not end well, blank where it did."""

    port: str
    run_file: str
    out: str
    status: Status
    said: str
    headlines: dict[str, Any]


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
    def ended(status: Status, said: str = "", headlines: dict[str, Any] | None = None) -> PortOutcome:
        return PortOutcome(name, str(path), name, status, said, headlines or {})

    try:
        found = run(read_port(path), out / name, client=client, progress=progress)
    except InputError as error:
        return ended("input wrong", "; ".join(map(str, error.faults)))
    except Exception as error:  # noqa: BLE001 - whatever it was, the other ports go on, and this one's line says it
        return ended("failed", " ".join(f"{type(error).__name__}: {error}".split()))
    finally:
        if progress is not None:
            progress.done()
    headlines = {key: found.summary.get(key) for key in HEADLINES}
    aside = len(found.set_aside)
    return ended("scenes set aside" if aside else "done", f"{aside} scenes set aside" if aside else "", headlines)


def _write(outcomes: Sequence[PortOutcome], out: Path) -> None:
    """Both summaries of the ports so far, each whole or not at all."""
    for written in _written(outcomes, out):
        os.replace(written, written.with_name(written.name.removeprefix(".")))


def _written(outcomes: Sequence[PortOutcome], out: Path) -> Iterator[Path]:
    as_json, as_csv = out / f".{SUMMARY}.json", out / f".{SUMMARY}.csv"
    write_json(as_json, [asdict(outcome) for outcome in outcomes])
    yield as_json
    rows = [{**asdict(one), **dict.fromkeys(HEADLINES), **one.headlines} for one in outcomes]
    pd.DataFrame(rows).drop(columns="headlines").to_csv(as_csv, index=False, lineterminator="\n")
    yield as_csv
