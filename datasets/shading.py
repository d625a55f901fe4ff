"""Solid shapes as a camera sees them: cast shadows, faces turned to the satellite, tops that lean away from it.

Everything is a prism over a convex outline. A point h above a surface casts its shadow h / tan(sun's elevation)
away from the sun on that surface; its image lies h x tan(view zenith) away from the satellite. Both are exact:
no grid enters before the shapes are drawn.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shapely.geometry import MultiPoint, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from berthwatch.datasets.hulls import Hull, Launch, azimuth_vector, moved
from berthwatch.datasets.ports import SyntheticPort
from berthwatch.datasets.sky import Sky
from berthwatch.datasets.surfaces import Surface, lit, shaded

type Drawn = tuple[BaseGeometry, int]
"""A shape in local metres and its label."""


@dataclass(frozen=True, slots=True)
class Solid:
    """A prism: outline, heights of its foot and top above water, what its top and its faces are."""

    outline: Polygon
    foot_m: float
    top_m: float
    surface: int
    side: int


@dataclass(frozen=True, slots=True)
class Rays:
    """Where light comes from and where the image is seen from, as steps in local metres per metre of height."""

    shadow: tuple[float, float]
    """Of a shadow, from beneath its point."""
    lean: tuple[float, float]
    """Of an image, from beneath its point."""


def rays(sky: Sky, port: SyntheticPort) -> Rays:
    """The steps of a scene, on the grid's axes."""
    sun = azimuth_vector(sky.sun_azimuth_deg + port.north_deg)
    view = azimuth_vector(sky.view_azimuth_deg + port.north_deg)
    reach = 1 / math.tan(math.radians(sky.sun_elevation_deg))
    lean = math.tan(math.radians(sky.view_zenith_deg))
    return Rays((-reach * sun[0], -reach * sun[1]), (-lean * view[0], -lean * view[1]))


def swept(shape: Polygon, dx_m: float, dy_m: float) -> Polygon:
    """What a convex shape covers on its way to its displaced copy.

    >>> from shapely.geometry import box
    >>> swept(box(0, 0, 1, 1), 2, 0).area
    3.0
    """
    start = list(shape.exterior.coords)
    return MultiPoint(start + [(x + dx_m, y + dy_m) for x, y in start]).convex_hull


def lay_shapes(port: SyntheticPort, hulls: Sequence[Hull], launches: Sequence[Launch], light: Rays) -> list[Drawn]:
    """List every shape with its label, in the order in which they are drawn over one another."""
    piers = [Solid(piece, 0.0, port.pier_height_m, Surface.PIER, Surface.PIER) for piece in port.pier]
    craft = [Solid(each.outline, 0.0, each.height_m, Surface.LAUNCH, Surface.LAUNCH) for each in launches]
    ordered = sorted(hulls, key=lambda hull: _nearness(hull, port, light))
    raised = [_solids(hull) for hull in ordered]
    casting = [*piers, *craft, *(solid for solids in raised for solid in solids)]
    drawn: list[Drawn] = [(shadow, shaded(Surface.WATER)) for shadow in _shadows(casting, 0.0, light)]
    drawn += [(launch.wake, lit(Surface.WAKE)) for launch in launches]
    for solid in craft:
        drawn += _draw(solid, [], (), light)
    drawn += [(shape, lit(Surface.LAND)) for shape in port.land]
    for solid in piers:
        drawn += _draw(solid, _shadows(casting, solid.top_m, light), (), light)
    for hull, (body, *above) in zip(ordered, raised, strict=True):
        paint = [part.outline for part in hull.parts if part.above_deck_m == 0]
        drawn += _draw(body, _shadows(casting, body.top_m, light), paint, light)
        for solid in sorted(above, key=lambda solid: solid.top_m):
            drawn += _draw(solid, [], (), light)
    return drawn


def _nearness(hull: Hull, port: SyntheticPort, light: Rays) -> tuple[float, float]:
    """Order of drawing, what is nearer to the satellite last: by row off the quay, then along it."""
    outward_deg = port.moorings[0].outward_deg
    out, along = azimuth_vector(outward_deg), azimuth_vector(outward_deg + 90)
    middle = hull.outline.centroid
    # The satellite stands against the lean.
    towards_out = -(light.lean[0] * out[0] + light.lean[1] * out[1])
    towards_along = -(light.lean[0] * along[0] + light.lean[1] * along[1])
    return hull.row * towards_out, (middle.x * along[0] + middle.y * along[1]) * towards_along


def _solids(hull: Hull) -> list[Solid]:
    """The hull's body first, then what stands on it."""
    deck_m = hull.deck_height_m
    standing = [
        Solid(part.outline, deck_m, deck_m + part.above_deck_m, part.surface, Surface.STEEL)
        for part in hull.parts
        if part.above_deck_m > 0
    ]
    return [
        Solid(hull.outline, 0.0, deck_m, hull.surface, Surface.SIDE),
        *standing,
        Solid(hull.house, deck_m, hull.house_height_m, Surface.HOUSE, Surface.HOUSE),
    ]


def _shadows(casting: Iterable[Solid], level_m: float, light: Rays) -> list[Polygon]:
    """The shadows on a level plane of what stands above it."""
    shadows = []
    for solid in casting:
        if solid.top_m > level_m:
            from_m, to_m = max(solid.foot_m - level_m, 0.0), solid.top_m - level_m
            foot = moved([solid.outline], *_times(light.shadow, from_m))[0]
            shadows.append(swept(foot, *_times(light.shadow, to_m - from_m)))
    return shadows


def _draw(solid: Solid, shadows: Sequence[Polygon], paint: Iterable[Polygon], light: Rays) -> Iterator[Drawn]:
    """The faces that the satellite sees, then the top with its paint and the shadows on it."""
    for start, end in pairwise(solid.outline.exterior.coords):
        # The rings run clockwise or not, so the outside is where the middle is not.
        normal = outside(solid.outline, start, end)
        if normal[0] * light.lean[0] + normal[1] * light.lean[1] < 0:
            edge = [start, end]
            feet, tops = (
                [(x + dx, y + dy) for x, y in edge]
                for dx, dy in (_times(light.lean, solid.foot_m), _times(light.lean, solid.top_m))
            )
            faces_sun = normal[0] * light.shadow[0] + normal[1] * light.shadow[1] < 0
            yield Polygon([*feet, *reversed(tops)]), lit(solid.side) if faces_sun else shaded(solid.side)
    step = _times(light.lean, solid.top_m)
    top, *lines = moved([solid.outline, *paint], *step)
    yield top, lit(solid.surface)
    yield from ((line, lit(Surface.MARKING)) for line in lines)
    if shadows:
        dark = moved([unary_union(shadows)], *step)[0]
        yield dark.intersection(top), shaded(solid.surface)
        yield from ((dark.intersection(line), shaded(Surface.MARKING)) for line in lines)


def outside(outline: Polygon, start: tuple[float, ...], end: tuple[float, ...]) -> tuple[float, float]:
    """A vector out of a convex outline, square to one of its edges."""
    normal = (end[1] - start[1], start[0] - end[0])
    middle = outline.centroid
    outward = normal[0] * (start[0] - middle.x) + normal[1] * (start[1] - middle.y)
    return normal if outward > 0 else (-normal[0], -normal[1])


def _times(step: tuple[float, float], height_m: float) -> tuple[float, float]:
    return step[0] * height_m, step[1] * height_m
