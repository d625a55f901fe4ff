"""Peak memory and seconds against the number of scenes: memory must not grow with the series.

Two dozen scenes of 128 x 128 pixels are simulated once; longer series repeat their files under earlier dates.
"""

import json
import math
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.fresh import Measured, run_fresh
from benchmarks.table import Row, main
from berthwatch.datasets.raster import Grid
from berthwatch.datasets.scenarios import small_port, tracks
from berthwatch.datasets.simulate import SarPlan, simulate

CYCLE_DAYS = 72
"""Six passes of each of the four tracks."""


def measure(small: bool) -> list[Row]:
    counts = (50, 100, 200) if small else (100, 400, 1600)
    measured = []
    with tempfile.TemporaryDirectory() as scratch:
        base = _simulate_base(Path(scratch) / "base")
        for count in counts:
            run_file = _repeat(base, Path(scratch) / f"port-{count}", count)
            measured.append(run_fresh(run_file, Path(scratch) / f"run-{count}"))
    rows = []
    for count, one in zip(counts, measured, strict=True):
        rows.append(Row(f"{count} scenes", "peak memory", one.peak_mb, "MB"))
        rows.append(Row(f"{count} scenes", "after imports", one.run_s, "s"))
    rows.append(
        Row(f"{counts[0]} to {counts[-1]} scenes", "peak memory", _slope(counts, measured, "peak_mb"), "log-log slope")
    )
    rows.append(
        Row(f"{counts[0]} to {counts[-1]} scenes", "after imports", _slope(counts, measured, "run_s"), "log-log slope")
    )
    return rows


def _simulate_base(folder: Path) -> Path:
    port = small_port()
    end = port.start + timedelta(days=CYCLE_DAYS)
    scenario = replace(port, end=end, optical=None, sar=SarPlan(Grid(10.0, 128), tracks()))
    return simulate(scenario, folder, seed=1).parent


def _repeat(base: Path, folder: Path, count: int) -> Path:
    """Write `count` items over the files of the base, each cycle one span earlier than the one before."""
    (folder / "sentinel-1").mkdir(parents=True)
    for name in ("port.yaml", "berths.geojson", "fleet.csv", "ais.csv"):
        (folder / name).write_bytes((base / name).read_bytes())
    items = [json.loads(path.read_text()) for path in sorted((base / "sentinel-1").glob("*.json"))]
    for number in range(count):
        item = json.loads(json.dumps(items[number % len(items)]))
        time = datetime.fromisoformat(item["properties"]["datetime"])
        time -= timedelta(days=CYCLE_DAYS * (number // len(items)))
        item["properties"]["datetime"] = f"{time:%Y-%m-%dT%H:%M:%SZ}"
        item["id"] = f"{item['id']}-{number:04d}"
        for asset in item["assets"].values():
            asset["href"] = str((base / "sentinel-1" / asset["href"]).resolve())
        (folder / "sentinel-1" / f"{item['id']}.json").write_text(json.dumps(item))
    return folder / "port.yaml"


def _slope(counts: tuple[int, ...], measured: list[Measured], figure: str) -> float:
    """Least-squares slope of log figure over log count: 0 where it does not grow, 1 where it grows in step."""
    xs = [math.log(count) for count in counts]
    ys = [math.log(getattr(one, figure)) for one in measured]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    moment = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return moment / sum((x - x_mean) ** 2 for x in xs)


if __name__ == "__main__":
    main("scale", measure)
