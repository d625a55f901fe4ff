"""Which seen visit is which true one: one to one at each berth, by the time they share."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

CLEAR: float = 0.9
"""A labelled look is clear if at least this share of the polygon was not hidden."""
VISIBLE: float = 0.5
"""Without labels, a look is clear if the run itself saw at least this share of the polygon."""


def _seconds(times: pd.Series) -> NDArray[np.float64]:
    seconds: NDArray[np.float64] = (times - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(np.float64)
    return seconds


def match_visits(visits: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Match seen visits to true ones, one to one at each berth, so that the time they share is greatest in all.

    A pair shares the time from `arrival_before` to `departure_after` (during which the run is certain that the
    vessel lay there) with the true stay. Without any such time, be it a moment, there is no match.

    Parameters
    ----------
    visits : DataFrame
        With the columns of `visits.parquet`; n rows.
    truth : DataFrame
        As `read_truth` gives it; m rows.

    Returns
    -------
    DataFrame
        A row per pair, in the order of `visits`: the columns of `visits`, those of `truth` with "true_" before their
        names, and the positions of both, `seen_row` and `true_row`, int64.

    Notes
    -----
    The Hungarian method (Crouse 2016, doi 10.1109/TAES.2016.140952), as scipy has it.

    Examples
    --------
    >>> def at(*days): return pd.to_datetime([f"2024-03-{day:02d}" for day in days], utc=True)
    >>> seen = pd.DataFrame({"berth_id": "B1", "arrival_before": at(3, 8), "departure_after": at(5, 8)})
    >>> true = pd.DataFrame({"berth_id": "B1", "arrival": at(1, 4, 7), "departure": at(2, 6, 9)})
    >>> match_visits(seen, true)[["seen_row", "true_row"]].to_numpy().tolist()
    [[0, 1], [1, 2]]
    """
    begin, end = _seconds(visits["arrival_before"]), _seconds(visits["departure_after"])
    arrival, departure = _seconds(truth["arrival"]), _seconds(truth["departure"])
    seen_at = visits["berth_id"].to_numpy(object)
    true_at = truth["berth_id"].to_numpy(object)
    pairs: list[tuple[int, int]] = []
    for berth_id in sorted(set(seen_at) & set(true_at)):
        rows, columns = np.flatnonzero(seen_at == berth_id), np.flatnonzero(true_at == berth_id)
        shared_s = np.minimum.outer(end[rows], departure[columns]) - np.maximum.outer(begin[rows], arrival[columns])
        # One second more, so that a visit seen in a single look is a match too.
        weights = np.where(shared_s >= 0, shared_s + 1, 0)
        for row, column in zip(*linear_sum_assignment(weights, maximize=True), strict=True):
            if weights[row, column] > 0:
                pairs.append((int(rows[row]), int(columns[column])))
    pairs.sort()
    seen_row, true_row = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    left = visits.iloc[seen_row].reset_index(drop=True)
    right = truth.iloc[true_row].reset_index(drop=True).add_prefix("true_")
    return pd.concat([left, right], axis=1).assign(seen_row=seen_row, true_row=true_row)


def has_look(truth: pd.DataFrame, looks: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether each true visit has at least one of the looks: at its berth, not before arrival, before departure.

    Parameters
    ----------
    truth : DataFrame
        As `read_truth` gives it; m rows.
    looks : DataFrame
        With `berth_id` and `time`.

    Returns
    -------
    array of bool, (m,)

    Examples
    --------
    >>> def at(*days): return pd.to_datetime([f"2024-03-{day:02d}" for day in days], utc=True)
    >>> true = pd.DataFrame({"berth_id": ["B1", "B2"], "arrival": at(1, 1), "departure": at(3, 3)})
    >>> has_look(true, pd.DataFrame({"berth_id": "B1", "time": at(2, 3)})).tolist()
    [True, False]
    """
    times = {berth_id: np.sort(_seconds(group)) for berth_id, group in looks.groupby("berth_id")["time"]}
    nothing = np.empty(0)
    found = [
        np.searchsorted(times.get(berth_id, nothing), arrival)
        < np.searchsorted(times.get(berth_id, nothing), departure)
        for berth_id, arrival, departure in zip(
            truth["berth_id"], _seconds(truth["arrival"]), _seconds(truth["departure"]), strict=True
        )
    ]
    return np.array(found, dtype=np.bool_)


def clear_looks(observations: pd.DataFrame, labels: pd.DataFrame | None, scenes: set[str]) -> pd.DataFrame:
    """The looks at which a vessel could not be overlooked: as the labels know it, else as the run itself saw.

    Parameters
    ----------
    observations : DataFrame
        The run's, with `berth_id, time, visible`.
    labels : DataFrame or None
        As `read_labels` gives it. Used where it has `clear`, and only its looks at the run's scenes.
    scenes : set of str
        The scenes that the run was given, those that it set aside too.

    Returns
    -------
    DataFrame
        `berth_id` and `time` of each clear look.
    """
    if labels is not None and "clear" in labels:
        chosen = labels[(labels["clear"] >= CLEAR) & labels["scene_id"].isin(scenes)]
    else:
        chosen = observations[observations["visible"] >= VISIBLE]
    return chosen[["berth_id", "time"]]
