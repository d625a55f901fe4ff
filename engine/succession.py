"""Which looks at a taken berth are of one vessel: where one stay ended and another began with no vacant look between.

Draws may agree that two vessels lay there and not on when they changed. So no single moment is asked whether it was
then; the looks are divided so that pairs of them are put together or apart as most draws have them, as far as that
goes (Binder 1978, doi 10.1093/biomet/65.1.31, with looks put together alike to looks put apart).
"""

import numpy as np
from numpy.typing import NDArray


def _steady(at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where stretches begin in which no draw changes: (stretches,) with the first, 0."""
    return np.flatnonzero(np.r_[True, (at[:, 1:] != at[:, :-1]).any(axis=0)])


def _together(at: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of draws in which each two looks are of one call, of those with a call at both: (looks, looks)."""
    found = np.empty((at.shape[1], at.shape[1]))
    for look in range(at.shape[1]):
        own = at[:, [look]]
        both = (own >= 0) & (at >= 0)
        found[look] = ((own == at) & both).sum(axis=0) / np.maximum(both.sum(axis=0), 1)
    return found


def divided(at: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Divide a run of looks, at which a berth was taken, into those of one vessel each.

    Parameters
    ----------
    at : (draws, looks) int64
        Which call was there at each look in each draw, -1 where none was; at least one look.

    Returns
    -------
    list of (int, int)
        First look of each part, and the one after its last.

    >>> divided(np.array([[7, 7, 8], [3, 3, 3], [5, 5, 6]]))
    [(0, 2), (2, 3)]

    All agree that the first look and the last are of two vessels, and no half of them on when they changed:

    >>> divided(np.array([[1, 2, 2, 2], [3, 3, 4, 4], [5, 5, 5, 6]]))
    [(0, 2), (2, 4)]
    """
    begins = _steady(at)
    size = np.diff(np.r_[begins, at.shape[1]])
    gain = (_together(at[:, begins]) - 0.5) * np.outer(size, size)
    parts = begins.size
    # summed[i, j]: of all pairs among the stretches before i and those before j
    summed = np.zeros((parts + 1, parts + 1))
    summed[1:, 1:] = gain.cumsum(axis=0).cumsum(axis=1)
    within = np.diag(summed)
    best, cut = np.zeros(parts + 1), np.zeros(parts + 1, np.int64)
    for end in range(1, parts + 1):
        start = np.arange(end)
        total = best[:end] + within[end] - 2 * summed[start, end] + within[start]
        cut[end] = int(np.argmax(total))
        best[end] = total[cut[end]]
    edges = [parts]
    while edges[-1] > 0:
        edges.append(int(cut[edges[-1]]))
    places = np.r_[begins, at.shape[1]][edges[::-1]]
    return list(zip(places[:-1].tolist(), places[1:].tolist(), strict=True))
