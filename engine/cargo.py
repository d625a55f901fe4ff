"""From draught to cargo, and from cargo to barrels.

A tanker arrives with ballast water and pumps it out while it loads, so the difference of two displacements
understates its cargo (by 22 % in the worked case of a 3,500 dwt tanker). Load is therefore the place of the
draught between the vessel's ballast and laden marks, on the scale of displacement: 0 at the one, 1 at the other.

Formulas: block coefficient at partial draught after Riddlesworth, as the US EPA's marine emissions tools have it.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from berthwatch.errors import Fault, InputError

if TYPE_CHECKING:
    from berthwatch.config import LedgerTerms

Doubles = NDArray[np.float64]

SEA_WATER_T_PER_M3: Final = 1.025
BLOCK_LADEN: Final = 0.74
"""Block coefficient of a laden small tanker [assumed: the middle of 0.70-0.78]; load depends on it very little."""

_GASOIL, _KEROSENE, _FUEL_OIL = (7.46, 7.23), (7.88, 7.77), (6.35, 6.91)
PRODUCTS: Final[Mapping[str, tuple[float, ...]]] = {
    "gasoil": _GASOIL,
    "gas oil": _GASOIL,
    "diesel": _GASOIL,
    "gasoil/diesel": _GASOIL,
    "gasoline": (8.35, 8.50),
    "jet": _KEROSENE,
    "kerosene": _KEROSENE,
    "jet/kerosene": _KEROSENE,
    "fuel oil": _FUEL_OIL,
    "residual": (6.35, 6.62),
    "naphtha": (8.74,),
    "lpg": (11.65,),
}
"""Barrels per tonne of each product: BP/Energy Institute 2021 first, then the UN yearbook; those that have both."""
LEAST_SCATTER: Final = 0.01
"""Standard deviation of a known product's barrels per tonne, as a share: its density is not the table's."""

UNKNOWN_PRODUCT: Final[Mapping[str, float]] = {"gasoil": 0.45, "gasoline": 0.25, "kerosene": 0.1, "fuel oil": 0.2}
"""What a cargo is when nobody said: shares of a mixed trade in refined products [assumed]."""
LEAST_BARRELS_PER_TONNE: Final = 6.35
MOST_BARRELS_PER_TONNE: Final = 8.50
"""The range of the published factors for liquid products."""


def block_at(block_laden: ArrayLike, laden_m: ArrayLike, draught_m: ArrayLike) -> Doubles:
    """Block coefficient at partial draught: 1 - (1 - Cb) (laden / draught)^(1/3) (Riddlesworth).

    >>> round(float(block_at(0.82, 13.57, 12.48)), 7), round(float(block_at(0.66, 11.49, 11.09)), 7)
    (0.8149052, 0.6559604)
    """
    fuller = np.cbrt(np.asarray(laden_m, np.float64) / np.asarray(draught_m, np.float64))
    block: Doubles = 1.0 - (1.0 - np.asarray(block_laden, np.float64)) * fuller
    return block


def displacement_t(length_m: ArrayLike, beam_m: ArrayLike, draught_m: ArrayLike, block: ArrayLike) -> Doubles:
    """Tonnes of sea water that a hull displaces: 1.025 L B T Cb, with the block coefficient at that draught.

    >>> laden = displacement_t(88, 14, 5.6, 0.74)
    >>> arriving = displacement_t(88, 14, 3.08, block_at(0.74, 5.6, 3.08))
    >>> round(float(laden)), round(float(arriving))
    (5233, 2655)
    """
    box = np.asarray(length_m, np.float64) * np.asarray(beam_m, np.float64) * np.asarray(draught_m, np.float64)
    mass: Doubles = SEA_WATER_T_PER_M3 * box * np.asarray(block, np.float64)
    return mass


def load_of(
    draught_m: ArrayLike, ballast_m: ArrayLike, laden_m: ArrayLike, block_laden: ArrayLike = BLOCK_LADEN
) -> Doubles:
    """Share of the cargo capacity on board at a draught.

    Parameters
    ----------
    draught_m : array_like
        Draught amidships; beyond a mark it counts as at that mark, NaN stays NaN.
    ballast_m, laden_m : array_like
        The marks, ballast less than laden and at least a tenth of it. All arguments broadcast.
    block_laden : array_like
        Block coefficient at the laden mark, at least 0.6.

    Returns
    -------
    ndarray of float64
        0 in ballast to 1 fully laden, increasing with draught.

    >>> load_of([2.0, 3.08, 4.34, 5.6], 3.08, 5.6).round(3).tolist()
    [0.0, 0.0, 0.494, 1.0]
    """
    ballast, laden = np.asarray(ballast_m, np.float64), np.asarray(laden_m, np.float64)
    draught = np.clip(np.asarray(draught_m, np.float64), ballast, laden)
    # Length and beam are the same at all draughts and cancel.
    low, now, full = (mark * block_at(block_laden, laden, mark) for mark in (ballast, draught, laden))
    load: Doubles = np.clip((now - low) / (full - low), 0.0, 1.0)
    return load


def draught_of(
    load: ArrayLike, ballast_m: ArrayLike, laden_m: ArrayLike, block_laden: ArrayLike = BLOCK_LADEN
) -> Doubles:
    """Draught at which a share of the cargo capacity is on board: the inverse of `load_of`.

    Parameters
    ----------
    load : array_like
        0 in ballast to 1 fully laden; what lies outside counts as the nearer of the two.
    ballast_m, laden_m, block_laden : array_like
        As for `load_of`. All arguments broadcast.

    Returns
    -------
    ndarray of float64
        Metres, between the marks.

    >>> draught_of(load_of(4.0, 3.08, 5.6), 3.08, 5.6).round(9).tolist()
    4.0
    """
    share, laden = np.clip(np.asarray(load, np.float64), 0.0, 1.0), np.asarray(laden_m, np.float64)
    lack = 1.0 - np.asarray(block_laden, np.float64)
    low = np.asarray(ballast_m, np.float64) / laden
    low_volume = low * block_at(block_laden, 1.0, low)
    volume = low_volume + share * (1.0 - lack - low_volume)
    # With y the cube root of draught over laden draught, volume = y^3 - lack y^2. Newton's steps come down from
    # y = 1 without ever passing the root, because the cubic is convex above it.
    y = np.ones(np.broadcast(volume, lack).shape)
    for _ in range(12):
        y = y - (y**2 * (y - lack) - volume) / (y * (3.0 * y - 2.0 * lack))
    draught: Doubles = np.clip(laden * y**3, np.asarray(ballast_m, np.float64), laden)
    return draught


def product_faults(product: str | None, where: str) -> Iterator[Fault]:
    """A fault if the product is given and none that has a factor; `where` names the key.

    >>> list(product_faults("Gasoil", "port.yaml:9 ledger.product"))
    []
    """
    if product is not None and product.casefold() not in PRODUCTS:
        yield Fault(where, f"one of {', '.join(PRODUCTS)}; or barrels_per_tonne with it", repr(product))


def barrels_per_tonne(terms: "LedgerTerms", draws: int, seed: int) -> Doubles:
    """Barrels in a tonne of cargo, drawn from what is known of the product.

    One draw holds for all cargoes of a history: a port's product is not drawn anew for each call, so that its
    uncertainty does not average out over many calls.

    Parameters
    ----------
    terms : LedgerTerms
        `barrels_per_tonne` is taken as it is; else `product` scatters by half the distance of the published
        factors, at least 1 %; else the product is one of `UNKNOWN_PRODUCT`.
    draws : int
    seed : int
        The same seed gives the same draws.

    Returns
    -------
    (draws,) float64

    Raises
    ------
    InputError
        The product has no factor.

    >>> from berthwatch.config import LedgerTerms
    >>> barrels_per_tonne(LedgerTerms(barrels_per_tonne=8.33), 2, seed=0).tolist()
    [8.33, 8.33]
    >>> round(float(barrels_per_tonne(LedgerTerms(product="gasoil"), 10_000, seed=0).mean()), 2)
    7.46
    """
    if terms.barrels_per_tonne is not None:
        return np.full(draws, terms.barrels_per_tonne)
    rng = np.random.default_rng(seed)
    noise = np.clip(rng.standard_normal(draws), -3.0, 3.0)
    if terms.product is not None:
        faults = tuple(product_faults(terms.product, "ledger.product"))
        if faults:
            raise InputError(faults)
        factors = PRODUCTS[terms.product.casefold()]
        return factors[0] * (1.0 + _scatter(factors) * noise)
    names = list(UNKNOWN_PRODUCT)
    which = rng.choice(len(names), size=draws, p=list(UNKNOWN_PRODUCT.values()))
    middle = np.array([PRODUCTS[name][0] for name in names])[which]
    scatter = np.array([_scatter(PRODUCTS[name]) for name in names])[which]
    return np.clip(middle * (1.0 + scatter * noise), LEAST_BARRELS_PER_TONNE, MOST_BARRELS_PER_TONNE)


def _scatter(factors: tuple[float, ...]) -> float:
    return max(LEAST_SCATTER, 0.5 * (max(factors) - min(factors)) / factors[0])


def scenario_totals(full_barrels: float) -> dict[str, float]:
    """What the calls would have carried at the fractions of full load by which the cap was argued in public.

    The reports of 2018 put deliveries at a third, a half and 90 % laden, those of 2022 at 60 %.

    >>> {name: round(barrels) for name, barrels in scenario_totals(1_367_628 / 0.9).items()}
    {'one_third': 506529, 'half': 759793, '60_percent': 911752, '90_percent': 1367628}
    """
    return {
        "one_third": full_barrels / 3,
        "half": full_barrels / 2,
        "60_percent": full_barrels * 0.6,
        "90_percent": full_barrels * 0.9,
    }
