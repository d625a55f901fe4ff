"""What a radar receives from vessels: tops laid over towards it, the corner of side and water, shadow behind.

On the ground-range grid a point h above water lies h / tan(incidence) towards the radar, and what hides behind
it is dark for h x tan(incidence) away from it. The dihedral of side and water returns at the waterline,
whatever the height; it is strong where the side squarely faces the radar.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from shapely import affinity
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from berthwatch.datasets.hulls import Hull, azimuth_vector
from berthwatch.datasets.raster import Field, Grid, share_of
from berthwatch.datasets.shading import outside, swept

DECK_POWER, SIDE_POWER, HOUSE_POWER, CORNER_POWER = 0.8, 0.5, 2.2, 8.0
"""Over the hull's mean level; the last for a side 3 m high that squarely faces the radar."""
CORNER_WIDTH_M = 2.0
CORNER_SPREAD = math.radians(20.0)
"""From squarely facing, where a corner's return has fallen to 1/e."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a pass sees what is raised, as steps in local metres per metre of height."""

    layover: tuple[float, float]
    shadow: tuple[float, float]


def look_from(heading_deg: float, incidence_deg: float) -> Look:
    """The look of a right-looking radar that flies along a heading (grid azimuth).

    >>> look = look_from(0.0, 45.0)
    >>> [round(part, 6) + 0.0 for part in (*look.layover, *look.shadow)]
    [-1.0, 0.0, 1.0, 0.0]
    """
    east, north = azimuth_vector(heading_deg + 90)
    slope = math.tan(math.radians(incidence_deg))
    return Look((-east / slope, -north / slope), (east * slope, north * slope))


def laid_over(shape: Polygon, height_m: float, look: Look) -> Polygon:
    """A shape where the radar sees it when it is raised."""
    return affinity.translate(shape, look.layover[0] * height_m, look.layover[1] * height_m)


def hull_power(grid: Grid, hull: Hull, look: Look, corner: float, finer: int) -> Field:
    """Mean power of a vessel over its mean level, (size, size); what is laid over adds to what lies beneath.

    Parameters
    ----------
    grid, finer
        Pixels, and cells along each side of one.
    hull : Hull
        Where it lies, displaced as the scene is.
    look : Look
        From where it is seen.
    corner : float
        What the sea makes of the corner of side and water in this scene, as a factor.
    """
    deck_m, house_m = hull.deck_height_m, hull.house_height_m
    parts: list[tuple[BaseGeometry, float]] = [
        (swept(hull.outline, look.layover[0] * deck_m, look.layover[1] * deck_m), SIDE_POWER),
        (laid_over(hull.outline, deck_m, look), DECK_POWER),
        (laid_over(hull.house, house_m, look), HOUSE_POWER),
    ]
    parts += [(line, corner * power) for line, power in _corners(hull, look)]
    power = np.zeros((grid.size, grid.size))
    for shape, level in parts:
        power += level * share_of(grid, [shape], finer)
    return power


def shadow_of(grid: Grid, hull: Hull, look: Look, finer: int) -> Field:
    """The share of each pixel that a vessel hides from the radar, (size, size)."""
    tops = ((hull.outline, hull.deck_height_m), (hull.house, hull.house_height_m))
    behind = [swept(shape, look.shadow[0] * high_m, look.shadow[1] * high_m) for shape, high_m in tops]
    return share_of(grid, behind, finer)


def _corners(hull: Hull, look: Look) -> Iterator[tuple[BaseGeometry, float]]:
    """The waterline of each side that faces the radar, and its power."""
    towards = math.atan2(look.layover[0], look.layover[1])
    for start, end in pairwise(hull.outline.exterior.coords):
        normal = outside(hull.outline, start, end)
        off = math.remainder(math.atan2(normal[0], normal[1]) - towards, 2 * math.pi)
        if abs(off) < math.pi / 2:
            aspect = math.exp(-((off / CORNER_SPREAD) ** 2))
            yield LineString([start, end]).buffer(CORNER_WIDTH_M / 2), CORNER_POWER * aspect * _height_factor(hull)


def _height_factor(hull: Hull) -> float:
    """As the square of the side's height, bounded where plates are too uneven to return as one."""
    return min((hull.deck_height_m / 3.0) ** 2, 3.0)
