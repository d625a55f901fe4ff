"""GeoTIFF or COG files without STAC become scenes: files of one name but for the band are one scene.

The time comes from TIFFTAG_DATETIME or from an ISO-like stamp in the name. Neither carries a zone as a rule,
and the field's convention is UTC: a time without a zone is taken as UTC here, and only here. A date alone is
taken as its midnight. A tag and a name that disagree by more than a day set the scene aside, because one of
them is then the time of processing.
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as midnight
from typing import Any

from shapely.geometry import Polygon, box

from berthwatch.address import gdal_options
from berthwatch.assets import as_unit
from berthwatch.bandwords import SEPARATOR
from berthwatch.config import Source
from berthwatch.errors import SceneError
from berthwatch.model import BandFile, Geometry, Scene

_STAMP = re.compile(
    r"(?<!\d)(?P<date>(?:19|20|21)\d{2}-?\d{2}-?\d{2})"
    r"(?:[T_ -]?(?P<clock>\d{2}:?\d{2}:?\d{2})(?:\.\d+)?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?(?!\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Group:
    """The files that make one scene: each band's own file, or one file with all, and perhaps a mask."""

    scene_id: str
    bands: dict[str, str]
    """Band name to address; the name "" stands for a file that holds all bands."""
    mask: str | None

    @property
    def files(self) -> list[str]:
        """The files of the bands."""
        return list(self.bands.values())


def group_files(addresses: Sequence[str], source: Source) -> list[Group]:
    """Group files into scenes by folder and name, leaving out the band's word in the name.

    Parameters
    ----------
    addresses
        GeoTIFF addresses.
    source
        Names the bands and the mask looked for.

    Returns
    -------
    list of Group
        In the order of their first file.

    Examples
    --------
    >>> source = Source("s", "sar", "", ("vv", "vh"))
    >>> groups = group_files(["/x/20220103T034316_vh.tif", "/x/20220103T034316_vv.tif"], source)
    >>> [(group.scene_id, sorted(group.bands)) for group in groups]
    [('20220103T034316', ['vh', 'vv'])]
    """
    bands = {band.casefold(): band for band in source.bands}
    mask = source.mask.asset.casefold() if source.mask else None
    groups: dict[tuple[str, str], dict[str, str]] = {}
    masks: list[tuple[tuple[str, str], str]] = []
    for address in addresses:
        folder, name = os.path.split(address.split("?")[0])
        words = SEPARATOR.split(os.path.splitext(name)[0])
        band_words = [word for word in words if word.casefold() in bands]
        mask_words = [word for word in words if word.casefold() == mask]
        if mask_words:
            masks.append(((folder, _without(name, mask_words[0])), address))
        else:
            # A name with several bands' words, such as a_vv_vh.tif, is a file that holds them all.
            one = band_words[0] if len(band_words) == 1 else None
            key = (folder, _without(name, one))
            groups.setdefault(key, {})[bands[one.casefold()] if one else ""] = address
    return [Group(_scene_id(*key), files, _mask_of(key, masks)) for key, files in groups.items()]


def _without(name: str, word: str | None) -> str:
    stem = os.path.splitext(name)[0]
    if word is None:
        return stem
    return re.sub(rf"(^|[_. -]+){re.escape(word)}(?=[_. -]|$)", "", stem, count=1).strip("_. -")


def _scene_id(folder: str, stem: str) -> str:
    """The name without the band; a folder per scene, as in 2022-01-03/vv.tif, names the scene itself."""
    return stem or os.path.basename(folder)


def _mask_of(key: tuple[str, str], masks: list[tuple[tuple[str, str], str]]) -> str | None:
    """The mask of the same name, else the one in the folder whose name begins as the scene's does."""
    folder, stem = key
    for other, address in masks:
        if other == key:
            return address
    begun = up_to_stamp(stem)
    near = [address for (place, name), address in masks if place == folder and begun and name.startswith(begun)]
    return near[0] if len(near) == 1 else None


def up_to_stamp(stem: str) -> str | None:
    """A name as far as its stamp, which the files of one scene have in common; None without a stamp.

    >>> up_to_stamp("20220103_034316_1a_3B_udm2"), up_to_stamp("preview")
    ('20220103_034316', None)
    """
    found = _STAMP.search(stem)
    return stem[: found.end()] if found else None


def has_clock(time: datetime) -> bool:
    """Whether a time is more than a date, which is taken as its midnight.

    >>> has_clock(datetime(2022, 1, 3, 3, 43)), has_clock(datetime(2022, 1, 3, tzinfo=UTC))
    (True, False)
    """
    return time.time() != midnight()


def scene_from_files(group: Group, source: Source) -> Scene:
    """Open a group's files for their tags, and make the scene.

    Parameters
    ----------
    group
        From :func:`group_files`.
    source
        The bands and mask wanted.

    Returns
    -------
    Scene
        Without geometry: a GeoTIFF says nothing of sun, view and orbit.

    Raises
    ------
    SceneError
        When a file cannot be opened, a band or the mask is not there, or there is no time or CRS.
    """
    import rasterio

    with rasterio.Env(**gdal_options()):
        bands: dict[str, BandFile] = {}
        first = group.files[0]
        for name, address in group.bands.items():
            dataset = _open(group, address)
            with dataset:
                bands |= _bands(group, source, name, dataset, address)
                if address == first:
                    time, footprint = _time(group, dataset), _footprint(group, dataset)
    missing = [band for band in source.bands if band not in bands]
    if missing:
        names = ", ".join(os.path.basename(file) for file in group.files)
        raise SceneError(group.scene_id, f"band {missing[0]!r} is not there: the files are {names}")
    mask = None
    if source.mask is not None:
        if group.mask is None:
            raise SceneError(
                group.scene_id, f"mask {source.mask.asset!r} is not there: no file of the scene has that name"
            )
        mask = BandFile(group.mask, source.mask.band, None, None, None, None)
    ordered = {band: bands[band] for band in source.bands}
    return Scene(group.scene_id, time, ordered, mask, Geometry(), None, footprint, first)


def _open(group: Group, address: str) -> Any:
    import rasterio

    try:
        return rasterio.open(address)
    except rasterio.errors.RasterioError as error:
        raise SceneError(group.scene_id, f"{os.path.basename(address)} cannot be opened: {error}") from None


def _bands(group: Group, source: Source, name: str, dataset: Any, address: str) -> dict[str, BandFile]:
    """The bands one file holds: its own, or all by their descriptions, or all by order."""

    def at(index: int) -> BandFile:
        # Scale, offset and nodata stay None: the pixel reader takes the file's own.
        return BandFile(address, index, None, None, None, as_unit(dataset.units[index - 1]))

    if name:
        return {name: at(1)}
    described = {
        (text or "").casefold(): index for index, text in reversed(list(enumerate(dataset.descriptions, start=1)))
    }
    found = {band: at(described[band.casefold()]) for band in source.bands if band.casefold() in described}
    if found:
        return found
    if dataset.count != len(source.bands):
        file = os.path.basename(address)
        raise SceneError(
            group.scene_id,
            f"band {source.bands[0]!r} is not there: {file} has {dataset.count} bands without such descriptions, "
            f"and {len(source.bands)} are asked for, so their order says nothing",
        )
    return {band: at(index) for index, band in enumerate(source.bands, start=1)}


def _time(group: Group, dataset: Any) -> datetime:
    tag = dataset.tags().get("TIFFTAG_DATETIME")
    tagged = _tag_time(tag)
    named = stamp(os.path.basename(group.files[0])) or stamp(os.path.basename(os.path.dirname(group.files[0])))
    if tagged and named and abs(tagged - named) > timedelta(days=1):
        reason = f"its name says {named.isoformat()} and its tag TIFFTAG_DATETIME says {tag!r}: one is not its time"
        raise SceneError(group.scene_id, reason)
    time = tagged or named
    if time is None:
        reason = "it has no time: neither a tag TIFFTAG_DATETIME nor a stamp such as 20220103T034316 in the name"
        raise SceneError(group.scene_id, reason)
    return time


def _tag_time(tag: str | None) -> datetime | None:
    try:
        return datetime.strptime(tag or "", "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return stamp(tag or "")


def stamp(text: str) -> datetime | None:
    """The first ISO-like time in a text, one with a clock before one without; UTC where it has no zone.

    >>> [str(stamp(name)) for name in ("S1A_20220103T034316_vv", "2022-01-03T05:43:16+02:00", "20220103_034316_1a")]
    ['2022-01-03 03:43:16+00:00', '2022-01-03 03:43:16+00:00', '2022-01-03 03:43:16+00:00']
    >>> str(stamp("site-12345678-2022-01-03")), stamp("041284_04E832")
    ('2022-01-03 00:00:00+00:00', None)
    """
    found = sorted(_stamps(text), key=lambda pair: not pair[0])
    return found[0][1] if found else None


def _stamps(text: str) -> Iterator[tuple[bool, datetime]]:
    """Each stamp that is a possible time, with whether it has a clock."""
    for match in _STAMP.finditer(text):
        digits = re.sub(r"[-:]", "", match["date"] + (match["clock"] or "000000"))
        try:
            time = datetime.fromisoformat(f"{digits[:8]}T{digits[8:]}{(match['zone'] or 'Z').upper()}")
        except ValueError:
            continue
        yield match["clock"] is not None, time.astimezone(UTC)


def _footprint(group: Group, dataset: Any) -> Polygon:
    from rasterio.warp import transform_bounds

    if dataset.crs is None:
        raise SceneError(group.scene_id, f"{os.path.basename(dataset.name)} has no coordinate system")
    return box(*transform_bounds(dataset.crs, "EPSG:4326", *dataset.bounds))
