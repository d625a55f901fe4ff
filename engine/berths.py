"""Berths, controls and reference water: polygons of declared water, read from GeoJSON in EPSG:4326.

A mistake in a polygon would be a mistake in every number after it, so all are looked for here: other
coordinate systems, polygons that are empty or cross themselves, ids missing or given twice.
"""

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.validation import explain_validity

from berthwatch.errors import Fault, InputError
from berthwatch.model import Berth

_LON_LAT = re.compile(r"(CRS:?84|EPSG:+(\d[\d.]*:)?4326)$", re.IGNORECASE)
KINDS = ("berth", "control")


def read_berths(path: Path) -> tuple[Berth, ...]:
    """Read the berths and controls of a port.

    Parameters
    ----------
    path
        A GeoJSON FeatureCollection (or one Feature) of polygons in longitude and latitude (EPSG:4326), each with
        the property `berth_id` and, where it is not a berth, `kind: control`. Heights are dropped.

    Returns
    -------
    tuple of Berth
        In the file's order.

    Raises
    ------
    InputError
        With a fault for each feature that cannot be used.
    """
    document = _document(path)
    faults = [*_crs_faults(path, document)]
    berths: dict[str, Berth] = {}
    for number, feature in enumerate(_features(path, document)):
        where = f"{path.name} features[{number}]"
        try:
            berth = _berth(where, feature)
        except InputError as error:
            faults.extend(error.faults)
            continue
        if berth.berth_id in berths:
            faults.append(Fault(f"{where} berth_id", "each berth_id once", f"{berth.berth_id!r} a second time"))
        berths[berth.berth_id] = berth
    if not berths and not faults:
        faults.append(Fault(path.name, "at least one berth", "none"))
    if faults:
        raise InputError(faults)
    return tuple(berths.values())


def read_water(path: Path) -> Polygon | MultiPolygon:
    """Read reference water: GeoJSON polygons in EPSG:4326, joined to one area.

    Raises
    ------
    InputError
        With a fault for each polygon that cannot be used, or when there is none.
    """
    document = _document(path)
    faults = [*_crs_faults(path, document)]
    parts = []
    for number, feature in enumerate(_features(path, document)):
        try:
            parts.append(_polygon(f"{path.name} features[{number}]", feature.get("geometry")))
        except InputError as error:
            faults.extend(error.faults)
    if not parts and not faults:
        faults.append(Fault(path.name, "at least one polygon of water", "none"))
    if faults:
        raise InputError(faults)
    water = shapely.union_all(parts)
    assert isinstance(water, Polygon | MultiPolygon)
    return water


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError([Fault(path.name, "GeoJSON", f"what is not JSON: {error}")]) from None
    if not isinstance(document, dict):
        raise InputError([Fault(path.name, "a GeoJSON FeatureCollection", f"a JSON {type(document).__name__}")])
    return document


def _features(path: Path, document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    kind = document.get("type")
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        for number, feature in enumerate(document["features"]):
            if not isinstance(feature, dict):
                raise InputError([Fault(f"{path.name} features[{number}]", "a GeoJSON Feature", repr(feature))])
            yield feature
    elif kind == "Feature":
        yield document
    elif kind in ("Polygon", "MultiPolygon"):
        yield {"geometry": document}
    else:
        raise InputError([Fault(path.name, "a GeoJSON FeatureCollection", f"type {kind!r}")])


def _crs_faults(path: Path, document: Mapping[str, Any]) -> Iterator[Fault]:
    """GeoJSON is longitude and latitude; the old `crs` member is let pass only where it says just that."""
    crs = document.get("crs")
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or not _LON_LAT.search(name):
        yield Fault(f"{path.name} crs", "longitude and latitude (EPSG:4326)", str(name or crs))


def _berth(where: str, feature: Mapping[str, Any]) -> Berth:
    """One feature as a berth; raises InputError with everything wrong with it."""
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    faults = []
    berth_id = _text(properties.get("berth_id"))
    if berth_id is None:
        near = difflib.get_close_matches("berth_id", properties, n=1) or [key for key in properties if key == "id"]
        hint = f" (it has {near[0]!r})" if near else ""
        faults.append(Fault(where, f"a property berth_id, a text or a number{hint}", repr(properties.get("berth_id"))))
    else:
        where = f"{where} (berth {berth_id})"
    kind = properties.get("kind") or "berth"
    if kind not in KINDS:
        faults.append(Fault(f"{where} kind", " or ".join(KINDS), repr(kind)))
    try:
        polygon = _polygon(where, feature.get("geometry"))
    except InputError as error:
        faults.extend(error.faults)
    if faults:
        raise InputError(faults)
    assert berth_id is not None
    return Berth(berth_id, "control" if kind == "control" else "berth", polygon)


def _text(value: object) -> str | None:
    """An id as text: 12 and 12.0 are both "12"."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() or None


def _polygon(where: str, geometry: Any) -> Polygon | MultiPolygon:
    """A valid polygon in longitude and latitude, flattened; raises InputError saying what it is instead."""
    if geometry is None:
        raise InputError([Fault(where, "a polygon", "no geometry")])
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise InputError([Fault(where, "a Polygon or MultiPolygon", str(kind))])
    numbers = [*_numbers(geometry.get("coordinates"))]
    if not numbers:
        raise InputError([Fault(where, "a polygon with an area", "an empty polygon")])
    if not all(map(math.isfinite, numbers)):
        raise InputError([Fault(where, "coordinates that are numbers", "one that is not finite")])
    try:
        polygon = shapely.force_2d(shape(geometry))
    except (TypeError, ValueError, IndexError, shapely.errors.ShapelyError) as error:
        raise InputError([Fault(where, "a polygon", f"coordinates that make none: {error}")]) from None
    outside = _outside(polygon)
    if outside:
        raise InputError([Fault(where, "longitude and latitude in degrees (EPSG:4326)", outside)])
    if not polygon.is_valid:
        raise InputError([Fault(where, "a polygon that does not cross itself", _crossing(polygon))])
    assert isinstance(polygon, Polygon | MultiPolygon)
    return polygon


def _numbers(coordinates: object) -> Iterator[float]:
    """Each number, however deep."""
    if isinstance(coordinates, list):
        for part in coordinates:
            yield from _numbers(part)
    elif isinstance(coordinates, int | float):
        yield coordinates


def _outside(polygon: Polygon | MultiPolygon) -> str | None:
    points = shapely.get_coordinates(polygon)
    for lon, lat in points.tolist():
        if abs(lon) > 180.0 or abs(lat) > 180.0:
            return f"the point {lon:g}, {lat:g}, which looks like projected metres"
        if abs(lat) > 90.0:
            return f"the latitude {lat:g}: perhaps longitude and latitude are swapped"
    return None


def _crossing(polygon: Polygon | MultiPolygon) -> str:
    """Shapely's explanation in words: `Self-intersection[35.1 35.2]` names the place."""
    reason = explain_validity(polygon)
    found = re.fullmatch(r"(.+)\[(\S+) (\S+)\]", reason)
    return f"{found[1].lower()} at longitude {found[2]}, latitude {found[3]}" if found else reason.lower()
