"""Visits: one stay of one vessel at one berth, with a window for its arrival and one for its departure.

A visit is a run of looks at which the berth was more likely taken than not, one of which shows a hull; runs are divided
where one vessel followed another. Its arrival lies between the last look at which this vessel surely did not lie
there and the first at which it surely did; where there was no such look, the window is open.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from berthwatch.emission import LEAST_CHANGE
from berthwatch.succession import divided
from berthwatch.tables import VISIT_COLUMNS, as_table
from berthwatch.verdict import Told, calls_at, verdict

SURE = 0.98


def _runs(taken: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Start and end (exclusive) of each run of True.

    >>> list(_runs(np.array([True, False, True, True])))
    [(0, 1), (2, 4)]
    """
    edges = np.flatnonzero(np.diff(np.r_[False, taken, False].astype(np.int8)))
    yield from ((int(start), int(end)) for start, end in edges.reshape(-1, 2))


def _stays(runs: Iterator[tuple[int, int]], at: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Runs, divided where one vessel followed another; without draws as they are."""
    for start, end in runs:
        parts = divided(at[:, start:end]) if at.size else [(0, end - start)]
        yield from ((start + first, start + last) for first, last in parts)


def _lay(p: NDArray[np.float64], at: NDArray[np.int64], start: int, end: int) -> tuple[int, NDArray[np.float64]]:
    """The look of start:end that is surest of the visit's vessel, and how likely that vessel lay there at each look.

    Without draws every taken look of the run is of one vessel, and taken looks outside are of others.
    """
    if not at.size:
        others = p >= 0.5
        others[start:end] = False
        return start + int(np.argmax(p[start:end])), np.where(others, 0.0, p)
    within = at[:, start:end]
    alike = [((within == within[:, [look]]) & (within[:, [look]] >= 0)).mean(axis=0) for look in range(end - start)]
    surest = int(np.argmax(np.sum(alike, axis=1)))
    same = (at == within[:, [surest]])[within[:, surest] >= 0]
    return start + surest, same.mean(axis=0) * p[start + surest]


def _visit(looks: pd.DataFrame, start: int, end: int, lay: NDArray[np.float64]) -> dict[str, Any]:
    """One visit from a berth's looks (seen ones only, in order of time), of which start:end are taken.

    `lay` (looks,): how likely the visit's vessel lay there at each. Looks at which that is open belong to neither side
    of a window, so that where one vessel may have followed another unseen, the windows say so. The id is of the first
    look at which the berth was surely taken, whoever lay there.
    """
    time, p = looks["time"], looks["p_occupied"].to_numpy(np.float64)
    sure = start + np.flatnonzero(lay[start:end] >= SURE)
    first, last = (int(sure[0]), int(sure[-1])) if sure.size else (start, end - 1)
    away = np.flatnonzero(lay <= 1 - SURE)
    before, after = [-1, *away[away < start]], [*away[away >= end], len(lay)]
    known = start + int(np.argmax(p[start:end] >= SURE))
    during = looks.iloc[start:end]
    berth_id = str(during["berth_id"].iloc[0])
    return {
        "visit_id": f"{berth_id}-{time.iloc[known]:%Y%m%dT%H%M%S}",
        "berth_id": berth_id,
        "arrival_after": time.iloc[before[-1]] if before[-1] >= 0 else pd.NaT,
        "arrival_before": time.iloc[first],
        "departure_after": time.iloc[last],
        "departure_before": time.iloc[after[0]] if after[0] < len(lay) else pd.NaT,
        "observations": end - start,
        "length_m": during["hull_length_m"].median(),
        "beam_m": during["hull_beam_m"].median(),
        "transition": "undetermined",
        "ais": "no-data",
        "scenes": during["scene_id"].astype(str).tolist(),
    }


def visits_of(judged: pd.DataFrame, berths: Sequence[str], told: Told | None = None) -> pd.DataFrame:
    """Visits to the given berths: the columns of `visits.parquet`.

    Parameters
    ----------
    judged : DataFrame
        Observations with `p_occupied`, berth by berth in order of time; `said` where persons spoke of looks.
    berths : sequence of str
        In the order in which the draws number them.
    told : Told or None
        The draws; without them, visits are not cut, and no vessel or load is told.
    """
    rows: list[dict[str, Any]] = []
    for berth, berth_id in enumerate(berths):
        looks = judged[judged["berth_id"] == berth_id]
        visible = looks["visible"].to_numpy(np.float64) > 0
        seen, p = looks[visible], looks["p_occupied"].to_numpy(np.float64)[visible]
        at = calls_at(told.calls, berth, len(looks))[:, visible] if told else np.empty((0, len(seen)), np.int64)
        hull = seen["change"].to_numpy(np.float64) >= LEAST_CHANGE
        if "said" in seen:
            hull |= seen["said"].to_numpy(np.float64) == 1
        for start, end in _stays(_runs(p >= 0.5), at):
            if not hull[start:end].any():
                continue  # thought to be taken, by what was heard or seen before and after, but nobody saw a hull
            surest, lay = _lay(p, at, start, end)
            row = _visit(seen, start, end, lay)
            if told:
                freeboards = int(seen["freeboard_m"].iloc[start:end].notna().sum())
                row |= verdict(told, at[:, surest], freeboards)
            rows.append(row)
    table = as_table(rows, VISIT_COLUMNS)
    return table.sort_values(["arrival_before", "berth_id"], kind="stable", ignore_index=True)
