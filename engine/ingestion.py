"""Adding a port's scenes to its cubes: read, co-registered and shown to readers in one step, source by source.

What a run that died had read is gone on from, where an undisturbed run would have read the same.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import icechunk

from berthwatch.appending import Appender, append_scenes
from berthwatch.clocks import check_clock
from berthwatch.config import Port
from berthwatch.cube import open_cube, write_shifts
from berthwatch.georeference import grid_of
from berthwatch.layout import recipe
from berthwatch.model import Scene, SetAside
from berthwatch.plan import Plan, Stored, changed_since, check_same, plan_ingest, read_stored
from berthwatch.progress import Progress, Silent
from berthwatch.register import register
from berthwatch.store import MAIN, collect_garbage, locked, open_or_create
from berthwatch.transaction import abandoned, delete_abandoned, rewound, transaction
from berthwatch.zones import metres_per_pixel

if TYPE_CHECKING:
    from distributed import Client

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class IngestedSource:
    """What `ingest` did to one source's cube. `snapshot` is None where it holds no scene, and so cannot be opened."""

    source: str
    path: Path
    new: tuple[str, ...]
    set_aside: tuple[SetAside, ...]
    snapshot: str | None


@dataclass(frozen=True, slots=True)
class Ingested:
    """What `ingest` did, source by source, in the order of the run file."""

    sources: tuple[IngestedSource, ...]

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """The scenes not used, of all sources."""
        return tuple(scene for source in self.sources for scene in source.set_aside)


def ingest(port: Port, out: str | Path, client: "Client | None" = None, progress: Progress | None = None) -> Ingested:
    """Add the scenes of a port that its cubes do not hold yet, and co-register them with those they do.

    Parameters
    ----------
    port : Port
    out : str or Path
        The run's folder; the cubes are in its `cube/<source>/`.
    client : distributed.Client, optional
        A dask cluster whose workers see the same files; without one, threads of this process do the work.
    progress : Progress, optional

    Returns
    -------
    Ingested

    Raises
    ------
    InputError
        See `plan_ingest`; nothing was written.
    BerthwatchError
        The cluster was lost, the clock is wrong, or the disk is full: readers see what they saw before.

    Notes
    -----
    A scene is known by its id. One that cannot be used is set aside and tried again by the next call. Each source's
    cube changes in one step, pixels and shifts together. A call that is killed or fails is seen by nobody, and the next
    goes on from what it had kept, unless files or the run file are others by then; one that runs beside another waits.
    """
    plans = plan_ingest(port, Path(out))
    reporter = progress if progress is not None else Silent()
    return Ingested(tuple(_ingest_source(plan, port, client, reporter) for plan in plans))


def _ingest_source(plan: Plan, port: Port, client: "Client | None", progress: Progress) -> IngestedSource:
    if plan.grid is None:
        return IngestedSource(plan.source.name, plan.path, (), plan.set_aside, None)
    with locked(plan.path):
        for attempt in range(ATTEMPTS):
            try:
                return _add(plan, port, client, progress)
            except icechunk.ConflictError:
                # Only where file locks do not hold: another writer was quicker, and what it added counts.
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


def _add(plan: Plan, port: Port, client: "Client | None", progress: Progress) -> IngestedSource:
    """Add a source's new scenes. What is stored is looked at again: the plan was made without the lock."""
    repository = open_or_create(plan.path)
    before = read_stored(repository, plan.path)
    set_aside = list(plan.set_aside)
    if before is not None:
        check_same(plan, before, port.berths)
        set_aside += changed_since(plan, before)
    seen = frozenset(before.scenes if before is not None else ())
    branch, kept = _left_over(plan, repository, seen)
    kept = before if branch is None else kept
    held = kept.scenes if kept is not None else {}
    unregistered = kept is not None and kept.unregistered
    new = [scene for scene in plan.scenes if scene.scene_id not in held]
    added: list[Scene] = []
    if new or branch is not None or unregistered:
        with transaction(repository, plan.path, branch) as branch:
            added, bad = _append(plan, kept, new, (repository, branch), client, progress)
            set_aside += bad
            if added or unregistered:
                _co_register(plan, branch, port, progress)
    snapshot = str(repository.lookup_branch(MAIN)) if held or added else None
    names = (*(name for name in held if name not in seen), *(scene.scene_id for scene in added))
    return IngestedSource(plan.source.name, plan.path, names, tuple(set_aside), snapshot)


def _left_over(
    plan: Plan, repository: icechunk.Repository, seen: frozenset[str]
) -> tuple[str, Stored] | tuple[None, None]:
    """The branch of a run that died, to go on from, and what it holds; where a run now would do otherwise, none."""
    found = abandoned(repository)
    if not found:
        return None, None
    check_clock(repository, plan.path)
    for branch in found:
        kept = read_stored(repository, plan.path, branch) if rewound(repository, branch) else None
        if kept is not None and _still_right(plan, kept, seen):
            delete_abandoned(repository, but=branch)
            return branch, kept
    delete_abandoned(repository)
    collect_garbage(repository)
    return None, None


def _still_right(plan: Plan, kept: Stored, seen: frozenset[str]) -> bool:
    """Whether a run now would have read what a run that died had kept, beside what readers see."""
    assert plan.grid is not None
    made = (kept.recipe, kept.grid.geobox, kept.grid.window)
    if made != (recipe(plan.source), plan.grid.geobox, plan.grid.window):
        return False
    extra = kept.scenes.keys() - seen
    changed = {scene.scene_id for scene in changed_since(plan, kept)}
    return extra <= {scene.scene_id for scene in plan.scenes} - changed


def _append(
    plan: Plan,
    kept: Stored | None,
    new: list[Scene],
    to: tuple[icechunk.Repository, str],
    client: "Client | None",
    progress: Progress,
) -> tuple[list[Scene], list[SetAside]]:
    """Read scenes and write them to a branch behind those it holds."""
    if not new:
        return [], []
    assert plan.grid is not None
    repository, branch = to
    held = len(kept.scenes) if kept is not None else 0
    grid = kept.grid if kept is not None else plan.grid
    tip = repository.lookup_branch(branch)
    progress.step(f"read scenes of {plan.source.name}", len(new))
    appender = Appender(repository, branch, plan.source, grid.geobox, plan.attributes)
    added, bad = append_scenes(appender, held, new, client, progress.advance)
    if not added:
        # The room made for scenes that turned out bad is no change: with it every run would find news.
        repository.reset_branch(branch, tip)
    progress.done()
    return added, bad


def _co_register(plan: Plan, branch: str, port: Port, progress: Progress) -> None:
    """Measure the shifts of all scenes again, now that some have none: the common frame is theirs together."""
    cube = open_cube(plan.path, branch)
    progress.step(f"co-register scenes of {plan.source.name}", cube.sizes["time"])
    write_shifts(plan.path, register(cube, metres_per_pixel(grid_of(cube.attrs), port.berths)), branch)
    progress.advance(cube.sizes["time"])
    progress.done()
