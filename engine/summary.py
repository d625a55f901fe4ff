"""The headline figures of a run, as they may be quoted: what was seen, how often, and what could not be told."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from berthwatch.barrels import Histories, in_span, totals
from berthwatch.cargo import scenario_totals

if TYPE_CHECKING:
    from berthwatch.config import Port
    from berthwatch.inference import Inference
    from berthwatch.model import SetAside

TRANSITIONS: Final = ("loaded", "discharged", "unchanged", "undetermined")
VOLUMES: Final = ("visits_estimated", "barrels", "barrels_estimated")
SURE: Final = 0.95


def summarise(
    port: "Port",
    inference: "Inference",
    days: pd.DataFrame,
    set_aside: "Sequence[SetAside]",
) -> dict[str, Any]:
    """Headline figures of a run.

    Parameters
    ----------
    port : Port
    inference : Inference
    days : DataFrame
        The ledger.
    set_aside : sequence of SetAside

    Returns
    -------
    dict
        JSON values only. `control_looks_occupied` of `control_looks` is the false-alarm rate seen here. `barrels*` is
        the volume of the calls seen, `barrels_estimated*` with those that gaps hid; null where no load was measured.
    """
    occupancy, visits = inference.occupancy, inference.visits
    controls = [berth.berth_id for berth in port.berths if berth.kind == "control"]
    at_control = occupancy["berth_id"].isin(controls)
    seen = occupancy["occupied"].notna()
    times = occupancy["time"]
    done = visits["transition"].value_counts()
    return {
        "port": port.name,
        "berths": len(port.berths) - len(controls),
        "controls": len(controls),
        "scenes": int(occupancy["scene_id"].nunique()),
        "scenes_set_aside": len(set_aside),
        "first_scene": None if times.empty else f"{times.min():%Y-%m-%dT%H:%M:%SZ}",
        "last_scene": None if times.empty else f"{times.max():%Y-%m-%dT%H:%M:%SZ}",
        "looks": int((~at_control).sum()),
        "looks_that_told_nothing": int((~at_control & ~seen).sum()),
        "control_looks": int((at_control & seen).sum()),
        "control_looks_occupied": int(occupancy.loc[at_control & seen, "occupied"].sum()),
        "visits_seen": len(visits),
        **{f"visits_{name}": int(done.get(name, 0)) for name in TRANSITIONS},
        **{f"visits_{name}": int((visits["ais"] == name).sum()) for name in ("dark", "tracked")},
        **_volumes(inference.histories),
        "cap_barrels": port.ledger.cap_barrels,
        **_over_the_cap(days),
    }


def _volumes(histories: Histories | None) -> dict[str, Any]:
    """Calls and barrels over the draws, and what the calls seen could have carried at fractions of full load."""
    found: dict[str, Any] = dict.fromkeys(f"{name}{end}" for name in VOLUMES for end in ("_low", "", "_high"))
    found["scenario_barrels"] = None
    if histories is None:
        return found
    inside, seen = in_span(histories), histories.calls.seen
    moved, full = histories.volumes.moved, histories.volumes.full
    sums = {"visits_estimated": totals(histories, inside, np.ones(moved.size))}
    if histories.measured:
        left = inside & (moved > 0) & np.isfinite(histories.calls.departure_days)
        sums["barrels"] = totals(histories, left & seen, moved)
        sums["barrels_estimated"] = totals(histories, left, moved)
    for name, (low, middle, high) in sums.items():
        found |= {f"{name}_low": round(low), name: round(middle), f"{name}_high": round(high)}
    capacity = totals(histories, inside & seen, full)[1]
    found["scenario_barrels"] = {name: round(barrels) for name, barrels in scenario_totals(capacity).items()}
    return found


def _over_the_cap(days: pd.DataFrame) -> dict[str, Any]:
    """The last day's probability of being over the cap, and the first day on which it is 95 %."""
    known = days.dropna(subset=["p_over_cap"])
    sure = known.loc[known["p_over_cap"] >= SURE, "date"]
    return {
        "p_over_cap": None if known.empty else float(known["p_over_cap"].iloc[-1]),
        "over_cap_on": None if sure.empty else str(sure.iloc[0]),
    }
