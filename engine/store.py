"""A cube's repository on disk: opened and locked.

One writer at a time holds a file lock, because Icechunk on a local file system can lose a commit made at the same
moment as another. Readers look at the branch `main` and need no lock.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import icechunk

from berthwatch.clocks import check_drift
from berthwatch.errors import Fault, InputError

# Its default prints a warning about local file systems in every process.
icechunk.set_logs_filter("error")

MAIN = "main"


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold the lock of what is at `path`; the system frees it when a process dies.

    Raises
    ------
    InputError
        Somebody holds it, and `wait` is False.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError([Fault(str(path), "a folder in which nobody runs", "a run that has not ended")]) from None
        yield


def lock_at(out: Path) -> Path:
    """What is locked while a run writes its outputs, for runs beside it wait for it. No source is called so."""
    return out / "cube" / ".outputs"


def exists(path: Path) -> bool:
    """Whether there is a repository at `path`; it may still hold no scene."""
    return path.is_dir() and icechunk.Repository.exists(_storage(path))


def open_repository(path: Path) -> icechunk.Repository:
    """Open the repository at `path`.

    Raises
    ------
    InputError
        There is none, or it is not readable as one.
    """
    try:
        if exists(path):
            return icechunk.Repository.open(_storage(path))
    except icechunk.IcechunkError as error:
        came = f"one that cannot be read: {str(error).splitlines()[0]}"
        raise InputError([Fault(str(path), "a cube's Icechunk repository", came)]) from error
    raise InputError([Fault(str(path), "a cube's Icechunk repository", "none there")])


def open_or_create(path: Path) -> icechunk.Repository:
    """Open the repository at `path`, or make an empty one. The caller holds the lock."""
    if exists(path):
        return open_repository(path)
    path.mkdir(parents=True, exist_ok=True)
    check_drift(path)
    # A writer killed while it created the repository may have left files of it.
    return icechunk.Repository.create(_storage(path), check_clean_root=False)


def snapshot_id(path: str | Path) -> str:
    """The id of the snapshot readers see now: the same id means the same bits.

    Raises
    ------
    InputError
        There is no repository at `path`.
    """
    return str(open_repository(Path(path)).lookup_branch(MAIN))


def collect_garbage(repository: icechunk.Repository) -> icechunk.GCSummary:
    """Take away what no branch reaches. The caller holds the lock: a writer's chunks are reached by none yet."""
    return repository.garbage_collect(datetime.now(UTC))


def _storage(path: Path) -> icechunk.Storage:
    # Absolute, because workers elsewhere have other working directories.
    return icechunk.local_filesystem_storage(str(path.resolve()))
