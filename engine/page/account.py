"""The account of a run in sentences: how many visits, what they did, what they carried away, and the cap.

Each sentence is worked out from the tables and the summary, so that it is true of them whatever they hold. Seen and
estimated stand side by side and are never added. The report and the demonstration say the same.
"""

from typing import Final

import pandas as pd

from berthwatch.page.folder import RunFolder
from berthwatch.page.words import count, day, interval, likelihood, listed, significant

EMPTY, FULL = 0.25, 0.75
"""Load on arrival up to which a vessel is said to have come empty, and from which on to have left nearly full."""
SURE: Final = 0.95
SCENARIOS: Final = {
    "one_third": "a third",
    "half": "a half",
    "60_percent": "60 %",
    "90_percent": "90 %",
}
"""Fractions of full load by which the cap was argued in public, as `summary.json` names them."""
DONE: Final = {"loaded": "loaded", "discharged": "discharged", "unchanged": "unchanged in load"}


def visits_estimated(run: RunFolder) -> str | None:
    """How many visits took place, those that the gaps hid included; None where no draws were made."""
    low, middle, high = (run.summary.get(f"visits_estimated{end}") for end in ("_low", "", "_high"))
    if low is None or middle is None or high is None:
        return None
    return (
        f"Taking into account what the gaps between scenes must have hidden, between {low:,.0f} and {high:,.0f} visits "
        f"took place (90 % interval, its middle {middle:,.0f})."
    )


def came_empty_left_full(visits: pd.DataFrame) -> "pd.Series[bool]":
    """Which visits came empty and left nearly full, by the middle of their loads' intervals, of those that loaded."""
    found: pd.Series[bool] = (
        (visits["transition"] == "loaded") & (visits["arrival_load"] <= EMPTY) & (visits["departure_load"] >= FULL)
    )
    return found


def doings(run: RunFolder) -> str | None:
    """What the visits seen did, as far as it could be told; None without a visit."""
    visits = run.visits
    if visits.empty:
        return None
    each = visits["transition"].value_counts()
    done = [f"{each[name]:,} {words}" for name, words in DONE.items() if each.get(name, 0)]
    told = int(sum(each.get(name, 0) for name in DONE))
    if not told:
        return f"What the vessels did, load or discharge, could be told for none of the {count(len(visits), 'visit')} seen."
    text = f"Of the {count(len(visits), 'visit')} seen, {told:,} could be told: {listed(done)}"
    if each.get("loaded", 0):
        full = int(came_empty_left_full(visits).sum())
        text += f"; {full:,} of these {told:,} came empty and left nearly full"
    untold = len(visits) - told
    return f"{text}. The other {untold:,} could not be told." if untold else f"{text}."


def _no_barrels(run: RunFolder) -> str:
    if run.observations["freeboard_m"].isna().all():
        return "No freeboard was measured in any look, so no load could be told and no barrels are stated."
    return "The summary of this run states no barrels."


def barrels(run: RunFolder) -> str:
    """The volume that left by sea, on the visits seen and on those estimated, or why there is none."""
    found = []
    for name in ("barrels", "barrels_estimated"):
        low, middle, high = (run.summary.get(f"{name}{end}") for end in ("_low", "", "_high"))
        if low is None or middle is None or high is None:
            return _no_barrels(run)
        found.append(interval(low, middle, high))
    (low, middle, high), (least, likely, most) = found
    untold = int((run.visits["transition"] == "undetermined").sum())
    filled = f" {count(untold, 'visit')} whose load could not be told {'is' if untold == 1 else 'are'} in both as the model expects them."
    return (
        f"Volume that left by sea: {middle} barrels on the visits seen (90 % interval {low} to {high}); estimated with what "
        f"the gaps must have hidden, {likely} barrels ({least} to {most}). The estimate contains what was seen: the two are not to be added."
    ) + (filled if untold else "")


def over_cap(run: RunFolder) -> list[str]:
    """For each calendar year of the ledger, whether and when the estimated volume passed the cap."""
    cap = run.summary.get("cap_barrels")
    known = run.ledger.dropna(subset=["p_over_cap"])
    if not cap or known.empty:
        return []
    text = []
    for year, days in known.groupby(known["date"].str[:4]):
        first, last = (pd.Timestamp(days["date"].iloc[end]) for end in (0, -1))
        whole = "" if (first.month, first.day) == (1, 1) else f", counted from {day(first)}"
        sure = days.loc[days["p_over_cap"] >= SURE, "date"]
        which = f"the cap of {cap:,.0f} barrels for {year}{whole},"
        if len(sure):
            text.append(
                f"By the estimate, {which} was passed with 95 % probability by {day(pd.Timestamp(sure.iloc[0]))}."
            )
        else:
            p = likelihood(float(days["p_over_cap"].iloc[-1]))
            text.append(f"By the estimate, the probability that {which} had been passed by {day(last)} is {p}.")
    return text


def scenarios(run: RunFolder) -> str | None:
    """What the visits seen would have carried at fractions of full load; None where the run asks for no volumes."""
    totals = run.summary.get("scenario_barrels") or {}
    stated = run.summary.get("barrels") is not None or run.summary.get("cap_barrels")
    if not stated or not all(totals.get(name) for name in SCENARIOS):
        return None
    loads = [f"{significant(float(totals[name]))} at {words}" for name, words in SCENARIOS.items()]
    return (
        "No measurement, but the arithmetic by which officials have argued: if every visit seen was a tanker's and each took away "
        f"the same share of what its vessel can carry, that makes {listed(loads)} of full load, in barrels."
    )


def account(run: RunFolder) -> list[str]:
    """What happened after the visits seen: estimated, told, carried, over the cap."""
    text = [visits_estimated(run), doings(run), barrels(run), *over_cap(run)]
    if run.summary.get("barrels") is None:
        text.append(scenarios(run))
    return [sentence for sentence in text if sentence]
