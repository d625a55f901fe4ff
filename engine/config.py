"""A port as its run file describes it: berths, reference water, fleet, AIS, sources of scenes and ledger terms.

`read_port` reads and checks everything that does not need pixels, and reports all faults at once.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import shapely
from shapely.geometry import MultiPolygon, Polygon

from berthwatch.address import absolute
from berthwatch.berths import read_berths, read_water
from berthwatch.cargo import product_faults
from berthwatch.errors import Fault, InputError
from berthwatch.fingerprint import sha256
from berthwatch.fleet import read_ais, read_fleet
from berthwatch.model import Berth, Kind, Unit
from berthwatch.runfile import RunFile, SourceKeys, read_runfile

if TYPE_CHECKING:
    import pandas as pd

NAMED = ("berths", "reference_water", "fleet", "ais")
"""Keys of the run file that each name one file."""


@dataclass(frozen=True, slots=True)
class MaskRule:
    """Which band of which asset says what was seen, and the values that mean seen."""

    asset: str
    band: int
    clear: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A named series of scenes of one kind, stacked on one grid.

    `scenes` holds absolute addresses and patterns. What is None was not given: the scenes say it themselves.
    `where` names the source in faults, by the run file's line.
    """

    name: str
    kind: Kind
    scenes: str | tuple[str, ...]
    bands: tuple[str, ...]
    resolution_m: float | None = None
    mask: MaskRule | None = None
    units: Unit | None = None
    looks: float | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class LedgerTerms:
    """What turns cargo into barrels, and the cap per calendar year they count against."""

    product: str | None = None
    barrels_per_tonne: float | None = None
    cap_barrels: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Port:
    """A port to watch: everything the run file names, read and checked.

    `digest` is the SHA-256 of the run file's bytes, in hexadecimal; `named` those of the files it names, by key.
    """

    name: str
    path: Path
    berths: tuple[Berth, ...]
    reference_water: Polygon | MultiPolygon | None
    fleet: "pd.DataFrame | None"
    ais: "pd.DataFrame | None"
    sources: tuple[Source, ...]
    ledger: LedgerTerms
    digest: str
    named: Mapping[str, str] = field(default_factory=dict)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north of all berths, controls and reference water, in degrees (EPSG:4326)."""
        areas = [berth.polygon for berth in self.berths]
        if self.reference_water is not None:
            areas.append(self.reference_water)
        west, south, east, north = shapely.total_bounds(areas)
        return float(west), float(south), float(east), float(north)

    def __repr__(self) -> str:
        from berthwatch.notebook import told_of_port

        return "; ".join(told_of_port(self))

    def _repr_html_(self) -> str:
        from berthwatch.notebook import html, told_of_port

        return html(told_of_port(self))


def read_port(path: str | Path) -> Port:
    """Read a run file and the files it names, except the scenes.

    Parameters
    ----------
    path
        The YAML run file. Relative paths in it are relative to its folder.

    Returns
    -------
    Port
        Berths in the order of their file, in EPSG:4326; fleet and AIS None where the run file has none.

    Raises
    ------
    InputError
        With one fault for each thing wrong, naming the key and its line, or the place in the file it names.

    Examples
    --------
    >>> read_port("no-such-port.yaml")
    Traceback (most recent call last):
    ...
    berthwatch.errors.InputError: no-such-port.yaml: expected a run file; got no such file (`berthwatch init` begins ...
    """
    path = Path(path)
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError([Fault(str(path), "a run file in UTF-8", str(error))]) from None
    run = read_runfile(path, text)
    faults = [*run.faults, *_source_faults(run), *_ledger_faults(run)]
    # Named files are read even where other keys have faults, so that a person sees everything at once.
    berths = _read_named(run, "berths", read_berths, faults)
    water = _read_named(run, "reference_water", read_water, faults)
    fleet = _read_named(run, "fleet", read_fleet, faults)
    ais = _read_named(run, "ais", read_ais, faults)
    if faults or run.keys is None or berths is None:
        raise InputError(faults)
    return Port(
        name=run.keys.name,
        path=path,
        berths=berths,
        reference_water=water,
        fleet=fleet,
        ais=ais,
        sources=tuple(_source(run, index, keys) for index, keys in enumerate(run.keys.sources)),
        ledger=LedgerTerms(**run.keys.ledger.model_dump()),
        digest=hashlib.sha256(content).hexdigest(),
        named={key: sha256(file) for key in NAMED if (file := _named(run, key))},
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        came = "no such file (`berthwatch init` begins one)"
    except IsADirectoryError:
        came = "a folder"
    except OSError as error:
        came = error.strerror or str(error)
    raise InputError([Fault(str(path), "a run file", came)])


def _named(run: RunFile, key: str) -> Path | None:
    named = run.raw.get(key)
    return run.path.parent / named.strip() if isinstance(named, str) and named.strip() else None


def _read_named[T](run: RunFile, key: str, reader: Callable[[Path], T], faults: list[Fault]) -> T | None:
    """What the file named by a key holds; None, with its faults added, where it cannot be had."""
    file = _named(run, key)
    if file is None:
        return None
    named = run.raw[key]
    if not file.is_file():
        faults.append(Fault(run.where(key), "a file", f"no such file: {named}"))
        return None
    try:
        return reader(file)
    except InputError as error:
        faults.extend(error.faults)
    except OSError as error:
        faults.append(Fault(run.where(key), "a file that can be read", f"{named}: {error.strerror}"))
    return None


def _source(run: RunFile, index: int, keys: SourceKeys) -> Source:
    base = run.path.parent
    mask = keys.mask
    return Source(
        name=keys.name,
        kind=keys.kind,
        scenes=tuple(absolute(pattern, base) for pattern in keys.scenes),
        bands=tuple(keys.bands),
        resolution_m=keys.resolution,
        mask=MaskRule(mask.asset, mask.band, tuple(mask.clear)) if mask else None,
        units=keys.units,
        looks=keys.looks,
        where=run.where("sources", index),
    )


def _ledger_faults(run: RunFile) -> Iterable[Fault]:
    """A product without a factor, unless the factor is given and the product no more than its label."""
    ledger = run.keys.ledger if run.keys else None
    if ledger is not None and ledger.barrels_per_tonne is None:
        yield from product_faults(ledger.product, run.where("ledger", "product"))


def _source_faults(run: RunFile) -> Iterable[Fault]:
    """What one key alone cannot show: names and bands given twice, SAR terms for an optical source."""
    names: set[str] = set()
    for index, source in enumerate(run.keys.sources if run.keys else ()):
        # Case is folded because two such folders are one on some file systems.
        if source.name.casefold() in names:
            yield Fault(run.where("sources", index, "name"), "each source name once", f"{source.name!r} a second time")
        names.add(source.name.casefold())
        folded = [band.casefold() for band in source.bands]
        for place, band in enumerate(source.bands):
            if folded.index(band.casefold()) < place:
                where = run.where("sources", index, "bands", place)
                yield Fault(where, "each band once", f"{band!r} a second time")
        for key in ("units", "looks"):
            if source.kind == "optical" and getattr(source, key) is not None:
                where = run.where("sources", index, key)
                yield Fault(where, "this key in sar sources only", f"it in the optical source {source.name!r}")
