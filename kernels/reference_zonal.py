"""The plain NumPy twins of coverage and of what zones hold, by their definitions; no code is the kernels'."""

from collections.abc import Sequence

import numpy as np

from berthwatch.kernels.arrays import Array, Doubles, Integers


def dense_weights(indptr: Integers, indices: Integers, weights: Doubles, pixels: int) -> Doubles:
    """Zones (zone, pixel) with a weight for every pixel of the image."""
    dense = np.zeros((len(indptr) - 1, pixels))
    for zone in range(len(dense)):
        for entry in range(indptr[zone], indptr[zone + 1]):
            dense[zone, indices[entry]] += weights[entry]
    return dense


def weighted_mean(values: Array, dense: Doubles) -> tuple[Doubles, Doubles]:
    """Mean of (scene, pixel) values, and the weight of what was seen: two products of matrices."""
    covered = np.isfinite(values) @ dense.T
    total = np.where(np.isfinite(values), values, 0.0) @ dense.T
    return np.where(covered > 0.0, total / np.where(covered > 0.0, covered, 1.0), np.nan), covered


def weighted_variance(values: Array, dense: Doubles) -> Doubles:
    """Mean of the squares of distances from the mean."""
    mean, _ = weighted_mean(values, dense)
    away = [weighted_mean((values - mean[:, zone, None]) ** 2, dense[zone : zone + 1])[0] for zone in range(len(dense))]
    return np.concatenate(away, axis=1) if away else mean


def weighted_fraction(values: Array, dense: Doubles, above: float) -> Doubles:
    """Mean of 1 where above and 0 where not."""
    return weighted_mean(np.where(np.isnan(values), np.nan, values > above), dense)[0]


def weighted_quantile(values: Array, dense: Doubles, q: float) -> Doubles:
    """Sorted by value and then by weight, each pixel at its place, and read off by interpolation."""
    out = np.full((len(values), len(dense)), np.nan)
    for scene, zone in np.ndindex(*out.shape):
        held = sorted((v, w) for v, w in zip(values[scene], dense[zone], strict=True) if w > 0.0 and not np.isnan(v))
        if held:
            ranked, own = np.array(held).T
            before = np.cumsum(own) - own
            places = np.arange(own.size) * own + (own.size - 1) * before
            out[scene, zone] = np.interp(q * (own.size - 1) * own.sum(), places, ranked)
    return out


def polygon_coverage(exteriors: Sequence[Doubles], holes: Sequence[Doubles], shape: tuple[int, int]) -> Doubles:
    """Area (rows, columns) inside: each ring clipped to each pixel (Sutherland and Hodgman 1974), holes taken off."""
    area = np.zeros(shape)
    for (row, column), _ in np.ndenumerate(area):
        for sign, rings in ((1.0, exteriors), (-1.0, holes)):
            area[row, column] += sign * sum(_clipped_area(ring, row, column) for ring in rings)
    return area


def _clipped_area(ring: Doubles, row: int, column: int) -> float:
    corners = [(float(x) - column, float(y) - row) for x, y in ring]
    for axis, limit, side in ((0, 0.0, 1.0), (0, 1.0, -1.0), (1, 0.0, 1.0), (1, 1.0, -1.0)):
        kept: list[tuple[float, float]] = []
        for k, corner in enumerate(corners):
            before = corners[k - 1]
            inside, was_inside = side * (corner[axis] - limit) >= 0.0, side * (before[axis] - limit) >= 0.0
            if inside != was_inside:
                share = (limit - before[axis]) / (corner[axis] - before[axis])
                other = before[1 - axis] + share * (corner[1 - axis] - before[1 - axis])
                kept.append((limit, other) if axis == 0 else (other, limit))
            if inside:
                kept.append(corner)
        corners = kept
    twice = sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(corners, corners[1:] + corners[:1], strict=True))
    return abs(twice) / 2.0
