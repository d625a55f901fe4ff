"""The words by which bands, masks and sensors are known in file names, band descriptions and STAC items.

Only what a word says for sure is in here: what cannot be told from words is asked for, never guessed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from berthwatch.bands import PREFERENCE
from berthwatch.model import Kind

SEPARATOR: Final = re.compile(r"[_. -]+")
POLARIZATIONS: Final = PREFERENCE["sar"]
MASKS: Final = {
    "udm2": (1,),
    "clear": (1,),
    "scl": (2, 4, 5, 6, 7, 11),  # all but no data, saturated, cloud and its shadow
    "qa_pixel": (21824, 21952),  # Landsat 8 and 9: clear land and clear water
}
"""Masks whose values are published, and those that mean "seen"."""
MASK_WORDS: Final = frozenset({*MASKS, "mask", "udm", "cloud", "clouds", "cloudmask", "fmask"})

type Colours = Mapping[str, tuple[str, ...]]
"""Words for blue, green, red and near infrared, the likeliest first."""

COLOURS: Final = {
    "blue": ("blue", "b02", "b2"),
    "green": ("green", "b03", "b3"),
    "red": ("red", "b04", "b4"),
    "nir": ("nir", "b08", "b8", "nir08", "b8a"),
}
_LANDSAT: Final = {
    "blue": ("blue", "b2"), "green": ("green", "b3"), "red": ("red", "b4"), "nir": ("nir08", "nir", "b5")
}  # fmt: skip
_NUMBERED: Final = re.compile(r"b(0?[1-9]|1[0-2]|8a)")
_OTHER_WORDS: Final = frozenset({"pan", "coastal", "rededge", "swir", "swir1", "swir2", "swir16", "swir22", "nir09"})


@dataclass(frozen=True, slots=True)
class Sensor:
    """A family of satellites, what it sees with, and the words for its colours."""

    name: str
    kind: Kind
    colours: Colours
    known_by: re.Pattern[str]


def _sensor(name: str, kind: Kind, known_by: str, colours: Colours = COLOURS) -> Sensor:
    return Sensor(name, kind, colours, re.compile(rf"(?<![a-z0-9])(?:{known_by})", re.IGNORECASE))


SENSORS: Final = (
    _sensor("sentinel-1", "sar", r"s1[a-d](?![a-z0-9])|sentinel-?1|opera_l2_rtc"),
    _sensor("sentinel-2", "optical", r"s2[a-d](?![a-z0-9])|sentinel-?2|t\d{2}[a-z]{3}_\d{8}t\d{6}"),
    _sensor("landsat", "optical", r"l[co]0[89]_|landsat-?[89](?!\d)", _LANDSAT),
    _sensor("planetscope", "optical", r"planetscope|psscene|3b_(?:analytic|visual)"),
    _sensor("skysat", "optical", r"skysat|ss[cd]?\d+_"),
    _sensor("iceye", "sar", "iceye"),
    _sensor("capella", "sar", "capella"),
    _sensor("umbra", "sar", "umbra"),
    _sensor("terrasar-x", "sar", r"t[sd]x1?_|terrasar|tandem-?x"),
    _sensor("cosmo-skymed", "sar", r"csk|cosmo-?skymed"),
    _sensor("radarsat", "sar", r"rs2_|rcm\d|radarsat"),
    _sensor("palsar", "sar", "alos|palsar"),
)


def sensor_of(*texts: str) -> Sensor | None:
    """The sensor that the first telling text names.

    >>> sensor_of("S1A_IW_GRDH_1SDV_20220102T154141_vv.tif").name, sensor_of("20220102_vessels1a.tif")
    ('sentinel-1', None)
    """
    found = (sensor for text in texts for sensor in SENSORS if sensor.known_by.search(text))
    return next(found, None)


def words_of(text: str) -> list[str]:
    """The words of a name, lower case.

    >>> words_of("T36SYE_20240101T082329_B02_10m")
    ['t36sye', '20240101t082329', 'b02', '10m']
    """
    return [word for word in SEPARATOR.split(text.casefold()) if word]


def band_words(texts: Iterable[str]) -> frozenset[str]:
    """Words in names that stand for a band. A numbered one alone, as in `berth_b1`, may stand for anything.

    >>> sorted(band_words(["20240101_B02", "20240101_B08"])), sorted(band_words(["20240101_b1", "20240102_b1"]))
    (['b02', 'b08'], [])
    """
    words = {word for text in texts for word in words_of(text)}
    numbered = {word for word in words if _NUMBERED.fullmatch(word)}
    sure = words & ({*POLARIZATIONS, *COLOURS, *_OTHER_WORDS})
    return frozenset(sure | (numbered if len(numbered) > 1 else set()))


def kind_of_bands(words: Iterable[str]) -> Kind | None:
    """What bands of these names were seen with; None where they do not say, or disagree."""
    kinds: set[Kind] = set()
    for word in words:
        if word in POLARIZATIONS:
            kinds.add("sar")
        elif word in _OTHER_WORDS or word in COLOURS or _NUMBERED.fullmatch(word):
            kinds.add("optical")
    return kinds.pop() if len(kinds) == 1 else None


def chosen_bands(kind: Kind, there: Mapping[str, str], sensor: Sensor | None) -> tuple[str, ...]:
    """Of the bands that are there, those a run uses: all polarizations; or blue, green, red and near infrared.

    Parameters
    ----------
    kind : {"sar", "optical"}
    there : mapping of str to str
        The word for each band, and the name by which its source knows it.
    sensor : Sensor or None
        Whose words these are.

    Returns
    -------
    tuple of str
        Names; all there are where none of the wanted ones is. The band in which hulls show best comes first
        where its name would not be recognised.

    Examples
    --------
    >>> chosen_bands("optical", {"b02": "B02", "b08": "B08", "b11": "B11"}, None)
    ('B02', 'B08')
    >>> chosen_bands("sar", {"vh": "Sigma0_VH", "vv": "Sigma0_VV"}, None)
    ('Sigma0_VV', 'Sigma0_VH')
    """
    if kind == "sar":
        return tuple(there[word] for word in POLARIZATIONS if word in there) or tuple(there.values())
    colours = COLOURS if sensor is None else sensor.colours
    found = [next((word for word in colours[colour] if word in there), None) for colour in COLOURS]
    names = [there[word] for word in found if word is not None]
    if found[-1] is not None and not {name.casefold() for name in names} & set(PREFERENCE["optical"]):
        names = [names[-1], *names[:-1]]
    return tuple(names) or tuple(there.values())
