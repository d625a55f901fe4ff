"""Occupancy: what looks say of a berth over time, what they teach, and what they must never make of noise."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hmmlearn.base import BaseHMM
from scipy.linalg import expm

from berthwatch.emission import LEAST_STEP, PRIOR, learn, log_emission
from berthwatch.occupancy import Model, judge, occupancy_table
from berthwatch.tables import OBSERVATION_COLUMNS, OCCUPANCY_COLUMNS, as_table
from berthwatch.visit import visits_of

START = pd.Timestamp("2024-01-01T03:00:00Z")


@dataclass(frozen=True, slots=True)
class Found:
    """What occupancy alone tells, without vessels and loads."""

    occupancy: pd.DataFrame
    visits: pd.DataFrame
    model: Model


def infer(observations: pd.DataFrame, berths: Iterable[str]) -> Found:
    """Judge the looks at berths; all others are controls."""
    names = sorted(berths)
    judged = judge(observations, frozenset(names))
    return Found(occupancy_table(judged.looks), visits_of(judged.looks, names), judged.model)


def looks(berth_id: str, days: Iterable[float], change: Iterable[float], source: str = "s1") -> list[dict[str, Any]]:
    """Looks at one berth; a change that is NaN was not seen."""
    return [
        {
            "berth_id": berth_id,
            "time": START + pd.Timedelta(days=day),
            "source": source,
            "scene_id": f"{source}-{round(day * 1e4):08d}",
            "visible": 0.0 if np.isnan(value) else 1.0,
            "change": value,
            "reason": "",
        }
        for day, value in zip(days, change, strict=True)
    ]


def table(*series: list[dict[str, Any]]) -> pd.DataFrame:
    rows = [row for rows in series for row in rows]
    found = as_table(rows, OBSERVATION_COLUMNS)
    return found.sort_values(["time", "source", "scene_id", "berth_id"], kind="stable", ignore_index=True)


def chain(rng: np.random.Generator, days: np.ndarray, arrivals_per_day: float, departures_per_day: float) -> np.ndarray:
    """Whether a berth is taken at each time: a two-state chain in continuous time, drawn jump by jump."""
    rates = (arrivals_per_day, departures_per_day)
    state = int(rng.random() < arrivals_per_day / sum(rates))
    now, taken = 0.0, np.empty(days.size, bool)
    until = now + rng.exponential(1 / rates[state])
    for index, day in enumerate(days):
        while until < day:
            state = 1 - state
            until += rng.exponential(1 / rates[state])
        taken[index] = state == 1
    return taken


def changes(rng: np.random.Generator, taken: np.ndarray) -> np.ndarray:
    """Changes as real looks have them: mostly nothing over vacant water, a factor of three about 60 over hulls."""
    hull = np.exp(rng.normal(np.log(60), 0.8, taken.size))
    crumb = np.where(rng.random(taken.size) < 0.03, rng.uniform(1, 4, taken.size), 0.0)
    return np.where(taken, hull, crumb)


@pytest.fixture(scope="module")
def busy() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twenty berths over two years at irregular gaps, with the truth."""
    rng = np.random.default_rng(7)
    series, truth = [], []
    for number in range(20):
        days = np.cumsum(rng.exponential(2.0, 350))
        taken = chain(rng, days, 0.08, 0.3)
        name = f"B{number:02d}"
        series.append(looks(name, days, changes(rng, taken)))
        truth.append(
            pd.DataFrame({"berth_id": name, "scene_id": [row["scene_id"] for row in series[-1]], "was": taken})
        )
    return table(*series), pd.concat(truth, ignore_index=True)


@pytest.fixture(scope="module")
def inferred(busy: tuple[pd.DataFrame, pd.DataFrame]) -> Found:
    """What is inferred of the twenty berths."""
    return infer(busy[0], busy[0]["berth_id"].unique())


def test_em_finds_the_rates_of_arriving_and_leaving(inferred: Found) -> None:
    model = inferred.model
    assert 0.08 / 1.5 < model.arrivals_per_day < 0.08 * 1.5
    assert 0.3 / 1.5 < model.departures_per_day < 0.3 * 1.5


def test_hulls_are_told_from_water_and_the_emission_is_learned(
    busy: tuple[pd.DataFrame, pd.DataFrame], inferred: Found
) -> None:
    found = inferred
    judged = found.occupancy.merge(busy[1], on=["berth_id", "scene_id"], validate="one_to_one")
    assert (judged["occupied"] == judged["was"]).mean() > 0.999
    assert found.model.emissions["s1"].occupied.mean == pytest.approx(np.log(60), abs=0.15)
    assert found.model.emissions["s1"].occupied.sigma == pytest.approx(0.8, abs=0.15)


class GivenEmissions(BaseHMM):
    """hmmlearn's algorithm, with each look's log-likelihoods given as its features."""

    def _compute_log_likelihood(self, X: np.ndarray) -> np.ndarray:
        return X


def test_posterior_at_constant_steps_equals_hmmlearn() -> None:
    rng = np.random.default_rng(3)
    days = np.arange(120) * 2.5
    series = []
    for name in ("B1", "B2", "B3"):
        change = np.where(rng.random(120) < 0.1, np.nan, changes(rng, chain(rng, days, 0.1, 0.3)))
        series.append(looks(name, days, change))
    observations = table(*series)
    found = infer(observations, ["B1", "B2", "B3"])
    rates = np.array(
        [
            [-found.model.arrivals_per_day, found.model.arrivals_per_day],
            [found.model.departures_per_day, -found.model.departures_per_day],
        ]
    )
    oracle = GivenEmissions(n_components=2)
    oracle.startprob_ = np.array([rates[1, 0], rates[0, 1]]) / (rates[1, 0] + rates[0, 1])
    oracle.transmat_ = expm(rates * 2.5)
    ordered = observations.sort_values(["berth_id", "time"], ignore_index=True)
    emission = log_emission(ordered["change"].to_numpy(), ordered["visible"].to_numpy(), found.model.emissions["s1"])
    log_likelihood, posterior = oracle.score_samples(emission, [120, 120, 120])
    ours = found.occupancy.sort_values(["berth_id", "time"])["p_occupied"].to_numpy()
    np.testing.assert_allclose(ours, posterior[:, 1], rtol=0, atol=1e-9)
    assert found.model.log_likelihood == pytest.approx(log_likelihood, abs=1e-8)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_where_no_vessel_ever_lay_none_is_found_whatever_the_crumbs(share: float) -> None:
    rng = np.random.default_rng(11)
    series = []
    for number in range(8):
        days = np.cumsum(rng.exponential(3.0, 200))
        crumbs = np.where(rng.random(200) < share, rng.uniform(1, 4, 200), 0.0)
        series.append(looks(f"B{number}", days, crumbs))
    found = infer(table(*series), (f"B{number}" for number in range(8)))
    assert not found.occupancy["occupied"].any()
    assert found.visits.empty


def test_states_keep_apart_however_alike_the_looks_are() -> None:
    rng = np.random.default_rng(1)
    change = rng.uniform(1, 4, 5000)
    learned = learn(change, np.ones(5000), rng.random(5000))
    assert learned.occupied.mean - learned.vacant.mean >= LEAST_STEP


@pytest.mark.parametrize("beside", [0, 3])
def test_a_berth_taken_in_every_look_is_occupied_throughout(beside: int) -> None:
    rng = np.random.default_rng(5)
    days = np.arange(150) * 3.0
    series = [looks("full", days, np.exp(rng.normal(np.log(60), 0.8, 150)))]
    series += [looks(f"empty{number}", days, np.zeros(150)) for number in range(beside)]
    found = infer(table(*series), ["full", *(f"empty{number}" for number in range(beside))])
    full = found.occupancy[found.occupancy["berth_id"] == "full"]
    assert full["occupied"].all()
    assert not found.occupancy.drop(full.index)["occupied"].any()
    (visit,) = found.visits.itertuples()
    assert visit.observations == 150
    assert pd.isna(visit.arrival_after)
    assert pd.isna(visit.departure_before)


def test_one_look_at_a_bright_flash_is_less_sure_than_two() -> None:
    quiet = [0.0] * 40
    once, twice = quiet.copy(), quiet.copy()
    once[20] = twice[20] = twice[21] = 9.0
    days = np.arange(40) * 1.0
    p = [infer(table(looks("B1", days, change)), ["B1"]).occupancy["p_occupied"].iloc[20] for change in (once, twice)]
    assert p[0] < p[1]


def test_controls_teach_nothing_and_have_no_visits(busy: tuple[pd.DataFrame, pd.DataFrame], inferred: Found) -> None:
    berths = sorted(busy[0]["berth_id"].unique())
    days = np.arange(300) * 2.0
    control = looks("A-control", days, np.full(300, 25.0))
    another = looks("Z-control", days, np.tile([0.0, 3.0], 150))
    beside = infer(table(busy[0].to_dict("records"), control, another), berths)
    assert beside.model.arrivals_per_day == inferred.model.arrivals_per_day
    assert beside.model.emissions == inferred.model.emissions
    own = beside.occupancy[beside.occupancy["berth_id"].isin(berths)].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, inferred.occupancy, check_exact=True)
    pd.testing.assert_frame_equal(beside.visits, inferred.visits, check_exact=True)
    judged = beside.occupancy[beside.occupancy["berth_id"] == "A-control"]
    assert judged["occupied"].all()  # judged like any other, so that false alarms show


def test_the_order_of_observations_does_not_matter(busy: tuple[pd.DataFrame, pd.DataFrame], inferred: Found) -> None:
    other = infer(busy[0].sample(frac=1, random_state=2), busy[0]["berth_id"].unique())
    pd.testing.assert_frame_equal(inferred.occupancy, other.occupancy, check_exact=True)
    pd.testing.assert_frame_equal(inferred.visits, other.visits, check_exact=True)


def test_a_look_that_saw_nothing_is_not_called_but_keeps_a_probability() -> None:
    change = [0.0, np.nan, 80.0, np.nan, 80.0, 0.0, np.nan]
    found = infer(table(looks("B1", np.arange(7) * 1.0, change)), ["B1"]).occupancy
    assert found["occupied"].tolist() == [False, pd.NA, True, pd.NA, True, False, pd.NA]
    assert found["p_occupied"].between(0, 1).all()
    assert found["p_occupied"].iloc[3] > 0.9  # between two looks at a hull
    assert found["p_occupied"].iloc[6] < 0.5


def test_no_looks_give_empty_tables_of_the_same_columns() -> None:
    found = infer(as_table([], OBSERVATION_COLUMNS), ["B1"])
    assert list(found.occupancy.columns) == list(OCCUPANCY_COLUMNS)
    assert found.occupancy.empty
    assert found.visits.empty


def test_looks_that_all_saw_nothing_say_nothing() -> None:
    found = infer(table(looks("B1", np.arange(9) * 1.0, np.full(9, np.nan))), ["B1"])
    assert found.occupancy["occupied"].isna().all()
    assert found.occupancy["p_occupied"].between(0, 1).all()
    assert found.visits.empty


def test_a_source_that_sees_more_crumbs_does_not_spoil_another() -> None:
    rng = np.random.default_rng(9)
    days = np.cumsum(rng.exponential(2.0, 300))
    taken = chain(rng, days, 0.08, 0.3)
    dirty = np.where(taken, np.exp(rng.normal(np.log(30), 0.5, 300)), rng.uniform(1, 4, 300))
    both = table(looks("B1", days, changes(rng, taken)), looks("B1", days + 0.01, dirty, "optical"))
    found = infer(both, ["B1"])
    assert found.model.emissions["optical"].vacant.nothing < 0.5 < found.model.emissions["s1"].vacant.nothing
    radar = found.occupancy[found.occupancy["source"] == "s1"].sort_values("time")
    assert (radar["occupied"].to_numpy(bool) == taken).mean() > 0.99


def test_partly_hidden_emptiness_weighs_less() -> None:
    weight = np.diff(log_emission(np.zeros(3), np.array([1.0, 0.5, 0.05]), PRIOR), axis=1)[:, 0]
    assert weight[0] < weight[1] < weight[2] < 0.05


def test_brighter_is_never_less_like_a_hull() -> None:
    change = np.geomspace(8, 1e5, 60)
    weight = np.diff(log_emission(change, np.ones(60), PRIOR), axis=1)[:, 0]
    assert (weight > 0).all()
