"""Sightlines: where the light of a scene comes from, where it is seen from, and what a height shows by them.

With u(A) = (sin A, cos A) for an azimuth A clockwise from true north, a point at height h above the water is imaged
h tan(view zenith) away from the satellite, and its shadow's tip lies h / tan(sun elevation) away from the sun. Along
the outward normal of a hull's side a deck's edge h above its foot is therefore imaged at h lean, with
lean = -tan(view zenith) u(to satellite) . normal, and the shadow's tip lies at h shadow, with
shadow = -cot(sun elevation) u(to sun) . normal. Where shadow > 0 the shadow falls on this side, and what is seen of
it, with the hull's own side, is h (shadow - lean) wide. STAC's `view:azimuth` runs from the point below the satellite
to the scene: the way from the scene to the satellite is its opposite.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer

from berthwatch.georeference import crs_of

EARTH_RADIUS_KM = 6371.0
ORBIT_HEIGHT_KM = 500.0
"""Of satellites in low orbit, taken where a scene states its off-nadir angle and not its incidence [assumed]."""
STEEP_DEG = 5.0
"""A view so near to the vertical counts as vertical where its azimuth is not stated; what that leaves open is told."""
LEAST_REACH = 0.15
"""Metres of visible shadow or side per metre of height: less is not told from nothing."""


@dataclass(frozen=True, slots=True)
class Angles:
    """Sun and view of a scene in degrees, from the scene: azimuths clockwise from true north.

    `view_unknown`: metres per metre of height by which a deck's image may be displaced to any side, unknown.
    """

    sun_azimuth_deg: float
    sun_elevation_deg: float
    view_azimuth_deg: float
    view_zenith_deg: float
    view_unknown: float = 0.0


@dataclass(frozen=True, slots=True)
class Sightline:
    """What a hull's side shows per metre of height, as displacements along its outward normal."""

    lean: float
    shadow: float

    @property
    def shaded(self) -> bool:
        """Whether a part of the shadow is seen on this side, not covered by the leaning deck."""
        return self.shadow > max(self.lean, 0.0)

    @property
    def side(self) -> float:
        """Width of the hull's own side in the image, per metre of height."""
        return max(-self.lean, 0.0)

    @property
    def tip(self) -> float:
        """From the deck's edge to the shadow's tip, or to the foot of the side where no shadow is seen."""
        return self.shadow - self.lean if self.shaded else self.side


def incidence_deg(off_nadir_deg: float, height_km: float = ORBIT_HEIGHT_KM) -> float:
    """The angle at the ground between the vertical and the satellite, from the angle at the satellite.

    >>> round(incidence_deg(20.0, 500.0), 2)
    21.65
    """
    sine = (EARTH_RADIUS_KM + height_km) / EARTH_RADIUS_KM * math.sin(math.radians(off_nadir_deg))
    return math.degrees(math.asin(min(sine, 1.0)))


def angles_of(
    sun_azimuth_deg: float,
    sun_elevation_deg: float,
    view_incidence_deg: float,
    view_off_nadir_deg: float,
    view_azimuth_deg: float,
) -> Angles | str:
    """A scene's angles from what its metadata state (NaN: nothing), or why a height cannot be told with them.

    >>> angles_of(150.0, 40.0, 3.0, float("nan"), 100.0)
    Angles(sun_azimuth_deg=150.0, sun_elevation_deg=40.0, view_azimuth_deg=280.0, view_zenith_deg=3.0, view_unknown=0.0)
    >>> angles_of(150.0, -2.0, 3.0, float("nan"), 100.0)
    'the sun is below the horizon'
    """
    if not (math.isfinite(sun_azimuth_deg) and math.isfinite(sun_elevation_deg)):
        return "no sun or view angles"
    if sun_elevation_deg <= 0:
        return "the sun is below the horizon"
    zenith_deg = abs(view_incidence_deg)
    if not math.isfinite(zenith_deg):
        zenith_deg = incidence_deg(abs(view_off_nadir_deg)) if math.isfinite(view_off_nadir_deg) else math.nan
    if not zenith_deg < 80:
        return "no sun or view angles"
    if math.isfinite(view_azimuth_deg):
        return Angles(sun_azimuth_deg, sun_elevation_deg, (view_azimuth_deg + 180) % 360, zenith_deg)
    if zenith_deg > STEEP_DEG:
        return "no sun or view angles"
    # a displacement of known size and unknown direction has 1 / sqrt(2) of it along the normal, root mean square
    return Angles(sun_azimuth_deg, sun_elevation_deg, 0.0, 0.0, math.tan(math.radians(zenith_deg)) / math.sqrt(2))


def sightline(normal_deg: float, angles: Angles) -> Sightline:
    """What the side of a hull shows that faces an azimuth.

    >>> sun_behind = Angles(30.0, 45.0, 30.0, 0.0)
    >>> seen = sightline(210.0, sun_behind)
    >>> round(seen.tip, 6), abs(seen.side), sightline(30.0, sun_behind).shaded
    (1.0, 0.0, False)
    """
    to_sun = math.cos(math.radians(angles.sun_azimuth_deg - normal_deg))
    to_satellite = math.cos(math.radians(angles.view_azimuth_deg - normal_deg))
    return Sightline(
        lean=-math.tan(math.radians(angles.view_zenith_deg)) * to_satellite,
        shadow=-to_sun / math.tan(math.radians(angles.sun_elevation_deg)),
    )


def unobservable(normal_deg: float, angles: Angles) -> str | None:
    """Why the shadow on neither side of a hull whose sides face an azimuth and its opposite shows its height.

    >>> unobservable(90.0, Angles(180.0, 40.0, 0.0, 0.0))
    'the sun stands along the hull'
    """
    reach = max(sightline(normal_deg + turn, angles).tip for turn in (0.0, 180.0))
    if reach >= LEAST_REACH:
        return None
    across = abs(math.cos(math.radians(angles.sun_azimuth_deg - normal_deg)))
    high = across / math.tan(math.radians(angles.sun_elevation_deg)) < LEAST_REACH <= across
    return "the sun is too high" if high else "the sun stands along the hull"


def ground_axes(grid: GeoBox, row: float, column: float) -> NDArray[np.float64]:
    """What a step of one column (first) and of one row (second) is on the ground: metres east and north.

    (2, 2) float64, [[east, east], [north, north]]. North is true north, and metres are metres, whatever the projection.

    >>> from affine import Affine
    >>> grid = GeoBox((100, 100), Affine(10, 0, 500_000, 0, -10, 4_500_000), "EPSG:32653")
    >>> ground_axes(grid, 50, 0).round(2) + 0.0
    array([[ 10.,   0.],
           [  0., -10.]])
    """
    # from the middle of a pixel, and so far that rounding of the angles does not count
    span = 50.0
    x, y = zip(
        *(grid.affine @ (column + 0.5 + right, row + 0.5 + down) for right, down in ((0, 0), (span, 0), (0, span))),
        strict=True,
    )
    lon, lat = Transformer.from_crs(crs_of(grid).proj, "EPSG:4326", always_xy=True).transform(x, y)
    azimuth, _, metres = Geod(ellps="WGS84").inv([lon[0]] * 2, [lat[0]] * 2, lon[1:], lat[1:])
    turn = np.radians(azimuth)
    axes: NDArray[np.float64] = np.array([np.sin(turn), np.cos(turn)]) * np.asarray(metres) / span
    return axes
