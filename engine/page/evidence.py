"""The evidence of each visit: what was looked at before, on arrival, on departure and after, and what each look told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from shapely.geometry import shape

from berthwatch.page.across import Across, across
from berthwatch.page.chips import Chip, Key, chips_of, encoded, path_of
from berthwatch.page.folder import RunFolder
from berthwatch.page.timeline import DID
from berthwatch.page.words import minute, round_step, share, significant

FRAME: Final = 160.0
"""Width of a picture's drawing, whatever its pixels."""
PLACES: Final = {
    "arrival_after": "before",
    "arrival_before": "on arrival",
    "departure_after": "on departure",
    "departure_before": "after",
}


@dataclass(frozen=True, slots=True)
class Overlay:
    """A chip as it is drawn: its image, outlines in its pixels, and in the frame the scale bar and arrows (degrees)."""

    data: str
    size: tuple[int, int]
    berth: str
    hull: str
    bar: float
    bar_words: str
    north_deg: float
    light_deg: float | None
    words: str


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a berth: where it stands in the visit, when, by which scene, what it told, if a picture is due."""

    place: str
    time: str
    source: str
    scene_id: str
    sha256: str
    told: str
    freeboard: str
    due: bool
    overlay: Overlay | None
    across: Across | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All looks of one visit, by time; which of them are shown as pictures; and what no look shows, in words."""

    visit_id: str
    title: str
    looks: tuple[Look, ...]
    missing: tuple[str, ...]


def told_in_words(row: Any) -> str:
    """What one look told, in words."""
    reason = "" if pd.isna(row.reason) else str(row.reason)
    if pd.isna(row.occupied):
        return "; ".join([reason or "not seen", *_corrected(row)])
    state = "taken" if row.occupied else "vacant"
    # What a table rounds to 0 or 1 is not certain for that.
    probability = "under 0.1 %" if row.p_occupied < 0.001 else share(min(float(row.p_occupied), 0.9999))
    words = [f"{state}: probability of being taken {probability}"]
    if math.isfinite(row.hull_length_m) and math.isfinite(row.hull_beam_m):
        words.append(f"bright part {significant(row.hull_length_m)} × {significant(row.hull_beam_m)} m")
    if math.isfinite(row.freeboard_m):
        words.append(_freeboard(row))
    elif reason:
        words.append(reason)
    return "; ".join([*words, *_corrected(row)])


def _corrected(row: Any) -> list[str]:
    """What a person said of a look, in words, where it was corrected."""
    if not row.who:
        return []
    called = "could not tell" if row.verdict == "cannot tell" else f"called it {row.verdict}"
    return [f"corrected: {row.who} {called} ({row.when[:10]})"]


def _freeboard(row: Any) -> str:
    return f"freeboard {row.freeboard_m:.1f} ± {row.freeboard_sigma_m:.1f} m" if math.isfinite(row.freeboard_m) else ""


def _missing(visit: Any) -> tuple[str, ...]:
    words = []
    if pd.isna(visit.arrival_after):
        words.append("No look before shows for sure that this vessel had not come.")
    if pd.isna(visit.departure_before):
        words.append("No look after shows for sure that this vessel had left.")
    if visit.arrival_before == visit.departure_after:
        words.append("One look alone shows this visit: arrival and departure are the same picture.")
    return tuple(words)


def _looks_of(visit: Any, looks: pd.DataFrame) -> pd.DataFrame:
    """The looks at a visit's berth within its windows, with their `place`, and whether they are to be `pictured`."""
    times = {name: getattr(visit, name) for name in PLACES}
    counted = looks["scene_id"].isin(list(visit.scenes))
    known = [time for time in (*times.values(), *looks.loc[counted, "time"]) if not pd.isna(time)]
    own = looks[looks["time"].between(min(known), max(known))].assign(counted=counted)
    ends = {time: " and ".join(PLACES[key] for key in PLACES if times[key] == time) for time in times.values()}
    inside = own["counted"].map({True: "counted to it", False: "not counted to it"})
    place = own["time"].map(ends)
    return own.assign(
        place=place.where(place.notna(), inside), pictured=place.notna() | (own["counted"] & own["freeboard_m"].notna())
    )


def overlay_of(chip: Chip, data: str) -> Overlay:
    """A chip as it is drawn over its image, which is given encoded."""
    height, width = chip.image.shape
    metres = width * chip.pixel_m
    bar_m = round_step(0.45 * metres)
    right, down = np.linalg.solve(chip.axes, (0.0, 1.0))
    north_deg = math.degrees(math.atan2(right, -down))
    sun = chip.sun_deg
    light = None if sun is None else (north_deg + sun[0] + 180) % 360
    unit = f"{chip.band}, pixels of {significant(chip.pixel_m)} m"
    lit = "" if sun is None else f"; sun at {sun[0]:.0f}°, {sun[1]:.0f}° high"
    return Overlay(
        data, (width, height), path_of(chip.berth), "" if chip.hull is None else path_of(chip.hull),
        round(FRAME * bar_m / metres, 1), f"{bar_m:g} m", round(north_deg, 1), None if light is None else round(light, 1),
        unit + lit,
    )  # fmt: skip


def joined_looks(run: RunFolder) -> pd.DataFrame:
    """Observations and what was made of them, with the hash of each scene."""
    keys = ["berth_id", "time", "source", "scene_id"]
    looks = run.observations.merge(run.occupancy[[*keys, "p_occupied", "occupied"]], on=keys, how="inner")
    hashes = {
        (str(source.get("source")), str(scene.get("scene_id"))): str(scene.get("sha256") or "")
        for source in run.record.get("sources") or []
        for scene in source.get("scenes") or []
    }
    pairs = zip(looks["source"], looks["scene_id"], strict=True)
    looks = looks.assign(sha256=[hashes.get(pair, "") for pair in pairs]).sort_values(["time", "source"], kind="stable")
    said = {
        (each["source"], each["scene_id"], each["berth_id"]): each
        for each in (run.record.get("corrections") or {}).get("looks", ())
    }
    people = [said.get(key, {}) for key in _keys(looks)]
    return looks.assign(**{name: [str(each.get(name, "")) for each in people] for name in ("who", "verdict", "when")})


def _profile(row: Any, chip: Chip | None) -> Across | None:
    if chip is None or not math.isfinite(row.freeboard_m):
        return None
    size = (float(row.hull_length_m), float(row.hull_beam_m))
    return across(chip, float(row.hull_heading_deg), size, float(row.freeboard_m), float(row.freeboard_sigma_m))


def evidence_of(run: RunFolder, cubes: Path) -> list[Evidence]:
    """The evidence of every visit of a run, with pictures as far as its cubes are there and the page has room.

    Parameters
    ----------
    run : RunFolder
    cubes : Path
        The folder with a cube for each source.
    """
    joined = joined_looks(run)
    at = {str(name): rows for name, rows in joined.groupby("berth_id")}
    visits = list(run.visits.itertuples(index=False))
    own = [_looks_of(visit, at.get(str(visit.berth_id), joined.iloc[:0])) for visit in visits]
    shown = [key for rows in own for key in _keys(rows[rows["pictured"]])]
    chips = chips_of(cubes, shown, places_of(run), hulls_of(run))
    texts = encoded(chips)
    return [_evidence(visit, rows, chips, texts) for visit, rows in zip(visits, own, strict=True)]


def places_of(run: RunFolder) -> dict[str, Any]:
    """The polygon of each berth and control (EPSG:4326)."""
    return {str(b.get("berth_id")): shape(b["geometry"]) for b in run.record.get("berths") or [] if b.get("geometry")}


def pictures_of(run: RunFolder, cubes: Path, visit_id: str) -> list[tuple[str, str, Chip]]:
    """The pictures of one visit by time: where each look stands in the visit and when, what it told, and the chip.

    Raises
    ------
    KeyError
        There is no such visit.
    """
    own = run.visits[run.visits["visit_id"] == visit_id]
    if own.empty:
        raise KeyError(visit_id)
    visit = next(own.itertuples(index=False))
    joined = joined_looks(run)
    looks = _looks_of(visit, joined[joined["berth_id"] == visit.berth_id])
    due = looks[looks["pictured"]]
    chips = chips_of(cubes, _keys(due), places_of(run), hulls_of(run))
    pairs = zip(due.itertuples(), _keys(due), strict=True)
    return [
        (f"{str(row.place).capitalize()}, {minute(row.time)} UTC", told_in_words(row), chips[key])
        for row, key in pairs
        if key in chips
    ]


def looks_of(run: RunFolder, place: int) -> pd.DataFrame:
    """All looks within the windows of one of a run's visits, with what each told and the hash of its scene's files."""
    visit = next(run.visits.loc[[place]].itertuples(index=False))
    joined = joined_looks(run)
    return _looks_of(visit, joined[joined["berth_id"] == visit.berth_id]).drop(columns=["pictured", "counted"])


def _keys(rows: pd.DataFrame) -> list[Key]:
    return [(row.source, row.scene_id, row.berth_id) for row in rows.itertuples()]


def hulls_of(run: RunFolder) -> dict[Key, Any]:
    """The outline of the hull in each look that has one (EPSG:4326)."""
    if run.hulls is None:
        return {}
    return dict(zip(_keys(run.hulls), run.hulls.geometry, strict=True))


def _evidence(visit: Any, rows: pd.DataFrame, chips: Mapping[Key, Chip], texts: Mapping[Key, str]) -> Evidence:
    looks = []
    for row, key in zip(rows.itertuples(), _keys(rows), strict=True):
        chip, text = chips.get(key), texts.get(key)
        overlay = None if chip is None or text is None else overlay_of(chip, text)
        profile = _profile(row, chip)
        told = (told_in_words(row), _freeboard(row), bool(row.pictured), overlay, profile)
        looks.append(Look(str(row.place), minute(row.time), row.source, row.scene_id, row.sha256, *told))
    first, last = minute(visit.arrival_before), minute(visit.departure_after)
    seen = f"seen {first}" if first == last else f"seen {first} to {last}"
    title = f"{visit.berth_id}, {seen} UTC: {DID.get(str(visit.transition), DID['undetermined'])}"
    return Evidence(str(visit.visit_id), title, tuple(looks), _missing(visit))


def unpictured(proofs: list[Evidence]) -> tuple[int, int]:
    """How many of the looks that should be shown as pictures are not, and how many there are."""
    due = [look for proof in proofs for look in proof.looks if look.due]
    return sum(look.overlay is None for look in due), len(due)
