"""The small map: berths and controls as they were declared, to scale, north up, with nothing drawn under them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import cos, radians
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from shapely import get_coordinates, transform
from shapely.geometry import MultiPolygon, Polygon, shape

from berthwatch.page.words import round_step

METRES_PER_DEGREE: Final = 111_320.0
WIDTH: Final = 440.0
MARGIN: Final = 36.0
LEAST_HEIGHT, MOST_HEIGHT = 160.0, 520.0
FONT: Final = 13.0

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Place:
    """One polygon on the map: its outline as an SVG path, and where its name is written."""

    berth_id: str
    kind: str
    path: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sketch:
    """The map: its size, its polygons, the length of its scale bar, and where it lies."""

    width: float
    height: float
    places: tuple[Place, ...]
    bar: float
    bar_words: str
    centre: str


def rings(area: Polygon | MultiPolygon) -> Iterator[NDArray[np.float64]]:
    """The corners of every ring of an area, (n, 2), the first of each again at its end."""
    for part in getattr(area, "geoms", [area]):
        for ring in (part.exterior, *part.interiors):
            yield get_coordinates(ring)


def _polygons(berths: list[Mapping[str, Any]]) -> list[tuple[str, str, Polygon | MultiPolygon]]:
    """Berths that say where they lie; a record without geometry still gives a report."""
    found = []
    for berth in berths:
        if not berth.get("geometry"):
            continue
        area = shape(berth["geometry"])
        if isinstance(area, Polygon | MultiPolygon) and not area.is_empty:
            found.append((str(berth.get("berth_id")), str(berth.get("kind") or "berth"), area))
    return found


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _name_place(area: Polygon | MultiPolygon, text: str, taken: list[Box], width: float) -> tuple[float, float, Box]:
    """Where a name fits: in the middle of its polygon or beside it, clear of names already written."""
    half, up = max(len(text), 1) * FONT * 0.31, FONT * 0.6
    x0, y0, x1, y1 = area.bounds
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    inside = x1 - x0 > 2 * half and y1 - y0 > 2 * up
    beside = [(x1 + half + 3, y), (x0 - half - 3, y), (x, y0 - up), (x, y1 + up)]
    for cx, cy in ([(x, y)] if inside else []) + beside:
        box = (cx - half, cy - up, cx + half, cy + up)
        if box[0] >= 0 and box[2] <= width and not any(_overlap(box, other) for other in taken):
            return cx, cy, box
    return x, y, (x - half, y - up, x + half, y + up)


def _degrees(value: float, positive: str, negative: str) -> str:
    return f"{abs(value):.3f}° {positive if value >= 0 else negative}"


def sketch_of(berths: list[Mapping[str, Any]]) -> Sketch | None:
    """A map of the berths and controls of a run's record; None when none of them says where it lies.

    Lengths are true to about one in a thousand over a port, which is more than the drawing shows.
    """
    found = _polygons(berths)
    if not found:
        return None
    corners = np.vstack([get_coordinates(area) for _, _, area in found])
    (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
    across = METRES_PER_DEGREE * cos(radians((south + north) / 2))
    wide, high = max((east - west) * across, 1.0), max((north - south) * METRES_PER_DEGREE, 1.0)
    scale = min((WIDTH - 2 * MARGIN) / wide, (MOST_HEIGHT - 2 * MARGIN) / high)
    height = max(high * scale + 2 * MARGIN, LEAST_HEIGHT)
    left, top = (WIDTH - wide * scale) / 2, (height - high * scale) / 2

    def drawn(corners: NDArray[np.float64]) -> NDArray[np.float64]:
        from_west, from_north = (corners - (west, north)).T
        return np.column_stack((left + from_west * across * scale, top - from_north * METRES_PER_DEGREE * scale))

    areas = [(name, kind, transform(area, drawn)) for name, kind, area in found]
    places, names = [], [(0.0, height - 30, 150.0, height), (WIDTH - 34, 0.0, WIDTH, 44.0)]
    for name, kind, area in areas:
        lines = ["M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring[:-1]) + "Z" for ring in rings(area)]
        others = [other.bounds for key, _, other in areas if key != name]
        x, y, box = _name_place(area, name, names + others, WIDTH)
        names.append(box)
        places.append(Place(name, kind, "".join(lines), round(x, 1), round(y, 1)))
    bar_m = round_step(0.3 * WIDTH / scale)
    words = f"{bar_m / 1000:g} km" if bar_m >= 1000 else f"{bar_m:g} m"
    centre = f"{_degrees((south + north) / 2, 'N', 'S')}, {_degrees((west + east) / 2, 'E', 'W')}"
    return Sketch(WIDTH, round(height, 1), tuple(places), round(bar_m * scale, 1), words, centre)
