"""What the live view shows of a run: its berths, the looks at each, and pictures of them with change laid over.

Scenes are laid on the common frame here, so that nothing but the port moves from one to the next. Change is against
what the pixel is when nothing lies on it, or against the scene before of the same track; what the whole window did
together (wind, haze) is taken out.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from shapely import transform
from shapely.geometry.base import BaseGeometry

from berthwatch.backdrop import aligned
from berthwatch.bands import main_band
from berthwatch.corrections import Correction, read_corrections
from berthwatch.cube import open_cube
from berthwatch.georeference import grid_of
from berthwatch.kernels.background import temporal_low_mode
from berthwatch.kernels.change import log_ratio
from berthwatch.layout import CHUNK
from berthwatch.page.chips import (
    MOST_PX,
    Chip,
    fewer,
    file_of,
    grey,
    in_pixels,
    light_of,
    scale_of,
    window_of_berth,
)
from berthwatch.page.evidence import Overlay, hulls_of, joined_looks, overlay_of, places_of, told_in_words
from berthwatch.page.folder import RunFolder, read_folder
from berthwatch.provenance import RECORD
from berthwatch.sightline import ground_axes

type Against = Literal["usual", "before"]

DB: Final = 10 / math.log(10)
LEAST_DB, MOST_DB = 4.0, 12.0
"""A change is coloured from here on, and fully from there: speckle of single scenes stays below."""
LEAST_SCENES: Final = 4
"""Of one track, for what is usual there to be known."""
BRIGHTER, DARKER = (255, 106, 19), (58, 134, 255)
MOST_OPAQUE: Final = 190
QUALITY: Final = 90

Stamp = tuple[int, int]
"""Time of last change (ns) and bytes of a run's record: another run, another stamp."""


@dataclass(frozen=True, slots=True)
class Place:
    """A berth or control, and how many looks there are at it."""

    berth_id: str
    kind: str
    looks: int


@dataclass(frozen=True, slots=True)
class LookTold:
    """One look: what the run made of it, and what persons said of it, the last one last."""

    source: str
    scene_id: str
    time: str
    state: Literal["taken", "vacant", "untold"]
    told: str
    p_occupied: float | None
    length_m: float | None
    beam_m: float | None
    freeboard_m: float | None
    freeboard_sigma_m: float | None
    reason: str
    said: tuple[Correction, ...]
    waiting: bool
    """Whether the next run will take it for something else than this one did, for what was said since."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One look's picture; `change` is an image to lay over it, None where there is nothing to compare with."""

    overlay: Overlay
    change: str | None
    change_words: str


@dataclass(frozen=True, slots=True)
class _Stack:
    """All scenes of one source around one berth on the common frame, (time, y, x), and what they have in common."""

    images: NDArray[np.float32]
    scenes: dict[str, int]
    tracks: tuple[str, ...]
    usual: dict[str, NDArray[np.float32]]
    lights: tuple[Any, ...]
    hulls: dict[str, BaseGeometry]
    common: Chip
    scale: tuple[float, float]


def stamp_of(run: Path) -> Stamp:
    """What tells that a run's folder holds another run than before."""
    told = (run / RECORD).stat()
    return told.st_mtime_ns, told.st_size


@lru_cache(maxsize=2)
def opened(run: Path, stamp: Stamp) -> tuple[RunFolder, pd.DataFrame]:  # noqa: ARG001 - what is kept is of one run
    """A run's tables, and its looks with all that is known of each."""
    folder = read_folder(run)
    return folder, joined_looks(folder)


def places(run: Path) -> list[Place]:
    """The berths and controls of a run, in the order of its run file."""
    folder, looks = opened(run, stamp_of(run))
    counts = looks["berth_id"].value_counts()
    return [Place(name, kind, int(counts.get(name, 0))) for name, kind in folder.kinds().items()]


def looks_at(run: Path, berth_id: str) -> list[LookTold]:
    """All looks at a berth in order of time, those that told nothing too.

    Raises
    ------
    KeyError
        There is no such berth.
    """
    folder, looks = opened(run, stamp_of(run))
    if berth_id not in folder.kinds():
        raise KeyError(berth_id)
    said: dict[tuple[str, str, str], tuple[Correction, ...]] = {}
    for each in read_corrections(run).all:
        said[each.look] = (*said.get(each.look, ()), each)
    return [
        _told(row, said.get((berth_id, row.source, row.scene_id), ()))
        for row in looks[looks["berth_id"] == berth_id].itertuples()
    ]


def _told(row: Any, said: tuple[Correction, ...]) -> LookTold:
    state: Literal["taken", "vacant", "untold"] = (
        "untold" if pd.isna(row.occupied) else "taken" if row.occupied else "vacant"
    )
    counting = [each for each in said[-1:] if each.verdict != "withdrawn"]
    now = [(each.who, each.verdict, each.when) for each in counting]
    return LookTold(
        row.source,
        row.scene_id,
        f"{row.time:%Y-%m-%d %H:%M}",
        state,
        told_in_words(row),
        None if state == "untold" else round(float(row.p_occupied), 4),
        _number(row.hull_length_m),
        _number(row.hull_beam_m),
        _number(row.freeboard_m),
        _number(row.freeboard_sigma_m),
        "" if pd.isna(row.reason) else str(row.reason),
        said,
        now != ([(row.who, row.verdict, row.when)] if row.who else []),
    )


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def picture_of_look(run: Path, berth_id: str, source: str, scene_id: str, against: Against) -> Picture:
    """The picture of one look, and its change.

    Raises
    ------
    KeyError
        There is no such look, or its pixels are not at hand.
    """
    folder, _ = opened(run, stamp_of(run))
    if berth_id not in places_of(folder) or source not in (folder.record.get("snapshots") or {}):
        raise KeyError(berth_id, source)
    stack = _stack(run, stamp_of(run), berth_id, source)
    if stack is None or scene_id not in stack.scenes:
        raise KeyError(scene_id)
    step = stack.scenes[scene_id]
    image, (sun, angles) = stack.images[step], stack.lights[step]
    chip = replace(stack.common, image=image, sun_deg=sun, angles=angles, hull=stack.hulls.get(scene_id))
    overlay = overlay_of(chip, file_of(grey(image, chip.kind, stack.scale), "JPEG", QUALITY=QUALITY))
    before, words = _compared(stack, step, against)
    return Picture(overlay, None if before is None else file_of(coloured(image, before), "PNG"), words)


def _compared(stack: _Stack, step: int, against: Against) -> tuple[NDArray[np.float32] | None, str]:
    """What a scene is compared with, and in words. Other tracks see quays and hulls from another side."""
    same = [other for other, track in enumerate(stack.tracks) if track == stack.tracks[step]]
    if against == "usual":
        if len(same) < LEAST_SCENES:
            return None, f"What is usual there is not known: this track has fewer than {LEAST_SCENES} scenes."
        return stack.usual[stack.tracks[step]], f"Change against what is usual there, from {len(same)} scenes."
    earlier = [other for other in same if other < step]
    if not earlier:
        return None, "There is no scene before this one on its track to compare with."
    name = next(name for name, place in stack.scenes.items() if place == earlier[-1])
    return stack.images[earlier[-1]], f"Change against the scene before on its track, {name}."


def coloured(image: NDArray[np.float32], before: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Change as colours and opacity, (4, y, x): orange where brighter, blue where darker, clear where neither.

    >>> image = np.full((3, 3), 1.0, np.float32); image[1, 1] = 20.0
    >>> coloured(image, np.full((3, 3), 2.0, np.float32))[:, 1, :2].tolist()
    [[0, 255], [0, 106], [0, 19], [0, 190]]
    """
    change_db = DB * np.nan_to_num(log_ratio(image[np.newaxis], before)[0], nan=0.0, posinf=10.0, neginf=-10.0)
    known = np.isfinite(image) & np.isfinite(before)
    change_db = np.where(known, change_db - (np.median(change_db[known]) if known.any() else 0.0), 0.0)
    share = np.clip((np.abs(change_db) - LEAST_DB) / (MOST_DB - LEAST_DB), 0, 1)
    colour = np.where(change_db[..., np.newaxis] > 0, BRIGHTER, DARKER)
    opacity = np.where(share > 0, 60 + share * (MOST_OPAQUE - 60), 0)
    out: NDArray[np.uint8] = np.where(
        opacity > 0, np.concatenate([np.moveaxis(colour, -1, 0), opacity[np.newaxis]]), 0
    ).astype(np.uint8)
    return out


@lru_cache(maxsize=4)
def _stack(run: Path, stamp: Stamp, berth_id: str, source: str) -> _Stack | None:
    """A berth's scenes of one source; None where its cube is not there or the berth lies outside."""
    folder, _ = opened(run, stamp)
    if not (run / "cube" / source).is_dir():
        return None
    cube = open_cube(run / "cube" / source)
    grid, berth = grid_of(cube.attrs), places_of(folder)[berth_id]
    rows, columns = window_of_berth(berth, grid)
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    few = math.ceil(max(rows.stop - rows.start, columns.stop - columns.start) / MOST_PX)
    images = np.concatenate(list(_images(cube, rows, columns, few)))
    tracks = tuple(cube["track"].values.astype(str).tolist())
    corner = np.array([columns.start, rows.start])

    def here(shape: BaseGeometry) -> BaseGeometry:
        return transform(in_pixels(shape, grid), lambda xy: (xy - corner) / few)

    area = in_pixels(berth, grid)
    axes = ground_axes(grid, area.centroid.y, area.centroid.x) * few
    common = Chip(images[0], main_band(cube), cube.attrs["kind"], axes, None, None, here(berth), None)
    return _Stack(
        images,
        {str(name): step for step, name in enumerate(cube["scene_id"].values)},
        tracks,
        {track: temporal_low_mode(images[np.array(tracks) == track]) for track in sorted(set(tracks))},
        tuple(light_of(cube, step) for step in range(len(images))),
        {key[1]: here(hull) for key, hull in hulls_of(folder).items() if (key[0], key[2]) == (source, berth_id)},
        common,
        scale_of([replace(common, image=image) for image in images]),
    )


def _images(cube: xr.Dataset, rows: slice, columns: slice, few: int) -> Iterator[NDArray[np.float32]]:
    """Scenes of a window on the common frame, read with a rim so that shifts leave no gap."""
    shifts = [float(np.nanmax(np.abs(cube[name].values), initial=0.0)) for name in ("shift_y_px", "shift_x_px")]
    rim = math.ceil(max(shifts)) + 1
    above, left = min(rim, rows.start), min(rim, columns.start)
    near = cube.isel(y=slice(rows.start - above, rows.stop + rim), x=slice(columns.start - left, columns.stop + rim))
    height, width = rows.stop - rows.start, columns.stop - columns.start
    for start in range(0, cube.sizes["time"], CHUNK[0]):
        images, _ = aligned(near.isel(time=slice(start, start + CHUNK[0])))
        own = images[:, above : above + height, left : left + width]
        yield np.stack([fewer(image, few) for image in own])
