"""What runs that died leave behind: chunks that no reader can reach, and outputs that were never moved into place.

Readers and the next run are never in its way, so it may lie there; `berthwatch gc` takes it away, and with it what the
next run would have gone on from. What any commit of a cube still reaches is kept, older states too.
"""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from berthwatch.clocks import check_clock
from berthwatch.errors import Fault, InputError
from berthwatch.outputs import STAGING
from berthwatch.store import collect_garbage, exists, lock_at, locked, open_repository
from berthwatch.transaction import delete_abandoned


@dataclass(frozen=True, slots=True)
class Litter:
    """What was taken away of one cube: branches of runs that died, and files with their bytes; `where` it lay."""

    where: str
    branches: int
    files: int
    freed_bytes: int


def gc(run: str | Path) -> tuple[Litter, ...]:
    """Take away what runs that died left in a run's folder.

    Parameters
    ----------
    run : str or Path
        The run's folder.

    Returns
    -------
    tuple of Litter
        One for each place where there was any.

    Raises
    ------
    InputError
        There is no cube in it, or somebody runs in it now; nothing was taken away.
    BerthwatchError
        The clock will not do; see `berthwatch.clocks.check_clock`.
    """
    out = Path(run)
    cubes = sorted(path for path in (out / "cube").glob("*") if exists(path))
    if not cubes:
        raise InputError([Fault(str(out), "the folder of a run, with its cubes", "no cube in it")])
    with ExitStack() as held:
        for place in (lock_at(out), *cubes):
            held.enter_context(locked(place, wait=False))
        found = [_of_outputs(out), *map(_of_cube, cubes)]
    return tuple(litter for litter in found if litter.files or litter.branches)


def _of_outputs(out: Path) -> Litter:
    left = [path for path in (out / STAGING).rglob("*") if path.is_file()]
    freed = sum(path.stat().st_size for path in left)
    shutil.rmtree(out / STAGING, ignore_errors=True)
    return Litter("outputs", 0, len(left), freed)


def _of_cube(path: Path) -> Litter:
    repository = open_repository(path)
    check_clock(repository, path)
    branches = delete_abandoned(repository)
    summary = collect_garbage(repository)
    files = sum(
        getattr(summary, f"{kind}_deleted")
        for kind in ("chunks", "manifests", "snapshots", "attributes", "transaction_logs")
    )
    return Litter(f"cube of {path.name}", branches, files, summary.bytes_deleted)
