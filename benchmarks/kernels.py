"""Kernels against the best of their peers, in turn, on the same arrays and with all threads each can use.

Millions of pixel-dates a second (medians of three turns); the ratio is to the best peer; the limit is the
bandwidth at which this machine's cores together read (and, where the result is as large as the stack, write) memory.
"""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np

from benchmarks.comparisons import COMPARISONS, FULL, SMALL, Comparison, Tiles
from benchmarks.table import Row, against, main
from benchmarks.turns import seconds_in_turn
from berthwatch.kernels.compile import kernel

TURNS = 3
UNIT = "M pixel-dates/s"


def measure(small: bool) -> list[Row]:
    """Time every comparison of the registry; a peer that is not installed is left out."""
    size = SMALL if small else FULL
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        read = _read_bandwidth(pool, threads, small)
        rows = [Row("read bandwidth", f"{threads} threads", read / 1e9, "GB/s")]
        return rows + list(chain.from_iterable(_compared(pool, one, one.make(size), read) for one in COMPARISONS))


def _compared(pool: ThreadPoolExecutor, comparison: Comparison, tiles: Tiles, read: float) -> list[Row]:
    runs: dict[str, Callable[[], Any]] = {"berthwatch": lambda: list(pool.map(_spread(comparison.ours), tiles))}
    for peer in (peer for peer in comparison.peers if peer.is_here):
        runs[peer.name] = _turn(pool, _spread(peer.call), tiles, alone=peer.threads)
    for run in runs.values():
        run()  # kernels compile, and pages are touched, before anything is timed
    taken = seconds_in_turn(runs, TURNS)
    done = [comparison.work(tile) for tile in tiles]
    dates = sum(each for each, _ in done) / 1e6
    moved = sum(each for _, each in done) * (1 + comparison.writes)
    ours = taken.pop("berthwatch")
    own = Row(comparison.name, "berthwatch", dates / ours, UNIT, limit_fraction=moved / read / ours if moved else None)
    rows = [against(own, name, dates / other, less_is_better=False) for name, other in taken.items()]
    if comparison.asked is not None and taken:
        ratio = Row(comparison.name, "ratio to the best peer", min(taken.values()) / ours, "times")
        rows.append(against(ratio, "asked for", comparison.asked, less_is_better=False))
    return rows


def _spread(call: Callable[..., Any]) -> Callable[[Sequence[Any]], Any]:
    return lambda tile: call(*tile)


def _turn(pool: ThreadPoolExecutor, call: Callable[..., Any], tiles: Tiles, *, alone: bool) -> Callable[[], Any]:
    return (lambda: list(map(call, tiles))) if alone else (lambda: list(pool.map(call, tiles)))


@kernel
def _total(values: Any) -> Any:
    total = 0
    for value in values:
        total += value
    return total


def _read_bandwidth(pool: ThreadPoolExecutor, threads: int, small: bool) -> float:
    """Bytes a second that all threads together read from memory, the best of several tries."""
    parts = [np.ones((8 if small else 64) * 2**20, np.int64) for _ in range(threads)]
    best = 0.0
    for _ in range(TURNS + 1):  # the first compiles
        start = time.perf_counter()
        list(pool.map(_total, parts))
        best = max(best, sum(part.nbytes for part in parts) / (time.perf_counter() - start))
    return best


if __name__ == "__main__":
    main("kernels", measure)
