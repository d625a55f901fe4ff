"""Sequence kernels equal sums over every path, hmmlearn at constant steps, SciPy's expm, and integrals."""

import re
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hmmlearn import hmm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from berthwatch.kernels import reference
from berthwatch.kernels.forward_backward import forward_backward
from berthwatch.kernels.jumps import expected_jumps
from berthwatch.kernels.paths import sample_paths, viterbi
from berthwatch.kernels.transition import transition_matrices

Array = npt.NDArray[Any]
unhurried = settings(deadline=None, max_examples=40)  # the first call compiles; every path takes its time
Q2 = np.array([[-0.3, 0.3], [0.7, -0.7]])
Q3 = np.array([[-0.5, 0.4, 0.1], [0.0, -0.2, 0.2], [1.5, 0.0, -1.5]])  # a cycle: complex eigenvalues


def random_generator(rng: np.random.Generator, states: int) -> Array:
    rates = rng.gamma(0.7, 1.0, (states, states)) * (rng.random((states, states)) < 0.8)
    np.fill_diagonal(rates, 0.0)
    return rates - np.diag(rates.sum(axis=1))


def random_series(seed: int, states: int, lengths: list[int]) -> tuple[Array, Array, Array, Array, Array]:
    """Emissions with rows where nothing was seen, gaps with simultaneous scenes, and any first gap."""
    rng = np.random.default_rng(seed)
    offsets = np.cumsum([0, *lengths])
    emission = rng.normal(0.0, 2.0, (offsets[-1], states))
    emission[rng.random(offsets[-1]) < 0.3] = 0.0
    gaps = rng.gamma(0.5, 4.0, offsets[-1]).round(1)
    gaps[offsets[:-1][np.diff(offsets) > 0]] = -1.0
    return emission, gaps, offsets, random_generator(rng, states), rng.dirichlet(np.ones(states))


cases = st.builds(
    random_series, st.integers(0, 10**6), st.integers(1, 3), st.lists(st.integers(0, 5), min_size=1, max_size=3)
)


def each(case: tuple[Array, ...]) -> list[tuple[int, slice]]:
    offsets = case[2]
    return [(s, slice(a, b)) for s, (a, b) in enumerate(pairwise(offsets)) if b > a]


@unhurried
@given(st.integers(0, 10**6), st.integers(1, 6), st.floats(0.0, 1e3))
def test_transitions_equal_scipy_and_their_twin(seed: int, states: int, gap: float) -> None:
    rates = random_generator(np.random.default_rng(seed), states)
    ours = transition_matrices(rates, [gap, 0.0])
    np.testing.assert_allclose(ours[0], expm(rates * gap), rtol=0, atol=1e-11)
    np.testing.assert_allclose(ours, reference.transition_matrices(rates, np.array([gap, 0.0])), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(ours[1], np.eye(states))
    np.testing.assert_allclose(ours.sum(axis=2), 1.0, rtol=1e-14)


def test_rare_jumps_keep_their_digits() -> None:
    chain = np.diag(np.full(4, 1e-6), 1) - np.diag([1e-6] * 4 + [0.0])
    assert transition_matrices(chain, [1.0])[0, 0, 4] == pytest.approx(1e-24 / 24, rel=1e-5)
    assert transition_matrices(Q2 * 1e-15, [1.0])[0, 0, 1] == pytest.approx(3e-16, rel=1e-12)


@unhurried
@given(cases)
def test_posteriors_equal_the_sum_over_every_path(case: tuple[Array, ...]) -> None:
    emission, gaps, _, rates, initial = case
    ours = forward_backward(*case)
    for s, part in each(case):
        posterior, xi, log_likelihood = reference.forward_backward(emission[part], gaps[part], rates, initial)
        np.testing.assert_allclose(ours.posterior[part], posterior, rtol=0, atol=1e-10)
        np.testing.assert_allclose(ours.xi[part], xi, rtol=0, atol=1e-10)
        assert ours.log_likelihood[s] == pytest.approx(log_likelihood, abs=1e-10)
    follows = ours.xi.sum(axis=(1, 2)) > 0.5
    np.testing.assert_allclose(ours.xi.sum(axis=1)[follows], ours.posterior[follows], atol=1e-12)


@pytest.mark.parametrize("rates", [Q2, Q3])
def test_constant_steps_equal_hmmlearn(rates: Array) -> None:
    states = len(rates)
    rng = np.random.default_rng(5)
    model = hmm.CategoricalHMM(n_components=states)
    model.startprob_ = rng.dirichlet(np.ones(states))
    model.transmat_ = expm(rates * 2.5)
    model.emissionprob_ = rng.dirichlet(np.ones(4), states)
    lengths = [400, 1, 99]
    symbols = rng.integers(0, 4, (sum(lengths), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hmmlearn's own
        log_likelihood, posterior = model.score_samples(symbols, lengths)
        _, best = model.decode(symbols, lengths)
    given_ = (np.log(model.emissionprob_.T[symbols[:, 0]]), np.full(500, 2.5), np.cumsum([0, *lengths]), rates)
    ours = forward_backward(*given_, model.startprob_)
    assert ours.log_likelihood.sum() == pytest.approx(log_likelihood, abs=1e-10)
    np.testing.assert_allclose(ours.posterior, posterior, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(viterbi(*given_, model.startprob_), best)


def test_gaussian_emissions_equal_hmmlearn() -> None:
    model = hmm.GaussianHMM(n_components=2, covariance_type="diag")
    model.startprob_, model.transmat_ = np.array([0.8, 0.2]), expm(Q2)
    model.means_, model.covars_ = np.array([[0.0], [1.5]]), np.array([[1.0], [0.5]])
    values, _ = model.sample(800, random_state=3)
    log_likelihood, posterior = model.score_samples(values)
    emission = -0.5 * ((values - model.means_.T) ** 2 / [1.0, 0.5] + np.log(2 * np.pi * np.array([1.0, 0.5])))
    ours = forward_backward(emission, np.ones(800), [0, 800], Q2, model.startprob_)
    assert ours.log_likelihood[0] == pytest.approx(log_likelihood, abs=1e-10)
    np.testing.assert_allclose(ours.posterior, posterior, rtol=0, atol=1e-10)


def test_contradiction_at_one_time_does_not_underflow() -> None:
    emission = np.array([[0.0, -900.0], [-800.0, 0.0], [0.0, 0.0]])
    result = forward_backward(emission, [0.0, 0.0, 1.0], [0, 3], Q2, [0.5, 0.5])
    assert result.log_likelihood[0] == pytest.approx(-800.0 + np.log(0.5))
    np.testing.assert_allclose(result.posterior[:2], [[1.0, 0.0], [1.0, 0.0]], atol=1e-30)
    assert sample_paths(emission, [0.0, 0.0, 1.0], [0, 3], Q2, [0.5, 0.5], 1, 50)[:, :2].max() == 0


def test_what_was_not_seen_changes_nothing() -> None:
    emission = np.log([[0.9, 0.2], [1.0, 1.0], [0.3, 0.6]])
    with_gap = forward_backward(emission, [0.0, 2.0, 3.0], [0, 3], Q2, [0.5, 0.5])
    without = forward_backward(emission[[0, 2]], [0.0, 5.0], [0, 2], Q2, [0.5, 0.5])
    np.testing.assert_allclose(with_gap.log_likelihood, without.log_likelihood, atol=1e-14)
    np.testing.assert_allclose(with_gap.posterior[[0, 2]], without.posterior, atol=1e-14)


@settings(unhurried, max_examples=10)
@given(cases)
def test_jumps_equal_the_integral_over_their_moment(case: tuple[Array, ...]) -> None:
    _, gaps, offsets, rates, _ = case
    xi = forward_backward(*case).xi
    days, jumps = expected_jumps(xi, gaps, offsets, rates)
    twins = [reference.expected_jumps(xi[part], gaps[part], rates) for _, part in each(case)]
    np.testing.assert_allclose(days, sum((twin[0] for twin in twins), np.zeros(len(rates))), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(jumps, sum((twin[1] for twin in twins), np.zeros(rates.shape)), rtol=1e-9, atol=1e-9)
    assert days.sum() == pytest.approx(sum(gaps[part][1:].sum() for _, part in each(case)), rel=1e-12)


@pytest.mark.parametrize("rates", [Q2, Q3])
def test_em_with_expected_jumps_climbs_and_finds_the_rates(rates: Array) -> None:
    rng = np.random.default_rng(11)
    states, n, series = len(rates), 120, 40
    gaps = rng.choice([0.1, 0.3, 1.0], n * series)
    path = np.zeros(n * series, int)
    for t, transition in enumerate(transition_matrices(rates, gaps)):
        path[t] = rng.choice(states, p=transition[path[t - 1]]) if t % n else rng.integers(states)
    emission = np.where(path[:, None] == np.arange(states), 0.0, -6.0)
    guess = np.ones((states, states)) - states * np.eye(states)
    before = -np.inf
    for _ in range(60):
        result = forward_backward(emission, gaps, np.arange(series + 1) * n, guess, np.full(states, 1 / states))
        assert result.log_likelihood.sum() > before - 1e-8
        before = result.log_likelihood.sum()
        days, jumps = expected_jumps(result.xi, gaps, np.arange(series + 1) * n, guess)
        guess = jumps / days[:, None]
        guess -= np.diag(guess.sum(axis=1))
    np.testing.assert_allclose(guess, rates, rtol=0.15, atol=0.1)


@unhurried
@given(cases, st.integers(0, 2**64 - 1))
def test_paths_equal_their_twins(case: tuple[Array, ...], seed: int) -> None:
    emission, gaps, _, rates, initial = case
    drawn, likeliest = sample_paths(*case, seed=seed, n_draws=4), viterbi(*case)
    for s, part in each(case):
        series = (emission[part], gaps[part], rates, initial)
        np.testing.assert_array_equal(drawn[:, part], reference.sample_paths(*series, seed, s, 4))
        paths, probability = reference.path_probabilities(*series)
        chosen = probability[(paths == likeliest[part]).all(axis=1)]
        assert chosen[0] == pytest.approx(probability.max(), rel=1e-9)
        assert len(reference.viterbi(*series)) == len(likeliest[part])


def test_draws_follow_the_posterior_and_repeat_bit_for_bit() -> None:
    case = random_series(4, 3, [6, 0, 5])
    draws = sample_paths(*case, seed=20, n_draws=40_000)
    result = forward_backward(*case)
    frequency = np.stack([(draws == k).mean(axis=0) for k in range(3)], axis=1)
    np.testing.assert_allclose(frequency, result.posterior, atol=0.012)  # five standard errors
    pair = np.array([[((draws[:, 2] == i) & (draws[:, 3] == j)).mean() for j in range(3)] for i in range(3)])
    np.testing.assert_allclose(pair, result.xi[3], atol=0.012)
    np.testing.assert_array_equal(sample_paths(*case, seed=20, n_draws=7), draws[:7])
    assert (sample_paths(*case, seed=21, n_draws=7) != draws[:7]).any()


def call(**changes: Any) -> Any:
    usual = {"log_emission": np.zeros((2, 2)), "gaps_days": [0, 1], "offsets": [0, 2], "generator": Q2}
    return forward_backward(**{**usual, "initial": [0.5, 0.5], **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generator": np.zeros((2, 3))}, "generator must be square: shape (2, 3)"),
        (
            {"generator": [[1, -1], [0, 0]]},
            "generator's rates must be finite and not negative: [[1.0, -1.0], [0.0, 0.0]]",
        ),
        ({"generator": [[1, 1], [0, 0]]}, "generator's rows must sum to 0: [2.0, 0.0]"),
        ({"log_emission": np.zeros((2, 3))}, "log_emission must have shape (any, 2): (2, 3)"),
        ({"log_emission": np.full((2, 2), np.inf)}, "log_emission must not be +inf: first at [0, 0]"),
        ({"log_emission": [[0, 0], [0, np.nan]]}, "log_emission must not hold NaN: first at [1, 1]"),
        ({"log_emission": np.full((2, 2), -np.inf)}, "series 0 is impossible in every state under this model"),
        ({"gaps_days": [0, 1, 2]}, "gaps_days must have shape (2): (3,)"),
        ({"gaps_days": [0, -1]}, "gaps_days must be finite and not negative: -1.0 at 1"),
        ({"gaps_days": [0, np.nan]}, "gaps_days must not hold NaN"),
        ({"offsets": [0, 1]}, "offsets must rise from 0 to the number of observations 2: [0, 1]"),
        ({"initial": [0.5, 0.6]}, "initial must be probabilities that sum to 1: [0.5, 0.6]"),
        ({"initial": [1.0]}, "initial must have shape (2): (1,)"),
    ],
)
def test_wrong_input_is_named_and_echoed(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call(**changes)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: sample_paths(np.zeros((1, 2)), [0], [0, 1], Q2, [0.5, 0.5], -1, 1), "seed not in 0..2**64 - 1: -1"),
        (lambda: sample_paths(np.zeros((1, 2)), [0], [0, 1], Q2, [1, 0], 1, -1), "n_draws must not be negative: -1"),
        (lambda: viterbi(np.zeros((0, 200)), [], [0], np.zeros((200, 200)), np.full(200, 0.005)), "127 states: 200"),
        (lambda: expected_jumps(np.full((2, 2, 2), -1.0), [0, 1], [0, 2], Q2), "xi must be finite and not negative"),
        (lambda: expected_jumps(np.ones((2, 2, 2)), [0, 0], [0, 2], Q2), "states that the generator cannot join"),
    ],
)
def test_wrong_paths_and_jumps_are_named_and_echoed(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        wrong()
