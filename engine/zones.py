"""Which pixels belong to which berth: exact coverage, the zone around it, and where its water may be judged.

A berth is not a whole number of pixels, so each pixel carries the share of it that lies in the polygon.
A berth's reference water is sought within reach of it, going by water and not across structures, since wind
and haze change over a port and most of all from one side of a mole to the other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation, distance_transform_edt
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from berthwatch.kernels.coverage import polygon_coverage
from berthwatch.kernels.spans import Spans, spans_of
from berthwatch.model import Berth
from berthwatch.parts import measure

ZONE_M = 800.0
"""How far from the berths anything is looked at."""
WHOLLY = 0.99
ELONGATED = 1.5
"""Length over width from which a berth's long side tells how vessels lie there."""
REACH_M = 400.0
"""How far from its edge a berth's reference water may lie, by water: farther off, or behind a mole, it is another."""


@dataclass(frozen=True, slots=True)
class Zones:
    """Berths on a grid.

    Berth b covers the flattened pixels indices[indptr[b]:indptr[b + 1]] with the weights beside them, each the
    share of the pixel inside it; `spans` are the same for the kernels. `owner` (y, x) int16 is the berth that covers
    most of a pixel, -1 where none does; `near` and `given_water` are (y, x) bool.
    """

    berth_ids: tuple[str, ...]
    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    weights: NDArray[np.float64]
    spans: Spans
    owner: NDArray[np.int16]
    near: NDArray[np.bool_]
    given_water: NDArray[np.bool_] | None
    axis_deg: tuple[float, ...]
    """The heading of each berth's long side, as a hull's; NaN where it has none."""
    resolution_m: float

    @property
    def declared(self) -> NDArray[np.bool_]:
        """Declared water: what any berth or control covers, if only in part."""
        return self.owner >= 0

    def pixels(self, berth: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """A berth's flattened pixels and the share of each."""
        own = slice(self.indptr[berth], self.indptr[berth + 1])
        return self.indices[own], self.weights[own]


def _parts(shape: BaseGeometry) -> list[Polygon]:
    if isinstance(shape, Polygon):
        return [shape]
    return [part for part in shape.geoms if isinstance(part, Polygon)] if isinstance(shape, MultiPolygon) else []


def coverage_of(shape: BaseGeometry, grid: GeoBox) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Flattened pixels of the grid that a polygon in EPSG:4326 covers, and the share of each inside it."""
    return coverage_in(gpd.GeoSeries([shape], crs="EPSG:4326").to_crs(str(grid.crs)).iloc[0], grid)


def coverage_in(placed: BaseGeometry, grid: GeoBox) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """As `coverage_of`, of a polygon in the grid's own CRS."""
    back = ~grid.transform
    turn, origin = np.array([[back.a, back.d], [back.b, back.e]]), np.array([back.c, back.f])
    in_pixels = shapely.transform(placed, lambda corners: corners @ turn + origin)
    rings = [
        np.asarray(ring.coords, np.float64)[:, :2]
        for part in _parts(in_pixels)
        for ring in (part.exterior, *part.interiors)
    ]
    indices, weights = polygon_coverage(rings, (grid.shape[0], grid.shape[1]))
    return indices.astype(np.int64), np.clip(weights, 0, 1)


def metres_per_pixel(grid: GeoBox, berths: Sequence[Berth]) -> float:
    """Ground size of a pixel in metres; Mercator's stretch and degrees are undone at the berths' latitude.

    >>> from odc.geo.geobox import GeoBox
    >>> metres_per_pixel(GeoBox((10, 10), __import__("affine").Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32636"), [])
    10.0
    """
    size = math.sqrt(abs(grid.resolution.x * grid.resolution.y))
    latitude = math.radians(sum(berth.polygon.centroid.y for berth in berths) / max(len(berths), 1))
    if grid.crs is not None and grid.crs.geographic:
        return size * 111_320.0 * math.sqrt(math.cos(latitude))
    if grid.crs is not None and grid.crs.epsg == 3857:
        return size * math.cos(latitude)
    return size


def zones_of(berths: Sequence[Berth], grid: GeoBox, reference_water: BaseGeometry | None = None) -> Zones:
    """Place berths and controls on a grid, and the reference water where it is given."""
    resolution_m = metres_per_pixel(grid, berths)
    covered = [coverage_of(berth.polygon, grid) for berth in berths]
    indptr = np.cumsum([0, *(indices.size for indices, _ in covered)], dtype=np.int64)
    owner, most = np.full(grid.shape, -1, np.int16), np.zeros(grid.shape)
    for berth, (indices, weights) in enumerate(covered):
        more = weights > most.flat[indices]
        owner.flat[indices[more]], most.flat[indices[more]] = berth, weights[more]
    near = distance_transform_edt(owner < 0) * resolution_m <= ZONE_M if (owner >= 0).any() else owner >= 0
    given = None
    if reference_water is not None:
        given = np.zeros(grid.shape, np.bool_)
        indices, weights = coverage_of(reference_water, grid)
        given.flat[indices[weights > WHOLLY]] = True
    flat, shares = (np.concatenate(each) for each in zip(*covered, strict=True))
    return Zones(
        tuple(berth.berth_id for berth in berths),
        indptr,
        flat,
        shares,
        spans_of(indptr, flat, shares),
        owner,
        near,
        given,
        tuple(_axis_deg(indices, grid.shape[1]) for indices, _ in covered),
        resolution_m,
    )


def _axis_deg(indices: NDArray[np.int64], columns: int) -> float:
    if indices.size == 0:
        return math.nan
    length, width, heading_deg = measure(*np.divmod(indices, columns), 1.0)
    return heading_deg if length >= ELONGATED * width else math.nan


def nearest_berth(owner: NDArray[np.int16]) -> NDArray[np.int16]:
    """The berth nearest to each pixel, (y, x) int16; -1 where there is no berth at all.

    >>> nearest_berth(np.array([[0, -1, -1, -1, 1]], np.int16)).tolist()
    [[0, 0, 0, 1, 1]]
    """
    if not (owner >= 0).any():
        return owner
    rows, columns = distance_transform_edt(owner < 0, return_distances=False, return_indices=True)
    nearest: NDArray[np.int16] = owner[rows, columns]
    return nearest


def within_reach(indices: NDArray[np.int64], passable: NDArray[np.bool_], resolution_m: float) -> NDArray[np.int64]:
    """Flattened pixels that can be reached by water within `REACH_M` from a berth's own.

    A mole keeps its two sides apart, because a step never enters a pixel that is not passable.

    >>> passable = np.ones((3, 9), bool); passable[:, 4] = False
    >>> sorted(set((within_reach(np.array([10]), passable, 10.0) % 9).tolist()))
    [0, 1, 2, 3]
    """
    if indices.size == 0:
        return indices
    rows, columns = np.divmod(indices, passable.shape[1])
    steps = max(1, round(REACH_M / resolution_m))
    top, left = max(int(rows.min()) - steps, 0), max(int(columns.min()) - steps, 0)
    inside = passable[top : rows.max() + steps + 1, left : columns.max() + steps + 1]
    start = np.zeros(inside.shape, np.bool_)
    start[rows - top, columns - left] = True
    reached = binary_dilation(start, np.ones((3, 3), np.bool_), iterations=steps, mask=inside)
    near_rows, near_columns = np.nonzero(reached)
    flat: NDArray[np.int64] = (near_rows + top) * passable.shape[1] + near_columns + left
    return flat
