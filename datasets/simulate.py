"""From a scenario to a folder of scenes: who comes, when each sensor looks, what it sees, all from one seed.

Each scene has a random stream of its own, named by its place in the series: another sensor, or a longer
series, changes nothing in the scenes that were there before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from pathlib import Path

import numpy as np

from berthwatch.datasets.fleet import draw_fleet
from berthwatch.datasets.hulls import alongside
from berthwatch.datasets.optical import render_optical
from berthwatch.datasets.ports import ANCHOR_LAT, ANCHOR_LON, SyntheticPort
from berthwatch.datasets.raster import Field, Grid, share_of, smooth_noise
from berthwatch.datasets.sar import Track, draw_ground, render_sar
from berthwatch.datasets.sky import PLANETSCOPE, Camera, Climate, draw_sky
from berthwatch.datasets.trackers import draw_fixes
from berthwatch.datasets.traffic import Call, Traffic, draw_calls
from berthwatch.datasets.truth import Seen, write_fixes, write_fleet, write_labels, write_truth
from berthwatch.datasets.write import (
    optical_source,
    sar_source,
    write_berths,
    write_optical,
    write_run_file,
    write_sar,
)


class Stream(IntEnum):
    """What has a random stream of its own; scenes have one each, below that of their sensor."""

    CALLS = 0
    SAR_GROUND = 1
    SAR = 2
    GROUND = 3
    OPTICAL = 4
    FLEET = 5
    FLEET_TABLE = 6
    TRACKERS = 7
    SHARP = 8
    DATES = 9


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
    """Mean share of the sky that is clouded."""
    cloud_by_month: tuple[float, ...] = (1.0,) * 12
    """Times the mean, from January."""
    fog_days: tuple[float, ...] = (0.0,) * 12
    """Of each month, from January."""
    camera: Camera = PLANETSCOPE
    dates: int | None = None
    """This many days drawn anywhere in the span, instead of regular passes."""


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
    sharp: OpticalPlan | None = None
    """A second optical sensor, of another name."""


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
        The run file, `out/port.yaml`. Beside it what it names (berths.geojson, fleet.csv, ais.csv, a folder per
        source) and the truth that it does not name (truth.csv, labels.csv).
    """
    out.mkdir(parents=True, exist_ok=True)
    port = scenario.port
    calls = _simulate_traffic(scenario, out, seed)
    scenes: list[Seen] = []
    sources = []
    for branch, plan in ((Stream.OPTICAL, scenario.optical), (Stream.SHARP, scenario.sharp)):
        if plan is not None:
            scenes += _simulate_optical(scenario, plan, calls, out / plan.camera.name, seed, branch)
            sources.append(optical_source(plan.camera))
    if scenario.sar is not None:
        scenes += _simulate_sar(scenario, scenario.sar, calls, out / "sentinel-1", seed)
        sources.append(sar_source(scenario.sar.looks))
    write_berths(out / "berths.geojson", port)
    write_labels(out / "labels.csv", port, calls, scenes)
    write_run_file(out / "port.yaml", port, sources)
    return out / "port.yaml"


def _simulate_traffic(scenario: Scenario, out: Path, seed: int) -> tuple[Call, ...]:
    """Draw who calls, and write what is known of it: truth, fleet table, position reports."""
    traffic, port = scenario.traffic, scenario.port
    rng = _stream(seed, Stream.FLEET)
    fleet = draw_fleet(rng, traffic.fleet, traffic.lengths, traffic.listed_share, traffic.tracked_share)
    elsewhere = draw_fleet(rng, traffic.elsewhere, traffic.lengths, 1.0, traffic.tracked_share, first=traffic.fleet + 1)
    berth_ids = [mooring.berth_id for mooring in port.moorings]
    # Vessels may lie there when the series begins.
    first = scenario.start - timedelta(days=14)
    calls = draw_calls(traffic, fleet, berth_ids, first, scenario.end, _stream(seed, Stream.CALLS))
    calls = tuple(call for call in calls if call.departure > scenario.start)
    write_truth(out / "truth.csv", calls)
    write_fleet(out / "fleet.csv", [*fleet, *elsewhere], traffic.blank_share, _stream(seed, Stream.FLEET_TABLE))
    fixes = draw_fixes(port, [*fleet, *elsewhere], calls, scenario.start, scenario.end, _stream(seed, Stream.TRACKERS))
    write_fixes(out / "ais.csv", port, fixes)
    return calls


def _stream(seed: int, *place: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def _simulate_sar(scenario: Scenario, plan: SarPlan, calls: tuple[Call, ...], folder: Path, seed: int) -> list[Seen]:
    folder.mkdir(exist_ok=True)
    grounds = draw_ground(plan.grid, plan.tracks, _stream(seed, Stream.SAR_GROUND))
    seen = []
    for track in plan.tracks:
        for number, time in enumerate(track.passes(scenario.end)):
            rng = _stream(seed, Stream.SAR, track.relative_orbit, number)
            hulls = alongside(scenario.port, calls, time)
            ground = grounds[track.relative_orbit]
            scene = render_sar(scenario.port, plan.grid, track, ground, hulls, plan.looks, rng)
            scene_id = write_sar(folder, scenario.port, plan.grid, track, time, scene, plan.looks)
            seen.append(Seen(scene_id, time, {}))
    return seen


def _simulate_optical(
    scenario: Scenario, plan: OpticalPlan, calls: tuple[Call, ...], folder: Path, seed: int, branch: Stream
) -> list[Seen]:
    folder.mkdir(exist_ok=True)
    port, grid, camera = scenario.port, plan.grid, plan.camera
    ground = smooth_noise(_stream(seed, Stream.GROUND), grid.size, 3.0 / grid.pixel_m)
    climate = Climate(plan.cloud_mean, plan.cloud_by_month, plan.fog_days)
    covers = _covers(port, grid)
    seen = []
    for number, day in enumerate(_days(scenario, plan, _stream(seed, Stream.DATES, branch))):
        rng = _stream(seed, branch, number)
        time = day + timedelta(seconds=int(rng.integers(-3600, 3600)))
        sky = draw_sky(time, ANCHOR_LON, ANCHOR_LAT, climate, camera, rng)
        hulls = alongside(port, calls, time)
        scene = render_optical(port, grid, camera, ground, hulls, sky, rng)
        scene_id = write_optical(folder, port, grid, camera, time, sky, scene)
        clear = {name: float(1 - weight[scene.hidden].sum() / weight.sum()) for name, weight in covers.items()}
        seen.append(Seen(scene_id, time, clear))
    return seen


def _days(scenario: Scenario, plan: OpticalPlan, rng: np.random.Generator) -> list[datetime]:
    """When the sensor looks, at 11 o'clock solar time: at even steps, or on days drawn anywhere in the span."""
    midnight = scenario.start.replace(hour=0, minute=0, second=0, microsecond=0)
    eleven = midnight + timedelta(hours=(11 - ANCHOR_LON / 15) % 24)
    count = (scenario.end - eleven) / timedelta(days=1)
    if plan.dates is None:
        steps = [int(number * plan.every_days) for number in range(int(count / plan.every_days))]
    else:
        steps = sorted(int(step) for step in rng.choice(int(count), plan.dates, replace=False))
    return [eleven + timedelta(days=step) for step in steps]


def _covers(port: SyntheticPort, grid: Grid) -> dict[str, Field]:
    """The share of each pixel that a berth or control covers, (size, size)."""
    polygons = {mooring.berth_id: mooring.polygon for mooring in port.moorings} | dict(port.controls)
    return {name: share_of(grid, [polygon], 4) for name, polygon in polygons.items()}
