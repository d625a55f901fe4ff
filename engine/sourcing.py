"""Sources made of the scenes found: named, held together by patterns, with what could not be found out about each."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from berthwatch.address import is_image
from berthwatch.catalogue import Bounds
from berthwatch.config import Source
from berthwatch.errors import Fault, InputError, SceneError
from berthwatch.geotiff import has_clock
from berthwatch.inspection import Place
from berthwatch.model import Scene, SetAside, Unit
from berthwatch.observation import ANGLES, COARSEST_FREEBOARD_M
from berthwatch.page.words import count
from berthwatch.patterns import by_role, patterns_for
from berthwatch.prospect import Prospect
from berthwatch.raster import opened, read_patches
from berthwatch.sampling import spread_evenly
from berthwatch.scene import list_scenes
from berthwatch.sightline import angles_of

SAMPLED: Final = 5
"""Scenes whose numbers are looked at for their unit."""
WINDOW_PX: Final = 512
FAINTEST_DB: Final = -80.0
"""No radar image of the earth has half of its pixels fainter: such numbers are decibels times something."""


@dataclass(frozen=True, slots=True)
class Found:
    """A source with its scenes, the pixel size and sensor they share, and how its unit is known."""

    source: Source
    scenes: tuple[Scene, ...]
    set_aside: tuple[SetAside, ...]
    resolution_m: float
    unit_from: str
    unknown: tuple[str, ...]


def sources_of(places: Sequence[Place], bbox: Bounds | None) -> tuple[list[Found], list[tuple[str, str]]]:
    """Put the scenes of all places together to sources, and read each as a run would.

    Returns
    -------
    found, unusable
        Sources with at least one scene, the largest first; and the scenes of the others, with the reason.

    Raises
    ------
    InputError
        Kind or bands of some scenes cannot be told, or their numbers cannot be what they seem.
    """
    grouped: dict[tuple[object, ...], list[Prospect]] = {}
    for one in (each for place in places for each in place.prospects):
        bands = tuple(band.casefold() for band in one.bands)
        grouped.setdefault((one.kind, bands, one.resolution_m, one.unit, one.mask), []).append(one)
    series = sorted(grouped.values(), key=len, reverse=True)
    series, unusable = _told(series)
    found = []
    for name, own in zip(_names(series), series, strict=True):
        each = _found(name, own, places, bbox)
        if each.scenes:
            found.append(each)
        else:
            unusable += [(scene.scene_id, scene.reason) for scene in each.set_aside]
    return found, unusable


def _told(series: Sequence[list[Prospect]]) -> tuple[list[list[Prospect]], list[tuple[str, str]]]:
    """The series whose kind and bands are known, and the scenes of the others with what is to be said of them.

    Raises
    ------
    InputError
        None is known: then the missing word is asked for.
    """
    told, faults, left = [], [], []
    for own in series:
        asked = None
        if own[0].kind is None:
            asked = "names or STAC items that tell radar from optical; else say --kind sar or --kind optical"
        elif not own[0].bands:
            asked = "bands with names; else say them in the order of the file, as in --bands blue,green,red,nir"
        if asked is None:
            told.append(own)
            continue
        faults.append(Fault(f"{count(len(own), 'scene')}, the first {own[0].name}", asked, own[0].shape))
        left += [(one.name, f"expected {asked}; got {own[0].shape}") for one in own]
    if faults and not told:
        raise InputError(faults)
    return told, left


def _names(series: Sequence[Sequence[Prospect]]) -> list[str]:
    """A name for each source: its sensor's where all scenes are of one, else its kind and pixel size."""
    names: list[str] = []
    for own in series:
        sensors = {None if one.sensor is None else one.sensor.name for one in own}
        sensor = sensors.pop() if len(sensors) == 1 else None
        name = sensor or f"{own[0].kind}-{own[0].resolution_m:g}m"
        if name in names:
            name = f"{name}-{own[0].resolution_m:g}m" if sensor else f"{name}-{own[0].bands[0].casefold()}"
        name = re.sub(r"[^A-Za-z0-9._-]", "-", name)
        names.append(name if name not in names else f"{name}-{len(names) + 1}")
    return names


def _found(name: str, own: Sequence[Prospect], places: Sequence[Place], bbox: Bounds | None) -> Found:
    first = own[0]
    assert first.kind is not None, "was checked"
    unit, unit_from = _unit(name, own)
    stated = unit if unit_from == "seen" else None
    source = Source(name, first.kind, _patterns(own, places), first.bands, mask=first.mask, units=stated)
    scenes, set_aside = list_scenes(source, Path.cwd(), bbox)
    shown = replace(source, units=unit)
    return Found(
        source, tuple(scenes), tuple(set_aside), first.resolution_m, unit_from,
        tuple(_unknown(shown, scenes, own, unit_from)),
    )  # fmt: skip


def _patterns(own: Sequence[Prospect], places: Sequence[Place]) -> tuple[str, ...]:
    """What the run file says: the argument itself where it holds nothing else, else patterns."""
    ids = {id(one) for one in own}
    found: dict[str, None] = {}
    for place in places:
        here = [one for one in place.prospects if id(one) in ids]
        if not here:
            continue
        roles = by_role(one.files for one in here)
        named = {file for files in roles.values() for file in files}
        if not named <= place.addresses:  # items that a catalogue or an API leads to
            leading = [one for one in sorted(place.addresses) if not is_image(one)]
            found |= dict.fromkeys([place.pattern] if place.pattern is not None else leading)
            continue
        found |= dict.fromkeys(patterns_for(roles, place.beside - named, place.pattern))
    return tuple(found)


def _unit(name: str, own: Sequence[Prospect]) -> tuple[Unit | None, str]:
    """The unit of radar numbers and how it is known: the scenes' word, or what the numbers can only be.

    Raises
    ------
    InputError
        The numbers are decibels times something, or some scenes' are decibels and some are not.
    """
    if own[0].kind != "sar":
        return None, ""
    middles = [_middle(own[place]) for place in spread_evenly(len(own), SAMPLED).tolist()]
    known = [middle for middle in middles if math.isfinite(middle)]
    if not known:
        return own[0].unit, "told" if own[0].unit else "assumed"
    if min(known) < FAINTEST_DB:
        expected = "linear power or decibels, after the scale that the files or STAC items state"
        came = (
            f"numbers around {min(known):g}, perhaps decibels times 100; give the files their scale, as "
            "`gdal_edit.py -scale 0.01 FILE` does, or put STAC items with raster:bands beside them"
        )
        raise InputError([Fault(f"{len(own)} scenes of {name}, the first {own[0].name}", expected, came)])
    if own[0].unit is not None:
        return own[0].unit, "told"
    signs = {middle < 0 for middle in known}
    if len(signs) > 1:
        came = "numbers below zero in some and above in others; put them into folders of their own"
        raise InputError([Fault(f"{len(own)} scenes of {name}", "one unit, linear or decibels", came)])
    return ("db", "seen") if signs == {True} else ("linear", "assumed")


def _middle(one: Prospect) -> float:
    """The median of a scene's numbers in the middle of the file, else in all of it; NaN where there are none."""
    try:
        with opened(one.name, "band", one.hulls.href) as file:
            grid = GeoBox(file.shape, file.transform, CRS(file.crs.to_wkt()))
        height, width = grid.shape
        rows, columns = (slice(max(0, (side - WINDOW_PX) // 2), (side + WINDOW_PX) // 2) for side in (height, width))
        whole = grid.zoom_out(max(1.0, max(height, width) / WINDOW_PX))
        for part in (grid[rows, columns], whole):
            patch = read_patches(one.name, {"band": (one.hulls, "linear")}, part)["band"]
            values = np.empty(0) if patch is None else patch.values[np.isfinite(patch.values) & (patch.values != 0)]
            if values.size:
                return float(np.median(values))
    except SceneError:
        pass  # a scene that cannot be read says nothing of the others' unit, and is set aside by the run
    return math.nan


def _unknown(source: Source, scenes: Sequence[Scene], own: Sequence[Prospect], unit_from: str) -> Iterable[str]:
    """What nothing says of a source, and what follows from that."""
    if unit_from == "assumed":
        yield "whether its numbers are power or amplitude: power is taken; amplitude would have to be squared first"
    if scenes and not any(has_clock(scene.time) for scene in scenes):
        yield "the hour of its scenes: their names hold days alone, which are taken as midnight UTC"
    if source.kind == "sar":
        yield "loads: no freeboard is measured in radar scenes, so it gives visits but no barrels"
        if len({scene.track for scene in scenes}) == 1 and scenes and scenes[0].track == "all":
            yield "its orbits: all scenes are taken as seen from one place; STAC items with sat: fields would tell"
        return
    if source.mask is None:
        yield "a mask: none lies beside it whose values are known, so clouds are told from the pixels alone"
    if own[0].resolution_m > COARSEST_FREEBOARD_M:
        yield f"loads: pixels of {own[0].resolution_m:g} m are too coarse for a freeboard, so no barrels from it"
        return
    blind = sum(isinstance(_angles(scene), str) for scene in scenes)
    if blind:
        yield (
            f"loads, in {blind} of {count(len(scenes), 'scene')}: they do not say where sun and satellite stood, so no "
            "freeboard is possible in them, and no barrels; STAC items with view: fields would tell"
        )


def _angles(scene: Scene) -> object:
    told = (getattr(scene.geometry, name) for name in ANGLES)
    return angles_of(*(math.nan if angle is None else angle for angle in told))


def reasons_of(unusable: Iterable[tuple[str, str]]) -> list[str]:
    """Names of what was left out, by reason, the most frequent first."""
    listed = list(unusable)
    return [
        f"{next(name for name, other in listed if other == reason)}"
        + (f" and {count - 1} more" if count > 1 else "")
        + f": {reason}"
        for reason, count in Counter(reason for _, reason in listed).most_common()
    ]
