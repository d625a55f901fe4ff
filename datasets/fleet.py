"""Synthetic small tankers: what they measure, what they carry, and how deep they lie at each load.

Sizes follow small product tankers in their order of magnitude, each vessel with its own scatter. Names and
flags are synthetic; the flag codes are among those that ISO 3166 leaves to users, so that they are nobody's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SEAWATER_T_M3 = 1.025
FLAGS = ("XA", "XB", "XC", "XD")


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long the vessels of a fleet are: lognormal, held between 65 and 125 m."""

    median_m: float
    log_sigma: float


USUAL = Lengths(92.0, 0.16)


@dataclass(frozen=True, slots=True)
class Vessel:
    """A synthetic tanker as the sensors see it, and as a register describes it."""

    vessel_id: str
    length_m: float
    beam_m: float
    depth_m: float
    """From keel to main deck."""
    draught_ballast_m: float
    draught_laden_m: float
    cargo_capacity_t: float
    fullness: float
    """Exponent of displacement over draught: 1 for a box, more for a hull that is finer below."""
    house_m: float
    """Height of the deck house above the main deck."""
    radar_db: float
    """Mean backscatter of the hull, dB."""
    paint: int
    """Which of the deck colours it wears."""
    name: str = "SYNTHETIC"
    flag: str = FLAGS[0]
    listed: bool = True
    """Whether the fleet table has it."""
    tracked: bool = False
    """Whether it keeps its tracker on when it calls."""

    def draught_m(self, load: float) -> float:
        """Mean draught at a load of 0 (ballast) to 1 (full), metres.

        Displacement grows evenly from the ballast mark to the laden one, for the ballast water goes out as the
        cargo comes in; displacement is as draught to the power `fullness`.

        >>> vessel = Vessel("SYN01", 90.0, 14.0, 7.2, 3.2, 5.7, 3300.0, 1.14, 9.0, 5.0, 0)
        >>> vessel.draught_m(0.0), round(vessel.draught_m(0.5), 2), vessel.draught_m(1.0)
        (3.2, 4.47, 5.7)
        """
        light, deep = self.draught_ballast_m**self.fullness, self.draught_laden_m**self.fullness
        return float(round((light + load * (deep - light)) ** (1 / self.fullness), 6))


def draw_fleet(
    rng: np.random.Generator,
    size: int,
    lengths: Lengths = USUAL,
    listed_share: float = 0.8,
    tracked_share: float = 0.15,
    first: int = 1,
) -> tuple[Vessel, ...]:
    """Draw small tankers of 65–125 m, numbered from `first`.

    As near as whole vessels allow, the given shares of them are listed and tracked.

    >>> fleet = draw_fleet(np.random.default_rng(0), 10)
    >>> all(65 <= vessel.length_m <= 125 and vessel.draught_laden_m < vessel.depth_m for vessel in fleet)
    True
    >>> sum(vessel.listed for vessel in fleet), sum(vessel.tracked for vessel in fleet)
    (8, 2)
    """
    listed, tracked = (_some(rng, size, share) for share in (listed_share, tracked_share))
    return tuple(_draw_vessel(rng, lengths, first + place, place in listed, place in tracked) for place in range(size))


def _some(rng: np.random.Generator, size: int, share: float) -> Sequence[int]:
    count = math.floor(share * size + 0.5)
    return [int(place) for place in rng.permutation(size)[:count]]


def _draw_vessel(rng: np.random.Generator, lengths: Lengths, number: int, listed: bool, tracked: bool) -> Vessel:
    length_m = round(float(np.clip(rng.lognormal(math.log(lengths.median_m), lengths.log_sigma), 65.0, 125.0)), 1)
    beam_m = round(length_m / float(rng.uniform(5.9, 6.7)), 1)
    laden_m = round(0.0640 * length_m * float(np.exp(np.clip(rng.normal(0.0, 0.05), -0.12, 0.12))), 2)
    depth_m = round(min(laden_m * float(rng.uniform(1.18, 1.36)), 0.9 * beam_m), 2)
    ballast_m = (0.4 + 0.031 * length_m) * float(np.exp(np.clip(rng.normal(0.0, 0.07), -0.15, 0.15)))
    block, deadweight, cargo = (float(rng.uniform(*span)) for span in ((0.70, 0.79), (0.66, 0.80), (0.92, 0.97)))
    displacement_t = SEAWATER_T_M3 * 0.94 * length_m * beam_m * laden_m * block
    return Vessel(
        vessel_id=f"SYN{number:02d}",
        length_m=length_m,
        beam_m=beam_m,
        depth_m=depth_m,
        draught_ballast_m=round(min(ballast_m, 0.72 * laden_m), 2),
        draught_laden_m=laden_m,
        cargo_capacity_t=float(round(displacement_t * deadweight * cargo, -1)),
        fullness=round(float(rng.uniform(1.09, 1.20)), 3),
        house_m=round(float(rng.uniform(8.0, 11.0)), 1),
        radar_db=round(float(rng.normal(7.0, 2.5)), 1),
        paint=int(rng.integers(3)),
        name=f"SYNTHETIC {number:02d}",
        flag=FLAGS[int(rng.integers(len(FLAGS)))],
        listed=listed,
        tracked=tracked,
    )
