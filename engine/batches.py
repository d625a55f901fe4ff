"""Work in batches: the same task functions on threads of this process or on a dask cluster, few in flight."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client

IN_FLIGHT = 64
"""Tasks handed to a cluster and not yet asked for: enough to keep workers busy, few enough to remember."""
RETRIES = 3


def map_batches[Batch, Result](
    task: Callable[..., Result], batches: Sequence[Batch], shared: tuple[Any, ...], client: "Client | None" = None
) -> Iterator[Result]:
    """Yield `task(batch, *shared)` for every batch, in their order.

    A task must be a pure function: on a cluster it may run twice when a worker dies.

    >>> list(map_batches(lambda batch, factor: batch * factor, [1, 2, 3], (10,)))
    [10, 20, 30]
    """
    if client is None:
        from dask import config
        from dask.system import CPU_COUNT

        # One task a core; the next begins when one ends, so that one writes while another reads.
        threads = config.get("num_workers", None) or CPU_COUNT
        with ThreadPoolExecutor(threads) as pool:
            yield from _in_order(lambda batch: pool.submit(task, batch, *shared), batches, threads)
        return
    common = [client.scatter(value, broadcast=True) if _is_large(value) else value for value in shared]
    yield from _in_order(
        lambda batch: client.submit(task, batch, *common, pure=False, retries=RETRIES), batches, IN_FLIGHT
    )


def _in_order(submit: Callable[[Any], Any], batches: Sequence[Any], most: int) -> Iterator[Any]:
    """What becomes of the batches, in their order, with so many at most handed out at a time."""
    waiting: deque[Any] = deque()
    try:
        for batch in batches:
            if len(waiting) == most:
                yield waiting.popleft().result()
            waiting.append(submit(batch))
        while waiting:
            yield waiting.popleft().result()
    finally:
        for each in waiting:
            each.cancel()


def _is_large(value: Any) -> bool:
    return value is not None and not isinstance(value, (str, int, float, bool))
