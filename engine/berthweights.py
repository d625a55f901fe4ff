"""How much of each pixel of a georeferenced array lies in each berth: found once, used for every scene on that grid.

Berths are brought to the array's coordinate reference system corner by corner. A polygon that cannot be weighed (empty,
flat, crossing itself, not to be expressed in the array's system) is an error, and not a berth of no pixels.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import ODCExtensionDa, ODCExtensionDs
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from berthwatch.errors import Fault, InputError
from berthwatch.georeference import crs_of
from berthwatch.model import Berth
from berthwatch.zones import coverage_in

UNEVEN_PX = 0.05
"""How far a coordinate may lie from where even steps put it; degrees kept as float32 lie a little off."""

type Berths = Sequence[Berth] | gpd.GeoDataFrame


@dataclass(frozen=True, slots=True)
class BerthWeights:
    """Berths on a grid: berth b covers the flattened pixels indices[indptr[b]:indptr[b + 1]].

    `weights` is the share of each of these pixels inside the berth, above 0 and at most 1.
    """

    berth_ids: tuple[str, ...]
    grid: GeoBox
    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    weights: NDArray[np.float64]


def berth_weights(array: xr.DataArray | xr.Dataset, berths: Berths) -> BerthWeights:
    """Weigh the pixels of an array by how much of each lies in each berth.

    Parameters
    ----------
    array : (..., y, x) DataArray, or Dataset
        With coordinates in even steps and a CRS, as rioxarray and odc-geo keep it. Its values are not looked at.
    berths : sequence of Berth, or GeoDataFrame
        `port.berths`, or polygons in any CRS, named by the column `berth_id` or else by the index. They may overlap,
        and lie outside the array in part or wholly.

    Returns
    -------
    BerthWeights

    Raises
    ------
    InputError
        No CRS (of the array, of the GeoDataFrame), coordinates that are missing or uneven, no berths, an id given
        twice, or polygons without an area or that cross themselves: a fault for each.

    >>> import odc.geo.xr
    >>> array = xr.DataArray(np.zeros((2, 2)), {"y": [25, 15], "x": [5, 15]}, ("y", "x")).odc.assign_crs("EPSG:32636")
    >>> table = gpd.GeoDataFrame({"berth_id": ["B1"]}, geometry=[shapely.box(0, 20, 15, 30)], crs="EPSG:32636")
    >>> found = berth_weights(array, table)
    >>> found.berth_ids, found.indices.tolist(), found.weights.tolist()
    (('B1',), [0, 1], [1.0, 0.5])
    """
    grid, _ = grid_of_array(array)
    berth_ids, shapes = _named(berths)
    faults = [fault for name, shape in zip(berth_ids, shapes, strict=True) for fault in _faults(name, shape)]
    faults += [Fault(f"berth {name}", "each id once", "the same id again") for name in _repeated(berth_ids)]
    faults += [] if berth_ids else [Fault("berths", "at least one", "none")]
    if faults:
        raise InputError(faults)
    placed = shapes.to_crs(str(grid.crs))
    lost = [name for name, shape in zip(berth_ids, placed, strict=True) if not _is_finite(shape)]
    if lost:
        expected = f"a place that {crs_of(grid).proj.name} can express"
        raise InputError([Fault(f"berth {name}", expected, "another") for name in lost])
    covered = [coverage_in(shape, grid) for shape in placed]
    return BerthWeights(
        berth_ids,
        grid,
        np.cumsum([0, *(indices.size for indices, _ in covered)], dtype=np.int64),
        np.concatenate([indices for indices, _ in covered]),
        np.concatenate([weights for _, weights in covered]),
    )


def grid_of_array(array: xr.DataArray | xr.Dataset) -> tuple[GeoBox, tuple[str, str]]:
    """The grid an array lies on, and the names of its dimensions, y first.

    Raises
    ------
    InputError
        Coordinates that are missing or uneven, or no CRS.
    """
    found = ODCExtensionDs(array) if isinstance(array, xr.Dataset) else ODCExtensionDa(array)
    grid, dims = found.geobox, found.spatial_dims
    wanted = "coordinates y and x in even steps, at least two of each"
    if not isinstance(grid, GeoBox) or not dims:
        raise InputError([Fault("array", wanted, f"dimensions {tuple(array.dims)} with {_listed(array.coords)}")])
    for dim in dims:
        steps = np.asarray(array[dim].values, np.float64)
        size = (steps[-1] - steps[0]) / (steps.size - 1)
        if not (np.abs(steps - np.linspace(steps[0], steps[-1], steps.size)) <= UNEVEN_PX * abs(size)).all():
            raise InputError([Fault(f"array, {dim!r}", wanted, "uneven ones")])
    if grid.crs is None:
        raise InputError([Fault("array", "a CRS, as .rio.write_crs(...) or .odc.assign_crs(...) sets it", "none")])
    return grid, (dims[0], dims[1])


def _listed(names: "xr.Coordinates") -> str:
    return f"coordinates {', '.join(map(str, names))}" if len(names) else "no coordinates"


def _named(berths: Berths) -> tuple[tuple[str, ...], gpd.GeoSeries]:
    if not isinstance(berths, gpd.GeoDataFrame):
        shapes = gpd.GeoSeries([berth.polygon for berth in berths], crs="EPSG:4326")
        return tuple(berth.berth_id for berth in berths), shapes
    if berths.crs is None:
        raise InputError([Fault("berths", "a GeoDataFrame with a CRS, as .set_crs(...) sets it", "one without")])
    return tuple(map(str, berths.get("berth_id", berths.index))), berths.geometry


def _is_finite(shape: BaseGeometry) -> bool:
    return bool(np.isfinite(shapely.get_coordinates(shape)).all())


def _repeated(names: Sequence[Hashable]) -> list[Hashable]:
    return [name for place, name in enumerate(names) if name in names[:place]]


def _faults(name: str, shape: BaseGeometry | None) -> Iterator[Fault]:
    """What keeps a polygon from being weighed."""
    where = f"berth {name}"
    if not isinstance(shape, Polygon | MultiPolygon):
        yield Fault(where, "a Polygon or MultiPolygon", "no geometry" if shape is None else shape.geom_type)
    elif shape.is_empty:
        yield Fault(where, "a polygon with an area", "an empty one")
    elif not _is_finite(shape):
        yield Fault(where, "corners that are numbers", "one that is not finite")
    elif shape.area == 0.0:
        yield Fault(where, "a polygon with an area", "a flat one")
    elif not shape.is_valid:
        yield Fault(where, "a polygon that does not cross itself", explain_validity(shape))
