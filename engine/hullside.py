"""The pixels beside a hull: which of them show open water, where the deck ends, and how the water about them scatters.

Everything is measured in one scene's own pixels, placed in metres along and across the hull; none is resampled.
Length is cut into segments: those of the inner length, where the hull's sides are straight, tell the freeboard; those
beyond tell, well off the hull, how dark a long shadow is, which is that of the deck house.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from berthwatch.kernels.arrays import Doubles
from berthwatch.sightline import Angles, Sightline, sightline

CLEAR, STRUCTURE, HIDDEN, TAKEN = range(4)
"""What a pixel shows: water, a structure, nothing (cloud, no data), another hull or what is bright like one."""
HIGHEST_M = 12.0
"""The most freeboard that is looked for: the shadow of so much must fall on water."""
BESIDE = "hull's side not clear: another hull or barge beside it"
BLOCKED = {
    (STRUCTURE, True): "the shadow falls on the quay",
    (STRUCTURE, False): "the quay hides the foot of the hull's side",
    (HIDDEN, True): "part of the shadow is under cloud or without data",
    (HIDDEN, False): "part of the hull's side is under cloud or without data",
    (TAKEN, True): BESIDE,
    (TAKEN, False): BESIDE,
}
INNER = 0.3
"""Half the inner length, over the hull's: bows begin at 0.35, deck houses end at 0.33 from the middle."""
SEGMENT_M = 6.0
MOST_SEGMENTS = 12
LEAST_SEGMENTS = 3
OFF_PX = 1.5
"""Pixels this near beyond the deck's edge are blurred with it, and not asked whether they are water."""
SKIRT_PX = 2.0
WATER_PX = 4.0
"""Water kept beyond the longest shadow."""
DECK_PX, DECK_M = 2.5, 1.5
"""How far in the deck is looked at, the more of the two, but no more than a share of the beam."""
DECK_SHARE = 0.35
LEAST_OPEN = 0.75
"""Share of a segment's strip that must be seen as water."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A window of one scene: bands (K, y, x), what each pixel shows (y, x) uint8, and the ground beneath.

    `axes` (2, 2): metres east and north per column and per row. `main`: the band in which hulls were found.
    """

    bands: NDArray[np.floating]
    shows: NDArray[np.uint8]
    axes: Doubles
    resolution_m: float
    main: int


@dataclass(frozen=True, slots=True)
class Lie:
    """Where a hull lies in a picture: its middle (pixels), true heading, and size."""

    row: float
    column: float
    heading_deg: float
    length_m: float
    beam_m: float


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a hull: metres along and out from the hull's middle (y, x), where the deck ends, what is open.

    `edge_m`: the deck's edge across, at the middle. `depth_m`: how far in the deck is looked at. `segments`: along the
    whole length, of which `outer` at either end.
    `open`: (segments,) bool, whether their strip is seen as water.
    """

    along: Doubles
    across: Doubles
    sightline: Sightline
    edge_m: float
    depth_m: float
    segment_m: float
    segments: int
    outer: int
    open: NDArray[np.bool_]

    @property
    def half_m(self) -> float:
        """Half the length over all segments."""
        return self.segments * self.segment_m / 2

    @property
    def inner(self) -> NDArray[np.bool_]:
        """(segments,) which belong to the inner length."""
        place = np.arange(self.segments)
        return (place >= self.outer) & (place < self.segments - self.outer)


def normal_deg(lie: Lie, sign: int) -> float:
    """Azimuth out of a hull's side: to starboard of its heading for 1, to port for -1."""
    return (lie.heading_deg + 90 * sign) % 360


def placed(picture: Picture, lie: Lie, sign: int) -> tuple[Doubles, Doubles]:
    """Metres along the heading and out of one side, from the hull's middle, for every pixel."""
    rows, columns = np.mgrid[: picture.shows.shape[0], : picture.shows.shape[1]]
    east, north = np.tensordot(picture.axes, np.stack([columns - lie.column, rows - lie.row]), axes=1)
    ahead, out = math.radians(lie.heading_deg), math.radians(normal_deg(lie, sign))
    return east * math.sin(ahead) + north * math.cos(ahead), east * math.sin(out) + north * math.cos(out)


def deck_edges(picture: Picture, lie: Lie, along: Doubles, across: Doubles, bounds: Doubles) -> Doubles:
    """Where the main band last falls half way from deck to water, going out, in each segment (m; NaN: nowhere)."""
    step, far = picture.resolution_m / 2, lie.beam_m / 2 + max(8 * picture.resolution_m, lie.beam_m / 2)
    image = picture.bands[picture.main]
    beside = (picture.shows == CLEAR) & (across > lie.beam_m / 2 + 2 * picture.resolution_m) & (across < 3 * far)
    beside &= (along > bounds[0]) & (along < bounds[-1]) & np.isfinite(image)
    edges = np.full(bounds.size - 1, np.nan)
    if not beside.any():
        return edges
    water = float(np.median(image[beside]))
    for segment in range(edges.size):
        own = (along >= bounds[segment] - step) & (along < bounds[segment + 1] + step) & np.isfinite(image)
        own &= (across > -lie.beam_m / 3) & (across < far)
        bins = np.floor((across[own] + lie.beam_m / 3) / step).astype(np.intp)
        if bins.size == 0:
            continue
        count = np.bincount(bins)
        middle = (np.flatnonzero(count) + 0.5) * step - lie.beam_m / 3
        mean = np.bincount(bins, image[own])[count > 0] / count[count > 0]
        deck = mean[np.abs(middle) < lie.beam_m / 4]
        if deck.size == 0:
            continue
        over = (mean - water) / (float(np.median(deck)) - water) > 0.5
        last = np.flatnonzero(over)[-1] if over.any() else over.size
        if 0 < last < over.size - 1:
            high, low = mean[last], mean[last + 1]
            share = (high - (water + float(np.median(deck))) / 2) / (high - low)
            edges[segment] = middle[last] + share * (middle[last + 1] - middle[last])
    return edges


def find_side(picture: Picture, lie: Lie, sign: int, angles: Angles) -> Side | str:
    """One side of a hull with the line of its deck's edge, or why its strip is not seen as water.

    Parameters
    ----------
    picture : Picture
    lie : Lie
        From the hull's moments; the heading is made better by the deck's edge.
    sign : {1, -1}
        Starboard or port of the heading.
    angles : Angles
    """
    pixel = picture.resolution_m
    inner = int(np.clip(round(2 * INNER * lie.length_m / max(SEGMENT_M, 2 * pixel)), 4, MOST_SEGMENTS))
    segment_m = 2 * INNER * lie.length_m / inner
    outer = int((0.5 - INNER) * lie.length_m // segment_m)
    bounds: Doubles = segment_m * (np.arange(inner + 1, dtype=np.float64) - inner / 2)
    along, across = placed(picture, lie, sign)
    every = np.ones(inner + 2 * outer, np.bool_)
    line = sightline(normal_deg(lie, sign), angles)
    rough = Side(along, across, line, lie.beam_m / 2, 0.0, segment_m, every.size, outer, every)
    opened, cause = _opened(picture, rough)
    if np.count_nonzero(opened & rough.inner) < max(LEAST_SEGMENTS, inner / 3):
        return BLOCKED[cause, line.shaded]
    edges = deck_edges(picture, lie, along, across, bounds)
    ship = _nearest_group(edges, max(1.5 * pixel, 3.0))
    if np.count_nonzero(ship) < LEAST_SEGMENTS:
        return "the hull's side is not found" if np.isfinite(edges).sum() < LEAST_SEGMENTS else BESIDE
    middles = (bounds[1:] + bounds[:-1]) / 2
    slope = _slope(middles[ship], edges[ship])
    lie = replace(lie, heading_deg=(lie.heading_deg + sign * math.degrees(math.atan(slope))) % 360)
    along, across = placed(picture, lie, sign)
    edge_m = float(np.median(edges[ship] - slope * middles[ship])) * math.cos(math.atan(slope))
    line = sightline(normal_deg(lie, sign), angles)
    depth_m = min(max(DECK_PX * pixel, DECK_M), DECK_SHARE * lie.beam_m)
    side = Side(along, across, line, edge_m, depth_m, segment_m, every.size, outer, every)
    opened, cause = _opened(picture, side)
    opened[outer : outer + inner] &= ship
    if np.count_nonzero(opened & side.inner) < max(LEAST_SEGMENTS, inner / 2):
        return BESIDE if cause == TAKEN or not ship.all() else BLOCKED[cause, line.shaded]
    return replace(side, open=opened)


def _nearest_group(edges: Doubles, gap_m: float) -> NDArray[np.bool_]:
    """Which segments end at the hull's own edge: none farther out than a gap after those nearest to its middle."""
    order = np.argsort(edges)
    ranked = edges[order][: np.isfinite(edges).sum()]
    jumps = np.flatnonzero(np.diff(ranked) > gap_m)
    # what lies alongside reaches out by its own beam: the first group that is more than a stray
    ends = [*(jumps + 1), ranked.size]
    start = 0
    for end in ends:
        if end - start >= LEAST_SEGMENTS:
            own = np.zeros(edges.size, np.bool_)
            own[order[start:end]] = True
            return own
        start = end
    return np.zeros(edges.size, np.bool_)


def _slope(x: Doubles, y: Doubles) -> float:
    """Theil and Sen's slope: the median over all pairs."""
    first, second = np.triu_indices(x.size, 1)
    return float(np.median((y[second] - y[first]) / (x[second] - x[first])))


def _numbers(side: Side) -> NDArray[np.intp]:
    """The segment of each pixel (y, x); those beyond the ends are none (-1)."""
    number = np.floor((side.along + side.half_m) / side.segment_m).astype(np.intp)
    return np.where((number >= 0) & (number < side.segments), number, -1)


def _opened(picture: Picture, side: Side) -> tuple[NDArray[np.bool_], int]:
    """Which segments' strips are seen as water (segments,), and what hides most of those of the inner length."""
    pixel = picture.resolution_m
    out = side.across - side.edge_m
    number = _numbers(side)
    strip = (number >= 0) & (out > OFF_PX * pixel) & (out < HIGHEST_M * side.sightline.tip + WATER_PX / 2 * pixel)
    clear = picture.shows == CLEAR
    total = np.bincount(number[strip], minlength=side.segments)
    seen = np.bincount(number[strip & clear], minlength=side.segments)
    expected = (HIGHEST_M * side.sightline.tip + (WATER_PX / 2 - OFF_PX) * pixel) * side.segment_m / pixel**2
    opened = (seen >= LEAST_OPEN * total) & (total >= LEAST_OPEN * expected)
    inner = strip & ~clear & side.inner[np.maximum(number, 0)]
    causes = np.bincount(picture.shows[inner], minlength=TAKEN + 1)
    return opened, int(np.argmax(causes)) if causes.any() else HIDDEN
