"""Named scenarios: a small port for tests, half a year for the demonstration, and a port where nobody comes."""

from datetime import UTC, datetime, timedelta

from berthwatch.datasets.ports import pier_port
from berthwatch.datasets.raster import Grid
from berthwatch.datasets.sar import Track
from berthwatch.datasets.simulate import OpticalPlan, SarPlan, Scenario
from berthwatch.datasets.traffic import Traffic

START = datetime(2024, 3, 7, tzinfo=UTC)


def tracks() -> tuple[Track, ...]:
    """Two ascending and two descending orbits of one satellite, a few pixels apart on the ground."""
    return (
        Track(61, "descending", datetime(2024, 3, 8, 21, 22, 11, tzinfo=UTC), 193.0, 34.0, -1.4, 2.3),
        Track(83, "ascending", datetime(2024, 3, 10, 8, 53, 40, tzinfo=UTC), 347.0, 38.0, 0.6, -1.2),
        Track(134, "descending", datetime(2024, 3, 13, 21, 30, 25, tzinfo=UTC), 193.0, 43.0, 0.3, 0.8),
        Track(156, "ascending", datetime(2024, 3, 15, 9, 1, 58, tzinfo=UTC), 347.0, 31.0, 1.7, -2.6),
    )


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
