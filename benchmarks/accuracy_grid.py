"""Simulated ports looked at by one sensor or another, under one sky or another, each run scored against its truth.

One thing at a time is turned away from a base (0.35 cloud, from March, the pier to 330 degrees): the cloud, the season,
or the pier. Each cell is simulated, run and scored in turn, a few vessels' traffic over 90 days.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.accuracy_page import Measured, rows_of, write_page
from benchmarks.table import markdown
from berthwatch import read_port, run
from berthwatch.datasets.ports import pier_port
from berthwatch.datasets.raster import Grid
from berthwatch.datasets.sar import Track
from berthwatch.datasets.scenarios import tracks
from berthwatch.datasets.simulate import OpticalPlan, SarPlan, Scenario, simulate
from berthwatch.datasets.sky import PLANETSCOPE, SKYSAT
from berthwatch.datasets.traffic import Traffic
from berthwatch.evaluate import evaluate

RADAR = "Sentinel-1 alone"
SENSORS = ("3 m daily", "3 m every 3rd day", "3 m daily, Sentinel-1", "0.8 m every 5th day", RADAR)
CLOUDS = (0.15, 0.35, 0.55)
STARTS = {"spring": (3, 7), "summer": (6, 1), "winter": (11, 15)}
PIERS_DEG = (330.0, 240.0, 150.0, 60.0)
"""To the first the shadow of the late morning falls on open water, to the third on the quay."""
SEEDS = (1, 2)
SIDE_M = 600.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One simulated port and who looks at it."""

    sensor: str
    cloud: float = 0.35
    """Mean share of the sky that is clouded."""
    season: str = "spring"
    """In which the series begins."""
    pier_deg: float = 330.0
    """Where the pier points from land, and the berths' open side with it."""
    seed: int = 1
    days: int = 90


def cells(seeds: tuple[int, ...] = SEEDS) -> Iterator[Cell]:
    """Every cell once, all of a seed before the next: a grid that is cut short has all its axes.

    >>> len(list(cells((1,))))
    36
    """
    for seed in seeds:
        base = [Cell(sensor, seed=seed) for sensor in SENSORS]
        # Neither clouds nor the sun change what a radar sees.
        lit = [cell for cell in base if cell.sensor != RADAR]
        yield from base
        yield from (replace(cell, cloud=cloud) for cell in lit for cloud in CLOUDS if cloud != cell.cloud)
        yield from (replace(cell, season=season) for cell in lit for season in STARTS if season != cell.season)
        yield from (replace(cell, pier_deg=deg) for cell in base for deg in PIERS_DEG if deg != cell.pier_deg)


SMALL = (Cell("3 m daily", days=30), Cell(RADAR, days=30))


def scenario_of(cell: Cell) -> Scenario:
    """What to simulate."""
    start = datetime(2024, *STARTS[cell.season], tzinfo=UTC)
    end = start + timedelta(days=cell.days)
    optical = {
        "3 m daily": OpticalPlan(_grid(3.0), 1.0, cell.cloud, camera=PLANETSCOPE),
        "3 m every 3rd day": OpticalPlan(_grid(3.0), 3.0, cell.cloud, camera=PLANETSCOPE),
        "3 m daily, Sentinel-1": OpticalPlan(_grid(3.0), 1.0, cell.cloud, camera=PLANETSCOPE),
        "0.8 m every 5th day": OpticalPlan(_grid(0.8), 5.0, cell.cloud, camera=SKYSAT),
    }.get(cell.sensor)
    radar = SarPlan(Grid(10.0, 96), tuple(_from(track, start) for track in tracks()))
    return Scenario(
        name="accuracy",
        port=pier_port("accuracy pier", bearing_deg=cell.pier_deg),
        traffic=Traffic(),
        start=start,
        end=end,
        sar=radar if "Sentinel-1" in cell.sensor else None,
        optical=optical,
    )


def _grid(pixel_m: float) -> Grid:
    return Grid(pixel_m, round(SIDE_M / pixel_m))


def _from(track: Track, start: datetime) -> Track:
    """The same orbit, its first pass within one repeat of the start."""
    repeat = timedelta(days=track.repeat_days)
    return replace(track, first=track.first + repeat * -((track.first - start) // repeat))


def measure_cell(cell: Cell, scratch: Path) -> Measured:
    """Simulate, run and score one cell; its files are gone afterwards."""
    begun = time.perf_counter()
    folder = scratch / "cell"
    try:
        run_file = simulate(scenario_of(cell), folder / "port", cell.seed)
        run(read_port(run_file), folder / "run")
        scores = evaluate(folder / "run", folder / "port")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Measured(asdict(cell), scores, time.perf_counter() - begun)


def measure_cells(chosen: Iterator[Cell] | tuple[Cell, ...], kept: Path | None = None) -> list[Measured]:
    """Measure cells one after the other.

    Parameters
    ----------
    chosen : iterable of Cell
    kept : Path, optional
        A file of JSON lines. Cells that it holds are not measured again, and each new one is added at once, so that a
        grid that was cut short goes on. It does not know by which code it was measured: begin a new one after a change.
    """
    done: dict[str, Measured] = {}
    if kept is not None and kept.is_file():
        lines = [Measured(**json.loads(line)) for line in kept.read_text(encoding="utf-8").splitlines()]
        done = {json.dumps(one.cell): one for one in lines}
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for cell in chosen:
            one = done.get(json.dumps(asdict(cell)))
            if one is None:
                one = measure_cell(cell, Path(scratch))
                print(f"{cell}: {one.seconds:.0f} s", file=sys.stderr, flush=True)
                if kept is not None:
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(asdict(one)) + "\n")
            found.append(one)
    return found


def main() -> None:
    """Command line: `python -m benchmarks.accuracy_grid --cells FILE`, from the root; it may be stopped and goes on."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy_grid")
    parser.add_argument("--small", action="store_true", help="two cells of a month")
    parser.add_argument("--cells", type=Path, help="keep what was measured here, and go on from it")
    parser.add_argument(
        "--page", type=Path, help="folder of accuracy.md and accuracy.svg  [default: docs; small: none]"
    )
    arguments = parser.parse_args()
    measured = measure_cells(SMALL if arguments.small else cells(), arguments.cells)
    print(markdown(rows_of(measured)))
    # Two cells are no page for the repository.
    folder = arguments.page or (None if arguments.small else Path("docs"))
    if folder is not None:
        print(f"wrote {write_page(measured, folder)}")


if __name__ == "__main__":
    main()
