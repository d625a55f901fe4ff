"""From observations to what happened: occupancy, visits with their loads, and draws of whole histories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from berthwatch.barrels import Histories
from berthwatch.calls import BerthLooks, Calls, draw_calls
from berthwatch.load import load_log_likelihood, size_bias_m, size_sigma_m, tracker_log_likelihood
from berthwatch.occupancy import Judged, Model, judge, occupancy_table
from berthwatch.rates import LEVELS
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


@dataclass(frozen=True, slots=True)
class Inference:
    """The tables `occupancy` and `visits`, the model of occupancy, and the draws (None without any look).

    `counts` says how many vessels and tracker positions were used, and how many were not and why.
    """

    occupancy: pd.DataFrame
    visits: pd.DataFrame
    model: Model
    histories: Histories | None
    counts: dict[str, dict[str, int]]


def infer(observations: pd.DataFrame, port: "Port") -> Inference:
    """Occupancy of every berth and control at every scene, and the visits to the berths.

    Parameters
    ----------
    observations : DataFrame
        As `observe` gives it; several sources may be concatenated.
    port : Port
        Which of the berths are controls; the fleet, the sources' kinds, and the ledger's terms.

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
        calls = draw_calls(_looks_at(berths, judged, who, port, ais), who, SEED)
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


def _looks_at(
    berths: Sequence[str], judged: Judged, who: Candidates, port: "Port", ais: pd.DataFrame
) -> list[BerthLooks]:
    """Each berth's looks as the draws take them."""
    # a source that the run file does not name is taken for the one whose sizes say least
    kinds: dict[str, str] = dict.fromkeys(judged.looks["source"].unique().tolist(), "sar")
    kinds |= {source.name: source.kind for source in port.sources}
    sigma_m = size_sigma_m(judged.looks, kinds)
    bias_m = size_bias_m(judged.looks, kinds, sigma_m, who)
    heard = positions_at_berths(ais, [berth for berth in port.berths if berth.kind == "berth"])
    first, found = judged.looks["time"].min(), []
    for name in berths:
        own = (judged.looks["berth_id"] == name).to_numpy()
        looks, occupancy = judged.looks[own], judged.log_likelihood[own]
        taken = occupancy[:, 1, None, None] + load_log_likelihood(looks, sigma_m, bias_m, who)
        here = heard[(heard["berth_id"] == name) & heard["time"].between(first, looks["time"].max())]
        here = here[here["time"].dt.floor(HEARD_EVERY).ne(here["time"].dt.floor(HEARD_EVERY).shift())]
        silent, present = tracker_log_likelihood(here["vessel_id"], port.fleet, who)
        day = pd.Timedelta(days=1)
        days = np.r_[((looks["time"] - first) / day).to_numpy(np.float64), ((here["time"] - first) / day).to_numpy()]
        order = np.argsort(days, kind="stable")
        found.append(
            BerthLooks(
                name,
                days[order],
                np.r_[np.arange(len(looks)), np.full(len(here), -1)][order],
                np.r_[occupancy[:, 0], silent][order],
                np.concatenate([taken, np.repeat(present[:, :, None], LEVELS, axis=2)])[order],
                looks["visible"].to_numpy(np.float64) > 0,
            )
        )
    return found
