"""The simulator's pixel grids: shapes drawn onto them with anti-aliasing, correlated noise, point spread.

All shapes are in local metres, x east and y north of the port's anchor, on the axes of its UTM zone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rasterio import Affine
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

type Field = npt.NDArray[np.float64]
type Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Grid:
    """A square-pixel, north-up grid around the port's anchor.

    >>> Grid(pixel_m=10, size=96).west_m
    -480.0
    """

    pixel_m: float
    size: int
    """Pixels along each side."""

    @property
    def west_m(self) -> float:
        """Local x of the western edge, and minus the local y of the northern one."""
        return -self.pixel_m * self.size / 2

    def transform(self, finer: int = 1) -> Affine:
        """From pixel to local metres, on this grid or one with `finer` x `finer` cells in each pixel."""
        step = self.pixel_m / finer
        return Affine(step, 0.0, self.west_m, 0.0, -step, -self.west_m)


def draw_labels(grid: Grid, shapes: Iterable[tuple[BaseGeometry, int]], finer: int) -> Labels:
    """Draw shapes one over the other on the finer grid; where there is none, 0.

    >>> from shapely.geometry import box
    >>> draw_labels(Grid(10, 2), [(box(-10, -10, 0, 10), 1), (box(-10, 0, 0, 10), 2)], finer=1)
    array([[2, 0],
           [1, 0]], dtype=uint8)
    """
    side = grid.size * finer
    solid = [(shape, label) for shape, label in shapes if not shape.is_empty]
    if not solid:
        return np.zeros((side, side), np.uint8)
    drawn: Labels = rasterize(solid, out_shape=(side, side), transform=grid.transform(finer), dtype="uint8")
    return drawn


def mean_of_labels(labels: Labels, table: Field, finer: int) -> Field:
    """Average what a table gives for each label over the finer cells of each pixel.

    Parameters
    ----------
    labels : ndarray of uint8
        Labels on the finer grid, (size * finer, size * finer).
    table : ndarray of float64
        Values by label, (labels, values).
    finer : int
        Cells along each side of a pixel.

    Returns
    -------
    ndarray of float64
        (size, size, values)

    Examples
    --------
    >>> mean_of_labels(np.array([[0, 1], [0, 1]], np.uint8), np.array([[1.0, 0.0], [3.0, 1.0]]), 2)
    array([[[2. , 0.5]]])
    """
    size = labels.shape[0] // finer
    tiles = labels.reshape(size, finer, size, finer)
    mean = table[labels[::finer, ::finer]]
    # Nearly all pixels are of one label.
    mixed = tiles.min(axis=(1, 3)) != tiles.max(axis=(1, 3))
    mean[mixed] = table[tiles.swapaxes(1, 2)[mixed].reshape(-1, finer * finer)].mean(axis=1)
    return mean


def share_of(grid: Grid, shapes: Iterable[BaseGeometry], finer: int) -> Field:
    """The share of each pixel that shapes cover, (size, size).

    >>> from shapely.geometry import box
    >>> share_of(Grid(10, 2), [box(-10, 0, -5, 10)], finer=2)
    array([[0.5, 0. ],
           [0. , 0. ]])
    """
    inside = np.array([[0.0], [1.0]])
    return mean_of_labels(draw_labels(grid, [(shape, 1) for shape in shapes], finer), inside, finer)[..., 0]


def frequencies(size: int) -> tuple[Field, Field]:
    """Cycles per pixel of the half-plane transform of a square field, as (size, 1) and (1, size // 2 + 1)."""
    return np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]


def smooth_noise(rng: np.random.Generator, size: int, correlation_px: float) -> Field:
    """Draw Gaussian noise (size, size) of mean 0 and variance 1, smoothed to the given correlation; periodic.

    The kernel is a Gaussian of standard deviation `correlation_px`; the variance is 1 in expectation, so
    that one field's sample variance tells nothing that its seed does not.

    >>> noise = smooth_noise(np.random.default_rng(1), 256, 2.0)
    >>> bool(abs(noise.std() - 1) < 0.05)
    True
    """
    fy, fx = frequencies(size)
    along_y, along_x = (np.exp(-2 * np.pi**2 * correlation_px**2 * axis**2) for axis in (fy, fx))
    smooth = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * along_y * along_x, s=(size, size))
    return np.asarray(smooth / np.mean(along_y**2))


def displaced(field: Field, dy_px: float, dx_px: float) -> Field:
    """Move a periodic field (size, size) down and right by a fraction of a pixel, exactly.

    >>> bool(np.allclose(displaced(np.eye(4), 1, 0), np.roll(np.eye(4), 1, axis=0)))
    True
    """
    size = field.shape[0]
    fy, fx = frequencies(size)
    phase = np.exp(-2j * np.pi * (fy * dy_px + fx * dx_px))
    return np.asarray(np.fft.irfft2(np.fft.rfft2(field) * phase, s=(size, size)))


def spread(field: Field, sigma_px: float) -> Field:
    """Blur a field (y, x) by a Gaussian point spread; the outermost pixels are repeated beyond the edge.

    >>> blurred = spread(np.ones((8, 8)), 1.0)
    >>> bool(np.allclose(blurred, 1.0))
    True
    """
    reach = int(np.ceil(4 * sigma_px))
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma_px) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        moved = np.moveaxis(field, axis, 0)
        padded = np.pad(moved, [(reach, reach)] + [(0, 0)] * (moved.ndim - 1), mode="edge")
        length = moved.shape[0]
        total = np.zeros(moved.shape)
        for weight, start in zip(kernel, range(2 * reach + 1), strict=True):
            total += weight * padded[start : start + length]
        field = np.moveaxis(total, 0, axis)
    return np.asarray(field)
