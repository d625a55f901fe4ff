"""What a run found as matplotlib figures, for notebooks and papers: timeline, ledger, and the chips of a visit.

Colours and words are those of the report's page, read from its style, so that a figure and the page say the same.
"""

import re
import textwrap
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from berthwatch.errors import Fault, InputError
from berthwatch.inference import Inference
from berthwatch.page.account import SURE
from berthwatch.page.chart import CURVES, cap_words, heights, passed_words
from berthwatch.page.chips import Chip, grey, scale_of
from berthwatch.page.evidence import pictures_of
from berthwatch.page.folder import RunFolder, read_folder
from berthwatch.page.sketch import rings
from berthwatch.page.timeline import DID
from berthwatch.page.words import day, round_step
from berthwatch.pipeline import RunResult
from berthwatch.tables import LEDGER_COLUMNS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["chips", "ledger", "timeline"]

type Run = str | Path | RunResult | RunFolder

NO_VOLUME: Final = "No freeboard was measured, so no volume is stated."
_SHAPES: Final = {"loaded": "^", "discharged": "v", "unchanged": "s", "undetermined": "o"}
_STATES: Final = {
    "taken": (0.16, 0.28, "look, berth taken"),
    "vacant": (-0.02, 0.1, "look, berth vacant"),
    "unseen": (-0.12, -0.08, "look that told nothing"),
}
"""Bottom and top of the tick for a look, and the words for it."""


@cache
def _colour(name: str) -> str:
    """A colour of the page on white paper."""
    data = files("berthwatch.page").joinpath("data")
    for sheet in ("report.css", "ledger.css", "evidence.css"):
        found = re.search(rf"--{name}: (#[0-9a-f]+)", data.joinpath(sheet).read_text(encoding="utf-8"))
        if found:
            return found[1]
    raise KeyError(name)


def _folder(run: Run) -> RunFolder:
    if isinstance(run, RunFolder):
        return run
    return read_folder(run.out if isinstance(run, RunResult) else Path(run))


def _axes(ax: "Axes | None", width_in: float, height_in: float) -> "Axes":
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(width_in, height_in), layout="constrained")[1]


def timeline(run: Run | Inference, ax: "Axes | None" = None) -> "Axes":
    """Draw when each berth was taken: looks as ticks, visits as bars with what they did, windows thin.

    Parameters
    ----------
    run : str, Path, RunResult or Inference
        A run's folder, what `bw.run` gave, or what `bw.infer` gave.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib Axes
        One row for each berth and control, berths on top; time (UTC) to the right.

    Raises
    ------
    InputError
        The folder is not that of a run.
    """
    if isinstance(run, Inference):
        occupancy, visits = run.occupancy, run.visits
        names = sorted(occupancy["berth_id"].unique())
        kinds = dict.fromkeys(names, "berth")
    else:
        folder = _folder(run)
        occupancy, visits, kinds = folder.occupancy, folder.visits, folder.kinds()
        names = sorted(kinds, key=lambda name: kinds[name] == "control")
    ax = _axes(ax, 10, 0.8 + 0.6 * max(len(names), 1))
    for row, name in enumerate(reversed(names)):
        _looks(ax, row, occupancy[occupancy["berth_id"] == name])
        for visit in visits[visits["berth_id"] == name].itertuples(index=False):
            _visit(ax, row, visit, occupancy["time"])
    ax.set_yticks(range(len(names)), [name if kinds[name] == "berth" else f"{name} (control)" for name in names[::-1]])
    ax.set_ylim(-0.5, max(len(names), 1) - 0.3)
    ax.set_xlabel("time (UTC)")
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    handles, labels = ax.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    if once:
        ax.legend(once.values(), once.keys(), loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
    return ax


def _looks(ax: "Axes", row: int, looks: pd.DataFrame) -> None:
    state = looks["occupied"]
    chosen = {"taken": state.fillna(value=False), "vacant": ~state.fillna(value=True), "unseen": state.isna()}
    for name, (bottom, top, words) in _STATES.items():
        times = looks.loc[chosen[name].astype(bool), "time"]
        if len(times):
            ax.vlines(times, row + bottom, row + top, colors=_colour(name), linewidth=0.8, label=words)


def _visit(ax: "Axes", row: int, visit: Any, times: "pd.Series[pd.Timestamp]") -> None:
    """A visit's windows, thin, and its seen stay over them; an open window reaches the first or last look."""
    opened = times.min() if pd.isna(visit.arrival_after) else visit.arrival_after
    closed = times.max() if pd.isna(visit.departure_before) else visit.departure_before
    did = visit.transition if visit.transition in DID else "undetermined"
    colour = _colour(did)
    words = "may have come or left in this time"
    ax.hlines(row + 0.4, opened, closed, colors=_colour("window"), linewidth=3, label=words)
    # A stay seen in one look has no length: the line's ends show it all the same.
    ax.hlines(row + 0.4, visit.arrival_before, visit.departure_after, colors=colour, linewidth=6, capstyle="projecting")
    middle = visit.arrival_before + (visit.departure_after - visit.arrival_before) / 2
    face = "white" if did == "undetermined" else colour
    (mark,) = ax.plot([middle], [row + 0.57], _SHAPES[did], color=colour, markersize=5, label=f"visit: {DID[did]}")
    mark.set_markerfacecolor(face)


def ledger(run: Run | pd.DataFrame, cap: float | None = None, ax: "Axes | None" = None) -> "Axes":
    """Draw cumulated barrels over the days: seen and estimated, each with its 90 % interval, against the cap.

    Parameters
    ----------
    run : str, Path, RunResult or DataFrame
        A run's folder, what `bw.run` gave, or the days that `bw.ledger` gave.
    cap : float, optional
        Barrels per calendar year; that of the run if not given.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib Axes
        Where no volume was measured it says so, and draws no curve.

    Raises
    ------
    InputError
        The folder is not that of a run, or the table no ledger.

    Examples
    --------
    >>> import berthwatch as bw
    >>> from matplotlib.figure import Figure
    >>> axes = ledger(bw.ledger(None), ax=Figure().add_subplot())
    >>> axes.texts[0].get_text()
    'No freeboard was measured, so no volume is stated.'
    """
    table, cap = _days(run, cap)
    ax = _axes(ax, 9, 4)
    ax.spines[["top", "right"]].set_visible(False)
    known = table.dropna(subset=["seen", "estimated"])
    if known.empty:
        ax.text(0.5, 0.5, NO_VOLUME, ha="center", va="center", transform=ax.transAxes)
        ax.set_axis_off()
        return ax
    times = pd.to_datetime(known["date"], utc=True)
    words, unit, _ = heights(1.05 * max(known["estimated_high"].max(), known["seen_high"].max(), cap or 0.0, 1.0))
    for name in ("estimated", "seen"):
        _curve(ax, name, known, times, unit)
    if cap:
        limit = _colour("limit")
        ax.axhline(cap / unit, color=limit, linewidth=1.5, linestyle="-.", label=cap_words(cap))
        over = times[known["p_over_cap"] >= SURE]
        if len(over):
            label = passed_words(day(over.iloc[0]))
            ax.plot([over.iloc[0]], [cap / unit], "D", color=limit, linestyle="none", label=label)
    ax.set_ylim(bottom=0)
    ax.set_ylabel(words)
    ax.grid(axis="y", color=_colour("rule"), linewidth=0.8)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return ax


def _days(run: Run | pd.DataFrame, cap: float | None) -> tuple[pd.DataFrame, float | None]:
    """The ledger's table, and the cap: as given, else the run's own."""
    if not isinstance(run, pd.DataFrame):
        folder = _folder(run)
        return folder.ledger, folder.summary.get("cap_barrels") if cap is None else cap
    lacking = [name for name in LEDGER_COLUMNS if name not in run]
    if lacking:
        raise InputError([Fault("table", f"the columns {', '.join(LEDGER_COLUMNS)}", f"none named {lacking[0]}")])
    return run, cap


def _curve(ax: "Axes", name: str, table: pd.DataFrame, times: "pd.Series[pd.Timestamp]", unit: float) -> None:
    """One volume, anew in each calendar year: its middle as a line, its interval as a band."""
    colour, dashes = _colour(name), "--" if name == "estimated" else "-"
    for number, year in enumerate(times.dt.year.unique()):
        own = times.dt.year == year
        label = f"{CURVES[name]} (90 % interval)" if number == 0 else None
        low, middle, high = (table.loc[own, column] / unit for column in (f"{name}_low", name, f"{name}_high"))
        ax.fill_between(times[own], low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(times[own], middle, dashes, color=colour, linewidth=2, label=label)


def chips(run: Run, visit_id: str, ax: "Sequence[Axes] | None" = None) -> NDArray[Any]:
    """Draw the pictures of one visit: before, on arrival, on departure and after, with berth and hull.

    Parameters
    ----------
    run : str, Path or RunResult
        A run's folder, with its cubes, or what `bw.run` gave.
    visit_id : str
    ax : sequence of matplotlib Axes, optional
        Where to draw, one for each picture; a new figure if not given.

    Returns
    -------
    ndarray of matplotlib Axes
        One for each picture, by time. All share one scale of brightness for each source.

    Raises
    ------
    InputError
        No run, no such visit, no pixels of it, or fewer axes than pictures.
    """
    folder = _folder(run)
    where = run.out if isinstance(run, RunResult) else Path(run) if isinstance(run, str | Path) else Path()
    try:
        pictures = pictures_of(folder, where / "cube", visit_id)
    except KeyError:
        few = ", ".join(folder.visits["visit_id"].head(3)) or "none"
        raise InputError([Fault("visit_id", f"a visit of this run (such as {few})", repr(visit_id))]) from None
    if not pictures:
        raise InputError([Fault(str(where / "cube"), f"the cubes with the pixels of {visit_id}", "none of its scenes")])
    if ax is None:
        from matplotlib import pyplot as plt

        size = (2.6 * len(pictures), 3.6)
        ax = plt.subplots(1, len(pictures), figsize=size, squeeze=False, layout="constrained")[1][0]
    drawn = np.atleast_1d(np.asarray(ax, dtype=object)).ravel()
    if drawn.size < len(pictures):
        raise InputError([Fault("ax", f"axes for {len(pictures)} pictures", str(drawn.size))])
    scales = {kind: scale_of([each for *_, each in pictures if _like(each) == kind]) for kind in
              {_like(each) for *_, each in pictures}}  # fmt: skip
    for place, (title, told, chip) in zip(drawn, pictures, strict=False):
        _picture(place, title, told, chip, scales[_like(chip)])
    return drawn[: len(pictures)]


def _like(chip: Chip) -> tuple[str, str, float]:
    """What chips of one source have in common."""
    return chip.kind, chip.band, round(chip.pixel_m, 3)


def _picture(ax: "Axes", title: str, told: str, chip: Chip, scale: tuple[float, float]) -> None:
    height, width = chip.image.shape
    ax.imshow(
        grey(chip.image, chip.kind, scale), cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0),
        interpolation="nearest",
    )  # fmt: skip
    _outline(ax, chip.berth, "#5fd4ff", "-", "berth")
    if chip.hull is not None:
        _outline(ax, chip.hull, "#ffc83d", "--", "bright part taken for a hull")
    bar_m = round_step(0.45 * width * chip.pixel_m)
    ax.plot([0.04 * width, 0.04 * width + bar_m / chip.pixel_m], [0.95 * height] * 2, color="white", linewidth=2)
    ax.text(0.04 * width, 0.93 * height, f"{bar_m:g} m", color="white", fontsize=8)
    right, down = np.linalg.solve(chip.axes, (0.0, 1.0)) * 0.1 * height / np.hypot(*np.linalg.solve(chip.axes, (0, 1)))
    tail = (0.92 * width, 0.13 * height)
    arrow = {"arrowstyle": "->", "color": "white"}
    ax.annotate("N", (tail[0] + right, tail[1] + down), tail, color="white", fontsize=8, ha="center", arrowprops=arrow)
    ax.set_title(title, fontsize=9)
    ax.set_xlabel("\n".join(textwrap.wrap(told.replace(" %", "\N{NO-BREAK SPACE}%"), 38)), fontsize=8)
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_xticks([])
    ax.set_yticks([])


def _outline(ax: "Axes", area: BaseGeometry, colour: str, style: str, label: str) -> None:
    for ring in rings(area):
        ax.plot(ring[:, 0], ring[:, 1], color=colour, linestyle=style, linewidth=1.3, label=label)
