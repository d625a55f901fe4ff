"""Where the work is done: a dask scheduler elsewhere, worker processes here, or threads of this process."""

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING

from berthwatch import __version__
from berthwatch.errors import BerthwatchError

if TYPE_CHECKING:
    from distributed import Client

ANSWER_WITHIN_S = 10


@contextmanager
def connect(scheduler: str | None = None, workers: int | None = None) -> "Iterator[Client | None]":
    """Give a dask client for as long as the block lasts; None means threads of this process.

    Parameters
    ----------
    scheduler : str, optional
        Address of a running scheduler, such as ``tcp://10.0.0.5:8786``.
    workers : int, optional
        Start that many worker processes of one thread each on this machine.

    Raises
    ------
    BerthwatchError
        No scheduler answers at the address within ten seconds, or workers have another version of this package; or,
        in the block, the scheduler was lost, or worker after worker over one batch.

    Examples
    --------
    >>> with connect() as client:
    ...     print(client)
    None
    """
    if scheduler is None and workers is None:
        yield None
        return
    from distributed import Client, LocalCluster

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=ANSWER_WITHIN_S)
        except (OSError, ValueError) as error:
            raise BerthwatchError(f"no dask scheduler answers at {scheduler} within {ANSWER_WITHIN_S} s") from error
        with client, _loss_told(scheduler):
            _check_versions(client)
            yield client
        return
    # One thread a worker: our kernels use threads of their own, and numba's do not like company.
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
        _loss_told(cluster.scheduler_address),
    ):
        yield client


@contextmanager
def _loss_told(address: str) -> Iterator[None]:
    """Say plainly what the loss of a cluster is."""
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        yield
    except KilledWorker as error:
        told = f"workers of the cluster at {address} died one after another over one batch; their logs say why"
        raise BerthwatchError(told) from error
    except (CancelledError, CommClosedError) as error:
        raise BerthwatchError(f"the dask scheduler at {address} was lost; run again to go on") from error


def _check_versions(client: "Client") -> None:
    """Refuse workers whose results might differ from those of this version, each by name."""

    # Sent whole and not by its name, which another version need not know.
    def version_here() -> str:
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("berthwatch")
        except PackageNotFoundError:
            return "none"

    others = {worker: found for worker, found in client.run(version_here).items() if found != __version__}
    if others:
        named = ", ".join(f"{worker} has {found}" for worker, found in sorted(others.items()))
        raise BerthwatchError(f"expected workers with berthwatch {__version__}; {named}")
