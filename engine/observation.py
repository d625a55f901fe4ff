"""Observation: one berth in one scene, how much of it was visible, its change, and the hull seen in it.

A berth's change is the brightness of the hull in it, summed over the berth's own water in standard
deviations of that water and divided by the root of the berth's pixels: the signal-to-noise ratio of
"something lies here", comparable between sensors, pixel sizes and weather; 0 where nothing hull-like is bright.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from odc.geo.geobox import GeoBox

from berthwatch.backdrop import Backdrop, aligned, backdrop
from berthwatch.batches import map_batches
from berthwatch.freeboard import measure_freeboard
from berthwatch.georeference import grid_of
from berthwatch.hullpicture import hull_size, picture_of, shows_of, window_of
from berthwatch.hulls import Hull, find_hulls
from berthwatch.kernels.detect import NOT_SEEN
from berthwatch.kernels.zonal import weighted_fraction
from berthwatch.outlines import outline_of, outline_table
from berthwatch.score import Change, change
from berthwatch.sightline import angles_of
from berthwatch.tables import OBSERVATION_COLUMNS, as_table
from berthwatch.zones import Zones, zones_of

if TYPE_CHECKING:
    from distributed import Client

    from berthwatch.config import Port

BATCH = 32
"""Scenes in a task: a chunk of the cube, so that none is decoded twice."""
LEAST_USABLE = 0.3
"""Share of a berth's water that must be free of structures on a track for it to be judged there at all."""
LEAST_OVERLAP = 0.3
"""Share of a hull that must lie in a berth for it to be moored there rather than passing by."""
COARSEST_FREEBOARD_M = 4.0
MOST_STRANGE = 0.3
"""Share of a berth under something bright that is no hull, above which a hull may well lie in it. Less is hidden water,
and the rest of the berth is judged: not to look there would leave out vacant berths far more often than taken ones."""
MOST_ASKEW_DEG = 15.0
"""Of what is called a hull though cloud lies over it."""
ANGLES = ("sun_azimuth_deg", "sun_elevation_deg", "view_incidence_deg", "view_off_nadir_deg", "view_azimuth_deg")


@dataclass(frozen=True, slots=True)
class Moored:
    """A hull in a berth, and its brightness over the berth's own water in standard deviations, summed."""

    hull: Hull
    signal: float


@dataclass(frozen=True, slots=True)
class _Looking:
    """What the looks of one batch have in common: the scenes with all their bands, and where they lie."""

    batch: xr.Dataset
    zones: Zones
    grid: GeoBox


def _berth_rows(scene: Change, back: Backdrop, looking: _Looking, step: int) -> list[dict[str, Any]]:
    """One row per berth of one scene."""
    zones = looking.zones
    hulls = find_hulls(
        scene.bright,
        scene.z,
        zones.owner,
        scene.beside_cloud,
        scene.threshold,
        scene.looks_root,
        zones.resolution_m,
    )
    hulls = [hull for hull in hulls if not hull.clouded or _along(hull, zones)]
    strange = scene.bright.copy()
    for hull in hulls:
        strange[hull.rows, hull.columns] = False
    clear = np.where(back.usable, (scene.seen & ~strange).astype(np.uint8), np.uint8(NOT_SEEN))
    visible, usable_px = (found[0] for found in weighted_fraction(clear[np.newaxis], zones.spans, nodata=NOT_SEEN))
    strange_px = weighted_fraction(strange[np.newaxis], zones.spans)[0][0]
    owned = _owned(hulls, scene.z.shape[1], zones)
    rows: list[dict[str, Any]] = []
    for berth, berth_id in enumerate(zones.berth_ids):
        whole_px = float(zones.spans.whole[berth])
        row: dict[str, Any] = {"berth_id": berth_id, "visible": 0.0, "change": np.nan}
        reason = _unseen(scene, berth, whole_px, float(usable_px[berth]), float(visible[berth]))
        hidden = float(np.nan_to_num(strange_px[berth]))
        if reason is None and scene.looks_root is None and hidden > MOST_STRANGE and not owned[berth]:
            reason = "something bright that is no hull, such as cloud or glint"
        if reason is None:
            clear_px = float(visible[berth] * usable_px[berth])
            row |= {"visible": round(float(visible[berth]), 4)}
            row |= _hull_columns(owned[berth], clear_px)
            if owned[berth]:
                largest = _largest(owned[berth])
                row |= _measured(largest, scene, back, looking, step)
                row |= {"outline": outline_of(largest, looking.grid)}
        else:
            row["reason"] = f"not seen: {reason}"
        rows.append(row)
    return rows


def _along(hull: Hull, zones: Zones) -> bool:
    """Whether a hull lies as its berth does, as far as the berth says how."""
    owners = zones.owner[hull.rows, hull.columns]
    berth = int(np.bincount(owners[owners >= 0]).argmax()) if (owners >= 0).any() else -1
    off_deg = abs((hull.heading_deg - zones.axis_deg[berth] + 90) % 180 - 90)
    return berth >= 0 and not off_deg > MOST_ASKEW_DEG


def _unseen(scene: Change, berth: int, whole_px: float, usable_px: float, visible: float) -> str | None:
    """Why nothing can be told of a berth in a scene; None where something can."""
    water = scene.zones[berth]
    if whole_px == 0:
        return "outside the scenes"
    if usable_px < LEAST_USABLE * whole_px:
        return "no data, or under a structure on this track"
    if isinstance(water, str):
        return water
    return None if visible > 0 else "hidden by cloud or glare, or without data"


def _owned(hulls: list[Hull], columns: int, zones: Zones) -> list[list[Moored]]:
    """For each berth the hulls that lie in it: each in the one it overlaps most, if it overlaps that enough."""
    owned: list[list[Moored]] = [[] for _ in zones.berth_ids]
    for hull in hulls:
        flat = hull.rows * columns + hull.columns
        best, most, signal = -1, LEAST_OVERLAP * flat.size, 0.0
        for berth in np.unique(zones.owner[hull.rows, hull.columns]):
            if berth < 0:
                continue
            indices, weights = zones.pixels(int(berth))
            at = np.flatnonzero(np.isin(flat, indices))
            share = weights[np.searchsorted(indices, flat[at])]
            if share.sum() >= most:
                best, most, signal = int(berth), float(share.sum()), float((share * hull.z[at]).sum())
        if best >= 0:
            owned[best].append(Moored(hull, signal))
    return owned


def _largest(moored: list[Moored]) -> Hull:
    return max((each.hull for each in moored), key=lambda hull: hull.rows.size)


def _hull_columns(moored: list[Moored], clear_px: float) -> dict[str, Any]:
    """What a berth's row says of the hulls in it."""
    change = round(sum(each.signal for each in moored) / clear_px**0.5, 3)
    if not moored:
        return {"change": change, "reason": "no hull seen"}
    largest = _largest(moored)
    if largest.clouded:
        return {"change": change, "hull_heading_deg": largest.heading_deg}
    return {
        "change": change,
        "hull_length_m": largest.length_m,
        "hull_beam_m": largest.beam_m,
        "hull_heading_deg": largest.heading_deg,
    }


def _measured(hull: Hull, scene: Change, back: Backdrop, looking: _Looking, step: int) -> dict[str, Any]:
    """The size and freeboard of a hull in an optical scene of fine pixels, or why there is no freeboard."""
    batch, resolution_m = looking.batch, looking.zones.resolution_m
    if hull.clouded:
        return {"reason": "no freeboard: cloud over or beside the hull"}
    if resolution_m > COARSEST_FREEBOARD_M:
        return {"reason": f"no freeboard: pixels of {resolution_m:g} m are too coarse"}
    if batch.attrs["kind"] != "optical":
        return {"reason": "no freeboard: not measured in radar scenes"}
    window = window_of(hull, batch, step, resolution_m)
    shows = shows_of(scene, back, hull, window)
    picture, lie = picture_of(batch.isel(time=step), window, shows, hull, looking.grid, resolution_m)
    length_m, beam_m = hull_size(picture, lie)
    row: dict[str, Any] = {name: round(size, 1) for name, size in
                           (("hull_length_m", length_m), ("hull_beam_m", beam_m)) if np.isfinite(size)}  # fmt: skip
    angles = angles_of(*(float(batch[name].values[step]) if name in batch.coords else np.nan for name in ANGLES))
    found = angles if isinstance(angles, str) else measure_freeboard(picture, lie, angles)
    if isinstance(found, str):
        return row | {"reason": f"no freeboard: {found}"}
    return row | {
        "freeboard_m": round(found.freeboard_m, 3),
        "freeboard_sigma_m": round(found.sigma_m, 3),
        "reason": "",
    }


def _observe_batch(
    batch: xr.Dataset, zones: Zones, backdrops: dict[str, Backdrop], looks: float | None
) -> list[dict[str, Any]]:
    images, seen = aligned(batch)
    looking = _Looking(batch, zones, grid_of(batch.attrs))
    rows: list[dict[str, Any]] = []
    for step in range(batch.sizes["time"]):
        track = str(batch["track"].values[step])
        scene = change(images[step], seen[step], backdrops[track], zones, batch.attrs["kind"], looks)
        stamp = {
            "time": batch["time"].values[step],
            "source": batch.attrs["source"],
            "scene_id": str(batch["scene_id"].values[step]),
        }
        rows += [stamp | row for row in _berth_rows(scene, backdrops[track], looking, step)]
    return rows


def _stated_looks(cube: xr.Dataset, port: "Port") -> float | None:
    """Equivalent looks as the run file states them, else as the scenes do; None: only the water tells."""
    stated = next((source.looks for source in port.sources if source.name == cube.attrs["source"]), None)
    if stated is not None or "looks" not in cube.coords:
        return stated
    told = cube["looks"].values[np.isfinite(cube["looks"].values)]
    return float(np.median(told)) if told.size else None


def observe(
    cube: xr.Dataset,
    port: "Port",
    client: "Client | None" = None,
    advance: Callable[[int], object] | None = None,
) -> pd.DataFrame:
    """Observe every berth and control of a port in every scene of one cube.

    Parameters
    ----------
    cube : Dataset
        As `open_cube` gives it, co-registered.
    port : Port
        Berths, controls and reference water; the source's looks, if it states any.
    client : distributed.Client, optional
        Where to run; the threads of this process by default.
    advance : callable, optional
        Called with the number of scenes done, for progress.

    Returns
    -------
    DataFrame
        One row per berth and scene, with the columns of `observations.parquet`, by time, scene and berth.
    """
    return observe_hulls(cube, port, client, advance)[0]


def observe_hulls(
    cube: xr.Dataset,
    port: "Port",
    client: "Client | None" = None,
    advance: Callable[[int], object] | None = None,
) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """What `observe` gives, and the outline of the hull in each of its rows that has one (EPSG:4326)."""
    zones = zones_of(port.berths, grid_of(cube.attrs), port.reference_water)
    looks = _stated_looks(cube, port)
    tracks = cube["track"].values.astype(str)
    backdrops = {
        track: backdrop(cube.isel(time=np.flatnonzero(tracks == track)), zones) for track in sorted(set(tracks))
    }
    batches = [cube.isel(time=slice(start, start + BATCH)) for start in range(0, cube.sizes["time"], BATCH)]
    rows: list[dict[str, Any]] = []
    for found in map_batches(_observe_batch, batches, (zones, backdrops, looks), client):
        rows += found
        if advance:
            advance(len(found) // len(port.berths))
    table = as_table(rows, OBSERVATION_COLUMNS)
    hulls = outline_table([row for row in rows if "outline" in row], grid_of(cube.attrs))
    order = ["time", "scene_id", "berth_id"]
    return _by(order, table), _by(order, hulls)


def _by[Table: pd.DataFrame](order: list[str], table: Table) -> Table:
    ordered: Table = table.sort_values(order, kind="stable", ignore_index=True)
    return ordered
