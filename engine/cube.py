"""A source's scenes stacked on one grid: an Icechunk repository of (time, y, x) arrays, only ever added to.

`ingest` adds the scenes that are new, all at once or not at all; `open_cube` gives readers what is there.
"""

import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import icechunk
import numpy as np
import xarray as xr
import zarr

from berthwatch.appending import Appender, append_scenes
from berthwatch.config import Port
from berthwatch.errors import Fault, InputError
from berthwatch.georeference import GRID_MAPPING, grid_of
from berthwatch.layout import SCENE_VARIABLES, SHIFTS, array_of, bands_of, column
from berthwatch.model import Scene, SetAside
from berthwatch.plan import Plan, changed_since, check_format, check_same, plan_ingest, read_stored
from berthwatch.progress import Progress, Silent
from berthwatch.register import register
from berthwatch.store import (
    MAIN,
    collect_garbage,
    delete_abandoned,
    locked,
    open_or_create,
    open_repository,
    snapshot_id,
    transaction,
)
from berthwatch.zones import metres_per_pixel

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Ingested", "IngestedSource", "ingest", "open_cube", "snapshot_id", "write_shifts"]

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

    Notes
    -----
    A scene is known by its id. One that cannot be used is set aside and tried again by the next call. Each source's
    cube changes in one step: a call that is killed has no effect, and one that runs beside another waits for it.
    """
    plans = plan_ingest(port, Path(out))
    reporter = progress if progress is not None else Silent()
    appended = [_ingest_source(plan, port, client, reporter) for plan in plans]
    return Ingested(tuple(_co_registered(source, port, reporter) for source in appended))


def open_cube(path: str | Path) -> xr.Dataset:
    """Open a source's cube.

    Parameters
    ----------
    path : str or Path
        `cube/<source>` in a run's folder.

    Returns
    -------
    xarray.Dataset
        Sorted by time, then scene id. Each band float32 (time, y, x): linear power or reflectance, NaN where there is
        no data, not shifted; `seen` uint8 (time, y, x). Both are dask arrays in the store's chunks. What is known of
        each scene are coordinates along `time` (UTC); `spatial_ref` holds the CRS. Attributes `source` and `kind`.

    Raises
    ------
    InputError
        No cube there, none with scenes yet, or one of a newer version.
    """
    import rioxarray  # noqa: F401 - gives the cube its `.rio`

    path = Path(path)
    store = open_repository(path).readonly_session(MAIN).store
    try:
        group = zarr.open_group(store, mode="r")
    except FileNotFoundError:
        raise InputError([Fault(str(path), "a cube with scenes", "an empty one: no ingest has ended yet")]) from None
    check_format(dict(group.attrs), path)
    # Left out here and read below: as eager arrays, and words as numpy's, not as Zarr's.
    lazy = xr.open_zarr(store, consolidated=False, chunks={}, decode_coords="all", drop_variables=SCENE_VARIABLES)
    lazy = lazy[[*bands_of(group), "seen"]]
    known: dict[Hashable, Any] = {name: ("time", column(group, name)) for name in SCENE_VARIABLES if name != "time"}
    times = column(group, "time").astype("datetime64[ns]")
    cube: xr.Dataset = lazy.assign_coords(time=("time", times), **known)  # type: ignore[arg-type]
    cube[GRID_MAPPING].load()
    order = np.lexsort((cube["scene_id"].values, times))
    return cube if np.array_equal(order, np.arange(order.size)) else cube.isel(time=order)


def write_shifts(path: str | Path, shifts: xr.Dataset) -> str:
    """Keep how far scenes lie from the common frame; their pixels stay where they are. The caller holds the lock.

    Parameters
    ----------
    path : str or Path
        `cube/<source>` in a run's folder.
    shifts : xarray.Dataset
        `shift_y_px`, `shift_x_px`, `shift_quality`, each along one dimension with the coordinate `scene_id`. Scenes
        not named keep what they have.

    Returns
    -------
    str
        The cube's snapshot id, the same as before where nothing changed.

    Raises
    ------
    InputError
        No cube there.
    KeyError
        A scene that is not in the cube.
    """
    session = open_repository(Path(path)).writable_session(MAIN)
    group = zarr.open_group(session.store, mode="r+")
    places = {name: place for place, name in enumerate(column(group, "scene_id").tolist())}
    at = np.array([places[name] for name in shifts["scene_id"].values.tolist()], np.intp)
    changed = False
    for name in SHIFTS:
        before = column(group, name)
        after = before.copy()
        after[at] = shifts[name].values
        if not np.array_equal(before, after, equal_nan=True):
            array_of(group, name)[:] = after
            changed = True
    return str(session.commit("shifts")) if changed else str(session.snapshot_id)


def _co_registered(source: IngestedSource, port: Port, progress: Progress) -> IngestedSource:
    """Measure the shifts of all scenes of a cube again when some have none yet: the common frame is theirs together.

    The lock is held from reading to writing: a run beside it may have added scenes, and shifts measured without them
    would replace better ones for good.
    """
    if source.snapshot is None:
        return source
    with locked(source.path):
        cube = open_cube(source.path)
        if not np.isnan(cube["shift_quality"].values).any():
            return replace(source, snapshot=snapshot_id(source.path))
        progress.step(f"co-register scenes of {source.source}", cube.sizes["time"])
        shifts = register(cube, metres_per_pixel(grid_of(cube.attrs), port.berths))
        progress.advance(cube.sizes["time"])
        progress.done()
        return replace(source, snapshot=write_shifts(source.path, shifts))


def _ingest_source(plan: Plan, port: Port, client: "Client | None", progress: Progress) -> IngestedSource:
    if plan.grid is None:
        return IngestedSource(plan.source.name, plan.path, (), plan.set_aside, None)
    with locked(plan.path):
        for attempt in range(ATTEMPTS):
            try:
                return _append(plan, port, client, progress)
            except icechunk.ConflictError:
                # Only where file locks do not hold: another writer was quicker, and what it added counts.
                if attempt == ATTEMPTS - 1:
                    raise
                time.sleep(0.1 * 2**attempt)
    raise AssertionError("unreachable")


def _append(plan: Plan, port: Port, client: "Client | None", progress: Progress) -> IngestedSource:
    """Add a source's new scenes. What is stored is looked at again: the plan was made without the lock."""
    assert plan.grid is not None
    repository = open_or_create(plan.path)
    if delete_abandoned(repository):
        collect_garbage(repository)
    stored = read_stored(repository, plan.path)
    set_aside = list(plan.set_aside)
    held: set[str] = set()
    if stored is not None:
        check_same(plan, stored, port.berths)
        set_aside += changed_since(plan, stored)
        held = set(stored.scenes)
    grid = stored.grid if stored is not None else plan.grid
    new = [scene for scene in plan.scenes if scene.scene_id not in held]
    added: list[Scene] = []
    if new:
        progress.step(f"read scenes of {plan.source.name}", len(new))
        with transaction(repository) as branch:
            to = Appender(repository, branch, plan.source, grid.geobox, plan.attributes)
            added, bad = append_scenes(to, len(held), new, client, progress.advance)
            set_aside += bad
            if not added:
                # The room made for scenes that turned out bad is no change: with it every run would find news.
                repository.reset_branch(branch, repository.lookup_branch(MAIN))
        progress.done()
    empty = not held and not added
    snapshot = None if empty else str(repository.lookup_branch(MAIN))
    return IngestedSource(
        plan.source.name, plan.path, tuple(scene.scene_id for scene in added), tuple(set_aside), snapshot
    )
