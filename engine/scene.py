"""A source's scenes: what its addresses and patterns stand for, read, made unique, and in order of time.

One scene that cannot be used never stops the others: it is set aside by name and reason.
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from berthwatch.address import absolute, expand, is_image, is_remote
from berthwatch.assets import asset_addresses
from berthwatch.catalogue import Bounds, Unusable, walk
from berthwatch.config import Source
from berthwatch.errors import Fault, InputError, SceneError
from berthwatch.geotiff import Group, group_files, scene_from_files
from berthwatch.model import Scene, SetAside
from berthwatch.stac import parse_item, scene_from_item

_OPENERS = 8
"""Remote GeoTIFFs opened at once."""


def list_scenes(source: Source, base: Path, bbox: Bounds | None = None) -> tuple[list[Scene], list[SetAside]]:
    """All scenes of a source, from STAC documents and from GeoTIFFs without any.

    Parameters
    ----------
    source
        Its `scenes` may be addresses or patterns of STAC items, item collections, catalogues or APIs, of GeoTIFF
        files, or folders of these; local, `https://` or `s3://`. GeoTIFFs that a STAC item describes are its assets,
        not scenes.
    base
        The folder relative patterns start from.
    bbox
        West, south, east, north in degrees (:attr:`Port.bounds`): what an API is searched for. Needed for APIs only.

    Returns
    -------
    scenes
        Sorted by time, then id. Of several documents with one id the first, by address, is kept.
    set aside
        Documents and scenes that cannot be used, with the reason, sorted by id.

    Raises
    ------
    InputError
        When a pattern matches nothing.
    """
    addresses = _addresses(source, base)
    images = [address for address in addresses if is_image(address)]
    read: list[Scene | SetAside] = []
    described: set[str] = set()
    for found in walk([address for address in addresses if not is_image(address)], bbox):
        if isinstance(found, Unusable):
            # A folder may hold other JSON, a provider's metadata; a pattern was meant to name scenes.
            if not found.foreign or addresses.get(found.address, True):
                read.append(SetAside(_name(found.address, base), source.name, found.reason))
            continue
        try:
            item = parse_item(found.item, found.address)
            described.update(asset_addresses(item))
            read.append(scene_from_item(item, found.item, source))
        except SceneError as error:
            read.append(SetAside(_name(error.scene_id, base), source.name, error.reason))
    read += _read_images([address for address in images if address not in described], source)
    return _sorted_unique(read, source, base)


def _addresses(source: Source, base: Path) -> dict[str, bool]:
    """Every address the source's patterns stand for, once, and whether one of them names it itself."""
    found: dict[str, bool] = {}
    faults = []
    for pattern in [source.scenes] if isinstance(source.scenes, str) else source.scenes:
        came = "nothing there"
        matches: dict[str, bool] = {}
        try:
            matches = expand(absolute(pattern, base))
        except OSError as error:
            came = str(error)
        if not matches:
            where = f"{source.where or f'source {source.name}'} scenes"
            faults.append(Fault(where, f"scenes at {pattern}", came))
        for address, named in matches.items():
            found[address] = named or found.get(address, False)
    if faults:
        raise InputError(faults)
    return found


def _read_images(addresses: Sequence[str], source: Source) -> Iterable[Scene | SetAside]:
    def attempt(group: Group) -> Scene | SetAside:
        try:
            return scene_from_files(group, source)
        except SceneError as error:
            return SetAside(group.scene_id, source.name, error.reason)

    groups = group_files(addresses, source)
    with ThreadPoolExecutor(_OPENERS if any(map(is_remote, addresses)) else 1) as pool:
        return list(pool.map(attempt, groups))


def _sorted_unique(read: Iterable[Scene | SetAside], source: Source, base: Path) -> tuple[list[Scene], list[SetAside]]:
    """Scenes by time; a second scene with an id is set aside unless it says the same of the same files."""
    kept: dict[str, Scene] = {}
    aside = []
    for scene in read:
        if isinstance(scene, SetAside):
            aside.append(scene)
            continue
        first = kept.setdefault(scene.scene_id, scene)
        if first is not scene and replace(scene, document=first.document) != first:
            other, this = _name(first.document, base), _name(scene.document, base)
            reason = f"two scenes have this id: {other} was taken and {this}, which differs, was not"
            aside.append(SetAside(scene.scene_id, source.name, reason))
    ordered = sorted(kept.values(), key=lambda scene: (scene.time, scene.scene_id))
    return ordered, sorted(set(aside), key=lambda one: (one.scene_id, one.reason))


def _name(address: str, base: Path) -> str:
    """An address as a person would write it in the run file: relative to its folder where it lies below it."""
    below = os.path.abspath(base) + os.sep
    return address.removeprefix(below)
