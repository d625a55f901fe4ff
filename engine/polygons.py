"""Berths as people have them: polygons in any format and projection, made into the berths of a port.

What is no polygon, lies nowhere, or lies beside the scenes is refused here, with what to do about it.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import shapely
from shapely.geometry import MultiPolygon, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry

from berthwatch.berths import KINDS
from berthwatch.catalogue import Bounds
from berthwatch.errors import Fault, InputError
from berthwatch.model import Scene

DRAW_IT: Final = "a polygon of the water that a moored hull covers, drawn for instance in QGIS"
LARGE_M: Final = 1000.0
"""A berth longer than this is more than one berth: the longest tankers are 415 m."""


def features_of_bbox(bbox: Bounds) -> list[dict[str, Any]]:
    """One berth, B1, as wide as west, south, east and north say.

    Raises
    ------
    InputError
        They enclose no area of the earth.
    """
    west, south, east, north = bbox
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        expected = "west south east north in degrees, west less than east, south less than north"
        raise InputError([Fault("--bbox", expected, " ".join(f"{edge:g}" for edge in bbox))])
    return [_feature("B1", "berth", box(*bbox), {})]


def read_features(path: Path) -> list[dict[str, Any]]:
    """The polygons of a file as GeoJSON features in EPSG:4326, each with `berth_id` and `kind`.

    Parameters
    ----------
    path : Path
        Anything pyogrio reads: GeoJSON, GeoPackage, Shapefile, KML.

    Raises
    ------
    InputError
        It cannot be read, has several layers or no coordinate system, or holds what is no polygon.
    """
    table = _table(path)
    degrees = table.to_crs("EPSG:4326")
    names = {str(name).casefold(): name for name in table.columns if name != table.geometry.name}
    faults, features = [], []
    count = {"berth": 0, "control": 0}
    for number, row in enumerate(degrees.to_dict("records")):
        shape = row.pop(degrees.geometry.name)
        where = f"{path.name} features[{number}]"
        fault = _wrong(where, shape)
        if fault is not None:
            faults.append(fault)
            continue
        kind = str(row.get(names.get("kind", "kind")) or "berth").strip().casefold()
        kind = kind if kind in KINDS else "berth"
        count[kind] += 1
        own = row.get(names.get("berth_id", "berth_id"))
        named = own is not None and own == own and str(own).strip()
        berth_id = own if named else f"{'C' if kind == 'control' else 'B'}{count[kind]}"
        kept = {"name": row[names["name"]]} if isinstance(row.get(names.get("name", "")), str) else {}
        features.append(_feature(berth_id, kind, shapely.force_2d(shape), kept))
    if faults:
        raise InputError(faults)
    return features


def _feature(berth_id: object, kind: str, shape: BaseGeometry, kept: dict[str, Any]) -> dict[str, Any]:
    rounded = shapely.transform(shape, lambda xy: xy.round(9))  # a tenth of a millimetre
    return {"type": "Feature", "properties": {"berth_id": berth_id, **kept, "kind": kind}, "geometry": mapping(rounded)}


def _table(path: Path) -> Any:
    """The only layer of a file, with a coordinate system."""
    import pyogrio

    if not path.is_file():
        raise InputError([Fault("--berth", "a file with polygons", f"no such file: {path}")])
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        table = pyogrio.read_dataframe(path, layer=layers[0] if layers else None) if len(layers) == 1 else None
    except pyogrio.errors.DataSourceError as error:
        expected = "a file with polygons that GDAL reads (GeoJSON, GeoPackage, Shapefile, KML)"
        raise InputError([Fault(str(path), expected, " ".join(str(error).split()))]) from None
    if table is None:
        came = f"{len(layers)} layers ({', '.join(layers)}); save the one with the berths as a file of its own"
        raise InputError([Fault(str(path), "a file with one layer of polygons", came if layers else "no geometry")])
    if table.empty:
        raise InputError([Fault(str(path), DRAW_IT, "an empty layer")])
    if table.crs is None:
        raise InputError([Fault(str(path), "a layer with a coordinate system", "none; save it as GeoJSON")])
    return table


def _wrong(where: str, shape: BaseGeometry | None) -> Fault | None:
    if shape is None or shape.is_empty:
        return Fault(where, DRAW_IT, "no geometry")
    if not isinstance(shape, Polygon | MultiPolygon):
        return Fault(where, DRAW_IT, f"a {shape.geom_type}")
    if not all(map(math.isfinite, shape.bounds)):
        return Fault(where, "longitude and latitude in degrees", "numbers that are none")
    return None


def check_within(berths: Sequence[tuple[str, BaseGeometry]], scenes: Sequence[Scene]) -> None:
    """Hold berths against the scenes that should show them.

    Raises
    ------
    InputError
        Some berth lies outside of every scene; whether longitude and latitude are swapped is said.
    """
    prints = [scene.footprint for scene in scenes]
    if any(one is None for one in prints):
        return  # a STAC item need not say where it lies; the grid will tell
    area = shapely.union_all(list({shapely.to_wkb(one): one for one in prints}.values()))
    missed = [(name, shape) for name, shape in berths if not shape.intersects(area)]
    if not missed:
        return
    turned = [shapely.transform(shape, lambda xy: xy[:, ::-1]) for _, shape in berths]
    west, south, east, north = area.bounds
    there = f"longitude {west:.3f} to {east:.3f}, latitude {south:.3f} to {north:.3f}"
    if all(shape.intersects(area) for shape in turned):
        came = "polygons that would lie there if longitude and latitude were not swapped: write longitude first"
        raise InputError([Fault("the polygons", f"polygons within the scenes ({there})", came)])
    raise InputError(
        Fault(f"berth {name}", f"a polygon within the scenes ({there})", f"one at longitude {x:.4f}, latitude {y:.4f}")
        for name, shape in missed
        for x, y in shape.centroid.coords
    )


def longest_side_m(shape: BaseGeometry) -> float:
    """The longer side of the narrowest rectangle around a polygon in degrees, in metres, to about one in a hundred.

    >>> round(longest_side_m(box(0, 60, 0.01, 60.001)))
    557
    """
    middle = shape.centroid
    east = math.cos(math.radians(middle.y))
    metres = shapely.transform(shape, lambda xy: (xy - (middle.x, middle.y)) * (111_320.0 * east, 111_320.0))
    corners = shapely.get_coordinates(metres.minimum_rotated_rectangle)
    return float(max(math.dist(corners[0], corners[1]), math.dist(corners[1], corners[2])))
