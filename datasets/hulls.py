"""A vessel alongside as solid shapes: waterline outline with a bow, and the deck house at the stern."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shapely import affinity
from shapely.geometry import MultiPoint, Polygon
from shapely.geometry.base import BaseGeometry

from berthwatch.datasets.ports import Mooring
from berthwatch.datasets.traffic import Call

FENDER_M = 1.5
"""Between the quay face and the hull's side."""


@dataclass(frozen=True, slots=True)
class Hull:
    """One vessel at one time, in local metres: convex outlines and their heights above water."""

    outline: Polygon
    house: Polygon
    deck_height_m: float
    house_height_m: float
    radar_db: float
    paint: int


def moored_hull(call: Call, mooring: Mooring, time: datetime) -> Hull:
    """Lay a call's vessel along its quay.

    >>> from datetime import UTC, timedelta
    >>> from berthwatch.datasets.ports import pier_port
    >>> from berthwatch.datasets.traffic import Vessel
    >>> mooring = pier_port("x").moorings[0]
    >>> t = datetime(2024, 3, 1, tzinfo=UTC)
    >>> vessel = Vessel("SYN01", 90.0, 14.0, 9.0, 5.0, 0)
    >>> hull = moored_hull(Call("B1", vessel, t, t + timedelta(days=2), 4.0, 2.0, 0.0, True), mooring, t)
    >>> mooring.polygon.buffer(1.0).contains(hull.outline), hull.deck_height_m
    (True, 4.0)
    """
    vessel = call.vessel
    out_x, out_y = azimuth_vector(mooring.outward_deg)
    right_x, right_y = azimuth_vector(mooring.outward_deg + 90)
    off_m = FENDER_M + vessel.beam_m / 2
    x = mooring.face_x_m + off_m * out_x + call.along_m * right_x
    y = mooring.face_y_m + off_m * out_y + call.along_m * right_y
    heading_deg = mooring.outward_deg + (90 if call.bow_right else -90)
    half_m, side_m = vessel.length_m / 2, vessel.beam_m / 2
    shoulder_m = half_m - 0.16 * vessel.length_m
    outline = [(-side_m, -half_m), (side_m, -half_m), (side_m, shoulder_m), (0.0, half_m), (-side_m, shoulder_m)]
    front_m, back_m = -half_m + 0.17 * vessel.length_m, -half_m + 0.05 * vessel.length_m
    in_m = 0.82 * side_m
    house = [(-in_m, back_m), (in_m, back_m), (in_m, front_m), (-in_m, front_m)]
    freeboard_m = call.freeboard_m(time)
    return Hull(
        outline=_placed(outline, heading_deg, x, y),
        house=_placed(house, heading_deg, x, y),
        deck_height_m=freeboard_m,
        house_height_m=freeboard_m + vessel.house_m,
        radar_db=vessel.radar_db,
        paint=vessel.paint,
    )


def azimuth_vector(azimuth_deg: float) -> tuple[float, float]:
    """East and north parts of a unit step towards an azimuth.

    >>> [round(part, 12) for part in azimuth_vector(90)]
    [1.0, 0.0]
    """
    return math.sin(math.radians(azimuth_deg)), math.cos(math.radians(azimuth_deg))


def swept(shape: Polygon, dx_m: float, dy_m: float) -> Polygon:
    """What a convex shape covers on its way to its displaced copy.

    >>> from shapely.geometry import box
    >>> swept(box(0, 0, 1, 1), 2, 0).area
    3.0
    """
    start = list(shape.exterior.coords)
    return MultiPoint(start + [(x + dx_m, y + dy_m) for x, y in start]).convex_hull


def moved[Shape: BaseGeometry](shapes: Iterable[Shape], dx_m: float, dy_m: float) -> list[Shape]:
    """Each shape, displaced."""
    return [affinity.translate(shape, dx_m, dy_m) for shape in shapes]


def _placed(points: Sequence[tuple[float, float]], heading_deg: float, x_m: float, y_m: float) -> Polygon:
    forward_x, forward_y = azimuth_vector(heading_deg)
    right_x, right_y = azimuth_vector(heading_deg + 90)
    return Polygon([(x_m + a * right_x + b * forward_x, y_m + a * right_y + b * forward_y) for a, b in points])
