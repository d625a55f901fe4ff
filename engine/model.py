"""The values that flow from step to step: scenes, berths, and what is known of each.

A scene is one acquisition by one sensor, known here by its metadata only; its pixels are read later.
A berth is a polygon of declared water in which a moored hull lies; a control is a polygon like it
where nothing moors. Angles are in degrees, clockwise from north; what is missing is None, never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shapely.geometry import MultiPolygon, Polygon

Kind = Literal["sar", "optical"]
Unit = Literal["linear", "db"]


@dataclass(frozen=True, slots=True)
class BandFile:
    """Where one band's pixels lie and how stored numbers become values: value = stored * scale + offset."""

    href: str
    band: int
    scale: float | None
    offset: float | None
    nodata: float | None
    unit: Unit | None


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sun, view and orbit of a scene. `view_azimuth_deg` is as published, from the sub-satellite point."""

    sun_azimuth_deg: float | None = None
    sun_elevation_deg: float | None = None
    view_off_nadir_deg: float | None = None
    view_incidence_deg: float | None = None
    view_azimuth_deg: float | None = None
    orbit_state: str | None = None
    relative_orbit: int | None = None
    looks: float | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """One acquisition: an id, a UTC time, its bands' files, its geometry, and its footprint in EPSG:4326."""

    scene_id: str
    time: datetime
    bands: Mapping[str, BandFile]
    mask: BandFile | None
    geometry: Geometry
    platform: str | None
    footprint: Polygon | MultiPolygon | None
    document: str
    """The STAC item's or GeoTIFF's address: where the scene was found."""

    @property
    def track(self) -> str:
        """Scenes of one track see the port from one place; only those are compared pixel by pixel.

        The relative orbit where it is known, else the pass, else one track for all.
        """
        if self.geometry.relative_orbit is not None:
            return f"orbit-{self.geometry.relative_orbit:03d}"
        return self.geometry.orbit_state or "all"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A scene that was not used, and why."""

    scene_id: str
    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Berth:
    """A polygon of declared water (EPSG:4326): a berth, or a control where nothing moors."""

    berth_id: str
    kind: Literal["berth", "control"]
    polygon: Polygon | MultiPolygon
