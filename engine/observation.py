"""Observation: one berth in one scene, how much of it was visible, its change, and the hull seen in it.

A berth's change is the brightness of the hull in it, summed over the berth's own water in standard
deviations of that water and divided by the root of the berth's pixels: the signal-to-noise ratio of
"something lies here", comparable between sensors, pixel sizes and weather; 0 where nothing hull-like is bright.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from berthwatch.backdrop import Backdrop, aligned, backdrop
from berthwatch.batches import map_batches
from berthwatch.change import Change, change
from berthwatch.georeference import grid_of
from berthwatch.hulls import LEAST_AREA_M2, Hull, find_hulls
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


def _berth_rows(scene: Change, zones: Zones, back: Backdrop) -> list[dict[str, Any]]:
    """One row per berth of one scene."""
    bright, z = scene.bright, np.nan_to_num(scene.z)
    hulls = find_hulls(
        bright, z, zones.owner, scene.beside_cloud, scene.threshold, scene.looks_root, zones.resolution_m
    )
    owners = [_owner(hull, zones.coverage) for hull in hulls]
    in_hulls = np.zeros(bright.shape, np.bool_)
    for hull in hulls:
        in_hulls[hull.rows, hull.columns] = True
    rows = []
    for index, berth_id in enumerate(zones.berth_ids):
        water = scene.zones[index]
        share = zones.coverage[index]
        usable = float((share * back.usable).sum())
        whole = float(share.sum())
        own = [hull for hull, owner in zip(hulls, owners, strict=True) if index in owner]
        row: dict[str, Any] = {"berth_id": berth_id, "visible": 0.0, "change": np.nan, "reason": ""}
        if whole == 0:
            row["reason"] = "not seen: outside the scene"
        elif usable < LEAST_USABLE * whole:
            row["reason"] = "not seen: no data, or under a structure on this track"
        elif isinstance(water, str):
            row["reason"] = f"not seen: {water}"
        else:
            row |= _seen_row(scene, share, usable, in_hulls, own, zones.resolution_m)
        rows.append(row)
    return rows


def _owner(hull: Hull, coverage: NDArray[np.float32]) -> tuple[int, ...]:
    """The berth a hull lies in: the one it overlaps most, if it overlaps it enough."""
    overlap = coverage[:, hull.rows, hull.columns].sum(axis=1)
    best = int(overlap.argmax())
    return (best,) if overlap[best] >= LEAST_OVERLAP * hull.rows.size else ()


def _seen_row(
    scene: Change,
    share: NDArray[np.float32],
    usable: float,
    in_hulls: NDArray[np.bool_],
    own: list[Hull],
    resolution_m: float,
) -> dict[str, Any]:
    inexplicable = scene.bright & ~in_hulls
    clear = float((share * (scene.seen & ~inexplicable)).sum())
    strange_m2 = float((share * inexplicable).sum()) * resolution_m**2
    if scene.looks_root is None and strange_m2 > LEAST_AREA_M2 and not own:
        return {"reason": "not seen: something bright that is no hull, such as cloud or glint"}
    row: dict[str, Any] = {"visible": round(min(clear / usable, 1.0), 4)}
    if clear <= 0:
        return row | {"visible": 0.0, "reason": "not seen: hidden by cloud or glare"}
    signal = sum(float((share[hull.rows, hull.columns] * hull.z).sum()) for hull in own)
    row["change"] = round(signal / clear**0.5, 3)
    if not own:
        return row | {"reason": "no hull seen"}
    largest = max(own, key=lambda hull: hull.rows.size)
    row |= {"hull_length_m": largest.length_m, "hull_beam_m": largest.beam_m, "hull_heading_deg": largest.heading_deg}
    coarse = resolution_m > COARSEST_FREEBOARD_M
    row["reason"] = (
        f"no freeboard: pixels of {resolution_m:g} m are too coarse" if coarse else "no freeboard: not measured"
    )
    return row


def _observe_batch(
    batch: xr.Dataset, zones: Zones, backdrops: dict[str, Backdrop], looks: float | None
) -> list[dict[str, Any]]:
    images, seen = aligned(batch)
    rows: list[dict[str, Any]] = []
    for step in range(batch.sizes["time"]):
        track = str(batch["track"].values[step])
        scene = change(images[step], seen[step], backdrops[track], zones, batch.attrs["kind"], looks)
        stamp = {
            "time": batch["time"].values[step],
            "source": batch.attrs["source"],
            "scene_id": str(batch["scene_id"].values[step]),
        }
        rows += [stamp | row for row in _berth_rows(scene, zones, backdrops[track])]
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
    return table.sort_values(["time", "scene_id", "berth_id"], kind="stable", ignore_index=True)
