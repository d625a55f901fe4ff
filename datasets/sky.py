"""What stands between a synthetic port and an optical sensor: the sun, clouds and haze."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from berthwatch.datasets.raster import Field, smooth_noise

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sky:
    """Light and weather of one scene. Azimuths clockwise from true north."""

    sun_azimuth_deg: float
    sun_elevation_deg: float
    view_zenith_deg: float
    view_azimuth_deg: float
    """From the ground to the satellite."""
    cloud: float
    """Share of the sky that is clouded, 0..1."""
    haze: float
    """Share of the light that haze replaces, 0..1."""
    fog: float = 0.0
    """Opacity of a veil over the whole scene, 0..1; 0 where there is none."""


@dataclass(frozen=True, slots=True)
class Climate:
    """How often a place is clouded or in fog. Months from January."""

    cloud_mean: float
    """Mean share of the sky that is clouded, over the year."""
    cloud_by_month: tuple[float, ...] = (1.0,) * 12
    """Times the mean."""
    fog_days: tuple[float, ...] = (0.0,) * 12
    """Days of fog in each month."""


@dataclass(frozen=True, slots=True)
class Camera:
    """How an optical sensor looks down."""

    name: str
    """Of the source and its folder."""
    code: str
    """In the names of its scenes."""
    finer: int
    """Cells along each side of a pixel on which shapes are drawn."""
    jitter_px: float
    """Standard deviation of the geolocation along each axis."""
    least_zenith_deg: float
    most_zenith_deg: float
    azimuths_deg: tuple[float, ...]
    """From the ground to the satellite, to a few degrees; any where there are none."""
    height_km: float


PLANETSCOPE = Camera("planetscope", "PS", 6, 0.4, 0.2, 4.5, (98.0, 278.0), 475.0)
SKYSAT = Camera("skysat", "SS", 3, 1.2, 2.0, 25.0, (), 450.0)


def sun_position(time: datetime, lon_deg: float, lat_deg: float) -> tuple[float, float]:
    """Azimuth and elevation of the sun, degrees, by the Astronomical Almanac's low-precision formula (0.01 degrees).

    >>> [round(angle, 1) for angle in sun_position(datetime(2024, 12, 21, 3, 6, tzinfo=UTC), 133.07, 42.74)]
    [180.0, 23.8]
    """
    days = (time - _J2000).total_seconds() / 86400
    anomaly = math.radians(357.528 + 0.9856003 * days)
    longitude = math.radians(280.460 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    obliquity = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(obliquity) * math.sin(longitude), math.cos(longitude))
    declination = math.asin(math.sin(obliquity) * math.sin(longitude))
    sidereal_h = 18.697374558 + 24.06570982441908 * days
    hour = math.radians(15 * sidereal_h + lon_deg) - ascension
    lat = math.radians(lat_deg)
    up = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    north = math.cos(lat) * math.sin(declination) - math.sin(lat) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.atan2(east, north)) % 360, math.degrees(math.asin(up))


def draw_sky(
    time: datetime, lon_deg: float, lat_deg: float, climate: Climate, camera: Camera, rng: np.random.Generator
) -> Sky:
    """Draw a day's weather and view.

    Mostly clear or mostly overcast, seldom between; haze thin more often than thick; fog by the month's rate.
    """
    azimuth_deg, elevation_deg = sun_position(time, lon_deg, lat_deg)
    month = time.month - 1
    cloud_mean = min(climate.cloud_mean * climate.cloud_by_month[month], 0.95)
    foggy, veil = rng.random() < climate.fog_days[month] / 30.5, float(rng.uniform(0.55, 0.98))
    view_deg = float(rng.choice(camera.azimuths_deg) + rng.normal(0.0, 4.0)) if camera.azimuths_deg else None
    return Sky(
        sun_azimuth_deg=azimuth_deg,
        sun_elevation_deg=elevation_deg,
        view_zenith_deg=float(rng.uniform(camera.least_zenith_deg, camera.most_zenith_deg)),
        view_azimuth_deg=float(rng.uniform(0.0, 360.0)) if view_deg is None else view_deg,
        cloud=float(rng.beta(0.5 * cloud_mean, 0.5 * (1 - cloud_mean))) if cloud_mean > 0 else 0.0,
        haze=float(rng.gamma(1.5, 0.02)) if cloud_mean > 0 else 0.0,
        fog=veil if foggy else 0.0,
    )


def draw_clouds(size: int, share: float, rng: np.random.Generator) -> Field:
    """Opacity (size, size) of the clouds over a window, 0..1; `share` of the pixels are at least half opaque.

    >>> clouds = draw_clouds(64, 0.3, np.random.default_rng(0))
    >>> round(float((clouds >= 0.5).mean()), 1)
    0.3
    """
    if share <= 0.01:
        return np.zeros((size, size))
    if share >= 0.99:
        return np.ones((size, size))
    field = sum(
        (weight * smooth_noise(rng, size, size / part) for part, weight in ((4, 1.0), (12, 0.4), (40, 0.15))),
        np.zeros((size, size)),
    )
    edge = np.quantile(field, 1 - share)
    return np.asarray(1 / (1 + np.exp(-(field - edge) / 0.08)))
