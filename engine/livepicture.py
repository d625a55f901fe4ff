"""Pictures of the live view: each look at a berth on the common frame, with its outlines and its change laid over.

Scenes are laid on the common frame here, so that nothing but the port moves from one to the next. Change is against
what the pixel is when nothing lies on it (its low mode, but water in the berth), or against the scene before of its
track; what the whole window did together (wind, haze) is taken out.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from shapely import contains_xy, transform
from shapely.geometry.base import BaseGeometry

from berthwatch.backdrop import LOW_MODE, aligned
from berthwatch.bands import main_band
from berthwatch.cube import open_cube
from berthwatch.georeference import grid_of
from berthwatch.kernels.change import log_ratio
from berthwatch.kernels.quantile import temporal_quantile
from berthwatch.layout import CHUNK
from berthwatch.live import Stamp, opened, stamp_of
from berthwatch.page.chips import (
    AROUND_M,
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
from berthwatch.page.evidence import Overlay, hulls_of, overlay_of, places_of
from berthwatch.score import unmask_decks
from berthwatch.sightline import ground_axes

type Against = Literal["usual", "before"]

DB: Final = 10 / math.log(10)
LEAST_DB, MOST_DB = 4.0, 12.0
"""A change is coloured from here on, and fully from there: speckle of single scenes stays below."""
WATER: Final = 0.3
"""Quantile of what lies in and around a berth that is water, whatever quays and vessels there are."""
WATER_MOST: Final = 1.5
"""By what a berth's own water may be brighter: a shallow, the glow of a quay."""
LEAST_SCENES: Final = 4
"""Of one track, for what is usual there to be known."""
BRIGHTER, DARKER = (255, 106, 19), (58, 134, 255)
MOST_OPAQUE: Final = 190
QUALITY: Final = 90


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
    clear: NDArray[np.bool_]
    scenes: dict[str, int]
    tracks: tuple[str, ...]
    usual: dict[str, NDArray[np.float32]]
    lights: tuple[Any, ...]
    hulls: dict[str, BaseGeometry]
    common: Chip
    scale: tuple[float, float]


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
    if before is None or not stack.clear[step].any():
        return Picture(overlay, None, words if before is None else "No change is shown: all is hidden.")
    hidden = "" if stack.clear[step].all() else " What is hidden, as by cloud, is left out."
    return Picture(
        overlay, file_of(coloured(np.where(stack.clear[step], image, np.nan), before), "PNG"), words + hidden
    )


def _compared(stack: _Stack, step: int, against: Against) -> tuple[NDArray[np.float32] | None, str]:
    """What a scene is compared with, and in words. Other tracks see quays and hulls from another side."""
    same = [other for other, track in enumerate(stack.tracks) if track == stack.tracks[step]]
    if against == "usual" and len(same) < LEAST_SCENES:
        image = stack.images[step]
        words = f"Change against water, in the berth only: of this track there are fewer than {LEAST_SCENES} scenes."
        return _water_in_berth(image, image, stack.common), words
    if against == "usual":
        words = f"Change against what is usual there, from {len(same)} scenes; in the berth, water."
        return stack.usual[stack.tracks[step]], words
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
    area = in_pixels(berth, grid)
    axes = ground_axes(grid, area.centroid.y, area.centroid.x)
    parts = list(_images(cube, rows, columns, few, math.sqrt(abs(float(np.linalg.det(axes))))))
    images, clear = np.concatenate([image for image, _ in parts]), np.concatenate([each for _, each in parts]) > 0.5
    shown = np.where(clear, images, np.float32(np.nan))
    tracks = tuple(cube["track"].values.astype(str).tolist())
    corner = np.array([columns.start, rows.start])

    def here(shape: BaseGeometry) -> BaseGeometry:
        return transform(in_pixels(shape, grid), lambda xy: (xy - corner) / few)

    common = Chip(images[0], main_band(cube), cube.attrs["kind"], axes * few, None, None, here(berth), None)
    return _Stack(
        images,
        clear,
        {str(name): step for step, name in enumerate(cube["scene_id"].values)},
        tracks,
        {track: _usual(shown[np.array(tracks) == track], common) for track in sorted(set(tracks))},
        tuple(light_of(cube, step) for step in range(len(images))),
        {key[1]: here(hull) for key, hull in hulls_of(folder).items() if (key[0], key[2]) == (source, berth_id)},
        common,
        scale_of([replace(common, image=image) for image in images]),
    )


def _water_in_berth(level: NDArray[np.float32], image: NDArray[np.float32], common: Chip) -> NDArray[np.float32]:
    """A level that in the berth is no more than a little over an image's water: a vessel may lie there for years."""
    rows, columns = np.indices(level.shape) + 0.5
    around = contains_xy(common.berth.buffer(AROUND_M / common.pixel_m), columns, rows) & np.isfinite(image)
    if not around.any():
        return level
    most = WATER_MOST * float(np.quantile(image[around], WATER))
    inside = contains_xy(common.berth, columns, rows)
    found: NDArray[np.float32] = np.where(inside, np.minimum(level, most), level).astype(np.float32)
    return found


def _usual(images: NDArray[np.float32], common: Chip) -> NDArray[np.float32]:
    low = temporal_quantile(images, LOW_MODE)
    return _water_in_berth(low, low, common)


def _images(
    cube: xr.Dataset, rows: slice, columns: slice, few: int, pixel_m: float
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Scenes of a window on the common frame, and how much of each pixel was clear.

    They are read with a rim, so that shifts leave no gap.
    """
    shifts = [float(np.nanmax(np.abs(cube[name].values), initial=0.0)) for name in ("shift_y_px", "shift_x_px")]
    rim = math.ceil(max(shifts)) + 1
    above, left = min(rim, rows.start), min(rim, columns.start)
    near = cube.isel(y=slice(rows.start - above, rows.stop + rim), x=slice(columns.start - left, columns.stop + rim))
    window = slice(above, above + rows.stop - rows.start), slice(left, left + columns.stop - columns.start)
    for start in range(0, cube.sizes["time"], CHUNK[0]):
        images, seen = aligned(near.isel(time=slice(start, start + CHUNK[0])))
        # as in `score`: masks call bright decks cloud
        clear = [unmask_decks(each, np.isfinite(image), pixel_m) for image, each in zip(images, seen, strict=True)]
        yield (
            np.stack([fewer(image[window], few) for image in images]),
            np.stack([fewer(each[window].astype(np.float32), few) for each in clear]),
        )
