"""One run of the main job in a process of its own: its seconds and its peak memory, undisturbed by the caller's."""

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of the whole process, seconds after all imports, and the process's peak resident memory."""

    process_s: float
    run_s: float
    peak_mb: float
    scenes: int


def run_fresh(run_file: Path, out: Path) -> Measured:
    """Run a port into a folder in a fresh process.

    Raises
    ------
    RuntimeError
        The run failed; its standard error is the message.
    """
    begun = time.perf_counter()
    words = [sys.executable, "-m", "benchmarks.fresh", str(run_file), str(out)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    process_s = time.perf_counter() - begun
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)} failed:\n{done.stderr}")
    # The run may print too: the figures are the last line.
    return Measured(**{**json.loads(done.stdout.splitlines()[-1]), "process_s": process_s})


def peak_mb() -> float:
    """Peak resident memory of this process, MB.

    On Linux `getrusage` counts the parent's peak too, after fork and exec; the kernel's own high-water mark does not.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    """Import everything, run, and print the figures as one line of JSON."""
    import berthwatch as bw

    for name in bw.__all__:
        getattr(bw, name)
    run_file, out = Path(sys.argv[1]), Path(sys.argv[2])
    begun = time.perf_counter()
    bw.run(bw.read_port(run_file), out)
    run_s = time.perf_counter() - begun
    peak = peak_mb()

    import pandas as pd

    scenes = pd.read_parquet(out / "observations.parquet", columns=["scene_id"]).scene_id.nunique()
    print(json.dumps(asdict(Measured(process_s=0.0, run_s=run_s, peak_mb=peak, scenes=scenes))))


if __name__ == "__main__":
    main()
