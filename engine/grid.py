"""The one grid of a source: the port's window, on the pixels that most of its scenes already have.

The window holds all berths, controls and reference water with a margin, and no more than the scenes cover. Scenes that
share a projection in metres, a resolution and a pixel phase are stacked as they are; for geographic or web-Mercator
scenes, whose pixels are no metres, the grid is UTM of the berths.
"""

import math
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from berthwatch.config import Source
from berthwatch.errors import Fault, InputError, SceneError
from berthwatch.georeference import crs_of
from berthwatch.model import Berth, Scene, SetAside
from berthwatch.pixels import band_file
from berthwatch.raster import check_georeferenced, opened
from berthwatch.sampling import spread_evenly

MARGIN_M = 1000.0
LONGEST_SIDE_PX = 20_000
SURVEYED = 256
"""Files are opened for this many scenes at most, spread evenly over time: enough to know where a source lies."""
_READERS = 16
_EDGE_PX = 1e-3

type Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PortGrid:
    """A source's grid, the window it was asked for (left, bottom, right, top), and what the scenes cover of it.

    The grid is the window cut to the footprint; all three are in the grid's CRS.
    """

    geobox: GeoBox
    window: Bounds
    footprint: Any

    def misses(self, berths: Sequence[Berth]) -> tuple[Berth, ...]:
        """The berths of which the grid's scenes see nothing."""
        shapes = ((berth, project(berth.polygon, "EPSG:4326", self.geobox.crs)) for berth in berths)
        return tuple(berth for berth, shape in shapes if not shape.intersects(self.footprint))


def source_grid(
    scenes: Sequence[Scene],
    source: Source,
    berths: Sequence[Berth],
    margin_m: float = MARGIN_M,
    reference_water: Any = None,
) -> GeoBox:
    """The grid on which a source's scenes are stacked.

    Parameters
    ----------
    scenes : sequence of Scene
        Their files' headers are read, of 256 scenes at most.
    source : Source
        `resolution_m`, where given, replaces the scenes' own.
    berths : sequence of Berth
        Berths and controls.
    margin_m : float
        Water kept around them.
    reference_water : shapely geometry, optional
        EPSG:4326.

    Returns
    -------
    odc.geo.geobox.GeoBox
        North up, at most 20,000 pixels a side.

    Raises
    ------
    InputError
        A berth outside every scene, no scene that can be read, or a grid too large.
    """
    headers, set_aside = survey(scenes, source)
    if not headers:
        raise InputError([nothing_readable(source, set_aside)])
    grid = lay_grid(headers, source, berths, margin_m, reference_water)
    missed = grid.misses(berths)
    if missed:
        raise InputError(outside(berth, source.name) for berth in missed)
    return grid.geobox


def survey(scenes: Sequence[Scene], source: Source) -> tuple[list[GeoBox], list[SetAside]]:
    """Where a source's scenes lie: the grid of each one's finest band, and the scenes that did not say."""
    chosen = [scenes[index] for index in spread_evenly(len(scenes), SURVEYED)]

    def attempt(scene: Scene) -> GeoBox | SetAside:
        try:
            return header(scene, source)
        except SceneError as error:
            return SetAside(scene.scene_id, source.name, error.reason)

    with ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(attempt, chosen))
    return [each for each in found if not isinstance(each, SetAside)], [e for e in found if isinstance(e, SetAside)]


def header(scene: Scene, source: Source) -> GeoBox:
    """The grid of a scene's finest band, from its file's header; SceneError where it cannot be had."""
    hrefs = {band_file(scene, name).href: name for name in reversed(source.bands)}
    grids = []
    for href, name in hrefs.items():
        with opened(scene.scene_id, name, href) as file:
            check_georeferenced(scene.scene_id, name, href, file)
            grids.append(GeoBox(file.shape, file.transform, CRS(file.crs.to_wkt())))
    return min(reversed(grids), key=lambda grid: abs(grid.affine.determinant))


def lay_grid(
    headers: Sequence[GeoBox], source: Source, berths: Sequence[Berth], margin_m: float, reference_water: Any
) -> PortGrid:
    """Choose projection, resolution and phase by the most frequent header, and cut the port's window out of it.

    Raises
    ------
    InputError
        No scene comes near a berth, or the grid is too large.
    """
    shapes = [berth.polygon for berth in berths] + ([] if reference_water is None else [reference_water])
    port = shapely.union_all(shapes)
    crs, anchor = _pixel_lattice(headers, source, port)
    left, bottom, right, top = project(port, "EPSG:4326", crs).bounds
    window = (left - margin_m, bottom - margin_m, right + margin_m, top + margin_m)
    # Most scenes of a series share one footprint: a set makes the union cheap.
    footprint = shapely.union_all([project(each.extent.geom, each.crs, crs) for each in set(headers)])
    covered = footprint.intersection(shapely.box(*window))
    if covered.area == 0:
        raise InputError(outside(berth, source.name) for berth in berths)
    geobox = _snapped(covered.bounds, anchor, crs)
    if max(geobox.shape) > LONGEST_SIDE_PX:
        came = f"{geobox.shape[1]} x {geobox.shape[0]} at {abs(anchor.a):g} m: berths too far apart, or too fine"
        raise InputError([Fault(f"source {source.name}", f"a grid of at most {LONGEST_SIDE_PX} pixels a side", came)])
    return PortGrid(geobox, window, footprint)


def outside(berth: Berth, source_name: str) -> Fault:
    """The fault of a berth that no scene shows."""
    x, y = berth.polygon.centroid.coords[0]
    came = f"a {berth.kind} at longitude {x:.5f}, latitude {y:.5f}, outside every scene"
    return Fault(f"berth {berth.berth_id}", f"a polygon within the scenes of {source_name}", came)


def nothing_readable(source: Source, set_aside: Sequence[SetAside]) -> Fault:
    """The fault of a source of which not one scene can be read."""
    first = f"; the first, {set_aside[0].scene_id}: {set_aside[0].reason}" if set_aside else ""
    return Fault(f"source {source.name}", "a scene that can be read", f"{len(set_aside)} that cannot{first}")


def project(shape: Any, source_crs: Any, target_crs: Any) -> Any:
    """A shapely geometry in another CRS, x before y; long edges are bent where the projection bends them.

    >>> point = project(shapely.Point(33, 0), "EPSG:4326", "EPSG:32636")
    >>> round(point.x), round(point.y)
    (500000, 0)
    """
    source_crs, target_crs = CRS(source_crs), CRS(target_crs)
    if source_crs == target_crs:
        return shape
    transformer = Transformer.from_crs(source_crs.proj, target_crs.proj, always_xy=True)
    left, bottom, right, top = shape.bounds
    longest = max(right - left, top - bottom)
    fine = shapely.segmentize(shape, longest / 16) if longest > 0 else shape
    return shapely.transform(fine, lambda xy: np.column_stack(transformer.transform(xy[:, 0], xy[:, 1])))


def _pixel_lattice(headers: Sequence[GeoBox], source: Source, port: Any) -> tuple[CRS, Affine]:
    """The CRS of the grid, and the transform of some pixel of it: resolution and phase of all others."""
    counts = Counter(_lattice_key(each) for each in headers)
    commonest = counts.most_common(1)[0][0]
    model = next(each for each in headers if _lattice_key(each) == commonest)
    crs, transform = crs_of(model), model.affine
    upright = transform.b == 0 and transform.d == 0 and transform.a > 0 and transform.e < 0
    native = _in_metres(crs) and upright
    if native and source.resolution_m in (None, transform.a) and transform.a == -transform.e:
        return crs, transform
    if native and source.resolution_m is None:
        return crs, transform  # pixels that are not square are still nobody's to resample
    if not _in_metres(crs):
        crs = CRS.utm(port.centroid.x, port.centroid.y)
    resolution_m = source.resolution_m or float(f"{pixel_size_m(model, crs):.2g}")
    return crs, Affine(resolution_m, 0, 0, 0, -resolution_m, 0)


def _lattice_key(grid: GeoBox) -> tuple[Any, ...]:
    """What scenes must share to be stacked without resampling; phases are told apart to a thousandth of a pixel."""
    transform = grid.affine
    linear = (transform.a, transform.b, transform.d, transform.e)
    phase = ~Affine(linear[0], linear[1], 0, linear[2], linear[3], 0) @ (transform.c, transform.f)
    thousandths = tuple(round((value % 1.0) * 1000) % 1000 for value in phase)
    return str(grid.crs), tuple(round(value, 9) for value in linear), thousandths


def _in_metres(crs: CRS) -> bool:
    """Whether a step in this projection is a metre on the ground, near enough: not so in any Mercator but a transverse.

    >>> _in_metres(CRS("EPSG:32636")), _in_metres(CRS("EPSG:3857")), _in_metres(CRS("EPSG:4326"))
    (True, False, False)
    """
    if not crs.proj.is_projected or crs.proj.axis_info[0].unit_name != "metre":
        return False
    operation = crs.proj.coordinate_operation
    method = "" if operation is None else operation.method_name
    return "Mercator" not in method or "Transverse" in method


def pixel_size_m(grid: GeoBox, crs: CRS) -> float:
    """The shorter side on the ground of a grid's middle pixel, measured in a projection in metres."""
    row, column = grid.shape[0] / 2, grid.shape[1] / 2
    corners = [grid.affine @ at for at in ((column, row), (column + 1, row), (column, row + 1))]
    points = project(shapely.MultiPoint(corners), grid.crs, crs).geoms
    return float(min(points[0].distance(points[1]), points[0].distance(points[2])))


def _snapped(bounds: Bounds, anchor: Affine, crs: CRS) -> GeoBox:
    """The smallest grid on an anchor's pixels that holds the bounds.

    >>> _snapped((12, 11, 29, 30), Affine(10, 0, 5, 0, -10, 5), CRS("EPSG:32636")).affine[2:6:3]
    (5.0, 35.0)
    """
    (left, top), (right, bottom) = ~anchor @ (bounds[0], bounds[3]), ~anchor @ (bounds[2], bounds[1])
    first_column, last_column = math.floor(left + _EDGE_PX), math.ceil(right - _EDGE_PX)
    first_row, last_row = math.floor(top + _EDGE_PX), math.ceil(bottom - _EDGE_PX)
    shape = (max(1, last_row - first_row), max(1, last_column - first_column))
    return GeoBox(shape, anchor @ Affine.translation(first_column, first_row), crs)
