"""Timing side by side: each subject once in every turn, so that what disturbs the machine meets all of them."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any


def seconds_in_turn(runs: Mapping[str, Callable[[], Any]], turns: int) -> dict[str, float]:
    """The median seconds of each."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(turns):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - start)
    return {name: median(each) for name, each in taken.items()}
