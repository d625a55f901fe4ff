"""Changes to a cube that readers see whole or not at all, and that a writer who dies does not lose.

Readers look at the branch `main`. A transaction works on a branch of its own and moves `main` to it once, at its end.
A writer that died or failed leaves its branch behind, and the next one goes on from what was kept there. Where a file
lock does not hold (some network file systems), `main` is still moved only from where the transaction began.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import icechunk

from berthwatch.clocks import check_clock
from berthwatch.errors import BerthwatchError
from berthwatch.store import MAIN

PREFIX = "ingest-"
KEPT = {"kept": True}


def keep(session: icechunk.Session, message: str) -> str:
    """Commit what another writer may go on from; returns the snapshot's id."""
    return str(session.commit(message, metadata=KEPT))


@contextmanager
def transaction(repository: icechunk.Repository, path: Path, branch: str | None = None) -> Iterator[str]:
    """Give a branch to commit to, a new one or that of a writer before; `main` moves to its tip at the end.

    An exception that ends the block leaves `main` as it was, and the branch where anything was committed to it.
    The caller holds the lock.

    Raises
    ------
    icechunk.ConflictError
        `main` was moved by another writer meanwhile: nothing of this transaction is seen.
    BerthwatchError
        The clock will not do, or the store refused.
    """
    check_clock(repository, path)
    base = repository.lookup_branch(MAIN)
    name = branch if branch is not None else f"{PREFIX}{uuid.uuid4().hex}"
    try:
        if branch is None:
            repository.create_branch(name, base)
        yield name
        _move_main(repository, name, base)
    except BaseException as error:
        # What went wrong before is told, whatever goes wrong here; a branch left over is litter and no harm.
        with suppress(icechunk.IcechunkError):
            if isinstance(error, icechunk.ConflictError) or repository.lookup_branch(name) == base:
                repository.delete_branch(name)
        if isinstance(error, icechunk.IcechunkError) and not isinstance(error, icechunk.ConflictError):
            raise BerthwatchError(f"{path}: {_reason(error)}; what readers see is as it was") from error
        raise


def abandoned(repository: icechunk.Repository) -> list[str]:
    """The branches of writers that died or failed. The caller holds the lock: no branch is anyone's who still lives."""
    return sorted(branch for branch in repository.list_branches() if branch.startswith(PREFIX))


def rewound(repository: icechunk.Repository, branch: str) -> bool:
    """Put an abandoned branch back to what was last kept on it; False where there is nothing to go on from.

    There is nothing where none of it was kept, or `main` was moved since it began.
    """
    base, tip = repository.lookup_branch(MAIN), repository.lookup_branch(branch)
    last = None
    for snapshot in repository.ancestry(branch=branch):
        if snapshot.id == base:
            if last is not None and last != tip:
                repository.reset_branch(branch, last)
            return last is not None
        if last is None and snapshot.metadata == KEPT:
            last = snapshot.id
    return False


def delete_abandoned(repository: icechunk.Repository, but: str | None = None) -> int:
    """Delete the branches of writers that died or failed but one; return how many. The caller holds the lock."""
    found = [branch for branch in abandoned(repository) if branch != but]
    for branch in found:
        repository.delete_branch(branch)
    return len(found)


def _move_main(repository: icechunk.Repository, branch: str, base: str) -> None:
    tip = repository.lookup_branch(branch)
    if tip != base:
        repository.reset_branch(MAIN, tip, from_snapshot_id=base)
    # What is done is done: a branch left over is litter, and no reason to say that it was not.
    with suppress(icechunk.IcechunkError):
        repository.delete_branch(branch)


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
