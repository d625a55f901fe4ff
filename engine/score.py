"""Change: per pixel and scene, how far a pixel departs from its own scene's water, in standard deviations.

Each berth's zone has its own reference water in each scene, since wind, glint and haze differ from day to
day and across a port. A pixel is bright where its score exceeds the exact threshold of that water at the
stated false-alarm rate; the pixel's vacant level raises the level it is compared with.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, maximum_filter, minimum_filter

from berthwatch.backdrop import LEAST_WATER_PX, Backdrop
from berthwatch.clutter import Clutter, clutter
from berthwatch.kernels.detect import departure, exceed
from berthwatch.zones import Zones

UNLIKE_WATER = {"sar": 0.25, "optical": 0.5}
"""Where a larger share of the reference water is bright, it is cloud, ice or a rain cell: nothing can be told."""
DECK_M = 60.0
"""Masks call bright decks cloud: hidden patches narrower than this, in clear surroundings, count as seen."""


CLOUD_RIM_M = 6.0
"""What is bright and this near to what the mask hides is more of the same cloud."""


@dataclass(frozen=True, slots=True)
class Change:
    """One scene against water. `z`, `threshold` (y, x) float32; `bright`, `seen` (y, x) bool.

    `beside_cloud` (y, x) bool: hidden by the scene's mask, or next to what is. `zones` holds each berth's water,
    or why there is none.
    """

    z: NDArray[np.float32]
    threshold: NDArray[np.float32]
    bright: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    beside_cloud: NDArray[np.bool_]
    looks_root: NDArray[np.float32] | None
    zones: tuple[Clutter | str, ...]


def unmask_decks(seen: NDArray[np.bool_], has_data: NDArray[np.bool_], resolution_m: float) -> NDArray[np.bool_]:
    """What was really seen: hidden patches no wider than a deck are opened again where there is data.

    >>> seen = np.ones((40, 40), bool); seen[10:12, 10:30] = False; seen[20:, :] = False
    >>> out = unmask_decks(seen, np.ones((40, 40), bool), 10.0)
    >>> bool(out[11, 15]), bool(out[30, 15])
    (True, False)
    """
    hidden = ~seen & has_data
    if not hidden.any():
        return seen & has_data
    side = max(3, round(DECK_M / resolution_m)) | 1
    padded = np.pad(hidden, side, mode="edge").astype(np.uint8)
    wide = maximum_filter(minimum_filter(padded, side), side)[side:-side, side:-side] > 0
    unhidden: NDArray[np.bool_] = has_data & ~wide
    return unhidden


def _waters(
    image: NDArray[np.float32],
    fit: NDArray[np.bool_],
    reference: tuple[NDArray[np.intp], ...],
    kind: str,
    looks: float | None,
) -> tuple[Clutter | str, ...]:
    """Each berth's reference water in this scene, or why there is none."""
    found: list[Clutter | str] = []
    for indices in reference:
        water = image.flat[indices[fit.flat[indices]]]
        if water.size < LEAST_WATER_PX or (kind == "sar" and float(np.median(water)) <= 0):
            found.append(f"only {water.size} pixels of reference water seen")
            continue
        this = clutter(water, "sar" if kind == "sar" else "optical", looks)
        unlike = f"{this.bright_share:.0%} of the reference water is not like water"
        found.append(unlike if this.bright_share > UNLIKE_WATER[kind] else this)
    return tuple(found)


def change(
    image: NDArray[np.float32],
    seen: NDArray[np.bool_],
    backdrop: Backdrop,
    zones: Zones,
    kind: str,
    looks: float | None,
) -> Change:
    """Score one scene on the common frame.

    Parameters
    ----------
    image : (y, x) float32
        Linear power (SAR) or reflectance (optical), NaN without data.
    seen : (y, x) bool
        What the scene's mask calls clear.
    backdrop, zones
        The track's still picture, and the berths on the grid.
    kind : {"sar", "optical"}
    looks : float or None
        Equivalent looks when known; never more than the water itself shows.
    """
    has_data = np.isfinite(image)
    clear = unmask_decks(seen, has_data, zones.resolution_m)
    beside_cloud = binary_dilation(has_data & ~clear, iterations=max(1, round(CLOUD_RIM_M / zones.resolution_m)))
    seen = clear & backdrop.usable & zones.near
    found = _waters(image, seen & backdrop.water, backdrop.reference, kind, looks)
    lookup = np.array(
        [[w.level, w.spread, w.threshold] if isinstance(w, Clutter) else [np.nan] * 3 for w in found], np.float32
    )
    level, spread, threshold = np.moveaxis(
        np.vstack([lookup, np.full((1, 3), np.nan, np.float32)])[backdrop.nearest], -1, 0
    )
    if kind == "sar":
        level, spread, looks_root = level * backdrop.vacant, spread * backdrop.vacant, level / spread
    else:
        level, looks_root = level + spread * backdrop.vacant, None
    z = np.where(seen, departure(image, level, spread), np.float32(np.nan))
    bright = exceed(z, threshold) == 1
    return Change(z, threshold, bright, seen, beside_cloud, looks_root, found)
