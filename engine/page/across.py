"""The profile across a hull from which its freeboard shows: how bright deck, shadow and water are, and where they end."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from berthwatch.hullside import INNER
from berthwatch.page.chips import Chip
from berthwatch.page.words import round_step
from berthwatch.sightline import sightline

WIDTH, HEIGHT = 160.0, 64.0
BEYOND_M: Final = 24.0
"""Shown beyond the deck's edge, or beyond the shadow's tip where that lies farther out."""
LEAST_BINS: Final = 8


@dataclass(frozen=True, slots=True)
class Across:
    """A profile as it is drawn: its line, the deck's edges, where the shadow ends (least, middle, most), a scale bar."""

    line: str
    deck: tuple[float, float]
    tip: tuple[float, float, float]
    bar: float
    bar_words: str
    words: str


def across(
    chip: Chip, heading_deg: float, size_m: tuple[float, float], freeboard_m: float, sigma_m: float
) -> Across | None:
    """The profile across a hull, averaged along its inner length, its shaded side to the right.

    None where the sun or the hull's place is not known, or where the freeboard came from the hull's visible side.

    Parameters
    ----------
    chip : Chip
    heading_deg : float
        From grid north, as in the table of observations.
    size_m : (float, float)
        Length and beam.
    freeboard_m, sigma_m : float
        Measured.
    """
    if chip.hull is None or chip.angles is None or not all(map(math.isfinite, (heading_deg, *size_m))):
        return None
    heading_deg -= math.degrees(math.atan2(chip.axes[1, 0], chip.axes[0, 0]))
    sides = {normal: sightline(normal, chip.angles) for normal in (heading_deg + 90, heading_deg - 90)}
    shaded = next((normal for normal, line in sides.items() if line.shaded), None)
    if shaded is None:
        return None
    (length_m, beam_m), tip = size_m, sides[shaded].tip
    rows, columns = np.indices(chip.image.shape) + 0.5
    place = np.stack([columns - chip.hull.centroid.x, rows - chip.hull.centroid.y])
    east, north = np.tensordot(chip.axes, place, axes=1)
    out, ahead = (
        east * math.sin(math.radians(turn)) + north * math.cos(math.radians(turn)) for turn in (shaded, heading_deg)
    )
    ends = (-beam_m / 2 - BEYOND_M, beam_m / 2 + max(BEYOND_M, (freeboard_m + 2 * sigma_m) * tip + BEYOND_M / 2))
    own = (np.abs(ahead) <= INNER * length_m) & (out >= ends[0]) & (out < ends[1]) & np.isfinite(chip.image)
    step_m = chip.pixel_m / 2
    bins = np.floor((out[own] - ends[0]) / step_m).astype(np.intp)
    count = np.bincount(bins)
    filled = np.flatnonzero(count)
    if filled.size < LEAST_BINS:
        return None
    mean = np.bincount(bins, chip.image[own])[filled] / count[filled]
    scale = WIDTH / (ends[1] - ends[0])

    def x(metres: float) -> float:
        return round((metres - ends[0]) * scale, 1)

    low, high = float(mean.min()), float(mean.max())
    heights = HEIGHT - 6 - (HEIGHT - 14) * (mean - low) / max(high - low, 1e-12)
    middles = (filled + 0.5) * step_m + ends[0]
    line = "M" + "L".join(f"{x(a):g} {b:.1f}" for a, b in zip(middles, heights, strict=True))
    bar_m = round_step((ends[1] - ends[0]) / 4)
    least, middle, most = (
        x(beam_m / 2 + max(height, 0.0) * tip) for height in (freeboard_m - sigma_m, freeboard_m, freeboard_m + sigma_m)
    )
    words = f"a metre of height shows as {tip:.1f} m of shadow"
    return Across(
        line, (x(-beam_m / 2), x(beam_m / 2)), (least, middle, most), round(bar_m * scale, 1), f"{bar_m:g} m", words
    )
