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
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation, distance_transform_edt
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import transform as reshape

from berthwatch.kernels.coverage import polygon_coverage
from berthwatch.model import Berth

ZONE_M = 800.0
"""How far from the berths anything is looked at."""
REACH_M = 400.0
"""How far from its edge a berth's reference water may lie, by water: farther off, or behind a mole, it is another."""


@dataclass(frozen=True, slots=True)
class Zones:
    """Berths on a grid. `coverage` (berth, y, x) float32 in 0..1; `near`, `declared`, `given_water` (y, x) bool."""

    berth_ids: tuple[str, ...]
    coverage: NDArray[np.float32]
    near: NDArray[np.bool_]
    declared: NDArray[np.bool_]
    given_water: NDArray[np.bool_] | None
    resolution_m: float

    @property
    def owner(self) -> NDArray[np.int16]:
        """The berth that covers most of each pixel of declared water, -1 elsewhere: (y, x)."""
        return np.where(self.declared, self.coverage.argmax(axis=0), -1).astype(np.int16)


def _parts(shape: BaseGeometry) -> list[Polygon]:
    if isinstance(shape, Polygon):
        return [shape]
    return [part for part in shape.geoms if isinstance(part, Polygon)] if isinstance(shape, MultiPolygon) else []


def coverage_of(shape: BaseGeometry, grid: GeoBox) -> NDArray[np.float32]:
    """Share of each pixel of the grid inside a polygon given in EPSG:4326: (y, x) float32."""
    placed = gpd.GeoSeries([shape], crs="EPSG:4326").to_crs(str(grid.crs)).iloc[0]
    to_pixels = ~grid.transform
    in_pixels = reshape(lambda x, y: to_pixels * (np.asarray(x), np.asarray(y)), placed)
    share = np.zeros(grid.shape, np.float64)
    for part in _parts(in_pixels):
        rings = [np.asarray(ring.coords, np.float64)[:, :2] for ring in (part.exterior, *part.interiors)]
        indices, weights = polygon_coverage(rings, (grid.shape[0], grid.shape[1]))
        share.flat[indices] += weights
    return np.clip(share, 0, 1).astype(np.float32)


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
    """Place berths and controls on a grid."""
    resolution_m = metres_per_pixel(grid, berths)
    coverage = np.stack([coverage_of(berth.polygon, grid) for berth in berths])
    declared = (coverage > 0).any(axis=0)
    near = distance_transform_edt(~declared) * resolution_m <= ZONE_M if declared.any() else declared
    given = None if reference_water is None else coverage_of(reference_water, grid) > 0.99
    return Zones(tuple(b.berth_id for b in berths), coverage, near, declared, given, resolution_m)


def nearest_berth(coverage: NDArray[np.float32]) -> NDArray[np.int16]:
    """The berth nearest to each pixel, (y, x) int16, from coverage (berth, y, x); -1 where there is no berth at all.

    >>> coverage = np.zeros((2, 1, 5), np.float32); coverage[0, 0, 0] = coverage[1, 0, 4] = 1
    >>> nearest_berth(coverage)[0].tolist()
    [0, 0, 0, 1, 1]
    """
    declared = (coverage > 0).any(axis=0)
    if not declared.any():
        return np.full(declared.shape, -1, np.int16)
    rows, columns = distance_transform_edt(~declared, return_distances=False, return_indices=True)
    nearest: NDArray[np.int16] = coverage.argmax(axis=0).astype(np.int16)[rows, columns]
    return nearest


def within_reach(share: NDArray[np.float32], passable: NDArray[np.bool_], resolution_m: float) -> NDArray[np.intp]:
    """Flat indices of the pixels that can be reached from one berth by water within `REACH_M`.

    A mole keeps its two sides apart, because a step never enters a pixel that is not passable.

    >>> share = np.zeros((3, 9), np.float32); share[1, 1] = 1
    >>> passable = np.ones((3, 9), bool); passable[:, 4] = False
    >>> sorted(set((within_reach(share, passable, 10.0) % 9).tolist()))
    [0, 1, 2, 3]
    """
    rows, columns = np.nonzero(share > 0)
    if rows.size == 0:
        return np.empty(0, np.intp)
    steps = max(1, round(REACH_M / resolution_m))
    top, left = max(rows.min() - steps, 0), max(columns.min() - steps, 0)
    box = (slice(top, rows.max() + steps + 1), slice(left, columns.max() + steps + 1))
    reached = binary_dilation(share[box] > 0, np.ones((3, 3), np.bool_), iterations=steps, mask=passable[box])
    near_rows, near_columns = np.nonzero(reached)
    flat: NDArray[np.intp] = (near_rows + top) * share.shape[1] + near_columns + left
    return flat
