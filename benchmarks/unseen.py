"""Simulated ports that nobody had seen, scored together: how good the method is where it was not made.

A set of seeds is looked at once. Whatever is changed after that look, the next figures come of other seeds.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

from benchmarks.table import aligned
from berthwatch import read_port, run
from berthwatch.datasets.scenarios import port_case
from berthwatch.datasets.simulate import Scenario, simulate
from berthwatch.evaluate import evaluate

KINDS = ("daily", "radar", "empty", "sharp")
SHARES = {
    "visits with a clear look: precision": "visits.with_a_clear_look.precision",
    "visits with a clear look: recall": "visits.with_a_clear_look.recall",
    "all visits: recall": "visits.all.recall",
    "arrival in its window": "timing.arrival.inside",
    "departure in its window": "timing.departure.inside",
    "transitions decided": "transitions.decided",
    "transitions right, of the decided": "transitions.right",
    "calls without loading that were called loaded": "transitions.others_called_loaded",
    "load on arrival in its 90 % interval": "arrival_load.covered",
    "load on departure in its 90 % interval": "departure_load.covered",
    "barrels of a visit in their 90 % interval": "barrels.covered",
    "vessels named with 0.8 or more that are right": "vessels.right",
}
TOTALS = {"number of visits": "visits_estimated", "barrels of a year": "estimated"}


def scenario_of(kind: str, seed: int) -> Scenario:
    """A port of a kind: daily 3 m and Sentinel-1; Sentinel-1 alone; no traffic; 20 scenes of 0.8 m in 60 days.

    >>> scenario_of("radar", 1).optical is None, scenario_of("empty", 1).traffic.calls_per_vacant_day
    (True, 0.0)
    """
    if kind == "sharp":
        return port_case(seed, days=60, cloud_mean=0.2, sharp=20)
    case = port_case(seed)
    if kind == "radar":
        return replace(case, optical=None)
    if kind == "empty":
        return replace(case, traffic=replace(case.traffic, calls_per_vacant_day=0.0))
    return case


def measure(kind: str, seed: int) -> dict[str, Any]:
    """Simulate, run and score one port; its files are gone afterwards."""
    scratch = Path(tempfile.mkdtemp())
    try:
        run_file = simulate(scenario_of(kind, seed), scratch / "port", seed)
        run(read_port(run_file), scratch / "run")
        return evaluate(scratch / "run", scratch / "port")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def pooled(scores: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Rows of what was asked and how often it was so, over all ports together."""
    rows = []
    for name, path in SHARES.items():
        found = [reduce(lambda part, key: part[key], path.split("."), score) for score in scores]
        hits, of = (sum(one[key] for one in found) for key in ("hits", "of"))
        rows.append([name, f"{100 * hits / of:.1f} %" if of else "none", f"{hits} of {of}"])
    for name, key in TOTALS.items():
        covered = [one["covered"] for score in scores for one in _intervals(score["totals"].get(key))]
        share = f"{100 * sum(covered) / len(covered):.1f} %" if covered else "none stated"
        rows.append([f"{name} in its 90 % interval", share, f"{sum(covered)} of {len(covered)}"])
    return rows


def _intervals(total: dict[str, Any] | None) -> Iterable[dict[str, Any]]:
    """One interval, or those of all years."""
    if not total:
        return ()
    return (total,) if "covered" in total else total.values()


def main() -> None:
    """Command line: `python -m benchmarks.unseen daily 7501 7502`, from the root; `--scores` keeps each score."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unseen")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--scores", type=Path, help="folder of one JSON file per port; those there are not run again")
    arguments = parser.parse_args()
    scores = []
    for seed in arguments.seeds:
        kept = arguments.scores / f"{arguments.kind}-{seed}.json" if arguments.scores else None
        if kept is not None and kept.is_file():
            scores.append(json.loads(kept.read_text(encoding="utf-8")))
            continue
        scores.append(measure(arguments.kind, seed))
        print(f"{arguments.kind} {seed}", file=sys.stderr, flush=True)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(scores[-1]), encoding="utf-8")
    print(aligned([["asked", "share", "counted"], *pooled(scores)]))


if __name__ == "__main__":
    main()
