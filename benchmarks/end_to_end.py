"""From nothing to the report, and again when nothing is new: the seconds a person waits.

On the 209 scenes of Latakia where they are, else on a simulated port.
"""

import tempfile
from pathlib import Path

from benchmarks.fresh import run_fresh
from benchmarks.real import real_data
from benchmarks.table import Row, against, main
from berthwatch.datasets.scenarios import demo_port, small_port
from berthwatch.datasets.simulate import simulate


def measure(small: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as scratch:
        run_file, name = _port(Path(scratch), small)
        first = run_fresh(run_file, Path(scratch) / "run")
        second = run_fresh(run_file, Path(scratch) / "run")
    subject = f"{name}, {first.scenes} scenes"
    rows = [
        Row("first run, whole process", subject, first.process_s, "s"),
        Row("first run, after imports", subject, first.run_s, "s"),
        Row("first run, peak memory", subject, first.peak_mb, "MB"),
        Row("second run, whole process", subject, second.process_s, "s"),
        Row("second run, after imports", subject, second.run_s, "s"),
    ]
    if name == "latakia":
        rows[0] = against(rows[0], "asked for", 60.0, less_is_better=True)
        rows[4] = against(rows[4], "asked for", 5.0, less_is_better=True)
    return rows


def _port(scratch: Path, small: bool) -> tuple[Path, str]:
    latakia = real_data("latakia")
    if latakia is not None and not small:
        return latakia / "port.yaml", "latakia"
    scenario = small_port() if small else demo_port()
    return simulate(scenario, scratch / "port", seed=1), scenario.name


if __name__ == "__main__":
    main("end_to_end", measure)
