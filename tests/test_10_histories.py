"""Stays and histories equal the dense model in which every candidate's every state is a state of its own."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from berthwatch.kernels import reference
from berthwatch.kernels.forward_backward import forward_backward
from berthwatch.kernels.histories import History, draw_history
from berthwatch.kernels.jumps import expected_jumps
from berthwatch.kernels.stays import Filtered, expanded, filter_stays, looks_of
from berthwatch.kernels.uniformisation import over_gaps, uniformised

Array = npt.NDArray[Any]
unhurried = settings(deadline=None, max_examples=40)
BLOCKS, LEVEL = np.array([0, 2, 3]), np.array([0, 1, 1])
STATES = 3


def random_chain(rng: np.random.Generator) -> Array:
    """Two states of one block, one of another, and vacancy: no jump leads from block to block."""
    rates = rng.gamma(1.0, 0.5, (4, 4))
    rates[:2, 2] = rates[2, :2] = 0.0
    np.fill_diagonal(rates, 0.0)
    return rates - np.diag(rates.sum(axis=1))


class Case:
    """A berth's looks under a random model, as the kernels and as the dense model take them."""

    def __init__(self, seed: int, looks: int, candidates: int) -> None:
        rng = np.random.default_rng(seed)
        self.generator, self.weight = random_chain(rng), rng.dirichlet(np.ones(candidates))
        self.initial = rng.dirichlet(np.ones(STATES + 1))
        self.times = np.cumsum(rng.gamma(1.0, 1.5, looks))
        self.gaps = np.diff(self.times, prepend=self.times[0])
        self.log_vacant, self.log_taken = rng.normal(0, 1.5, looks), rng.normal(0, 1.5, (looks, candidates, 2))
        self.chain = uniformised(expanded(self.generator), float(self.gaps.max()))
        self.transition = over_gaps(self.chain, self.gaps)
        self.looks = looks_of(self.log_vacant, self.log_taken, np.arange(looks))
        emission, self.dense, initial = reference.dense_stays(
            self.log_vacant, self.log_taken, LEVEL, self.generator, self.weight, self.initial
        )
        self.found = forward_backward(emission, self.gaps, [0, looks], self.dense, initial)

    def filtered(self) -> Filtered:
        return filter_stays(self.looks, self.transition, LEVEL, BLOCKS, self.weight, self.initial)

    def draw(self, filtered: Filtered, key: int) -> History:
        return draw_history(filtered, self.transition, self.chain, self.looks.gap, self.times, self.weight, key)


@unhurried
@given(st.integers(0, 10**6), st.integers(1, 4), st.booleans())
def test_a_place_along_the_berth_and_what_says_nothing_are_as_if_each_place_were_a_candidate(
    seed: int, places: int, muted: bool
) -> None:
    case, rng = Case(seed, 6, 3), np.random.default_rng(seed)
    log_place, log_mute = rng.normal(0, 1.5, (6, places)), rng.normal(-1, 1, 6) if muted else np.full(6, -np.inf)
    case.weight = rng.dirichlet(np.ones(3 * places))
    case.looks = looks_of(case.log_vacant, case.log_taken, np.arange(6), log_place, log_mute)
    found = case.filtered()
    joint = np.repeat(case.log_taken, places, axis=1) + np.tile(log_place, 3)[:, :, None]
    case.looks = looks_of(case.log_vacant, np.logaddexp(joint, log_mute[:, None, None]), np.arange(6))
    expected = case.filtered()
    np.testing.assert_allclose(found.taken, expected.taken, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(found.vacant, expected.vacant, rtol=1e-9)
    assert found.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-9)


@unhurried
@given(st.integers(0, 10**6), st.floats(0.0, 20.0))
def test_uniformised_gaps_equal_scipy_and_powers_their_twin(seed: int, gap: float) -> None:
    rates = expanded(random_chain(np.random.default_rng(seed)))
    chain = uniformised(rates, gap)
    np.testing.assert_allclose(over_gaps(chain, [gap, 0.0]), [expm(rates * gap), np.eye(7)], rtol=0, atol=1e-12)
    np.testing.assert_allclose(chain.powers, reference.powers(rates, chain.rate, len(chain.powers)), atol=1e-12)


def test_gaps_of_too_many_jumps_are_refused() -> None:
    with pytest.raises(ValueError, match="400 possible jumps, more than 300"):
        uniformised([[-4.0, 4.0], [1.0, -1.0]], 100.0)


def test_a_chain_that_never_jumps_stays_where_it_is() -> None:
    np.testing.assert_array_equal(over_gaps(uniformised(np.zeros((2, 2)), 5.0), [5.0])[0], np.eye(2))


@unhurried
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 3))
def test_the_filter_equals_the_dense_model(seed: int, looks: int, candidates: int) -> None:
    case = Case(seed, looks, candidates)
    ours = case.filtered()
    last = case.found.posterior[-1]
    np.testing.assert_allclose(ours.taken[-1].ravel(), last[:-1], rtol=0, atol=1e-10)
    assert ours.vacant[-1] == pytest.approx(last[-1], abs=1e-10)
    np.testing.assert_allclose(ours.any_vessel, ours.taken.sum(axis=1), rtol=0, atol=1e-12)
    assert ours.log_likelihood == pytest.approx(case.found.log_likelihood[0], abs=1e-9)


def test_looks_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="look 1 is impossible in every state"):
        looks_of([0.0, -np.inf], np.full((2, 1, 1), -np.inf), [0, 0])


def test_a_look_that_contradicts_the_one_before_is_refused() -> None:
    sure = looks_of([0.0, -np.inf], [[[-np.inf]], [[0.0]]], [0, 0])
    never = np.eye(3)[None]
    with pytest.raises(ValueError, match="impossible in every state"):
        filter_stays(sure, never, np.array([0]), np.array([0, 1]), np.ones(1), np.array([0.5, 0.5]))


def at_looks(case: Case, history: History) -> Array:
    """Which candidate a history has at each look: (n,), -1 for none."""
    who = np.full(len(case.times), -1)
    for _, _, candidate, first, last in history.codes:
        if first >= 0:
            who[first : last + 1] = candidate
    return who


def test_histories_have_the_probabilities_of_the_dense_model() -> None:
    case, draws = Case(2, 6, 2), 6000
    filtered = case.filtered()
    histories = [case.draw(filtered, key) for key in range(draws)]
    who = np.array([at_looks(case, history) for history in histories])
    posterior = case.found.posterior[:, :-1].reshape(-1, 2, STATES).sum(axis=2)
    for candidate in range(2):
        np.testing.assert_allclose((who == candidate).mean(axis=0), posterior[:, candidate], rtol=0, atol=0.025)
    days, jumps = expected_jumps(case.found.xi, case.gaps, [0, 6], case.dense)
    alike = np.r_[np.tile(np.arange(STATES), 2), STATES]
    expected = np.zeros((4, 4))
    np.add.at(expected, (alike[:, None], alike[None, :]), jumps)
    drawn = np.mean([history.jumps for history in histories], axis=0)
    np.testing.assert_allclose(drawn, expected, rtol=0.08, atol=0.03)
    np.testing.assert_allclose(
        np.mean([history.days for history in histories], axis=0), np.bincount(alike, days), rtol=0.08, atol=0.03
    )


@unhurried
@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(0, 2**64 - 1))
def test_a_history_is_whole(seed: int, looks: int, key: int) -> None:
    """Stays follow one another in time without overlap, each look lies in its stay, and all days are counted."""
    case = Case(seed, looks, 2)
    filtered = case.filtered()
    history = case.draw(filtered, key)
    again = case.draw(filtered, key)
    np.testing.assert_array_equal(history.times_days, again.times_days)
    np.testing.assert_array_equal(history.codes, again.codes)
    assert history.days.sum() == pytest.approx(case.times[-1] - case.times[0], abs=1e-9)
    begin = np.nan_to_num(history.times_days[:, 0], nan=case.times[0])
    end = np.nan_to_num(history.times_days[:, 1], nan=case.times[-1])
    assert (begin <= end).all()
    assert (end[:-1] <= begin[1:]).all()
    assert history.jumps[STATES].sum() == np.isfinite(history.times_days[:, 0]).sum()
    assert history.jumps[:, STATES].sum() == np.isfinite(history.times_days[:, 1]).sum()
    for (arrived, left, _, first, last), (since, until) in zip(
        history.codes, zip(begin, end, strict=True), strict=True
    ):
        assert (BLOCKS[1] <= arrived) == (BLOCKS[1] <= left), "a stay keeps its block"
        if first >= 0:
            assert since <= case.times[first] <= case.times[last] <= until
            assert not ((case.times > since) & (case.times < case.times[first])).any()


def test_more_stays_than_there_is_room_for_are_all_kept() -> None:
    rates = np.array([[-30.0, 30.0], [30.0, -30.0]])
    chain = uniformised(expanded(rates), 8.0)
    days = np.arange(0.0, 80.0, 8.0)
    transition, one = over_gaps(chain, [8.0]), np.ones(1)
    blind = looks_of(np.zeros(10), np.zeros((10, 1, 1)), np.zeros(10))
    found = filter_stays(blind, transition, np.array([0]), np.array([0, 1]), one, np.array([0.5, 0.5]))
    history = draw_history(found, transition, chain, blind.gap, days, one, key=3)
    assert len(history.codes) > 800
    assert np.isfinite(history.times_days[1:, 0]).all()
