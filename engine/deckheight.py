"""The deck's height over water from the strip beside it, and how sure it is.

The shadow of the deck house, and of what stands on deck, is longer than the deck's own and displaced along the hull,
and a barge or a launch may hide it, so each segment may have a height of its own: the deck's is the one that most
agree on, with more room for strays above it than below. Its sigma is the spread of the posterior over heights, all
else integrated out by Laplace's approximation at each height.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from berthwatch.hullside import HIGHEST_M, LEAST_SEGMENTS
from berthwatch.kernels.arrays import Doubles
from berthwatch.kernels.profile import CONTRAST, EDGE, FOURTH, LEVELS, SHAPES, SIXTH, THIRD, WIDTH, profile_normals
from berthwatch.profile import Fit, Prior, curvature, descend, placed_at, prior_of
from berthwatch.waterstrip import Beside

HUBER = 3.0
ROUGHNESS_PX = 0.02
"""Root mean square of how far an edge strays from the model's within a pixel, at least."""
STARTS_M = (0.6, 1.2, 2.0, 3.0, 4.4, 6.5, 10.0, 14.0, 19.0)
"""Heights of decks, and of houses on them."""
UNSURE_PX, UNSURE_DECK = 0.2, 0.1
"""How far off the deck's edge (pixels) and its levels (as a share) may be at the start."""
OUT_OF_LINE = 12.0
"""A segment so much worse fitted than at its own best height has another than the rest."""
MOST_VALLEYS, CLEARLY = 2, 6.0
"""Of starts that are followed, and how much better than the first another must become."""
OWN_SPREAD_M = 6.0
STRAY_ABOVE, STRAY_BELOW = 0.2, 0.05
"""Shares of segments whose height is more, or less, than the deck's."""
EVEN_PX = 0.05
"""Pixels by which shadow edges of segments differ though the deck is even."""
LEAST_AGREEING = 0.4
STRAYED = 3.0
"""Standard deviations by which the posterior may lie off what the segments agreed on."""
LIKELY_BEAMS, LIKELY_SPREAD = 0.5, 0.2
"""Freeboards up to this share of the beam are taken as equally likely, and those above less and less: hulls that
stand higher than half their beam would be of no use as tankers [assumed]."""
MOST_LIKELY = 1.4
NEGLIGIBLE = 12.0
"""Logarithm of how much less likely than the best a height must be for those beyond it to be left out."""


@dataclass(frozen=True, slots=True)
class DeckHeight:
    """Posterior mean and standard deviation of a deck's height (m), and the blur (m) and edge (m) fitted with it."""

    height_m: float
    sigma_m: float
    blur_m: float
    edge_m: float


@dataclass(frozen=True, slots=True)
class Frame:
    """What all steps of one measurement share."""

    beside: Beside
    prior: Prior
    inner: NDArray[np.bool_]
    pixel_m: float
    likely_m: float

    @property
    def segments(self) -> int:
        """How many there are, off the inner length too."""
        return int(self.inner.size)

    @property
    def heights(self) -> int:
        """Where heights begin in the shape."""
        return SHAPES + int(self.beside.deck.shape[0]) + self.segments


def deck_height(
    beside: Beside, inner: NDArray[np.bool_], opened: NDArray[np.bool_], pixel_m: float, length_m: float, beam_m: float
) -> DeckHeight | str:
    """Measure the deck's height over water beside one side of a hull.

    Parameters
    ----------
    beside : Beside
        The strip.
    inner, opened : (S,) bool
        Which segments belong to the inner length, and which are seen.
    pixel_m, length_m, beam_m : float
        Pixel size, the length over all segments, the hull's beam.

    Returns
    -------
    DeckHeight or str
        Why there is none: segments that do not agree, or a height no tanker has.
    """
    likely_m = LIKELY_BEAMS * (beam_m + pixel_m)
    frame = Frame(beside, prior_of(beside, pixel_m, length_m), inner & opened, pixel_m, likely_m)
    fit = _started(frame)
    fit = _weighed(frame, descend(beside, frame.prior, _weighed(frame, fit), 5))
    own_prior = _own_prior(frame)
    own = fit
    for _ in range(2):
        own = descend(beside, own_prior, _apart(frame, own), 5)
        height_m, spread_m, agreeing = _agreed(frame, own, own_prior)
        if np.count_nonzero(agreeing) < max(LEAST_SEGMENTS, LEAST_AGREEING * np.count_nonzero(frame.inner)):
            return "parts of the shadow disagree"
        fit = _weighed(frame, descend(beside, frame.prior, _together(frame, own, agreeing, height_m), 5))
        own = placed_at(beside, own_prior, replace(own, weights=fit.weights))
    found = _posterior(frame, descend(beside, frame.prior, fit, 5))
    if found.height_m > MOST_LIKELY * likely_m:
        return "what is dark beside the hull is longer than its own shadow"
    if abs(found.height_m - height_m) > STRAYED * np.hypot(found.sigma_m, spread_m):
        return "parts of the shadow disagree"
    return found


def _free(frame: Frame, heights: int) -> NDArray[np.bool_]:
    """All shapes but the heights that no segment uses."""
    free = np.ones(frame.heights + frame.segments, np.bool_)
    free[frame.heights + heights :] = False
    return free


def _started(frame: Frame) -> Fit:
    """Where to begin: each segment at the best of some heights, those that agree on one together.

    At each height all segments are tried at once, with a shadow as dark as the strip's darkest water.
    """
    beside, prior = frame.beside, frame.prior
    slot = np.zeros(frame.segments, np.int64)
    levels = np.hstack([prior.level[:, :LEVELS], beside.deck])
    shape = prior.shape.copy()
    shape[frame.heights :] = STARTS_M[len(STARTS_M) // 3]
    dark = np.log(beside.darkness)
    shape[CONTRAST] = dark.mean()
    shape[SHAPES : SHAPES + dark.size] = dark - dark.mean()
    nothing = profile_normals(beside.strip, np.ones_like(beside.strip.values), shape, levels, slot)
    # before anything is known of the deck's texture and edge, its pixels count for less than water's
    above = np.abs(beside.deck).mean(axis=1)[:, None]
    cover, slope = nothing.cover
    blurred = (UNSURE_PX * frame.pixel_m * slope) ** 2 + (UNSURE_DECK * cover) ** 2
    weights = beside.count / (1 + beside.count * above**2 * blurred)
    free = np.zeros(shape.size, np.bool_)
    free[EDGE] = True
    fit = placed_at(beside, prior, Fit(shape, levels, slot, weights, free, 0.0, nothing))
    fits = [descend(beside, prior, _raised(frame, fit, start_m), 2) for start_m in STARTS_M]
    misfits = np.stack([_by_segment(frame, each) for each in fits])
    worse = np.minimum(misfits - misfits.min(axis=0), OUT_OF_LINE)
    score = np.pad(worse[:, frame.inner].sum(axis=1), 1, constant_values=np.inf)
    valleys = [place for place in range(len(fits)) if score[place + 1] <= min(score[place], score[place + 2])]
    best: Fit | None = None
    for place in sorted(valleys, key=lambda place: float(score[place + 1]))[:MOST_VALLEYS]:
        shape = fits[place].shape.copy()
        shape[frame.heights :] = np.array(STARTS_M)[np.argmin(misfits, axis=0)]
        agreeing = frame.inner & (worse[place] < OUT_OF_LINE)
        agreeing = agreeing if agreeing.any() else frame.inner
        begun = _together(frame, replace(fits[place], shape=shape), agreeing, STARTS_M[place])
        whole = begun.free
        # the blur and the bulges wait until heights and contrasts are about right
        partly = whole.copy()
        partly[[WIDTH, THIRD, FOURTH, SIXTH]] = False
        partly[frame.heights - frame.segments : frame.heights] = False
        begun = replace(descend(beside, prior, replace(begun, free=partly), 5), free=whole)
        if best is None:
            best = descend(beside, prior, _weighed(frame, begun), 5)
            continue
        # compared by the same weights, for each would make its own fit look good
        other = placed_at(beside, prior, replace(begun, weights=best.weights))
        other = descend(beside, prior, other, 5)
        gain = best.cost + _unlikely(frame, best) - other.cost - _unlikely(frame, other)
        best = other if gain > CLEARLY else best
    assert best is not None
    return best


def _unlikely(frame: Frame, fit: Fit) -> float:
    """What a deck's height beyond those of tankers costs."""
    beyond = max(float(fit.shape[frame.heights]) - frame.likely_m, 0.0) / (LIKELY_SPREAD * frame.likely_m)
    return beyond**2


def _raised(frame: Frame, fit: Fit, height_m: float) -> Fit:
    """The same point with another height for all segments."""
    shape = fit.shape.copy()
    shape[frame.heights :] = height_m
    return placed_at(frame.beside, frame.prior, replace(fit, shape=shape))


def _by_segment(frame: Frame, fit: Fit) -> Doubles:
    """Each segment's share of the misfit."""
    square = (fit.weights * fit.normals.residual**2).sum(axis=0)
    return np.bincount(frame.beside.strip.segment, square, minlength=frame.segments)


def _weighed(frame: Frame, fit: Fit) -> Fit:
    """The fit with weights by its residuals: texture of the deck, roughness of its edge, strays.

    Whitened water has unit effective variance; where the model fits it worse, its variance is raised.
    """
    count, inflation = frame.beside.count, frame.beside.scatter.inflation[:, None]
    cover, slope = fit.normals.cover
    square = fit.normals.residual**2 * count
    water, deck, edge = cover < 0.02, cover > 0.6, (cover > 0.05) & (cover < 0.95)
    base = np.maximum(_mean_square(square[:, water]) * inflation[:, 0], 1.0)
    texture = np.maximum(_mean_square(square[:, deck]) - 1.0, 0.0)
    variance = base[:, None] + cover**2 * texture[:, None]
    above = np.abs(fit.levels[:, LEVELS:][:, frame.inner]).mean(axis=1)[:, None]
    rough = (above * slope * frame.pixel_m) ** 2 * count
    if edge.any():
        excess = np.minimum(square, 9 * np.median(square[:, edge], axis=1, keepdims=True)) - variance
        share = excess[:, edge].mean(axis=1) / np.maximum(rough[:, edge].mean(axis=1), 1e-12)
        variance = variance + np.maximum(share, ROUGHNESS_PX**2)[:, None] * rough
    score = np.sqrt(square / variance * inflation)
    weights = count * np.minimum(1.0, HUBER / np.maximum(score, 1e-9)) / variance
    return placed_at(frame.beside, frame.prior, replace(fit, weights=weights))


def _mean_square(square: Doubles) -> Doubles:
    """Mean of each row with strays cut off at nine times what a normal law's middle says."""
    if square.shape[1] == 0:
        return np.zeros(square.shape[0])
    limit = 9 * np.median(square, axis=1, keepdims=True) / 0.455
    mean: Doubles = np.minimum(square, limit).mean(axis=1)
    return mean


def _own_prior(frame: Frame) -> Prior:
    """The same with heights that each segment has for itself, kept to what a hull may have."""
    weight = frame.prior.shape_weight.copy()
    weight[frame.heights :] = 1 / OWN_SPREAD_M**2
    return replace(frame.prior, shape_weight=weight)


def _apart(frame: Frame, fit: Fit) -> Fit:
    """The same point with a height of its own for each segment."""
    shape = fit.shape.copy()
    shape[frame.heights :] = np.clip(fit.shape[frame.heights + fit.slot], 0.3, 2 * HIGHEST_M)
    own = replace(fit, shape=shape, slot=np.arange(frame.segments), free=_free(frame, frame.segments))
    return placed_at(frame.beside, _own_prior(frame), own)


def _agreed(frame: Frame, own: Fit, prior: Prior) -> tuple[float, float, NDArray[np.bool_]]:
    """The height most segments of the inner length agree on, how well one of them tells it (m), and which (S,) do."""
    matrix, _ = curvature(prior, own)
    found = own.shape[frame.heights :]
    even_m = EVEN_PX * frame.pixel_m / frame.beside.strip.tip
    sigma = np.sqrt(1 / np.diag(matrix)[frame.heights :] + even_m**2)
    heights = np.arange(0.0, HIGHEST_M, 0.05)[:, None]
    same = (
        (1 - STRAY_ABOVE - STRAY_BELOW) / sigma * np.exp(-0.5 * ((found - heights) / sigma) ** 2) / np.sqrt(2 * np.pi)
    )
    stray = np.where(found > heights, STRAY_ABOVE, STRAY_BELOW) / HIGHEST_M
    best = int(np.argmax(np.log(same + stray)[:, frame.inner].sum(axis=1)))
    agreeing = (same[best] > stray[best]) & frame.inner
    return float(heights[best, 0]), float(np.median(sigma[frame.inner])), agreeing


def _together(frame: Frame, own: Fit, agreeing: NDArray[np.bool_], height_m: float) -> Fit:
    """One height for the segments that agree; the others keep their own."""
    slot = np.where(agreeing, 0, np.cumsum(~agreeing))
    shape = own.shape.copy()
    shape[frame.heights :] = height_m
    shape[frame.heights + slot[~agreeing]] = own.shape[frame.heights :][~agreeing]
    fit = replace(own, shape=shape, slot=slot, free=_free(frame, int(slot.max()) + 1))
    return placed_at(frame.beside, frame.prior, fit)


def _posterior(frame: Frame, fit: Fit, again: bool = True) -> DeckHeight:
    """Mean and spread over heights from 0 to the highest, each with all else fitted anew and integrated out."""
    at = frame.heights
    matrix, _ = curvature(frame.prior, fit)
    spread_m = float(np.clip(np.sqrt(np.linalg.inv(matrix)[at, at]), 0.02, 1.0))
    near = fit.shape[at] + spread_m * np.arange(-3.0, 3.1)
    heights = np.unique(np.concatenate([near[(near > 0) & (near < HIGHEST_M)], np.linspace(0, HIGHEST_M, 9)]))
    free = fit.free.copy()
    free[at] = False
    log_density = np.full(heights.size, -np.inf)
    middle = int(np.argmin(np.abs(heights - fit.shape[at])))
    best = fit
    for order in (range(middle, heights.size), range(middle - 1, -1, -1)):
        here = replace(fit, free=free)
        for place in order:
            shape = here.shape.copy()
            shape[at] = heights[place]
            here = descend(
                frame.beside, frame.prior, placed_at(frame.beside, frame.prior, replace(here, shape=shape)), 2
            )
            best = here if here.cost < best.cost else best
            log_density[place] = -0.5 * (here.cost + curvature(frame.prior, here)[1] + _unlikely(frame, here))
            if log_density[place] < log_density.max() - NEGLIGIBLE:
                break
    if again and best.cost < fit.cost - CLEARLY:
        # on the way a better point was met than the one begun at
        return _posterior(frame, descend(frame.beside, frame.prior, replace(best, free=fit.free), 5), again=False)
    density = np.exp(log_density - log_density.max()) * np.gradient(heights)
    density /= density.sum()
    mean = float((density * heights).sum())
    sigma = float(np.sqrt((density * (heights - mean) ** 2).sum()))
    return DeckHeight(mean, sigma, float(np.exp(fit.shape[WIDTH])), float(fit.shape[EDGE]))
