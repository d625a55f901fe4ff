"""Which scenes stand for a long series where all of them would not fit in memory."""

import numpy as np
from numpy.typing import NDArray


def spread_evenly(count: int, most: int) -> NDArray[np.intp]:
    """At most `most` indices of 0..count-1, evenly spread, first and last included.

    >>> spread_evenly(5, 10).tolist(), spread_evenly(100, 3).tolist()
    ([0, 1, 2, 3, 4], [0, 50, 99])
    """
    return np.unique(np.round(np.linspace(0, max(count - 1, 0), min(count, most))).astype(np.intp))
