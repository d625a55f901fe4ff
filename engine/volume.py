"""From loads to barrels: what each call of each draw moved, in barrels of its product.

What is common to all calls of a draw is drawn once: barrels per tonne, and how far "full" and "empty" are from the
marks. So the total's interval does not shrink as if every call erred on its own.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from berthwatch.calls import DRAWS, Calls
from berthwatch.cargo import barrels_per_tonne
from berthwatch.vessel import Candidates

if TYPE_CHECKING:
    from berthwatch.config import LedgerTerms

MARKS_SIGMA: Final = 0.04
"""Relative, common to all calls: how much of a capacity "full" less "empty" is in practice [assumed]."""
UNKNOWN_SIGMA: Final = 0.12
"""Relative, common to all vessels that are not in the fleet: their capacities come from one regression [assumed]."""


@dataclass(frozen=True, slots=True)
class Volumes:
    """Barrels of each call (calls,): `moved`, positive what left the port by sea; `full`, what its vessel can carry."""

    moved: NDArray[np.float64]
    full: NDArray[np.float64]


def volumes(calls: Calls, candidates: Candidates, terms: "LedgerTerms", seed: int) -> Volumes:
    """What each call moved, and would have moved fully laden.

    Parameters
    ----------
    calls : Calls
    candidates : Candidates
    terms : LedgerTerms
        The product, as far as it is known.
    seed : int
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(5,)))
    per_tonne = barrels_per_tonne(terms, DRAWS, seed)
    unknown, marks = (np.exp(rng.normal(0.0, sigma, DRAWS)) for sigma in (UNKNOWN_SIGMA, MARKS_SIGMA))
    full = candidates.capacity_t[calls.candidate] * per_tonne[calls.draw]
    full = np.where(candidates.vessel[calls.candidate] < 0, full * unknown[calls.draw], full)
    return Volumes((calls.departure_load - calls.arrival_load) * full * marks[calls.draw], full)
