"""A PlanetScope-like optical scene of a synthetic port: four bands of reflectance x 10,000, 3 m, and a mask.

Solid shapes are laid over one another from low to high on a finer grid: water, land, shadows on water, pier,
shadows on the pier, hulls' visible sides, decks, houses. Everything raised leans away from the satellite and
casts its shadow away from the sun, each by the height of its own edge above the surface that receives it.
The mask is as imperfect as real ones: cloud edges are missed, and bright decks are sometimes called cloud.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from berthwatch.datasets.hulls import Hull, azimuth_vector, moved, swept
from berthwatch.datasets.ports import SyntheticPort
from berthwatch.datasets.raster import Field, Grid, displaced, draw_labels, mean_of_labels, smooth_noise, spread
from berthwatch.datasets.sky import Sky, draw_clouds

BANDS = ("blue", "green", "red", "nir")
FINER = 3
POINT_SPREAD_PX = 0.6
JITTER_PX = 0.4

WATER, LAND, WATER_SHADOW, PIER, PIER_SHADOW, SIDE, HOUSE, DECK = range(8)
"""Classes in the order in which they hide one another; decks are DECK, DECK + 1, … by paint."""

REFLECTANCE = np.array(
    [
        [0.055, 0.050, 0.030, 0.015],
        [0.070, 0.095, 0.110, 0.240],
        [0.034, 0.029, 0.016, 0.006],
        [0.210, 0.230, 0.250, 0.270],
        [0.070, 0.072, 0.075, 0.080],
        [0.050, 0.050, 0.070, 0.080],
        [0.420, 0.440, 0.450, 0.440],
        [0.080, 0.080, 0.180, 0.220],
        [0.090, 0.140, 0.100, 0.200],
        [0.300, 0.310, 0.320, 0.320],
    ]
)
"""By class and band, as on a clear day."""

GROUND_OR_WATER = np.array([[label in (LAND, PIER), label in (WATER, WATER_SHADOW)] for label in range(10)], float)

CLOUD = np.array([0.62, 0.62, 0.63, 0.66])
HAZE = np.array([0.38, 0.33, 0.28, 0.20])


@dataclass(frozen=True, slots=True)
class OpticalScene:
    """What the sensor delivers: `reflectance` uint16 (4, size, size), x 10,000, 0 = nodata; `mask` uint8, 1 = clear."""

    reflectance: npt.NDArray[np.uint16]
    mask: npt.NDArray[np.uint8]


def shadow_step(sky: Sky, port: SyntheticPort, height_m: float) -> tuple[float, float]:
    """How far east and north the shadow of a point falls from beneath it, metres, on the grid's axes."""
    east, north = azimuth_vector(sky.sun_azimuth_deg + port.north_deg)
    reach_m = height_m / math.tan(math.radians(sky.sun_elevation_deg))
    return -reach_m * east, -reach_m * north


def lean_step(sky: Sky, port: SyntheticPort, height_m: float) -> tuple[float, float]:
    """How far east and north the image of a raised point lies from the point beneath it, metres."""
    east, north = azimuth_vector(sky.view_azimuth_deg + port.north_deg)
    reach_m = height_m * math.tan(math.radians(sky.view_zenith_deg))
    return -reach_m * east, -reach_m * north


def lay_shapes(port: SyntheticPort, hulls: Sequence[Hull], sky: Sky) -> list[tuple[BaseGeometry, int]]:
    """List every shape with its class, in the order in which they are drawn."""
    raised = [(piece, port.pier_height_m) for piece in port.pier]
    raised += [(hull.outline, hull.deck_height_m) for hull in hulls]
    raised += [(hull.house, hull.house_height_m) for hull in hulls]
    on_water = [swept(shape, *shadow_step(sky, port, height_m)) for shape, height_m in raised]
    over_pier = [(shape, height_m - port.pier_height_m) for shape, height_m in raised if height_m > port.pier_height_m]
    on_pier = [swept(shape, *shadow_step(sky, port, above_m)) for shape, above_m in over_pier]
    pier = MultiPolygon(list(port.pier))
    shapes: list[tuple[BaseGeometry, int]] = [(shape, WATER_SHADOW) for shape in on_water]
    shapes += [(shape, LAND) for shape in port.land]
    shapes += [(piece, PIER) for piece in port.pier]
    shapes.append((unary_union(on_pier).intersection(pier.buffer(0)), PIER_SHADOW))
    for hull in hulls:
        shapes.append((swept(hull.outline, *lean_step(sky, port, hull.deck_height_m)), SIDE))
        shapes.append((_leant(hull.outline, sky, port, hull.deck_height_m), DECK + hull.paint))
        shapes.append((_leant(hull.house, sky, port, hull.house_height_m), HOUSE))
    return shapes


def render_optical(
    port: SyntheticPort,
    grid: Grid,
    ground: Field,
    hulls: Sequence[Hull],
    sky: Sky,
    rng: np.random.Generator,
) -> OpticalScene:
    """Render one scene.

    Parameters
    ----------
    port, grid
        Where, and on which pixels.
    ground : ndarray
        Texture of land and pier, (size, size), mean 0 and variance 1; the same in every scene.
    hulls : sequence of Hull
        What is alongside.
    sky : Sky
        Sun, view, cloud and haze.
    rng : numpy.random.Generator
        Jitter of the geolocation, waves, clouds, noise and the mask's mistakes come from it.

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
    down_px, right_px = rng.normal(0.0, JITTER_PX, 2)
    laid = lay_shapes(port, hulls, sky)
    placed = moved([shape for shape, _ in laid], right_px * grid.pixel_m, -down_px * grid.pixel_m)
    labels = draw_labels(grid, [(shape, label) for shape, (_, label) in zip(placed, laid, strict=True)], FINER)
    drawn = mean_of_labels(labels, np.hstack([REFLECTANCE, GROUND_OR_WATER]), FINER)
    image, solid, water = drawn[..., :4], drawn[..., 4], drawn[..., 5]
    image *= (1 + 0.15 * solid * displaced(ground, down_px, right_px))[..., None]
    waves = abs(rng.normal(0.0, 0.004)) * (1 + 0.4 * smooth_noise(rng, grid.size, 1.0))
    image += (water * waves)[..., None]
    image = spread(image, POINT_SPREAD_PX)
    image = (1 - sky.haze) * image + sky.haze * HAZE
    clouds = draw_clouds(grid.size, sky.cloud, rng)
    image = (1 - clouds[..., None]) * image + clouds[..., None] * CLOUD
    image += rng.normal(0.0, 0.0015, image.shape)
    stored = np.clip(np.rint(image * 1e4), 1, 65535).astype(np.uint16)
    mask = _mask(image, clouds, rng)
    return OpticalScene(np.ascontiguousarray(np.moveaxis(stored, 2, 0)), mask)


def _leant(shape: Polygon, sky: Sky, port: SyntheticPort, height_m: float) -> Polygon:
    return moved([shape], *lean_step(sky, port, height_m))[0]


def _mask(image: Field, clouds: Field, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Call thick cloud cloud, at a threshold that differs by scene; in some scenes call bright things cloud too."""
    cloudy = clouds > rng.uniform(0.15, 0.5)
    if rng.random() < 0.3:
        cloudy |= image[..., :3].min(axis=2) > rng.uniform(0.22, 0.32)
    return np.where(cloudy, 0, 1).astype(np.uint8)
