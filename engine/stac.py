"""A STAC item (1.0.0-beta.1 to 1.1) becomes a scene: its time, bands, mask, geometry and footprint.

Items are read by hand: what is needed is a dozen fields whose names changed little over these versions, and
hundreds of items must be read in well under a second.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import shapely
from shapely.geometry import MultiPolygon, Polygon, box, shape
from shapely.geometry.base import BaseGeometry

from berthwatch.assets import Item, asset_key, band_file, find_band
from berthwatch.config import MaskRule, Source
from berthwatch.errors import SceneError
from berthwatch.model import BandFile, Geometry, Scene

_VERSION = re.compile(r"^1\.\d+\.\d+(-(beta|rc)\.\d+)?$")


def parse_item(document: Mapping[str, Any], address: str) -> Item:
    """What an item's JSON says, checked as far as it must be to name the scene.

    Parameters
    ----------
    document
        The parsed JSON.
    address
        Where it was found: relative hrefs start there.

    Raises
    ------
    SceneError
        When it is no STAC item of a version known here.

    Examples
    --------
    >>> parse_item({"type": "Feature", "stac_version": "1.0.0", "id": "a", "properties": {}, "assets": {}}, "x").item_id
    'a'
    """
    name = document.get("id")
    if isinstance(name, bool) or not isinstance(name, str | int) or not str(name).strip():
        raise SceneError(address, f"the STAC item's id is {name!r}; expected a text")
    item_id = str(name)
    version = document.get("stac_version")
    if not isinstance(version, str) or not _VERSION.match(version):
        raise SceneError(item_id, f"stac_version is {version!r}; versions 1.0.0-beta.1 to 1.1 can be read")
    properties, assets = document.get("properties"), document.get("assets")
    if not isinstance(properties, Mapping) or not isinstance(assets, Mapping):
        raise SceneError(item_id, "the STAC item has no properties or no assets")
    kept = {str(key): asset for key, asset in assets.items() if isinstance(asset, Mapping)}
    return Item(item_id, properties, kept, address)


def scene_from_item(item: Item, document: Mapping[str, Any], source: Source) -> Scene:
    """The scene an item describes, with the bands and mask its source asks for.

    Parameters
    ----------
    item
        From :func:`parse_item`.
    document
        The same item's JSON, for its footprint.
    source
        The bands and the mask wanted.

    Returns
    -------
    Scene
        Its time in UTC. What the item does not say about geometry is None.

    Raises
    ------
    SceneError
        When a band or the mask is not there, or the time is missing or has no zone.
    """
    time = _time(item)
    bands = {name: find_band(item, name) for name in source.bands}
    platform = item.properties.get("platform")
    return Scene(
        scene_id=item.item_id,
        time=time,
        bands=bands,
        mask=_mask(item, source.mask),
        geometry=geometry(item.properties),
        platform=str(platform) if platform is not None else None,
        footprint=footprint(document),
        document=item.document,
    )


def utc(text: str) -> datetime:
    """An ISO 8601 time with a zone, in UTC.

    Raises
    ------
    ValueError
        When it cannot be read or has no zone, naming the text.

    Examples
    --------
    >>> utc("2022-01-03T05:43:16+02:00").isoformat()
    '2022-01-03T03:43:16+00:00'
    >>> utc("2022-01-03T03:43:16")
    Traceback (most recent call last):
    ...
    ValueError: the time '2022-01-03T03:43:16' has no zone
    """
    try:
        time = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        raise ValueError(f"the time {text!r} is not ISO 8601") from None
    if time.tzinfo is None:
        raise ValueError(f"the time {text!r} has no zone")
    if not 1950 <= time.year < 2200:
        raise ValueError(f"the time {text!r} is not that of a satellite")
    return time.astimezone(UTC)


def _time(item: Item) -> datetime:
    value = item.properties.get("datetime") or item.properties.get("start_datetime")
    if not isinstance(value, str):
        raise SceneError(item.item_id, "it has no time: neither datetime nor start_datetime")
    try:
        return utc(value)
    except ValueError as error:
        raise SceneError(item.item_id, str(error)) from None


def _mask(item: Item, rule: MaskRule | None) -> BandFile | None:
    if rule is None:
        return None
    key = asset_key(item, rule.asset)
    if key not in item.assets:
        keys = ", ".join(item.assets) or "none"
        raise SceneError(item.item_id, f"mask asset {rule.asset!r} is not there: the assets are {keys}")
    return band_file(item, key, rule.band)


def geometry(properties: Mapping[str, Any]) -> Geometry:
    """Sun, view and orbit as the item's properties give them.

    >>> found = geometry({"s2:mean_solar_zenith": 40.0, "sat:orbit_state": "Ascending", "view:azimuth": "unknown"})
    >>> found.sun_elevation_deg, found.orbit_state, found.view_azimuth_deg
    (50.0, 'ascending', None)
    """

    def number(key: str) -> float | None:
        value = properties.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return float(value)

    def first(*values: float | None) -> float | None:
        return next((value for value in values if value is not None), None)

    def complement(angle_deg: float | None) -> float | None:
        return None if angle_deg is None else 90.0 - angle_deg

    orbit = properties.get("sat:orbit_state")
    track = number("sat:relative_orbit")
    looks = number("sar:looks_equivalent_number")
    return Geometry(
        sun_azimuth_deg=first(number("view:sun_azimuth"), number("s2:mean_solar_azimuth")),
        sun_elevation_deg=first(number("view:sun_elevation"), complement(number("s2:mean_solar_zenith"))),
        view_off_nadir_deg=number("view:off_nadir"),
        view_incidence_deg=first(number("view:incidence_angle"), complement(number("umbra:grazing_angle_degrees"))),
        view_azimuth_deg=number("view:azimuth"),
        orbit_state=orbit.lower() if isinstance(orbit, str) else None,
        relative_orbit=int(track) if track is not None else None,
        looks=looks if looks is not None and looks > 0 else None,
    )


def footprint(document: Mapping[str, Any]) -> Polygon | MultiPolygon | None:
    """The item's area in EPSG:4326, flattened to two dimensions and made valid; its bbox where it has no area.

    >>> footprint({"geometry": None, "bbox": [0, 1, -5, 2, 3, 9]}).bounds
    (0.0, 1.0, 2.0, 3.0)
    """
    try:
        area = _polygonal(shape(document["geometry"]))
    except (KeyError, TypeError, AttributeError, ValueError, shapely.errors.ShapelyError):
        area = None
    if area is not None:
        return area
    bbox = document.get("bbox")
    if not isinstance(bbox, list) or len(bbox) not in (4, 6) or not all(isinstance(one, int | float) for one in bbox):
        return None
    half = len(bbox) // 2
    return box(bbox[0], bbox[1], bbox[half], bbox[half + 1])


def _polygonal(area: BaseGeometry) -> Polygon | MultiPolygon | None:
    flat = shapely.force_2d(area)
    if not flat.is_valid:
        flat = shapely.make_valid(flat)
    if flat.geom_type == "GeometryCollection":
        flat = shapely.union_all([part for part in flat.geoms if part.geom_type in ("Polygon", "MultiPolygon")])
    return flat if isinstance(flat, Polygon | MultiPolygon) and not flat.is_empty else None
