"""Outlines of hulls: the bright pixels that were taken for one, as a polygon that a map or a picture can show."""

import geopandas as gpd
import numpy as np
import pandas as pd
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.features import shapes
from shapely.geometry import MultiPolygon, shape

from berthwatch.georeference import crs_of
from berthwatch.hulls import Hull
from berthwatch.tables import TIME

HULL_COLUMNS = ("berth_id", "time", "source", "scene_id")


def outline_of(hull: Hull, grid: GeoBox) -> MultiPolygon:
    """The outer and inner edges of a hull's pixels, in the CRS of its grid.

    >>> grid = GeoBox((4, 4), __import__("affine").Affine(10, 0, 0, 0, -10, 40), "EPSG:32636")
    >>> pixels = np.array([1, 1, 2]), np.array([1, 2, 2])
    >>> outline = outline_of(Hull(*pixels, np.ones(3, np.float32), 20.0, 20.0, 0.0), grid)
    >>> outline.area, outline.bounds
    (300.0, (10.0, 10.0, 30.0, 30.0))
    """
    top, left = int(hull.rows.min()), int(hull.columns.min())
    own = np.zeros((int(hull.rows.max()) - top + 1, int(hull.columns.max()) - left + 1), np.uint8)
    own[hull.rows - top, hull.columns - left] = 1
    placed = shapes(own, mask=own == 1, transform=grid.affine @ Affine.translation(left, top))
    return MultiPolygon([shape(outline) for outline, _ in placed])


def outline_table(rows: list[dict[str, object]], grid: GeoBox) -> gpd.GeoDataFrame:
    """Outlines in EPSG:4326 with the columns of `hulls.parquet`, from rows whose `outline` is in the grid's CRS."""
    table = pd.DataFrame({name: [row[name] for row in rows] for name in HULL_COLUMNS})
    table["time"] = pd.to_datetime(table["time"], utc=True).astype(TIME)
    table = table.astype(dict.fromkeys(("berth_id", "source", "scene_id"), "str"))
    placed = gpd.GeoDataFrame(table, geometry=[row["outline"] for row in rows], crs=crs_of(grid).to_wkt())
    return placed.to_crs("EPSG:4326")
