"""Where a grid's pixels lie on earth, said in the three ways other software looks for.

CF (`grid_mapping` and `spatial_ref`) is read by xarray, rioxarray and odc-geo; the Zarr conventions
`proj:` and `spatial:` (GeoZarr) by newer readers; `_CRS` by GDAL. A grid is read back from `proj:` and `spatial:`.
"""

from collections.abc import Mapping
from typing import Any

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

GRID_MAPPING = "spatial_ref"

CONVENTIONS = [
    {
        "name": "proj:",
        "uuid": "f17cb550-5864-4468-aeb7-f3180cfb622f",
        "schema_url": "https://raw.githubusercontent.com/zarr-experimental/geo-proj/refs/tags/v1/schema.json",
        "spec_url": "https://github.com/zarr-experimental/geo-proj/blob/v1/README.md",
        "description": "Coordinate reference system information for geospatial data",
    },
    {
        "name": "spatial:",
        "uuid": "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4",
        "schema_url": "https://raw.githubusercontent.com/zarr-conventions/spatial/refs/tags/v1/schema.json",
        "spec_url": "https://github.com/zarr-conventions/spatial/blob/v1/README.md",
        "description": "Spatial coordinate information",
    },
]


def crs_of(grid: GeoBox) -> CRS:
    """A grid's CRS; odc-geo allows a grid to have none, we do not."""
    assert grid.crs is not None, f"a grid without a CRS: {grid}"
    return grid.crs


def geozarr_attributes(grid: GeoBox) -> dict[str, Any]:
    """Attributes of a group or of a (time, y, x) array that place it on earth, GeoZarr conventions.

    >>> grid = GeoBox((2, 3), Affine(10, 0, 500000, 0, -10, 4000000), "EPSG:32636")
    >>> geozarr_attributes(grid)["spatial:transform"]
    [10.0, 0.0, 500000.0, 0.0, -10.0, 4000000.0]
    """
    box, crs = grid.boundingbox, crs_of(grid)
    attributes: dict[str, Any] = {
        "zarr_conventions": CONVENTIONS,
        "proj:wkt2": crs.to_wkt(),
        "spatial:dimensions": ["y", "x"],
        "spatial:transform": [float(value) for value in grid.affine[:6]],
        "spatial:bbox": [box.left, box.bottom, box.right, box.top],
        "spatial:shape": [int(grid.shape[0]), int(grid.shape[1])],
        "spatial:registration": "pixel",
    }
    if crs.epsg is not None:
        attributes["proj:code"] = f"EPSG:{crs.epsg}"
    return attributes


def grid_of(attributes: Mapping[str, Any]) -> GeoBox:
    """The grid that `geozarr_attributes` described.

    >>> grid = GeoBox((2, 3), Affine(10, 0, 500000, 0, -10, 4000000), "EPSG:32636")
    >>> grid_of(geozarr_attributes(grid)) == grid
    True
    """
    crs = attributes.get("proj:code") or attributes["proj:wkt2"]
    return GeoBox(tuple(attributes["spatial:shape"]), Affine(*attributes["spatial:transform"]), crs)


def array_attributes(grid: GeoBox) -> dict[str, Any]:
    """Attributes of one (time, y, x) array: GeoZarr's, CF's pointer to `spatial_ref`, and GDAL's `_CRS`.

    `grid_mapping` is an attribute, not an encoding: xarray drops it from an encoding that is replaced.
    """
    crs = crs_of(grid)
    for_gdal: dict[str, Any] = {"wkt": crs.to_wkt()}
    if crs.epsg is not None:
        for_gdal["url"] = f"http://www.opengis.net/def/crs/EPSG/0/{crs.epsg}"
    return {**geozarr_attributes(grid), "grid_mapping": GRID_MAPPING, "_CRS": for_gdal}


def grid_mapping_attributes(grid: GeoBox) -> dict[str, Any]:
    """Attributes of the scalar `spatial_ref`: CF's grid mapping, with GDAL's `GeoTransform` and WKT.

    >>> grid = GeoBox((2, 3), Affine(10, 0, 500000, 0, -10, 4000000), "EPSG:32636")
    >>> grid_mapping_attributes(grid)["grid_mapping_name"]
    'transverse_mercator'
    """
    crs = crs_of(grid)
    wkt = crs.to_wkt()
    transform = " ".join(repr(float(value)) for value in grid.affine.to_gdal())
    return {**crs.proj.to_cf(), "crs_wkt": wkt, "spatial_ref": wkt, "GeoTransform": transform}
