"""What zones hold: each figure equals its twin and what exactextract 0.3.0 found on fixed polygons."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from berthwatch.kernels import reference_zonal as twin
from berthwatch.kernels.coverage import polygon_coverage
from berthwatch.kernels.quantile import temporal_quantile
from berthwatch.kernels.spans import LONG_PX, LONGEST_PX, Spans, spans_of
from berthwatch.kernels.zonal import NUMBERS, weighted_fraction, weighted_mean, weighted_variance
from berthwatch.kernels.zonal_quantile import weighted_quantile

Array = npt.NDArray[Any]
unhurried = settings(deadline=None)  # the first call compiles
PIXELS = 2 * LONGEST_PX
Q = (0.0, 0.1, 0.5, 0.77, 1.0)

# Fixed polygons, in pixels of a raster of 7 rows and 9 columns, y downwards. Values are ((37 i + 11 t) mod 63) / 8 of
# the flattened pixel i and the scene t, but for those not seen. The figures were printed by exactextract 0.3.0, its ops
# count, mean, variance and quantile(q=...) on a NumPyRasterSource; the last is the mean of "above 4.0". It keeps
# coverage as float32, so that its figures are right to some 1e-7; those of eighths to the last digit.
SHAPE = (7, 9)
POLYGONS = {
    "with a hole": "POLYGON ((0.7 0.4, 8.3 1.1, 6.9 6.2, 1.9 5.8, 0.7 0.4), (3.1 2.2, 3.4 4.1, 5.3 3.7, 3.1 2.2))",
    "of two parts": "MULTIPOLYGON (((0.2 0.3, 2.6 0.9, 1.1 2.7, 0.2 0.3)), ((5.15 4.4, 8.6 4.9, 7.7 6.7, 5.15 4.4)))",
    "over both": "POLYGON ((2.3 1.7, 7.9 3.3, 5.6 5.9, 2.3 1.7))",
    "over the border": "POLYGON ((6.3 -2.4, 11.7 0.6, 9.8 4.9, 6.3 -2.4))",
    "within a pixel": "POLYGON ((4.1 4.2, 4.9 4.3, 4.4 4.8, 4.1 4.2))",
    "of eighths": "POLYGON ((1.125 1.25, 5.875 1.25, 5.875 3.75, 3.5 3.75, 3.5 5.5, 1.125 5.5, 1.125 1.25))",
}
FROZEN = [
    {
        "with a hole": (29.65833729109727, 4.006865764227939, 5.501159211236883, 0.6929444103334546,
                        4.01857139859643, 7.134170842705168, 0.4864492437811577),
        "of two parts": (5.940000016707927, 4.257976237419031, 5.967325849548644, 0.8842308630480049,
                         4.408187325409735, 6.9436111815510015, 0.6468067868208641),
        "over both": (7.746103866957128, 4.035109798772043, 5.473380621157588, 0.7163574654703274,
                      3.7621243575280316, 7.1558138430068245, 0.4544892270077528),
        "over the border": (2.503250475972891, 5.186172616220155, 5.82923904165227, 1.6990317910346096,
                            5.183406746099504, 7.200531164937529, 0.7341999950762037),
        "within a pixel": (0.0, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan),
        "of eighths": (15.03125, 3.7871621621621623, 5.335644701354163, 0.37337740384615387,
                       3.8734375, 6.905378787878788, 0.45322245322245325),
    },
    {
        "with a hole": (29.68665349087678, 3.9924908307857083, 5.12960366528288, 0.8829964235208322,
                        4.14488837321058, 7.17686580748791, 0.5083706276811566),
        "of two parts": (5.940000016707927, 2.945034373791271, 5.264002185819367, 0.3863066885682104,
                         2.5378203567426993, 5.941067833124869, 0.33545814499740034),
        "over both": (6.834285720251501, 3.7226438175249243, 3.6589475236324676, 1.004962128627841,
                      4.178858775486768, 5.9175089149128315, 0.5130020154789002),
        "over the border": (2.503250475972891, 3.965649377491646, 6.223296554481344, 1.5322265982397425,
                            3.4249741867652572, 6.594105631819872, 0.4066431066450456),
        "within a pixel": (0.22499999403953552, 5.25, 0.0, 5.25, 5.25, 5.25, 1.0),
        "of eighths": (13.75, 3.7738636363636364, 4.90972882231405, 0.8290229885057472,
                       3.9010416666666665, 6.858870967741936, 0.4090909090909091),
    },
]  # fmt: skip


def scenes() -> Array:
    pixel = np.arange(63).reshape(SHAPE)
    values = np.stack([(37 * pixel + 11 * scene) % 63 / 8 for scene in range(2)])
    values[0, 2, 3] = values[0, 4, 4] = values[1, 3, 3:6] = np.nan
    return values


def placed(texts: list[str]) -> Spans:
    """Zones of polygons in pixels."""
    found = []
    for text in texts:
        parts = shapely.get_parts(shapely.from_wkt(text))
        rings = [np.asarray(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]
        found.append(polygon_coverage(rings, SHAPE))
    indices, weights = (np.concatenate(each) for each in zip(*found, strict=True))
    return spans_of(np.cumsum([0, *(len(each) for each, _ in found)]), indices, weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", POLYGONS)
def test_figures_are_those_of_exactextract(name: str, dtype: Any) -> None:
    values, zones = scenes().astype(dtype), placed(list(POLYGONS.values()))
    mean, variance, covered = weighted_variance(values, zones)
    quantile, _ = weighted_quantile(values, zones, [0.1, 0.5, 0.9])
    above, _ = weighted_fraction(values, zones, above=4.0)
    at = list(POLYGONS).index(name)
    ours = np.stack([covered, mean, variance, *quantile, above], axis=-1)[:, at]
    tolerance = 1e-12 if name == "of eighths" else 3e-7
    np.testing.assert_allclose(ours, [frozen[name] for frozen in FROZEN], rtol=tolerance, atol=tolerance)


@st.composite
def zones(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """Zones of stretches, whole, in part and with holes, some of them longer than a span may be; they may overlap."""
    indices, weights, sizes = [np.empty(0, np.int64)], [np.empty(0)], [0]
    for _ in range(draw(st.integers(0, 3))):
        size = 0
        for _ in range(draw(st.integers(0, 3))):
            length = draw(st.sampled_from([1, 2, LONG_PX - 1, LONG_PX, LONG_PX + 1, LONGEST_PX + 3]))
            first = draw(st.integers(0, PIXELS - length))
            some = draw(st.lists(st.sampled_from([0.0, 0.25, 1.0, 1.0]) | st.floats(1e-3, 1.0), min_size=1, max_size=9))
            share = np.resize(some, length) if draw(st.booleans()) else np.ones(length)
            indices.append(np.arange(first, first + length))
            weights.append(share)
            size += length
        sizes.append(size)
    return np.cumsum(sizes), np.concatenate(indices), np.concatenate(weights)


def stacks(dtype: Any) -> st.SearchStrategy[Array]:
    if dtype in (np.float32, np.float64):
        elements: Any = st.floats(-100.0, 100.0, width=32) | st.just(float("nan"))
    else:
        elements = st.integers(0, 7) | st.just(np.iinfo(dtype).max)
    return hnp.arrays(dtype, st.tuples(st.integers(0, 2), st.just(PIXELS)), elements=elements, fill=elements)


@unhurried
@given(zones(), st.data(), st.sampled_from(NUMBERS), st.floats(-100.0, 100.0, width=32))
def test_figures_equal_their_twins(csr: Any, data: st.DataObject, dtype: Any, above: float) -> None:
    values = data.draw(stacks(dtype))
    nodata = None if values.dtype.kind == "f" else int(np.iinfo(dtype).max)
    seen = values.astype(np.float64) if nodata is None else np.where(values == nodata, np.nan, values * 1.0)
    dense, found = twin.dense_weights(*csr, PIXELS), spans_of(*csr)
    for ours, theirs in zip(weighted_mean(values, found, nodata), twin.weighted_mean(seen, dense), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    _, variance, _ = weighted_variance(values, found, nodata)
    np.testing.assert_allclose(variance, twin.weighted_variance(seen, dense), rtol=1e-9, atol=1e-9)
    share, covered = weighted_fraction(values, found, above, nodata)
    np.testing.assert_allclose(share, twin.weighted_fraction(seen, dense, above), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(covered, twin.weighted_mean(seen, dense)[1], rtol=1e-9, atol=1e-9)


@unhurried
@given(st.data(), st.sampled_from(NUMBERS), st.integers(1, 12), st.sampled_from(Q))
def test_quantiles_equal_their_twin(data: st.DataObject, dtype: Any, pixels: int, q: float) -> None:
    nodata = None if dtype in (np.float32, np.float64) else 7
    elements: Any = st.integers(0, 7) if nodata else st.floats(-100.0, 100.0, width=32) | st.just(float("nan"))
    values = data.draw(hnp.arrays(dtype, (2, pixels), elements=elements))
    weights = data.draw(hnp.arrays(np.float64, (pixels,), elements=st.sampled_from([0.25, 1.0]) | st.floats(0.01, 1.0)))
    seen = values.astype(np.float64) if nodata is None else np.where(values == nodata, np.nan, values * 1.0)
    found, covered = weighted_quantile(values, spans_of([0, pixels], np.arange(pixels), weights), [q], nodata)
    wanted = twin.weighted_quantile(seen, weights[None], q)
    # at a sum of weights rounding decides between two neighbours whose places are equal
    np.testing.assert_allclose(found[0], wanted, rtol=1e-9, atol=1e-7)
    np.testing.assert_allclose(covered[:, 0], np.where(np.isnan(seen), 0.0, weights).sum(axis=1), rtol=1e-12)


def test_quantiles_of_whole_pixels_are_those_over_time() -> None:
    values = np.random.default_rng(0).normal(size=(3, 201))
    zone = spans_of([0, 201], np.arange(201), np.ones(201))
    for q in Q:
        np.testing.assert_allclose(
            weighted_quantile(values, zone, [q])[0][0, :, 0], temporal_quantile(values.T, q), rtol=1e-12
        )


def test_spans_say_the_same_as_the_matrix_and_share_one_block_of_ones() -> None:
    weights = np.ones(2000)
    weights[[0, 700, 1999]] = 0.5, 0.0, 0.25
    zone = spans_of([0, 2000], np.arange(2000), weights)
    back = np.zeros(2000)
    for first, length, at in zone.table.astype(int):
        back[first : first + length] += zone.weights[at : at + length]
    np.testing.assert_array_equal(back, weights)
    assert zone.weights.size < LONGEST_PX + 2 * LONG_PX
    assert (zone.table[:, 1] <= LONGEST_PX).all()
    assert zone.whole.tolist() == [weights.sum()]


def test_variance_of_a_high_level_keeps_its_digits() -> None:
    values = 1e9 + np.tile([0.0, 1.0], 500)[None]
    _, variance, _ = weighted_variance(values, spans_of([0, 1000], np.arange(1000), np.ones(1000)))
    assert variance.item() == 0.25


def test_infinities_are_values() -> None:
    values = np.array([[1.0, np.inf, 3.0], [-np.inf, 2.0, np.inf]])
    zone = spans_of([0, 3], [0, 1, 2], [1.0, 1.0, 1.0])
    mean, variance, covered = weighted_variance(values, zone)
    assert mean[0].item() == np.inf
    assert np.isnan([mean[1], *variance]).all()
    assert covered.tolist() == [[3.0], [3.0]]
    assert weighted_quantile(values, zone, [0.25, 1.0])[0].ravel().tolist() == [2.0, -np.inf, np.inf, np.inf]


def test_a_threshold_is_of_the_values_own_dtype() -> None:
    zone = spans_of([0, 1], [0], [1.0])
    assert weighted_fraction(np.array([[0.3]], np.float32), zone, above=0.3)[0].item() == 0.0
    assert weighted_fraction(np.array([[3]], np.uint8), zone, above=2.5)[0].item() == 1.0
    assert weighted_fraction(np.array([[True]]), zone)[0].item() == 1.0


def test_images_and_flat_pixels_give_the_same() -> None:
    values, found = scenes(), placed(list(POLYGONS.values()))
    np.testing.assert_array_equal(weighted_mean(values, found), weighted_mean(values.reshape(2, -1), found))


ONE = spans_of([0, 1], [3], [1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spans_of([0, 2], [0], [1]), "indptr must rise from 0 to the number of indices 1: [0, 2]"),
        (lambda: spans_of([], [], []), "indptr must rise from 0"),
        (lambda: spans_of([0, 1], [-3], [1]), "indices must not be negative: -3"),
        (lambda: spans_of([0, 1], [0], [-1]), "weights must be finite and not negative: -1.0 to -1.0"),
        (lambda: spans_of([0, 1], [0], [np.inf]), "weights must be finite and not negative: inf to inf"),
        (lambda: spans_of([0, 1], [0], [1, 1]), "weights must have shape (1): (2,)"),
        (lambda: weighted_mean(np.zeros(4), ONE), "values must be (time, pixel) or (time, y, x): shape (4,)"),
        (lambda: weighted_mean(np.zeros((1, 3)), ONE), "zones reach pixel 3, not in 0..2"),
        (lambda: weighted_mean(np.zeros((1, 4), complex), ONE), "values must be uint8 or uint16 or int16"),
        (lambda: weighted_mean(np.zeros((1, 4)), ONE, -9), "nodata of float64 values must be NaN: -9"),
        (lambda: weighted_mean(np.zeros((1, 4), np.uint8), ONE, 256), "nodata of uint8 values must be a whole number"),
        (lambda: weighted_mean(np.zeros((1, 4), np.uint8), ONE, 0.5), "nodata of uint8 values must be a whole number"),
        (lambda: weighted_fraction(np.zeros((1, 4)), ONE, np.nan), "above must be a number: nan"),
        (lambda: weighted_quantile(np.zeros((1, 4)), ONE, [1.5]), "q not in 0..1: [1.5]"),
    ],
)
def test_wrong_input_is_named_and_echoed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
