"""From a scenario to a folder of scenes: who comes, when each sensor looks, what it sees, all from one seed.

Each scene has a random stream of its own, named by its place in the series: another sensor, or a longer
series, changes nothing in the scenes that were there before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from berthwatch.datasets.hulls import Hull, moored_hull
from berthwatch.datasets.optical import render_optical
from berthwatch.datasets.ports import ANCHOR_LAT, ANCHOR_LON, SyntheticPort
from berthwatch.datasets.raster import Grid, smooth_noise
from berthwatch.datasets.sar import Track, draw_ground, render_sar
from berthwatch.datasets.sky import draw_sky
from berthwatch.datasets.traffic import Call, Traffic, draw_calls, present
from berthwatch.datasets.write import (
    Seen,
    write_berths,
    write_optical,
    write_run_file,
    write_sar,
    write_truth,
)


@dataclass(frozen=True, slots=True)
class SarPlan:
    """Which radar orbits are acquired, on which pixels, with how many looks."""

    grid: Grid
    tracks: tuple[Track, ...]
    looks: float = 4.4


@dataclass(frozen=True, slots=True)
class OpticalPlan:
    """How often the optical sensor passes, on which pixels, under which sky."""

    grid: Grid
    every_days: float
    """Mean step between passes; each comes within an hour of 11 o'clock local solar time."""
    cloud_mean: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """A port, its traffic, a span of time, and the sensors that look."""

    name: str
    port: SyntheticPort
    traffic: Traffic
    start: datetime
    end: datetime
    sar: SarPlan | None
    optical: OpticalPlan | None


def simulate(scenario: Scenario, out: Path, seed: int) -> Path:
    """Simulate a scenario into a folder.

    Parameters
    ----------
    scenario : Scenario
        What to simulate.
    out : Path
        The folder; it is made when missing. Files of another simulation in it are overwritten or left.
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    Path
        The run file, `out/port.yaml`. Beside it: berths.geojson, a folder per source, truth.csv, labels.csv.
    """
    out.mkdir(parents=True, exist_ok=True)
    port = scenario.port
    berth_ids = [mooring.berth_id for mooring in port.moorings]
    # Vessels may lie there when the series begins.
    first = scenario.start - timedelta(days=14)
    calls = draw_calls(scenario.traffic, berth_ids, first, scenario.end, _stream(seed, 0))
    calls = tuple(call for call in calls if call.departure > scenario.start)
    scenes: list[Seen] = []
    if scenario.optical is not None:
        scenes += _simulate_optical(scenario, scenario.optical, calls, out / "planetscope", seed)
    if scenario.sar is not None:
        scenes += _simulate_sar(scenario, scenario.sar, calls, out / "sentinel-1", seed)
    write_berths(out / "berths.geojson", port)
    write_truth(out, port, calls, scenes)
    looks = scenario.sar.looks if scenario.sar is not None else None
    write_run_file(out / "port.yaml", port, looks, scenario.optical is not None)
    return out / "port.yaml"


def alongside(port: SyntheticPort, calls: tuple[Call, ...], time: datetime) -> list[Hull]:
    """The hulls that lie at the port's moorings at a time."""
    moorings = {mooring.berth_id: mooring for mooring in port.moorings}
    return [moored_hull(call, moorings[call.berth_id], time) for call in present(calls, time)]


def _stream(seed: int, *place: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def _simulate_sar(scenario: Scenario, plan: SarPlan, calls: tuple[Call, ...], folder: Path, seed: int) -> list[Seen]:
    folder.mkdir(exist_ok=True)
    grounds = draw_ground(plan.grid, plan.tracks, _stream(seed, 1))
    seen = []
    for track in plan.tracks:
        for number, time in enumerate(track.passes(scenario.end)):
            rng = _stream(seed, 2, track.relative_orbit, number)
            hulls = alongside(scenario.port, calls, time)
            ground = grounds[track.relative_orbit]
            scene = render_sar(scenario.port, plan.grid, track, ground, hulls, plan.looks, rng)
            seen.append(write_sar(folder, scenario.port, plan.grid, track, time, scene, plan.looks))
    return seen


def _simulate_optical(
    scenario: Scenario, plan: OpticalPlan, calls: tuple[Call, ...], folder: Path, seed: int
) -> list[Seen]:
    folder.mkdir(exist_ok=True)
    ground = smooth_noise(_stream(seed, 3), plan.grid.size, 1.0)
    # 11 o'clock solar time, in UTC, of the start's day.
    noon = scenario.start.replace(hour=0, minute=0, second=0, microsecond=0)
    eleven = noon + timedelta(hours=(11 - ANCHOR_LON / 15) % 24)
    count = int((scenario.end - eleven) / timedelta(days=plan.every_days))
    seen = []
    for number in range(count):
        rng = _stream(seed, 4, number)
        day = eleven + timedelta(days=int(number * plan.every_days))
        time = day + timedelta(seconds=int(rng.integers(-3600, 3600)))
        sky = draw_sky(time, ANCHOR_LON, ANCHOR_LAT, plan.cloud_mean, rng)
        hulls = alongside(scenario.port, calls, time)
        scene = render_optical(scenario.port, plan.grid, ground, hulls, sky, rng)
        seen.append(write_optical(folder, scenario.port, plan.grid, time, sky, scene))
    return seen
