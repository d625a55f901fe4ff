"""Every kernel gives the same as plain Python as it gives compiled, so that its lines can be counted."""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from berthwatch.kernels import (
    background,
    cfar,
    cfar_rank,
    change,
    chisquare,
    coverage,
    cusum,
    detect,
    fluctuation,
    forward_backward,
    histories,
    hullbox,
    irmad,
    jumps,
    mosum,
    omnibus,
    paths,
    profile,
    quantile,
    reactiv,
    recursive,
    resample,
    shift,
    spans,
    stays,
    transition,
    uniformisation,
    zonal,
    zonal_quantile,
)
from berthwatch.kernels.compile import __file__ as compile_file
from berthwatch.kernels.compile import kernel

DECORATED = re.compile("^@(kernel|dividing)$", re.MULTILINE)
STACK = np.random.default_rng(0).normal(size=(9, 4, 5)).astype(np.float32)
STACK[0, 0] = np.nan
STACK[:, 1, 1] = np.nan
STACK[1:7, 2, 2] = 1.0
LEVELS = np.array([[1, 9, 1], [5, 9, 2], [6, 2, 3], [7, 9, 40], [7, 9, 41], [90, 9, 90]], np.int16)
TRIANGLES = [[(-1.5, -1.0), (6.0, 0.5), (2.0, 6.5)], [(1.0, 1.0), (1.0, 3.0), (2.0, 3.0)], [(-3, 1), (-2, 1), (-2, 2)]]
Q2, Q3 = [[-1.0, 1.0], [0.5, -0.5]], [[-9.0, 9.0, 0.0], [0.0, -1.0, 1.0], [1.0, 1.0, -2.0]]
ZONES = ([0, 2, 3, 3, 18], [0, 1, 6, *range(3, 18)], [1.0, 0.5, 1.0, *[0.25, 1.0, 1.0] * 5])
LONG = ([0, 1100], np.arange(1100), [0.5, *[1.0] * 1098, 0.0])
BRIGHT_BOX = np.pad(np.linspace(0.8, 1.0, 14).reshape(2, 7), ((3, 4), (4, 4)))
SEEN = np.log([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.3, 0.7], [1.0, 1e-300]])
SERIES = (SEEN, [0.0, 1.0, 2.0, 0.0, 3.0], [0, 3, 3, 5], Q2, [0.4, 0.6])
IMPOSSIBLE = ([[-np.inf, -np.inf], [0.0, 0.0]], [0.0, 1.0], [0, 2], Q2, [0.4, 0.6])
CERTAIN = (SEEN[:2], [0.0, 0.0], [0, 2], Q2, [1.0, 0.0])


def refused() -> list[float]:
    with pytest.raises(ValueError, match="series 0 is impossible"):
        forward_backward.forward_backward(*IMPOSSIBLE)
    return []


def drawn() -> list[Any]:
    """A berth's histories, from looks that force stays to begin, to change and to end between them."""
    lone = stays.expanded([[-3.0, 2.0, 1.0], [0.0, -2.0, 2.0], [1.0, 1.0, -2.0]])
    chain = uniformisation.uniformised(lone, 3.0)
    over = uniformisation.over_gaps(chain, [0.0, 1.0, 3.0])
    taken = np.array([[[-9.0, -9.0]] * 2, [[0.0, 0.0], [-9.0, -9.0]], [[-9.0, -9.0], [0.0, -9.0]], [[-9.0, -9.0]] * 2])
    looks = stays.looks_of([0.0, -9.0, -9.0, 0.0], taken, [0, 1, 2, 1])
    first, states = np.array([0.3, 0.3, 0.4]), (np.array([0, 1]), np.array([0, 2]), np.array([0.4, 0.6]))
    found = stays.filter_stays(looks, over, *states, first)
    days = np.array([0.0, 1.0, 4.0, 5.0])
    out = [found.vacant, found.taken]
    for key in (1, 2, 2**64 - 1):
        history = histories.draw_history(found, over, chain, looks.gap, days, states[2], key)
        out += [np.nan_to_num(history.times_days), history.codes, history.jumps, history.days]
    late = stays.filter_stays(stays.looks_of([-9.0, 0.0], taken[2:], looks.gap[2:]), over, *states, first)
    last = histories.draw_history(late, over, chain, looks.gap[2:], days[2:], states[2], 7)
    lying = stays.filter_stays(stays.looks_of([-99.0] * 2, taken[[1, 1]], looks.gap[:2]), over, *states, first)
    same = [histories.draw_history(lying, over, chain, looks.gap[:2], days[:2], states[2], key) for key in range(9)]
    assert {tuple(history.codes[0, 3:]) for history in same} == {(0, 0), (0, 1)}, "one stay, or another after it"
    contradicting = stays.looks_of([0.0, -np.inf], [[[-np.inf] * 2] * 2, [[0.0] * 2] * 2], [0, 0])
    with pytest.raises(ValueError, match="impossible"):
        stays.filter_stays(contradicting, over, *states, first)
    return [*out, last.codes, *(history.codes for history in same)]


def fitted() -> list[Any]:
    """Normal equations of a side's profile: two bands, two segments, pixels in the deck, at its edge and far out."""
    rng = np.random.default_rng(3)
    across, along = np.linspace(-12.0, 30.0, 24), np.tile([-4.0, 4.0], 12)
    segment = np.repeat([0, 1], 12)
    strip = profile.Strip(
        across,
        along,
        segment,
        rng.normal(size=(2, 24)),
        np.array([[1.0, 0.2], [0.1, 1.0]]),
        0.3,
        1.4,
        np.array([1.2, 0.4]),
    )
    shape = np.concatenate([[0.5, -1.0, 0.2, 0.01, 0.02, 0.01, 0.0], [0.1, -0.1], [0.1, -0.2], [4.0, 2.5]])
    levels = rng.normal(size=(2, 7))
    found = profile.profile_normals(strip, np.ones((2, 24)), shape, levels, np.array([0, 1]))
    with pytest.raises(ValueError, match="must fit 2 bands and 2 segments"):
        profile.profile_normals(strip, np.ones((2, 24)), shape[:-1], levels, np.array([0, 1]))
    return [found.shapes, found.cross, found.levels, found.shape_slope, found.level_slope, found.residual, found.cover]


def changed() -> list[Any]:
    """Series with a change and with two, without one, of one look and of none; a factor of Q that no R_j explains."""
    omnibus._tables_of.cache_clear()  # or the plain run would be handed the compiled one's tables
    rng = np.random.default_rng(5)
    stack = rng.gamma(4.4, 1 / 4.4, (9, 3, 200)).astype(np.float32)
    stack[4:, 0] *= 30
    stack[7:, 0, ::2] *= 30
    stack[1:, 1, 0], stack[:, 1, 1] = np.nan, 0.0
    cross = np.full_like(stack, 0.1)
    cross[3, 2] = 99.0
    found = [
        omnibus.omnibus([stack], 4.4, 0.05),
        omnibus.omnibus([stack.astype(np.float64), stack.astype(np.float64)], 4.4, 0.05),
        omnibus.omnibus([stack, stack[::-1], cross, cross], 4.4, 0.05, full=True),
    ]
    return [array for one in found for array in (one.count, one.first, one.last, one.strongest, one.p, one.strongest_p)]


def ratios() -> list[Any]:
    """Of numbers, and of what has no ratio: 0 over 0, above and below, infinite, negative, not seen."""
    stack = np.abs(STACK)
    stack[:6, 3, 4] = 0.0, 0.0, 1.0, np.inf, np.inf, 1.0
    stack[:3, 3, 3] = 1.0, -1.0, 1.0
    stack[2, 3, 3] = 1.01
    found = [change.log_ratio(of) for of in (stack, stack.astype(np.float64), stack[1:2])]
    found += [change.log_ratio(stack, stack[1]), change.mean_ratio(stack), change.mean_ratio(stack, stack[1], 3)]
    return [*found, change.ratio_test(stack[1:], stack[:-1], 4.4, 30.0)]


def resampled() -> list[Any]:
    """Half a pixel off and then turned: inside, over the edge, beside and in what was not seen, and nowhere."""
    turned, beside = np.empty((3, 5), np.float32), np.empty((5, 5), np.float32)
    steps = np.arange(4.0)
    rows, columns = np.meshgrid(steps * 2 - 0.5, steps * 2 + 0.3, indexing="ij")
    resample.resample_bilinear(STACK[1], rows, columns, 2, beside)
    rows, columns = steps[:3, None] + steps / 2, steps[:3, None] / 2 + steps
    resample.resample_bilinear(STACK[2], rows, columns, 2, turned)
    return [beside, turned]


def bright() -> list[Any]:
    """Detectors on an image with a gap, with a clean one, and with nothing to be measured against."""
    image = np.random.default_rng(3).gamma(1.0, 1.0, (9, 8))
    gappy = image.copy()
    gappy[2, 2:4] = np.nan
    gappy[6, 6] = 0.0
    out = [*cfar.cell_averaging(np.ones((60, 3)), 41, 3), *cfar.cell_averaging(np.zeros((2, 2)), 3, 1)]
    out += cfar.cell_averaging(image, 63, 1)  # 31 rows are five powers of two
    for each in (image, gappy):
        mean, halves = cfar.cell_averaging(each, 5, 3, least=4), cfar.greatest_of(each, 5, 1, "left-right")
        out += [*mean, *halves, *cfar.smallest_of(each, 5, 3, "upper-lower")]
        out += [cfar.detections(*mean, np.full(25, 1.2)), cfar.detections(*halves, np.full((25, 25), 1.2))]
        out += [cfar.cell_averaging_detections(each, 5, 3, np.full(17, 1.2))]
        out += cfar_rank.ordered_statistic(each, 5, 1, 0.1, least=10)
        out += cfar_rank.ordered_statistic(np.zeros((3, 3)), 3, 1, 0.5)
    return out


def monitored() -> list[Any]:
    """Each online monitor over a series with gaps, a rise, a fall and a pixel never seen."""
    level, spread = np.zeros((4, 5), np.float32), np.full((4, 5), 0.5, np.float32)
    spread[3, 3] = 0.0
    history = np.full((4, 5), 2)
    sums, ring, total = cusum.cusum_start((4, 5)), mosum.mosum_start((4, 5), 2), fluctuation.fluctuation_start((4, 5))
    out: list[Any] = []
    for image in STACK:
        alarm, sums = cusum.cusum_step(image, level, spread, sums, clip=3.0)
        out += [alarm, sums.above, sums.below]
        for boundary in (2.0, np.full((4, 5), 3.0)):
            process, alarm, after = mosum.mosum_step(image, level, spread, ring, boundary)
            out += [process, alarm]
        ring = after
        process, alarm, total = fluctuation.ols_cusum_step(image, level, spread, history, total, 1.5)
        out += [process, alarm]
    varied = reactiv.reactiv(STACK, 4.4)
    return [*out, varied.cv, varied.score, varied.count, varied.brightest]


def altered() -> list[Any]:
    """Two blocks of pixels with gaps in either image, of three bands, by plain MAD, reweighted and with a penalty."""
    rng = np.random.default_rng(8)
    before = rng.normal(size=(3, 20, 30))
    after = before[::-1] + 0.3 * rng.normal(size=before.shape)
    before[1, 3, 3], after[0, 4, 4] = np.nan, np.inf
    images = before, after.astype(np.float32)
    found = [irmad.irmad(*images, 1), irmad.irmad(*images), irmad.irmad(*images, penalty=0.1)]
    # a difference near 0 has no digits of its own, so that 1 is added
    return [1.0 + array for one in found for array in (one.variates, one.correlations, one.z, one.p)]


def regressed() -> list[Any]:
    design = np.stack([np.ones(9), np.arange(9.0)], axis=1)
    fit = recursive.history_fit(STACK, design)
    return [fit.coefficients, fit.spread, fit.count, recursive.recursive_cusum(STACK, design, 2)]


CASES: dict[str, Callable[[], Any]] = {
    "bright": bright,
    "quantile": lambda: quantile.temporal_quantile(STACK, 0.3),
    "quantile of equals": lambda: quantile.temporal_quantile(np.ones((4, 1)), 0.3),
    "median and mad": lambda: quantile.temporal_median_mad(STACK),
    "quantile of doubles": lambda: quantile.temporal_quantile(STACK.astype(np.float64), 0.3),
    "median and mad of bytes": lambda: quantile.temporal_median_mad(
        (50 * STACK[:, 1:2, 2:] + 200).astype(np.uint8), 200
    ),
    "quantile of many dates": lambda: quantile.temporal_quantile(np.arange(300, dtype=np.uint16)[:, None], 0.7),
    "low mode": lambda: background.temporal_low_mode(STACK, 1.0),
    "low mode of few": lambda: background.temporal_low_mode(STACK[:2]),
    "low mode of levels": lambda: background.temporal_low_mode(LEVELS, 0.35, 9),
    "ratios": ratios,
    "resample": resampled,
    "boxes of a hull": lambda: hullbox.sum_boxes(BRIGHT_BOX, hullbox.Limits(2, 3, 7, 2), 0.1),
    "shift": lambda: shift.shift_bilinear(STACK[1], 0.4, -1.3),
    "departure": lambda: detect.departure(STACK, STACK[1], STACK[2]),
    "exceed": lambda: detect.exceed(STACK, STACK[1]),
    "spans": lambda: [getattr(spans.spans_of(*LONG), name) for name in ("ptr", "table", "weights", "whole")],
    "zonal": lambda: zonal.weighted_variance(STACK, spans.spans_of(*ZONES)),
    "zonal share": lambda: zonal.weighted_fraction(
        detect.exceed(STACK, STACK[1]), spans.spans_of(*ZONES), nodata=detect.NOT_SEEN
    ),
    "zonal quantiles": lambda: [
        *zonal_quantile.weighted_quantile(STACK, spans.spans_of(*ZONES), [0.0, 0.3, 0.31, 0.5, 0.9, 1.0]),
        *zonal_quantile.weighted_quantile(LEVELS[:, 2:], spans.spans_of([0, 1], [0], [0.5]), [0.5], 2),
        *zonal_quantile.weighted_quantile(np.ones((1, 3)), spans.spans_of([0, 3], [0, 1, 2], [1.0, 0.5, 0.25]), [0.3]),
    ],
    "coverage": lambda: coverage.polygon_coverage(TRIANGLES, (5, 4)),
    "coverage of a flat ring": lambda: coverage.polygon_coverage([*TRIANGLES, [(1, 1), (3, 1), (2, 1)]], (5, 4)),
    "two states": lambda: transition.transition_matrices(Q2, [0.0, 0.5, 99.0]),
    "many states": lambda: transition.transition_matrices(Q3, [0.0, 0.5, 99.0]),
    "posteriors": lambda: forward_backward.forward_backward(*SERIES).xi,
    "impossible": refused,
    "jumps": lambda: jumps.expected_jumps(forward_backward.forward_backward(*SERIES).xi, *SERIES[1:4]),
    "draws": lambda: paths.sample_paths(*SERIES, seed=2**64 - 1, n_draws=5),
    "certain draws": lambda: paths.sample_paths(*CERTAIN, seed=1, n_draws=5),
    "histories": drawn,
    "profile": fitted,
    "omnibus": changed,
    "critical value": lambda: [chisquare.critical_value(1e-30, 1, 0.0)],
    "tails": lambda: [
        chisquare.corrected_tail(z, dof, 0.1) for z in (-1.0, np.nan, 3.0, 2000.0, np.inf) for dof in (1, 4)
    ],
    "monitors": monitored,
    "regressions": regressed,
    "irmad": altered,
    "likeliest": lambda: paths.viterbi(*SERIES),
}
MODULES = [
    import_module(f"berthwatch.kernels.{path.stem}")
    for path in sorted(Path(compile_file).parent.glob("*.py"))
    if DECORATED.search(path.read_text())
]


@pytest.mark.parametrize("name", CASES)
def test_compiled_equals_plain_python(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = CASES[name]()
    for module in MODULES:
        for attribute, value in vars(module).copy().items():
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, attribute, value.py_func)
    # whole numbers that wrap, and NaN and inf that come out, on purpose: numpy warns of single ones
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        plain = CASES[name]()
    for ours, theirs in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6 if np.asarray(ours).dtype == np.float32 else 1e-12)


def test_kernels_release_the_gil_and_leave_no_files() -> None:
    options = kernel(lambda: 0).targetoptions  # type: ignore[attr-defined]
    assert options["nogil"] is True
    assert not options.get("cache", False)
    assert not options.get("parallel", False)
