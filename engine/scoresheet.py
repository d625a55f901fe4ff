"""The scores of a run as a plain-text table for people."""

from collections.abc import Iterator
from typing import Any

from berthwatch.scoring import TRANSITIONS, UNDETERMINED, Score

type Line = tuple[str, str, str]
"""What a score is of, which one it is, and its value."""

NO_DATA = "no data"


def scoresheet(scores: Score) -> str:
    """Everything `evaluate` found: aligned lines, the confusion, the reliability, and what is left out.

    >>> from berthwatch.scoring import share
    >>> percent(share(33, 34)), percent(share(0, 0)), number(None, " h")
    ('97.1 %  (33 of 34)', 'no data', 'no data')
    """
    truth = scores["truth"]
    span = f"{str(scores['first_scene'])[:10]} to {str(scores['last_scene'])[:10]}"
    head = [f"{scores['port']}, {span if scores['first_scene'] else 'no scenes'}: {truth['in_span']} true visits"]
    if truth["not_watched"]:
        head.append(f"{truth['not_watched']} more true visits are at berths that the run did not watch")
    lines = [*_visits(scores), *_claims(scores), *_amounts(scores)]
    parts = ["\n".join(head), _aligned(lines)]
    if scores["transitions"] is not None:
        parts.append(_confusion(scores["transitions"]["confusion"]))
    parts.append(_reliability(scores["calibration"]))
    if scores["left_out"]:
        parts.append("\n".join(["left out:", *(f"  {name}: {why}" for name, why in scores["left_out"].items())]))
    return "\n\n".join(part for part in parts if part)


def percent(share: Score) -> str:
    """A share as a percentage with its counts."""
    if share["share"] is None:
        return NO_DATA
    return f"{100 * share['share']:.1f} %  ({share['hits']} of {share['of']})"


def number(value: float | None, unit: str = "", digits: int = 1) -> str:
    """A number with its unit, or that there is none."""
    return NO_DATA if value is None else f"{value:,.{digits}f}{unit}"


def _visits(scores: Score) -> Iterator[Line]:
    for key, title in (("with_a_clear_look", "visits with a clear look"), ("all", "all visits")):
        found = scores["visits"][key]
        yield title, "precision", percent(found["precision"])
        yield title, "recall", percent(found["recall"])
        yield title, "F1", number(found["f1"], digits=3)
    timing = scores["timing"]
    for name in ("arrival", "departure"):
        yield "timing", f"{name} in its window", percent(timing[name]["inside"])
        width = number(timing[name]["median_width_h"], " h")
        yield "timing", f"{name} window, median", f"{width}  ({timing[name]['open']} open)"
    yield "timing", "both in their windows", percent(timing["both_inside"])


def _claims(scores: Score) -> Iterator[Line]:
    transitions, vessels, ais = scores["transitions"], scores["vessels"], scores["ais"]
    if transitions is not None:
        yield "transitions", "decided", percent(transitions["decided"])
        yield "transitions", "right, of the decided", percent(transitions["right"])
        yield "transitions", "others called loaded", percent(transitions["others_called_loaded"])
        yield "transitions", "false visits called loaded", str(transitions["false_visits_called_loaded"])
    if vessels is not None:
        yield "vessels", "named with 0.8 or more", percent(vessels["named"])
        yield "vessels", "right, of the named", percent(vessels["right"])
        if "strangers_named" in vessels:
            yield "vessels", "not in the fleet, yet named", percent(vessels["strangers_named"])
    if ais is not None:
        yield "AIS", "called dark or tracked", percent(ais["decided"])
        yield "AIS", "right, of these", percent(ais["right"])
        yield "AIS", "tracked called dark", percent(ais["tracked_called_dark"])


def _amounts(scores: Score) -> Iterator[Line]:
    for name, title, digits in (
        ("arrival_load", "load on arrival", 2),
        ("departure_load", "load on departure", 2),
        ("barrels", "barrels", 0),
    ):
        score = scores[name]
        if score is not None:
            yield title, "stated", percent(score["stated"])
            yield title, "truth in 5 %–95 %", percent(score["covered"])
            yield title, "mean width", number(score["mean_width"], digits=digits)
            yield title, "mean error", number(score["mean_error"], digits=digits)
    totals = scores["totals"]
    for name in ("seen", "estimated"):
        for year, total in totals.get(name, {}).items():
            yield from _total(f"barrels {name}, {year}", total)
    if "visits_estimated" in totals:
        yield from _total("visits", totals["visits_estimated"])


def _total(title: str, total: Score) -> Iterator[Line]:
    half = NO_DATA if total["half_width"] is None else f"±{100 * total['half_width']:.0f} %"
    yield "totals", title, f"{total['value']:,.0f}  ({total['low']:,.0f} to {total['high']:,.0f}, {half})"
    yield "totals", "  truth", f"{total['true']:,.0f}, {'inside' if total['covered'] else 'OUTSIDE'}"


def _aligned(lines: list[Line]) -> str:
    first, second = (max(len(line[column]) for line in lines) for column in (0, 1))
    before, out = "", []
    for title, what, value in lines:
        out.append(f"{title if title != before else '':<{first}}  {what:<{second}}  {value}")
        before = title
    return "\n".join(out)


def _columns(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _confusion(confusion: dict[str, dict[str, int]]) -> str:
    called = [*TRANSITIONS, UNDETERMINED]
    rows = [["truth, and what it was called", *called]]
    return _columns([*rows, *([so, *(str(confusion[so][name]) for name in called)] for so in TRANSITIONS)])


def _reliability(calibration: dict[str, Any]) -> str:
    names = [name for name in ("occupied", "transition", "vessel") if name in calibration]
    if not names:
        return ""
    rows = [["probability said -> share that was so (of)", *names]]
    rows.append(["Brier score", *(number(calibration[name]["brier"], digits=4) for name in names)])
    for index, one in enumerate(calibration[names[0]]["bins"]):
        rows.append(
            [f"{one['low']:.1f} to {one['high']:.1f}", *(_bin(calibration[name]["bins"][index]) for name in names)]
        )
    return _columns(rows)


def _bin(one: Score) -> str:
    if not one["count"]:
        return "-"
    return f"{one['mean_predicted']:.2f} -> {one['observed']:.2f} ({one['count']})"
