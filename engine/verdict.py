"""What the draws say of one visit: who it was, how laden it came and left, and what it did.

A transition is told only where the visit's own looks speak for it: what is usual at a port is never enough for one
call. So it needs a freeboard, a probability, and odds that the looks have raised over those of any call at the port.
Where most calls do the same, one freeboard may raise them so far.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from berthwatch.calls import DRAWS, Calls
from berthwatch.rates import PURPOSES
from berthwatch.vessel import Candidates, name_of

SURE_TRANSITION: Final = 0.95
ODDS_RAISED: Final = 1.5
LEAST_CHANGE: Final = 0.25
"""Of load, for cargo to have been worked."""
LEAST_NAMED: Final = 0.5
LEAST_DRAWS: Final = 40
"""Fewer draws in which the visit happened give no interval."""
ROUND_TO: Final = 0.05
"""Loads are told to a twentieth, outward."""


@dataclass(frozen=True, slots=True)
class Told:
    """The draws of one port, as visits are told from them; `barrels` (calls,) as each call moved."""

    calls: Calls
    candidates: Candidates
    barrels: NDArray[np.float64]
    fleet: pd.DataFrame | None


def calls_at(calls: Calls, berth: int, looks: int) -> NDArray[np.int64]:
    """Which call was at a berth at each look in each draw: (DRAWS, looks), -1 where none was."""
    found = np.full((DRAWS, looks), -1, np.int64)
    for row in np.flatnonzero((calls.berth == berth) & (calls.first >= 0)):
        found[calls.draw[row], calls.first[row] : calls.last[row] + 1] = row
    return found


def verdict(told: Told, at_look: NDArray[np.int64], freeboards: int) -> dict[str, Any]:
    """Columns of `visits` that come from the draws.

    Parameters
    ----------
    told : Told
    at_look : (DRAWS,) int64
        The call that the visit is in each draw, -1 where there is none.
    freeboards : int
        How many were measured during the visit.
    """
    own = at_look[at_look >= 0]
    if own.size < LEAST_DRAWS:
        return {}
    columns = _vessel(told, own)
    if not freeboards:
        return columns
    left = np.isfinite(told.calls.departure_days[own])
    ended = left.mean() > 0.5
    columns |= _interval("arrival_load", told.calls.arrival_load[own])
    columns |= _interval("departure_load", told.calls.departure_load[own] if ended else np.empty(0))
    if ended:
        low, middle, high = np.quantile(told.barrels[own], (0.05, 0.5, 0.95))
        columns |= {"barrels_low": float(low), "barrels": float(middle), "barrels_high": float(high)}
        columns |= _transition(told.calls, own)
    return columns


def _interval(name: str, loads: NDArray[np.float64]) -> dict[str, float]:
    if loads.size == 0:
        return {}
    low, middle, high = np.quantile(loads, (0.05, 0.5, 0.95))
    return {
        name: float(middle),
        f"{name}_low": float(np.floor(low / ROUND_TO) * ROUND_TO),
        f"{name}_high": float(np.ceil(high / ROUND_TO) * ROUND_TO),
    }


def did(calls: Calls, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """What calls did, as places in `PURPOSES`: by how far their load changed, whatever they came for."""
    change = calls.departure_load[rows] - calls.arrival_load[rows]
    return np.where(change >= LEAST_CHANGE, 0, np.where(change <= -LEAST_CHANGE, 1, 2))


def _transition(calls: Calls, own: NDArray[np.int64]) -> dict[str, Any]:
    share = np.bincount(did(calls, own), minlength=len(PURPOSES)) / own.size
    best = int(np.argmax(share))
    usual = float(calls.shares[:, best].mean())
    odds, before = share[best] / max(1 - share[best], 1 / own.size), usual / max(1 - usual, 1e-9)
    surely = share[best] >= SURE_TRANSITION and odds >= ODDS_RAISED * before
    return {
        "transition": PURPOSES[best] if surely else "undetermined",
        "transition_probability": float(share[best]),
    }


def _vessel(told: Told, own: NDArray[np.int64]) -> dict[str, Any]:
    vessels, count = np.unique(told.candidates.vessel[told.calls.candidate[own]], return_counts=True)
    best = int(vessels[np.argmax(count)])
    probability = float(count.max() / own.size)
    if best < 0 or probability < LEAST_NAMED or told.fleet is None:
        return {}
    name = name_of(told.fleet, best)
    return {"vessel_id": told.fleet["vessel_id"].iloc[best], "vessel_name": name, "vessel_probability": probability}
