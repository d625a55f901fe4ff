"""What scenes lie where a person points: each judged by itself, then put together to sources.

Scenes of one kind, with the same bands, pixel size, unit and mask, make a source. What is no scene is kept by name
and reason, so that nothing is passed over in silence.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from berthwatch.address import absolute, expand, is_image, is_remote
from berthwatch.assets import Item, asset_addresses, band_file
from berthwatch.bandwords import COLOURS, MASK_WORDS, MASKS, band_words, words_of
from berthwatch.catalogue import Bounds, Unusable, walk
from berthwatch.config import Source
from berthwatch.errors import Fault, InputError, SceneError
from berthwatch.geotiff import Group, group_files, has_clock, stamp, up_to_stamp
from berthwatch.model import Kind
from berthwatch.progress import Progress
from berthwatch.prospect import Prospect, prospect_of_files, prospect_of_item, with_mask
from berthwatch.stac import parse_item

_OPENERS: Final = 16
NEAR_INFRARED: Final = frozenset(COLOURS["nir"])


@dataclass(frozen=True, slots=True)
class Place:
    """One argument: the absolute pattern, the addresses it stands for, the scenes there, and what may lie beside them.

    Without a pattern the addresses were named one by one.
    `beside` are files that a run passes over by itself: what STAC items describe, and JSON that is no STAC.
    """

    pattern: str | None
    addresses: frozenset[str]
    prospects: tuple[Prospect, ...]
    beside: frozenset[str]


@dataclass(slots=True)
class _Gathered:
    """What is collected while looking."""

    items: list[Item] = field(default_factory=list)
    beside: set[str] = field(default_factory=set)
    unusable: list[tuple[str, str]] = field(default_factory=list)


def inspect(
    arguments: Sequence[str],
    bbox: Bounds | None,
    kind: Kind | None,
    names: Sequence[str],
    progress: Progress,
) -> tuple[tuple[Place, ...], tuple[tuple[str, str], ...]]:
    """Look into folders, patterns and STAC documents.

    Parameters
    ----------
    arguments : sequence of str
        As a person writes them, relative to the current folder.
    bbox
        West, south, east, north in degrees: what a STAC API is asked for.
    kind, names
        The kind and the bands of scenes that do not tell them.
    progress : Progress

    Returns
    -------
    places, unusable
        One place for each argument; and what was found there and is no scene, with the reason.

    Raises
    ------
    InputError
        Nothing there, or nothing that could be a scene.
    """
    places, unusable = [], []
    taken: set[str] = set()
    for pattern, addresses in _named(arguments):
        gathered = _documents([one for one in addresses if not is_image(one)], bbox)
        images = [one for one in addresses if is_image(one) and one not in gathered.beside]
        groups, masks = _groups(images)
        groups, others = _without_companions(groups)
        unusable += gathered.unusable + others
        found, bad = _judged(gathered.items, groups, masks, kind, names, progress)
        unusable += bad
        own = tuple(one for one in found if not taken & set(one.files.values()))  # two arguments may name one file
        taken |= {file for one in own for file in one.files.values()}
        places.append(Place(pattern, frozenset(addresses), own, frozenset(gathered.beside)))
    kept, again = _once([one for place in places for one in place.prospects])
    once = [replace(place, prospects=tuple(one for one in place.prospects if id(one) in kept)) for place in places]
    return tuple(once), (*unusable, *again)


def _named(arguments: Sequence[str]) -> list[tuple[str | None, list[str]]]:
    """Each argument as a pattern with its addresses; files named one by one, as a shell does, are one place.

    Raises
    ------
    InputError
        One fault for each argument that stands for nothing.
    """
    found: list[tuple[str | None, list[str]]] = []
    files: dict[str, None] = {}
    faults = []
    for argument in dict.fromkeys(arguments):
        pattern = absolute(argument, Path.cwd())
        try:
            addresses = list(expand(pattern))
        except OSError as error:
            faults.append(_nothing(argument, str(error)))
            continue
        if not addresses:
            faults.append(_nothing(argument, _instead(Path(pattern))))
        elif os.path.isfile(pattern):
            files |= dict.fromkeys(addresses)
        else:
            found.append((pattern, addresses))
    if faults:
        raise InputError(faults)
    if files:
        found.append((next(iter(files)) if len(files) == 1 else None, list(files)))
    return found


def _nothing(argument: str, came: str) -> Fault:
    return Fault(argument, "a folder or a pattern of GeoTIFFs, or STAC items, a catalogue or an API", came)


def _instead(path: Path) -> str:
    """What lies there that cannot be read."""
    if not path.is_dir():
        return "nothing there"
    ends = Counter(file.suffix.lower() for file in path.rglob("*") if file.is_file())
    if not ends:
        return "an empty folder"
    usual = ", ".join(f"{count} {end or 'without an ending'}" for end, count in ends.most_common(3))
    advice = "; `gdal_translate -of COG` makes GeoTIFFs of what GDAL reads" if ".jp2" in ends or ".nc" in ends else ""
    return f"a folder with other files ({usual}){advice}"


def _documents(addresses: Iterable[str], bbox: Bounds | None) -> _Gathered:
    """STAC items that documents are or lead to."""
    found, listed = _Gathered(), list(addresses)
    for each in walk(listed, bbox):
        if isinstance(each, Unusable):
            if each.foreign:
                found.beside.add(each.address.split(" features[")[0])
            else:
                found.unusable.append((os.path.basename(each.address), each.reason))
            continue
        try:
            item = parse_item(each.item, each.address)
        except SceneError as error:
            found.unusable.append((error.scene_id, error.reason))
            continue
        found.items.append(item)
        found.beside.update(asset_addresses(item))
    # Catalogues only lead to items: what has neither become an item nor a reason is one.
    found.beside.update(set(listed) - {item.document for item in found.items})
    return found


def _groups(images: Sequence[str]) -> tuple[list[Group], dict[tuple[str, str], str]]:
    """Images by scene, and the masks among them by folder and name."""
    stems = {address: _stem(address) for address in images}
    masks = {address for address, stem in stems.items() if MASK_WORDS & set(words_of(stem)) or "qa" in words_of(stem)}
    rest = [address for address in images if address not in masks]
    source = Source("", "optical", "", tuple(sorted(band_words(stems[address] for address in rest))))
    return group_files(rest, source), {(os.path.dirname(one), stems[one]): one for one in sorted(masks)}


def _stem(address: str) -> str:
    return os.path.splitext(os.path.basename(address.split("?", maxsplit=1)[0]))[0]


def _begun(group: Group) -> tuple[str, str | None]:
    """A group's folder, and its name as far as its stamp."""
    return os.path.dirname(group.files[0]), up_to_stamp(_stem(group.files[0]))


def _without_companions(groups: list[Group]) -> tuple[list[Group], list[tuple[str, str]]]:
    """Leave out what comes along with scenes of one file per band: incidence, layover, previews."""
    banded = {_begun(group) for group in groups if "" not in group.bands}
    left = [group for group in groups if "" in group.bands and _begun(group) in banded]
    kept = [group for group in groups if group not in left]
    reason = "its name has no word for a band, as those of the same time do"
    return kept, [(os.path.basename(one.files[0]), reason) for one in left]


def _judged(
    items: Sequence[Item],
    groups: Sequence[Group],
    masks: dict[tuple[str, str], str],
    kind: Kind | None,
    names: Sequence[str],
    progress: Progress,
) -> tuple[list[Prospect], list[tuple[str, str]]]:
    """Every item and group as a prospect, or the reason why it is none."""

    def attempt(one: Item | Group) -> Prospect | tuple[str, str]:
        try:
            if isinstance(one, Item):
                return with_mask(prospect_of_item(one, kind), _masks_of_item(one))
            return with_mask(prospect_of_files(one, kind, names), dict(_masks_of_group(one, masks)))
        except SceneError as error:
            return error.scene_id, error.reason

    whole: list[Item | Group] = [*items, *groups]
    remote = any(is_remote(item.document) for item in items) or any(is_remote(one.files[0]) for one in groups)
    found, bad = [], []
    with ThreadPoolExecutor(_OPENERS if remote else 2) as pool:
        progress.step("look at scenes", len(whole))
        for each in pool.map(attempt, whole):
            if isinstance(each, Prospect):
                found.append(each)
            else:
                bad.append(each)
            progress.advance()
        progress.done()
    return found, bad


def _once(found: Sequence[Prospect]) -> tuple[set[int], list[tuple[str, str]]]:
    """The ids of those that each stand for an acquisition, and the others with the reason.

    Files with one stamp to the second are one look, however many products are made of it; counted twice, it would pass
    for two that agree. The product with near infrared is kept, then the finest.
    """
    best: dict[tuple[object, ...], Prospect] = {}
    for one in sorted(found, key=lambda one: (not NEAR_INFRARED & set(map(str.casefold, one.bands)), one.resolution_m)):
        best.setdefault(_acquisition(one), one)
    kept = {id(one) for one in best.values()}
    reason = "another product of the same acquisition is used"
    return kept, [(one.name, reason) for one in found if id(one) not in kept]


def _acquisition(one: Prospect) -> tuple[object, ...]:
    begun = up_to_stamp(_stem(next(iter(one.files.values()))))
    time = None if begun is None else stamp(begun)
    if one.stac or time is None or not has_clock(time):
        return (id(one),)  # an item is a scene by itself, and a day may have several
    return one.kind, begun


def _masks_of_item(item: Item) -> dict[str, str]:
    found = {}
    for key in item.assets:
        if key.casefold() in MASKS or MASK_WORDS & set(words_of(key)):
            try:
                found[key] = band_file(item, key, 1).href
            except SceneError:
                continue
    return found


def _masks_of_group(group: Group, masks: dict[tuple[str, str], str]) -> Iterator[tuple[str, str]]:
    """The masks beside a scene whose names begin as its own does, by the word that makes them one."""
    begun = _begun(group)
    for (folder, stem), address in masks.items():
        if folder == begun[0] and begun[1] and stem.startswith(begun[1]):
            yield from ((word, address) for word in words_of(stem) if word in MASK_WORDS)
