"""What the live view shows of a run: its berths and the looks at each, with what persons said of them since."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from berthwatch.corrections import Correction, read_corrections
from berthwatch.page.evidence import joined_looks, told_in_words
from berthwatch.page.folder import RunFolder, read_folder
from berthwatch.provenance import RECORD

Stamp = tuple[int, int]
"""Time of last change (ns) and bytes of a run's record: another run, another stamp."""


@dataclass(frozen=True, slots=True)
class Place:
    """A berth or control, and how many looks there are at it."""

    berth_id: str
    kind: str
    looks: int


@dataclass(frozen=True, slots=True)
class LookTold:
    """One look: what the run made of it, and what persons said of it, the last one last."""

    source: str
    scene_id: str
    time: str
    state: Literal["taken", "vacant", "untold"]
    told: str
    p_occupied: float | None
    length_m: float | None
    beam_m: float | None
    freeboard_m: float | None
    freeboard_sigma_m: float | None
    reason: str
    said: tuple[Correction, ...]
    waiting: bool
    """Whether the next run will take it for something else than this one did, for what was said since."""


def stamp_of(run: Path) -> Stamp:
    """What tells that a run's folder holds another run than before."""
    told = (run / RECORD).stat()
    return told.st_mtime_ns, told.st_size


@lru_cache(maxsize=2)
def opened(run: Path, stamp: Stamp) -> tuple[RunFolder, pd.DataFrame]:  # noqa: ARG001 - what is kept is of one run
    """A run's tables, and its looks with all that is known of each."""
    folder = read_folder(run)
    return folder, joined_looks(folder)


def places(run: Path) -> list[Place]:
    """The berths and controls of a run, in the order of its run file."""
    folder, looks = opened(run, stamp_of(run))
    counts = looks["berth_id"].value_counts()
    return [Place(name, kind, int(counts.get(name, 0))) for name, kind in folder.kinds().items()]


def looks_at(run: Path, berth_id: str) -> list[LookTold]:
    """All looks at a berth in order of time, those that told nothing too.

    Raises
    ------
    KeyError
        There is no such berth.
    """
    folder, looks = opened(run, stamp_of(run))
    if berth_id not in folder.kinds():
        raise KeyError(berth_id)
    said: dict[tuple[str, str, str], tuple[Correction, ...]] = {}
    for each in read_corrections(run).all:
        said[each.look] = (*said.get(each.look, ()), each)
    return [
        _told(row, said.get((berth_id, row.source, row.scene_id), ()))
        for row in looks[looks["berth_id"] == berth_id].itertuples()
    ]


def _told(row: Any, said: tuple[Correction, ...]) -> LookTold:
    state: Literal["taken", "vacant", "untold"] = (
        "untold" if pd.isna(row.occupied) else "taken" if row.occupied else "vacant"
    )
    counting = [each for each in said[-1:] if each.verdict != "withdrawn"]
    now = [(each.who, each.verdict, each.when) for each in counting]
    return LookTold(
        row.source,
        row.scene_id,
        f"{row.time:%Y-%m-%d %H:%M}",
        state,
        told_in_words(row),
        None if state == "untold" else round(float(row.p_occupied), 4),
        _number(row.hull_length_m),
        _number(row.hull_beam_m),
        _number(row.freeboard_m),
        _number(row.freeboard_sigma_m),
        "" if pd.isna(row.reason) else str(row.reason),
        said,
        now != ([(row.who, row.verdict, row.when)] if row.who else []),
    )


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
