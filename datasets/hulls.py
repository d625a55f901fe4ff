"""Vessels as solid shapes: hull with a bow, forecastle, deck house and what stands on deck; barges and launches."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from shapely import affinity
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from berthwatch.datasets.fleet import Vessel
from berthwatch.datasets.ports import Mooring, SyntheticPort
from berthwatch.datasets.surfaces import Surface
from berthwatch.datasets.traffic import Barge, Call

FENDER_M = 1.5
"""Between the quay face and the hull's side."""
BARGE_GAP_M = 1.0
type Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Part:
    """Something on deck: a convex outline in local metres, how high it stands, 0 for paint, and its surface."""

    outline: Polygon
    above_deck_m: float
    surface: int


@dataclass(frozen=True, slots=True)
class Hull:
    """One vessel at one time, in local metres: convex outlines and their heights above water."""

    outline: Polygon
    house: Polygon
    deck_height_m: float
    house_height_m: float
    radar_db: float
    surface: int
    """What its deck is painted with."""
    parts: tuple[Part, ...] = ()
    row: int = 0
    """0 at the quay, 1 alongside one that is."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A small craft under way: itself, and the wake it draws."""

    outline: Polygon
    wake: Polygon
    height_m: float = 2.0


def moored_hull(call: Call, mooring: Mooring, time: datetime) -> Hull:
    """Lay a call's vessel along its quay.

    >>> from datetime import UTC
    >>> from berthwatch.datasets.fleet import draw_fleet
    >>> from berthwatch.datasets.ports import pier_port
    >>> from berthwatch.datasets.traffic import Traffic, draw_calls
    >>> port, rng = pier_port("x"), np.random.default_rng(0)
    >>> start, end = datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 4, 1, tzinfo=UTC)
    >>> call = draw_calls(Traffic(), draw_fleet(rng, 3), ["B1"], start, end, rng)[0]
    >>> hull = moored_hull(call, port.moorings[0], call.arrival)
    >>> port.moorings[0].polygon.buffer(1.0).contains(hull.outline)
    True
    >>> hull.deck_height_m == call.freeboard_m(call.arrival)
    True
    """
    vessel = call.vessel
    # A vessel that lies at an angle to the quay touches it with one end only.
    off_m = FENDER_M + vessel.beam_m / 2 + vessel.length_m / 2 * math.sin(math.radians(abs(call.skew_deg)))
    x, y = _beside(mooring, off_m, call.along_m)
    heading_deg = mooring.outward_deg + (90 if call.bow_right else -90) + call.skew_deg
    half_m, side_m = vessel.length_m / 2, vessel.beam_m / 2
    front_m, back_m = -half_m + 0.17 * vessel.length_m, -half_m + 0.05 * vessel.length_m
    freeboard_m = call.freeboard_m(time)
    return Hull(
        outline=_placed(_bowed(half_m, side_m, 0.16 * vessel.length_m), heading_deg, x, y),
        house=_placed(_box(0.82 * side_m, back_m, front_m), heading_deg, x, y),
        deck_height_m=freeboard_m,
        house_height_m=freeboard_m + vessel.house_m,
        radar_db=vessel.radar_db,
        surface=Surface.DECK + vessel.paint,
        parts=tuple(
            Part(_placed(points, heading_deg, x, y), above_m, surface)
            for points, above_m, surface in _on_deck(vessel, front_m)
        ),
    )


def barge_beside(call: Call, barge: Barge, mooring: Mooring) -> Hull:
    """Lay a barge along the open-water side of a call's vessel."""
    vessel = call.vessel
    skew = math.radians(abs(call.skew_deg))
    vessel_m = FENDER_M + vessel.beam_m + vessel.length_m * math.sin(skew)
    x, y = _beside(mooring, vessel_m + BARGE_GAP_M + barge.beam_m / 2, call.along_m + barge.along_m)
    half_m, side_m = barge.length_m / 2, barge.beam_m / 2
    heading_deg = mooring.outward_deg + 90 + call.skew_deg
    return Hull(
        outline=_placed(_bowed(half_m, side_m, 0.10 * barge.length_m), heading_deg, x, y),
        house=_placed(_box(0.7 * side_m, -0.9 * half_m, -0.6 * half_m), heading_deg, x, y),
        deck_height_m=barge.freeboard_m,
        house_height_m=barge.freeboard_m + 2.8,
        radar_db=1.0,
        surface=Surface.BARGE,
        row=1,
    )


def alongside(port: SyntheticPort, calls: Iterable[Call], time: datetime) -> list[Hull]:
    """The hulls that lie at the port's moorings at a time, barges among them."""
    moorings = {mooring.berth_id: mooring for mooring in port.moorings}
    there = [call for call in calls if call.arrival <= time < call.departure]
    barges = [
        barge_beside(call, call.barge, moorings[call.berth_id])
        for call in there
        if call.barge is not None and call.barge.begins <= time < call.barge.ends
    ]
    return [moored_hull(call, moorings[call.berth_id], time) for call in there] + barges


def draw_launches(port: SyntheticPort, half_m: float, rng: np.random.Generator) -> list[Launch]:
    """Draw the small craft under way within `half_m` of the anchor: on open water, seldom near a berth."""
    launches = []
    for _ in range(int(rng.poisson(0.7))):
        x, y = (float(place) for place in rng.uniform(-half_m, half_m, 2))
        heading_deg, length_m = float(rng.uniform(0.0, 360.0)), float(rng.uniform(9.0, 18.0))
        near = rng.random() < 0.05
        wake = [(-0.8, -half_m / 10), (0.8, -half_m / 10), (1.2, 0.0), (-1.2, 0.0)]
        launch = Launch(
            _placed(_bowed(length_m / 2, 0.14 * length_m, 0.3 * length_m), heading_deg, x, y),
            _placed(wake, heading_deg, x, y),
        )
        solid = [*port.land, *port.pier, *(() if near else (mooring.polygon for mooring in port.moorings))]
        if all(Point(x, y).distance(shape) > 40.0 for shape in solid):
            launches.append(launch)
    return launches


def azimuth_vector(azimuth_deg: float) -> tuple[float, float]:
    """East and north parts of a unit step towards an azimuth.

    >>> [round(part, 12) for part in azimuth_vector(90)]
    [1.0, 0.0]
    """
    return math.sin(math.radians(azimuth_deg)), math.cos(math.radians(azimuth_deg))


def moved[Shape: BaseGeometry](shapes: Iterable[Shape], dx_m: float, dy_m: float) -> list[Shape]:
    """Each shape, displaced."""
    return [affinity.translate(shape, dx_m, dy_m) for shape in shapes]


def _on_deck(vessel: Vessel, house_front_m: float) -> Iterable[tuple[Points, float, int]]:
    """Forecastle, pipes along the centreline, the manifold amidships, its crane, and the tanks' hatch lines."""
    half_m, side_m, length_m = vessel.length_m / 2, vessel.beam_m / 2, vessel.length_m
    break_m = half_m - 0.10 * length_m
    for number in range(1, 6):
        line_m = house_front_m + number * (break_m - house_front_m) / 6
        yield _box(0.9 * side_m, line_m - 0.25, line_m + 0.25), 0.0, Surface.MARKING
    width_m = side_m * 0.10 / 0.16
    yield [(-width_m, break_m), (width_m, break_m), (0.0, half_m)], 2.1, Surface.DECK + vessel.paint
    yield _box(0.8, house_front_m + 1.0, break_m - 4.0), 1.1, Surface.STEEL
    yield _box(0.7 * side_m, -1.5, 1.5), 1.5, Surface.STEEL
    yield [(1.2, 2.0), (2.8, 2.0), (2.8, 3.6), (1.2, 3.6)], 5.0, Surface.STEEL


def _bowed(half_m: float, side_m: float, bow_m: float) -> Points:
    """A hull's outline about its middle, bow ahead."""
    shoulder_m = half_m - bow_m
    return [(-side_m, -half_m), (side_m, -half_m), (side_m, shoulder_m), (0.0, half_m), (-side_m, shoulder_m)]


def _box(side_m: float, back_m: float, front_m: float) -> Points:
    return [(-side_m, back_m), (side_m, back_m), (side_m, front_m), (-side_m, front_m)]


def _beside(mooring: Mooring, off_m: float, along_m: float) -> tuple[float, float]:
    """The point so far off the quay face and so far along it."""
    out_x, out_y = azimuth_vector(mooring.outward_deg)
    right_x, right_y = azimuth_vector(mooring.outward_deg + 90)
    return (
        mooring.face_x_m + off_m * out_x + along_m * right_x,
        mooring.face_y_m + off_m * out_y + along_m * right_y,
    )


def _placed(points: Points, heading_deg: float, x_m: float, y_m: float) -> Polygon:
    forward_x, forward_y = azimuth_vector(heading_deg)
    right_x, right_y = azimuth_vector(heading_deg + 90)
    return Polygon([(x_m + a * right_x + b * forward_x, y_m + a * right_y + b * forward_y) for a, b in points])
