"""Which vessel it may be: every vessel of the fleet, and "none of these", as a finite set of hulls.

A hull is all that stays the same through a visit: size, freeboard empty and full, cargo capacity. A vessel whose
particulars are all known is a few hulls, since marks are never met to the decimetre; blanks make it more, spread
over what its size allows; an unknown vessel is spread over all small and medium tankers.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from berthwatch.cargo import SEA_WATER_T_PER_M3, draught_of
from berthwatch.particulars import (
    CHAIN,
    MOST_CARGO_OVER_BOX,
    Particulars,
    draw_particulars,
    even_points,
    normal_points,
)

Doubles = NDArray[np.float64]

NONE_OF_THESE: Final = -1
"""The row of a vessel that is not in the fleet table."""
ERRORS: Final = 4
"""In which one voyage of a vessel differs from its register: both marks, ballast, length and beam as seen."""
ROWS_WITH_BLANKS: Final = 16
ROWS_OF_UNKNOWN: Final = 64
MARK_SIGMA_M: Final = 0.15
"""[assumed] How far a vessel lies off its marks, both alike, by trim, tide and the water's density."""
BALLAST_SIGMA_M: Final = 0.15
"""[assumed] How far the ballast of one voyage is from that of another."""
SHARE_ALIKE: Final = 0.7
"""[assumed] Share of the vessels outside the fleet table that are of the sizes of those in it,"""
ALIKE: Final = 0.12
"""give or take this share of a length."""
LISTED: Final = 1 / 3
"""[assumed] Share of the vessels that call which are in the fleet table: sizes alone seldom tell one from its like."""
LEAST_FREEBOARD_M: Final = 0.05

LENGTH_SEEN: Final = 0.015
BEAM_SEEN: Final = 0.03
"""[assumed] A hull as seen against its register, as a share: bows, flare and paint, the same at every look."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Hulls that a visiting vessel may be, one per row: (n,) arrays, in metres and tonnes.

    `vessel` is the row of the fleet table, or `NONE_OF_THESE`, which comes last. `freeboard_empty_m` is more than
    `freeboard_full_m`, which is above zero. `weight` sums to 1 over the rows of each vessel.
    """

    vessel: NDArray[np.int64]
    length_m: Doubles
    beam_m: Doubles
    freeboard_empty_m: Doubles
    freeboard_full_m: Doubles
    capacity_t: Doubles
    weight: Doubles
    draught_laden_m: Doubles
    """The laden mark: bends the way from full to empty a little, see `freeboard_at`."""
    seen_longer: Doubles
    seen_wider: Doubles
    """By which shares a hull looks larger than it is, at every look."""


def candidates(fleet: pd.DataFrame | None) -> Candidates:
    """The hulls that a visiting vessel may be.

    Parameters
    ----------
    fleet : DataFrame or None
        As `read_fleet` gives it; None where there is no fleet table.

    Returns
    -------
    Candidates
        Vessel by vessel in the table's order, then none of these. The same table gives the same hulls.

    >>> hulls = candidates(None)
    >>> set(hulls.vessel.tolist()), hulls.vessel.size, round(float(hulls.weight.sum()), 9)
    ({-1}, 64, 1.0)
    """
    groups = []
    if fleet is not None:
        beyond = capacity_beyond_hull(fleet)
        for row, known in enumerate(fleet.loc[:, list(CHAIN)].to_dict("records")):
            groups.append(_hulls_of(row, known | ({"cargo_capacity_t": np.nan} if beyond[row] else {})))
    groups.append(_hulls_of(NONE_OF_THESE, {}))
    hulls = Candidates(*(np.concatenate(column) for column in zip(*groups, strict=True)))
    return hulls if fleet is None else _like_the_fleet(hulls, fleet["length_m"].dropna().to_numpy(np.float64))


def _like_the_fleet(hulls: Candidates, lengths_m: Doubles) -> Candidates:
    """Weigh the unknown vessels: those that call at a port are, for the most part, of the sizes of its fleet.

    A vessel that is not listed would otherwise be taken for the listed one that it happens to resemble, as if no
    other of that size were likely to come.
    """
    if lengths_m.size == 0:
        return hulls
    unknown = hulls.vessel == NONE_OF_THESE
    off = np.log(hulls.length_m[unknown][:, None] / lengths_m) / ALIKE
    like = np.exp(-0.5 * off**2).sum(axis=1)
    weight = hulls.weight.copy()
    weight[unknown] = (1 - SHARE_ALIKE) * weight[unknown] + SHARE_ALIKE * like / like.sum()
    return replace(hulls, weight=weight)


def _hulls_of(vessel: int, known: dict[str, float]) -> tuple[NDArray[np.int64] | Doubles, ...]:
    """The columns of `Candidates` for one vessel."""
    if all(np.isfinite(known.get(name, np.nan)) for name in CHAIN):
        # the cubature of degree three in normal errors: their means and variances hold with two rows for each
        errors = np.vstack([np.eye(ERRORS), -np.eye(ERRORS)]) * np.sqrt(ERRORS)
        rows = len(errors)
    else:
        rows = ROWS_OF_UNKNOWN if vessel == NONE_OF_THESE else ROWS_WITH_BLANKS
        # the dimensions after those of the particulars, so that the two do not go together
        errors = normal_points(even_points(rows, len(CHAIN) + ERRORS)[:, len(CHAIN) :])
    offset, other, longer, wider = errors.T
    hulls = draw_particulars(known, rows)
    full, empty = _freeboards(hulls, offset, other)
    # a vessel that is in no register cannot be off it
    listed = vessel != NONE_OF_THESE
    return (
        np.full(rows, vessel, np.int64),
        hulls.length_m,
        hulls.beam_m,
        empty,
        full,
        hulls.cargo_capacity_t,
        np.full(rows, 1.0 / rows),
        hulls.draught_laden_m,
        LENGTH_SEEN * longer * listed,
        BEAM_SEEN * wider * listed,
    )


def _freeboards(hulls: Particulars, offset: Doubles, other: Doubles) -> tuple[Doubles, Doubles]:
    """Freeboard full and empty, off the marks by `offset` alike and, in ballast, by `other` besides (in sigmas)."""
    between = hulls.draught_laden_m - hulls.draught_ballast_m
    # Marks that lie close together leave the ballast of one voyage less room.
    apart = between + np.minimum(BALLAST_SIGMA_M, 0.2 * between) * other
    # A hull that floats on next to nothing is a slip in the table, and block coefficients end well above it.
    apart = np.minimum(apart, 0.9 * hulls.draught_laden_m)
    full = np.maximum(hulls.depth_m - hulls.draught_laden_m + MARK_SIGMA_M * offset, LEAST_FREEBOARD_M)
    return full, full + apart


def freeboard_at(hulls: Candidates, load: ArrayLike) -> Doubles:
    """Freeboard of each hull at a load.

    Parameters
    ----------
    hulls : Candidates
        n rows.
    load : array_like
        0 empty to 1 full; any shape that broadcasts against (n,) from the right, such as (K, 1) for K levels.

    Returns
    -------
    ndarray of float64
        Metres: (n,), or (K, n) for K levels.

    >>> hulls = candidates(None)
    >>> bool(np.allclose(freeboard_at(hulls, 1.0), hulls.freeboard_full_m)), freeboard_at(hulls, [[0.0], [0.5]]).shape
    (True, (2, 64))
    """
    laden = hulls.draught_laden_m
    ballast = laden - (hulls.freeboard_empty_m - hulls.freeboard_full_m)
    return hulls.freeboard_full_m + laden - draught_of(load, ballast, laden)


def prior_weight(candidates: Candidates) -> NDArray[np.float64]:
    """Probability of each candidate before anything is known, those of the fleet being alike.

    >>> float(prior_weight(candidates(None)).sum().round(9))
    1.0
    """
    listed = candidates.vessel >= 0
    each = LISTED / max(np.unique(candidates.vessel[listed]).size, 1)
    share = np.where(listed, each, 1 - LISTED) * candidates.weight
    weight: NDArray[np.float64] = share / share.sum()
    return weight


def capacity_beyond_hull(fleet: pd.DataFrame) -> NDArray[np.bool_]:
    """Which vessels' given cargo is more than their hull can carry; it is then taken as not known.

    Published tonnages are wrong often enough that this must not end a run, and must not carry oil either.

    >>> sizes = {"length_m": 88.0, "beam_m": 14.0, "draught_laden_m": 5.6}
    >>> capacity_beyond_hull(pd.DataFrame([sizes | {"cargo_capacity_t": tonnes} for tonnes in (3300.0, 8000.0)]))
    array([False,  True])
    """
    length, beam, laden, capacity = (
        fleet[name].to_numpy(np.float64) for name in ("length_m", "beam_m", "draught_laden_m", "cargo_capacity_t")
    )
    beyond: NDArray[np.bool_] = capacity > MOST_CARGO_OVER_BOX * SEA_WATER_T_PER_M3 * length * beam * laden
    return beyond


def fleet_counts(fleet: pd.DataFrame | None) -> dict[str, int]:
    """What the record says of the fleet: vessels, those with blanks, and those whose cargo capacity was not used.

    >>> fleet_counts(None)
    {'vessels': 0, 'with_blank_particulars': 0, 'capacity_beyond_hull_not_used': 0}
    """
    if fleet is None:
        fleet = pd.DataFrame(columns=list(CHAIN), dtype="float64")
    return {
        "vessels": len(fleet),
        "with_blank_particulars": int(fleet[list(CHAIN)].isna().any(axis=1).sum()),
        "capacity_beyond_hull_not_used": int(capacity_beyond_hull(fleet).sum()),
    }


def name_of(fleet: pd.DataFrame | None, vessel: int) -> str:
    """A vessel's name for people: as the fleet table has it, else its id; "" for none of these.

    >>> name_of(pd.DataFrame({"vessel_id": ["8", "9"], "name": ["Un Hung", ""]}), 1), name_of(None, NONE_OF_THESE)
    ('9', '')
    """
    if vessel == NONE_OF_THESE or fleet is None:
        return ""
    row = fleet.iloc[vessel]
    return str(row["name"] or row["vessel_id"])
