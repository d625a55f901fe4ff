"""Change between two SAR images: Cohen's Kappa x 100 of `change_pair` against ground truth, on real pairs.

Beside it Otsu's threshold on the absolute log-ratio, of pixels and of means over 5 x 5, and the threshold on the
latter that is best once the truth is known: no method that thresholds it can do better. One setting for all pairs;
ours were chosen with these pairs in view, and with simulated ones.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from skimage.filters import threshold_otsu
from skimage.io import imread

from benchmarks.real import real_data
from benchmarks.table import Row, against, main
from berthwatch import change_pair

PAIRS = ("bern", "farmland", "inland_water", "ottawa", "san_francisco_v2", "sulzberger1", "yellow_river")
ASKED_MEAN, ASKED_LEAST = 86.0, 77.0
QUANTILES = np.linspace(0.5, 0.999, 200)

Image = NDArray[np.float64]
Map = NDArray[np.bool_]


def kappa(found: Map, truth: Map) -> float:
    """Cohen's Kappa x 100: agreement beyond that of two maps with these shares by chance.

    >>> kappa(np.array([True, False, False, False]), np.array([True, False, False, False]))
    100.0
    """
    agreed = float((found == truth).mean())
    chance = float(found.mean() * truth.mean() + (1 - found.mean()) * (1 - truth.mean()))
    return 100 * (agreed - chance) / (1 - chance)


def _size(before: Image, after: Image, side: int) -> Image:
    """|log-ratio| of geometric means over a square, less its median."""
    ratio = uniform_filter(np.log1p(after), side) - uniform_filter(np.log1p(before), side)
    return np.asarray(np.abs(ratio - np.median(ratio)))


def _otsu(side: int) -> Callable[[Image, Image, Map], float]:
    def score(before: Image, after: Image, truth: Map) -> float:
        size = _size(before, after, side)
        return kappa(size > threshold_otsu(size), truth)

    return score


def _best(before: Image, after: Image, truth: Map) -> float:
    size = _size(before, after, 5)
    return max(kappa(size > threshold, truth) for threshold in np.quantile(size, QUANTILES))


def _ours(before: Image, after: Image, truth: Map) -> float:
    return kappa(change_pair(before, after), truth)


METHODS: dict[str, Callable[[Image, Image, Map], float]] = {
    "Otsu": _otsu(1),
    "5 x 5, Otsu": _otsu(5),
    "5 x 5, best threshold known": _best,
}


def _grey(image: NDArray[np.uint8]) -> Image:
    return image.reshape(*image.shape[:2], -1)[..., 0].astype(np.float64)


def measure(small: bool) -> list[Row]:  # noqa: ARG001 - seven pairs take seconds
    """Score all methods on all pairs; nothing where the pairs are not there."""
    folder = real_data("sar-change")
    if folder is None:
        return []
    rows, ours = [], []
    peers: dict[str, list[float]] = {name: [] for name in METHODS}
    for pair in PAIRS:
        before, after, truth = (_grey(imread(folder / pair / f"{name}.png")) for name in ("t1", "t2", "gt"))
        changed = truth > 127
        ours.append(_ours(before, after, changed))
        for name, method in METHODS.items():
            peers[name].append(method(before, after, changed))
            own = Row(pair, "change_pair", ours[-1], "Kappa x 100")
            rows.append(against(own, name, peers[name][-1], less_is_better=False))
    mean, least = (Row(f"{which} of seven", "change_pair", float(value), "Kappa x 100")
                   for which, value in (("mean", np.mean(ours)), ("least", np.min(ours))))  # fmt: skip
    rows += [against(mean, name, float(np.mean(found)), less_is_better=False) for name, found in peers.items()]
    rows.append(against(mean, "asked for", ASKED_MEAN, less_is_better=False))
    rows.append(against(least, "asked for", ASKED_LEAST, less_is_better=False))
    return rows


if __name__ == "__main__":
    main("pairs", measure)
