"""Where in a STAC item a band's pixels are: an asset key, a named band of an asset, or a polarization.

Three generations describe bands: `eo:bands` beside `raster:bands` (STAC 1.0), one list `bands` (1.1), and
`sar:polarizations`, which only lists names. What a band does not say itself, its asset says (1.1 inherits).
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from berthwatch.address import is_image, resolve
from berthwatch.errors import SceneError
from berthwatch.model import BandFile, Unit

_PREVIEWS = {"thumbnail", "overview", "visual", "tilejson", "true-color"}
_PREVIEW_KEYS = re.compile(r"thumb|overview|preview|browse|visual|tci", re.IGNORECASE)
_NOT_PIXELS = re.compile(
    r"^(text/|video/|application/(json|geo\+json|xml|pdf|zip|octet-stream|vnd\.nitf))", re.IGNORECASE
)
_DECIBEL = {"db", "decibel", "decibels"}
_LINEAR = {"linear", "power", "intensity"}


@dataclass(frozen=True, slots=True)
class Item:
    """A STAC item as parsed, and the address its relative hrefs start from."""

    item_id: str
    properties: Mapping[str, Any]
    assets: Mapping[str, Mapping[str, Any]]
    document: str


@dataclass(frozen=True, slots=True)
class _Place:
    """One band of one asset, by its 1-based index; the lower the demerit, the likelier it is data."""

    key: str
    index: int
    names: tuple[str, ...]
    common_names: tuple[str, ...]
    demerit: int


def find_band(item: Item, name: str) -> BandFile:
    """The file and index of a band, by asset key, else by band name, else by polarization.

    Parameters
    ----------
    item
        The parsed item.
    name
        As in the run file; case does not matter.

    Returns
    -------
    BandFile
        With scale, offset, nodata and unit where the item gives them, else None.

    Raises
    ------
    SceneError
        When no asset has it, naming what there is.

    Examples
    --------
    >>> item = Item("a", {}, {"data": {"href": "a.tif", "eo:bands": [{"name": "Red"}, {"name": "NIR"}]}}, "/x/a.json")
    >>> find_band(item, "nir").href, find_band(item, "nir").band
    ('/x/a.tif', 2)
    """
    place = _by_key(item, name) or _by_band_name(item, name) or _by_polarization(item, name)
    if place is None:
        raise SceneError(item.item_id, f"band {name!r} is not there: {_what_there_is(item)}")
    return band_file(item, *place)


def band_file(item: Item, key: str, index: int) -> BandFile:
    """Band `index` (from 1) of the asset `key`, with what the item says of its numbers.

    Raises
    ------
    SceneError
        When the asset is not there or is not an image, or a scale is not a number.
    """
    asset = item.assets.get(key)
    if asset is None:
        raise SceneError(item.item_id, f"asset {key!r} is not there: the assets are {', '.join(item.assets) or 'none'}")
    if not isinstance(asset.get("href"), str):
        raise SceneError(item.item_id, f"asset {key!r} has no href")
    if _NOT_PIXELS.match(str(asset.get("type") or "")):
        raise SceneError(item.item_id, f"asset {key!r} is {asset['type']}, not an image")
    says = _band_fields(item, asset, index)
    offset = _number(item, key, "offset", says)
    # Earth Search goes on declaring the Sentinel-2 offset where it has already been taken off the pixels.
    if offset and any(item.properties.get(f"{who}:boa_offset_applied") is True for who in ("earthsearch", "sentinel")):
        offset = 0.0
    return BandFile(
        href=resolve(asset["href"], item.document),
        band=index,
        scale=_number(item, key, "scale", says),
        offset=offset,
        nodata=_number(item, key, "nodata", says),
        unit=as_unit(says.get("unit")),
    )


def as_unit(text: object) -> Unit | None:
    """A unit as STAC or GeoTIFF writes it, where it says anything about SAR numbers.

    >>> as_unit("dB"), as_unit("linear"), as_unit("degrees"), as_unit(None)
    ('db', 'linear', None, None)
    """
    word = str(text).strip().lower()
    return "db" if word in _DECIBEL else "linear" if word in _LINEAR else None


def asset_key(item: Item, name: str) -> str:
    """The key of an asset without regard to case; the name itself where there is none."""
    if name in item.assets:
        return name
    return next((key for key in item.assets if key.casefold() == name.casefold()), name)


def asset_addresses(item: Item) -> Iterator[str]:
    """The addresses of all assets: these files are described by the item, and are no scenes by themselves."""
    for asset in item.assets.values():
        if isinstance(asset.get("href"), str):
            yield resolve(asset["href"], item.document)


def _by_key(item: Item, name: str) -> tuple[str, int] | None:
    key = asset_key(item, name)
    if key not in item.assets:
        return None
    # A key may be the name of one of several bands inside the asset: then that one is meant.
    for place in _places(item):
        if place.key == key and name.casefold() in place.names + place.common_names:
            return key, place.index
    return key, 1


def _by_band_name(item: Item, name: str) -> tuple[str, int] | None:
    wanted = name.casefold()
    for kind in ("names", "common_names"):
        found = [place for place in _places(item) if wanted in getattr(place, kind)]
        if found:
            best = min(found, key=lambda place: place.demerit)
            return best.key, best.index
    return None


def _by_polarization(item: Item, name: str) -> tuple[str, int] | None:
    """Assets that list polarizations; else the one asset named for it; else the item's only image."""
    wanted = name.casefold()
    images = {key: asset for key, asset in item.assets.items() if _demerit(key, asset) is not None}
    for key, asset in images.items():
        own = _folded(asset.get("sar:polarizations"))
        if wanted in own:
            return key, own.index(wanted) + 1
    listed = _folded(item.properties.get("sar:polarizations"))
    if wanted not in listed:
        return None
    named = [key for key in images if wanted in re.split(r"[^a-z0-9]+", key.casefold())]
    if len(named) == 1:
        return named[0], 1
    best = min((_demerit(key, asset) or 0 for key, asset in images.items()), default=0)
    only = [key for key, asset in images.items() if _demerit(key, asset) == best]
    return (only[0], listed.index(wanted) + 1) if len(only) == 1 else None


def _places(item: Item) -> list[_Place]:
    """Every named band of every image, in the item's order."""
    images = {key: demerit for key, asset in item.assets.items() if (demerit := _demerit(key, asset)) is not None}
    places = []
    for key, demerit in images.items():
        bands = _bands(item.assets[key])
        if not bands and len(images) == 1:
            bands = _bands(item.properties)
        for index, band in enumerate(bands, start=1):
            if isinstance(band, int):  # before 1.0.0-beta.2 an asset lists positions in the item's eo:bands
                of_item = _bands(item.properties)
                band = of_item[band] if 0 <= band < len(of_item) else {}
            if isinstance(band, Mapping):
                common = (band.get("common_name"), band.get("eo:common_name"))
                places.append(_Place(key, index, _words([band.get("name")]), _words(common), demerit))
    return places


def _bands(owner: Mapping[str, Any]) -> Sequence[Any]:
    for field in ("bands", "eo:bands"):
        if isinstance(owner.get(field), list) and owner[field]:
            return list(owner[field])
    return ()


def _words(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(value.casefold() for value in values if isinstance(value, str))


def _folded(values: object) -> list[str]:
    return list(_words(values)) if isinstance(values, list) else []


def _demerit(key: str, asset: Mapping[str, Any]) -> int | None:
    """How unlikely an asset is to hold measured pixels; None when it holds none."""
    media = str(asset.get("type") or "").lower()
    href = str(asset.get("href") or "")
    if _NOT_PIXELS.match(media) or not (media.startswith("image/") or is_image(href)):
        return None
    roles = {str(role).lower() for role in asset.get("roles") or ()}
    preview = bool(roles & _PREVIEWS and not (roles & {"data"} and not roles & {"visual"}))
    picture = not ("tiff" in media or "jp2" in media or is_image(href))
    named_preview = bool(_PREVIEW_KEYS.search(key))
    return 4 * picture + 2 * (preview or named_preview) + (bool(roles) and "data" not in roles)


def _band_fields(item: Item, asset: Mapping[str, Any], index: int) -> dict[str, Any]:
    """scale, offset, nodata, unit: the band's own (1.1, then 1.0's raster:bands), else its asset's, else the item's."""
    owners: list[Mapping[str, Any]] = []
    for field in ("bands", "raster:bands", "eo:bands"):
        listed = asset.get(field)
        if isinstance(listed, list) and index <= len(listed) and isinstance(listed[index - 1], Mapping):
            owners.append(listed[index - 1])
    says: dict[str, Any] = {}
    for field in ("scale", "offset", "nodata", "unit"):
        for owner in owners:
            says.setdefault(field, owner.get(f"raster:{field}", owner.get(field)))
            if says[field] is None:
                del says[field]
        for owner in (asset, item.properties):
            inherited = owner.get(f"raster:{field}", owner.get(field) if field in ("nodata", "unit") else None)
            if inherited is not None:
                says.setdefault(field, inherited)
    return says


def _number(item: Item, key: str, field: str, says: Mapping[str, Any]) -> float | None:
    value = says.get(field)
    if value is None:
        return None
    try:
        number = float(value)  # "nan", "inf" and "-inf" are how JSON writes these nodata values
    except (TypeError, ValueError):
        raise SceneError(item.item_id, f"{field} of asset {key!r} is {value!r}, not a number") from None
    if field != "nodata" and not math.isfinite(number):
        raise SceneError(item.item_id, f"{field} of asset {key!r} is {value!r}, not a finite number")
    return number


def _what_there_is(item: Item) -> str:
    parts = [f"the assets are {', '.join(item.assets) or 'none'}"]
    bands = dict.fromkeys(name for place in _places(item) for name in place.names + place.common_names)
    if bands:
        parts.append(f"the bands are {', '.join(bands)}")
    polarizations = _folded(item.properties.get("sar:polarizations"))
    if polarizations:
        parts.append(f"the polarizations are {', '.join(polarizations)}")
    return "; ".join(parts)
