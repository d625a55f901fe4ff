"""What adding a port's scenes to its cubes would mean, found out before anything is written.

All that can be wrong with the input as a whole is told here, for all sources at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import zarr
from icechunk import Repository
from odc.geo.geobox import GeoBox

from berthwatch.config import Port, Source
from berthwatch.errors import Fault, InputError
from berthwatch.fingerprint import Fingerprint, difference
from berthwatch.grid import MARGIN_M, PortGrid, lay_grid, nothing_readable, outside, project, survey
from berthwatch.layout import FORMAT, column, recipe, stored_grid
from berthwatch.model import Berth, Scene, SetAside
from berthwatch.scene import list_scenes
from berthwatch.store import MAIN, exists, open_repository


@dataclass(frozen=True, slots=True)
class Plan:
    """One source's scenes as listed, and the grid for them; the grid is None where no scene could be read."""

    source: Source
    path: Path
    scenes: tuple[Scene, ...]
    set_aside: tuple[SetAside, ...]
    grid: PortGrid | None

    @property
    def attributes(self) -> dict[str, Any]:
        """What a new cube says of itself."""
        window = None if self.grid is None else list(self.grid.window)
        source = self.source
        return {"source": source.name, "kind": source.kind, "recipe": recipe(source), "window": window}


@dataclass(frozen=True, slots=True)
class Stored:
    """What a cube holds already: its grid, each scene's files as they were when read, and whether shifts lack."""

    grid: PortGrid
    recipe: dict[str, Any]
    scenes: dict[str, Fingerprint]
    unregistered: bool


def cube_path(out: Path, source: Source) -> Path:
    """Where a run's folder keeps a source's cube."""
    return out / "cube" / source.name


def plan_ingest(port: Port, out: Path) -> tuple[Plan, ...]:
    """List every source's scenes and find its grid.

    Parameters
    ----------
    port : Port
    out : Path
        The run's folder, which may not be there yet; what its cubes are made of already binds the plan.

    Returns
    -------
    tuple of Plan
        One per source.

    Raises
    ------
    InputError
        A berth outside every scene; no scene of a source that can be read; cubes made for another port or in
        another way; a cube of a newer version.
    """
    plans: list[Plan] = []
    faults: list[Fault] = []
    for source in port.sources:
        try:
            plan = _plan_source(port, source, cube_path(out, source))
        except InputError as error:
            faults += error.faults
            continue
        plans.append(plan)
    if not any(plan.grid for plan in plans):
        faults += [nothing_readable(plan.source, plan.set_aside) for plan in plans]
    elif not faults:
        faults += _unseen(port.berths, plans)
    if faults:
        raise InputError(faults)
    return tuple(plans)


def read_stored(repository: Repository, path: Path, branch: str = MAIN) -> Stored | None:
    """What a branch of a repository holds, what readers see unless told; None where it holds no cube yet.

    Raises
    ------
    InputError
        The cube was written by a newer version.
    """
    store = repository.readonly_session(branch).store
    try:
        group = zarr.open_group(store, mode="r")
    except FileNotFoundError:
        return None
    check_format(dict(group.attrs), path)
    geobox = stored_grid(group)
    left, bottom, right, top = (float(edge) for edge in group.attrs["window"])  # type: ignore[union-attr, arg-type]
    names = ("scene_id", "sha256", "file_bytes", "file_modified_ns")
    ids, *files = (column(group, name).tolist() for name in names)
    grid = PortGrid(geobox, (left, bottom, right, top), geobox.extent.geom)
    scenes = dict(zip(ids, zip(*files, strict=True), strict=True))
    unregistered = bool(np.isnan(column(group, "shift_quality")).any())
    return Stored(grid, dict(group.attrs["recipe"]), scenes, unregistered)  # type: ignore[arg-type]


def check_format(attributes: dict[str, Any], path: Path) -> None:
    """Raise InputError where a cube was written by a version of berthwatch newer than this."""
    version = attributes.get("format")
    if not isinstance(version, int) or version > FORMAT:
        raise InputError([Fault(str(path), f"a cube of format {FORMAT} or before", f"format {version}")])


def check_same(plan: Plan, stored: Stored, berths: Sequence[Berth]) -> None:
    """Raise InputError where a run file asks of a cube what it was not made for."""
    faults = []
    where, remedy = plan.source.where or f"source {plan.source.name}", "use a new output folder"
    for key, asked in recipe(plan.source).items():
        if asked != stored.recipe.get(key):
            expected = f"{key} {stored.recipe.get(key)}, as the cube in {plan.path} was made with"
            faults.append(Fault(where, expected, f"{asked}: {remedy}"))
    window = shapely.box(*stored.grid.window)
    for berth in berths:
        if not window.covers(project(berth.polygon, "EPSG:4326", stored.grid.geobox.crs)):
            expected = f"a polygon within the window of the cube in {plan.path}, whose grid is fixed"
            faults.append(Fault(f"berth {berth.berth_id}", expected, f"one that needs another grid: {remedy}"))
    if faults:
        raise InputError(faults)


def changed_since(plan: Plan, stored: Stored) -> list[SetAside]:
    """The scenes whose files are no longer those that were read: the cube keeps what it has."""
    found = []
    for scene in plan.scenes:
        before = stored.scenes.get(scene.scene_id)
        changed = difference(scene, plan.source.bands, before) if before is not None else None
        if changed is not None:
            reason = f"differs from the stored one, which is kept: {changed}"
            found.append(SetAside(scene.scene_id, plan.source.name, reason))
    return found


def _plan_source(port: Port, source: Source, path: Path) -> Plan:
    listed, set_aside = list_scenes(source, port.path.parent, port.bounds)
    stored = read_stored(open_repository(path), path) if exists(path) else None
    if stored is not None:
        plan = Plan(source, path, tuple(listed), tuple(set_aside), stored.grid)
        check_same(plan, stored, port.berths)
        return plan
    headers: list[GeoBox] = []
    unread: list[SetAside] = []
    if listed:
        headers, unread = survey(listed, source)
    if not headers:
        return Plan(source, path, (), (*set_aside, *unread), None)
    grid = lay_grid(headers, source, port.berths, MARGIN_M, port.reference_water)
    return Plan(source, path, tuple(listed), tuple(set_aside), grid)


def _unseen(berths: Sequence[Berth], plans: Sequence[Plan]) -> list[Fault]:
    """Faults of berths that no source's scenes show."""
    names = ", ".join(plan.source.name for plan in plans)
    missed = [set(plan.grid.misses(berths)) for plan in plans if plan.grid is not None]
    return [outside(berth, names) for berth in berths if all(berth in each for each in missed)]
