"""Polygon coverage is exact (shapely, its twin), and zonal means and fractions follow from it."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from berthwatch.kernels import reference
from berthwatch.kernels.coverage import polygon_coverage
from berthwatch.kernels.zonal import weighted_fraction, weighted_mean

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
    twin = reference.polygon_coverage([exterior], [hole], SHAPE)
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


@st.composite
def zoned(draw: st.DrawFn, elements: st.SearchStrategy[Any], dtype: Any) -> tuple[Array, Array, Array, Array]:
    values = draw(hnp.arrays(dtype, (draw(st.integers(0, 3)), 6), elements=elements))
    zones = draw(st.lists(st.lists(st.tuples(st.integers(0, 5), st.floats(0.0, 1.0)), max_size=5), max_size=4))
    indptr = np.cumsum([0, *(len(zone) for zone in zones)])
    entries = [entry for zone in zones for entry in zone]
    return values, indptr, np.array([e[0] for e in entries], int), np.array([e[1] for e in entries], float)


@unhurried
@given(zoned(st.floats(-100.0, 100.0, width=32) | st.just(float("nan")), np.float32))
def test_weighted_mean_equals_its_twin(case: tuple[Array, Array, Array, Array]) -> None:
    assume(case[3].size == 0 or case[3][case[3] > 0].min(initial=1.0) > 1e-200)
    for ours, theirs in zip(weighted_mean(*case), reference.weighted_mean(*case), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@unhurried
@given(zoned(st.sampled_from([0, 1, 255]), np.uint8) | zoned(st.booleans(), np.bool_))
def test_weighted_fraction_equals_its_twin(case: tuple[Array, Array, Array, Array]) -> None:
    assume(case[3].size == 0 or case[3][case[3] > 0].min(initial=1.0) > 1e-200)
    for ours, theirs in zip(weighted_fraction(*case), reference.weighted_fraction(*case), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_images_and_flat_pixels_give_the_same() -> None:
    values = np.random.default_rng(3).random((4, *SHAPE))
    indices, weights = polygon_coverage([np.array([(1.2, 0.4), (8.1, 3.3), (2.7, 6.5)])], SHAPE)
    zone = ([0, indices.size], indices, weights)
    np.testing.assert_array_equal(weighted_mean(values, *zone), weighted_mean(values.reshape(4, -1), *zone))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: polygon_coverage([[(0, 0), (1, 1), (0, 0)]], (2, 2)), "ring 0 must have at least 3 corners: 2"),
        (lambda: polygon_coverage([np.empty((0, 2))], (2, 2)), "ring 0 must have at least 3 corners: 0"),
        (lambda: polygon_coverage([[(0, 0, 0)] * 3], (2, 2)), "ring 0 must have shape (any, 2): (3, 3)"),
        (lambda: polygon_coverage([[(0, 0), (1, np.inf), (0, 1)]], (2, 2)), "ring 0 must be finite: [1.0, inf]"),
        (lambda: polygon_coverage([[(0, 0), (2, 2), (2, 0), (0, 1)]], (2, 2)), "rings cross"),
        (lambda: polygon_coverage([], (-1, 2)), "shape must not be negative: (-1, 2)"),
        (lambda: weighted_mean(np.zeros(3), [0], [], []), "values must be (time, pixel) or (time, y, x): shape (3,)"),
        (
            lambda: weighted_mean(np.zeros((1, 3)), [0, 2], [0], [1]),
            "indptr must rise from 0 to the number of indices 1",
        ),
        (lambda: weighted_mean(np.zeros((1, 3)), [0, 1], [3], [1]), "indices not in 0..2: 3 to 3"),
        (lambda: weighted_mean(np.zeros((1, 3)), [0, 1], [0], [-1]), "weights must be finite and not negative: -1.0"),
        (lambda: weighted_mean(np.zeros((1, 3)), [0, 1], [0], [1, 1]), "weights must have shape (1): (2,)"),
        (lambda: weighted_fraction(np.zeros((1, 3)), [0], [], []), "mask must be bool or uint8: float64"),
    ],
)
def test_wrong_input_is_named_and_echoed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
