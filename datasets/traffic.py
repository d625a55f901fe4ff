"""Who calls at a synthetic port, when, and to do what, drawn from a seeded generator.

A vacant berth is taken after an exponential wait (Poisson arrivals, those that find it taken go elsewhere);
a call lasts a lognormal dwell. Most calls load, a few discharge, some do neither. Cargo is worked at a steady
rate during a part of the stay, between a wait before and a wait after. A vessel is in one place at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from berthwatch.datasets.fleet import USUAL, Lengths, Vessel
from berthwatch.datasets.schedule import DAY, Dwell, Fixed, Stay, by_chance, exactly

BARRELS_PER_TONNE = 7.46
"""Of gasoil."""
VOYAGE = 2 * DAY
"""A vessel that left comes back after this long at the soonest."""
MOST_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Barge:
    """A bunker barge that lies on the open-water side of a vessel for a part of its stay."""

    length_m: float
    beam_m: float
    freeboard_m: float
    along_m: float
    """How far its middle lies from the vessel's, along the quay."""
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """One stay of one vessel at one berth (UTC times)."""

    berth_id: str
    vessel: Vessel
    arrival: datetime
    departure: datetime
    arrival_load: float
    departure_load: float
    """Shares of the cargo capacity on board, 0..1."""
    work_begins: datetime
    work_ends: datetime
    """Between these the load changes at a steady rate."""
    rise_m: float
    """How much higher the deck lies than the load says, by trim, density and tide."""
    along_m: float
    """How far the hull's middle lies from the berth's, along the quay."""
    bow_right: bool
    """Whether the bow points to the right of someone who looks from the quay to open water."""
    skew_deg: float = 0.0
    """How far the hull is turned from the quay's line."""
    barge: Barge | None = None

    @property
    def transition(self) -> str:
        """What the call did: `loaded`, `discharged` or `unchanged`."""
        if self.departure_load == self.arrival_load:
            return "unchanged"
        return "loaded" if self.departure_load > self.arrival_load else "discharged"

    @property
    def barrels(self) -> float:
        """Volume that leaves the port by sea; negative where cargo is brought."""
        return (self.departure_load - self.arrival_load) * self.vessel.cargo_capacity_t * BARRELS_PER_TONNE

    def load(self, time: datetime) -> float:
        """Share of the cargo capacity on board at a time of the stay, 0..1."""
        worked = (time - self.work_begins) / (self.work_ends - self.work_begins)
        return self.arrival_load + min(max(worked, 0.0), 1.0) * (self.departure_load - self.arrival_load)

    def freeboard_m(self, time: datetime) -> float:
        """Height of the main deck above water amidships at a time of the stay, metres."""
        return self.vessel.depth_m - self.vessel.draught_m(self.load(time)) + self.rise_m


@dataclass(frozen=True, slots=True)
class Traffic:
    """How busy the port is, and with what. A rate of 0 means that nobody ever comes."""

    calls_per_vacant_day: float = 0.25
    dwell_median_days: float = 2.1
    dwell_log_sigma: float = 0.35
    fleet: int = 12
    lengths: Lengths = USUAL
    loading_share: float = 0.82
    discharging_share: float = 0.08
    """The rest of the calls works no cargo."""
    barge_share: float = 0.06
    """Of the calls that a barge comes to."""
    skewed_share: float = 0.1
    """Of the calls that lie clearly askew, by 2–6 degrees."""
    listed_share: float = 0.8
    tracked_share: float = 0.15
    elsewhere: int = 6
    """Vessels in the fleet table that never call."""
    blank_share: float = 0.0
    """Of the particulars in the fleet table that a register need not have: depth, draughts, capacity."""
    fixed: Fixed | None = None
    """So many calls exactly, whatever the rate."""


def draw_calls(
    traffic: Traffic,
    fleet: Sequence[Vessel],
    berth_ids: Sequence[str],
    start: datetime,
    end: datetime,
    rng: np.random.Generator,
) -> tuple[Call, ...]:
    """Draw the calls at each berth between two times, ordered by arrival.

    Parameters
    ----------
    traffic : Traffic
        Rates, dwell, and what calls are for.
    fleet : sequence of Vessel
        Those that may come.
    berth_ids : sequence of str
        The berths; one is independent of the other, except that a vessel is at one of them only.
    start, end : datetime
        First possible arrival and last possible one, UTC. The last call may end later.
    rng : numpy.random.Generator
        Where the draws come from.

    Returns
    -------
    tuple of Call
        Calls at one berth never overlap, and neither do those of one vessel.

    Examples
    --------
    >>> from datetime import UTC
    >>> from berthwatch.datasets.fleet import draw_fleet
    >>> start, end = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC)
    >>> rng = np.random.default_rng(0)
    >>> draw_calls(Traffic(calls_per_vacant_day=0), draw_fleet(rng, 3), ["B1"], start, end, rng)
    ()
    """
    if traffic.fixed is not None:
        return _draw_exactly(traffic, traffic.fixed, fleet, berth_ids, rng)
    if traffic.calls_per_vacant_day == 0:
        return ()
    dwell = Dwell(traffic.dwell_median_days, traffic.dwell_log_sigma)
    stays = by_chance(traffic.calls_per_vacant_day, dwell, berth_ids, start, end, rng)
    return tuple(_assign(traffic, fleet, stays, rng))


def _draw_exactly(
    traffic: Traffic, fixed: Fixed, fleet: Sequence[Vessel], berth_ids: Sequence[str], rng: np.random.Generator
) -> tuple[Call, ...]:
    """Draw until every stay has a vessel, enough vessels come, and the volume is as asked."""
    dwell = Dwell(traffic.dwell_median_days, traffic.dwell_log_sigma)
    for _ in range(MOST_DRAWS):
        calls = tuple(_assign(traffic, fleet, exactly(fixed, dwell, berth_ids, rng), rng))
        volume = sum(call.barrels for call in calls)
        vessels = {call.vessel.vessel_id for call in calls}
        if len(calls) != fixed.count or len(vessels) < fixed.least_vessels:
            continue
        if fixed.least_barrels <= volume <= fixed.most_barrels:
            return calls
    raise ValueError(f"expected a fleet that can make {fixed.count} such calls; none in {MOST_DRAWS} draws")


def _assign(
    traffic: Traffic, fleet: Sequence[Vessel], stays: Iterable[Stay], rng: np.random.Generator
) -> Iterator[Call]:
    """Give each stay, by arrival, a vessel that is free, and cargo to work.

    A stay for which no vessel is free does not happen.
    """
    gone: dict[str, datetime] = {}
    for arrival, departure, berth_id in stays:
        free = [v for v in fleet if v.vessel_id not in gone or gone[v.vessel_id] + VOYAGE <= arrival]
        if free:
            vessel = free[int(rng.integers(len(free)))]
            gone[vessel.vessel_id] = departure
            yield _draw_call(traffic, vessel, arrival, departure, berth_id, rng)


def _draw_call(
    traffic: Traffic, vessel: Vessel, arrival: datetime, departure: datetime, berth_id: str, rng: np.random.Generator
) -> Call:
    purpose = rng.random()
    empty, full, some = (round(float(rng.uniform(*span)), 3) for span in ((0.0, 0.08), (0.8, 1.0), (0.0, 1.0)))
    if purpose < traffic.loading_share:
        loads = (empty, full)
    elif purpose < traffic.loading_share + traffic.discharging_share:
        loads = (full, empty)
    else:
        loads = (some, some)
    begins, ends = _draw_work(arrival, departure, rng)
    return Call(
        berth_id=berth_id,
        vessel=vessel,
        arrival=arrival,
        departure=departure,
        arrival_load=loads[0],
        departure_load=loads[1],
        work_begins=begins,
        work_ends=ends,
        rise_m=round(float(rng.normal(0.0, 0.08)), 3),
        along_m=round(float(rng.uniform(-10.0, 10.0)), 1),
        bow_right=bool(rng.random() < 0.5),
        skew_deg=_draw_skew(traffic, rng),
        barge=_draw_barge(arrival, departure, rng) if rng.random() < traffic.barge_share else None,
    )


def _draw_skew(traffic: Traffic, rng: np.random.Generator) -> float:
    if rng.random() < traffic.skewed_share:
        return round(float(rng.choice([-1.0, 1.0]) * rng.uniform(2.0, 6.0)), 1)
    return round(float(np.clip(rng.normal(0.0, 0.5), -1.5, 1.5)), 1)


def _draw_barge(arrival: datetime, departure: datetime, rng: np.random.Generator) -> Barge:
    length_m, dwell = float(rng.uniform(30.0, 45.0)), departure - arrival
    begins = arrival + float(rng.uniform(0.05, 0.5)) * dwell
    return Barge(
        length_m=round(length_m, 1),
        beam_m=round(length_m / float(rng.uniform(4.2, 5.2)), 1),
        freeboard_m=round(float(rng.uniform(0.7, 1.5)), 2),
        along_m=round(float(rng.uniform(-15.0, 15.0)), 1),
        begins=begins,
        ends=begins + float(rng.uniform(0.2, 0.45)) * dwell,
    )


def _draw_work(arrival: datetime, departure: datetime, rng: np.random.Generator) -> tuple[datetime, datetime]:
    """When pumping begins and ends: it takes 0.6–1.2 days, a short stay's larger part; waits share the rest."""
    dwell = departure - arrival
    pumping = min(float(rng.uniform(0.6, 1.2)) * DAY, float(rng.uniform(0.5, 0.75)) * dwell)
    begins = arrival + float(rng.uniform(0.15, 0.7)) * (dwell - pumping)
    return begins, begins + pumping


def present(calls: Iterable[Call], time: datetime) -> tuple[Call, ...]:
    """The calls whose vessel is alongside at a time."""
    return tuple(call for call in calls if call.arrival <= time < call.departure)
