"""Decks among clouds: which bright parts of an optical scene are hulls.

A hull has an edge as sharp as the picture, all around; cloud, masked or not, fades over many pixels. Cloud is also
wider than a hull in all directions, so that what is left of a scene after all that is as wide as cloud was taken
away (a white top-hat) shows a deck under thin cloud as if there were none.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, grey_dilation, grey_erosion, label

from berthwatch.parts import EIGHT, LEAST_AREA_M2, Part, Pixels, measure, pieces

LONGEST_M: Final = 450.0
WIDEST_M: Final = 75.0
SHORTEST_M: Final = 40.0
"""Launches, tugs and puffs of cloud are shorter."""
SLIMMEST: Final = 1.8
"""Length over beam: vessels have 5 to 8, two rafted together half of that; clouds are round."""
SLIM: Final = 3.0
"""The same of a hull under thin cloud, where doubt is greater."""
NARROWER_M: Final = 45.0
"""A hull under thin cloud is narrower than this, and cloud is not."""
FALLS_TO: Final = 0.15
"""Of a hull's brightness, that is left two to three pixels beyond its edge: point spreads leave a twentieth."""
FALLS_TO_UNDER_CLOUD: Final = 0.08
LEAST_HIDDEN: Final = 0.1
"""Share of a hull that may lie next to what is hidden."""
AROUND_PX: Final = 4
SLENDEREST: Final = 10.0
"""Wakes and booms are slimmer."""
WIDEST_GAP_M: Final = 15.0
"""Along a deck, that a shadow makes."""
CUT: Final = 0.5
"""Share of a part's brightness below which it is glow."""
DEEPER_CUTS: Final = (0.25, 0.125)
"""For a dark deck with a white house, which hangs together only below half of the house's brightness."""
LEVEL: Final = 0.7
"""A deck is flat to its edge: so much of its brightness two pixels further in is there at its second pixel."""


@dataclass(frozen=True, slots=True)
class Sky:
    """A window of a scene with its clouds, all (y, x).

    `z` float32 is NaN where nothing was seen, `cloudy` bool is hidden or next to it, `cloud` float32 is as `cloud_of`
    gives it.
    """

    z: NDArray[np.float32]
    cloudy: NDArray[np.bool_]
    cloud: NDArray[np.float32]
    resolution_m: float


def cloud_of(z: NDArray[np.float32], cloudy: NDArray[np.bool_], resolution_m: float) -> NDArray[np.float32]:
    """What of a scene is as wide as cloud, in standard deviations; infinite where that hides all.

    Parameters
    ----------
    z : (y, x) float32
        NaN where nothing was seen: under the mask, where there is no end to the cloud, or at structures, which count
        as water.
    cloudy : (y, x) bool
        Hidden by the mask, or next to it.
    resolution_m : float

    >>> z = np.zeros((60, 60), np.float32)
    >>> z[20:24, 10:50], z[40:, :] = 30.0, 8.0
    >>> cloud = cloud_of(z, np.zeros(z.shape, np.bool_), 3.0)
    >>> float(cloud[22, 30]), float(cloud[50, 30])
    (0.0, 8.0)
    """
    across = max(3, round(NARROWER_M / resolution_m)) | 1
    y, x = np.mgrid[:across, :across] - across // 2
    disc = x * x + y * y <= (across // 2) ** 2
    filled = np.where(np.isfinite(z), z, np.where(cloudy, np.inf, 0)).astype(np.float32)
    opened: NDArray[np.float32] = grey_dilation(grey_erosion(filled, footprint=disc), footprint=disc)
    return opened


def decks(part: NDArray[np.bool_], sky: Sky, threshold: float) -> list[Part]:
    """The hulls of one bright part.

    Parameters
    ----------
    part : (y, x) bool
        Connected, over the threshold.
    sky : Sky
        All around the part, by `AROUND_PX` at least where the scene goes on.
    threshold : float
        The z-score at which a pixel is bright.

    Returns
    -------
    list of Part
        Hulls, with z-scores without the cloud where they lie under some.
    """
    for cut in () if _is_cloud(part, sky) else (CUT, *DEEPER_CUTS):
        found = _decks_of([part], sky, sky.z, threshold, cut)
        if cut < CUT:
            found = [piece for piece in found if _is_level(piece, sky.z)]
        if found:
            return [Part(*piece, sky.z[piece]) for piece in found]
    z = np.where(np.isfinite(sky.cloud), sky.z - sky.cloud, np.float32(np.nan))
    through = _decks_of(_bright_pieces(part, z, threshold), sky, z, threshold, CUT, under_cloud=True)
    return [Part(*piece, z[piece], clouded=True) for piece in through]


def _decks_of(
    parts: Iterable[NDArray[np.bool_]],
    sky: Sky,
    z: NDArray[np.float32],
    threshold: float,
    cut: float,
    under_cloud: bool = False,
) -> list[Pixels]:
    """The hulls among parts, each cut at a share of its own peak."""
    kept = np.zeros(z.shape, np.bool_)
    for part in parts:
        kept |= part & (z > max(threshold, cut * float(np.quantile(z[part], 0.9))))
    joined = _joined(list(pieces(kept)), sky.resolution_m)
    return [piece for piece in joined if _is_deck(piece, sky, z, under_cloud)]


def _bright_pieces(part: NDArray[np.bool_], z: NDArray[np.float32], threshold: float) -> Iterator[NDArray[np.bool_]]:
    labels, count = label(part & (z > threshold), EIGHT)
    for piece in range(1, count + 1):
        yield labels == piece


def _is_deck(piece: Pixels, sky: Sky, z: NDArray[np.float32], under_cloud: bool) -> bool:
    """Whether a piece is large enough, and ends as sharply as a hull; under cloud, if it is as slim as one vessel."""
    length_m, beam_m, _ = measure(*piece, sky.resolution_m)
    if not SHORTEST_M <= length_m <= SLENDEREST * beam_m or piece[0].size * sky.resolution_m**2 < LEAST_AREA_M2:
        return False
    if not under_cloud:
        return _ends_sharply(piece, z, FALLS_TO)
    above = float(np.median(z[piece])) >= float(np.median(sky.cloud[piece]))
    slim = length_m >= SLIM * beam_m and float(sky.cloudy[piece].mean()) <= LEAST_HIDDEN
    return above and slim and _ends_sharply(piece, z, FALLS_TO_UNDER_CLOUD)


def _ends_sharply(piece: Pixels, z: NDArray[np.float32], falls_to: float) -> bool:
    """Whether brightness falls to a share of itself within three pixels, as far around as is seen."""
    inside = np.zeros(z.shape, np.bool_)
    inside[piece] = True
    near = binary_dilation(inside, EIGHT)
    around = binary_dilation(near, EIGHT, iterations=2) & ~near & np.isfinite(z)
    return bool(around.any() and np.median(z[around]) < falls_to * np.median(z[piece]))


def _is_level(piece: Pixels, z: NDArray[np.float32]) -> bool:
    """Whether a piece is about as bright near its edge as further in; false where it is too narrow to tell."""
    inside = np.zeros(z.shape, np.bool_)
    inside[piece] = True
    rims = [binary_erosion(inside, EIGHT, depth) & ~binary_erosion(inside, EIGHT, depth + 1) for depth in (1, 3)]
    return all(rim.any() for rim in rims) and bool(np.median(z[rims[0]]) > LEVEL * np.median(z[rims[1]]))


def _is_cloud(part: NDArray[np.bool_], sky: Sky) -> bool:
    """Whether a part reaches into cloud, or is larger or rounder than any vessel."""
    rows, columns = np.nonzero(part)
    length_m, beam_m, _ = measure(rows, columns, sky.resolution_m)
    large = length_m > LONGEST_M or beam_m > WIDEST_M
    return bool((part & sky.cloudy).any()) or large or length_m < SLIMMEST * (beam_m - sky.resolution_m)


def _joined(found: list[Pixels], resolution_m: float) -> list[Pixels]:
    """Pieces of one part, those that lie in one line as one: a house's shadow cuts a deck in two."""
    whole: list[Pixels] = []
    for piece in sorted(found, key=lambda piece: -piece[0].size):
        for place, other in enumerate(whole):
            both = (np.concatenate([other[0], piece[0]]), np.concatenate([other[1], piece[1]]))
            length_m, beam_m, _ = measure(*both, resolution_m)
            one, two = (measure(*each, resolution_m) for each in (other, piece))
            if length_m <= one[0] + two[0] + WIDEST_GAP_M and beam_m <= one[1] + resolution_m / 2:
                whole[place] = both
                break
        else:
            whole.append(piece)
    return whole
