"""The timeline: one strip per berth, with the looks that told something and the visits made of them.

A strip is drawn without text and may be stretched to any width: x runs from 0 to 1000, y is in CSS pixels.
What a mark means is told by its place and height as well as by its colour.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from berthwatch.page.folder import RunFolder
from berthwatch.page.words import MONTHS, count, minute, share

WIDTH: Final = 1000.0
HEIGHT: Final = 40.0
MARGIN: Final = 0.01
MOST_TICKS: Final = 7
LEAST_BAR: Final = 2.0
"""A stay seen in one look has no length, and would not be drawn at all."""
DID: Final = {
    "loaded": "loaded",
    "discharged": "discharged",
    "unchanged": "load unchanged",
    "undetermined": "what it did could not be told",
}
"""Transitions, in the order in which they are explained, and the words for them."""
MARKS: Final = {
    "loaded": "M-4.5 3.5h9L0 -4.5z",
    "discharged": "M-4.5 -3.5h9L0 4.5z",
    "unchanged": "M-4 -4h8v8h-8z",
    "undetermined": "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
}
"""A shape for each, around its middle: deeper is up, lighter is down, a square stays, a ring is open."""
TICKS: Final = {"taken": (23.0, 6.0), "vacant": (31.0, 6.0), "unseen": (35.0, 2.0)}


@dataclass(frozen=True, slots=True)
class Axis:
    """The time shown, and the days written under it: share of the width in percent, and text."""

    first: pd.Timestamp
    last: pd.Timestamp
    ticks: tuple[tuple[float, str], ...]

    def x(self, time: pd.Timestamp) -> float:
        """Where a time lies, from 0 to 1000."""
        whole = (self.last - self.first).total_seconds()
        return round(WIDTH * float((time - self.first).total_seconds()) / float(whole), 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """A visit's bar or one of its windows: place, width, and what a pointer resting on it is told.

    `did` is a visit's transition, which its colour and the shape above it show; empty for a window.
    """

    x: float
    width: float
    kind: str
    title: str
    did: str


@dataclass(frozen=True, slots=True)
class Strip:
    """One berth's strip: its marks, and in words what they show."""

    berth_id: str
    kind: str
    words: str
    bars: tuple[Bar, ...]
    paths: tuple[tuple[str, str], ...]


def _candidates(first: pd.Timestamp, last: pd.Timestamp) -> Iterator[list[tuple[pd.Timestamp, str]]]:
    """Ticks from the finest to the coarsest; years that are shown by the hundred have been thinned."""
    start, end = first.normalize(), last
    for step in ("D", "7D"):
        days = pd.date_range(start, end, freq=step)
        yield [(t, f"{t.day} {MONTHS[t.month - 1][:3]}") for t in days]
    for months in (1, 3, 6):
        days = pd.date_range(start.replace(day=1, month=1), end, freq=f"{months}MS")
        yield [(t, f"{MONTHS[t.month - 1][:3]} {t.year}") for t in days]
    for years in (1, 2, 5, 10, 100):
        days = pd.date_range(start.replace(day=1, month=1), end, freq=f"{years}YS")
        yield [(t, str(t.year)) for t in days]


def axis_of(times: pd.Series) -> Axis | None:
    """The time shown for a series of looks: all of it, with a small margin; None when there are no looks.

    >>> axis = axis_of(pd.Series(pd.to_datetime(["2022-01-05", "2024-12-20"], utc=True)))
    >>> [label for _, label in axis.ticks]
    ['Jan 2022', 'Jul 2022', 'Jan 2023', 'Jul 2023', 'Jan 2024', 'Jul 2024']
    """
    if times.empty:
        return None
    first, last = times.min(), times.max()
    margin = max((last - first) * MARGIN, pd.Timedelta(hours=12))
    axis = Axis(first - margin, last + margin, ())
    for ticks in _candidates(axis.first, axis.last):
        shown = [(t, label) for t, label in ticks if axis.first <= t <= axis.last]
        if len(shown) <= MOST_TICKS:
            break
    return Axis(axis.first, axis.last, tuple((round(axis.x(t) / 10, 2), label) for t, label in shown))


def _path(axis: Axis, times: pd.Series, kind: str) -> str:
    """Ticks of one kind as one path, since there may be thousands."""
    top, height = TICKS[kind]
    places = np.unique([axis.x(time) for time in times])
    return "".join(f"M{x:g} {top:g}v{height:g}" for x in places)


def _bars(axis: Axis, visit: object) -> Iterator[Bar]:
    """A visit's two windows, light, and its seen stay over them. An open window reaches the edge."""
    v = visit
    opened = 0.0 if pd.isna(v.arrival_after) else axis.x(v.arrival_after)  # type: ignore[attr-defined]
    closed = WIDTH if pd.isna(v.departure_before) else axis.x(v.departure_before)  # type: ignore[attr-defined]
    begun, ended = axis.x(v.arrival_before), axis.x(v.departure_after)  # type: ignore[attr-defined]
    seen = f"seen from {minute(v.arrival_before)} to {minute(v.departure_after)}"  # type: ignore[attr-defined]
    did = v.transition if v.transition in DID else "undetermined"  # type: ignore[attr-defined]
    looks = count(v.observations, "look")  # type: ignore[attr-defined]
    title = f"{v.berth_id}: {seen} UTC, in {looks}: {DID[did]}"  # type: ignore[attr-defined]
    yield Bar(opened, round(begun - opened, 1), "window", "", "")
    yield Bar(ended, round(closed - ended, 1), "window", "", "")
    widened = max(LEAST_BAR - (ended - begun), 0.0) / 2
    yield Bar(round(begun - widened, 1), round(ended - begun + 2 * widened, 1), "stay", title, did)


def _words(looks: pd.DataFrame, visits: int, kind: str) -> str:
    told = looks["occupied"].dropna()
    if told.empty:
        return "nothing could be told"
    taken = int(told.sum())
    text = f"taken in {taken:,} of {count(len(told), 'look')} ({share(taken / len(told))})"
    unseen = len(looks) - len(told)
    if unseen:
        text += f"; {unseen:,} more told nothing"
    return text if kind == "control" else f"{text}; {count(visits, 'visit')}"


def strips_of(run: RunFolder, axis: Axis) -> list[Strip]:
    """A strip for every berth and control of a run, berths first."""
    kinds = sorted(run.kinds().items(), key=lambda item: item[1] == "control")
    strips = []
    for berth_id, kind in kinds:
        looks = run.occupancy[run.occupancy["berth_id"] == berth_id]
        own = run.visits[run.visits["berth_id"] == berth_id]
        state = looks["occupied"]
        chosen = {"taken": state.fillna(value=False), "vacant": ~state.fillna(value=True), "unseen": state.isna()}
        paths = tuple((name, _path(axis, looks.loc[mask.astype(bool), "time"], name)) for name, mask in chosen.items())
        bars = tuple(bar for visit in own.itertuples(index=False) for bar in _bars(axis, visit))
        shown = tuple(
            sorted((bar for bar in bars if bar.kind == "stay" or bar.width > 0), key=lambda bar: bar.kind == "stay")
        )
        strips.append(Strip(berth_id, kind, _words(looks, len(own), kind), shown, paths))
    return strips
