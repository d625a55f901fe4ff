"""Freeboard: the height of a moored hull's deck over water, from its shadow or its visible side, or why there is none.

Both long sides are considered; the one on which open water shows the most per metre of height is measured. Each case
in which nothing can be told has a reason of its own.
"""

import math
from dataclasses import dataclass

from berthwatch.deckheight import deck_height
from berthwatch.hullside import Lie, Picture, Side, find_side, normal_deg
from berthwatch.sightline import LEAST_REACH, Angles, sightline, unobservable
from berthwatch.waterstrip import gather

COARSEST_SIDE_M = 1.0
"""A visible hull side is some metres wide at most: coarser pixels do not tell it from deck and water."""
NARROWEST_PX = 2.5
MOST_SIGMA_M = 1.5
"""A posterior as wide as this tells no more than what is known of vessels anyway."""
EDGE_FLOOR_PX, EDGE_FLOOR_M = 0.08, 0.08
"""What is left open of an edge's place, however clear: sampling, bands beside one another, rails and fenders."""
SCALE_FLOOR = 0.02
"""Share of a height by which angles and the flatness of the water leave it open."""


@dataclass(frozen=True, slots=True)
class Freeboard:
    """A freeboard and its standard deviation in metres."""

    freeboard_m: float
    sigma_m: float


def measure_freeboard(picture: Picture, lie: Lie, angles: Angles) -> Freeboard | str:
    """The freeboard of one hull in one scene, or why it cannot be told.

    Parameters
    ----------
    picture : Picture
        A window of the scene around the hull: 12 m of freeboard's shadow and 60 m of water on every side of it.
    lie : Lie
        The hull's middle, true heading and size.
    angles : Angles
        Sun and view.
    """
    found = _best_side(picture, lie, angles)
    if isinstance(found, str):
        return found
    beside = gather(picture, found)
    if beside is None:
        return "too little open water around the hull"
    deck = deck_height(beside, found.inner, found.open, picture.resolution_m, 2 * found.half_m, lie.beam_m)
    if isinstance(deck, str):
        return deck
    tip = found.sightline.tip
    floor_m = math.hypot(EDGE_FLOOR_PX * picture.resolution_m, EDGE_FLOOR_M) / tip
    vague_m = deck.height_m * math.hypot(SCALE_FLOOR, angles.view_unknown / tip)
    sigma_m = math.hypot(deck.sigma_m, floor_m, vague_m)
    if sigma_m > MOST_SIGMA_M:
        return "the shadow is too short or too faint" if found.sightline.shaded else "the hull's side is too narrow"
    return Freeboard(deck.height_m, sigma_m)


def _best_side(picture: Picture, lie: Lie, angles: Angles) -> Side | str:
    """The side that shows the most per metre of height, of those where it shows it on open water."""
    if lie.beam_m < NARROWEST_PX * picture.resolution_m:
        return "the hull is too narrow for these pixels"
    reason = unobservable(normal_deg(lie, 1), angles)
    if reason is not None:
        return reason
    lines = {sign: sightline(normal_deg(lie, sign), angles) for sign in (1, -1)}
    for sign in sorted(lines, key=lambda sign: (lines[sign].shaded, lines[sign].tip), reverse=True):
        line = lines[sign]
        if line.tip < LEAST_REACH or not (line.shaded or picture.resolution_m <= COARSEST_SIDE_M):
            continue
        found = find_side(picture, lie, sign, angles)
        if isinstance(found, Side):
            return found
        reason = reason or found
    return reason or "no shadow on either side"
