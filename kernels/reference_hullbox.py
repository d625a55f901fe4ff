"""The plain twin of `hullbox`: every box cut out of the image by itself, and all weighed at the end."""

from collections.abc import Iterator

import numpy as np

from berthwatch.kernels import hullbox
from berthwatch.kernels.arrays import Doubles
from berthwatch.kernels.hullbox import Limits


def sum_boxes(level: Doubles, limits: Limits, temperature: float) -> Doubles:
    """The best score and the weighted sums over boxes."""
    found = [(score_box(level, *box, limits.end), *box) for box in _boxes(level.shape, limits)]
    boxes = np.array([box for box in found if box[0] > -np.inf]).reshape(-1, 5).T
    if not boxes.size:
        return np.array([-np.inf, *[0.0] * 7])
    score, top, bottom, left, right = boxes
    weight, length, beam = np.exp((score - score.max()) / temperature), right - left, bottom - top
    terms = [np.ones_like(length), length, length**2, beam, beam**2, (left + right) / 2, (top + bottom) / 2]
    return np.array([score.max(), *(np.stack(terms) @ weight)])


def _boxes(shape: tuple[int, ...], limits: Limits) -> Iterator[tuple[int, int, int, int]]:
    (rows, columns), end = shape, limits.end
    for top, bottom, left, right in np.ndindex(rows + 1, rows + 1, columns + 1, columns + 1):
        beam, length = bottom - top, right - left
        around = top <= rows // 2 < bottom and left <= columns // 2 < right
        fits = end <= top and bottom <= rows - end and end <= left and right <= columns - end
        sized = limits.narrowest <= beam <= limits.widest and 2 * beam <= length <= min(limits.longest, 9 * beam)
        if around and fits and sized:
            yield top, bottom, left, right


def score_box(level: Doubles, top: int, bottom: int, left: int, right: int, end: int) -> float:
    """The score of one box of an image."""
    box, side = level[top:bottom, left:right], max(1, end // 2)
    ends = [
        box[:, :end].mean() - level[top:bottom, left - end : left].mean(),
        box[:, -end:].mean() - level[top:bottom, right : right + end].mean(),
    ]
    worse, better = sorted((
        box[:side].mean() - level[top - side : top, left:right].mean(),
        box[-side:].mean() - level[bottom : bottom + side, left:right].mean(),
    ))  # fmt: skip
    if box.mean() < hullbox.LEAST_BRIGHTNESS or min(*ends, better) < hullbox.LEAST_CONTRAST:
        return -np.inf
    middle = np.array([(top + bottom - level.shape[0]) / 2, (left + right - level.shape[1]) / 2])
    off = middle / (hullbox.OFF_ACROSS * box.shape[0], hullbox.OFF_ALONG * box.shape[1])
    shape = (np.log(box.shape[1] / box.shape[0]) - hullbox.SLENDERNESS) ** 2 / hullbox.SLENDERNESS_VARIANCE
    contrast = np.sqrt(np.prod(ends)) + better + hullbox.SECOND_SIDE * max(worse, -worse / 2) + box.mean() / 2
    return float(contrast - hullbox.PRIOR * (shape + off @ off))
