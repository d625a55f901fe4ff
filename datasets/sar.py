"""A Sentinel-1-like radar scene of a synthetic port: linear power, VV and VH, 10 m.

The mean is drawn first (water raised by wind, textured land, quay, vessels as `backscatter` has them), blurred
by the point spread, crossed by the sidelobes of very bright hulls, then multiplied by correlated gamma speckle of L
looks. Each orbit track lays the same ground a few pixels elsewhere, as products without a fine geolocation do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from shapely import affinity

from berthwatch.datasets.backscatter import Look, hull_power, laid_over, look_from, shadow_of
from berthwatch.datasets.hulls import Hull, azimuth_vector, draw_launches, moved
from berthwatch.datasets.ports import SyntheticPort
from berthwatch.datasets.raster import (
    Field,
    Grid,
    displaced,
    draw_labels,
    mean_of_labels,
    share_of,
    smooth_noise,
    spread,
)

FINER = 4
POINT_SPREAD_PX = 0.8
"""Standard deviation: about 19 m between half-power points on 10 m pixels."""
SPECKLE_CORRELATION_PX = 0.45
NOISE_FLOOR_DB = -25.0
SIDELOBE_FROM_DB = 8.0
"""Hulls brighter than this in a scene throw a cross."""
SHADOW_LEFT = 0.1
"""Of the water's return where a vessel hides it."""
LAND, PIER = 1, 2
LAUNCH_DB = 2.0


@dataclass(frozen=True, slots=True)
class Track:
    """One relative orbit: when it first passes, from where it looks, and how far its products are off."""

    relative_orbit: int
    orbit_state: str
    first: datetime
    heading_deg: float
    incidence_deg: float
    shift_y_px: float
    shift_x_px: float
    """Down and right, in pixels, of everything on the ground."""
    repeat_days: int = 12

    def passes(self, end: datetime) -> list[datetime]:
        """Every pass from the first one up to `end`."""
        count = max(0, math.floor((end - self.first) / timedelta(days=self.repeat_days)) + 1)
        return [self.first + timedelta(days=self.repeat_days * number) for number in range(count)]


@dataclass(frozen=True, slots=True)
class RadarGround:
    """How the ground looks from one track whatever the day: log-texture (size, size) of land and quay."""

    texture: Field


def draw_ground(grid: Grid, tracks: Sequence[Track], rng: np.random.Generator) -> dict[int, RadarGround]:
    """Draw what stays still: partly common to all tracks, partly each track's own (they look from other sides)."""
    common = smooth_noise(rng, grid.size, 1.2)
    return {
        track.relative_orbit: RadarGround(math.sqrt(0.6) * common + math.sqrt(0.4) * smooth_noise(rng, grid.size, 1.2))
        for track in tracks
    }


def water_level_db(wind_m_s: float, incidence_deg: float = 35.0, off_wind_deg: float = 45.0) -> float:
    """Backscatter of water in VV, dB, by wind, incidence, and the angle between the look and the wind.

    A steep rise with wind that flattens, a fall with incidence, more along the wind than across it.

    >>> water_level_db(1.0), round(water_level_db(10.0), 1)
    (-25.0, -14.0)
    >>> water_level_db(5.0, 45.0) < water_level_db(5.0, 30.0)
    True
    """
    along = 1.2 * math.cos(2 * math.radians(off_wind_deg))
    return round(-25.0 + 11.0 * math.log10(max(wind_m_s, 1.0)) - 0.25 * (incidence_deg - 35.0) + along, 6)


def gamma_from_normal(normal: Field, looks: float) -> Field:
    """Turn standard normal values into gamma values of mean 1 and variance 1/looks, rank by rank.

    The gamma distribution is integrated numerically: no statistics library is shared with the estimators.

    >>> draws = gamma_from_normal(np.random.default_rng(0).standard_normal(200_000), 4.4)
    >>> round(float(draws.mean()), 2), round(float(1 / draws.var()), 1)
    (1.0, 4.4)
    """
    upper = 1 + 12 / math.sqrt(looks) + 12 / looks
    edges = np.linspace(0.0, upper, 20001)
    middles = (edges[1:] + edges[:-1]) / 2
    log_density = (looks - 1) * np.log(middles) - looks * middles
    density = np.exp(log_density - log_density.max())
    cumulated = np.concatenate([[0.0], np.cumsum(density)])
    ranks = np.linspace(-6.0, 6.0, 4001)
    normal_cumulated = np.array([0.5 * math.erfc(-rank / math.sqrt(2)) for rank in ranks])
    quantiles = np.interp(normal_cumulated, cumulated / cumulated[-1], edges)
    return np.asarray(np.interp(normal, ranks, quantiles))


def render_sar(
    port: SyntheticPort,
    grid: Grid,
    track: Track,
    ground: RadarGround,
    hulls: Sequence[Hull],
    looks: float,
    rng: np.random.Generator,
) -> dict[str, Field]:
    """Render one pass.

    Parameters
    ----------
    port, grid, track, ground
        Where, on which pixels, from which orbit, and how its still parts look.
    hulls : sequence of Hull
        What is alongside at that time.
    looks : float
        Equivalent number of looks of the speckle.
    rng : numpy.random.Generator
        Wind, fluctuation of the hulls, jitter of the geolocation (0.1 px), and speckle come from it.

    Returns
    -------
    dict of str to ndarray
        `vv` and `vh`, float64 (size, size), linear power.
    """
    shift_y_px = track.shift_y_px + rng.normal(0.0, 0.1)
    shift_x_px = track.shift_x_px + rng.normal(0.0, 0.1)
    dx_m, dy_m = shift_x_px * grid.pixel_m, -shift_y_px * grid.pixel_m
    look = look_from(track.heading_deg + port.north_deg, track.incidence_deg)
    wind_m_s, off_wind_deg = 6.0 * float(rng.weibull(2.0)), float(rng.uniform(0.0, 360.0))
    water_db = water_level_db(wind_m_s, track.incidence_deg, off_wind_deg)
    swell = np.exp(0.08 * smooth_noise(rng, grid.size, grid.size / 8))
    texture = np.exp(0.9 * displaced(ground.texture, shift_y_px, shift_x_px))
    still = [(shape, LAND) for shape in moved(port.land, dx_m, dy_m)]
    quay = [laid_over(piece, port.pier_height_m, look) for piece in port.pier]
    still += [(shape, PIER) for shape in moved(quay, dx_m, dy_m)]
    labels = draw_labels(grid, still, FINER)
    land, pier = np.moveaxis(mean_of_labels(labels, np.eye(3)[:, [LAND, PIER]], FINER), 2, 0)
    drawn = [_draw_hull(grid, hull, look, (dx_m, dy_m), rng) for hull in hulls]
    hidden = np.clip(sum((shadow for _, shadow, _ in drawn), np.zeros_like(land)), 0.0, 1.0)
    launches = moved([launch.outline for launch in draw_launches(port, -grid.west_m, rng)], dx_m, dy_m)
    bright = sum((power for power, _, _ in drawn), _linear(LAUNCH_DB) * share_of(grid, launches, FINER))
    scene = {}
    for band, drop_db in (("vv", 0.0), ("vh", 8.0)):
        water = _linear(water_db - 1.2 * drop_db) * swell * (1 - (1 - SHADOW_LEFT) * hidden)
        mean = (water + _linear(NOISE_FLOOR_DB - 0.3 * drop_db)) * (1 - land - pier)
        mean += texture * (land * _linear(-9.0 - 0.8 * drop_db) + pier * _linear(-7.0 - drop_db))
        mean += bright * _linear(-drop_db)
        mean = spread(mean, POINT_SPREAD_PX)
        for hull, (_, _, level_db) in zip(hulls, drawn, strict=True):
            mean += _linear(-drop_db) * _sidelobes(grid, track, look, hull, level_db, dx_m, dy_m)
        scene[band] = mean * gamma_from_normal(smooth_noise(rng, grid.size, SPECKLE_CORRELATION_PX), looks)
    return scene


def _linear(level_db: float) -> float:
    return float(10.0 ** (level_db / 10.0))


def _draw_hull(
    grid: Grid, hull: Hull, look: Look, step_m: tuple[float, float], rng: np.random.Generator
) -> tuple[Field, Field, float]:
    """The hull's mean power, what it hides, and its level in this scene, dB."""
    level_db, corner = hull.radar_db + float(rng.normal(0.0, 1.5)), float(rng.lognormal(0.0, 0.7))
    outline, house = moved([hull.outline, hull.house], *step_m)
    placed = replace(hull, outline=outline, house=house)
    power = hull_power(grid, placed, look, corner, FINER) * _linear(level_db)
    return power, shadow_of(grid, placed, look, FINER), level_db


def _sidelobes(grid: Grid, track: Track, look: Look, hull: Hull, level_db: float, dx_m: float, dy_m: float) -> Field:
    """A cross along and across the flight line through the house of a very bright hull, falling with distance."""
    cross = np.zeros((grid.size, grid.size))
    if level_db < SIDELOBE_FROM_DB:
        return cross
    bright = affinity.translate(laid_over(hull.house, hull.house_height_m, look), dx_m, dy_m).centroid
    centres_m = grid.west_m + grid.pixel_m * (np.arange(grid.size) + 0.5)
    x, y = centres_m[None, :] - bright.x, -centres_m[:, None] - bright.y
    for azimuth_deg in (track.heading_deg, track.heading_deg + 90):
        east, north = azimuth_vector(azimuth_deg)
        along_px = (x * east + y * north) / grid.pixel_m
        across_px = (x * north - y * east) / grid.pixel_m
        cross += np.exp(-0.5 * (across_px / 0.7) ** 2) / (1 + (along_px / 2) ** 2)
    return np.asarray(cross * _linear(level_db - 12.0))
