"""The report's words for numbers, times and reasons: rounded as far as they are known, hedged as much as they must be."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil, floor, log10
from typing import Final

import pandas as pd

MONTHS: Final = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
"""Written out here because `strftime` speaks the language of whoever called `setlocale` last."""
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


def day(time: pd.Timestamp) -> str:
    """A day as it is written in a sentence.

    >>> day(pd.Timestamp("2024-03-07T15:41Z"))
    '7 March 2024'
    """
    return f"{time.day} {MONTHS[time.month - 1]} {time.year}"


def minute(time: pd.Timestamp) -> str:
    """A time in UTC to the minute.

    >>> minute(pd.Timestamp("2024-03-07T15:41:59Z"))
    '2024-03-07 15:41'
    """
    return f"{time:%Y-%m-%d %H:%M}"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    >>> count(1, "visit"), count(0, "visit"), count(1200, "look")
    ('1 visit', 'no visits', '1,200 looks')
    """
    noun = one if number == 1 else many or f"{one}s"
    return f"{number:,} {noun}" if number else f"no {noun}"


def places(kinds: Iterable[str]) -> str:
    """How many berths and controls there are, by their kinds.

    >>> places(["berth", "control", "berth"])
    '2 berths, 1 control'
    """
    kinds = list(kinds)
    controls = kinds.count("control")
    return f"{count(len(kinds) - controls, 'berth')}, {count(controls, 'control')}"


def significant(value: float, digits: int = 2) -> str:
    """A number to so many significant digits, written without an exponent.

    >>> significant(187.3), significant(0.0213), significant(1_234_567), significant(0.0), significant(6.04)
    ('190', '0.021', '1,200,000', '0', '6')
    """
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - int(f"{abs(rounded):e}".split("e")[1]))
    text = f"{rounded:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(value: float) -> str:
    """A share as a percentage, never rounded to a certainty that it is not.

    >>> share(0.0), share(0.0036), share(0.97), share(0.9996), share(1.0)
    ('0 %', '0.36 %', '97 %', 'over 99.9 %', '100 %')
    """
    if 0.999 < value < 1:
        return "over 99.9 %"
    return f"{significant(100 * value, 3 if value > 0.99 else 2)} %"


def likelihood(value: float) -> str:
    """A probability that was counted over draws, which are too few to tell one in a hundred from nothing.

    >>> likelihood(0.0), likelihood(0.566), likelihood(1.0)
    ('under 1 %', '57 %', 'over 99 %')
    """
    return "under 1 %" if value < 0.01 else "over 99 %" if value > 0.99 else f"{round(100 * value)} %"


def round_step(most: float) -> float:
    """The longest of 1, 2, 5, 10, ... that is not longer than this.

    >>> round_step(740.0), round_step(99.0), round_step(2.0)
    (500.0, 50.0, 2.0)
    """
    power = 10.0 ** floor(log10(most))
    return next(step * power for step in (5, 2, 1) if step * power <= most * (1 + 1e-9))


def interval(low: float, middle: float, high: float) -> tuple[str, str, str]:
    """A number and its bounds, to about a fifteenth of the distance between them; the bounds are rounded outward.

    >>> interval(623_111.0, 714_822.0, 828_999.0), interval(-19_473.0, 16_880.0, 27_816.0)
    (('620,000', '710,000', '830,000'), ('−20,000', '16,000', '28,000'))
    >>> interval(1284.0, 1284.0, 1284.0)
    ('1,300', '1,300', '1,300')
    """
    if not high > low:
        return significant(low), significant(middle), significant(high)
    step = round_step((high - low) / 15)
    decimals = max(0, -floor(log10(step)))
    rounded = (floor(low / step), round(middle / step), ceil(high / step))
    return tuple(_signed(steps * step, decimals) for steps in rounded)  # type: ignore[return-value]  # three of them


def _signed(value: float, decimals: int) -> str:
    """With a minus sign that does not look like a hyphen, and none before nothing."""
    return f"{value + 0.0:,.{decimals}f}".replace("-", "−")


def listed(items: Sequence[str]) -> str:
    """Words one after the other, as a sentence has them.

    >>> listed(["one"]), listed(["one", "two", "three"])
    ('one', 'one, two and three')
    """
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def length(time: pd.Timedelta) -> str:
    """A duration, in hours up to two days and in days beyond.

    >>> length(pd.Timedelta(days=11.9)), length(pd.Timedelta(hours=30)), length(pd.Timedelta(minutes=10))
    ('12 days', '30 hours', 'under an hour')
    """
    hours = time.total_seconds() / 3600
    if hours < 1:
        return "under an hour"
    return count(round(hours), "hour") if hours < 47.5 else count(round(hours / 24), "day")


def stay(
    arrival_after: object, arrival_before: pd.Timestamp, departure_after: pd.Timestamp, departure_before: object
) -> str:
    """How long a visit lasted, as far as its windows tell.

    >>> first, last = pd.Timestamp("2024-03-07T00Z"), pd.Timestamp("2024-03-19T00Z")
    >>> stay(pd.Timestamp("2024-03-01T00Z"), first, last, pd.Timestamp("2024-03-25T00Z"))
    '12 to 24 days'
    >>> stay(pd.Timestamp("2024-03-01T00Z"), first, first, pd.NaT), stay(pd.Timestamp("2024-03-01T00Z"), first, first, last)
    ('not known', 'up to 18 days')
    >>> stay(pd.NaT, first, last, last)
    'at least 12 days'
    """
    least = departure_after - arrival_before
    if pd.isna(arrival_after) or pd.isna(departure_before):
        return f"at least {length(least)}" if least > pd.Timedelta(0) else "not known"
    most = length(departure_before - arrival_after)  # type: ignore[operator]  # neither is NaT here
    if least <= pd.Timedelta(0):
        return f"up to {most}"
    low, high = length(least), most
    if low == high:
        return f"about {low}"
    return (
        f"{low.split()[0]} to {high}"
        if low.split()[-1] == high.split()[-1] and low[0].isdigit()
        else f"{low} to {high}"
    )


def condense(reasons: Iterable[str]) -> list[tuple[str, int]]:
    """Reasons with how often each was given, most frequent first; those that differ in numbers only become one.

    >>> condense(["only 12 pixels seen", "cloud", "only 3 pixels seen", "only 7 pixels seen"])
    [('only 3 to 12 pixels seen', 3), ('cloud', 1)]
    """
    groups: dict[str, Counter[str]] = {}
    for reason in reasons:
        groups.setdefault(_NUMBER.sub("\0", reason), Counter())[reason] += 1
    rows = [(_merged(template, list(found)), found.total()) for template, found in groups.items()]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _merged(template: str, reasons: list[str]) -> str:
    columns = zip(*(_NUMBER.findall(reason) for reason in reasons), strict=True)
    text = template
    for column in columns:
        low, high = min(column, key=float), max(column, key=float)
        text = text.replace("\0", low if low == high else f"{low} to {high}", 1)
    return text
