"""What resolution and revisit buy: the scores of all cells of a grid, pooled over seeds, as tables and one figure."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.table import Row, aligned
from berthwatch.scoring import Score, found_score, share

AXES = {
    "cloud": "Cloud",
    "season": "Season in which the series begins",
    "pier_deg": "Where the open side of the berths looks",
}
SHOWN = ("f1_clear", "f1_all", "windows", "decided", "right", "load", "barrels", "named", "total", "half_width")
DRAWN = ("f1_all", "decided", "right", "half_width")


@dataclass(frozen=True, slots=True)
class Measured:
    """One cell of a grid with the scores of its run."""

    cell: dict[str, Any]
    scores: Score
    seconds: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of many runs: its name, its unit, and how it is had from their scores. None where there is no data."""

    title: str
    unit: str
    pool: Callable[[Sequence[Score]], float | None]


def _pooled(*path: str) -> Callable[[Sequence[Score]], float | None]:
    """A share of all that was counted in all runs together."""

    def pool(runs: Sequence[Score]) -> float | None:
        shares = [part for part in (_at(one, path) for one in runs) if part is not None]
        pooled: float | None = share(sum(s["hits"] for s in shares), sum(s["of"] for s in shares))["share"]
        return pooled

    return pool


def _at(score: Score, path: Iterable[str]) -> Score | None:
    part: Any = score
    for name in path:
        part = None if part is None else part.get(name)
    found: Score | None = part
    return found


def _f1(which: str) -> Callable[[Sequence[Score]], float | None]:
    def pool(runs: Sequence[Score]) -> float | None:
        found = [one["visits"][which] for one in runs]
        f1: float | None = found_score(*(sum(one[name] for one in found) for name in ("matched", "false", "missed")))[
            "f1"
        ]
        return f1

    return pool


def _totals(runs: Sequence[Score]) -> list[Score]:
    """Every total that a ledger gave for the end of a year or of the series."""
    return [total for one in runs for total in one["totals"].get("estimated", {}).values()]


def _covered(runs: Sequence[Score]) -> float | None:
    covered: float | None = share(sum(t["covered"] for t in _totals(runs)), len(_totals(runs)))["share"]
    return covered


def half_width(runs: Sequence[Score]) -> float | None:
    """Median over runs of half the interval of the estimated total, as a share of the total.

    >>> from berthwatch.scoring import total_score
    >>> half_width([{"totals": {"estimated": {"2024": total_score(80.0, 100.0, 130.0, 90.0)}}}, {"totals": {}}])
    0.25
    """
    widths = [total["half_width"] for total in _totals(runs) if total["half_width"] is not None]
    return statistics.median(widths) if widths else None


FIGURES = {
    "f1_clear": Figure("visits F1, with a clear look", "", _f1("with_a_clear_look")),
    "f1_all": Figure("visits F1, all", "", _f1("all")),
    "windows": Figure("both times in their windows", "%", _pooled("timing", "both_inside")),
    "decided": Figure("transitions decided", "%", _pooled("transitions", "decided")),
    "right": Figure("decided rightly", "%", _pooled("transitions", "right")),
    "load": Figure("load on departure in its interval", "%", _pooled("departure_load", "covered")),
    "barrels": Figure("barrels of a visit in their interval", "%", _pooled("barrels", "covered")),
    "named": Figure("vessels named rightly", "%", _pooled("vessels", "right")),
    "total": Figure("true total in its interval", "%", _covered),
    "half_width": Figure("half-width of the total's interval", "%", half_width),
}


def groups(measured: Iterable[Measured]) -> dict[tuple[Any, ...], list[Score]]:
    """The scores of all seeds of each (sensor, cloud, season, pier), in the order measured."""
    found: dict[tuple[Any, ...], list[Score]] = {}
    for one in measured:
        found.setdefault((one.cell["sensor"], *(one.cell[axis] for axis in AXES)), []).append(one.scores)
    return found


def rows_of(measured: Sequence[Measured]) -> list[Row]:
    """Every figure that has data, as a benchmark's rows."""
    rows = []
    for (sensor, cloud, season, pier_deg), runs in groups(measured).items():
        case = f"{sensor}; cloud {cloud:g}, {season}, pier {pier_deg:g}°"
        for name in SHOWN:
            value = FIGURES[name].pool(runs)
            if value is not None:
                rows.append(Row(case, FIGURES[name].title, value, "share" if FIGURES[name].unit else ""))
    return rows


def _text(figure: Figure, runs: Sequence[Score]) -> str:
    value = figure.pool(runs)
    if value is None:
        return "–"
    return f"{100 * value:.0f} %" if figure.unit else f"{value:.2f}"


def _varied(measured: Sequence[Measured], axis: str) -> dict[tuple[Any, ...], list[Score]]:
    """Of the groups, those that differ from the first one in the sensor and this axis only."""
    base = measured[0].cell
    others = [name for name in AXES if name != axis]
    return groups(one for one in measured if all(one.cell[name] == base[name] for name in others))


def _table(measured: Sequence[Measured], axis: str) -> str:
    place = 1 + list(AXES).index(axis)
    header = ["sensor", axis.removesuffix("_deg"), "ports", "calls", *(FIGURES[name].title for name in SHOWN)]
    lines = []
    chosen = _varied(measured, axis)
    order = list(dict.fromkeys(key[0] for key in chosen))
    for key, runs in sorted(chosen.items(), key=lambda item: (order.index(item[0][0]), item[0][place])):
        calls = sum(one["truth"]["in_span"] for one in runs)
        value = f"{key[place]:g}" if isinstance(key[place], int | float) else str(key[place])
        lines.append([key[0], value, str(len(runs)), str(calls), *(_text(FIGURES[name], runs) for name in SHOWN)])
    return aligned([header, *lines])


def write_page(measured: Sequence[Measured], folder: Path) -> Path:
    """Write `accuracy.md` and `accuracy.svg` to a folder; nothing in them is typed by hand.

    Raises
    ------
    ValueError
        Nothing was measured.
    """
    if not measured:
        raise ValueError("no cell was measured")
    folder.mkdir(parents=True, exist_ok=True)
    _draw(measured, folder / "accuracy.svg")
    base = measured[0].cell
    what = (
        f"Written by `python -m benchmarks.accuracy_grid`: {len(measured)} simulated two-berth ports of {base['days']} "
        "days each, every one run, and scored by `berthwatch evaluate`. They are synthetic; on real scenes expect less."
    )
    how = (
        f"One thing at a time is turned away from a base: cloud {base['cloud']:g}, {base['season']}, pier to "
        f"{base['pier_deg']:g}°. A row pools its ports: shares are of all their calls together, the half-width is the "
        "median port's. A dash is no data: what is never stated is neither right nor wrong."
    )
    parts = ["# What resolution and revisit buy", what, "![Certainty against cloud, by sensor](accuracy.svg)", how]
    for axis, title in AXES.items():
        parts += [f"## {title}", _table(measured, axis)]
    page = folder / "accuracy.md"
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def _draw(measured: Sequence[Measured], path: Path) -> None:
    """Draw the figures against cloud, a line a sensor; one that clouds do not touch is level."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    chosen = _varied(measured, "cloud")
    clouds = sorted({key[1] for key in chosen})
    sensors = list(dict.fromkeys(key[0] for key in chosen))
    # Equal scores give equal bytes: ids in the file come from this and not from the clock.
    with mpl.rc_context({"svg.hashsalt": "accuracy", "font.size": 9}):
        canvas = Canvas(figsize=(9.0, 6.4), layout="constrained")
        for place, name in zip(canvas.subplots(2, 2).flat, DRAWN, strict=True):
            for number, sensor in enumerate(sensors):
                points = sorted((key[1], FIGURES[name].pool(runs)) for key, runs in chosen.items() if key[0] == sensor)
                told = [(cloud, value) for cloud, value in points if value is not None]
                if len(points) == 1 and told:
                    told = [(cloud, told[0][1]) for cloud in clouds]
                place.plot(*zip(*told, strict=True) if told else ([], []), marker="o", color=f"C{number}", label=sensor)
            place.set_title(FIGURES[name].title)
            place.set_xlabel("mean share of the sky clouded")
            place.set_xticks(clouds)
            highest = max((max(line.get_ydata(), default=0.0) for line in place.lines), default=0.0)
            place.set_ylim(0, 1.03 if name != "half_width" else max(1.08 * highest, 0.1))
            place.grid(alpha=0.3)
        handles, labels = place.get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
        canvas.savefig(path, metadata={"Date": None})
