"""Where along its berth a hull lies: a moored vessel stays where it is, and the next one seldom lies just there.

A berth is longer than most vessels that call, and each is moored so that its own manifold meets the hoses. Two looks
that show a hull at places ten metres apart show two vessels, however much alike these are. Outlines of clear hulls
alone say so: cloud over a hull moves its middle. What scatter and what spread a source's places have is learned from
its own looks; where the one is no less than the other, as in radar scenes, nothing is said.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from berthwatch.sizes import scatter_m, soon_after

if TYPE_CHECKING:
    from berthwatch.config import Port

PLACES: Final = 6
"""Along each berth, side by side: fewer than are told apart, but a look costs as many times more."""
REACH: Final = 1.8
"""How far they reach to both sides, in standard deviations of where hulls lie: three of a range evenly taken."""
SCATTER_M: Final = 2.0
"""Of a hull's middle from look to look [assumed, until looks soon after one another say better]."""
LEAST_SPREAD: Final = 2.0
"""Of the places of hulls, in scatters, to tell them apart by."""
LEAST_HULLS: Final = 8
"""To learn that from."""


@dataclass(frozen=True, slots=True)
class Places:
    """What looks say of where along its berth the vessel lies.

    `log_likelihood` (looks, places), relative to their mean; one place, and so nothing said, where nothing is known.
    `log_mean` (looks,): that mean, as a density per metre; NaN where nothing was measured. `reach_m`: the places lie
    within it to both sides.
    """

    log_likelihood: NDArray[np.float64]
    log_mean: NDArray[np.float64]
    reach_m: float


def along_m(looks: pd.DataFrame, port: "Port", hulls: gpd.GeoDataFrame | None) -> NDArray[np.float64]:
    """How far along its berth each look's hull lies from where hulls of its source usually do.

    Parameters
    ----------
    looks : DataFrame
        n rows with the columns of `observations`.
    port : Port
        Its berths.
    hulls : GeoDataFrame or None
        Outlines, as `observe_hulls` gives them (EPSG:4326).

    Returns
    -------
    (n,) float64, NaN where no clear hull was seen, or where a berth is as wide as long.
    """
    out = np.full(len(looks), np.nan)
    if hulls is None or hulls.empty:
        return out
    metric = hulls.estimate_utm_crs()
    middle = hulls.geometry.to_crs(metric).centroid
    keys = ["berth_id", "time", "source", "scene_id"]
    placed = hulls[keys].assign(x=middle.x, y=middle.y).drop_duplicates(keys)
    found = looks[keys].merge(placed, on=keys, how="left")
    clear = looks["hull_length_m"].notna().to_numpy() & found["x"].notna().to_numpy()
    for berth in port.berths:
        shape = gpd.GeoSeries([berth.polygon], crs="EPSG:4326").to_crs(metric).iloc[0]
        axis = _axis(np.asarray(shape.minimum_rotated_rectangle.exterior.coords))
        for source in looks["source"].unique():
            own = clear & (looks["berth_id"] == berth.berth_id).to_numpy() & (looks["source"] == source).to_numpy()
            if axis is not None and own.any():
                along = found.loc[own, ["x", "y"]].to_numpy(np.float64) @ axis
                out[own] = along - np.median(along)
    return out


def _axis(corners: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Unit vector along the longer sides of a rectangle (5, 2); None where they are no longer than the others.

    >>> _axis(np.array([[0, 0], [0, 1], [4, 1], [4, 0], [0, 0.0]])).tolist(), _axis(np.ones((5, 2)))
    ([1.0, 0.0], None)
    """
    sides = np.diff(corners[:3], axis=0)
    lengths = np.hypot(*sides.T)
    longer = int(np.argmax(lengths))
    if lengths[longer] < 1.5 * lengths[1 - longer] or lengths[longer] == 0:
        return None
    unit: NDArray[np.float64] = sides[longer] / lengths[longer]
    return unit


def places_of(looks: pd.DataFrame, along: NDArray[np.float64]) -> Places:
    """What looks say of where along its berth the vessel lies: nothing where places spread no more than they scatter.

    Parameters
    ----------
    looks : DataFrame
        n rows with the columns of `observations`, berth by berth in order of time.
    along : (n,) float64
        As `along_m` gives it.
    """
    told = {}
    for source in looks["source"].unique():
        own = (looks["source"] == source).to_numpy() & np.isfinite(along)
        if own.sum() < LEAST_HULLS:
            continue
        scatter = scatter_m(np.diff(along[own], prepend=np.nan)[soon_after(looks[own])], SCATTER_M)
        spread = float(np.std(along[own]))
        if spread >= LEAST_SPREAD * scatter:
            told[source] = (own, scatter, spread)
    unknown = np.full(len(looks), np.nan)
    if not told:
        return Places(np.zeros((len(looks), 1)), unknown, 0.0)
    relative = np.zeros((len(looks), PLACES))
    reach = REACH * max(spread for _, _, spread in told.values())
    width = 2 * reach / PLACES
    places = -reach + width * (np.arange(PLACES) + 0.5)
    for own, scatter, _ in told.values():
        sigma = np.hypot(scatter, width / np.sqrt(12))
        off = (along[own, np.newaxis] - places) / sigma
        fit = -0.5 * off**2 - np.log(sigma * np.sqrt(2 * np.pi))
        unknown[own] = logsumexp(fit, axis=1) - np.log(PLACES)
        relative[own] = fit - unknown[own, np.newaxis]
    return Places(relative, unknown, reach)
