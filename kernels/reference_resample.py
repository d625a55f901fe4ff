"""The plain twin of `resample`: each pixel of the grid by itself, its four neighbours one by one."""

from math import floor

import numpy as np

from berthwatch.kernels.arrays import Array, Doubles


def resample_bilinear(image: Array, rows: Doubles, columns: Doubles, step: int, shape: tuple[int, int]) -> Array:
    """An image on a grid of a shape: the mean of the neighbours seen, by nearness, where the pixel below was seen."""
    out = np.full(shape, np.nan, np.float32)
    for y, x in np.ndindex(*shape):
        row, column = _between(rows, y, x, step), _between(columns, y, x, step)
        if not (0 <= row < image.shape[0] and 0 <= column < image.shape[1]):
            continue
        if np.isnan(image[floor(row), floor(column)]):
            continue
        total = weight = 0.0
        for near_y in range(floor(row - 0.5), floor(row - 0.5) + 2):
            for near_x in range(floor(column - 0.5), floor(column - 0.5) + 2):
                inside = 0 <= near_y < image.shape[0] and 0 <= near_x < image.shape[1]
                if inside and not np.isnan(image[near_y, near_x]):
                    share = (1 - abs(row - 0.5 - near_y)) * (1 - abs(column - 0.5 - near_x))
                    total += share * float(image[near_y, near_x])
                    weight += share
        out[y, x] = total / weight
    return out


def _between(knots: Doubles, y: int, x: int, step: int) -> float:
    """What knots say of a pixel between them."""
    (above, down), (before, after) = divmod(y, step), divmod(x, step)
    corners = knots[above : above + 2, before : before + 2]
    down_share, across_share = down / step, after / step
    upper, lower = corners @ np.array([1 - across_share, across_share])
    return float((1 - down_share) * upper + down_share * lower)
