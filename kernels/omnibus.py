"""Whether, when and how often a pixel of a SAR series changed: the sequential omnibus test.

Conradsen, Nielsen and Skriver 2016 (IEEE TGRS 54(5), 3007-3024, doi 10.1109/TGRS.2015.2510160). Intensities are sums of
logarithms and of values alone: one pass over the series says whether anything changed (Q), and only where it
did the factors R_j are looked at for the date, and the test begins again there.

Three cases, by what a look holds: one intensity; several that are tested side by side as a diagonal matrix (Sentinel-1
GRD: VV and VH); a full 2 x 2 covariance matrix. The formulas of the last do not hold for a diagonal one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import FLOATS, Array, Doubles, checked
from berthwatch.kernels.chisquare import corrected_tail, corrected_tails, critical_value
from berthwatch.kernels.compile import kernel
from berthwatch.kernels.logsums import log_sums

BLOCK_PX = 512
NEVER = -1
RHO, OMEGA2, CRITICAL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to each pixel, each array of the shape of one look."""

    count: npt.NDArray[np.int32]
    """How many changes."""
    first: npt.NDArray[np.int32]
    """Index of the date by which the first had come about; -1 where there was none."""
    last: npt.NDArray[np.int32]
    """The same of the last."""
    strongest: npt.NDArray[np.int32]
    """The same of the one whose R_j was the least likely to come by chance."""
    p: npt.NDArray[np.float64]
    """How likely the whole series' Q is where nothing changed: its p-value. NaN with fewer than two dates seen."""
    strongest_p: npt.NDArray[np.float64]
    """p-value of the strongest change's R_j; NaN where there was none."""


def omnibus(channels: Sequence[npt.ArrayLike], looks: float, alpha: float = 0.01, *, full: bool = False) -> Changes:
    """Test every pixel's series of SAR looks for change.

    Parameters
    ----------
    channels
        Stacks (time, ...) of one shape, float32 or float64, linear. One or more intensities, tested side by side; or,
        with `full`, C11, C22 and the real and imaginary parts of C12 of a covariance matrix. A date on which any of
        them is NaN, or which is no intensity (not above 0, or a determinant that is not) is left out.
    looks
        Equivalent number of looks of every date, above 0.
    alpha
        Level of each test.
    full
        Whether `channels` is a full 2 x 2 covariance matrix.

    Raises
    ------
    ValueError
        Other dtypes or shapes, no channels, `looks` or `alpha` out of range.

    Notes
    -----
    ln Q and ln R_j, f, rho and omega2: equations 8 to 12 and 20 to 24 of the paper.

    >>> series = np.array([1, 1.2, 0.8, 1.1, 6, 5])
    >>> found = omnibus([series], looks=4.4)
    >>> int(found.count), int(found.first), round(float(found.p), 6)
    (1, 4, 0.003525)
    """
    stacks = [checked("channels", channel, FLOATS) for channel in channels]
    shapes = {(stack.shape, stack.dtype) for stack in stacks}
    if len(shapes) != 1 or stacks[0].ndim == 0:
        raise ValueError(f"channels must be stacks (time, ...) of one shape and dtype: {sorted(map(str, shapes))}")
    if full and len(stacks) != 4:
        raise ValueError(f"a full covariance matrix is C11, C22, Re C12, Im C12: {len(stacks)} channels")
    if not 0.0 < looks < np.inf:
        raise ValueError(f"looks must be above 0 and finite: {looks}")
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha not in 0..1: {alpha}")
    dates, shape = stacks[0].shape[0], stacks[0].shape[1:]
    pixels = int(np.prod(shape))
    series = tuple(stack.reshape(dates, pixels) for stack in stacks)
    found = np.full((4, pixels), NEVER, np.int32)
    found[0] = 0
    p = np.full((2, pixels), np.nan)
    channels_tested = 1 if full else len(series)
    _test(series, float(looks), full, *_tables_of(dates, channels_tested, float(looks), float(alpha), full), found, p)
    count, first, last, strongest = (each.reshape(shape) for each in found)
    return Changes(count, first, last, strongest, p[0].reshape(shape), p[1].reshape(shape))


@kernel
def q_constants(dates: int, size: int, looks: float) -> tuple[float, float]:
    """Rho and omega2 of Q over so many dates of a size x size matrix (equations 10 and 11)."""
    k, p2 = float(dates), float(size * size)
    inverse = k / looks - 1.0 / (looks * k)
    rho = 1.0 - (2.0 * p2 - 1.0) / (6.0 * (k - 1.0) * size) * inverse
    squares = k / looks**2 - 1.0 / (looks * k) ** 2
    omega2 = p2 * (p2 - 1.0) / (24.0 * rho**2) * squares - 0.25 * p2 * (k - 1.0) * (1.0 - 1.0 / rho) ** 2
    return rho, omega2


@kernel
def r_constants(date: int, size: int, looks: float) -> tuple[float, float]:
    """Rho and omega2 of R_j, of the date-th look against those before (equations 22 and 23)."""
    j, p2 = float(date), float(size * size)
    pair = j * (j - 1.0)
    rho = 1.0 - (2.0 * p2 - 1.0) / (6.0 * size * looks) * (1.0 + 1.0 / pair)
    squares = (1.0 + (2.0 * j - 1.0) / pair**2) / looks**2
    omega2 = p2 * (p2 - 1.0) / (24.0 * rho**2) * squares - 0.25 * p2 * (1.0 - 1.0 / rho) ** 2
    return rho, omega2


@lru_cache(maxsize=16)
def _tables_of(dates: int, channels: int, looks: float, alpha: float, full: bool) -> tuple[Doubles, Doubles]:
    """`_tables`, once for all the chunks of a cube."""
    return _tables(dates, channels, looks, alpha, full)


@kernel
def _tables(dates: int, channels: int, looks: float, alpha: float, full: bool) -> tuple[Doubles, Doubles]:
    """For Q over k dates and for R_j, rows k and j: rho, omega2 and the critical value of -2 rho ln."""
    of_q, of_r = np.zeros((dates + 1, 3)), np.zeros((dates + 1, 3))
    size = 2 if full else 1
    for k in range(2, dates + 1):
        # of channels side by side the sums have the degrees of freedom, and the terms of second order, of all of them
        of_q[k, RHO], omega2 = q_constants(k, size, looks)
        of_q[k, OMEGA2] = channels * omega2
        of_q[k, CRITICAL] = critical_value(alpha, channels * size * size * (k - 1), of_q[k, OMEGA2])
        of_r[k, RHO], omega2 = r_constants(k, size, looks)
        of_r[k, OMEGA2] = channels * omega2
        of_r[k, CRITICAL] = critical_value(alpha, channels * size * size, of_r[k, OMEGA2])
    return of_q, of_r


@kernel
def _test(
    channels: tuple[Array, ...], looks: float, full: bool, of_q: Doubles, of_r: Doubles, found: Array, p: Doubles
) -> None:
    dates, pixels = channels[0].shape
    kinds = 1 if full else len(channels)
    freedom = 4 if full else kinds
    values, seen = np.empty((dates, len(channels))), np.empty(dates, np.int64)
    sums, room = np.empty((len(channels), BLOCK_PX)), np.empty((5, BLOCK_PX))
    statistics, looked = np.empty((3, BLOCK_PX)), np.empty(BLOCK_PX, np.int64)
    for start in range(0, pixels, BLOCK_PX):
        stop = min(start + BLOCK_PX, pixels)
        if not full:
            log_sums(channels, start, stop, sums, room[0], room[1], room[2:])
        for pixel in range(start, stop):
            if full:
                k = _gather(channels, pixel, full, values, seen)
                log_q = _log_q(values, 0, k, looks, full)
            else:
                k = int(room[1, pixel - start])
                log_q = room[0, pixel - start]
                for c in range(kinds):
                    log_q -= k * math.log(sums[c, pixel - start] / k) if k > 1 else 0.0
                log_q *= looks
            at = pixel - start
            looked[at] = k
            statistics[0, at] = -2.0 * of_q[k, RHO] * log_q if k > 1 else np.nan
            statistics[1, at] = freedom * max(k - 1, 0)
            statistics[2, at] = of_q[k, OMEGA2]
        size = stop - start
        corrected_tails(statistics[0, :size], statistics[1, :size], statistics[2, :size], p[0, start:stop], room)
        for pixel in range(start, stop):
            k = looked[pixel - start]
            if statistics[0, pixel - start] > of_q[k, CRITICAL]:
                _gather(channels, pixel, full, values, seen)
                p[1, pixel] = _follow(values, seen, k, looks, full, of_q, of_r, freedom, found[:, pixel])


@kernel
def _gather(channels: tuple[Array, ...], pixel: int, full: bool, values: Doubles, seen: Array) -> int:
    """One pixel's looks that can be used, and their dates; returns how many."""
    count = 0
    for time in range(channels[0].shape[0]):
        fit = True
        for c in range(len(channels)):
            value = float(channels[c][time, pixel])
            values[count, c] = value
            fit = fit and value < np.inf and (value > 0.0 or (full and c > 1 and value > -np.inf))
        if full and fit:
            fit = _log_size(values[count], full) > -np.inf
        if fit:
            seen[count] = time
            count += 1
    return count


@kernel
def _log_size(look: Doubles, full: bool) -> float:
    """Ln of the determinant of a full or diagonal matrix; minus infinity where it has none."""
    if full:
        # (a - b)(a + b) / a loses less than c11 c22 - |c12|^2 where both nearly equal
        cross = math.hypot(look[2], look[3])
        mean = math.sqrt(look[0]) * math.sqrt(look[1])
        return math.log(mean - cross) + math.log(mean + cross) if mean > cross else -np.inf
    total = 0.0
    for c in range(look.size):
        total += math.log(look[c])
    return total


@kernel
def _log_q(values: Doubles, start: int, stop: int, looks: float, full: bool) -> float:
    """Ln Q over looks start:stop (equation 8, with k ln k taken into the mean)."""
    k = stop - start
    if k < 2:
        return 0.0
    mean = np.zeros(values.shape[1])
    logs = 0.0
    for row in range(start, stop):
        logs += _log_size(values[row], full)
        for c in range(mean.size):
            mean[c] += values[row, c] / k
    return looks * (logs - k * _log_size(mean, full))


@kernel
def _follow(
    values: Doubles,
    seen: Array,
    count: int,
    looks: float,
    full: bool,
    of_q: Doubles,
    of_r: Doubles,
    freedom: int,
    found: Array,
) -> float:
    """Go from change to change: while Q of the rest says that there is one, the first R_j that does says when.

    Returns the p-value of the strongest, NaN where there is none.
    """
    start = 0
    least = np.nan
    mean = np.empty(values.shape[1])
    while count - start > 1:
        k = count - start
        if -2.0 * of_q[k, RHO] * _log_q(values, start, count, looks, full) <= of_q[k, CRITICAL]:
            return least
        before = 0.0
        at = 0
        logs = _log_size(values[start], full)
        mean[:] = values[start]
        for j in range(2, k + 1):
            look = values[start + j - 1]
            logs += _log_size(look, full)
            for c in range(mean.size):
                mean[c] += (look[c] - mean[c]) / j
            log_q = looks * (logs - j * _log_size(mean, full))
            z = -2.0 * of_r[j, RHO] * (log_q - before)
            before = log_q
            if z > of_r[j, CRITICAL]:
                at = j
                break
        if at == 0:
            return least
        start += at - 1
        date = seen[start]
        found[0] += 1
        if found[1] == NEVER:
            found[1] = date
        found[2] = date
        chance = corrected_tail(z, freedom, of_r[at, OMEGA2])
        if not chance >= least:
            least = chance
            found[3] = date
    return least
