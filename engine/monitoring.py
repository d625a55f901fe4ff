"""Watching every pixel of a series of scenes for a level that rose or fell, with false alarms as rare as asked for.

What a pixel usually shows, and how much it scatters, come from scenes in which nothing happened; each new scene then
costs one step. The limit is calibrated so that a pixel in which nothing happens alarms once in so many dates, if level
and spread are known. Estimated from few scenes they are wrong on most pixels, and runs are shorter there: of pixels
that should run 465 dates, half alarm within 322 if all is known, within about 250, 205 and 100 with 300, 100 and 30
scenes of background.

Page (1954), doi 10.1093/biomet/41.1-2.100; Chu, Hornik and Kuan (1995), doi 10.1093/biomet/82.3.603.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from berthwatch.kernels.cusum import CusumState, cusum_start, cusum_step
from berthwatch.kernels.mosum import MosumState, mosum_start, mosum_step
from berthwatch.kernels.quantile import temporal_median_mad
from berthwatch.runlengths import cusum_limit, mosum_limit

NORMAL_SPREAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True, slots=True)
class Monitored:
    """What `monitor` found.

    `alarm` (time, ...) uint8, or a DataArray like the stack: 0 none, 1 the level rose, 2 it fell, 3 both (a CUSUM that
    has not yet run down), 255 not seen; `state` is to be handed to the next call; `limit` is the calibrated limit.
    """

    alarm: NDArray[np.uint8] | xr.DataArray
    state: CusumState | MosumState
    limit: float


def monitor(
    stack: ArrayLike | xr.DataArray,
    background: ArrayLike | xr.DataArray,
    run_length: float,
    *,
    k: float = 0.5,
    clip: float = 3.0,
    window: int | None = None,
    state: CusumState | MosumState | None = None,
) -> Monitored:
    """When the level of each pixel rose or fell against a background, by CUSUM or moving sum.

    Parameters
    ----------
    stack : (time, ...) array or DataArray
        Scenes in order, float32 or float64, NaN where not seen, in a unit whose scatter is near normal: decibels or
        amplitude rather than the intensity of few looks.
    background : (time, ...) array or DataArray
        Scenes in which nothing happened, in the same unit: their median is the level, their median absolute
        deviation x 1.4826 the spread.
    run_length : float
        Dates seen, on average, until a pixel in which nothing happens first alarms.
    k : float
        Of the CUSUM: half of the smallest shift that matters, in spreads.
    clip : float
        Departures count for no more than this, in spreads, so that one spike raises no alarm alone.
    window : int, optional
        Monitor the moving sum of so many dates instead of the CUSUM.
    state : optional
        Of the `Monitored` before, to go on where it ended.

    Raises
    ------
    ValueError
        Shapes that do not fit, another dtype, a state of the other method, or a run length that cannot be met.

    >>> rng = np.random.default_rng(0)
    >>> background, stack = rng.normal(-15.0, 1.0, (200, 4)), rng.normal(-15.0, 1.0, (12, 4))
    >>> stack[4:, 2] += 5.0
    >>> monitor(stack, background, run_length=5000).alarm[:, 2].tolist()
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    """
    scenes, quiet = np.asarray(stack), np.asarray(background)
    if scenes.ndim == 0 or scenes.shape[1:] != quiet.shape[1:]:
        raise ValueError(f"monitor: expected scenes of the background's shape, got {scenes.shape} and {quiet.shape}")
    after = state if state is not None else _start(scenes.shape[1:], window)
    if isinstance(after, CusumState) != (window is None):
        raise ValueError(f"monitor: window {window} and a state of the other method, {type(after).__name__}")
    limit = cusum_limit(k, run_length, clip) if window is None else mosum_limit(window, run_length, clip)
    median, mad = temporal_median_mad(quiet)
    spread = np.asarray(mad * mad.dtype.type(NORMAL_SPREAD))
    alarm = np.empty(scenes.shape, np.uint8)
    for date, scene in enumerate(scenes):
        ours = date > 0  # the state that was handed in is left as it is
        if isinstance(after, CusumState):
            alarm[date], after = cusum_step(scene, median, spread, after, k, limit, clip, in_place=ours)
        else:
            _, alarm[date], after = mosum_step(scene, median, spread, after, limit, clip, in_place=ours)
    found = stack.copy(data=alarm) if isinstance(stack, xr.DataArray) else alarm
    return Monitored(found, after, limit)


def _start(shape: tuple[int, ...], window: int | None) -> CusumState | MosumState:
    return cusum_start(shape) if window is None else mosum_start(shape, window)
