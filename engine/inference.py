"""From observations to what happened: occupancy, visits with their loads, and draws of whole histories."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from berthwatch.barrels import Histories
from berthwatch.calls import BerthLooks, Calls, draw_calls
from berthwatch.doubt import log_doubt
from berthwatch.load import freeboard_log_likelihood, hull_log_likelihoods, tracker_log_likelihood
from berthwatch.occupancy import Judged, Model, judge, occupancy_table
from berthwatch.place import Places, along_m, places_of
from berthwatch.rates import LEVELS
from berthwatch.sizes import BIASES, draw_biases_m, size_log_likelihood, size_sigma_m
from berthwatch.tracker import ais_status, clean_ais, positions_at_berths
from berthwatch.verdict import Told, calls_at
from berthwatch.vessel import Candidates, candidates, fleet_counts
from berthwatch.visit import visits_of
from berthwatch.volume import volumes

if TYPE_CHECKING:
    from berthwatch.config import Port

SEED: Final = 20240307
"""Of all draws: equal observations give equal tables."""
HEARD_EVERY: Final = "6h"
"""One position of a tracker in this time is enough: the next ones say the same again."""


@dataclass(frozen=True, slots=True, repr=False)
class Inference:
    """The tables `occupancy` and `visits`, the model of occupancy, and the draws (None without any look).

    `counts` says how many vessels and tracker positions were used, and how many were not and why.
    """

    occupancy: pd.DataFrame
    visits: pd.DataFrame
    model: Model
    histories: Histories | None
    counts: dict[str, dict[str, int]]

    def __repr__(self) -> str:
        from berthwatch.notebook import told_of_inference

        return "; ".join(told_of_inference(self))

    def _repr_html_(self) -> str:
        from berthwatch.notebook import html, told_of_inference

        return html(told_of_inference(self))


def infer(observations: pd.DataFrame, port: "Port", hulls: gpd.GeoDataFrame | None = None) -> Inference:
    """Occupancy of every berth and control at every scene, and the visits to the berths.

    Parameters
    ----------
    observations : DataFrame
        As `observe` gives it; several sources may be concatenated.
    port : Port
        Which of the berths are controls; the fleet, the sources' kinds, and the ledger's terms.
    hulls : GeoDataFrame, optional
        Outlines as `observe_hulls` gives them: where along its berth a vessel lies tells it from the next one.

    Returns
    -------
    Inference
        `occupancy` with the columns of `occupancy.parquet`, `visits` with those of `visits.parquet`.
    """
    names = [berth.berth_id for berth in port.berths if berth.kind == "berth"]
    judged = judge(observations, frozenset(names))
    berths = [name for name in names if (judged.looks["berth_id"] == name).any()]
    told = histories = None
    last = judged.looks["time"].max() if berths else None
    listed = [] if port.fleet is None else port.fleet["vessel_id"].tolist()
    ais, dropped = clean_ais(port.ais, listed, last)
    if berths:
        who = candidates(port.fleet)
        first = judged.looks["time"].min()
        calls = draw_calls(_looks_in(berths, judged, who, port, ais, hulls), who, SEED)
        histories = Histories(calls, who, volumes(calls, who, port.ledger, SEED), False, first, last)
        told = Told(calls, who, histories.volumes.moved, port.fleet)
        judged = replace(judged, looks=_counted(judged.looks, berths, calls))
    visits = visits_of(judged.looks, berths, told)
    if histories is not None:
        histories = replace(histories, measured=bool(visits["transition_probability"].notna().any()))
    if histories is None or not histories.measured:
        visits[["barrels_low", "barrels", "barrels_high"]] = np.nan
    visits = visits.assign(ais=ais_status(visits, ais, port)["ais"])
    counts = {"fleet": fleet_counts(port.fleet), "ais": dropped}
    return Inference(occupancy_table(judged.looks), visits, judged.model, histories, counts)


def _counted(looks: pd.DataFrame, berths: Sequence[str], calls: Calls) -> pd.DataFrame:
    """The looks with each berth's probability counted over the draws: those know that one vessel follows another.

    Controls keep theirs, as nothing is drawn for them.
    """
    p_occupied = looks["p_occupied"].to_numpy(np.float64, copy=True)
    for berth, name in enumerate(berths):
        own = np.flatnonzero(looks["berth_id"] == name)
        p_occupied[own] = (calls_at(calls, berth, own.size) >= 0).mean(axis=0)
    occupied = pd.Series(p_occupied >= 0.5, index=looks.index, dtype="boolean").where(looks["visible"] > 0)
    return looks.assign(p_occupied=p_occupied, occupied=occupied)


@dataclass(frozen=True, slots=True)
class _Berth:
    """What of a berth's looks is the same in all rounds.

    `looks` (n,) with the log-likelihoods (n, 2) of vacant and taken and (n, candidates, LEVELS) of their freeboards;
    `heard` the days on which a tracker was heard, with the log-likelihoods (m,) if vacant and (m, candidates) if taken.
    """

    looks: pd.DataFrame
    days: NDArray[np.float64]
    occupancy: NDArray[np.float64]
    freeboards: NDArray[np.float64]
    places: Places
    heard_days: NDArray[np.float64]
    silent: NDArray[np.float64]
    present: NDArray[np.float64]


def _berths(
    names: Sequence[str],
    judged: Judged,
    who: Candidates,
    port: "Port",
    ais: pd.DataFrame,
    places: Places,
) -> Iterator[_Berth]:
    heard = positions_at_berths(ais, [berth for berth in port.berths if berth.kind == "berth"])
    first, day = judged.looks["time"].min(), pd.Timedelta(days=1)
    for name in names:
        own = (judged.looks["berth_id"] == name).to_numpy()
        looks = judged.looks[own]
        here = heard[(heard["berth_id"] == name) & heard["time"].between(first, looks["time"].max())]
        here = here[here["time"].dt.floor(HEARD_EVERY).ne(here["time"].dt.floor(HEARD_EVERY).shift())]
        yield _Berth(
            looks,
            ((looks["time"] - first) / day).to_numpy(np.float64),
            judged.log_likelihood[own],
            freeboard_log_likelihood(looks, who),
            Places(places.log_likelihood[own], places.log_mean[own], places.reach_m),
            ((here["time"] - first) / day).to_numpy(np.float64),
            *tracker_log_likelihood(here["vessel_id"], port.fleet, who),
        )


def _looks_in(
    names: Sequence[str],
    judged: Judged,
    who: Candidates,
    port: "Port",
    ais: pd.DataFrame,
    hulls: gpd.GeoDataFrame | None,
) -> Callable[[int], list[BerthLooks]]:
    """Each berth's looks as the draws take them, in any round: what is not known of the sources' sizes differs."""
    # a source that the run file does not name is taken for the one whose sizes say least
    kinds: dict[str, str] = dict.fromkeys(judged.looks["source"].unique().tolist(), "sar")
    kinds |= {source.name: source.kind for source in port.sources}
    sigmas_m = size_sigma_m(judged.looks, kinds)
    biases_m = draw_biases_m(judged.looks, kinds, sigmas_m, who, SEED)
    places = places_of(judged.looks, along_m(judged.looks, port, hulls))
    berths = tuple(_berths(names, judged, who, port, ais, places))

    def in_round(turn: int) -> list[BerthLooks]:
        draw = turn % BIASES
        return [_taken(berth, size_log_likelihood(berth.looks, sigmas_m, biases_m, draw, who), who) for berth in berths]

    return in_round


def _taken(berth: _Berth, sized: NDArray[np.float64], who: Candidates) -> BerthLooks:
    """A berth's looks and what was heard there, in order of time."""
    days = np.r_[berth.days, berth.heard_days]
    order = np.argsort(days, kind="stable")
    hull, mean = hull_log_likelihoods(sized, berth.freeboards, who)
    doubt, trust = log_doubt(berth.looks, mean, berth.places)
    taken = (berth.occupancy[:, 1] + trust)[:, None, None] + hull
    heard = berth.heard_days.size
    return BerthLooks(
        days[order],
        np.r_[np.arange(berth.days.size), np.full(berth.heard_days.size, -1)][order],
        np.r_[berth.occupancy[:, 0], berth.silent][order],
        np.concatenate([taken, np.repeat(berth.present[:, :, None], LEVELS, axis=2)])[order],
        np.pad(berth.places.log_likelihood, ((0, heard), (0, 0)))[order],
        np.r_[berth.occupancy[:, 1] + doubt, np.full(heard, -np.inf)][order],
        berth.looks["visible"].to_numpy(np.float64) > 0,
    )
