"""Occupancy: the probability that a berth is taken at a time, given all observations of that berth.

A hidden Markov model in continuous time with two states, vacant and occupied (snapshots at irregular gaps:
Glennie et al. 2023, doi 10.1111/biom.13700). Rates of arriving and leaving are shared by all berths and learned
by EM with gamma priors; what the states look like is learned for each source. Controls are judged by the same
model but teach it nothing and never have visits.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from berthwatch.emission import PRIOR, Emission, learn, log_emission, log_statement
from berthwatch.kernels.forward_backward import forward_backward
from berthwatch.kernels.jumps import expected_jumps
from berthwatch.tables import OCCUPANCY_COLUMNS, as_table

PRIOR_CALLS = 2.0
PRIOR_VACANT_DAYS = 40.0
PRIOR_OCCUPIED_DAYS = 6.0
"""Before any look: a call every 20 days on average, of 3 days; worth two calls."""
ROUNDS = 60
SETTLED = 1e-4


@dataclass(frozen=True, slots=True)
class Model:
    """What was learned: rates per day, what each source's states look like, and how well it explains the looks."""

    arrivals_per_day: float
    departures_per_day: float
    emissions: dict[str, Emission]
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class Judged:
    """Observations with `p_occupied` and `occupied`, the log-likelihoods (n, 2) of each look given (vacant, occupied),
    and the model behind them.
    """

    looks: pd.DataFrame
    log_likelihood: NDArray[np.float64]
    model: Model


@dataclass(frozen=True, slots=True)
class _Looks:
    """Observations in the order of the kernels: berth by berth, each in order of time."""

    table: pd.DataFrame
    gaps_days: NDArray[np.float64]
    offsets: NDArray[np.int64]
    teaches: NDArray[np.bool_]

    @property
    def teaching_series(self) -> int:
        """How many series, the first ones, are of berths and not of controls."""
        return int(np.searchsorted(self.offsets, int(self.teaches.sum())))


def _in_order(observations: pd.DataFrame, teachers: frozenset[str]) -> _Looks:
    """Berths that teach come first, so that their series are the first offsets."""
    keyed = observations.assign(_control=~observations["berth_id"].isin(teachers))
    table = keyed.sort_values(["_control", "berth_id", "time", "source", "scene_id"], kind="stable", ignore_index=True)
    berth = table["berth_id"].to_numpy()
    starts = np.flatnonzero(np.r_[True, berth[1:] != berth[:-1]]) if len(table) else np.empty(0, np.int64)
    gaps = table["time"].diff().dt.total_seconds().to_numpy(np.float64, copy=True) / 86_400
    gaps[starts] = 0
    return _Looks(table, np.nan_to_num(gaps), np.r_[starts, len(table)], ~table["_control"].to_numpy(bool))


def _emissions(looks: _Looks, models: dict[str, Emission]) -> NDArray[np.float64]:
    change, visible = (looks.table[name].to_numpy(np.float64) for name in ("change", "visible"))
    out = np.zeros((len(looks.table), 2))
    for source, model in models.items():
        own = looks.table["source"].to_numpy() == source
        out[own] = log_emission(change[own], visible[own], model)
    if "said" in looks.table:
        said = looks.table["said"].to_numpy(np.float64)
        out = np.where(np.isnan(said)[:, np.newaxis], out, log_statement(said))
    return out


def _generator(arrivals: float, departures: float) -> NDArray[np.float64]:
    return np.array([[-arrivals, arrivals], [departures, -departures]])


def _stationary(generator: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.array([generator[1, 0], generator[0, 1]]) / (generator[1, 0] + generator[0, 1])
    return shares


def _learn_rates(looks: _Looks, xi: NDArray[np.float64], generator: NDArray[np.float64]) -> NDArray[np.float64]:
    count, series = int(looks.teaches.sum()), looks.teaching_series
    days, jumps = expected_jumps(xi[:count], looks.gaps_days[:count], looks.offsets[: series + 1], generator)
    arrivals = (jumps[0, 1] + PRIOR_CALLS) / (days[0] + PRIOR_VACANT_DAYS)
    departures = (jumps[1, 0] + PRIOR_CALLS) / (days[1] + PRIOR_OCCUPIED_DAYS)
    return _generator(float(arrivals), float(departures))


def _learn_emissions(looks: _Looks, p_occupied: NDArray[np.float64], sources: list[str]) -> dict[str, Emission]:
    change, visible = (looks.table[name].to_numpy(np.float64) for name in ("change", "visible"))
    source = looks.table["source"].to_numpy()
    own = {name: looks.teaches & (source == name) for name in sources}
    return {name: learn(change[own[name]], visible[own[name]], p_occupied[own[name]]) for name in sources}


def _expectation_maximisation(looks: _Looks) -> tuple[Model, NDArray[np.float64]]:
    sources = sorted(looks.table["source"].unique().tolist())
    emissions = dict.fromkeys(sources, PRIOR)
    generator = _generator(PRIOR_CALLS / PRIOR_VACANT_DAYS, PRIOR_CALLS / PRIOR_OCCUPIED_DAYS)
    before = -np.inf
    for _ in range(ROUNDS):
        found = forward_backward(
            _emissions(looks, emissions), looks.gaps_days, looks.offsets, generator, _stationary(generator)
        )
        likelihood = float(found.log_likelihood[: looks.teaching_series].sum())
        p_occupied = found.posterior[:, 1]
        model = Model(float(generator[0, 1]), float(generator[1, 0]), emissions, likelihood)
        if abs(likelihood - before) < SETTLED * max(1.0, abs(likelihood)) or not looks.teaches.any():
            break
        before = likelihood
        generator = _learn_rates(looks, found.xi, generator)
        emissions = _learn_emissions(looks, p_occupied, sources)
    return model, p_occupied


def judge(observations: pd.DataFrame, teachers: frozenset[str]) -> Judged:
    """How probably each berth and control was taken at each scene.

    Parameters
    ----------
    observations : DataFrame
        As `observe` gives it; several sources may be concatenated. With a column `said`, as `corrected` gives it, what
        a person said of a look is its evidence.
    teachers : frozenset of str
        The berths; all others are controls, which teach the model nothing.

    Returns
    -------
    Judged
        Berths before controls, each in order of time.
    """
    looks = _in_order(observations, teachers)
    if looks.table.empty:
        nothing = looks.table.assign(p_occupied=[], occupied=[])
        return Judged(nothing, np.empty((0, 2)), Model(0.0, 0.0, {}, 0.0))
    model, p_occupied = _expectation_maximisation(looks)
    seen = looks.table["visible"].to_numpy(np.float64) > 0
    judged = looks.table.assign(
        p_occupied=p_occupied,
        occupied=pd.Series(p_occupied >= 0.5, dtype="boolean").where(seen),
    )
    return Judged(judged, _emissions(looks, model.emissions), model)


def occupancy_table(judged: pd.DataFrame) -> pd.DataFrame:
    """The columns of `occupancy.parquet`, by time, scene and berth."""
    if judged.empty:
        return as_table([], OCCUPANCY_COLUMNS)
    in_time = judged.sort_values(["time", "scene_id", "berth_id"], kind="stable", ignore_index=True)
    return pd.DataFrame({name: in_time[name] for name in OCCUPANCY_COLUMNS})
