"""The ledger's figure: cumulated barrels over the days, seen and estimated apart, against the cap.

It is drawn twice, for wide and for narrow screens, in pixels as they are shown: text that shrinks with a drawing cannot
be read. Seen and estimated differ by the style of their lines as well as by colour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from berthwatch.page.account import SCENARIOS, SURE
from berthwatch.page.folder import RunFolder
from berthwatch.page.timeline import Axis, axis_of
from berthwatch.page.words import day, round_step, significant

WIDE: Final = (960, 420)
NARROW: Final = (360, 400)
LEFT, RIGHT, BOTTOM = 48.0, 88.0, 30.0
TITLE: Final = 30.0
"""What a title takes where the figure stands alone."""
LINE: Final = 20.0
"""Between lines of the key."""
LETTER: Final = 6.4
"""Width of a letter, nearly: the key is broken into lines without knowing the font."""
APART: Final = 15.0
"""Between labels at the right edge."""

CURVES: Final = {"seen": "on visits seen", "estimated": "estimated, with what gaps hid"}
"""The two volumes, and the words for them."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One volume: its middle as a line and its interval as a band, both SVG paths that start anew each year."""

    name: str
    line: str
    band: str


@dataclass(frozen=True, slots=True)
class Label:
    """Text of the figure and the place of what it tells of; `text_x` and `text_y` are where it is written."""

    x: float
    y: float
    text: str
    text_x: float
    text_y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The figure: its size, the plot's edges, ticks, curves, the cap, when it was passed, official scenarios, the key."""

    size: tuple[int, int]
    edges: tuple[float, float, float, float]
    unit: str
    days: tuple[tuple[float, str], ...]
    heights: tuple[tuple[float, str], ...]
    curves: tuple[Curve, ...]
    cap_y: float | None
    passed: tuple[float, float] | None
    scenarios: tuple[Label, ...]
    key: tuple[tuple[str, float, float, str], ...]


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the plot lies in the figure and what its edges stand for."""

    axis: Axis
    left: float
    right: float
    top: float
    bottom: float
    most: float

    def x(self, time: pd.Timestamp) -> float:
        return round(self.left + (self.right - self.left) * self.axis.x(time) / 1000, 1)

    def y(self, barrels: float) -> float:
        return round(self.bottom - (self.bottom - self.top) * barrels / self.most, 1)


def _path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return "M" + "L".join(f"{a:g} {b:g}" for a, b in zip(x, y, strict=True))


def _curve(name: str, table: pd.DataFrame, times: "pd.Series[pd.Timestamp]", frame: _Frame) -> Curve:
    """A curve with no more points than there are pixels to show them, but with the ends of all years."""
    line, band = [], []
    for year in times.dt.year.unique():
        own = (times.dt.year == year).to_numpy()
        x = np.array([frame.x(time) for time in times[own]])
        kept = np.diff(np.floor(x), append=np.inf) > 0
        low, middle, high = (
            np.array([frame.y(value) for value in table.loc[own, column]])[kept]
            for column in (f"{name}_low", name, f"{name}_high")
        )
        line.append(_path(x[kept], middle))
        band.append(_path(np.r_[x[kept], x[kept][::-1]], np.r_[high, low[::-1]]) + "Z")
    return Curve(name, "".join(line), "".join(band))


def _apart(places: Sequence[float], lowest: float) -> list[float]:
    """Places from the bottom up, moved so that labels do not touch and none lies below the lowest."""
    found: list[float] = []
    for place in places:
        found.append(min(place, lowest, found[-1] - APART) if found else min(place, lowest))
    return found


def _scenarios(totals: Mapping[str, float], frame: _Frame, unit: float) -> tuple[Label, ...]:
    """Official scenarios at the right edge, where the ledger ends."""
    places = sorted((barrels, SCENARIOS[name]) for name, barrels in totals.items())
    written = _apart([frame.y(barrels) for barrels, _ in places], frame.bottom - 4)
    return tuple(
        Label(frame.right, frame.y(barrels), f"{words}: {significant(barrels / unit)}", frame.right + 14, y)
        for (barrels, words), y in zip(places, written, strict=True)
    )


def _key(
    run: RunFolder, width: float, scenarios: bool, passed: str | None
) -> tuple[tuple[str, float, float, str], ...]:
    """What the marks mean, one after the other in as many lines as they need: mark, x, y, words."""
    cap = run.summary.get("cap_barrels")
    items = [*CURVES.items()]
    items += [("cap", cap_words(cap))] if cap else []
    items += [("passed", passed_words(passed))] if passed else []
    items += [("scenario", "if this share of full load was taken: not measured")] if scenarios else []
    found, x, y = [], 0.0, 14.0
    for name, words in items:
        long = 34 + LETTER * len(words)
        if x and x + long > width:
            x, y = 0.0, y + LINE
        found.append((name, x, y, words))
        x += long + 16
    return tuple(found)


def cap_words(cap_barrels: float) -> str:
    """The cap, as the key says it.

    >>> cap_words(500000)
    'cap: 500,000 a year'
    """
    return f"cap: {cap_barrels:,.0f} a year"


def passed_words(passed: str) -> str:
    """The day on which the cap was passed, as the key says it."""
    return f"over it with 95 % probability: {passed}"


def heights(most: float) -> tuple[str, float, float]:
    """Words for the unit of the scale, the unit, and the step of its ticks, all in barrels."""
    scales = (("million barrels", 1e6), ("thousand barrels", 1e3))
    words, unit = next(((words, unit) for words, unit in scales if most >= unit), ("barrels", 1.0))
    return words, unit, round_step(most / 3)


def chart_of(run: RunFolder, size: tuple[int, int], above: float = 0.0) -> Chart | None:
    """The figure of a run's ledger; None where the ledger holds no volume.

    Parameters
    ----------
    run : RunFolder
    size : (int, int)
        Width and height in pixels, the second without what lies above.
    above : float
        Pixels left free at the top.
    """
    table = run.ledger.dropna(subset=["seen", "estimated"]).reset_index(drop=True)
    if table.empty:
        return None
    times = pd.to_datetime(table["date"], utc=True)
    axis = axis_of(times)
    assert axis is not None, "there are days"
    cap = run.summary.get("cap_barrels")
    over = table.loc[table["p_over_cap"] >= SURE, "date"] if cap else table["date"].iloc[:0]
    first_over = None if over.empty else pd.Timestamp(over.iloc[0], tz="UTC")
    # The scenarios are of the whole run, the curves of a calendar year.
    totals = (run.summary.get("scenario_barrels") or {}) if times.dt.year.nunique() == 1 else {}
    officials = {name: float(totals[name]) for name in SCENARIOS if totals.get(name)}
    most = 1.05 * max(table["estimated_high"].max(), table["seen_high"].max(), cap or 0.0, *officials.values(), 1.0)
    key = _key(run, size[0], bool(officials), None if first_over is None else day(first_over))
    top = above + key[-1][2] + 36
    right = size[0] - (RIGHT if officials else 12.0)
    frame = _Frame(axis, LEFT, right, top, above + size[1] - BOTTOM, most)
    words, unit, step = heights(most)
    ticks = np.arange(0.0, most, step)
    shown = axis.ticks[:: 2 if size[0] < WIDE[0] and len(axis.ticks) > 4 else 1]
    return Chart(
        size=(size[0], round(size[1] + above)),
        edges=(frame.left, frame.right, frame.top, frame.bottom),
        unit=words,
        days=tuple((round(LEFT + (right - LEFT) * share / 100, 1), label) for share, label in shown),
        heights=tuple((frame.y(float(tick)), f"{tick / unit:g}") for tick in ticks),
        curves=tuple(_curve(name, table, times, frame) for name in ("estimated", "seen")),
        cap_y=None if not cap else frame.y(float(cap)),
        passed=None if first_over is None else (frame.x(first_over), frame.y(float(cap or 0.0))),
        scenarios=_scenarios(officials, frame, unit),
        key=tuple((name, x, above + y, text) for name, x, y, text in key),
    )
