"""Water's own brightness: what level it has in a scene, how it scatters about it, and what exceeds it.

SAR intensity over water is gamma distributed with L looks (Oliver & Quegan 2004, eq. 4.10); texture and
swell fatten its tail, so that the looks used here are the fewer of those the lower half and the upper tail
ask for. Optical water is taken as normal about its median. Thresholds are exact for these laws at the stated
false-alarm rate per pixel.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

FALSE_ALARM_RATE = 1e-6
"""Per pixel of reference water: a hundred berths of a hundred pixels give one bright pixel in a hundred scenes."""
OPTICAL_SPREAD_FLOOR = 0.004
"""Reflectance. Quantised or smoothed water may show no spread at all; sensors are not better than this."""
LOOKS = (0.5, 200.0)
CENSORINGS = 2


@dataclass(frozen=True, slots=True)
class Clutter:
    """Water in one zone of one scene: mean level, standard deviation, the z-score at which a pixel is bright."""

    level: float
    spread: float
    threshold: float
    pixels: int
    bright_share: float


@cache
def _looks_tables() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    looks = np.geomspace(*LOOKS, 200)
    low, middle, top = (special.gammaincinv(looks, share) for share in (0.2, 0.5, 0.9))
    return looks, np.log(middle / low), np.log(top / middle)


def equivalent_looks(intensity: NDArray[np.floating]) -> float:
    """Equivalent number of looks of gamma clutter, by quantiles, which a few ships among the water move little.

    The lower half (20th percentile under the median) knows nothing of what is bright; the upper tail (90th
    percentile) may lower what it says, for swell and texture fatten it, but to no less than half: a fatter
    tail yet is made of sidelobes and vessels.

    >>> rng = np.random.default_rng(0)
    >>> bool(4.2 < equivalent_looks(rng.gamma(4.4, 1 / 4.4, 100_000)) < 4.6)
    True
    """
    low, middle, top = np.quantile(intensity, [0.2, 0.5, 0.9])
    looks, lower, upper = _looks_tables()
    tiny = np.finfo(np.float32).tiny
    from_lower = float(np.interp(-np.log(middle / max(low, tiny)), -lower, looks))
    from_tail = float(np.interp(-np.log(top / middle), -upper, looks))
    return max(min(from_lower, from_tail), from_lower / 2)


@cache
def gamma_threshold(looks: float, false_alarm_rate: float) -> float:
    """Multiple of the mean that gamma clutter of L looks exceeds with the given probability.

    >>> round(gamma_threshold(1.0, 1e-3), 4)  # -ln(1e-3)
    6.9078
    """
    return float(special.gammainccinv(looks, false_alarm_rate) / looks)


def sar_clutter(water: NDArray[np.floating], looks: float | None) -> Clutter:
    """Clutter of SAR reference water (1-D, linear power, finite); looks None: estimated from it.

    Vessels, sidelobes and shore among the water are censored: what exceeds the threshold found first is left
    out when it is found again.
    """
    kept = water
    for _ in range(CENSORINGS + 1):
        found = round(equivalent_looks(kept), 1)
        effective = max(min(found, looks) if looks else found, LOOKS[0])
        level = float(np.median(kept) / (special.gammaincinv(effective, 0.5) / effective))
        multiple = gamma_threshold(effective, FALSE_ALARM_RATE)
        kept = water[water <= multiple * level]
    return Clutter(
        level, level / effective**0.5, (multiple - 1) * effective**0.5, water.size, 1 - kept.size / water.size
    )


def optical_clutter(water: NDArray[np.floating]) -> Clutter:
    """Clutter of optical reference water (1-D, reflectance, finite).

    The spread is that of the lower half, which clouds and vessels do not reach; glint may double it.
    """
    kept = water
    threshold = float(special.ndtri(1 - FALSE_ALARM_RATE))
    for _ in range(CENSORINGS + 1):
        lower, middle, upper = np.quantile(kept, [0.1587, 0.5, 0.8413])
        below, above = float(middle - lower), float(upper - middle)
        spread = max(min(above, 2 * below), below, OPTICAL_SPREAD_FLOOR)
        kept = water[water <= middle + threshold * spread]
    return Clutter(float(middle), spread, threshold, water.size, 1 - kept.size / water.size)


def clutter(water: NDArray[np.floating], kind: Literal["sar", "optical"], looks: float | None) -> Clutter:
    """Clutter of either kind of source."""
    return sar_clutter(water, looks) if kind == "sar" else optical_clutter(water)
