"""The strip beside a hull as numbers for the fit: pixels gathered, bands made independent, water's scatter known.

Waves and glint are alike in all bands and reach over several pixels, so that bands and neighbours do not tell as
much as their number says. Bands are turned into uncorrelated ones of unit variance (whitened by the covariance of the
water around), and each of these is weighed by how far its scatter is correlated over the ground.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from berthwatch.hullside import CLEAR, HIDDEN, HIGHEST_M, OFF_PX, SKIRT_PX, WATER_PX, Picture, Side
from berthwatch.kernels.arrays import Doubles
from berthwatch.kernels.profile import Strip

REACH_M = 60.0
"""How far around the strip water is taken as a sample of its scatter."""
LEAST_SAMPLE = 150
CORRELATED_PX, CORRELATED_M = 4, 12.0
"""How far neighbours may be correlated, the more of the two."""
UNCORRELATED = 0.05
"""Correlation under this is chance."""
FINEST_M = 0.4
"""Pixels of a segment are averaged over so much across, or half a pixel if that is less."""
NARROW_PX = 1.5
"""Standard deviation, across, of what an edge or a short shadow changes when it moves."""
CLIPPED = 3.0
LEAST_TURN = 0.02
"""Half a pixel's side, foreshortened, in pixels: one that lies exactly along the edge would have none."""
FLOOR = 1e-4
"""Reflectance: no sensor's noise is less."""


@dataclass(frozen=True, slots=True)
class Scatter:
    """How water scatters: `white` (K, K) makes independent bands of unit effective variance out of the scene's.

    `inflation` (K,): how many pixels of the whitened bands tell as much as one would alone. `level`, `spread` (K,).
    """

    white: Doubles
    inflation: Doubles
    level: Doubles
    spread: Doubles


@dataclass(frozen=True, slots=True)
class Beside:
    """What is fitted: the strip in whitened bands, how many pixels each value is the mean of, and first guesses.

    `water` (K,) and `deck` (K, S): levels in whitened bands, the deck's over water's. `scale` (K,): what a contrast of
    1 takes from the scene's bands.
    """

    strip: Strip
    count: Doubles
    water: Doubles
    deck: Doubles
    scale: Doubles
    scatter: Scatter


def water_scatter(picture: Picture, side: Side) -> Scatter | None:
    """The scatter of the water around a hull, outside the strip its shadow may reach; None where little is seen."""
    pixel, line = picture.resolution_m, side.sightline
    reach = side.edge_m + HIGHEST_M * line.tip + REACH_M
    sample = (picture.shows == CLEAR) & np.isfinite(picture.bands).all(axis=0)
    sample &= (np.abs(side.along) < 1.3 * side.half_m + REACH_M) & (np.abs(side.across) < reach)
    shadow = (np.abs(side.along) < 1.3 * side.half_m) & (side.across < side.edge_m + HIGHEST_M * line.tip + 2 * pixel)
    sample &= ~shadow
    if np.count_nonzero(sample) < LEAST_SAMPLE:
        return None
    rows, columns = np.nonzero(sample)
    box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
    values = picture.bands[:, sample].astype(np.float64)
    level = np.median(values, axis=1)
    spread = np.maximum(1.4826 * np.median(np.abs(values - level[:, None]), axis=1), FLOOR)
    score = np.clip((values - level[:, None]) / spread[:, None], -CLIPPED, CLIPPED)
    covariance = score @ score.T / score.shape[1] + 1e-3 * np.eye(level.size)
    size, turn = np.linalg.eigh(covariance)
    white = (turn / np.sqrt(size)).T
    images = np.zeros((level.size, *sample[box].shape))
    images[:, sample[box]] = np.clip(white @ score, -CLIPPED, CLIPPED)
    reach_px = max(CORRELATED_PX, round(CORRELATED_M / pixel))
    inflation = _inflation(images, sample[box], reach_px, _steps_px(side, pixel))
    return Scatter(white / spread / np.sqrt(inflation)[:, None], inflation, level, spread)


def _steps_px(side: Side, pixel_m: float) -> tuple[float, float]:
    """How far one row and one column down lie across the hull's side, in pixels."""
    across = side.across
    return float(across[1, 0] - across[0, 0]) / pixel_m, float(across[0, 1] - across[0, 0]) / pixel_m


def _inflation(images: Doubles, sample: NDArray[np.bool_], reach: int, steps_px: tuple[float, float]) -> Doubles:
    """The sum of each image's autocorrelation (K,): 1 for noise that no pixel shares with its neighbours.

    What is looked for is long along the side and narrow across it, so that noise counts less the wider it is across.
    """
    shape = [fft.next_fast_len(side + reach, real=True) for side in sample.shape]
    lags = np.arange(-reach, reach + 1)
    spectra = fft.rfft2(np.concatenate([images, sample[None].astype(np.float64)]), shape)
    products = fft.irfft2(np.abs(spectra) ** 2, shape)[:, lags[:, None], lags]
    covariance = products[:-1] / np.maximum(products[-1], 1.0)
    correlation = covariance / np.maximum(covariance[:, reach, reach], 1e-12)[:, None, None]
    across = lags[:, None] * steps_px[0] + lags * steps_px[1]
    alike = np.exp(-0.5 * (across / NARROW_PX) ** 2)
    total: Doubles = np.where(correlation > UNCORRELATED, correlation * alike, 0.0).sum(axis=(1, 2))
    return np.maximum(total, 1.0)


def gather(picture: Picture, side: Side) -> Beside | None:
    """The strip of a side's open segments, ready for the fit; None where too little water is seen around it."""
    scatter = water_scatter(picture, side)
    if scatter is None:
        return None
    pixel = picture.resolution_m
    out = side.across - side.edge_m
    number = np.floor((side.along + side.half_m) / side.segment_m).astype(np.intp)
    inside = (number >= 0) & (number < side.segments) & (out < HIGHEST_M * side.sightline.tip + WATER_PX * pixel)
    number = np.clip(number, 0, side.segments - 1)
    inside &= side.open[number] & np.isfinite(picture.bands).all(axis=0)
    deck = side.inner[number] & (out > -side.depth_m) & (out < OFF_PX * pixel) & (picture.shows != HIDDEN)
    clear = (picture.shows == CLEAR) & (out > np.where(side.inner[number], 0.0, SKIRT_PX * pixel))
    chosen = inside & (deck | clear)
    across, along, segment = out[chosen], side.along[chosen], number[chosen]
    values = picture.bands[:, chosen].astype(np.float64)
    across, along, segment, values, count = _averaged(across, along, segment, values, min(pixel / 2, FINEST_M))
    water = np.median(values[:, across > min(6 * pixel, across.max() / 2)], axis=1)
    top = _deck_levels(across, segment, values, side.segments, pixel)
    scale = np.maximum(water, 3 * scatter.spread)
    strip = Strip(
        across,
        along,
        segment,
        scatter.white @ values,
        scatter.white * scale,
        side.sightline.side,
        side.sightline.tip,
        pixel_across(side, pixel),
    )
    return Beside(
        strip,
        count,
        scatter.white @ water,
        scatter.white @ (top - water[:, None]),
        scale,
        scatter,
    )


def pixel_across(side: Side, pixel_m: float) -> Doubles:
    """Half of what either side of a pixel covers across the hull's side (2,), metres."""
    halves: Doubles = np.abs(_steps_px(side, pixel_m)) * pixel_m / 2
    return np.maximum(halves, LEAST_TURN * pixel_m)


def _averaged(
    across: Doubles, along: Doubles, segment: NDArray[np.intp], values: Doubles, width_m: float
) -> tuple[Doubles, Doubles, NDArray[np.int64], Doubles, Doubles]:
    """Pixels of one segment at the same distance from the edge as one, with their mean place and their number."""
    place = np.floor((across - across.min()) / width_m).astype(np.int64)
    _, group, count = np.unique(segment * (place.max() + 1) + place, return_inverse=True, return_counts=True)

    def mean(each: Doubles) -> Doubles:
        averaged: Doubles = np.bincount(group, each) / count
        return averaged

    owner = np.zeros(count.size, np.int64)
    owner[group] = segment
    return mean(across), mean(along), owner, np.stack([mean(band) for band in values]), count.astype(np.float64)


def _deck_levels(across: Doubles, segment: NDArray[np.int64], values: Doubles, segments: int, pixel: float) -> Doubles:
    """Each band's level of the deck in each segment (K, S); that of all segments where one shows none."""
    deck = across < -pixel
    overall = np.median(values[:, deck if deck.any() else across < np.median(across)], axis=1)
    levels = np.repeat(overall[:, None], segments, axis=1)
    for number in np.unique(segment[deck]):
        levels[:, number] = np.median(values[:, deck & (segment == number)], axis=1)
    return levels
