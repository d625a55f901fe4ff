"""Zones over a lazy array: tasks that read only the chunks zones touch, and keep of each only the pixels they cover.

A chunk is looked at once for each batch of zones, and what is kept of it is some hundred pixels of each berth, so that
memory is bounded by the chunks in work and not by the series.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import NDArray

from berthwatch.berthweights import BerthWeights
from berthwatch.kernels.spans import Spans, spans_of

MOST_KEPT = 1 << 24
"""Pixels of all dates of a chunk that a task puts together at most, unless one zone alone has more."""

type Reduce = Callable[[NDArray[Any], Spans], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Zones in a row: the chunks they touch (row, column), the pixels kept of each, and the zones on what is kept."""

    zones: slice
    chunks: tuple[tuple[int, int], ...]
    kept: tuple[NDArray[np.int64], ...]
    spans: Spans


def reduce_touched(array: da.Array, weights: BerthWeights, reduce: Reduce, figures: int) -> da.Array:
    """Reduce each image of a lazy stack to some figures of each zone.

    Parameters
    ----------
    array : (..., y, x) dask array
    weights : BerthWeights
        Zones on (y, x).
    reduce : callable
        Takes (image, pixel) values and the zones in them, and gives (figure, image, zone) float64. A pure function,
        which workers can be sent.
    figures : int
        How many.

    Returns
    -------
    (figure, ..., zone) float64 dask array, in chunks as the array's and in batches of zones.
    """
    leading = array.chunks[:-2]
    deepest = int(np.prod([max(sizes) for sizes in leading]))
    batches = list(_batches(weights, array.chunks[-2], array.chunks[-1], max(1, MOST_KEPT // max(deepest, 1))))
    name = f"zonal-{tokenize(array.name, weights, reduce)}"
    layer: dict[Any, Any] = {}
    for number, batch in enumerate(batches):
        zones = (f"{name}-zones", number)
        layer[zones] = batch.spans
        pixels = [(f"{name}-pixels", number, chunk) for chunk in range(len(batch.chunks))]
        layer.update(zip(pixels, batch.kept, strict=True))
        for block in np.ndindex(*map(len, leading)):
            kept = [(f"{name}-kept", number, chunk, *block) for chunk in range(len(batch.chunks))]
            for key, chunk, which in zip(kept, batch.chunks, pixels, strict=True):
                layer[key] = (_keep, (array.name, *block, *chunk), which)
            shape = tuple(sizes[place] for sizes, place in zip(leading, block, strict=True))
            layer[(name, 0, *block, number)] = (_reduce, kept, zones, reduce, shape, array.dtype)
    graph = HighLevelGraph.from_collections(name, layer, dependencies=[array])  # type: ignore[list-item]
    held = tuple(batch.zones.stop - batch.zones.start for batch in batches)
    return da.Array(graph, name, chunks=((figures,), *leading, held), dtype=np.float64)


def _keep(chunk: NDArray[Any], pixels: NDArray[np.int64]) -> NDArray[Any]:
    """(image, pixel): some pixels of each image of a chunk."""
    rows, columns = chunk.shape[-2:]
    return np.take(np.reshape(chunk, (-1, rows * columns)), pixels, axis=1)


def _reduce(
    kept: list[NDArray[Any]], spans: Spans, reduce: Reduce, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[np.float64]:
    images = int(np.prod(shape))
    found = reduce(np.concatenate([np.empty((images, 0), dtype), *kept], axis=1), spans)
    return found.reshape(len(found), *shape, spans.zones)


def _batches(weights: BerthWeights, heights: tuple[int, ...], widths: tuple[int, ...], most: int) -> Iterator[_Batch]:
    """Zones in their order, as many together as have the most pixels that may be kept."""
    first = 0
    zones = len(weights.berth_ids)
    for zone in range(zones):
        if zone + 1 == zones or weights.indptr[zone + 2] - weights.indptr[first] > most:
            yield _batch(weights, slice(first, zone + 1), heights, widths)
            first = zone + 1


def _batch(weights: BerthWeights, zones: slice, heights: tuple[int, ...], widths: tuple[int, ...]) -> _Batch:
    indptr = weights.indptr[zones.start : zones.stop + 1]
    own = slice(indptr[0], indptr[-1])
    pixels, entries = np.unique(weights.indices[own], return_inverse=True)
    rows, columns = np.divmod(pixels, sum(widths))
    top, left = np.cumsum([0, *heights]), np.cumsum([0, *widths])
    down, across = np.searchsorted(top, rows, "right") - 1, np.searchsorted(left, columns, "right") - 1
    order = np.lexsort((pixels, across, down))
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    chunk = down * len(widths) + across
    inside = (rows - top[down]) * np.asarray(widths)[across] + columns - left[across]
    starts = np.flatnonzero(np.diff(chunk[order], prepend=-1))
    return _Batch(
        zones,
        tuple((int(down[k]), int(across[k])) for k in order[starts]),
        tuple(inside[order[start:stop]] for start, stop in pairwise([*starts, order.size])),
        spans_of(indptr - indptr[0], place[entries], weights.weights[own]),
    )
