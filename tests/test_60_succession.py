"""Looks of a taken berth divided between vessels: against all divisions there are, and where draws disagree on when."""

from itertools import combinations, pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from berthwatch.succession import divided


def agreement(at: NDArray[np.int64], parts: list[tuple[int, int]]) -> float:
    """By how much more draws than not put the pairs within parts together, summed over these pairs."""
    total = 0.0
    for start, end in parts:
        for one, other in combinations(range(start, end), 2):
            both = (at[:, one] >= 0) & (at[:, other] >= 0)
            together = (at[both, one] == at[both, other]).mean() if both.any() else 0.0
            total += 2 * (together - 0.5)
    return total


def all_divisions(looks: int) -> list[list[tuple[int, int]]]:
    edges = [
        (0, *cuts, looks) for size in range(looks) for cuts in combinations(range(1, looks), size)
    ]  # fmt: skip
    return [list(pairwise(edge)) for edge in edges]


@st.composite
def draws(draw: st.DrawFn) -> NDArray[np.int64]:
    """Calls that follow one another in each draw, now and then none."""
    looks = draw(st.integers(1, 7))
    changes = draw(st.lists(st.lists(st.booleans(), min_size=looks, max_size=looks), min_size=3, max_size=9))
    at = np.cumsum(np.array(changes), axis=1) + 100 * np.arange(len(changes))[:, None]
    away = draw(st.lists(st.integers(0, at.size - 1), max_size=3))
    at.flat[away] = -1
    return at


@settings(max_examples=80, deadline=None)
@given(draws())
def test_no_other_division_agrees_better_with_the_draws(at: NDArray[np.int64]) -> None:
    parts = divided(at)
    assert parts[0][0] == 0
    assert parts[-1][1] == at.shape[1]
    assert all(before[1] == after[0] for before, after in pairwise(parts))
    best = max(agreement(at, other) for other in all_divisions(at.shape[1]))
    assert agreement(at, parts) >= best - 1e-9


def test_a_change_that_is_sure_but_not_when_is_a_change() -> None:
    """One vessel gave way to another somewhere among six looks, at each of five gaps as likely as at any other."""
    at = np.array([[0] * change + [1] * (6 - change) for change in range(1, 6)])
    at += 10 * np.arange(5)[:, None]
    assert divided(at) == [(0, 3), (3, 6)]


def test_a_long_stay_is_divided_as_fast_as_it_changes() -> None:
    at = np.repeat(np.arange(12).reshape(2, 6), 2_000, axis=1)
    assert divided(at) == [(start, start + 2_000) for start in range(0, 12_000, 2_000)]
