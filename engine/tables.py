"""The tables a run writes: their columns, in order, with their types. They are checked from outside."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd

TIME: Final = "datetime64[ns, UTC]"

OBSERVATION_COLUMNS: Final[dict[str, str]] = {
    "berth_id": "str",
    "time": TIME,
    "source": "str",
    "scene_id": "str",
    "visible": "float64",
    "change": "float64",
    "hull_length_m": "float64",
    "hull_beam_m": "float64",
    "hull_heading_deg": "float64",
    "freeboard_m": "float64",
    "freeboard_sigma_m": "float64",
    "reason": "str",
}
OCCUPANCY_COLUMNS: Final[dict[str, str]] = {
    "berth_id": "str",
    "time": TIME,
    "source": "str",
    "scene_id": "str",
    "visible": "float64",
    "p_occupied": "float64",
    "occupied": "boolean",
}
VISIT_COLUMNS: Final[dict[str, str]] = {
    "visit_id": "str",
    "berth_id": "str",
    "arrival_after": TIME,
    "arrival_before": TIME,
    "departure_after": TIME,
    "departure_before": TIME,
    "observations": "int64",
    "arrival_load": "float64",
    "arrival_load_low": "float64",
    "arrival_load_high": "float64",
    "departure_load": "float64",
    "departure_load_low": "float64",
    "departure_load_high": "float64",
    "transition": "str",
    "transition_probability": "float64",
    "vessel_id": "str",
    "vessel_name": "str",
    "vessel_probability": "float64",
    "length_m": "float64",
    "beam_m": "float64",
    "barrels": "float64",
    "barrels_low": "float64",
    "barrels_high": "float64",
    "ais": "str",
    "scenes": "object",
}
LEDGER_COLUMNS: Final[dict[str, str]] = {
    "date": "str",
    "seen_low": "float64",
    "seen": "float64",
    "seen_high": "float64",
    "estimated_low": "float64",
    "estimated": "float64",
    "estimated_high": "float64",
    "p_over_cap": "float64",
}


def _typed(values: pd.Series, kind: str) -> pd.Series:
    if kind == TIME:
        return pd.to_datetime(values, utc=True).astype(TIME)
    return values if kind == "object" else values.astype(kind)


def as_table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Rows as a table with just these columns, in this order and of these types; what a row lacks is missing.

    >>> table = as_table([{"date": "2024-01-01", "seen": 2}], LEDGER_COLUMNS)
    >>> table.seen[0], table.p_over_cap.isna()[0], list(table.columns) == list(LEDGER_COLUMNS)
    (np.float64(2.0), np.True_, True)
    """
    frame = pd.DataFrame(list(rows)).reindex(columns=list(columns))
    return pd.DataFrame({name: _typed(frame[name], kind) for name, kind in columns.items()})
