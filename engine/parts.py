"""Connected bright parts of a scene, as rows and columns, and their size and heading from second moments."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

type Pixels = tuple[NDArray[np.intp], NDArray[np.intp]]
EIGHT: Final = np.ones((3, 3), np.int8)
LEAST_AREA_M2: Final = 250.0


@dataclass(frozen=True, slots=True)
class Part:
    """Pixels in a window of a scene, their z-scores, and whether cloud lies over or beside them."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    z: NDArray[np.float32]
    clouded: bool = False


def measure(rows: NDArray[np.intp], columns: NDArray[np.intp], resolution_m: float) -> tuple[float, float, float]:
    """Length and beam (m) of the rectangle with these pixels' second moments, and its heading (degrees).

    A uniform rectangle of length l has variance l^2 / 12 along itself.

    >>> rows, columns = np.nonzero(np.ones((3, 12)))
    >>> measure(rows, columns, 10.0)
    (120.0, 30.0, 90.0)
    """
    y, x = rows - rows.mean(), columns - columns.mean()
    yy, xx, xy = (y * y).mean() + 1 / 12, (x * x).mean() + 1 / 12, (x * y).mean()
    middle, half = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    length, beam = np.sqrt(12 * (middle + half)), np.sqrt(12 * max(middle - half, 0.0))
    along_x = 0.5 * np.arctan2(2 * xy, xx - yy)
    heading = np.rad2deg(np.pi / 2 + along_x) % 180
    return round(float(length) * resolution_m, 1), round(float(beam) * resolution_m, 1), round(float(heading), 1)


def pieces(mask: NDArray[np.bool_]) -> Iterator[Pixels]:
    """The connected parts of a mask.

    >>> [rows.size for rows, _ in pieces(np.array([[True, True, False, True]]))]
    [2, 1]
    """
    labels, count = label(mask, EIGHT)
    for piece in range(1, count + 1):
        rows, columns = np.nonzero(labels == piece)
        yield rows, columns
