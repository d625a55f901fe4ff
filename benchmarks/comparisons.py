"""What each kernel is compared with: who else does the same thing, on which arrays, and what was asked for.

One registry for two uses: `benchmarks.kernels` times it on large arrays, and the tests hold our results against
every peer's on small ones. Arrays come as tiles, each contiguous, as a chunked cube would hand them out; a peer
without threads of its own is given the tiles on as many threads as ours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from benchmarks import zonal_peers as zonal
from berthwatch.kernels import reference_irmad
from berthwatch.kernels.irmad import irmad
from berthwatch.kernels.omnibus import omnibus, q_constants, r_constants
from berthwatch.kernels.quantile import temporal_median_mad, temporal_quantile

LOOKS, ALPHA = 4.4, 1e-3

Array = NDArray[Any]
Tiles = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Size:
    """Of a stack: dates, and rows and columns; cut into so many tiles of rows."""

    dates: int
    side: int
    tiles: int


FULL, SMALL, TINY = Size(100, 2048, 8), Size(50, 512, 4), Size(9, 24, 2)


@dataclass(frozen=True, slots=True)
class Peer:
    """Someone else's way to the same result. `library` must be importable; `threads`: it brings its own."""

    name: str
    library: str
    call: Callable[..., Any]
    threads: bool = False

    @property
    def is_here(self) -> bool:
        """Whether its library is installed."""
        return find_spec(self.library) is not None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One kernel and its peers. `asked` is the least ratio to the best of them.

    `results` picks what is compared; `writes` counts bytes written for each byte read (0: a reduction). `work` says
    of a tile how many pixel-dates it holds, and how many bytes must be read for them.
    """

    name: str
    make: Callable[[Size], Tiles]
    ours: Callable[..., Any]
    peers: Sequence[Peer]
    asked: float | None = None
    tolerance: float = 1e-6
    writes: float = 0.0
    results: Callable[[Any], Sequence[Array]] = field(default=lambda found: [found])
    work: Callable[[tuple[Any, ...]], tuple[float, float]] = field(default=lambda tile: (tile[0].size, tile[0].nbytes))


def series(size: Size) -> Tiles:
    """Gamma speckle of 4.4 looks, (time, y, x) float32; one value in twenty is not seen."""
    rng = np.random.default_rng(0)
    tiles = []
    for _ in range(size.tiles):
        tile = rng.standard_gamma(4.4, (size.dates, size.side // size.tiles, size.side), np.float32)
        tile[rng.random(tile.shape, np.float32) < 0.05] = np.nan
        tiles.append((tile,))
    return tiles


def _bottleneck_median(stack: Array) -> Array:
    import bottleneck

    return np.asarray(bottleneck.nanmedian(stack, axis=0))


def _bottleneck_median_mad(stack: Array) -> tuple[Array, Array]:
    median = _bottleneck_median(stack)
    return median, _bottleneck_median(np.abs(stack - median))


def _numbagg_median(stack: Array) -> Array:
    import numbagg

    return np.asarray(numbagg.nanmedian(stack, axis=0))


def _numpy_median_mad(stack: Array) -> tuple[Array, Array]:
    median = np.nanmedian(stack, axis=0)
    return median, np.nanmedian(np.abs(stack - median), axis=0)


def speckle(size: Size) -> Tiles:
    """As `series`, with all seen."""
    return [(np.nan_to_num(tile, nan=1.0),) for (tile,) in series(size)]


def _omnibus(stack: Array) -> tuple[Array, Array]:
    found = omnibus([stack], LOOKS, ALPHA)
    return found.p, found.first >= 0


def _numpy_omnibus(stack: Array) -> tuple[Array, Array]:
    """One pass: every factor R_j of the whole series, and Q as their sum; p-values by scipy."""
    dates = stack.shape[0]
    before, log_q = stack[0].astype(np.float64), np.zeros(stack.shape[1:])
    located = np.zeros(stack.shape[1:], np.bool_)
    for j in range(2, dates + 1):
        both = before + stack[j - 1]
        log_r = j * np.log(j) - (j - 1) * np.log(j - 1) + (j - 1) * np.log(before)
        log_r = LOOKS * (log_r + np.log(stack[j - 1]) - j * np.log(both))
        rho, omega2 = r_constants(j, 1, LOOKS)
        located |= _numpy_tail(-2 * rho * log_r, 1, omega2) < ALPHA
        before, log_q = both, log_q + log_r
    rho, omega2 = q_constants(dates, 1, LOOKS)
    p = _numpy_tail(-2 * rho * log_q, dates - 1, omega2)
    return p, located & (p < ALPHA)


def _numpy_tail(z: Array, dof: int, omega2: float) -> Array:
    tail = chdtrc(dof, z)
    return np.asarray(tail + omega2 * (chdtrc(dof + 4, z) - tail))


def optical_pairs(size: Size) -> Tiles:
    """Two images of four bands, float32, as (band, pixel): the second mixed and noisier."""
    rng = np.random.default_rng(0)
    mixing = np.eye(4, dtype=np.float32) + 0.5
    tiles = []
    for _ in range(size.tiles):
        before = rng.standard_normal((4, size.side // size.tiles * size.side), np.float32)
        tiles.append((before, mixing @ before + 0.3 * rng.standard_normal(before.shape, np.float32)))
    return tiles


def _irmad(before: Array, after: Array) -> tuple[Array, Array]:
    found = irmad(before, after)
    return found.z, found.correlations


def _numpy_irmad(before: Array, after: Array) -> tuple[Array, Array]:
    _, correlations, z, _ = reference_irmad.irmad(before, after)
    return z, correlations


def _median(stack: Array) -> Array:
    return temporal_quantile(stack, 0.5)


COMPARISONS = (
    Comparison(
        "median, float32",
        series,
        _median,
        (
            Peer("bottleneck", "bottleneck", _bottleneck_median),
            Peer("numbagg", "numbagg", _numbagg_median, threads=True),
            Peer("numpy", "numpy", lambda stack: np.nanmedian(stack, axis=0)),
        ),
        asked=6.0,
    ),
    Comparison(
        "median and MAD, float32",
        series,
        temporal_median_mad,
        (Peer("bottleneck", "bottleneck", _bottleneck_median_mad), Peer("numpy", "numpy", _numpy_median_mad)),
        asked=6.0,
        results=lambda found: found,
    ),
    Comparison(
        "omnibus, one intensity",
        speckle,
        _omnibus,
        (Peer("numpy, one pass", "scipy", _numpy_omnibus),),
        asked=100.0,
        results=lambda found: found,
    ),
    Comparison(
        "IR-MAD, four bands",
        optical_pairs,
        _irmad,
        (Peer("numpy, whole arrays", "numpy", _numpy_irmad),),
        tolerance=1e-5,
        results=lambda found: found,
        work=lambda tile: (2 * tile[0].size, 2 * tile[0].nbytes),
    ),
    Comparison(
        "zonal mean, 80 berths",
        zonal.berths,
        zonal.mean,
        (Peer("exactextract", "exactextract", zonal.exactextract_mean),),
        asked=15.0,
        work=zonal.work,
    ),
    Comparison(
        "zonal mean, with 20 large circles",
        zonal.with_circles,
        zonal.mean,
        (Peer("exactextract", "exactextract", zonal.exactextract_mean),),
        asked=10.0,
        work=zonal.work,
    ),
    Comparison(
        "zonal variance and median, 80 berths",
        zonal.berths,
        zonal.variance_and_median,
        (Peer("exactextract", "exactextract", zonal.exactextract_variance_and_median),),
        results=lambda found: found,
        work=zonal.work,
    ),
    Comparison(
        "zonal mean, whole pixels, no overlaps",
        zonal.apart,
        zonal.mean_of_centres,
        (
            Peer("rasterstats", "rasterstats", zonal.rasterstats_mean),
            Peer("flox, pixels picked out", "flox", zonal.flox_mean),
        ),
        work=zonal.work,
    ),
    Comparison(
        "weights of 80 berths and 20 circles",
        zonal.polygons_alone,
        zonal.weights,
        (Peer("exactextract", "exactextract", zonal.exactextract_weights),),
        tolerance=3e-7,  # its shares are float32
        work=zonal.work,
    ),
)
