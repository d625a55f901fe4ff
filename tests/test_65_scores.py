"""What scores rest on, against outside references: the best of all matchings, and probabilities that are true."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from berthwatch.calibration import calibration_score
from berthwatch.matching import match_visits
from berthwatch.tables import TIME, as_table

STAYS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)), max_size=5)


def stays(columns: tuple[str, str], days: list[tuple[float, float]]) -> pd.DataFrame:
    start = pd.Timestamp("2024-03-01T00:00:00Z")
    rows = [
        {"berth_id": "B1"} | {name: start + pd.Timedelta(days=day) for name, day in zip(columns, pair, strict=True)}
        for pair in days
    ]
    return as_table(rows, {"berth_id": "str"} | dict.fromkeys(columns, TIME))


@settings(max_examples=60, deadline=None)
@given(STAYS, STAYS)
def test_matching_is_the_best_of_all_one_to_one_matchings(seen_stays, true_stays) -> None:
    seen = [(first, first + length) for first, length in seen_stays]
    true = [(first + 0.5, first + 1.0 + length) for first, length in true_stays]
    pairs = match_visits(stays(("arrival_before", "departure_after"), seen), stays(("arrival", "departure"), true))
    assert pairs["seen_row"].is_unique
    assert pairs["true_row"].is_unique

    def shared_s(i: int, j: int) -> float:
        days = min(seen[i][1], true[j][1]) - max(seen[i][0], true[j][0])
        return days * 86400 + 1 if days >= 0 else 0

    found = [shared_s(i, j) for i, j in zip(pairs["seen_row"], pairs["true_row"], strict=True)]
    assert all(value > 0 for value in found)
    if len(seen) <= len(true):
        orders = ([*enumerate(order)] for order in permutations(range(len(true)), len(seen)))
    else:
        orders = ([*zip(order, range(len(true)), strict=True)] for order in permutations(range(len(seen)), len(true)))
    assert sum(found) == pytest.approx(max(sum(shared_s(i, j) for i, j in order) for order in orders))


def test_probabilities_that_mean_what_they_say_lie_on_the_diagonal() -> None:
    rng = np.random.default_rng(4)
    p = rng.random(40_000)
    score = calibration_score(pd.Series(p), pd.Series(rng.random(p.size) < p))
    for one in score["bins"]:
        assert one["observed"] == pytest.approx(one["mean_predicted"], abs=4 * 0.5 / one["count"] ** 0.5)
    assert score["brier"] == pytest.approx(1 / 6, abs=0.005)  # the integral of p (1 - p)
    edges = calibration_score(pd.Series([0.0, 1.0]), pd.Series([False, True]))
    assert (edges["bins"][0]["observed"], edges["bins"][-1]["observed"], edges["brier"]) == (0.0, 1.0, 0.0)
