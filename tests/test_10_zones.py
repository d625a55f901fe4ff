"""Polygon coverage is exact: shapely, its twin, and what exactextract finds as far as that keeps its digits."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from berthwatch.kernels import reference_zonal
from berthwatch.kernels.coverage import polygon_coverage

Array = npt.NDArray[Any]
unhurried = settings(deadline=None)  # the first call compiles
SHAPE = (7, 9)
PIXELS = shapely.box(*np.meshgrid(np.arange(9.0), np.arange(7.0)), *np.meshgrid(np.arange(1.0, 10), np.arange(1.0, 8)))


def rings_of(polygon: shapely.Geometry) -> list[Array]:
    parts = [part for part in shapely.get_parts(polygon) if part.geom_type == "Polygon"]
    return [np.asarray(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]


def covered(rings: list[Array]) -> Array:
    area = np.zeros(SHAPE)
    indices, weights = polygon_coverage(rings, SHAPE)
    assert (np.diff(indices) > 0).all()
    assert ((weights > 0.0) & (weights <= 1.0)).all()
    area.flat[indices] = weights
    return area


# eighths make corners fall on pixel borders and edges on each other, as drawn berths do; fine ones do not
coordinates = st.integers(-24, 96).map(lambda n: n / 8) | st.floats(-3.0, 12.0)
corners = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8)


@st.composite
def polygons(draw: st.DrawFn) -> shapely.Geometry:
    """Whatever can come out of a drawing program: with holes, in parts, touching itself in corners."""
    shape = shapely.make_valid(shapely.Polygon(draw(corners)))
    if draw(st.booleans()):
        shape = shapely.difference(shape, shapely.make_valid(shapely.Polygon(draw(corners))))
    shape = shapely.union_all([part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"])
    assume(shape.is_valid and shape.area > 1e-6)
    return shape


@unhurried
@given(polygons(), st.randoms(use_true_random=False))
def test_coverage_equals_shapely_whichever_way_rings_turn(polygon: shapely.Geometry, random: Any) -> None:
    rings = rings_of(polygon)
    assume(min(shapely.Polygon(ring).area for ring in rings) > 1e-6)
    wanted = shapely.area(shapely.intersection(PIXELS, polygon))
    turned = [ring[::-1] if random.random() < 0.5 else ring for ring in rings]
    random.shuffle(turned)
    np.testing.assert_allclose(covered(turned), wanted, rtol=0, atol=1e-9)


@unhurried
@given(polygons())
def test_weights_add_up_to_the_area_inside_the_raster(polygon: shapely.Geometry) -> None:
    _, weights = polygon_coverage(rings_of(polygon), SHAPE)
    raster = shapely.box(0.0, 0.0, SHAPE[1], SHAPE[0])
    assert weights.sum() == pytest.approx(shapely.area(shapely.intersection(raster, polygon)), abs=1e-8)


@unhurried
@given(corners)
def test_coverage_equals_its_twin(points: list[tuple[float, float]]) -> None:
    hull = shapely.MultiPoint(points).convex_hull
    assume(hull.geom_type == "Polygon" and hull.area > 1e-6)
    middle = np.asarray(hull.centroid.coords)
    exterior = np.asarray(hull.exterior.coords)
    hole = middle + 0.5 * (exterior - middle)
    twin = reference_zonal.polygon_coverage([exterior], [hole], SHAPE)
    np.testing.assert_allclose(covered([exterior, hole]), twin, rtol=0, atol=1e-9)


def test_island_in_a_hole_counts_again() -> None:
    squares = [[(a, a), (7 - a, a), (7 - a, 7 - a), (a, 7 - a)] for a in (0.0, 1.0, 2.0)]
    assert covered([np.array(square) for square in squares]).sum() == pytest.approx(49 - 25 + 9)


def test_hole_that_touches_its_exterior_in_a_corner_is_a_hole() -> None:
    exterior, hole = np.array([(0, 0), (4, 0), (4, 4), (0, 4)]), np.array([(0, 0), (2, 1), (1, 2)])
    assert covered([hole, exterior]).sum() == pytest.approx(16 - 1.5)


def test_polygon_far_outside_or_flat_covers_nothing() -> None:
    square = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    for away in ((-5, 0), (0, -5), (50, 0), (0, 50), (1e9, 1e9)):
        assert polygon_coverage([square + away], SHAPE)[0].size == 0
    assert polygon_coverage([np.array([(0.0, 1.0), (2.0, 1.0), (4.0, 1.0)])], SHAPE)[0].size == 0
    assert polygon_coverage([], SHAPE)[0].size == 0
    assert polygon_coverage([square], (0, 0))[0].size == 0


def test_polygon_larger_than_the_raster_covers_all_of_it() -> None:
    np.testing.assert_array_equal(covered([np.array([(-1e3, -1e3), (1e3, -1e3), (1e3, 1e3), (-1e3, 1e3)])]), 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: polygon_coverage([[(0, 0), (1, 1), (0, 0)]], (2, 2)), "ring 0 must have at least 3 corners: 2"),
        (lambda: polygon_coverage([np.empty((0, 2))], (2, 2)), "ring 0 must have at least 3 corners: 0"),
        (lambda: polygon_coverage([[(0, 0, 0)] * 3], (2, 2)), "ring 0 must have shape (any, 2): (3, 3)"),
        (lambda: polygon_coverage([[(0, 0), (1, np.inf), (0, 1)]], (2, 2)), "ring 0 must be finite: [1.0, inf]"),
        (lambda: polygon_coverage([[(0, 0), (2, 2), (2, 0), (0, 1)]], (2, 2)), "rings cross"),
        (lambda: polygon_coverage([], (-1, 2)), "shape must not be negative: (-1, 2)"),
    ],
)
def test_wrong_input_is_named_and_echoed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
