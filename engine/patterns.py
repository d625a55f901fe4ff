"""Patterns that stand for a source's files and for no others: what a run file says instead of a list of names.

A pattern leaves open what changes from scene to scene, so that the scenes of next month are found by it too. Each is
tried on the files that are there before it is believed.
"""

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from berthwatch.address import expand, is_remote

_YEAR = re.compile(r"(?<!\d)(?:19|20|21)\d{2}")
_APART = re.compile(r"[_. -]")


def patterns_for(roles: Mapping[str, Sequence[str]], beside: frozenset[str], whole: str | None) -> tuple[str, ...]:
    """The loosest absolute patterns that match these files and nothing else; the files themselves where none does.

    Parameters
    ----------
    roles : mapping of str to sequence of str
        Absolute addresses: those of each band, of the masks, or of documents, which end alike.
    beside : frozenset of str
        Addresses that may be matched too, because a run passes them over.
    whole : str or None
        A folder or pattern to try first, as it is.
    """
    wanted = {address for files in roles.values() for address in files}
    if whole is not None and set(expand(whole)) - beside == wanted - beside:
        return (whole,)
    if not any(map(is_remote, wanted)):
        for level in range(6):
            patterns = tuple(dict.fromkeys(_pattern(files, level) for files in roles.values() if files))
            if {address for pattern in patterns for address in expand(pattern)} == wanted:
                return patterns
    return tuple(sorted(map(glob.escape, wanted) if not any(map(is_remote, wanted)) else wanted))


def _pattern(files: Sequence[str], level: int) -> str:
    """A pattern for files that end alike: by ending, last word or all last words, without and with a beginning."""
    folders = {os.path.dirname(file) for file in files}
    root = os.path.commonpath(folders)
    names = sorted({os.path.basename(file) for file in files})
    begin, end = _begin(names), _end(names)
    ends = os.path.splitext(end)[1], end[max(map(end.rfind, "_- ")) :] if max(map(end.rfind, "_- ")) > 0 else end, end
    name = f"{begin if level % 2 else ''}*{ends[level // 2]}"
    return os.path.join(glob.escape(root), *([] if folders == {root} else ["**"]), name)


def _begin(names: Sequence[str]) -> str:
    """How all names begin, up to the year: what follows it changes.

    >>> _begin(["SYN_PS_20240302_013443_sr.tif", "SYN_PS_20240303_024440_sr.tif"]), _begin(["2024/a.tif"])
    ('SYN_PS_', '')
    """
    same = _shared(names)
    year = _YEAR.search(names[0])
    same = same[: year.start()] if year and year.start() <= len(same) else same.rstrip("0123456789")
    return glob.escape(same) if len(names) > 1 or year else ""


def _end(names: Sequence[str]) -> str:
    """The last words that all names share; of one name alone the last.

    >>> _end(["a_01E877_vv.tif", "a_02E877_vv.tif"]), _end(["20240302_sr.tif"])
    ('_vv.tif', '_sr.tif')
    """
    if len(names) == 1:
        stem, kind = os.path.splitext(names[0])
        parts = list(_APART.finditer(stem))
        return glob.escape((stem[parts[-1].start() :] if parts else "") + kind)
    same = _shared([name[::-1] for name in names])[::-1]
    apart = _APART.search(same)
    return glob.escape(same[apart.start() :] if apart else same)


def _shared(texts: Sequence[str]) -> str:
    """The longest text with which all begin: what the first and the last in order share, all between share."""
    first, last = min(texts), max(texts)
    differ = (place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(differ, min(len(first), len(last)))]


def relative(pattern: str, base: Path) -> str:
    """A pattern as a run file in `base` would say it: relative where it lies below, else as it is.

    >>> relative("/data/port/scenes/*.tif", Path("/data/port")), relative("/data/port", Path("/data/port"))
    ('scenes/*.tif', '.')
    >>> relative("/other/*.tif", Path("/data/port"))
    '/other/*.tif'
    """
    folder = os.path.abspath(base)
    for root in (glob.escape(folder), folder):
        if pattern == root:
            return "."
        if pattern.startswith(root + os.sep):
            return pattern.removeprefix(root + os.sep)
    return pattern


def by_role(files: Iterator[Mapping[str, str]]) -> dict[str, list[str]]:
    """Files of many scenes by their role in each."""
    found: dict[str, list[str]] = {}
    for each in files:
        for role, address in each.items():
            found.setdefault(role, []).append(address)
    return found
