"""Scores of a run against the truth: each a pure function of small tables, and "no data" where nothing was to score.

A share is given as its hits, of how many, and their quotient, which is None where there were none: a port
without a single match has neither 0 % nor 100 %.
"""

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

type Score = dict[str, Any]
"""JSON values only: numbers, texts, None, and lists and objects of them."""

UNDETERMINED: Final = "undetermined"
TRANSITIONS: Final = ("loaded", "discharged", "unchanged")
CERTAIN: Final = 0.8
"""A vessel counts as named from this probability on."""


def share(hits: int, of: int) -> Score:
    """A share with what it is made of.

    >>> share(3, 4), share(0, 0)
    ({'share': 0.75, 'hits': 3, 'of': 4}, {'share': None, 'hits': 0, 'of': 0})
    """
    return {"share": hits / of if of else None, "hits": int(hits), "of": int(of)}


def _mean(values: pd.Series) -> float | None:
    return float(values.mean()) if values.notna().any() else None


def found_score(hits: int, false: int, missed: int) -> Score:
    """Precision, recall and F1 of visits.

    >>> score = found_score(hits=8, false=2, missed=0)
    >>> score["precision"]["share"], score["recall"]["share"], round(score["f1"], 3)
    (0.8, 1.0, 0.889)
    >>> found_score(0, 0, 0)["f1"] is None
    True
    """
    all_three = 2 * hits + false + missed
    return {
        "true": hits + missed,
        "matched": hits,
        "missed": missed,
        "false": false,
        "precision": share(hits, hits + false),
        "recall": share(hits, hits + missed),
        "f1": 2 * hits / all_three if all_three else None,
    }


def visits_score(
    visits: pd.DataFrame, truth: pd.DataFrame, pairs: pd.DataFrame, had_clear_look: NDArray[np.bool_]
) -> Score:
    """How many visits were found, missed and made up.

    Parameters
    ----------
    visits, truth, pairs : DataFrame
        Seen visits, true visits (m rows), and their matches as `match_visits` gives them.
    had_clear_look : array of bool, (m,)
        Which true visits had a clear look. Of the others, one that is matched counts in `with_a_clear_look` as neither
        found nor false.

    Examples
    --------
    >>> seen = pd.DataFrame({"visit_id": ["a", "b"]})
    >>> true = pd.DataFrame({"visit": ["1", "2", "3"]})
    >>> pairs = pd.DataFrame({"seen_row": [0], "true_row": [2]})
    >>> score = visits_score(seen, true, pairs, np.array([True, False, False]))
    >>> score["with_a_clear_look"]["missed"], score["all"]["missed"], score["false_visits"], score["missed_visits"]
    (1, 2, ['b'], ['1', '2'])
    """
    matched = np.isin(np.arange(len(truth)), pairs["true_row"])
    false = ~np.isin(np.arange(len(visits)), pairs["seen_row"])
    count_false = int(false.sum())
    return {
        "with_a_clear_look": found_score(
            int((matched & had_clear_look).sum()), count_false, int((~matched & had_clear_look).sum())
        ),
        "all": found_score(int(matched.sum()), count_false, int((~matched).sum())),
        "false_visits": visits.loc[false, "visit_id"].astype(str).tolist(),
        "missed_visits": truth.loc[~matched, "visit"].astype(str).tolist(),
    }


def timing_score(pairs: pd.DataFrame) -> Score:
    """How often the true arrival and departure lie in their windows, and how wide these are.

    An open end holds any time; a window with one has no width and is only counted.

    >>> def at(*days): return pd.to_datetime([f"2024-03-{day:02d}" for day in days], utc=True)
    >>> pairs = pd.DataFrame({
    ...     "arrival_after": at(1), "arrival_before": at(3), "true_arrival": at(2),
    ...     "departure_after": at(5), "departure_before": at(5).where([False]), "true_departure": at(4)})
    >>> score = timing_score(pairs)
    >>> score["arrival"]["inside"]["share"], score["arrival"]["median_width_h"], score["departure"]["inside"]["share"]
    (1.0, 48.0, 0.0)
    """
    score: Score = {}
    inside_both = np.ones(len(pairs), np.bool_)
    for name in ("arrival", "departure"):
        after, before, true = pairs[f"{name}_after"], pairs[f"{name}_before"], pairs[f"true_{name}"]
        inside = (after.isna() | (after <= true)) & (before.isna() | (true <= before))
        width_h = (before - after).dt.total_seconds() / 3600
        score[name] = {
            "inside": share(int(inside.sum()), len(pairs)),
            "median_width_h": float(width_h.median()) if width_h.notna().any() else None,
            "open": int(width_h.isna().sum()),
        }
        inside_both &= inside.to_numpy(np.bool_)
    return score | {"both_inside": share(int(inside_both.sum()), len(pairs))}


def transitions_score(pairs: pd.DataFrame, false_visits: pd.DataFrame) -> Score:
    """What visits were said to have done, against what they did.

    Parameters
    ----------
    pairs : DataFrame
        With `transition` and `true_transition`; a true one that is blank is left out.
    false_visits : DataFrame
        Seen visits without a match, with `transition`.

    Examples
    --------
    >>> pairs = pd.DataFrame({"transition": ["loaded", "undetermined", "loaded"],
    ...                       "true_transition": ["loaded", "discharged", "unchanged"]})
    >>> score = transitions_score(pairs, pairs.iloc[:0])
    >>> score["decided"], score["right"]["share"], score["others_called_loaded"]
    ({'share': 0.6666666666666666, 'hits': 2, 'of': 3}, 0.5, {'share': 0.5, 'hits': 1, 'of': 2})
    """
    known = pairs[pairs["true_transition"] != ""]
    said, true = known["transition"], known["true_transition"]
    decided, others = said != UNDETERMINED, true != "loaded"
    confusion = {
        is_so: {called: int(((true == is_so) & (said == called)).sum()) for called in (*TRANSITIONS, UNDETERMINED)}
        for is_so in TRANSITIONS
    }
    return {
        "decided": share(int(decided.sum()), len(known)),
        "right": share(int((decided & (said == true)).sum()), int(decided.sum())),
        "others_called_loaded": share(int((others & (said == "loaded")).sum()), int(others.sum())),
        "false_visits_called_loaded": int((false_visits["transition"] == "loaded").sum()),
        "confusion": confusion,
    }


def interval_score(pairs: pd.DataFrame, name: str) -> Score:
    """How often an interval (5 %–95 %) holds the truth, how wide it is, and how far off its middle.

    Parameters
    ----------
    pairs : DataFrame
        With `{name}`, `{name}_low`, `{name}_high` and `true_{name}`. Only rows that state the interval, and whose truth
        is known, are judged.
    name : str
        arrival_load, departure_load or barrels.

    Examples
    --------
    >>> pairs = pd.DataFrame({"barrels": [5.0, np.nan], "barrels_low": [4.0, np.nan], "barrels_high": [8.0, np.nan],
    ...                       "true_barrels": [8.0, 3.0]})
    >>> score = interval_score(pairs, "barrels")
    >>> score["stated"]["share"], score["covered"]["share"], score["mean_width"], score["mean_error"]
    (0.5, 1.0, 4.0, -3.0)
    """
    known = pairs[pairs[f"true_{name}"].notna()]
    stated = known[known[f"{name}_low"].notna() & known[f"{name}_high"].notna()]
    low, high, true = stated[f"{name}_low"], stated[f"{name}_high"], stated[f"true_{name}"]
    return {
        "stated": share(len(stated), len(known)),
        "covered": share(int(((low <= true) & (true <= high)).sum()), len(stated)),
        "mean_width": _mean(high - low),
        "mean_error": _mean(stated[name] - true),
    }


def total_score(low: float, value: float, high: float, true: float) -> Score:
    """One total with its interval against the true one; the half-width is a share of the value.

    >>> score = total_score(80.0, 100.0, 130.0, 125.0)
    >>> score["covered"], score["half_width"]
    (True, 0.25)
    """
    return {
        "low": low,
        "value": value,
        "high": high,
        "true": true,
        "covered": bool(low <= true <= high),
        "half_width": (high - low) / 2 / value if value > 0 else None,
    }


def ledger_score(ledger: pd.DataFrame, name: str, left: pd.Series, barrels: pd.Series) -> Score:
    """What the ledger gives for the end of each calendar year, or of the series, against the true total.

    Parameters
    ----------
    ledger : DataFrame
        With the columns of `ledger.csv`: cumulated within each calendar year.
    name : {"seen", "estimated"}
    left, barrels : Series
        When each true call departed (UTC; NaT leaves it out), and what it loaded.

    Returns
    -------
    dict
        A `total_score` by year, as text.

    Examples
    --------
    >>> ledger = pd.DataFrame({"date": ["2024-12-30", "2024-12-31", "2025-01-01"], "seen": [0, 9, 5.0],
    ...                        "seen_low": [0, 7, 4.0], "seen_high": [0, 10, 6.0]})
    >>> left = pd.Series(pd.to_datetime(["2024-12-30T23:00Z", "2025-01-01T22:00Z", "2025-01-02T01:00Z"]))
    >>> score = ledger_score(ledger, "seen", left, pd.Series([8.0, 3.0, 3.0]))
    >>> [(year, total["true"], total["covered"]) for year, total in score.items()]
    [('2024', 8.0, True), ('2025', 3.0, False)]
    """
    days = pd.to_datetime(ledger["date"], utc=True)
    score = {}
    for year in sorted(days.dt.year.unique()):
        last = ledger[days.dt.year == year].iloc[-1]
        counted = (left.dt.year == year) & (left.dt.strftime("%Y-%m-%d") <= str(last["date"]))
        low, value, high = (float(last[column]) for column in (f"{name}_low", name, f"{name}_high"))
        score[str(year)] = total_score(low, value, high, float(barrels[counted].sum()))
    return score


def named_right(pairs: pd.DataFrame) -> pd.Series:
    """Whether each pair's vessel is the true one. One that is not in the fleet cannot have been named rightly.

    >>> pairs = pd.DataFrame({"vessel_id": ["8", "8", None], "true_vessel_id": ["8", "8", "9"],
    ...                       "true_in_fleet": ["1", "0", "1"]})
    >>> named_right(pairs).tolist()
    [True, False, False]
    """
    same = pairs["vessel_id"].fillna("").astype(str) == pairs["true_vessel_id"]
    return same & (pairs["true_in_fleet"] != "0") if "true_in_fleet" in pairs else same


def vessels_score(pairs: pd.DataFrame) -> Score:
    """How often a vessel was named (from a probability of 0.8 on), and rightly.

    >>> pairs = pd.DataFrame({"vessel_id": ["8", "7", "9"], "vessel_probability": [0.9, 0.85, 0.4],
    ...                       "true_vessel_id": ["8", "9", "9"]})
    >>> score = vessels_score(pairs)
    >>> score["named"]["hits"], score["right"]
    (2, {'share': 0.5, 'hits': 1, 'of': 2})
    """
    known = pairs[pairs["true_vessel_id"] != ""]
    named = (known["vessel_id"].fillna("") != "") & (known["vessel_probability"] >= CERTAIN)
    score = {
        "named": share(int(named.sum()), len(known)),
        "right": share(int((named & named_right(known)).sum()), int(named.sum())),
    }
    if "true_in_fleet" in known:
        stranger = known["true_in_fleet"] == "0"
        score["strangers_named"] = share(int((stranger & named).sum()), int(stranger.sum()))
    return score


def ais_score(pairs: pd.DataFrame) -> Score:
    """Whether visits were rightly called dark and tracked; `no-data` is no call.

    >>> pairs = pd.DataFrame({"ais": ["dark", "no-data", "dark"], "true_ais": ["dark", "dark", "tracked"]})
    >>> score = ais_score(pairs)
    >>> score["right"]["share"], score["tracked_called_dark"]["hits"]
    (0.5, 1)
    """
    known = pairs[pairs["true_ais"] != ""]
    called, true = known["ais"], known["true_ais"]
    decided = called.isin(["dark", "tracked"])
    return {
        "decided": share(int(decided.sum()), len(known)),
        "right": share(int((decided & (called == true)).sum()), int(decided.sum())),
        "tracked_called_dark": share(
            int(((true == "tracked") & (called == "dark")).sum()), int((true == "tracked").sum())
        ),
        "dark_called_tracked": share(
            int(((true == "dark") & (called == "tracked")).sum()), int((true == "dark").sum())
        ),
    }
