"""An optical scene of a synthetic port: four bands of reflectance x 10,000, and a mask.

Shapes are laid over one another on a finer grid (see `shading`), each class looking as it does that day (see
`surfaces`); then come texture, waves and glint, point spread, haze, fog and clouds, gain and noise. The mask is
as imperfect as real ones: cloud edges are missed, bright decks are sometimes called cloud, fog sometimes is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from berthwatch.datasets.hulls import Hull, draw_launches, moved
from berthwatch.datasets.ports import SyntheticPort
from berthwatch.datasets.raster import Field, Grid, displaced, draw_labels, mean_of_labels, smooth_noise, spread
from berthwatch.datasets.shading import lay_shapes, rays
from berthwatch.datasets.sky import Camera, Sky, draw_clouds
from berthwatch.datasets.surfaces import IS_GROUND, IS_LIT_WATER, draw_surfaces

BANDS = ("blue", "green", "red", "nir")
POINT_SPREAD_PX = 0.6
WAVES_M = 3.0
CLOUD = np.array([0.62, 0.62, 0.63, 0.66])
HAZE = np.array([0.38, 0.33, 0.28, 0.20])


@dataclass(frozen=True, slots=True)
class OpticalScene:
    """What the sensor delivers, and what of it is hidden in truth."""

    reflectance: npt.NDArray[np.uint16]
    """(4, size, size), x 10,000, 0 = nodata."""
    mask: npt.NDArray[np.uint8]
    """(size, size), 1 where the mask takes it for clear."""
    hidden: npt.NDArray[np.bool_]
    """(size, size), True where more cloud than ground is seen; no file has it."""


def render_optical(
    port: SyntheticPort,
    grid: Grid,
    camera: Camera,
    ground: Field,
    hulls: Sequence[Hull],
    sky: Sky,
    rng: np.random.Generator,
) -> OpticalScene:
    """Render one scene.

    Parameters
    ----------
    port, grid, camera
        Where, on which pixels, and by which sensor.
    ground : ndarray
        Texture of land and pier, (size, size), mean 0 and variance 1; the same in every scene.
    hulls : sequence of Hull
        What is alongside.
    sky : Sky
        Sun, view, cloud, fog and haze.
    rng : numpy.random.Generator
        Jitter of the geolocation, launches, colours, waves, clouds, gain, noise and the mask's mistakes come from it.

    Returns
    -------
    OpticalScene
        Four bands and the mask.

    Raises
    ------
    ValueError
        The sun is below the horizon.
    """
    if sky.sun_elevation_deg <= 0:
        raise ValueError(f"the sun must be above the horizon: elevation {sky.sun_elevation_deg:.1f} degrees")
    down_px, right_px = rng.normal(0.0, camera.jitter_px, 2)
    table = draw_surfaces(rng)
    laid = lay_shapes(port, hulls, draw_launches(port, -grid.west_m, rng), rays(sky, port))
    placed = moved([shape for shape, _ in laid], right_px * grid.pixel_m, -down_px * grid.pixel_m)
    labels = draw_labels(grid, [(shape, label) for shape, (_, label) in zip(placed, laid, strict=True)], camera.finer)
    drawn = mean_of_labels(labels, table, camera.finer)
    image = drawn[..., :4]
    image *= (1 + 0.15 * drawn[..., IS_GROUND] * displaced(ground, down_px, right_px))[..., None]
    # Glint is light of the sun: there is none in shadow.
    glint = abs(rng.normal(0.0, 0.004)) * (1 + 0.4 * smooth_noise(rng, grid.size, WAVES_M / grid.pixel_m))
    image += (drawn[..., IS_LIT_WATER] * glint)[..., None]
    image = spread(image, POINT_SPREAD_PX)
    image = (1 - sky.haze) * image + sky.haze * HAZE
    clouds = _opacity(grid.size, sky, rng)
    image = (1 - clouds[..., None]) * image + clouds[..., None] * CLOUD
    image *= (1 + rng.normal(0.0, 0.02)) * (1 + rng.normal(0.0, 0.01, 4))
    image += rng.normal(0.0, 0.0015, image.shape)
    stored = np.clip(np.rint(image * 1e4), 1, 65535).astype(np.uint16)
    mask = _mask(image, clouds, sky, rng)
    return OpticalScene(np.ascontiguousarray(np.moveaxis(stored, 2, 0)), mask, clouds > 0.5)


def _opacity(size: int, sky: Sky, rng: np.random.Generator) -> Field:
    """Of clouds and fog together, (size, size), 0..1."""
    clouds = draw_clouds(size, sky.cloud, rng)
    if sky.fog == 0:
        return clouds
    veil = sky.fog * (1 + 0.04 * smooth_noise(rng, size, size / 6))
    return np.asarray(np.maximum(clouds, np.clip(veil, 0.0, 0.99)))


def _mask(image: Field, clouds: Field, sky: Sky, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Call thick cloud cloud, at a threshold that differs by scene.

    In some scenes bright things are called cloud too; now and then an even fog is not noticed.
    """
    cloudy = clouds > rng.uniform(0.15, 0.5)
    if rng.random() < 0.3:
        cloudy |= image[..., :3].min(axis=2) > rng.uniform(0.22, 0.32)
    if sky.fog > 0 and rng.random() < 0.05:
        cloudy &= clouds > 0.99
    return np.where(cloudy, 0, 1).astype(np.uint8)
