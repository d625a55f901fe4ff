"""Named scenarios, and ports drawn from a seed.

A small port for tests, half a year for the demonstration, a port where nobody comes, and the Vostochny case.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np

from berthwatch.datasets.fleet import Lengths
from berthwatch.datasets.ports import pier_port
from berthwatch.datasets.raster import Grid
from berthwatch.datasets.sar import Track
from berthwatch.datasets.schedule import Fixed
from berthwatch.datasets.simulate import OpticalPlan, SarPlan, Scenario
from berthwatch.datasets.sky import SKYSAT
from berthwatch.datasets.traffic import Traffic

START = datetime(2024, 3, 7, tzinfo=UTC)


def tracks(start: datetime = START) -> tuple[Track, ...]:
    """Two ascending and two descending orbits of one satellite, a few pixels apart on the ground, from a day on.

    >>> [track.first >= datetime(2023, 1, 1, tzinfo=UTC) for track in tracks(datetime(2023, 1, 1, tzinfo=UTC))]
    [True, True, True, True]
    """
    known = (
        Track(61, "descending", datetime(2024, 3, 8, 21, 22, 11, tzinfo=UTC), 193.0, 34.0, -1.4, 2.3),
        Track(83, "ascending", datetime(2024, 3, 10, 8, 53, 40, tzinfo=UTC), 347.0, 38.0, 0.6, -1.2),
        Track(134, "descending", datetime(2024, 3, 13, 21, 30, 25, tzinfo=UTC), 193.0, 43.0, 0.3, 0.8),
        Track(156, "ascending", datetime(2024, 3, 15, 9, 1, 58, tzinfo=UTC), 347.0, 31.0, 1.7, -2.6),
    )
    repeat = timedelta(days=12)
    return tuple(replace(track, first=track.first - (track.first - start) // repeat * repeat) for track in known)


def sharp_plan(dates: int, cloud_mean: float = 0.15) -> OpticalPlan:
    """Sub-metre scenes of a whole pier on days drawn from the span; tasked, so seldom under cloud."""
    return OpticalPlan(Grid(0.8, 750), every_days=1.0, cloud_mean=cloud_mean, camera=SKYSAT, dates=dates)


def small_port() -> Scenario:
    """Two berths and a control; 40 radar scenes of 96 x 96 and 30 optical scenes of 200 x 200 pixels."""
    end = START + timedelta(days=118)
    return Scenario(
        name="small-port",
        port=pier_port("small port"),
        traffic=Traffic(),
        start=START,
        end=end,
        sar=SarPlan(Grid(10.0, 96), tracks()),
        optical=OpticalPlan(Grid(3.0, 200), every_days=3.9, cloud_mean=0.4),
    )


def demo_port() -> Scenario:
    """Half a year: four radar orbits and an optical scene a day of a two-berth pier."""
    return Scenario(
        name="demo-port",
        port=pier_port("oil pier"),
        traffic=Traffic(calls_per_vacant_day=0.16),
        start=START,
        end=START + timedelta(days=183),
        sar=SarPlan(Grid(10.0, 160), tracks()),
        optical=OpticalPlan(Grid(3.0, 260), every_days=1.0, cloud_mean=0.45),
    )


def empty_port() -> Scenario:
    """The small port without traffic: whatever is found there is a false alarm."""
    small = small_port()
    return Scenario(
        name="empty-port",
        port=pier_port("empty port"),
        traffic=Traffic(calls_per_vacant_day=0.0),
        start=small.start,
        end=small.end,
        sar=small.sar,
        optical=small.optical,
    )


def vostochny() -> Scenario:
    """The case of 2024 as far as it is public, at a pier and with a fleet that are not.

    Public: the port's place, 43 calls from 7 March to 5 November by more than a dozen small tankers, over a
    million barrels, stays of about two days, one Sentinel-1 satellite, the fog of June and July. Synthetic: the
    pier, its two berths, every vessel. The hulls lie on the pier's north side, so that late in the morning,
    with the sun in the south-east, their shadows fall on open water: the load can be seen there, by chance of
    the geometry that was chosen here and not of the real one, which is not known.
    """
    start = datetime(2024, 3, 2, tzinfo=UTC)
    first, last = datetime(2024, 3, 7, 4, tzinfo=UTC), datetime(2024, 11, 5, 20, tzinfo=UTC)
    cloud = (0.30, 0.32, 0.40, 0.45, 0.50, 0.62, 0.65, 0.50, 0.38, 0.28, 0.32, 0.30)
    fog_days = (0.0, 0.0, 1.0, 4.0, 9.0, 18.0, 18.0, 7.0, 2.0, 1.0, 0.0, 0.0)
    return Scenario(
        name="vostochny",
        port=pier_port("oil pier near Vostochny", bearing_deg=342.0),
        traffic=Traffic(
            dwell_median_days=2.0,
            dwell_log_sigma=0.15,
            fleet=14,
            lengths=Lengths(92.0, 0.10),
            loading_share=0.93,
            discharging_share=0.0,
            listed_share=0.85,
            tracked_share=0.08,
            fixed=Fixed(43, first, last, 1.005e6, 1.10e6, least_vessels=13),
        ),
        start=start,
        end=datetime(2024, 11, 10, tzinfo=UTC),
        sar=SarPlan(Grid(10.0, 160), tracks(start)),
        optical=OpticalPlan(Grid(3.0, 260), every_days=1.0, cloud_mean=1.0, cloud_by_month=cloud, fog_days=fog_days),
        sharp=sharp_plan(10),
    )


def port_case(
    seed: int, days: int = 120, bearing_deg: float | None = None, cloud_mean: float | None = None, sharp: int = 0
) -> Scenario:
    """Draw a two-berth port from a seed: pier, season, traffic, fleet, cloud and fog.

    Parameters
    ----------
    seed : int
        The same seed gives the same scenario; it is not the seed of its simulation, but may be.
    days : int
        Length of the series, from a day drawn in 2023 or 2024.
    bearing_deg : float, optional
        Where the pier points, clockwise from grid north; anywhere when not given.
    cloud_mean : float, optional
        Mean share of the sky that is clouded; 0.15 to 0.55 when not given.
    sharp : int
        Number of sub-metre scenes besides the daily ones of 3 m.

    Returns
    -------
    Scenario
        With four radar orbits and daily optical scenes; replace what is not wanted.

    Examples
    --------
    >>> one, again = port_case(7), port_case(7)
    >>> one == again, port_case(7, bearing_deg=180.0).traffic == one.traffic
    (True, True)
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(100,)))
    start = datetime(2023, 1, 1, tzinfo=UTC) + timedelta(days=int(rng.integers(0, 730)))
    drawn_deg, drawn_cloud, fog = (_between(rng, *span) for span in ((0.0, 360.0), (0.15, 0.55), (0.0, 4.0)))
    port = pier_port(
        f"port {seed}",
        bearing_deg=drawn_deg if bearing_deg is None else bearing_deg,
        berth_length_m=_between(rng, 140.0, 180.0),
        pier_height_m=_between(rng, 2.2, 3.8),
    )
    cloud = drawn_cloud if cloud_mean is None else cloud_mean
    return Scenario(
        name=f"port-{seed}",
        port=port,
        traffic=_draw_traffic(rng),
        start=start,
        end=start + timedelta(days=days),
        sar=SarPlan(Grid(10.0, 160), tracks(start)),
        optical=OpticalPlan(Grid(3.0, 260), every_days=1.0, cloud_mean=cloud, fog_days=(fog,) * 12),
        sharp=sharp_plan(sharp, min(cloud, 0.2)) if sharp else None,
    )


def _draw_traffic(rng: np.random.Generator) -> Traffic:
    loading = _between(rng, 0.6, 0.95)
    return Traffic(
        calls_per_vacant_day=_between(rng, 0.10, 0.35),
        dwell_median_days=_between(rng, 1.6, 2.8),
        dwell_log_sigma=_between(rng, 0.2, 0.45),
        fleet=int(rng.integers(8, 21)),
        lengths=Lengths(_between(rng, 82.0, 104.0), 0.16),
        loading_share=loading,
        discharging_share=_between(rng, 0.2, 0.8) * (1 - loading),
        barge_share=_between(rng, 0.0, 0.12),
        listed_share=_between(rng, 0.5, 1.0),
        tracked_share=_between(rng, 0.0, 0.5),
        elsewhere=int(rng.integers(0, 12)),
        blank_share=_between(rng, 0.0, 0.25),
    )


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return round(float(rng.uniform(low, high)), 3)
