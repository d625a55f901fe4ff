"""Who comes when: schedules of calls at the moorings of a synthetic port, drawn from a seeded generator.

A vacant berth is taken after an exponential wait (Poisson arrivals, those that find it taken go elsewhere);
a call lasts a lognormal dwell. A hull comes in high and leaves low, or the reverse, at a steady rate between.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np


@dataclass(frozen=True, slots=True)
class Vessel:
    """A synthetic tanker as the sensors see it."""

    vessel_id: str
    length_m: float
    beam_m: float
    house_m: float
    """Height of the deck house above the main deck."""
    radar_db: float
    """Mean backscatter of the hull, dB."""
    paint: int
    """Which of the deck colours it wears."""


@dataclass(frozen=True, slots=True)
class Call:
    """One stay of one vessel at one berth (UTC times)."""

    berth_id: str
    vessel: Vessel
    arrival: datetime
    departure: datetime
    arrival_freeboard_m: float
    departure_freeboard_m: float
    along_m: float
    """How far the hull's middle lies from the berth's, along the quay."""
    bow_right: bool
    """Whether the bow points to the right of someone who looks from the quay to open water."""

    def freeboard_m(self, time: datetime) -> float:
        """Freeboard at a time of the stay, metres."""
        share = (time - self.arrival) / (self.departure - self.arrival)
        return self.arrival_freeboard_m + share * (self.departure_freeboard_m - self.arrival_freeboard_m)


@dataclass(frozen=True, slots=True)
class Traffic:
    """How busy the port is. A rate of 0 means that nobody ever comes."""

    calls_per_vacant_day: float = 0.25
    dwell_median_days: float = 2.1
    dwell_log_sigma: float = 0.35
    fleet: int = 12


def draw_fleet(rng: np.random.Generator, size: int) -> tuple[Vessel, ...]:
    """Draw small tankers of 65–125 m.

    >>> fleet = draw_fleet(np.random.default_rng(0), 5)
    >>> all(65 <= vessel.length_m <= 125 for vessel in fleet)
    True
    """
    vessels = []
    for number in range(size):
        length_m = float(np.clip(rng.lognormal(math.log(92.0), 0.16), 65.0, 125.0))
        vessels.append(
            Vessel(
                vessel_id=f"SYN{number + 1:02d}",
                length_m=round(length_m, 1),
                beam_m=round(length_m / rng.uniform(5.9, 6.7), 1),
                house_m=round(float(rng.uniform(8.0, 11.0)), 1),
                radar_db=round(float(rng.normal(7.0, 2.5)), 1),
                paint=int(rng.integers(3)),
            )
        )
    return tuple(vessels)


def draw_calls(
    traffic: Traffic, berth_ids: Iterable[str], start: datetime, end: datetime, rng: np.random.Generator
) -> tuple[Call, ...]:
    """Draw the calls at each berth between two times, ordered by arrival.

    Parameters
    ----------
    traffic : Traffic
        Rates, dwell, size of the fleet.
    berth_ids : iterable of str
        The berths; one is independent of the other.
    start, end : datetime
        First possible arrival and last possible one, UTC. The last call may end later.
    rng : numpy.random.Generator
        Where the draws come from.

    Returns
    -------
    tuple of Call
        Calls at one berth never overlap.

    Examples
    --------
    >>> from datetime import UTC
    >>> start, end = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC)
    >>> draw_calls(Traffic(calls_per_vacant_day=0), ["B1"], start, end, np.random.default_rng(0))
    ()
    """
    fleet = draw_fleet(rng, traffic.fleet)
    if traffic.calls_per_vacant_day == 0:
        return ()
    calls = []
    for berth_id in berth_ids:
        arrival = start + timedelta(days=rng.exponential(1 / traffic.calls_per_vacant_day))
        while arrival < end:
            dwell_days = rng.lognormal(math.log(traffic.dwell_median_days), traffic.dwell_log_sigma)
            call = _draw_call(berth_id, fleet[int(rng.integers(len(fleet)))], arrival, dwell_days, rng)
            calls.append(call)
            arrival = call.departure + timedelta(days=rng.exponential(1 / traffic.calls_per_vacant_day))
    return tuple(sorted(calls, key=lambda call: (call.arrival, call.berth_id)))


def _draw_call(berth_id: str, vessel: Vessel, arrival: datetime, dwell_days: float, rng: np.random.Generator) -> Call:
    arrival = arrival.replace(microsecond=0)
    high_m, low_m = 0.045 * vessel.length_m * rng.uniform(0.9, 1.1), 0.014 * vessel.length_m * rng.uniform(0.9, 1.1)
    loads = rng.random() < 0.9
    return Call(
        berth_id=berth_id,
        vessel=vessel,
        arrival=arrival,
        departure=arrival + timedelta(seconds=round(86400 * dwell_days)),
        arrival_freeboard_m=round(float(high_m if loads else low_m), 2),
        departure_freeboard_m=round(float(low_m if loads else high_m), 2),
        along_m=round(float(rng.uniform(-10.0, 10.0)), 1),
        bow_right=bool(rng.random() < 0.5),
    )


def present(calls: Iterable[Call], time: datetime) -> tuple[Call, ...]:
    """The calls whose vessel is alongside at a time."""
    return tuple(call for call in calls if call.arrival <= time < call.departure)
