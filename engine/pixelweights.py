"""How much each pixel beside a hull tells: water's scatter, the deck's texture, the raggedness of its edge, strays.

Weights come from the residuals of a fit, with bounds that keep a bad fit from making itself look good.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from berthwatch.kernels.arrays import Doubles
from berthwatch.kernels.profile import LEVELS, SHAPES
from berthwatch.profile import Fit, Prior, placed_at
from berthwatch.waterstrip import Beside

HUBER = 3.0
ROUGHNESS_PX, ROUGHEST_PX, ROUGHEST_M = 0.02, 0.1, 0.2
"""Root mean square of how far an edge strays from the model's: at least, and at most. Without the last a short shadow
could pass for a ragged edge."""


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


def weighed(frame: Frame, fit: Fit) -> Fit:
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
    roughest = np.hypot(ROUGHEST_PX, ROUGHEST_M / frame.pixel_m)
    if edge.any():
        excess = np.minimum(square, 9 * np.median(square[:, edge], axis=1, keepdims=True)) - variance
        share = excess[:, edge].mean(axis=1) / np.maximum(rough[:, edge].mean(axis=1), 1e-12)
        variance = variance + np.clip(share, ROUGHNESS_PX**2, roughest**2)[:, None] * rough
    score = np.sqrt(square / variance * inflation)
    weights = count * np.minimum(1.0, HUBER / np.maximum(score, 1e-9)) / variance
    log_variance = float((np.log(variance) / inflation).sum())
    return placed_at(frame.beside, frame.prior, replace(fit, weights=weights, log_variance=log_variance))


def _mean_square(square: Doubles) -> Doubles:
    """Mean of each row with strays cut off at nine times what a normal law's middle says."""
    if square.shape[1] == 0:
        return np.zeros(square.shape[0])
    limit = 9 * np.median(square, axis=1, keepdims=True) / 0.455
    mean: Doubles = np.minimum(square, limit).mean(axis=1)
    return mean
