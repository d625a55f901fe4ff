"""Adding scenes to a cube: room is made for a group of them, tasks fill it side by side, one commit keeps it.

A task reads some scenes over a part of the grid and writes what it read; it is the only writer of its chunks. A
scene that turns out bad while it is read must leave no hole: the group is then written again without it, which is rare
and costs one more reading, where holding every scene's pixels until all are known to be good would cost memory always.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import icechunk
import numpy as np
import zarr
from odc.geo.geobox import GeoBox

from berthwatch import layout
from berthwatch.batches import map_batches
from berthwatch.config import Source
from berthwatch.errors import SceneError
from berthwatch.fingerprint import Fingerprint, fingerprint, local_files, of_pixels
from berthwatch.model import Scene, SetAside
from berthwatch.pixels import Pixels, check_usable, read_pixels
from berthwatch.transaction import keep

if TYPE_CHECKING:
    from distributed import Client

GROUP = 8 * layout.CHUNK[0]
"""Scenes committed at a time: what a bad one makes us read again, and what the coordinator keeps in mind."""
TASK_BYTES = 96 * 2**20
"""Pixels a task holds at once."""


@dataclass(frozen=True, slots=True)
class Region:
    """What one task writes: scenes from a position on, over a part of the grid, through its own fork of the session."""

    source: Source
    scenes: tuple[Scene, ...]
    start: int
    rows: slice
    columns: slice
    grid: GeoBox
    fork: icechunk.ForkSession


@dataclass(frozen=True, slots=True)
class Found:
    """What one task learned of one scene in its part of the grid; `fault` where it could not be read."""

    fault: str | None = None
    overlaps: tuple[bool, ...] = ()
    valid_px: tuple[int, ...] = ()
    pixels_sha256: str = ""
    files: Fingerprint | None = None


@dataclass(frozen=True, slots=True)
class Appender:
    """Where scenes are added: a branch of a repository, for one source on one grid."""

    repository: icechunk.Repository
    branch: str
    source: Source
    grid: GeoBox
    attributes: dict[str, object]


def append_scenes(
    to: Appender, start: int, scenes: Sequence[Scene], client: "Client | None", advance: Callable[[int], None]
) -> tuple[list[Scene], list[SetAside]]:
    """Write scenes behind the first `start` of a branch, in their order, without those that cannot be used.

    Parameters
    ----------
    to : Appender
    start : int
        How many scenes the branch holds; 0 makes a new cube.
    scenes : sequence of Scene
    client : distributed.Client, optional
        Where to work; without one, in threads of this process.
    advance : callable
        Told now and then how many more scenes are done with.

    Returns
    -------
    added : list of Scene
    set_aside : list of SetAside
    """
    added: list[Scene] = []
    set_aside: list[SetAside] = []
    position, waiting = start, list(scenes)
    while waiting:
        # Groups end where chunks do: every chunk has one writer, and is written once where that can be.
        size = GROUP - position % layout.CHUNK[0]
        group, waiting = waiting[:size], waiting[size:]
        good, bad = _append_group(to, position, group, client, advance)
        position += len(good)
        added += good
        set_aside += bad
    return added, set_aside


def _append_group(
    to: Appender, start: int, group: list[Scene], client: "Client | None", advance: Callable[[int], None]
) -> tuple[list[Scene], list[SetAside]]:
    """Write and commit one group; returns the scenes kept and those set aside."""
    set_aside: list[SetAside] = []
    while group:
        session = _make_room(to, start + len(group))
        found: list[list[Found]] = [[] for _ in group]
        forks = []
        regions = list(_regions(to, start, group, session))
        for region, (fork, told) in zip(regions, map_batches(write_region, regions, (), client), strict=True):
            forks.append(fork)
            for index, each in enumerate(told, start=region.start - start):
                found[index].append(each)
            whole = (region.rows.stop, region.columns.stop) == to.grid.shape
            advance(len(region.scenes) if whole and not set_aside else 0)
        reasons = [_unusable(scene, to.source, parts) for scene, parts in zip(group, found, strict=True)]
        if not any(reasons):
            session.merge(*forks)
            layout.write_scenes(session.store, start, group, [_files(parts) for parts in found])
            keep(session, f"{len(group)} scenes, {group[0].scene_id} to {group[-1].scene_id}")
            return group, set_aside
        # The forks are dropped: what they wrote belongs to no snapshot.
        pairs = list(zip(group, reasons, strict=True))
        set_aside += [SetAside(scene.scene_id, to.source.name, reason) for scene, reason in pairs if reason]
        group = [scene for scene, reason in pairs if not reason]
    _make_room(to, start)
    return group, set_aside


def write_region(region: Region) -> tuple[icechunk.ForkSession, list[Found]]:
    """Read a region's scenes and write them; nothing is written where one of them cannot be read."""
    grid = region.grid[region.rows, region.columns]
    count, bands = len(region.scenes), region.source.bands
    values = np.full((len(bands), count, *grid.shape), np.nan, np.float32)
    seen = np.empty((count, *grid.shape), np.uint8)
    first = region.rows.start == region.columns.start == 0
    found = []
    for index, scene in enumerate(region.scenes):
        try:
            pixels = read_pixels(scene, region.source, grid, (values[:, index], seen[index]))
            files = _read_fingerprint(scene, bands) if first else None
        except SceneError as error:
            found.append(Found(fault=error.reason))
            continue
        # Local files have a better one: their own.
        sha256 = "" if local_files(scene, bands) else _digest(pixels)
        found.append(Found(None, pixels.overlaps, pixels.valid_px, sha256, files))
    if not any(each.fault for each in found):
        group = zarr.open_group(region.fork.store, mode="r+")
        place = (slice(region.start, region.start + count), region.rows, region.columns)
        for name, block in [*zip(bands, values, strict=True), ("seen", seen)]:
            layout.array_of(group, name)[place] = block
    return region.fork, found


def _digest(pixels: Pixels) -> str:
    return hashlib.sha256(pixels.values.tobytes() + pixels.seen.tobytes()).hexdigest()


def _read_fingerprint(scene: Scene, bands: tuple[str, ...]) -> Fingerprint | None:
    try:
        files = local_files(scene, bands)
        return fingerprint(files) if files else None
    except OSError as error:
        raise SceneError(scene.scene_id, str(error)) from error


def _make_room(to: Appender, scenes: int) -> icechunk.Session:
    """Commit arrays of the size wanted; forks are made of what is committed."""
    session = to.repository.writable_session(to.branch)
    try:
        zarr.open_group(session.store, mode="r")
    except FileNotFoundError:
        layout.create(session.store, to.grid, to.source.bands, to.attributes, scenes)
    else:
        layout.resize(session.store, scenes)
    if session.has_uncommitted_changes:
        session.commit(f"room for {scenes} scenes")
    return to.repository.writable_session(to.branch)


def _regions(to: Appender, start: int, group: list[Scene], session: icechunk.Session) -> Iterator[Region]:
    """Cut a group into parts that end where chunks end."""
    deep = layout.CHUNK[0]
    rows, columns = _tile(to.grid.shape.yx, len(to.source.bands))
    position, stop = start, start + len(group)
    while position < stop:
        end = min(stop, position - position % deep + deep)
        scenes = tuple(group[position - start : end - start])
        for row in range(0, to.grid.shape[0], rows):
            for col in range(0, to.grid.shape[1], columns):
                part = (slice(row, min(row + rows, to.grid.shape[0])), slice(col, min(col + columns, to.grid.shape[1])))
                yield Region(to.source, scenes, position, *part, to.grid, session.fork())
        position = end


def _tile(shape: tuple[int, int], bands: int) -> tuple[int, int]:
    """Rows and columns of a task: as wide as the grid where that fits, because files are stored in rows or small tiles.

    >>> _tile((320, 260), 1), _tile((1700, 1700), 4), _tile((20000, 20000), 4)
    ((384, 384), (128, 1408), (128, 1408))
    """
    deep, tall, wide = layout.CHUNK
    limit_px = TASK_BYTES // (deep * (4 * bands + 1))
    width = min(math.ceil(shape[1] / wide), max(1, limit_px // (tall * wide))) * wide
    height = min(math.ceil(shape[0] / tall), max(1, limit_px // (tall * min(width, shape[1])))) * tall
    return height, width


def _unusable(scene: Scene, source: Source, parts: Sequence[Found]) -> str | None:
    """Why a scene cannot be used, judged by all parts of the grid together; None where it can."""
    for part in parts:
        if part.fault is not None:
            return part.fault
    overlaps = tuple(any(each) for each in zip(*(part.overlaps for part in parts), strict=True))
    valid_px = tuple(sum(each) for each in zip(*(part.valid_px for part in parts), strict=True))
    try:
        check_usable(scene, source, overlaps, valid_px)
    except SceneError as error:
        return error.reason
    return None


def _files(parts: Sequence[Found]) -> Fingerprint:
    known = next((part.files for part in parts if part.files is not None), None)
    return known if known is not None else of_pixels([part.pixels_sha256 for part in parts])
