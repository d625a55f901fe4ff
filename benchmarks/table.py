"""What a benchmark measured: one row per figure, shown as a table and kept as JSON."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `ratio` > 1 where ours is better; `limit_fraction` is the share of the physical limit reached."""

    case: str
    subject: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    limit_fraction: float | None = None


def against(row: Row, peer: str, peer_value: float, *, less_is_better: bool) -> Row:
    """Set a figure against a peer's, or against what was asked for.

    >>> against(Row("run", "berthwatch", 30.0, "s"), "asked for", 60.0, less_is_better=True).ratio
    2.0
    """
    above, below = (peer_value, row.value) if less_is_better else (row.value, peer_value)
    ratio = above / below if below else None
    return Row(row.case, row.subject, row.value, row.unit, peer, peer_value, ratio, row.limit_fraction)


HEADER = ("case", "subject", "value", "unit", "peer", "peer value", "ratio", "limit fraction")


def cells(row: Row) -> list[str]:
    """A row as the eight texts of its cells; what was not measured is blank."""
    numbers = [_short(number) for number in (row.value, row.peer_value, row.ratio, row.limit_fraction)]
    value, peer_value, ratio, limit_fraction = numbers
    return [row.case, row.subject, value, row.unit, row.peer or "", peer_value, ratio, limit_fraction]


def markdown(rows: Sequence[Row]) -> str:
    """Rows as a table in columns of equal width, which Markdown reads as a table too.

    >>> print(markdown([Row("run", "berthwatch", 12.345, "s")]).splitlines()[2].split("|")[3].strip())
    12.35
    """
    return aligned([list(HEADER), *(cells(row) for row in rows)])


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Texts in columns of equal width, the first line as their heads, as a table of Markdown.

    >>> print(aligned([["a", "bc"], ["def", "g"]]))
    | a   | bc |
    |-----|----|
    | def | g  |
    """
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    shown = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([shown[0], rule, *shown[1:]])


def main(name: str, measure: Callable[[bool], list[Row]]) -> None:
    """Command line of one benchmark: measure, print the table, write the JSON when asked to."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--small", action="store_true", help="a quick pass over less data")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    arguments = parser.parse_args()
    rows = measure(arguments.small)
    print(markdown(rows))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


def _short(number: float | None) -> str:
    return "" if number is None else f"{number:.4g}"
