"""The ledger: cumulated volume over time with its uncertainty, against the cap.

A volume counts on the day its vessel left, and only what was loaded counts: a discharge is no export. Sums run
within a calendar year, as the cap does. "Seen" holds the calls of which something was seen; "estimated" holds those
and the ones that the gaps between looks must have hidden. Where no freeboard was measured in any visit there is no
volume: the ledger then holds the days and nothing else, which says "could not tell" and not "none".
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from berthwatch.calls import DRAWS, Calls
from berthwatch.tables import LEDGER_COLUMNS, as_table
from berthwatch.vessel import Candidates
from berthwatch.volume import Volumes

INTERVAL: Final = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Histories:
    """All draws of a port's calls: who they were, what they moved, and the times of the first and the last look.

    Where no visit has a freeboard, `measured` is False, and what the calls moved is the priors' alone.
    """

    calls: Calls
    candidates: Candidates
    volumes: Volumes
    measured: bool
    first: pd.Timestamp
    last: pd.Timestamp


def _cumulated(histories: Histories, counted: NDArray[np.bool_], days: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Barrels moved by the day of departure, summed up within each calendar year: (DRAWS, days)."""
    calls = histories.calls
    since = (histories.first - days[0]) / pd.Timedelta(days=1)
    day = np.floor(calls.departure_days + since)
    inside = counted & (calls.departure_days >= 0) & (day < len(days))
    daily = np.zeros((DRAWS, len(days)))
    np.add.at(daily, (calls.draw[inside], day[inside].astype(np.int64)), histories.volumes.moved[inside])
    for year in np.unique(days.year):
        own = days.year == year
        daily[:, own] = np.cumsum(daily[:, own], axis=1)
    return daily


def ledger(histories: Histories | None, cap_barrels: float | None = None) -> pd.DataFrame:
    """The ledger's days from the first to the last look, with the columns of `ledger.csv`.

    Parameters
    ----------
    histories : Histories or None
        As `infer` gives them; None where there was no look at all.
    cap_barrels : float, optional
        Per calendar year. `p_over_cap` is the share of draws in which the estimated volume exceeds it.

    Returns
    -------
    DataFrame
        One row per day (UTC), in barrels since 1 January or the first look; empty without any look.

    >>> len(ledger(None))
    0
    """
    if histories is None:
        return as_table([], LEDGER_COLUMNS)
    days = pd.date_range(histories.first.normalize(), histories.last.normalize(), freq="D")
    columns: dict[str, object] = {"date": days.strftime("%Y-%m-%d")}
    if histories.measured:
        loaded = histories.volumes.moved > 0
        for name, counted in (("seen", loaded & histories.calls.seen), ("estimated", loaded)):
            sums = _cumulated(histories, counted, days)
            low, middle, high = np.quantile(sums, INTERVAL, axis=0)
            columns |= {f"{name}_low": low, name: middle, f"{name}_high": high}
            if name == "estimated" and cap_barrels is not None:
                columns["p_over_cap"] = (sums > cap_barrels).mean(axis=0)
    table = pd.DataFrame(columns)
    return as_table(table.to_dict("records"), LEDGER_COLUMNS)


def in_span(histories: Histories) -> NDArray[np.bool_]:
    """Which calls (calls,) fall in the time from the first to the last look, at least in part."""
    calls = histories.calls
    until = (histories.last - histories.first) / pd.Timedelta(days=1)
    began = np.isnan(calls.arrival_days) | (calls.arrival_days <= until)
    ended_before = calls.departure_days < 0
    found: NDArray[np.bool_] = began & ~ended_before
    return found


def totals(histories: Histories, counted: NDArray[np.bool_], each: NDArray[np.float64]) -> tuple[float, float, float]:
    """Low, middle and high over the draws of a sum over the calls counted (both (calls,))."""
    sums = np.bincount(histories.calls.draw[counted], weights=each[counted], minlength=DRAWS)
    low, middle, high = np.quantile(sums, INTERVAL)
    return float(low), float(middle), float(high)
