"""Workers elsewhere: those whose results might differ are refused by name, and a cluster that is lost is told."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from berthwatch import __version__
from berthwatch.batches import map_batches
from berthwatch.cluster import connect
from berthwatch.errors import BerthwatchError


@pytest.fixture
def scheduler() -> Iterator[str]:
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        yield cluster.scheduler_address


def another_version(found: str | None) -> None:
    """In a worker: this package is there in another version, or not at all."""
    from importlib import metadata

    def version(name: str) -> str:
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    metadata.version = version


@pytest.mark.parametrize(("found", "told"), [("0.0.9", "0.0.9"), (None, "none")])
def test_a_worker_of_another_version_is_refused_by_name(scheduler: str, found: str | None, told: str) -> None:
    with Client(scheduler) as client:
        one, other = client.scheduler_info(n_workers=-1)["workers"]
        client.run(another_version, found, workers=[other])
    with pytest.raises(BerthwatchError) as raised, connect(scheduler):
        pass
    assert str(raised.value) == f"expected workers with berthwatch {__version__}; {other} has {told}"
    assert one not in str(raised.value)


def test_workers_of_this_version_are_taken(scheduler: str) -> None:
    with connect(scheduler) as client:
        assert client is not None
        assert client.submit(sum, [1, 2]).result(timeout=30) == 3


@pytest.fixture
def standing(tmp_path: Path) -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    """The address and the process of a scheduler that has one worker, both on their own."""
    known = tmp_path / "scheduler.json"
    here = ["--scheduler-file", str(known), "--host", "127.0.0.1"]
    started = [
        subprocess.Popen([sys.executable, "-m", f"distributed.cli.dask_{kind}", *words], stderr=subprocess.DEVNULL)
        for kind, words in (
            ("scheduler", [*here, "--no-dashboard", "--port", "0"]),
            ("worker", [*here, "--no-dashboard", "--no-nanny", "--nthreads", "1"]),
        )
    ]
    try:
        with Client(scheduler_file=str(known), timeout=60) as client:
            client.wait_for_workers(1, timeout=60)
            address = client.scheduler_info()["address"]
        yield address, started[0]
    finally:
        for process in started:
            process.kill()
            process.wait(30)


def test_a_scheduler_that_is_lost_is_told(standing: "tuple[str, subprocess.Popen[bytes]]") -> None:
    def work() -> int:
        with connect(address) as client:
            told = map_batches(lambda batch: time.sleep(0.2) or batch, range(100), (), client)
            first = next(told)
            process.kill()
            return first + sum(told)

    address, process = standing
    with pytest.raises(BerthwatchError) as raised:
        work()
    assert str(raised.value) == f"the dask scheduler at {address} was lost; run again to go on"


def test_a_batch_that_kills_its_workers_is_told(scheduler: str) -> None:
    def work() -> None:
        with connect(scheduler) as client:
            list(map_batches(lambda batch: __import__("os")._exit(batch), [1], (), client))

    with pytest.raises(BerthwatchError, match=r"workers of the cluster at .* died one after another over one batch"):
        work()
