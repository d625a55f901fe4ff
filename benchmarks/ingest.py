"""Scenes into a time-chunked, compressed cube, beside odc-stac, stackstac, rioxarray and a plain loop of rasterio.

Megabytes are those of the scenes, decoded: tiled, deflated uint16 of two bands. A scene of a port window counts whole
for all, because a peer's cube is of whole scenes. Limits are measured in the same run: GDAL's decoding on two threads
with nothing else done, and the codec alone. Ours also hashes each file, and finds the grid; co-registration, which no
peer does, is left out.
"""

import json
import math
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox

import berthwatch as bw
from benchmarks.ingest_peers import PEERS, THREADS
from benchmarks.ingest_scenes import DISTINCT, Job, make, whole
from benchmarks.table import Row, against, main
from berthwatch.layout import CHUNK
from berthwatch.plan import plan_ingest
from berthwatch.warp import pixel_offset

OURS = "berthwatch"
NEEDS = {"odc-stac eager": "odc.stac", "odc-stac dask": "odc.stac", "stackstac": "stackstac"}
MB = 1e6


def measure(small: bool) -> list[Row]:
    scenes, full, side, times = (8, 4, 2048, 1) if small else (60, 12, 4096, 3)
    ways = [OURS, *(peer for peer in PEERS if _there(peer))]
    rows = []
    middle = side // 2
    berths = ((middle, middle), (middle + 30, middle + 80))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for job in (whole("same grid", scenes), whole("two UTM zones", scenes, zones=2)):
            rows += _side_by_side(job, make(job, folder / job.name), ways, times)
        port = Job("port window", side, full, 1, berths)
        rows += _side_by_side(port, make(port, folder / port.name), ways, 1)
        # Every file once: of one read before, GDAL still holds the blocks.
        rows += _bytes_read(Job("port window, remote", side, DISTINCT, 1, berths), folder / "remote")
        rows += _growth((25, 100) if small else (100, 1000), folder)
    return rows


def _there(way: str) -> bool:
    if way in NEEDS and find_spec(NEEDS[way].split(".")[0]) is None:
        print(f"left out: {way} is not installed")
        return False
    return True


def _once(way: str, run_file: Path) -> dict[str, float]:
    """Seconds and peak memory of one way in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        words = [sys.executable, "-m", "benchmarks.ingest_peers", way, str(run_file), str(Path(scratch) / "out")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{way} failed:\n{done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _side_by_side(job: Job, run_file: Path, ways: list[str], times: int) -> list[Row]:
    """Each way in turn, and again; then ours against the best of the others and the limits."""
    taken: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    limits: dict[str, list[float]] = {"GDAL decoding alone": [], "the codec alone": []}
    for _ in range(times):
        for way in ways:
            taken[way].append(_once(way, run_file))
        limits["GDAL decoding alone"].append(_decoding(job, run_file))
        limits["the codec alone"].append(_encoding(job))
    mb = job.decoded_bytes / MB
    rate = {way: mb / statistics.median(each["seconds"] for each in taken[way]) for way in ways}
    limit = {name: mb / statistics.median(seconds) for name, seconds in limits.items()}
    best = max((way for way in ways if way != OURS), key=lambda way: rate[way])
    decoding = limit["GDAL decoding alone"]
    first = Row(job.name, OURS, rate[OURS], "MB/s", limit_fraction=rate[OURS] / decoding)
    rows = [against(first, f"{best}, the best peer", rate[best], less_is_better=False)]
    rows += [Row(job.name, way, rate[way], "MB/s", limit_fraction=rate[way] / decoding) for way in ways if way != OURS]
    rows += [Row(job.name, name, value, "MB/s") for name, value in limit.items()]
    peak = {way: max(each["peak_mb"] for each in taken[way]) for way in ways}
    least = min((way for way in ways if way != OURS), key=lambda way: peak[way])
    memory = Row(job.name, f"{OURS}: peak memory", peak[OURS], "MB")
    return [*rows, against(memory, f"{least}, the least", peak[least], less_is_better=True)]


def _files(job: Job, run_file: Path) -> list[Path]:
    files = sorted(run_file.parent.glob("*.tif"))
    return [files[number % len(files)] for number in range(job.scenes)]


def _decoding(job: Job, run_file: Path) -> float:
    """Seconds to decode all scenes whole with two threads, and to forget them."""

    def decode(path: Path) -> None:
        with rasterio.open(path) as file:
            file.read()

    return _seconds(decode, _files(job, run_file))


def _encoding(job: Job) -> float:
    """Seconds to encode as many float32 chunks as the scenes fill, with two threads."""
    from importlib import import_module

    blosc = import_module("numcodecs").Blosc
    codec = blosc(cname="zstd", clevel=1, shuffle=blosc.BITSHUFFLE)
    chunk = np.random.default_rng(0).gamma(4.4, 2000 / 4.4, CHUNK).astype(np.uint16).astype(np.float32)
    return _seconds(lambda _: codec.encode(chunk), range(round(job.decoded_bytes / 2 / chunk.size)))


def _seconds(task: Callable[[Any], object], each: Any) -> float:
    begun = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(task, each))
    return time.perf_counter() - begun


@dataclass(slots=True)
class Served:
    """Bytes of files that a server has sent."""

    total: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Ranges(SimpleHTTPRequestHandler):
    """Serves files by ranges, as object stores do, and counts what it sends."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *request: Any, served: Served, directory: str) -> None:
        self.served = served
        super().__init__(*request, directory=directory)

    def do_GET(self) -> None:
        """Send a range, or the whole file where none is asked for."""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        size = path.stat().st_size
        first, _, last = self.headers.get("Range", f"bytes=0-{size - 1}").removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last or size - 1), size - 1) + 1
        with path.open("rb") as file:
            file.seek(start)
            content = file.read(stop - start)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        self.wfile.write(content)
        with self.served.lock:
            self.served.total += len(content)

    def log_message(self, format: str, *values: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[str, Served]]:
    served = Served()
    handler = partial(Ranges, served=served, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _bytes_read(job: Job, folder: Path) -> list[Row]:
    """What crosses the wire, against what the blocks that the port's window touches hold."""
    folder.mkdir()
    with _serving(folder) as (address, served):
        run_file = make(job, folder, address)
        seconds = _once(OURS, run_file)["seconds"]
        sent = served.total
        grid = plan_ingest(bw.read_port(run_file), folder)[0].grid
    assert grid is not None
    touched = sum(_touched(path, grid.geobox) for path in _files(job, run_file))
    row = Row(job.name, f"{OURS}: bytes read", sent / MB, "MB")
    return [
        against(row, "the blocks the port touches", touched / MB, less_is_better=True),
        Row(job.name, f"{OURS}: time", seconds, "s"),
    ]


def _touched(path: Path, grid: GeoBox) -> int:
    """Bytes, as stored, of a file's blocks that a grid on its pixels touches."""
    with rasterio.open(path) as file:
        offset = pixel_offset(file.transform, file.crs, grid)
        assert offset is not None
        height, width = file.block_shapes[0]
        rows = range(-offset[0] // height, (grid.shape[0] - offset[0] - 1) // height + 1)
        columns = range(-offset[1] // width, (grid.shape[1] - offset[1] - 1) // width + 1)
        return sum(file.block_size(1, row, column) for row in rows for column in columns)


def _growth(counts: tuple[int, int], folder: Path) -> list[Row]:
    """Peak memory and time of a port of one small window, against the number of its scenes."""
    figures = []
    for count in counts:
        job = Job(f"{count} scenes", 512, count, 1, ((200, 200),))
        figures.append(_once(OURS, make(job, folder / job.name)))
    span = math.log(counts[1] / counts[0])
    name = f"{counts[0]} to {counts[1]} scenes"
    return [
        Row(name, f"{OURS}: {word}", math.log(figures[1][key] / figures[0][key]) / span, "log-log slope")
        for word, key in (("peak memory", "peak_mb"), ("time", "seconds"))
    ] + [Row(f"{counts[1]} scenes", f"{OURS}: peak memory", figures[1]["peak_mb"], "MB")]


if __name__ == "__main__":
    main("ingest", measure)
