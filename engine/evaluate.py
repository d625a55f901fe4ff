"""A run against the truth: what it found, when, what it said the visits did, and whether it was as sure as it said."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from berthwatch.calibration import calibration_score
from berthwatch.errors import Fault, InputError
from berthwatch.matching import clear_looks, has_look, match_visits
from berthwatch.page.folder import RunFolder, read_folder
from berthwatch.page.view import set_aside
from berthwatch.scoring import (
    UNDETERMINED,
    Score,
    ais_score,
    interval_score,
    ledger_score,
    named_right,
    timing_score,
    total_score,
    transitions_score,
    vessels_score,
    visits_score,
)
from berthwatch.truth import read_told

_TIMES: Final = {
    "observations": ("time",),
    "occupancy": ("time",),
    "visits": ("arrival_after", "arrival_before", "departure_after", "departure_before"),
}


@dataclass(frozen=True, slots=True)
class _Case:
    """A run and what is true of its berths in the span of its scenes."""

    run: RunFolder
    truth: pd.DataFrame
    labels: pd.DataFrame | None
    pairs: pd.DataFrame
    scenes: set[str]


def evaluate(run: Path, truth: Path) -> Score:
    """Score a run against the truth.

    Parameters
    ----------
    run : Path
        The folder that `berthwatch run` wrote.
    truth : Path
        A truth file as `berthwatch.truth.read_truth` takes it, or a folder with `truth.csv` and perhaps `labels.csv`.

    Returns
    -------
    dict
        JSON values only. `truth` (what was compared), `visits`, `timing`, `transitions`, `arrival_load`,
        `departure_load`, `barrels`, `totals`, `vessels`, `ais`, `calibration`: see `berthwatch.scoring`. What the truth
        or the run has no data for is None, and `left_out` says why.

    Raises
    ------
    InputError
        The folder is no run's, or the truth cannot be true or is of another port.

    Notes
    -----
    Only true visits that share time with the span from the first scene to the last are compared, at berths that the
    run watched. The true total of a calendar year is what loaded calls took away that departed from the first scene on,
    up to the end of the ledger's last day of that year.
    """
    folder = read_folder(run)
    _check_zones(run, folder)
    told, labels = read_told(truth)
    watched = folder.kinds()
    known = told[told["berth_id"].isin(watched)]
    if len(told) and known.empty:
        theirs = ", ".join(sorted(told["berth_id"].unique()))
        raise InputError([Fault(str(truth), f"visits to berths of the run ({', '.join(watched)})", theirs)])
    scenes = set(folder.occupancy["scene_id"]) | {scene_id for _, scene_id, _ in set_aside(folder)}
    if labels is not None and len(labels) and scenes and not labels["scene_id"].isin(scenes).any():
        came = f"none of them among its {labels['scene_id'].nunique()}"
        raise InputError([Fault("labels.csv", "scenes of the run", came)])
    first, last = folder.occupancy["time"].min(), folder.occupancy["time"].max()
    inside = known[(known["arrival"] <= last) & (known["departure"] >= first)].reset_index(drop=True)
    pairs = match_visits(folder.visits, inside)
    left_out: dict[str, str] = {}
    scores: Score = {
        "port": folder.port,
        "first_scene": None if pd.isna(first) else f"{first:%Y-%m-%dT%H:%M:%SZ}",
        "last_scene": None if pd.isna(last) else f"{last:%Y-%m-%dT%H:%M:%SZ}",
        "truth": {"visits": len(told), "not_watched": len(told) - len(known), "in_span": len(inside)},
    }
    scores |= _scores(_Case(folder, inside, labels, pairs, scenes), left_out)
    return scores | {"left_out": left_out}


def _scores(case: _Case, left_out: dict[str, str]) -> Score:
    visits, truth, pairs = case.run.visits, case.truth, case.pairs
    had_clear_look = has_look(truth, clear_looks(case.run.observations, case.labels, case.scenes))
    false = visits[~np.isin(np.arange(len(visits)), pairs["seen_row"])]

    def given(name: str, column: str, score: Callable[[], Score]) -> Score | None:
        if column in truth:
            return score()
        left_out[name] = f"the truth has no column {column}"
        return None

    scores: Score = {
        "visits": visits_score(visits, truth, pairs, had_clear_look),
        "timing": timing_score(pairs),
        "transitions": given("transitions", "transition", lambda: transitions_score(pairs, false)),
        "vessels": given("vessels", "vessel_id", lambda: vessels_score(pairs)),
        "ais": given("ais", "ais", lambda: ais_score(pairs)),
    }
    for name in ("arrival_load", "departure_load", "barrels"):
        scores[name] = given(name, name, partial(interval_score, pairs, name))
    scores["totals"] = _totals(case, left_out)
    scores["calibration"] = _calibration(case, left_out)
    return scores


def _totals(case: _Case, left_out: dict[str, str]) -> Score:
    """The ledger's last day of each year, and the number of visits, against the truth."""
    truth, ledger, summary = case.truth, case.run.ledger, case.run.summary
    totals: Score = {}
    low, value, high = (summary.get(f"visits_estimated{end}") for end in ("_low", "", "_high"))
    if low is not None and value is not None and high is not None:
        totals["visits_estimated"] = total_score(float(low), float(value), float(high), float(len(truth)))
    else:
        left_out["totals.visits_estimated"] = "the run's summary does not state it"
    barrels, why = _true_barrels(truth)
    for name in ("seen", "estimated"):
        if ledger[[f"{name}_low", name, f"{name}_high"]].isna().any(axis=None) or ledger.empty:
            why = why or "the run's ledger states no barrels"
        if why:
            left_out[f"totals.{name}"] = why
        else:
            left = truth["departure"].where(truth["departure"] >= case.run.occupancy["time"].min())
            totals[name] = ledger_score(ledger, name, left, barrels)
    return totals


def _true_barrels(truth: pd.DataFrame) -> tuple[pd.Series, str]:
    """What each true visit loaded, 0 where it did not load; and, where that cannot be said, why."""
    nothing = pd.Series(0.0, index=truth.index)
    if "barrels" not in truth:
        return nothing, "the truth has no column barrels"
    loaded = truth["barrels"] > 0
    if "transition" in truth:
        loaded &= truth["transition"].isin(["loaded", ""])
        if ((truth["transition"] == "loaded") & truth["barrels"].isna()).any():
            return nothing, "the truth does not tell the barrels of every call that loaded"
    return truth["barrels"].where(loaded, 0.0), ""


def _calibration(case: _Case, left_out: dict[str, str]) -> Score:
    pairs = case.pairs
    scores: Score = {}
    if case.labels is None:
        left_out["calibration.occupied"] = "no labels.csv beside the truth"
    else:
        berths = [berth_id for berth_id, kind in case.run.kinds().items() if kind != "control"]
        told = case.labels[case.labels["occupied"] >= 0][["scene_id", "berth_id", "occupied"]]
        said = case.run.occupancy[["scene_id", "berth_id", "p_occupied"]]
        looks = told[told["berth_id"].isin(berths)].merge(said, on=["scene_id", "berth_id"])
        scores["occupied"] = calibration_score(looks["p_occupied"], looks["occupied"] == 1)
    if "true_transition" in pairs:
        called = pairs[(pairs["transition"] != UNDETERMINED) & (pairs["true_transition"] != "")]
        right = called["transition"] == called["true_transition"]
        scores["transition"] = calibration_score(called["transition_probability"], right)
    if "true_vessel_id" in pairs:
        named = pairs[(pairs["vessel_id"].fillna("") != "") & (pairs["true_vessel_id"] != "")]
        scores["vessel"] = calibration_score(named["vessel_probability"], named_right(named))
    return scores


def _check_zones(run: Path, folder: RunFolder) -> None:
    faults = [
        Fault(
            str(run / f"{table}.parquet"), f"times with a zone in {column}", f"{getattr(folder, table)[column].dtype}"
        )
        for table, columns in _TIMES.items()
        for column in columns
        if not isinstance(getattr(folder, table)[column].dtype, pd.DatetimeTZDtype)
    ]
    if faults:
        raise InputError(faults)
