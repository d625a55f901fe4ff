"""Where the work is done: a dask scheduler elsewhere, worker processes here, or threads of this process."""

from collections.abc import Iterator
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
        No scheduler answers at the address within ten seconds, or workers have another version of this package.

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
        with client:
            _check_versions(client)
            yield client
        return
    # One thread a worker: our kernels use threads of their own, and numba's do not like company.
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client


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
