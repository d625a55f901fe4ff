"""What things at a synthetic port reflect, lit and in shade, and how that differs from scene to scene.

A label is twice the surface, plus one where it lies in shade. Shaded ground keeps the light of the sky, more of
it in blue; shaded water loses only what the sun had put into it, which differs by band and day.
"""

from enum import IntEnum

import numpy as np

from berthwatch.datasets.raster import Field


class Surface(IntEnum):
    """What is seen. Decks go by paint: DECK, DECK + 1, DECK + 2."""

    WATER = 0
    LAND = 1
    PIER = 2
    SIDE = 3
    HOUSE = 4
    STEEL = 5
    MARKING = 6
    BARGE = 7
    LAUNCH = 8
    WAKE = 9
    DECK = 10


REFLECTANCE = np.array(
    [
        [0.055, 0.050, 0.030, 0.015],
        [0.070, 0.095, 0.110, 0.240],
        [0.210, 0.230, 0.250, 0.270],
        [0.050, 0.050, 0.065, 0.080],
        [0.420, 0.440, 0.450, 0.440],
        [0.170, 0.180, 0.190, 0.210],
        [0.260, 0.260, 0.250, 0.260],
        [0.130, 0.140, 0.150, 0.180],
        [0.380, 0.390, 0.400, 0.390],
        [0.110, 0.105, 0.085, 0.070],
        [0.080, 0.080, 0.180, 0.220],
        [0.090, 0.140, 0.100, 0.200],
        [0.300, 0.310, 0.320, 0.320],
    ]
)
"""By surface and band (blue, green, red, near infrared), as on a clear day."""

IS_GROUND, IS_LIT_WATER = 4, 5
"""Columns of the table behind the four bands."""

TURBIDITY = np.array([0.010, 0.020, 0.018, 0.007])
SKYLIGHT = np.array([0.42, 0.36, 0.31, 0.25])
SHADOW_TILT = np.array([-0.06, -0.02, 0.04, 0.06])
LEAST_DEPTH, MOST_DEPTH = 0.25, 0.70


def shaded(surface: int) -> int:
    """The label of a surface in shade.

    >>> shaded(Surface.WATER)
    1
    """
    return 2 * surface + 1


def lit(surface: int) -> int:
    """The label of a surface in the sun.

    >>> lit(Surface.LAND)
    2
    """
    return 2 * surface


def draw_surfaces(rng: np.random.Generator) -> Field:
    """Draw how everything looks in one scene.

    Parameters
    ----------
    rng : numpy.random.Generator
        Colour and turbidity of the water, depth of the shadows, light on upright faces come from it.

    Returns
    -------
    ndarray of float64
        (labels, 6): four bands; whether it is land or pier, whether it is water in the sun.

    Examples
    --------
    >>> table = draw_surfaces(np.random.default_rng(0))
    >>> water, shadow = table[lit(Surface.WATER), :4], table[shaded(Surface.WATER), :4]
    >>> bool((1 - shadow / water >= 0.25 - 1e-9).all() and (1 - shadow / water <= 0.70 + 1e-9).all())
    True
    """
    bright = REFLECTANCE.copy()
    bright[Surface.WATER] *= np.exp(rng.normal(0.0, 0.15))
    bright[Surface.WATER] += rng.gamma(1.2, 0.5) * TURBIDITY
    bright[Surface.LAND :] *= np.exp(rng.normal(0.0, 0.04))
    dark = bright * np.clip(rng.uniform(0.8, 1.25) * SKYLIGHT, 0.0, 0.6)
    depth = rng.uniform(0.30, 0.65) + SHADOW_TILT + rng.normal(0.0, 0.03, 4)
    dark[Surface.WATER] = bright[Surface.WATER] * (1 - np.clip(depth, LEAST_DEPTH, MOST_DEPTH))
    bright[Surface.SIDE] *= rng.uniform(0.8, 1.6)
    table = np.zeros((2 * len(REFLECTANCE), 6))
    table[0::2, :4], table[1::2, :4] = bright, dark
    for surface in (Surface.LAND, Surface.PIER):
        table[[lit(surface), shaded(surface)], IS_GROUND] = 1.0
    table[lit(Surface.WATER), IS_LIT_WATER] = 1.0
    return table
