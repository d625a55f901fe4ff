"""When berths are taken: by chance at a steady rate, or an exact number of stays between two dates."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

DAY = timedelta(days=1)
TURNROUND = timedelta(hours=4)
"""A berth is vacant at least this long between two stays of an exact number."""
type Stay = tuple[datetime, datetime, str]
"""Arrival, departure, berth."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """An exact number of stays: the first arrives at `first`, the last leaves at `last`."""

    count: int
    first: datetime
    last: datetime
    least_barrels: float
    most_barrels: float
    """The calls together carry away between these."""
    least_vessels: int = 1
    """Different ones that come."""


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long a stay lasts: lognormal."""

    median_days: float
    log_sigma: float

    def draw(self, rng: np.random.Generator) -> timedelta:
        """One stay, to the second."""
        return timedelta(seconds=round(86400 * rng.lognormal(math.log(self.median_days), self.log_sigma)))


def by_chance(
    rate_per_day: float,
    dwell: Dwell,
    berth_ids: Iterable[str],
    start: datetime,
    end: datetime,
    rng: np.random.Generator,
) -> list[Stay]:
    """Draw stays that follow an exponential wait at each vacant berth, by arrival; the last may end after `end`."""
    stays = []
    for berth_id in berth_ids:
        arrival = start + rng.exponential(1 / rate_per_day) * DAY
        while arrival < end:
            arrival = arrival.replace(microsecond=0)
            departure = arrival + dwell.draw(rng)
            stays.append((arrival, departure, berth_id))
            arrival = departure + rng.exponential(1 / rate_per_day) * DAY
    return sorted(stays)


def exactly(fixed: Fixed, dwell: Dwell, berth_ids: Sequence[str], rng: np.random.Generator) -> list[Stay]:
    """Draw an exact number of stays, anywhere between the first and the last that no berth is taken twice.

    Where all berths are taken a vessel waits for the first that falls vacant; a draw in which that would make the
    last one leave late is drawn again.

    >>> from datetime import UTC
    >>> days = datetime(2024, 3, 7, 6, tzinfo=UTC), datetime(2024, 11, 5, 18, tzinfo=UTC)
    >>> fixed = Fixed(43, *days, 0.0, 1e9)
    >>> stays = exactly(fixed, Dwell(2.0, 0.2), ["B1", "B2"], np.random.default_rng(0))
    >>> len(stays), stays[0][0] == days[0], max(stay[1] for stay in stays) == days[1]
    (43, True, True)
    """
    while True:
        dwells = [dwell.draw(rng) for _ in range(fixed.count)]
        span = fixed.last - dwells[-1] - fixed.first
        shares = np.concatenate([[0.0], np.sort(rng.uniform(0.0, 1.0, fixed.count - 2)), [1.0]])
        wished = [(fixed.first + float(share) * span).replace(microsecond=0) for share in shares]
        stays = _berthed(wished, dwells, berth_ids, rng)
        if max(stay[1] for stay in stays) == fixed.last:
            return stays


def _berthed(
    wished: Iterable[datetime], dwells: Iterable[timedelta], berth_ids: Sequence[str], rng: np.random.Generator
) -> list[Stay]:
    """Give each a vacant berth, by chance where there are several."""
    vacant = dict.fromkeys(berth_ids, datetime.min.replace(tzinfo=UTC))
    stays = []
    for wish, dwell in zip(wished, dwells, strict=True):
        free = [berth_id for berth_id in berth_ids if vacant[berth_id] <= wish]
        berth_id = free[int(rng.integers(len(free)))] if free else min(vacant, key=lambda name: vacant[name])
        arrival = max(wish, vacant[berth_id])
        vacant[berth_id] = arrival + dwell + TURNROUND
        stays.append((arrival, arrival + dwell, berth_id))
    return sorted(stays)
