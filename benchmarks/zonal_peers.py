"""Berths over a stack of scenes, and who else says what zones hold: exactextract, rasterstats, flox.

Weights are made once for a set of berths and serve every scene, as no peer's do; they are made before anything is
timed, and have a comparison of their own. Stacks are cut in time, for threads to share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import geometry_mask, rasterize
from rasterio.transform import from_bounds

from berthwatch.kernels.coverage import polygon_coverage
from berthwatch.kernels.spans import Spans, spans_of
from berthwatch.kernels.zonal import weighted_mean, weighted_variance
from berthwatch.kernels.zonal_quantile import weighted_quantile

if TYPE_CHECKING:
    from benchmarks.comparisons import Size, Tiles

Array = NDArray[Any]
CRS = "EPSG:32636"
BERTHS, CIRCLES = 80, 20
PARTS = 2
UNSEEN = 0.05
LINE_BYTES = 64


@dataclass(frozen=True)
class Polygons:
    """Berths as polygons (x, y) over a raster of so many pixels a side, y upwards."""

    table: gpd.GeoDataFrame
    side: int

    @cached_property
    def matrix(self) -> tuple[Array, Array, Array]:
        """The share of each pixel in each of them, as a sparse matrix."""
        flipped = shapely.transform(self.table.geometry.values, lambda at: at * [1, -1] + [0, self.side])
        found = [polygon_coverage([shapely.get_coordinates(shape)], (self.side, self.side)) for shape in flipped]
        indices, weights = (np.concatenate(each) for each in zip(*found, strict=True))
        return np.cumsum([0, *(each.size for each, _ in found)]), indices, weights

    @cached_property
    def spans(self) -> Spans:
        """The same for the kernels."""
        return spans_of(*self.matrix)

    @cached_property
    def centres(self) -> Spans:
        """Whole pixels, those whose centre lies inside."""
        inside = [
            np.flatnonzero(geometry_mask([shape], (self.side, self.side), self.affine, invert=True))
            for shape in self.table.geometry
        ]
        indices = np.concatenate(inside)
        return spans_of(np.cumsum([0, *(each.size for each in inside)]), indices, np.ones(indices.size))

    @cached_property
    def labels(self) -> Array:
        """Of each pixel (flattened) the polygon that its centre lies in, -1 for none."""
        numbered = [(shape, number) for number, shape in enumerate(self.table.geometry)]
        flat: Array = rasterize(numbered, (self.side, self.side), -1, transform=self.affine, dtype="int32").ravel()
        return flat

    @cached_property
    def affine(self) -> Any:
        """From pixels to x and y."""
        return from_bounds(0, 0, self.side, self.side, self.side, self.side)


def berths(size: "Size") -> "Tiles":
    """Berths of 15 to 35 by 4 to 8 pixels, turned any way and anywhere: some overlap, some reach over the border."""
    return _tiles(size, _scattered(size, np.random.default_rng(1)))


def with_circles(size: "Size") -> "Tiles":
    """The same and circles that overlap them and each other, up to a third of the image across."""
    rng = np.random.default_rng(1)
    shapes = _scattered(size, rng)
    middles = rng.uniform(0.2 * size.side, 0.8 * size.side, (CIRCLES, 2))
    return _tiles(
        size, [*shapes, *shapely.buffer(shapely.points(middles), size.side * rng.uniform(0.07, 0.17, CIRCLES))]
    )


def apart(size: "Size") -> "Tiles":
    """Berths on a lattice, which do not overlap."""
    rng = np.random.default_rng(1)
    step = size.side / 9
    middles = (np.stack(np.divmod(np.arange(BERTHS), 9), axis=1) + 0.5) * step
    lengths, widths = rng.uniform(15, 35, BERTHS), rng.uniform(4, 8, BERTHS)
    return _tiles(size, _turned(middles, np.minimum(lengths, step / 2), np.minimum(widths, step / 2), rng))


def polygons_alone(size: "Size") -> "Tiles":
    """Berths and circles, without scenes."""
    return [(with_circles(size)[0][1],)]


def _scattered(size: "Size", rng: np.random.Generator) -> list[shapely.Polygon]:
    return _turned(rng.uniform(0, size.side, (BERTHS, 2)), rng.uniform(15, 35, BERTHS), rng.uniform(4, 8, BERTHS), rng)


def _turned(middles: Array, lengths: Array, widths: Array, rng: np.random.Generator) -> list[shapely.Polygon]:
    shapes = []
    for middle, length, width, angle in zip(middles, lengths, widths, rng.uniform(0, np.pi, len(middles)), strict=True):
        along = np.array([np.cos(angle), np.sin(angle)]) * length / 2
        across = np.array([-np.sin(angle), np.cos(angle)]) * width / 2
        shapes.append(
            shapely.Polygon(middle + np.array([along + across, along - across, -along - across, across - along]))
        )
    return shapes


def _tiles(size: "Size", shapes: Sequence[Any]) -> "Tiles":
    rng = np.random.default_rng(0)
    polygons = Polygons(gpd.GeoDataFrame(geometry=list(shapes), crs=CRS), size.side)
    tiles = []
    for dates in np.diff(np.linspace(0, size.dates, PARTS + 1).astype(int)):
        stack = rng.random((dates, size.side, size.side), np.float32)
        stack[stack < UNSEEN] = np.nan
        tiles.append((stack, polygons))
    return tiles


def work(tile: tuple[Any, ...]) -> tuple[float, float]:
    """Pixel-dates, and bytes in the lines of memory that hold them, each once for each date."""
    polygons: Polygons = tile[-1]
    if len(tile) == 1:
        return float(polygons.matrix[1].size), 0.0
    stack = tile[0]
    lines = np.unique(polygons.matrix[1] * stack.itemsize // LINE_BYTES).size
    return float(polygons.matrix[1].size * len(stack)), float(lines * LINE_BYTES * len(stack))


def mean(stack: Array, polygons: Polygons) -> Array:
    return weighted_mean(stack, polygons.spans)[0]


def mean_of_centres(stack: Array, polygons: Polygons) -> Array:
    return weighted_mean(stack, polygons.centres)[0]


def variance_and_median(stack: Array, polygons: Polygons) -> tuple[Array, Array]:
    return weighted_variance(stack, polygons.spans)[1], weighted_quantile(stack, polygons.spans, [0.5])[0][0]


def weights(polygons: Polygons) -> Array:
    """Made anew; of each polygon their sum, and their sum with signs that tell one pixel from another."""
    again = Polygons(polygons.table, polygons.side)
    starts, indices, shares = again.matrix
    return _sums(starts, indices, shares, again.spans.whole.size)


def exactextract_weights(polygons: Polygons) -> Array:
    image = np.zeros((polygons.side, polygons.side), np.float32)
    found = _exactextract(image[None], polygons, ["cell_id", "coverage"])
    indices, shares = (np.concatenate(list(found[name])) for name in ("cell_id", "coverage"))
    return _sums(np.cumsum([0, *map(len, found["cell_id"])]), indices, shares, len(found))


def _sums(starts: Array, indices: Array, shares: Array, count: int) -> Array:
    number = np.repeat(np.arange(count), np.diff(starts))
    return np.stack([np.bincount(number, shares * np.cos(k * indices), count) for k in range(2)])


def exactextract_mean(stack: Array, polygons: Polygons) -> Array:
    return np.asarray(_exactextract(stack, polygons, ["mean"]).to_numpy().T)


def exactextract_variance_and_median(stack: Array, polygons: Polygons) -> tuple[Array, Array]:
    found = _exactextract(stack, polygons, ["variance", "median"])
    return tuple(found.filter(regex=f"{name}$").to_numpy().T for name in ("variance", "median"))


def _exactextract(stack: Array, polygons: Polygons, operations: list[str]) -> Any:
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    side, wkt = polygons.side, polygons.table.crs.to_wkt()
    rasters = [
        NumPyRasterSource(image, 0, 0, side, side, nodata=np.nan, name=f"d{date}", srs_wkt=wkt)
        for date, image in enumerate(stack)
    ]
    return exact_extract(rasters if len(rasters) > 1 else rasters[0], polygons.table, operations, output="pandas")


def rasterstats_mean(stack: Array, polygons: Polygons) -> Array:
    from rasterstats import zonal_stats

    found = [
        zonal_stats(polygons.table, image, affine=polygons.affine, nodata=np.nan, stats=["mean"]) for image in stack
    ]
    return np.array(
        [[np.nan if zone["mean"] is None else zone["mean"] for zone in image] for image in found], np.float64
    )


def flox_mean(stack: Array, polygons: Polygons) -> Array:
    """Of the pixels that are in a zone, picked out first: over whole images it is a hundred times slower."""
    from flox import groupby_reduce

    held = np.flatnonzero(polygons.labels >= 0)
    picked = stack.reshape(len(stack), -1)[:, held].astype(np.float64)
    groups = np.arange(len(polygons.table))
    return np.asarray(groupby_reduce(picked, polygons.labels[held], func="nanmean", expected_groups=groups)[0])
