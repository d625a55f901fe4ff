"""Particulars of small and medium tankers that nobody gave, from those that are known and from first principles.

One chain of ratios ties a tanker's particulars together, each lognormal around what the ones before it say:

    length -> beam -> laden draught -> depth
                                    -> ballast draught
                                    -> cargo capacity

What is known is put in; each quasi-random point of the chain then weighs as much as it explains it. Numbers are
marked with where they come from: [S] a public source, [assumed] general knowledge of the trade.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from berthwatch.cargo import SEA_WATER_T_PER_M3

Doubles = NDArray[np.float64]

SHORTEST_M: Final = 50.0
LONGEST_M: Final = 200.0
"""Lengths of a vessel of which nothing is known; 1/length is even between them, so that half are under 80 m."""
LENGTH_OVER_BEAM: Final = (6.2, 0.08)
"""[assumed] 5.5-7. Here and below: middle and standard deviation of the logarithm."""
BEAM_OVER_LADEN: Final = (2.45, 0.08)
"""[assumed] Beam over laden draught: 2.44-2.50 in indicative hulls of 1,000 to 10,000 dwt."""
DEPTH_SIGMA: Final = 0.05
"""[assumed] Of depth over laden draught: laden freeboard by the load lines is 0.1-0.2 of the depth, see `_depth`."""
BALLAST_SIGMA: Final = 0.12
"""[assumed] Covers MARPOL's rules A and R18 either side of the middle, and vessels lighter than B; see `_ballast`."""
CAPACITY_SIGMA: Final = 0.09
"""[assumed] Of block coefficient 0.70-0.78, deadweight over displacement 0.65-0.80, and cargo over deadweight."""
CARGO_OVER_BOX: Final = 0.97 * 0.74 * 0.945
"""[assumed] Cargo of a tanker all of whose displacement were deadweight, over 1.025 L B T: waterline over length
overall, block coefficient, and cargo over deadweight, the rest being fuel and stores."""
MOST_CARGO_OVER_BOX: Final = 0.75
"""No hull carries more than this share of 1.025 L B T: full-bodied (0.85), light (0.85) and brim-full it has 0.72."""

POOL: Final = 1024
"""Points among which those that explain what is known are looked for."""
CHAIN: Final = ("length_m", "beam_m", "draught_laden_m", "depth_m", "draught_ballast_m", "cargo_capacity_t")
"""Columns of the fleet table, in the order in which each is drawn given those before it."""


@dataclass(frozen=True, slots=True)
class Particulars:
    """Hulls, one per row: (n,) float64 each, in metres and tonnes. Ballast < laden < depth in every row."""

    length_m: Doubles
    beam_m: Doubles
    depth_m: Doubles
    draught_ballast_m: Doubles
    draught_laden_m: Doubles
    cargo_capacity_t: Doubles


def even_points(count: int, dimensions: int) -> Doubles:
    """(count, dimensions) points that fill the unit cube evenly: Richtmyer's sequence, multiples of roots of primes.

    The same points each time, and no generator whose stream may change between versions. At most ten dimensions.
    Of the plain sequences tried (Halton, Sobol, powers of the golden ratio) it is as even as any at 48 points.

    >>> even_points(2, 2).round(3).tolist()
    [[0.914, 0.232], [0.328, 0.964]]
    """
    steps = np.sqrt([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0, 23.0, 29.0][:dimensions])
    return np.mod(0.5 + np.outer(np.arange(1, count + 1), steps), 1.0)


def normal_points(points: Doubles) -> Doubles:
    """Points of the unit cube as standard normal ones, none further out than 2.5."""
    normal: Doubles = np.clip(ndtri(points), -2.5, 2.5)
    return normal


def draw_particulars(known: Mapping[str, float], count: int) -> Particulars:
    """Equally likely hulls that agree with what is known of a vessel.

    Parameters
    ----------
    known : mapping of str to float
        Any of `CHAIN`; NaN or missing where not known.
    count : int
        Number of hulls.

    Returns
    -------
    Particulars
        (count,) rows; what is known is the same in all of them. The same input gives the same rows.

    >>> hulls = draw_particulars({"length_m": 88.0, "beam_m": 14.0}, 64)
    >>> hulls.length_m[0], hulls.draught_laden_m.mean().round(1), hulls.cargo_capacity_t.mean().round(-2)
    (np.float64(88.0), np.float64(5.8), np.float64(3500.0))
    """
    given = {name: float(known[name]) for name in CHAIN if np.isfinite(known.get(name, np.nan))}
    blank = [name not in given for name in CHAIN]
    # Only what comes after a blank says anything of the blank.
    if not any(blank) or not any(name in given for name in CHAIN[blank.index(True) + 1 :]):
        return _hulls(given, count)[0]
    hulls, log_weight = _hulls(given, POOL)
    return _most_telling(hulls, log_weight, count)


def _hulls(given: Mapping[str, float], count: int) -> tuple[Particulars, Doubles]:
    """Points of the chain with what is given put in, and the log-density of what is given at each."""
    points = even_points(count, len(CHAIN))
    noise = normal_points(points)
    log_weight = np.zeros(count)

    def link(name: str, middle: Doubles, sigma: float) -> Doubles:
        if name not in given:
            drawn: Doubles = middle * np.exp(sigma * noise[:, CHAIN.index(name)])
            return drawn
        # An oddity weighs little, but never so little that one point is left to stand for all.
        miss = np.log(given[name] / middle) / sigma
        log_weight[:] -= 2.5 * np.log1p(miss**2 / 4.0)
        return np.full(count, given[name])

    reach = 1.0 / SHORTEST_M - points[:, 0] * (1.0 / SHORTEST_M - 1.0 / LONGEST_M)
    length = np.full(count, given["length_m"]) if "length_m" in given else 1.0 / reach
    beam = link("beam_m", length / LENGTH_OVER_BEAM[0], LENGTH_OVER_BEAM[1])
    laden = _between_known(link("draught_laden_m", beam / BEAM_OVER_LADEN[0], BEAM_OVER_LADEN[1]), given)
    depth = link("depth_m", _depth(length, laden), DEPTH_SIGMA)
    ballast = link("draught_ballast_m", _ballast(length), BALLAST_SIGMA)
    capacity = link("cargo_capacity_t", _capacity(length, beam, laden), CAPACITY_SIGMA)
    if "depth_m" not in given:
        depth = np.maximum(depth, 1.03 * laden)
    if "draught_ballast_m" not in given:
        ballast = np.minimum(ballast, 0.85 * laden)
    return Particulars(length, beam, depth, ballast, laden, capacity), log_weight


def _between_known(laden_m: Doubles, given: Mapping[str, float]) -> Doubles:
    """Laden draughts that are not given, above a ballast draught and under a depth that are."""
    if "draught_laden_m" in given:
        return laden_m
    ballast, depth = given.get("draught_ballast_m", 0.0), given.get("depth_m", np.inf)
    low, high = 1.15 * ballast, 0.97 * depth
    if low >= high:
        low = high = 0.5 * (ballast + depth)
    return np.clip(laden_m, low, high)


def _depth(length_m: Doubles, laden_m: Doubles) -> Doubles:
    """Depth at the side: laden freeboard is 0.14 of the depth in coasters, more in larger double hulls [assumed]."""
    return laden_m / (1.0 - np.clip(0.06 + 0.0013 * length_m, 0.12, 0.30))


def _ballast(length_m: Doubles) -> Doubles:
    """Middle of ballast draughts A (26 tankers, observed) and B of the MARPOL Annex I unified interpretations [S]."""
    return 0.5 * ((0.200 + 0.032 * length_m) + (1.550 + 0.023 * length_m))


def _capacity(length_m: Doubles, beam_m: Doubles, laden_m: Doubles) -> Doubles:
    """Tonnes of cargo; deadweight is 0.65 of the displacement at 50 m, rising to 0.80 at 158 m [assumed]."""
    deadweight = np.clip(0.66 + 0.0014 * (length_m - 58.0), 0.60, 0.80)
    return SEA_WATER_T_PER_M3 * length_m * beam_m * laden_m * CARGO_OVER_BOX * deadweight


def _most_telling(hulls: Particulars, log_weight: Doubles, count: int) -> Particulars:
    """Systematic resampling to equally likely rows, evenly over the sizes."""
    order = np.lexsort((hulls.draught_laden_m, hulls.length_m))
    share = np.cumsum(np.exp(log_weight[order] - log_weight.max()))
    chosen = order[np.searchsorted(share, (np.arange(count) + 0.5) / count * share[-1])]
    return Particulars(
        hulls.length_m[chosen],
        hulls.beam_m[chosen],
        hulls.depth_m[chosen],
        hulls.draught_ballast_m[chosen],
        hulls.draught_laden_m[chosen],
        hulls.cargo_capacity_t[chosen],
    )
