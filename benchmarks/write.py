"""Run every benchmark, each in a process of its own, and write docs/benchmarks.md. Nothing there is typed by hand."""

import argparse
import json
import os
import pkgutil
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import benchmarks
from benchmarks.table import Row, markdown

PAGE = Path("docs") / "benchmarks.md"
NOT_MEASURING = {
    "__main__",
    "accuracy_grid",
    "accuracy_page",
    "comparisons",
    "fresh",
    "ingest_peers",
    "ingest_scenes",
    "real",
    "table",
    "unseen",
    "write",
    "zonal_peers",
}
LIBRARIES = ("berthwatch", "numpy", "numba", "xarray", "dask", "zarr", "icechunk", "rasterio", "pandas")


def machine() -> str:
    """The processor, its cores and memory, the system and Python; no name of a host."""
    processor = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        models = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        processor = models[0] if models else processor
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{processor}, {os.cpu_count()} cores, {memory_gb:.0f} GB; {system}"


def measure_one(name: str, small: bool) -> str:
    """One benchmark's part of the page.

    Raises
    ------
    subprocess.CalledProcessError
        The benchmark failed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        kept = Path(scratch) / "rows.json"
        words = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(kept), *(["--small"] if small else [])]
        subprocess.run(words, check=True)
        rows = [Row(**row) for row in json.loads(kept.read_text())]
    module = pkgutil.resolve_name(f"benchmarks.{name}")
    said = (module.__doc__ or "").strip()
    return f"## {name}\n\n{said}\n\n{markdown(rows)}\n"


def main() -> None:
    """Command line: `python -m benchmarks.write [--small]`, from the root."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.write")
    parser.add_argument("--small", action="store_true", help="a quick pass over less data")
    small = parser.parse_args().small
    names = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    parts = []
    for name in [name for name in names if name not in NOT_MEASURING]:
        print(f"benchmarks.{name}", flush=True)
        parts.append(measure_one(name, small))
    versions = ", ".join(f"{library} {version(library)}" for library in LIBRARIES)
    how = "`python -m benchmarks --small`" if small else "`make bench`"
    head = f"# Benchmarks\n\nWritten by {how}.\n\n{machine()}.\n{versions}.\n\n"
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(head + "\n".join(parts), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
