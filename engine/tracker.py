"""What trackers (AIS) say: which vessel lay at a berth, whether a visit was tracked, and whether anybody listened.

Positions come from strangers: a receiver's clock may be wrong, two vessels may send one id, a position may be made
up. What cannot be is dropped and counted, never repaired.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from berthwatch.model import Berth
from berthwatch.tables import as_table

if TYPE_CHECKING:
    from berthwatch.config import Port

Doubles = NDArray[np.float64]

MOST_KNOTS: Final = 40.0
"""Faster than any merchant vessel."""
POSITION_ERROR_M: Final = 300.0
"""Two positions this close together are never a jump: their times are rounded to a minute by some receivers."""
AFTER_LAST_SCENE: Final = pd.Timedelta(days=1)
AT_BERTH_M: Final = 300.0
"""A position this near a berth's polygon is at the berth: the antenna may stand ashore of it, the fix is coarse."""
AROUND_ONE_LOOK: Final = pd.Timedelta(hours=6)
LISTENED: Final = pd.Timedelta(days=2)
NEAR_PORT_M: Final = 50_000.0
"""Any position within this of the port, and within `LISTENED` of the stay, shows that somebody listened."""

_METRES_PER_DEGREE: Final = np.pi / 180.0 * 6_371_008.8
_METRES_PER_SECOND: Final = 1852.0 / 3600.0


def clean_ais(
    ais: pd.DataFrame | None, vessel_ids: Collection[str], last_time: pd.Timestamp | None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Drop positions that cannot be, and count them.

    Parameters
    ----------
    ais : DataFrame or None
        As `read_ais` gives it; None where there is no AIS.
    vessel_ids : collection of str
        Ids of the fleet. Positions of other vessels are kept and counted: they show that somebody listened.
    last_time : Timestamp or None
        Time of the last scene. More than a day after it, a position is of the future.

    Returns
    -------
    positions : DataFrame
        What is left, in the same order, with a new index.
    counts : dict
        `positions` read, `not_available`, `after_last_scene` and `impossible_jump` dropped, `of_other_vessels` among
        the rest, and how many `other_vessels` those are.

    >>> times = pd.to_datetime(["2024-03-07T00:00Z", "2024-03-07T01:00Z", "2024-03-07T02:00Z", "2034-01-01T00:00Z"])
    >>> ais = pd.DataFrame({"vessel_id": "8", "time": times, "lon": [133.0, 13.0, 133.1, 133.0], "lat": 42.7})
    >>> left, counts = clean_ais(ais, {"8"}, pd.Timestamp("2024-11-05T00:00Z"))
    >>> left.lon.tolist(), counts["after_last_scene"], counts["impossible_jump"]
    ([133.0, 133.1], 1, 1)
    """
    if ais is None:
        ais = as_table([], {"vessel_id": "str", "time": "datetime64[ns, UTC]", "lon": "float64", "lat": "float64"})
    nowhere = (ais["lon"].isna() | ais["lat"].isna()).to_numpy(bool)
    late = np.zeros(len(ais), bool)
    if last_time is not None:
        late = ~nowhere & (ais["time"] > last_time + AFTER_LAST_SCENE).to_numpy(bool)
    jumps = np.zeros(len(ais), bool)
    usable = ~(nowhere | late)
    jumps[usable] = _impossible(ais[usable])
    left = ais[usable & ~jumps].reset_index(drop=True)
    others = left["vessel_id"][~left["vessel_id"].isin(list(vessel_ids))]
    counts = {
        "positions": len(ais),
        "not_available": int(nowhere.sum()),
        "after_last_scene": int(late.sum()),
        "impossible_jump": int(jumps.sum()),
        "of_other_vessels": len(others),
        "other_vessels": int(others.nunique()),
    }
    return left, counts


def _impossible(ais: pd.DataFrame) -> NDArray[np.bool_]:
    """Positions that the vessel could reach from neither the one before nor go from to the one after.

    A vessel's first or last position has one neighbour: it goes where that one gets on with its own other
    neighbour. Of two positions alone that exclude each other nobody can say which is wrong, and both stay.
    """
    vessel = pd.factorize(ais["vessel_id"])[0]
    order = np.lexsort((ais["time"].to_numpy(), vessel))
    vessel = vessel[order]
    lon, lat = ais["lon"].to_numpy(np.float64)[order], ais["lat"].to_numpy(np.float64)[order]
    seconds = ais["time"].iloc[order].diff().dt.total_seconds().to_numpy(np.float64)[1:]
    same = vessel[1:] == vessel[:-1]
    reach_m = MOST_KNOTS * _METRES_PER_SECOND * seconds + POSITION_ERROR_M
    apart = same & (_distance_m(lon[:-1], lat[:-1], lon[1:], lat[1:]) > reach_m)
    first, last = np.r_[True, ~same][: len(ais)], np.r_[~same, True][: len(ais)]
    before, after = np.r_[False, apart][: len(ais)], np.r_[apart, False][: len(ais)]
    # The link beyond the neighbour: joined means there is one, and it is no jump.
    joined = same & ~apart
    joined_on, joined_back = np.r_[joined[1:], False, False][: len(ais)], np.r_[False, False, joined][: len(ais)]
    wrong = (before & after) | (first & after & joined_on) | (last & before & joined_back)
    out = np.zeros(len(ais), bool)
    out[order] = wrong
    return out


def _distance_m(lon: Doubles, lat: Doubles, other_lon: Doubles, other_lat: Doubles) -> Doubles:
    """Great-circle distance (haversine) on the mean sphere, within 0.6 % of the ellipsoid's."""
    up, across = np.radians(other_lat - lat) / 2, np.radians(other_lon - lon) / 2
    half = np.sin(up) ** 2 + np.cos(np.radians(lat)) * np.cos(np.radians(other_lat)) * np.sin(across) ** 2
    distance: Doubles = 2 * 6_371_008.8 * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
    return distance


def positions_at_berths(ais: pd.DataFrame, berths: Sequence[Berth]) -> pd.DataFrame:
    """Positions within 300 m of a berth, each at the berth it is nearest to.

    Parameters
    ----------
    ais : DataFrame
        As `clean_ais` gives it.
    berths : sequence of Berth

    Returns
    -------
    DataFrame
        `berth_id`, `time` and `vessel_id`, ordered by time.

    >>> times = pd.to_datetime(["2024-03-07T00:00Z", "2024-03-07T01:00Z"])
    >>> ais = pd.DataFrame({"vessel_id": "8", "time": times, "lon": [133.0692, 133.0], "lat": 42.74})
    >>> berth = Berth("B1", "berth", shapely.box(133.07, 42.739, 133.071, 42.741))
    >>> positions_at_berths(ais, [berth]).berth_id.tolist()
    ['B1']
    """
    away = np.full((len(ais), len(berths)), np.inf)
    for column, berth in enumerate(berths):
        middle = berth.polygon.centroid
        scale = np.array([_METRES_PER_DEGREE * np.cos(np.radians(middle.y)), _METRES_PER_DEGREE])
        # Local metres about the berth. The turn by 360 degrees keeps a berth near the antimeridian in one piece.
        around = (ais["lon"].to_numpy(np.float64) - middle.x + 180.0) % 360.0 - 180.0
        local = np.column_stack([around, ais["lat"].to_numpy(np.float64) - middle.y]) * scale
        area = _in_metres(berth.polygon, np.array([middle.x, middle.y]), scale)
        west, south, east, north = area.buffer(AT_BERTH_M).bounds
        near = np.flatnonzero(((local >= [west, south]) & (local <= [east, north])).all(axis=1))
        away[near, column] = shapely.distance(shapely.points(local[near]), area)
    at = np.flatnonzero(away.min(axis=1, initial=np.inf) <= AT_BERTH_M)
    names = np.array([berth.berth_id for berth in berths], dtype=object)
    found = (
        ais.loc[:, ["time", "vessel_id"]].iloc[at].assign(berth_id=names[away[at].argmin(axis=1)] if at.size else [])
    )
    return found.sort_values("time", kind="stable", ignore_index=True)


def _in_metres(polygon: BaseGeometry, middle: Doubles, scale: Doubles) -> BaseGeometry:
    moved: BaseGeometry = shapely.transform(polygon, lambda degrees: (degrees - middle) * scale)
    return moved


def ais_status(visits: pd.DataFrame, ais: pd.DataFrame, port: "Port") -> pd.DataFrame:
    """Whether each visit's vessel was tracked at its berth during its certain stay.

    Parameters
    ----------
    visits : DataFrame
        With the windows, `berth_id` and `vessel_id` of `visits.parquet`; a vessel that is blank may be any.
    ais : DataFrame
        As `clean_ais` gives it.
    port : Port
        Whose berths they are.

    Returns
    -------
    DataFrame
        With the index of `visits`. `ais`: `tracked`, the vessel was at the berth (any vessel, where the visit's is
        not known); `dark`, it was not although somebody listened; `no-data`. `ais_vessel_id`: who was tracked
        there, the one most often; "" where nobody was.
    """
    west, south, east, north = port.bounds
    lon, lat = ais["lon"].to_numpy(np.float64), ais["lat"].to_numpy(np.float64)
    about = _distance_m(np.full(len(ais), (west + east) / 2), np.full(len(ais), (south + north) / 2), lon, lat)
    heard = ais["time"][about <= NEAR_PORT_M].sort_values(ignore_index=True)
    at_berths = positions_at_berths(ais, [berth for berth in port.berths if berth.kind == "berth"])
    rows = []
    for visit in visits.to_dict("records"):
        begin, end = _certain_stay(visit)
        here = at_berths[at_berths["berth_id"] == visit["berth_id"]]
        here = here[here["time"].between(begin, end)]
        own = visit.get("vessel_id")
        if isinstance(own, str) and own:
            here = here[here["vessel_id"] == own]
        if len(here):
            rows.append(("tracked", str(here["vessel_id"].mode().iloc[0])))
            continue
        span = visit["arrival_before"] - LISTENED, visit["departure_after"] + LISTENED
        listened = heard.searchsorted(span[1], side="right") > heard.searchsorted(span[0], side="left")
        rows.append(("dark" if listened else "no-data", ""))
    return pd.DataFrame(rows, index=visits.index, columns=["ais", "ais_vessel_id"], dtype="str")


def _certain_stay(visit: Mapping[str, Any]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """From the first to the last look at the vessel; at least twelve hours about a short one, inside its windows."""
    begin, end = visit["arrival_before"], visit["departure_after"]
    middle = begin + (end - begin) / 2
    wide_begin, wide_end = min(begin, middle - AROUND_ONE_LOOK), max(end, middle + AROUND_ONE_LOOK)
    after, before = visit["arrival_after"], visit["departure_before"]
    return (wide_begin if pd.isna(after) else max(wide_begin, after)), (
        wide_end if pd.isna(before) else min(wide_end, before)
    )
