"""A new port: from folders of scenes and a polygon to a run file that runs, and a plain account of what was found.

The run file is read and its scenes are planned, as a run would, before anything is written: what was begun here can be
run, or it is refused here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import shapely
from shapely.geometry import shape

from berthwatch.catalogue import Bounds
from berthwatch.config import Port, read_port
from berthwatch.errors import Fault, InputError
from berthwatch.inspection import inspect
from berthwatch.model import Kind
from berthwatch.outputs import staged
from berthwatch.page.words import count, places
from berthwatch.plan import plan_ingest
from berthwatch.polygons import LARGE_M, check_within, features_of_bbox, longest_side_m, read_features
from berthwatch.progress import Progress, Silent
from berthwatch.runtext import run_text
from berthwatch.sourcing import Found, reasons_of, sources_of

BERTHS = "berths.geojson"


@dataclass(frozen=True, slots=True)
class Begun:
    """What was written, and what is to be said of it: found, left out, and not found out."""

    run_file: Path
    berths: Path
    found: tuple[str, ...]
    left_out: tuple[str, ...]
    unknown: tuple[str, ...]


def begin(
    scenes: Sequence[str],
    where: Path | Bounds,
    out: Path,
    *,
    name: str | None = None,
    kind: Kind | None = None,
    bands: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> Begun:
    """Write a run file for scenes and berths as people have them.

    Parameters
    ----------
    scenes : sequence of str
        Folders, patterns, STAC documents or APIs.
    where : Path or (float, float, float, float)
        A file with the polygons of the berths; or one berth's west, south, east and north in degrees.
    out : Path
        The run file; `berths.geojson` is written beside it.
    name : str, optional
        The port's; that of the folder if not given.
    kind, bands
        The kind of scenes, and their bands in the order of the file, where nothing tells them.
    force : bool
        Whether files that are there may be replaced.
    progress : Progress, optional

    Raises
    ------
    InputError
        The input is wrong, or files are there already; nothing was written.
    """
    beside = out.parent / BERTHS
    # Polygons that are where they would be written stay as they are; they must then be in order.
    kept = isinstance(where, Path) and not force and where.resolve() == beside.resolve()
    _check_free([out] if kept else [out, beside], force)
    features = read_features(where) if isinstance(where, Path) else features_of_bbox(where)
    found, left_out = _search(scenes, features, kind, bands, progress or Silent())
    text = run_text(name or out.resolve().parent.name or "port", BERTHS, found, out.parent)
    collection = json.dumps({"type": "FeatureCollection", "features": features}, indent=1) + "\n"
    if kept:
        collection = beside.read_text(encoding="utf-8")
    port = _tried(text, collection, out, found)
    with staged(out.parent) as staging:
        (staging / out.name).write_text(text, encoding="utf-8", newline="\n")
        if not kept:
            (staging / BERTHS).write_text(collection, encoding="utf-8", newline="\n")
    said = _in_words(found, port), reasons_of(left_out), _unknown(found, port)
    return Begun(out, beside, *map(tuple, said))


def _search(
    scenes: Sequence[str], features: Sequence[dict[str, Any]], kind: Kind | None, bands: Sequence[str], told: Progress
) -> tuple[list[Found], list[tuple[str, str]]]:
    """The sources that show the berths, and what was left out or would be set aside."""
    shapes = [(str(each["properties"]["berth_id"]), shape(each["geometry"])) for each in features]
    west, south, east, north = shapely.total_bounds([area for _, area in shapes])
    around = (float(west), float(south), float(east), float(north))
    places, unusable = inspect(scenes, around, kind, bands, told)
    found, others = sources_of(places, around)
    left_out = [*unusable, *others]
    if not found:
        raise InputError(Fault(" ".join(scenes), "scenes that can be used", reason) for reason in reasons_of(left_out))
    check_within(shapes, [scene for one in found for scene in one.scenes])
    aside = [
        (scene.scene_id, f"a run of {one.source.name} would set it aside: {scene.reason}")
        for one in found
        for scene in one.set_aside
    ]
    return found, left_out + aside


def _check_free(files: Sequence[Path], force: bool) -> None:
    if files[0].suffix.lower() not in (".yaml", ".yml"):
        raise InputError([Fault(f"--out {files[0]}", "a name that ends in .yaml", files[0].name)])
    there = [file for file in files if file.exists()]
    if there and not force:
        raise InputError(
            Fault(str(file), "a free name (--out names another, --force replaces)", "a file that is there already")
            for file in there
        )


def _tried(text: str, berths: str, out: Path, found: Sequence[Found]) -> Port:
    """Read the run file as a run would, and plan its scenes; nothing is left behind."""
    with TemporaryDirectory() as nowhere:
        folder = Path(nowhere)
        (folder / out.name).write_text(text, encoding="utf-8")
        (folder / BERTHS).write_text(berths, encoding="utf-8")
        port = replace(read_port(folder / out.name), path=out, sources=tuple(one.source for one in found))
        plan_ingest(port, folder / "run")
    return port


def _in_words(found: Sequence[Found], port: Port) -> list[str]:
    lines = []
    for one in found:
        source, first, last = one.source, one.scenes[0].time, one.scenes[-1].time
        what = ["radar" if source.kind == "sar" else source.kind, ", ".join(source.bands)]
        what += [f"pixels of {one.resolution_m:g} m"]
        what += ["a mask"] if source.mask else []
        what += ["decibels"] if source.units == "db" else []
        many = count(len(one.scenes), "scene")
        lines.append(f"{source.name}: {many}, {first:%Y-%m-%d} to {last:%Y-%m-%d}; {', '.join(what)}")
    return [*lines, places(berth.kind for berth in port.berths)]


def _unknown(found: Sequence[Found], port: Port) -> list[str]:
    lines = [f"{one.source.name}: {each}" for one in found for each in one.unknown]
    if not any(berth.kind == "control" for berth in port.berths):
        lines.append(
            "how often an empty berth is called taken: no polygon is a control; draw one where nothing moors, with the "
            "property kind: control"
        )
    for berth in port.berths:
        long_m = longest_side_m(berth.polygon)
        if berth.kind == "berth" and long_m > LARGE_M:
            lines.append(
                f"how many vessels lie at {berth.berth_id}: it is {long_m / 1000:.1f} km long, and a berth is the "
                "water that one moored hull covers; draw a polygon for each"
            )
    return lines


def spoken(begun: Begun, program: str = "berthwatch") -> list[tuple[str, tuple[str, ...]]]:
    """The account in sections that have something to say: a heading, and its lines.

    `program` is how the command line is called.
    """
    written, run = begun.run_file, begun.run_file.with_suffix("")
    sections = [
        ("Found", begun.found),
        ("Left out", begun.left_out),
        ("Could not find out", begun.unknown),
        ("Wrote", (f"{written}, and {begun.berths} beside it: read it, and add what you know",)),
        ("Next", (f"{program} run {written} --out {run}-run",)),
    ]
    return [(heading, lines) for heading, lines in sections if lines]
