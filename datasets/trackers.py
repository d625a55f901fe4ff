"""What trackers report around a synthetic port: callers that keep them on, passing traffic, the rest far away.

A vessel whose tracker is off in port is heard elsewhere between its calls, so that its silence at the berth
means something. Passing vessels show that a receiver was listening all along.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from berthwatch.datasets.fleet import Vessel
from berthwatch.datasets.hulls import azimuth_vector, moored_hull
from berthwatch.datasets.ports import SyntheticPort
from berthwatch.datasets.schedule import DAY
from berthwatch.datasets.traffic import Call

HOUR = timedelta(hours=1)
SPEED_M_H = 15_000.0
SILENCE = 30 * HOUR
"""Before arrival and after departure, of a vessel that does not want to be seen."""
FIX_ERROR_M = 6.0
PASSING_A_DAY = 3.0


@dataclass(frozen=True, slots=True)
class Fix:
    """One position report; local metres east and north of the port's anchor."""

    vessel_id: str
    time: datetime
    x_m: float
    y_m: float


def draw_fixes(
    port: SyntheticPort,
    fleet: Sequence[Vessel],
    calls: Sequence[Call],
    start: datetime,
    end: datetime,
    rng: np.random.Generator,
) -> list[Fix]:
    """Draw every position report between two times, by time.

    Parameters
    ----------
    port : SyntheticPort
        Where the calls are made; open water lies to where its first berth faces.
    fleet, calls
        Who comes, and when. Vessels of the fleet without a call are far away all the time.
    start, end : datetime
        The span, UTC.
    rng : numpy.random.Generator
        Where the draws come from.
    """
    seaward_deg = port.moorings[0].outward_deg
    fixes = list(_passing(seaward_deg, start, end, rng))
    for vessel in fleet:
        mine = [call for call in calls if call.vessel.vessel_id == vessel.vessel_id]
        fixes += _away(vessel, mine, seaward_deg, (start, end), rng)
        if vessel.tracked:
            fixes += [fix for call in mine for fix in _in_port(port, call, rng)]
    kept = [fix for fix in fixes if start <= fix.time < end]
    return sorted(kept, key=lambda fix: (fix.time, fix.vessel_id))


def _in_port(port: SyntheticPort, call: Call, rng: np.random.Generator) -> Iterator[Fix]:
    """About four fixes a day from the deck house."""
    mooring = next(mooring for mooring in port.moorings if mooring.berth_id == call.berth_id)
    time = call.arrival + float(rng.uniform(0.2, 2.0)) * HOUR
    while time < call.departure:
        antenna = moored_hull(call, mooring, time).house.centroid
        yield _fix(call.vessel.vessel_id, time, antenna.x, antenna.y, rng)
        time += float(rng.uniform(3.0, 9.0)) * HOUR


def _away(
    vessel: Vessel, calls: Iterable[Call], seaward_deg: float, span: tuple[datetime, datetime], rng: np.random.Generator
) -> Iterator[Fix]:
    """Between calls: out to some place far away, and back in time for the next; about one fix a day."""
    left = span[0] - 30 * DAY
    ends = [(call.arrival, call.departure) for call in calls] + [(span[1] + 30 * DAY, span[1] + 30 * DAY)]
    silence = HOUR if vessel.tracked else SILENCE
    for back, next_left in ends:
        east, north = azimuth_vector(seaward_deg + float(rng.uniform(-60.0, 60.0)))
        far_m = float(rng.uniform(60e3, 700e3))
        time = max(left, span[0] - DAY) + float(rng.uniform(0.0, 1.5)) * DAY
        while time < min(back, span[1]):
            free = min(time - left, back - time)
            if free > silence:
                off_m = min(far_m, SPEED_M_H * (free / HOUR))
                yield _fix(vessel.vessel_id, time, off_m * east, off_m * north, rng)
            time += float(rng.uniform(0.4, 1.6)) * DAY
        left = next_left


def _passing(seaward_deg: float, start: datetime, end: datetime, rng: np.random.Generator) -> Iterator[Fix]:
    """Strangers on their way along the coast, 3–9 km off."""
    out_x, out_y = azimuth_vector(seaward_deg)
    along_x, along_y = azimuth_vector(seaward_deg + 90)
    for number in range(math.ceil(PASSING_A_DAY * ((end - start) / DAY))):
        middle = start + float(rng.uniform(0.0, 1.0)) * (end - start)
        off_m, direction = float(rng.uniform(3e3, 9e3)), 1 if rng.random() < 0.5 else -1
        for step_h in np.arange(-1.25, 1.26, 0.5) + float(rng.uniform(-0.2, 0.2)):
            along_m = direction * SPEED_M_H * float(step_h)
            x_m, y_m = off_m * out_x + along_m * along_x, off_m * out_y + along_m * along_y
            yield _fix(f"PASS{number + 1:04d}", middle + float(step_h) * HOUR, x_m, y_m, rng)


def _fix(vessel_id: str, time: datetime, x_m: float, y_m: float, rng: np.random.Generator) -> Fix:
    error_x_m, error_y_m = (float(error) for error in rng.normal(0.0, FIX_ERROR_M, 2))
    return Fix(vessel_id, time.replace(microsecond=0), x_m + error_x_m, y_m + error_y_m)
