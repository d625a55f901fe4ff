"""The headline figures of a run, as they may be quoted: what was seen, how often, and what could not be told."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from berthwatch.config import Port
    from berthwatch.model import SetAside


def summarise(
    port: "Port", occupancy: pd.DataFrame, visits: pd.DataFrame, set_aside: "Sequence[SetAside]"
) -> dict[str, Any]:
    """Headline figures from the tables.

    Returns
    -------
    dict
        JSON values only. `control_looks_occupied` of `control_looks` is the false-alarm rate seen here;
        `barrels*` are null as long as no load is determined.
    """
    controls = [berth.berth_id for berth in port.berths if berth.kind == "control"]
    at_control = occupancy["berth_id"].isin(controls)
    seen = occupancy["occupied"].notna()
    times = occupancy["time"]
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
        "visits_loaded": int((visits["transition"] == "loaded").sum()),
        "visits_discharged": int((visits["transition"] == "discharged").sum()),
        "visits_unchanged": int((visits["transition"] == "unchanged").sum()),
        "visits_undetermined": int((visits["transition"] == "undetermined").sum()),
        "barrels_low": None,
        "barrels": None,
        "barrels_high": None,
        "cap_barrels": port.ledger.cap_barrels,
    }
