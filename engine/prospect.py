"""What one scene is, before any run file says so: its kind, bands, pixel size, unit and mask.

A scene is judged from its STAC item, or from its files' names and headers; what these do not say is None or empty.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from berthwatch.assets import Item, as_unit, find_band
from berthwatch.bands import hull_band
from berthwatch.bandwords import (
    COLOURS,
    MASKS,
    POLARIZATIONS,
    Sensor,
    band_words,
    chosen_bands,
    kind_of_bands,
    sensor_of,
    words_of,
)
from berthwatch.config import MaskRule
from berthwatch.errors import SceneError
from berthwatch.geotiff import Group
from berthwatch.grid import pixel_size_m
from berthwatch.model import BandFile, Kind, Unit
from berthwatch.page.words import count
from berthwatch.raster import check_georeferenced, opened

MANY: Final = 3
"""From so many bands of whole numbers on, a file is no radar's."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """One scene as found.

    `files` are what names it, by role: a band's or the mask's word, or "" for the one file or document with all.
    `kind` and `bands` are None and empty where nothing says them. `hulls` is where hulls would be looked for, and
    `shape` what its file looks like, in words.
    """

    name: str
    files: Mapping[str, str]
    stac: bool
    kind: Kind | None
    bands: tuple[str, ...]
    resolution_m: float
    unit: Unit | None
    mask: MaskRule | None
    sensor: Sensor | None
    hulls: BandFile
    shape: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself: `described` its bands' own names, `coloured` the colours they are shown in."""

    described: tuple[str, ...]
    coloured: tuple[str, ...]
    dtype: str
    units: tuple[Unit | None, ...]
    resolution_m: float

    @property
    def shape(self) -> str:
        """Bands and type, in words."""
        return f"{count(len(self.described), 'band')} of {self.dtype}, pixels of {self.resolution_m:g} m"


def read_header(scene_id: str, address: str) -> Header:
    """Open a file for what it says of itself.

    Raises
    ------
    SceneError
        It cannot be opened, lies nowhere, or holds complex numbers.
    """
    name = os.path.basename(address)
    with opened(scene_id, name, address) as file:
        check_georeferenced(scene_id, name, address, file)
        if file.dtypes[0].startswith("complex"):
            raise SceneError(scene_id, f"{name} holds complex numbers; detected, terrain-corrected power is needed")
        return Header(
            tuple(text or "" for text in file.descriptions),
            tuple(str(each.name) if each.name in COLOURS else "" for each in file.colorinterp),
            str(file.dtypes[0]),
            tuple(map(as_unit, file.units)),
            _size_m(file.crs.to_wkt(), file.transform, file.shape),
        )


@cache  # scenes of a series share a grid, and projections are slow to set up
def _size_m(wkt: str, transform: Affine, shape: tuple[int, int]) -> float:
    """The pixel size on the ground, to two digits: what differs by less is no other resolution."""
    grid = GeoBox(shape, transform, CRS(wkt))
    west, south, east, north = grid.extent.to_crs("EPSG:4326").boundingbox.bbox
    return float(f"{pixel_size_m(grid, CRS.utm((west + east) / 2, (south + north) / 2)):.2g}")


def prospect_of_files(group: Group, asked: Kind | None, names: Sequence[str]) -> Prospect:
    """What the files of one scene are.

    Parameters
    ----------
    group : Group
        From `group_files`, without its mask.
    asked : {"sar", "optical"}, optional
        The kind to take where nothing tells it.
    names : sequence of str
        The bands' names in the order of the file, where nothing tells them.

    Raises
    ------
    SceneError
        See `read_header`.
    """
    sensor = sensor_of(*(os.path.basename(file) for file in group.files), os.path.dirname(group.files[0]))
    if "" not in group.bands:
        there = {name.casefold(): name.casefold() for name in group.bands}
        kind = kind_of_bands(there) or (sensor.kind if sensor else asked)
        bands = chosen_bands(kind, there, sensor) if kind else ()
        files = {band: file for band, file in group.bands.items() if band.casefold() in bands}
        best = hull_band(bands, kind) if kind else next(iter(group.bands)).casefold()
        address = next(file for band, file in group.bands.items() if band.casefold() == best)
        header, index = read_header(group.scene_id, address), 1
    else:
        files, address = group.bands, group.bands[""]
        header = read_header(group.scene_id, address)
        kind, bands = _within(header, sensor, asked, names)
        best = hull_band(bands, kind) if kind and bands else ""
        index = _position(best, header, bands)
    unit = header.units[index - 1]
    hulls = BandFile(address, index, None, None, None, unit)
    return Prospect(
        group.scene_id, files, False, kind, bands, header.resolution_m, unit, None, sensor, hulls, header.shape
    )  # fmt: skip


def _within(
    header: Header, sensor: Sensor | None, asked: Kind | None, names: Sequence[str]
) -> tuple[Kind | None, tuple[str, ...]]:
    """Kind and bands of one file that holds all bands."""
    described = {name: words_of(name) for name in header.described if name}
    known = band_words(described)
    there = {word: name for name, words in reversed(described.items()) for word in words if word in known}
    there |= {name.casefold(): name for name in described if name.casefold() in known}  # blue is not coastal_blue
    total = len(header.described)
    many = "optical" if total >= MANY and "int" in header.dtype else None
    kind: Kind | None = kind_of_bands(there) or (sensor.kind if sensor else many or asked)  # type: ignore[assignment]
    if kind is None:
        return None, ()
    if there:
        return kind, chosen_bands(kind, there, sensor)
    if len(described) == total > 1:
        return kind, tuple(described)
    if len(set(header.coloured) - {""}) == total > 1:
        return kind, header.coloured
    if len(names) == total:
        return kind, tuple(names)
    return kind, ("band1",) if total == 1 else ()


def _position(best: str, header: Header, bands: Sequence[str]) -> int:
    """The index, from 1, of a band: by its description, else by order."""
    if best in header.described:
        return header.described.index(best) + 1
    return bands.index(best) + 1 if best in bands else 1


def prospect_of_item(item: Item, asked: Kind | None) -> Prospect:
    """What the scene of a STAC item is.

    Raises
    ------
    SceneError
        No band of it is known, or the file of its main band cannot be opened.
    """
    says = item.properties
    told = " ".join(str(says.get(key) or "") for key in ("constellation", "platform", "collection", "mission"))
    sensor = sensor_of(told, item.item_id)
    there = {word: word for word in POLARIZATIONS if _has(item, word)}
    radar = bool(there) or any(key.startswith("sar:") for key in says)
    kind: Kind | None = "sar" if radar else sensor.kind if sensor else _optical(item) or asked
    if kind == "optical":
        colours = sensor.colours if sensor else COLOURS
        there = {word: word for words in colours.values() for word in words if _has(item, word)}
    if not there:
        there = {key.casefold(): key for key in item.assets if _has(item, key)}
    if not there:
        raise SceneError(item.item_id, f"no band is known: the assets are {', '.join(item.assets) or 'none'}")
    bands = chosen_bands(kind, there, sensor) if kind else tuple(there.values())
    hulls = find_band(item, hull_band(bands, kind or "sar"))
    header = read_header(item.item_id, hulls.href)
    unit = hulls.unit or header.units[min(hulls.band, len(header.units)) - 1]
    return Prospect(
        item.item_id, {"": item.document}, True, kind, bands, header.resolution_m, unit, None, sensor, hulls,
        header.shape,
    )  # fmt: skip


def _has(item: Item, name: str) -> bool:
    try:
        find_band(item, name)
    except SceneError:
        return False
    return True


def _optical(item: Item) -> Kind | None:
    """Clouds and the sun are spoken of in optical items only."""
    texts = [*item.properties, *(key for asset in item.assets.values() for key in asset)]
    seen = any(key.startswith(("eo:", "view:sun_", "s2:")) for key in texts)
    return "optical" if seen else None


def with_mask(prospect: Prospect, files: Mapping[str, Any]) -> Prospect:
    """The same scene with the first mask among those at hand whose values are known.

    Parameters
    ----------
    prospect : Prospect
        Of an optical scene; another stays as it is.
    files : mapping of str to str
        The word or asset key of each mask, and its address.
    """
    if prospect.kind != "optical":
        return prospect
    for word in MASKS:
        for key, address in files.items():
            if word == key.casefold() or word in words_of(key):
                index = 1
            else:
                index = _clear_band(prospect.name, address) if word == "clear" else 0
            if index:
                kept = prospect.files if prospect.stac else {**prospect.files, key: address}
                return replace(prospect, mask=MaskRule(key, index, MASKS[word]), files=kept)
    return prospect


def _clear_band(scene_id: str, address: str) -> int:
    """The band, from 1, that a file itself calls clear; 0 where there is none."""
    try:
        described = read_header(scene_id, address).described
    except SceneError:
        return 0
    return next((place for place, text in enumerate(described, 1) if text.casefold() == "clear"), 0)
