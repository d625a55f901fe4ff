"""The deck's height over water from the strip beside it, and how sure it is.

The shadow of the deck house, and of what stands on deck, is longer than the deck's own and displaced along the hull,
and a barge or a launch may hide it, so each segment may have a height of its own: the deck's is the one that most
agree on, with more room for strays above it than below. Its sigma is the spread of the posterior over heights, all
else integrated out by Laplace's approximation at each height. A short dark shadow looks much like a longer faint one
through a coarse pixel, so that several starts are followed, and what they end at is weighed by its evidence.
"""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from berthwatch.hullside import HIGHEST_M, LEAST_SEGMENTS
from berthwatch.kernels.profile import CONTRAST, LEVELS, SHAPES, profile_normals
from berthwatch.pixelweights import Frame, weighed
from berthwatch.profile import Fit, Prior, curvature, descend, placed_at, prior_of
from berthwatch.waterstrip import Beside

STARTS_M = (0.6, 1.2, 2.0, 3.0, 4.4, 6.5, 10.0, 14.0, 19.0)
"""Heights of decks, and of houses on them."""
CONTRASTS = (0.2, 0.4, 0.7)
"""Shares of its light that water may lose in shadow, to begin with."""
SETTLING = 2
MOST_STARTS, ALIKE_M = 3, 0.3
"""Of starts that are followed, and heights that count as one."""
CLEARLY = 6.0
"""How much better than the point begun at another must be to be gone to."""
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
    """Posterior mean and standard deviation of a deck's height (m)."""

    height_m: float
    sigma_m: float


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
    found = [_followed(frame, start) for start in _starts(frame)]
    ends = [end for end in found if not isinstance(end, str)]
    if not ends:
        return next(end for end in found if isinstance(end, str))
    mixed = _mixed(ends)
    if mixed.height_m > MOST_LIKELY * likely_m:
        return "what is dark beside the hull is longer than its own shadow"
    return mixed


@dataclass(frozen=True, slots=True)
class End:
    """Where a start led: mean and spread of the height there, and the log evidence for it."""

    height_m: float
    sigma_m: float
    log_evidence: float


def _mixed(ends: list[End]) -> DeckHeight:
    """The height over all ends, each as likely as its evidence says."""
    log = np.array([end.log_evidence for end in ends])
    share = np.exp(log - log.max())
    share /= share.sum()
    heights, sigmas = np.array([end.height_m for end in ends]), np.array([end.sigma_m for end in ends])
    mean = float((share * heights).sum())
    return DeckHeight(mean, float(np.sqrt((share * (sigmas**2 + (heights - mean) ** 2)).sum())))


def _followed(frame: Frame, fit: Fit) -> End | str:
    """Where a start leads once segments may have heights of their own; or why to nothing."""
    beside = frame.beside
    fit = weighed(frame, descend(beside, frame.prior, weighed(frame, fit), 5))
    own_prior = _own_prior(frame)
    own = fit
    for _ in range(2):
        own = descend(beside, own_prior, _apart(frame, own), 5)
        height_m, spread_m, agreeing = _agreed(frame, own, own_prior)
        if np.count_nonzero(agreeing) < max(LEAST_SEGMENTS, LEAST_AGREEING * np.count_nonzero(frame.inner)):
            return "parts of the shadow disagree"
        fit = weighed(frame, descend(beside, frame.prior, _together(frame, own, agreeing, height_m), 5))
        own = placed_at(beside, own_prior, replace(own, weights=fit.weights, log_variance=fit.log_variance))
    end = _posterior(frame, descend(beside, frame.prior, fit, 5))
    if abs(end.height_m - height_m) > STRAYED * np.hypot(end.sigma_m, spread_m):
        return "parts of the shadow disagree"
    return end


def _free(frame: Frame, heights: int) -> NDArray[np.bool_]:
    """All shapes but the heights that no segment uses."""
    free = np.ones(frame.heights + frame.segments, np.bool_)
    free[frame.heights + heights :] = False
    return free


def _starts(frame: Frame) -> list[Fit]:
    """The likeliest points to begin at, of those that heights and contrasts all over their range lead to.

    All segments share one height here. The contrast is freed last: before edge and height are right, a faint shadow
    would make up for anything.
    """
    beside, prior = frame.beside, frame.prior
    levels = np.hstack([prior.level[:, :LEVELS], beside.deck])
    slot, free = np.zeros(frame.segments, np.int64), _free(frame, 1)
    fixed = free.copy()
    fixed[CONTRAST] = fixed[SHAPES : frame.heights - frame.segments] = False
    alike = np.ones_like(beside.strip.values)
    ends = []
    for contrast, height_m in product(CONTRASTS, STARTS_M):
        shape = prior.shape.copy()
        shape[CONTRAST], shape[frame.heights :] = np.log(contrast), height_m
        normals = profile_normals(beside.strip, alike, shape, levels, slot)
        begun = weighed(frame, Fit(shape, levels, slot, alike, 0.0, fixed, 0.0, normals))
        ends.append(_settled(frame, replace(_settled(frame, begun), free=free)))
    ends.sort(key=lambda end: end.cost + end.log_variance + _unlikely(frame, end))
    kept: list[Fit] = []
    for end in ends:
        apart = [abs(float(end.shape[frame.heights] - other.shape[frame.heights])) > ALIKE_M for other in kept]
        if all(apart) and len(kept) < MOST_STARTS:
            kept.append(end)
    return kept


def _settled(frame: Frame, fit: Fit) -> Fit:
    """The fit after its weights and it have been made to go together."""
    for _ in range(SETTLING):
        fit = descend(frame.beside, frame.prior, weighed(frame, fit), 5)
    return weighed(frame, fit)


def _unlikely(frame: Frame, fit: Fit) -> float:
    """What a deck's height beyond those of tankers costs."""
    beyond = max(float(fit.shape[frame.heights]) - frame.likely_m, 0.0) / (LIKELY_SPREAD * frame.likely_m)
    return beyond**2


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


def _posterior(frame: Frame, fit: Fit, again: bool = True) -> End:
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
    total = density.sum()
    mean = float((density * heights).sum() / total)
    sigma = float(np.sqrt((density * (heights - mean) ** 2).sum() / total))
    strays = int(fit.slot[frame.inner].max()) if frame.inner.any() else 0
    belief = 0.5 * float(np.log(frame.prior.shape_weight[fit.free]).sum()) - strays * np.log(1 / STRAY_ABOVE)
    log_evidence = float(log_density.max() + np.log(total) - 0.5 * fit.log_variance + belief)
    return End(mean, sigma, log_evidence)
