"""Workers elsewhere: those whose results might differ are refused by name."""

from collections.abc import Iterator

import pytest
from distributed import Client, LocalCluster

from berthwatch import __version__
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
