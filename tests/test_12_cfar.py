"""CFAR detectors equal their plain twins, their multipliers the published ones, their false alarms what was asked."""

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from berthwatch import multipliers
from berthwatch.kernels import cfar, cfar_rank, reference_cfar, ringsums
from berthwatch.kernels.detect import NOT_SEEN

Array = npt.NDArray[Any]
unhurried = settings(deadline=None, max_examples=60)  # the first call compiles
RINGS = st.sampled_from([(3, 1), (5, 1), (5, 3), (7, 3), (9, 7), (21, 5), (63, 1)])
SPLITS = st.sampled_from(["left-right", "upper-lower"])


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Array, Array | None]:
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    width = np.dtype(dtype).itemsize * 8
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
    values = st.floats(0.125, 100.0, width=width) | st.sampled_from([np.nan, np.inf, 0.0, 1e6])
    image = draw(hnp.arrays(dtype, shape, elements=values))
    mask = draw(st.none() | hnp.arrays(draw(st.sampled_from([np.bool_, np.uint8])), shape))
    return image, mask


def assert_same(ours: tuple[Array, Array], theirs: tuple[Array, Array]) -> None:
    np.testing.assert_array_equal(ours[1], theirs[1], strict=True)
    assert ours[0].dtype == theirs[0].dtype
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6 if ours[0].dtype == np.float32 else 1e-12)


@unhurried
@given(scenes(), RINGS, st.integers(1, 4))
def test_cell_averaging_equals_its_twin(scene: Any, ring: Any, least: int) -> None:
    image, mask = scene
    wanted = reference_cfar.cell_averaging(image, *ring, mask, least)
    assert_same(cfar.cell_averaging(image, *ring, mask, least), wanted)


@unhurried
@given(scenes(), RINGS, SPLITS, st.integers(1, 4))
def test_greatest_and_smallest_of_equal_their_twins(scene: Any, ring: Any, split: Any, least: int) -> None:
    image, mask = scene
    for ours, choose in ((cfar.greatest_of, max), (cfar.smallest_of, min)):
        wanted = reference_cfar.of_halves(image, *ring, split, mask, least, choose)
        assert_same(ours(image, *ring, split, mask, least), wanted)


@unhurried
@given(scenes(), RINGS, st.integers(0, 99))
def test_detections_in_one_visit_are_those_of_ratio_and_count(scene: Any, ring: Any, seed: int) -> None:
    image, mask = scene
    table = np.random.default_rng(seed).random(ring[0] ** 2 - ring[1] ** 2 + 1) * 3.0
    table[table < 0.3] = np.nan
    table[0] = np.nan
    ratio, count = reference_cfar.cell_averaging(image.astype(np.float64), *ring, mask)
    wanted = reference_cfar.detections(ratio, count, table)
    np.testing.assert_array_equal(cfar.cell_averaging_detections(image, *ring, table, mask), wanted, strict=True)


@pytest.mark.parametrize("gaps", [False, True])
def test_chunks_with_overlap_give_the_same_to_the_last_bit(gaps: bool) -> None:
    image = np.random.default_rng(2).gamma(1.0, 1.0, (150, 2 * ringsums.BLOCK + 100)).astype(np.float32)
    if gaps:
        image[60:70, 300:320] = np.nan
    whole, count = cfar.cell_averaging(image, 21, 5)
    assert count[75, 1000] == 21**2 - 5**2
    part, cells = cfar.cell_averaging(image[50:110, 990:1090], 21, 5)
    np.testing.assert_array_equal(part[10:-10, 10:-10], whole[60:100, 1000:1080])
    np.testing.assert_array_equal(cells[10:-10, 10:-10], count[60:100, 1000:1080])


@pytest.mark.parametrize("brightest", [1e6, 1e30])
def test_bright_ships_leave_nothing_behind(brightest: float) -> None:
    rng = np.random.default_rng(4)
    image = rng.gamma(4.4, 1 / 4.4, (200, 300))
    without, count = cfar.cell_averaging(image, 41, 11)
    image[rng.integers(0, 200, 9), rng.integers(0, 90, 9)] = brightest
    ratio, _ = cfar.cell_averaging(image, 41, 11)
    np.testing.assert_array_equal(ratio[:, 111:], without[:, 111:])
    if brightest == 1e6:
        sums, guards = (ndimage.convolve(image, np.ones((side, side)), mode="constant") for side in (41, 11))
        np.testing.assert_allclose(ratio, image * count / (sums - guards), rtol=1e-9)


@unhurried
@given(scenes(), RINGS, st.floats(0.01, 1.0), st.integers(1, 2), st.integers(1, 4))
def test_ordered_statistic_equals_its_twin(scene: Any, ring: Any, q: float, stride: int, least: int) -> None:
    image, mask = scene
    stride = stride if ring[0] // 2 // stride > ring[1] // 2 // stride else 1
    wanted = reference_cfar.ordered_statistic(image, *ring, q, stride, mask, least)
    assert_same(cfar_rank.ordered_statistic(image, *ring, q, stride, mask, least), wanted)


@unhurried
@given(scenes(), st.booleans(), st.integers(0, 99))
def test_detections_equal_their_twin(scene: Any, halves: bool, seed: int) -> None:
    image, mask = scene
    ratio, count = cfar.greatest_of(image, 5, 1, "left-right", mask)
    count = count if halves else count[0]
    table = np.random.default_rng(seed).random((25,) * (count.ndim - 1)) * 3.0
    table[table < 0.3] = np.nan
    wanted = reference_cfar.detections(ratio, count, table)
    np.testing.assert_array_equal(cfar.detections(ratio, count, table), wanted, strict=True)


def near(value: Any, wanted: Any, digits: int) -> None:
    np.testing.assert_allclose(value, wanted, rtol=0.0, atol=0.6 * 10.0**-digits)


def test_published_multipliers() -> None:
    for cells, wanted in ((16, [8.6388, 12.4525, 21.942]), (24, [8.0045, 11.2272, 18.6787])):
        for pfa, alpha in zip([1e-3, 1e-4, 1e-6], wanted, strict=True):
            near(multipliers.cell_averaging(cells, 1.0, pfa), alpha, 3 if alpha == 21.942 else 4)
            np.testing.assert_allclose(
                multipliers.cell_averaging(cells, 1.0, pfa), cells * (pfa ** (-1.0 / cells) - 1.0), rtol=1e-9
            )
    near([multipliers.cell_averaging(32, 4.4, pfa) for pfa in (1e-3, 1e-4, 1e-6)], [3.2458, 3.9725, 5.3949], 4)
    near(multipliers.ordered_statistic([16, 24, 32], [12, 18, 24], 1.0, 1e-6), [20.954, 16.293, 14.399], 3)
    # Richards, Fundamentals of Radar Signal Processing, p. 525
    near(multipliers.ordered_statistic([20], [15], 1.0, 9.987e-4), [6.857], 3)
    for pfa, greatest, smallest in (
        (1e-2, 0.572842, 0.913152),
        (1e-3, 0.935914, 1.574964),
        (1e-6, 2.419453, 5.132084),
    ):
        near(multipliers.greatest_of([8], [8], 1.0, pfa) / 8, [greatest], 6)
        near(multipliers.smallest_of([8], [8], 1.0, pfa) / 8, [smallest], 6)


@pytest.mark.parametrize("pfa", [0.3, 1e-2, 1e-6, 1e-9])
def test_quadrature_agrees_with_the_closed_forms(pfa: float) -> None:
    nearly_one = 1.0 + 1e-10  # no longer one look, so that it is integrated
    n, m = np.array([1, 2, 8, 20, 780, 780]), np.array([1, 30, 8, 30, 780, 20])
    for found in (multipliers.greatest_of, multipliers.smallest_of):
        np.testing.assert_allclose(found(n, m, nearly_one, pfa), found(n, m, 1.0, pfa), rtol=1e-7)
    k = cfar_rank.rank(n, 0.75)
    ours = multipliers.ordered_statistic(n, k, nearly_one, pfa)
    np.testing.assert_allclose(ours, multipliers.ordered_statistic(n, k, 1.0, pfa), rtol=1e-7)


def test_correlated_pixels_count_as_fewer_cells() -> None:
    assert multipliers.pixels_per_cell(41, 11, [[1.0]]) == pytest.approx(1.0)
    np.testing.assert_allclose(
        multipliers.cell_averaging(48, 4.4, 1e-4, 3.0), multipliers.cell_averaging(16, 4.4, 1e-4)
    )
    halves = multipliers.greatest_of([48], [24], 4.4, 1e-4, 3.0), multipliers.greatest_of([16], [8], 4.4, 1e-4)
    np.testing.assert_allclose(*halves)
    thin, full = (multipliers.ordered_statistic([48], [36], 4.4, 1e-4, pixels) for pixels in (3.0, 1.0))
    assert thin > full


def test_table_holds_what_occurs() -> None:
    halves = np.array([[[0, 2]], [[3, 1]]], np.int32)
    found = multipliers.table(halves, lambda n, m: multipliers.greatest_of(n, m, 1.0, 0.01))
    assert found.shape == (4, 4)
    assert np.argwhere(~np.isnan(found)).tolist() == [[1, 2], [2, 1]]
    assert np.isnan(multipliers.table(np.zeros((1, 1), np.int32), lambda n: multipliers.cell_averaging(n, 1, 0.1)))


def test_a_bright_pixel_inside_the_guard_never_counts() -> None:
    image = np.ones((31, 31))
    image[15, 15] = 1e30
    for ratio, reach in (
        (cfar.cell_averaging(image, 11, 5)[0], 2),
        (cfar_rank.ordered_statistic(image, 11, 5, 1.0)[0], 2),
    ):
        far = np.maximum(*np.abs(np.indices(image.shape) - 15))
        np.testing.assert_array_equal(ratio[(far <= reach) & (far > 0)], 1.0)
        assert (ratio[(far > reach) & (far <= 5)] < 1e-20).all()
        np.testing.assert_array_equal(ratio[far > 5], 1.0)
    assert cfar.cell_averaging(image, 11, 5)[1][15, 15] == 11**2 - 5**2
    assert cfar.greatest_of(image, 11, 5, "left-right")[1][:, 15, 15].tolist() == [45, 45]


@pytest.mark.parametrize("detector", ["mean", "left-right", "upper-lower", "ordered"])
def test_an_implanted_vessel_is_found_and_border_and_gaps_are_not_seen(detector: str) -> None:
    image = np.random.default_rng(5).gamma(4.4, 0.01 / 4.4, (90, 110)).astype(np.float32)
    image[40:44, 50:59] = 0.3
    image[10, 10] = np.nan
    land = np.zeros(image.shape, np.bool_)
    land[:, 80:] = True
    image[:, 80:] = 5.0
    found = detected(image, detector, 4.4, 1e-7, land)
    assert (found[40:44, 50:59] == 1).all()
    assert found[10, 10] == NOT_SEEN
    found[40:44, 50:59] = 0
    assert (found[:, :80] != 1).all()
    assert (found[:, 101:] == NOT_SEEN).all()


def detected(image: Array, detector: str, looks: float, pfa: float, mask: Array | None = None) -> Array:
    """Detections with a ring of 41 and 21 pixels."""
    if detector == "mean":
        ratio, count = cfar.cell_averaging(image, 41, 21, mask)
        return cfar.detections(
            ratio, count, multipliers.table(count, lambda n: multipliers.cell_averaging(n, looks, pfa))
        )
    if detector == "ordered":
        ratio, count = cfar_rank.ordered_statistic(image, 41, 21, 0.75, 3, mask)
        return cfar.detections(
            ratio,
            count,
            multipliers.table(count, lambda n: multipliers.ordered_statistic(n, cfar_rank.rank(n, 0.75), looks, pfa)),
        )
    split: Any = detector
    ratio, count = cfar.greatest_of(image, 41, 21, split, mask)
    return cfar.detections(
        ratio, count, multipliers.table(count, lambda n, m: multipliers.greatest_of(n, m, looks, pfa))
    )


@pytest.mark.slow
@pytest.mark.parametrize("pfa", [1e-2, 1e-3])
@pytest.mark.parametrize("looks", [1.0, 4.4])
@pytest.mark.parametrize("detector", ["mean", "left-right", "upper-lower", "ordered"])
def test_false_alarms_are_as_many_as_asked(detector: str, looks: float, pfa: float) -> None:
    rng = np.random.default_rng(11)
    alarms = tested = 0
    for _ in range(12):
        image = rng.gamma(looks, 1.0 / looks, (350, 350)).astype(np.float32)
        image[rng.random(image.shape) < 0.02] = np.nan
        found = small(image, detector, looks, pfa)
        alarms, tested = alarms + int((found == 1).sum()), tested + int((found != NOT_SEEN).sum())
    assert abs(alarms / tested / pfa - 1.0) < 0.1


def small(image: Array, detector: str, looks: float, pfa: float) -> Array:
    """A ring of few cells, where the multiplier is far from that of a known mean."""
    if detector == "mean":
        ratio, count = cfar.cell_averaging(image, 5, 3)
        return cfar.detections(
            ratio, count, multipliers.table(count, lambda n: multipliers.cell_averaging(n, looks, pfa))
        )
    if detector == "ordered":
        ratio, count = cfar_rank.ordered_statistic(image, 5, 1, 0.75)
        ranks = lambda n: multipliers.ordered_statistic(n, cfar_rank.rank(n, 0.75), looks, pfa)  # noqa: E731
        return cfar.detections(ratio, count, multipliers.table(count, ranks))
    split: Any = detector
    ratio, count = cfar.greatest_of(image, 5, 1, split)
    return cfar.detections(
        ratio, count, multipliers.table(count, lambda n, m: multipliers.greatest_of(n, m, looks, pfa))
    )


ONES = np.ones((3, 3))
WRONG: list[tuple[Any, str]] = [
    (lambda: cfar.cell_averaging(np.ones(3), 3, 1), "image must have 2 dimensions: shape (3,)"),
    (lambda: cfar.cell_averaging(np.ones((3, 3), int), 3, 1), "image must be float32 or float64: int64"),
    (lambda: cfar.cell_averaging(ONES, 4, 1), "outer and guard must be odd, outer larger than guard: 4, 1"),
    (lambda: cfar.cell_averaging(ONES, 3, 3), "outer and guard must be odd, outer larger than guard: 3, 3"),
    (lambda: cfar.cell_averaging(ONES, 3, -1), "outer and guard must be odd, outer larger than guard: 3, -1"),
    (lambda: cfar.cell_averaging(ONES, 3, 1, least=0), "least must be 1 or more: 0"),
    (
        lambda: cfar.cell_averaging(ONES, 3, 1, np.ones((2, 3), bool)),
        "mask must have the shape of image (3, 3): (2, 3)",
    ),
    (lambda: cfar.cell_averaging(ONES, 3, 1, ONES), "mask must be bool or uint8: float64"),
    (lambda: cfar.greatest_of(ONES, 3, 1, "up"), "split must be left-right or upper-lower: up"),  # type: ignore[arg-type]
    (lambda: cfar_rank.ordered_statistic(ONES, 3, 1, 0.0), "q not above 0 and up to 1: 0.0"),
    (lambda: cfar_rank.ordered_statistic(ONES, 3, 1, 0.5, 2), "leave cells in a ring of 3 and 1: 2"),
    (lambda: cfar.detections(ONES, np.ones((2, 3), np.int32), [1.0, 2.0]), "count must have shape (3, 3)"),
    (lambda: cfar.detections(ONES, np.ones((3, 3), np.int32), [[1.0]]), "multipliers must have 1 dimensions"),
    (lambda: cfar.detections(ONES, np.ones((3, 3), np.int32), [1.0]), "count must be within multipliers (1,): 1 to 1"),
    (lambda: cfar.cell_averaging_detections(ONES, 3, 1, [1.0]), "multipliers must have 9 counts for this ring: 1"),
    (lambda: multipliers.cell_averaging(3, 0.0, 0.1), "looks and pixels per cell must be positive"),
    (lambda: multipliers.pixels_per_cell(3, 3, [[1.0]]), "outer must be larger than guard: 3, 3"),
    (lambda: multipliers.greatest_of([3], [3], 1.0, 1.0), "pfa between 0 and 1: 1.0, 1.0, 1.0"),
    (lambda: multipliers.ordered_statistic([3], [4], 1.0, 0.1), "rank not in 1..cells: [4.] of [3.]"),
    (lambda: multipliers.pixels_per_cell(5, 3, [[1.0, 0.5]]), "correlation must have odd sides and 1 at its centre"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_input_is_named_and_echoed(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
