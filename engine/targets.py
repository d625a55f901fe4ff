"""Bright targets in a SAR image: what exceeds the clutter around it at a stated false-alarm rate (CFAR).

Multipliers are exact for gamma clutter of L looks that is the same over a ring; texture within rings raises the rate.
"""

from collections.abc import Callable
from typing import Final, Literal, overload

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from berthwatch import multipliers
from berthwatch.clutter import FALSE_ALARM_RATE, equivalent_looks
from berthwatch.kernels import cfar as means
from berthwatch.kernels import cfar_rank as ranks

LEAST_CELLS: Final = 16
"""Of a ring, or of a half of it. Fewer say little about its clutter, and their multiplier is enormous."""
RANK: Final = 0.75
"""Rohling's choice: up to a quarter of a ring may be other vessels."""

type Kind = Literal["cell-averaging", "greatest-of", "smallest-of", "ordered-statistic"]
type Ring = tuple[int, int, NDArray[np.bool_] | None]
type Multiplier = Callable[..., NDArray[np.float64]]


@overload
def cfar(
    image: xr.DataArray,
    kind: Kind = ...,
    *,
    false_alarm_rate: float = ...,
    looks: float | None = ...,
    guard: int = ...,
    window: int = ...,
    mask: ArrayLike | None = ...,
    correlation: ArrayLike = ...,
    stride: int = ...,
) -> xr.DataArray: ...
@overload
def cfar(
    image: ArrayLike,
    kind: Kind = ...,
    *,
    false_alarm_rate: float = ...,
    looks: float | None = ...,
    guard: int = ...,
    window: int = ...,
    mask: ArrayLike | None = ...,
    correlation: ArrayLike = ...,
    stride: int = ...,
) -> NDArray[np.bool_]: ...
def cfar(
    image: ArrayLike | xr.DataArray,
    kind: Kind = "cell-averaging",
    *,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    looks: float | None = None,
    guard: int = 11,
    window: int = 41,
    mask: ArrayLike | None = None,
    correlation: ArrayLike = ((1.0,),),
    stride: int = 1,
) -> NDArray[np.bool_] | xr.DataArray:
    """Which pixels of a SAR image are brighter than the clutter around them.

    Parameters
    ----------
    image : (y, x) array or DataArray
        Intensity, linear; NaN where there are no data.
    kind
        What stands for a ring's clutter: its mean; the larger or smaller of the means of its left and right half;
        or the cell three quarters up its sorted cells.
    false_alarm_rate
        Per pixel of clutter.
    looks
        Equivalent looks; the image itself tells where they are not given, and should then be mostly water.
    guard, window
        Odd sides in pixels of the square left out around a pixel, larger than any vessel, and of the ring's outer one.
    mask : (y, x) bool or uint8 array
        Land and known vessels: in no ring, and never a target.
    correlation : (2a + 1, 2b + 1) array
        Correlation of the intensities of neighbouring pixels at lags -a..a and -b..b, 1 at the centre: correlated
        cells count as fewer.
    stride
        For "ordered-statistic": only every so manieth row and column of a ring, which is quicker, too.

    Returns
    -------
    (y, x) bool array, or a DataArray like `image`
        False also where it cannot be told: no data, masked, fewer than 16 cells in the ring (in a half of it).

    Raises
    ------
    ValueError
        An image or a mask of another shape, kind, looks, rate, sides or stride out of what is said above.

    >>> sea = np.random.default_rng(0).gamma(4.4, 0.01 / 4.4, (60, 80))
    >>> sea[30:33, 40:45] = 0.2
    >>> np.argwhere(cfar(sea, looks=4.4)).min(axis=0).tolist(), int(cfar(sea, looks=4.4).sum())
    ([30, 40], 15)
    """
    values = np.asarray(image)
    values = values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
    out = np.zeros(values.shape, np.bool_) if mask is None else np.asarray(mask) != 0
    ring = (window, guard, None if mask is None else out)
    found = _found(values, kind, ring, false_alarm_rate, looks, correlation, stride) & ~out
    return image.copy(data=found) if isinstance(image, xr.DataArray) else found


def _found(
    values: NDArray[np.floating],
    kind: Kind,
    ring: Ring,
    false_alarm_rate: float,
    looks: float | None,
    correlation: ArrayLike,
    stride: int,
) -> NDArray[np.bool_]:
    window, guard, out = ring
    means.ring_of(values, window, guard, out, 1)  # its errors first
    if kind != "ordered-statistic" and stride != 1:
        raise ValueError(f"cfar: expected stride 1 for {kind}, got {stride}")
    given = (
        _looks(values, out) if looks is None else looks,
        false_alarm_rate,
        _per_cell(window, guard, kind, correlation, stride),
    )
    return np.equal(_detected(values, kind, ring, given, stride), 1)


def _per_cell(window: int, guard: int, kind: Kind, correlation: ArrayLike, stride: int) -> float:
    """Pixels of the thinned ring, or of a half of it, that count as one cell."""
    lags = np.atleast_2d(np.asarray(correlation, np.float64))
    thinned = lags[lags.shape[0] // 2 % stride :: stride, lags.shape[1] // 2 % stride :: stride]
    outer, inner = (2 * (side // 2 // stride) + 1 for side in (window, guard))
    return multipliers.pixels_per_cell(outer, inner, thinned, half=kind in ("greatest-of", "smallest-of"))


def _looks(values: NDArray[np.floating], out: NDArray[np.bool_] | None) -> float:
    water = values[np.isfinite(values) & (values > 0) & (True if out is None else ~out)]
    return equivalent_looks(water) if water.size else 1.0


def _detected(
    values: NDArray[np.floating], kind: Kind, ring: Ring, given: tuple[float, float, float], stride: int
) -> NDArray[np.uint8]:
    window, guard, out = ring
    if kind == "cell-averaging":
        table = np.full(window**2 - guard**2 + 1, np.nan)
        table[LEAST_CELLS:] = multipliers.cell_averaging(np.arange(LEAST_CELLS, table.size), *given)
        return means.cell_averaging_detections(values, window, guard, table, out)
    if kind == "ordered-statistic":
        ratio, count = ranks.ordered_statistic(values, window, guard, RANK, stride, out, LEAST_CELLS)
        found = multipliers.table(count, lambda n: multipliers.ordered_statistic(n, ranks.rank(n, RANK), *given))
        return means.detections(ratio, count, found)
    halves: dict[str, tuple[Callable[..., tuple[NDArray[np.floating], NDArray[np.int32]]], Multiplier]] = {
        "greatest-of": (means.greatest_of, multipliers.greatest_of),
        "smallest-of": (means.smallest_of, multipliers.smallest_of),
    }
    if kind not in halves:
        raise ValueError(f"cfar: expected one of {', '.join(Kind.__value__.__args__)} as kind, got {kind}")
    detector, multiplier = halves[kind]
    ratio, count = detector(values, window, guard, "left-right", out, LEAST_CELLS)
    judged = np.where(np.isnan(ratio), np.int32(0), count)
    return means.detections(ratio, judged, multipliers.table(judged, lambda n, m: multiplier(n, m, *given)))
