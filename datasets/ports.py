"""Synthetic ports: land, a pier, berths along it, and a control in open water.

No real place is drawn: the anchor lies near 42.74 N 133.07 E so that the sun, the seasons and the UTM zone
are those of the case, and every name says "synthetic". Shapes are in local metres (x east, y north of the
anchor, on the UTM grid's axes).
"""

import math
from dataclasses import dataclass

from pyproj import Transformer
from shapely import affinity
from shapely.geometry import Polygon, box

EPSG = 32653
"""UTM zone 53 N."""

ANCHOR_LON, ANCHOR_LAT = 133.07, 42.74

SNAP_M = 30.0
"""The anchor lies on multiples of this, so that 3 m and 10 m grids around it share their corners with the zone's."""


@dataclass(frozen=True, slots=True)
class Mooring:
    """Where a hull lies alongside: the berth polygon, and the quay face it lies at."""

    berth_id: str
    polygon: Polygon
    face_x_m: float
    face_y_m: float
    """The middle of the berth on the quay face."""
    outward_deg: float
    """Grid azimuth from the quay face to open water."""


@dataclass(frozen=True, slots=True)
class SyntheticPort:
    """A port that is nowhere: convex pieces of land and pier, berths, and controls where nothing moors."""

    name: str
    easting_m: float
    northing_m: float
    north_deg: float
    """Grid azimuth of true north at the anchor: sun and view azimuths are turned by it before they are drawn."""
    land: tuple[Polygon, ...]
    pier: tuple[Polygon, ...]
    pier_height_m: float
    moorings: tuple[Mooring, ...]
    controls: tuple[tuple[str, Polygon], ...]

    def to_lonlat(self) -> Transformer:
        """From UTM metres to EPSG:4326 (longitude, latitude)."""
        return Transformer.from_crs(EPSG, 4326, always_xy=True)


def anchor() -> tuple[float, float, float]:
    """Easting and northing of the anchor in metres, and the grid azimuth of true north there in degrees.

    >>> easting_m, northing_m, north_deg = anchor()
    >>> easting_m % SNAP_M, northing_m % SNAP_M, round(north_deg, 1)
    (0.0, 0.0, 1.3)
    """
    to_utm = Transformer.from_crs(4326, EPSG, always_xy=True)
    easting_m, northing_m = (round(value / SNAP_M) * SNAP_M for value in to_utm.transform(ANCHOR_LON, ANCHOR_LAT))
    south = to_utm.transform(ANCHOR_LON, ANCHOR_LAT)
    north = to_utm.transform(ANCHOR_LON, ANCHOR_LAT + 0.001)
    return easting_m, northing_m, math.degrees(math.atan2(north[0] - south[0], north[1] - south[1]))


def pier_port(
    name: str,
    berths: int = 2,
    bearing_deg: float = 330.0,
    berth_length_m: float = 160.0,
    pier_height_m: float = 3.0,
) -> SyntheticPort:
    """Draw a T-shaped pier pointing to `bearing_deg` (grid azimuth), with berths along its outer face.

    Parameters
    ----------
    name : str
        Name of the port; "synthetic" is put before it.
    berths : int
        Number of berths, end to end along the head of the pier; at least 1.
    bearing_deg : float
        Where the pier points from land, clockwise from grid north. The hulls lie across it.
    berth_length_m : float
        Length of each berth along the quay.
    pier_height_m : float
        Of the pier's deck above water.

    Returns
    -------
    SyntheticPort
        The port with berths B1, B2 … and one control C1 in open water.

    Examples
    --------
    >>> port = pier_port("oil pier")
    >>> [mooring.berth_id for mooring in port.moorings], port.controls[0][0]
    (['B1', 'B2'], 'C1')
    """
    gap_m, width_m, head_m = 20.0, 50.0, 24.0
    total_m = berths * berth_length_m + (berths - 1) * gap_m

    def turned(shape: Polygon) -> Polygon:
        return affinity.rotate(shape, 90.0 - bearing_deg, origin=(0.0, 0.0))

    moorings = []
    for number in range(berths):
        low = -total_m / 2 + number * (berth_length_m + gap_m)
        middle = turned(box(head_m - 1, low, head_m + 1, low + berth_length_m)).centroid
        polygon = turned(box(head_m + 2, low, head_m + 2 + width_m, low + berth_length_m))
        moorings.append(Mooring(f"B{number + 1}", polygon, middle.x, middle.y, bearing_deg))
    easting_m, northing_m, north_deg = anchor()
    return SyntheticPort(
        name=f"synthetic {name}",
        easting_m=easting_m,
        northing_m=northing_m,
        north_deg=north_deg,
        land=(turned(box(-5000, -5000, -230, 5000)),),
        pier=(turned(box(-240, -5, 0, 5)), turned(box(0, -total_m / 2 - 10, head_m, total_m / 2 + 10))),
        pier_height_m=pier_height_m,
        moorings=tuple(moorings),
        controls=(("C1", turned(box(190, -85, 240, 85))),),
    )
