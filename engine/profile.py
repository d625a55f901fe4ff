"""The fit of the profile beside a hull: priors, and Gauss–Newton steps down to the best point.

All that is unknown is fitted together: the deck's edge and its slope, the blur, how dark the shadow is in each band,
the levels of water, deck and side, and the heights. Levels enter linearly and are solved for at each step.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from berthwatch.kernels.arrays import Doubles, Integers
from berthwatch.kernels.profile import (
    CONTRAST,
    EDGE,
    FOURTH,
    SHAPES,
    SIXTH,
    THIRD,
    TURN,
    WIDTH,
    Normals,
    profile_normals,
)
from berthwatch.waterstrip import Beside

BLUR_PX, BLUR_SPREAD, BLUR_SPAN = 0.5, 0.4, (0.05, 1.5)
"""Standard deviation of the blur before the pixel (pixels), spread of its logarithm, and its bounds [assumed]."""
CORRECTIONS = (0.01, 0.015, 0.005)
"""Spread of the blur's third, fourth and sixth Gram–Charlier coefficients; resampling alone gives 0.005."""
DARKNESS, DARKNESS_SPREAD, BAND_SPREAD, DARKNESS_SPAN = 0.35, 0.6, 0.35, (0.1, 0.95)
"""Share of its light that water loses in shadow, spread of its logarithm, of bands about it, and its bounds [assumed,
wide]: less could not be measured, and would pass for a long shadow where the edge is ragged."""
BULGE_PX = 0.2
EDGE_PX, EDGE_M, TURN_SPREAD = 0.4, 0.6, 0.03
HEIGHT_SPREAD_M = 20.0
PLANE = 0.3
"""Spread of water's rise over the strip, as a share of its level."""
DECK_SLOPE = 0.1
"""Spread of the deck's rise per pixel, as a share of what it stands over the water."""
SIDE_SPREAD = 0.5


@dataclass(frozen=True, slots=True)
class Prior:
    """Normal priors of shapes (N,) and levels (K, M) as means and inverse variances, and the largest steps (N,)."""

    shape: Doubles
    shape_weight: Doubles
    level: Doubles
    level_weight: Doubles
    step: Doubles
    width_span: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fit:
    """A point of the fit: shape (N,), levels (K, M), the segments' slots, weights (K, P), and what is known there.

    `log_variance`: twice what the weights cost, the sum of the logs of the variances they stand for. `free` (N,): which
    shapes are fitted. `cost`: misfit and priors. `normals`: at the point, without priors.
    """

    shape: Doubles
    levels: Doubles
    slot: Integers
    weights: Doubles
    log_variance: float
    free: NDArray[np.bool_]
    cost: float
    normals: Normals


def prior_of(beside: Beside, pixel_m: float, length_m: float) -> Prior:
    """Priors of a strip: wide where the data tell, so that what they do not tell stays open."""
    strip = beside.strip
    bands, segments = beside.deck.shape
    bulges, heights = SHAPES + bands, SHAPES + bands + segments
    spread = np.full(heights + segments, np.inf)
    shape = np.zeros(spread.size)
    shape[WIDTH], spread[WIDTH] = np.log(BLUR_PX * pixel_m), BLUR_SPREAD
    shape[CONTRAST], spread[CONTRAST] = np.log(DARKNESS), DARKNESS_SPREAD
    spread[EDGE], spread[TURN] = np.hypot(EDGE_PX * pixel_m, EDGE_M), TURN_SPREAD
    spread[[THIRD, FOURTH, SIXTH]] = CORRECTIONS
    spread[SHAPES:bulges], spread[bulges:heights] = BAND_SPREAD, BULGE_PX * pixel_m
    shape[heights:], spread[heights:] = 3.0, HEIGHT_SPREAD_M
    above = np.abs(beside.deck).mean(axis=1)
    least = np.abs(beside.scatter.white) @ beside.scale
    far = max(float(strip.across.max()), length_m / 2)
    shaded = -DARKNESS * strip.mix.sum(axis=1)
    zero = np.zeros(bands)
    level = np.stack([beside.water, zero, zero, shaded, zero], axis=1)
    room = np.stack(
        [least, PLANE * least / far, PLANE * least / far, SIDE_SPREAD * np.maximum(above, least),
         DECK_SLOPE * above / pixel_m], axis=1,
    )  # fmt: skip
    decks = np.repeat((10 * least + above)[:, None], segments, axis=1)
    step = np.full(spread.size, 1.5)
    step[:SHAPES] = (0.3, 0.7, 0.7 * pixel_m, 0.05, 0.1, 0.1, 0.05)
    step[SHAPES:bulges], step[bulges:heights] = 0.4, 0.5 * pixel_m
    return Prior(
        shape,
        1 / spread**2,
        np.hstack([level, np.zeros((bands, segments))]),
        1 / np.hstack([room, decks]) ** 2,
        step,
        (float(np.log(BLUR_SPAN[0] * pixel_m)), float(np.log(BLUR_SPAN[1] * pixel_m))),
    )


def _cost(beside: Beside, prior: Prior, fit: Fit, shape: Doubles, levels: Doubles) -> tuple[float, Normals]:
    normals = profile_normals(beside.strip, fit.weights, shape, levels, fit.slot)
    off, off_levels = shape - prior.shape, levels - prior.level
    belief = float((prior.shape_weight * off * off).sum() + (prior.level_weight * off_levels * off_levels).sum())
    return normals.misfit + belief, normals


def placed_at(beside: Beside, prior: Prior, fit: Fit) -> Fit:
    """A fit with its cost and normal equations taken anew, after its point or its weights were changed."""
    cost, normals = _cost(beside, prior, fit, fit.shape, fit.levels)
    return replace(fit, cost=cost, normals=normals)


def _reduced(prior: Prior, fit: Fit) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Normal equations of the shapes with the levels solved for: matrix, slope; levels' steps and gains."""
    normals = fit.normals
    squares = normals.levels.copy()
    diagonal = np.arange(squares.shape[1])
    squares[:, diagonal, diagonal] += prior.level_weight
    slope = normals.level_slope + prior.level_weight * (prior.level - fit.levels)
    solved = np.linalg.solve(squares, np.concatenate([normals.cross.transpose(0, 2, 1), slope[:, :, None]], axis=2))
    gain, alone = solved[:, :, :-1], solved[:, :, -1]
    matrix = normals.shapes + np.diag(prior.shape_weight) - (normals.cross @ gain).sum(axis=0)
    shape_slope = normals.shape_slope + prior.shape_weight * (prior.shape - fit.shape)
    return matrix, shape_slope - (normals.cross @ alone[:, :, None]).sum(axis=0)[:, 0], alone, gain


def descend(beside: Beside, prior: Prior, fit: Fit, steps: int, enough: float = 0.05) -> Fit:
    """Gauss–Newton steps, each shortened until it helps."""
    for _ in range(steps):
        matrix, slope, alone, gain = _reduced(prior, fit)
        free = np.flatnonzero(fit.free)
        step = np.zeros(slope.size)
        step[free] = np.linalg.solve(matrix[np.ix_(free, free)], slope[free])
        level_step = alone - gain @ step
        share, before = min(1.0, 1 / max(float(np.max(np.abs(step) / prior.step)), 1e-12)), fit.cost
        for _ in range(5):
            shape, levels = fit.shape + share * step, fit.levels + share * level_step
            shape[WIDTH] = np.clip(shape[WIDTH], *prior.width_span)
            shape[CONTRAST] = np.clip(shape[CONTRAST], *np.log(DARKNESS_SPAN))
            cost, normals = _cost(beside, prior, fit, shape, levels)
            if cost <= before:
                fit = replace(fit, shape=shape, levels=levels, cost=cost, normals=normals)
                break
            share *= 0.3
        if before - fit.cost < enough:
            break
    return fit


def curvature(prior: Prior, fit: Fit) -> tuple[Doubles, float]:
    """The free shapes' matrix of second derivatives with the levels integrated out, and its log determinant."""
    matrix, _, _, _ = _reduced(prior, fit)
    free = np.flatnonzero(fit.free)
    inner: Doubles = matrix[np.ix_(free, free)]
    return inner, float(np.linalg.slogdet(inner)[1])
