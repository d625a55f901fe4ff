"""Work in batches: the same task functions on threads of this process or on a dask cluster, few in flight."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client

IN_FLIGHT = 64


def map_batches[Batch, Result](
    task: Callable[..., Result], batches: Sequence[Batch], shared: tuple[Any, ...], client: "Client | None" = None
) -> Iterator[Result]:
    """Yield `task(batch, *shared)` for every batch, in their order.

    A task must be a pure function: on a cluster it may run twice when a worker dies.

    >>> list(map_batches(lambda batch, factor: batch * factor, [1, 2, 3], (10,)))
    [10, 20, 30]
    """
    if client is None:
        yield from _on_threads(task, batches, shared)
        return
    common = [client.scatter(value, broadcast=True) if _is_large(value) else value for value in shared]
    for start in range(0, len(batches), IN_FLIGHT):
        window = [
            client.submit(task, batch, *common, pure=False, retries=3) for batch in batches[start : start + IN_FLIGHT]
        ]
        yield from client.gather(window)


def _is_large(value: Any) -> bool:
    return value is not None and not isinstance(value, (str, int, float, bool))


def _on_threads[Batch, Result](
    task: Callable[..., Result], batches: Sequence[Batch], shared: tuple[Any, ...]
) -> Iterator[Result]:
    """One task a core; the next begins when one ends, so that one writes while another reads."""
    from dask import config
    from dask.system import CPU_COUNT

    threads = config.get("num_workers", None) or CPU_COUNT
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for batch in batches:
                if len(waiting) == threads:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(task, batch, *shared))
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
