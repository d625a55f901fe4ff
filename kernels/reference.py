"""The plain NumPy twin of each kernel: obvious, slow, and what the fast ones are tested against.

Nothing here is shared with the kernels. Where a direct definition exists it is written down as it is: a polygon
is clipped to each pixel in turn, a hidden Markov model is summed over every path there is, an integral is
a sum over many points.
"""

from itertools import product
from math import erf, pi, sqrt

import numpy as np
import numpy.typing as npt

from berthwatch.kernels.arrays import Array, Doubles, Integers
from berthwatch.kernels.profile import (
    CONTRAST,
    EDGE,
    FOURTH,
    LEVELS,
    SHAPES,
    SIXTH,
    THIRD,
    TURN,
    WIDTH,
    Strip,
)

MASK_64 = 2**64 - 1


def temporal_quantile(stack: Array, q: float) -> Array:
    """Quantile over time: sort what was seen, go the fraction q of the way along it."""
    out = np.full(stack.shape[1:], np.nan, stack.dtype)
    for pixel in np.ndindex(*out.shape):
        series = stack[(slice(None), *pixel)]
        ranked = np.sort(series[~np.isnan(series)]).astype(np.float64)
        if ranked.size:
            out[pixel] = np.interp(q * (ranked.size - 1), np.arange(ranked.size), ranked)
    return out


def temporal_median_mad(stack: Array) -> tuple[Array, Array]:
    """Median over time, and the median of the distances from it."""
    median = temporal_quantile(stack.astype(np.float64), 0.5)
    mad = temporal_quantile(np.abs(stack - median), 0.5)
    return median.astype(stack.dtype), mad.astype(stack.dtype)


def shift_bilinear(image: Array, dy: float, dx: float) -> Array:
    """Image at (y - dy, x - dx): pad with not seen, and weigh the four neighbours as whole images."""
    rows, columns = image.shape
    seen = ~np.isnan(image)
    step_y, step_x = int(np.floor(-dy)), int(np.floor(-dx))
    total, weight = np.zeros(image.shape), np.zeros(image.shape)
    for down, across in product((0, 1), (0, 1)):
        share = (1.0 - abs(-dy - step_y - down)) * (1.0 - abs(-dx - step_x - across))
        row = np.arange(rows)[:, None] + step_y + down
        column = np.arange(columns)[None, :] + step_x + across
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        at = (np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1))
        counted = inside & seen[at] & (share > 0.0)
        total += np.where(counted, share * np.nan_to_num(image.astype(np.float64))[at], 0.0)
        weight += np.where(counted, share, 0.0)
    out = np.full(image.shape, np.nan, np.float32)
    np.divide(total, weight, out=out, where=weight >= 0.5, casting="unsafe")
    return out


def shift_stack(stack: Array, dy: Doubles, dx: Doubles) -> Array:
    """Shift each scene by its own."""
    return np.stack([shift_bilinear(image, down, right) for image, down, right in zip(stack, dy, dx, strict=True)])


def departure(image: Array, level: Array, spread: Array) -> Array:
    """Standard deviations above a level; NaN where the spread is not positive."""
    scale = np.where(spread > 0, spread, np.nan).astype(np.float64)
    return ((image.astype(np.float64) - level) / scale).astype(np.float32)


def exceed(image: Array, threshold_map: Array) -> npt.NDArray[np.uint8]:
    """1 above the threshold, 0 not, 255 where either is NaN."""
    unseen = np.isnan(image) | np.isnan(threshold_map)
    return np.where(unseen, 255, image > threshold_map).astype(np.uint8)


def transition_matrices(generator: Doubles, gaps_days: Doubles) -> Doubles:
    """The exponential by its Taylor series on a gap cut so small that 30 terms are plenty, then a matrix power."""
    out = []
    for gap in gaps_days:
        halvings = max(0, int(np.ceil(np.log2(max(np.abs(generator).max() * gap, 1.0)))))
        step = generator * gap / 2.0**halvings
        term = total = np.eye(len(generator))
        for k in range(1, 31):
            term = term @ step / k
            total = total + term
        out.append(np.linalg.matrix_power(total, 2**halvings))
    return np.array(out).reshape(-1, *generator.shape)


def path_probabilities(
    log_emission: Doubles, gaps_days: Doubles, generator: Doubles, initial: Doubles
) -> tuple[Integers, Doubles]:
    """Every path (path, n) one series can take, and its joint probability (path,) with the observations."""
    transition = transition_matrices(generator, np.r_[0.0, gaps_days[1:]])
    paths = np.array(list(product(range(len(initial)), repeat=len(log_emission))), np.int64)
    probability = initial[paths[:, 0]] * np.exp(log_emission[0, paths[:, 0]])
    for t in range(1, len(log_emission)):
        probability = probability * transition[t, paths[:, t - 1], paths[:, t]] * np.exp(log_emission[t, paths[:, t]])
    return paths, probability


def forward_backward(
    log_emission: Doubles, gaps_days: Doubles, generator: Doubles, initial: Doubles
) -> tuple[Doubles, Doubles, float]:
    """Posterior (n, K), pairs (n, K, K) and log-likelihood of one series, summed over every path."""
    paths, probability = path_probabilities(log_emission, gaps_days, generator, initial)
    share = probability / probability.sum()
    observations, states = log_emission.shape
    posterior, xi = np.zeros((observations, states)), np.zeros((observations, states, states))
    for t in range(observations):
        np.add.at(posterior[t], paths[:, t], share)
        if t > 0:
            np.add.at(xi[t], (paths[:, t - 1], paths[:, t]), share)
    return posterior, xi, float(np.log(probability.sum()))


def viterbi(log_emission: Doubles, gaps_days: Doubles, generator: Doubles, initial: Doubles) -> Integers:
    """The likeliest of every path."""
    paths, probability = path_probabilities(log_emission, gaps_days, generator, initial)
    best: Integers = paths[np.argmax(probability)]
    return best


def expected_jumps(xi: Doubles, gaps_days: Doubles, generator: Doubles, points: int = 200) -> tuple[Doubles, Doubles]:
    """Days and jumps of one series by integrating over the moment of each jump (Gauss and Legendre)."""
    states = len(generator)
    days, jumps = np.zeros(states), np.zeros((states, states))
    nodes, shares = np.polynomial.legendre.leggauss(points)
    for t in range(1, len(xi)):
        moments = gaps_days[t] * (nodes + 1.0) / 2.0
        before = transition_matrices(generator, moments)
        after = transition_matrices(generator, gaps_days[t] - moments)
        whole = transition_matrices(generator, gaps_days[t : t + 1])[0]
        ratio = np.divide(xi[t], whole, out=np.zeros_like(whole), where=whole > 0.0)
        # a, b: states at the ends; i, j: states around the moment s
        around = np.einsum("s,ab,sai,sjb->ij", shares * gaps_days[t] / 2.0, ratio, before, after)
        days += around.diagonal()
        jumps += generator * around * (1.0 - np.eye(states))
    return days, jumps


def sample_paths(
    log_emission: Doubles, gaps_days: Doubles, generator: Doubles, initial: Doubles, seed: int, series: int, draws: int
) -> Integers:
    """Draw paths (draws, n) of one series backwards, with SplitMix64 in whole numbers."""
    transition = transition_matrices(generator, np.r_[0.0, gaps_days[1:]])
    filtered = [initial * np.exp(log_emission[0])]
    for t in range(1, len(log_emission)):
        filtered.append(filtered[-1] / filtered[-1].sum() @ transition[t] * np.exp(log_emission[t]))
    golden = 0x9E3779B97F4A7C15
    series_key = _mix(_mix(seed + golden) + series * golden)
    paths = np.zeros((draws, len(log_emission)), np.int64)
    for draw in range(draws):
        draw_key = _mix(series_key + (draw + 1) * golden)
        for t in reversed(range(len(log_emission))):
            last = t == len(log_emission) - 1
            chance = filtered[t] if last else filtered[t] * transition[t + 1][:, paths[draw, t + 1]]
            uniform = (_mix(draw_key + (t + 1) * golden) >> 11) / 2**53
            paths[draw, t] = np.searchsorted(np.cumsum(chance), uniform * chance.sum(), side="right")
    return paths


def _mix(x: int) -> int:
    x &= MASK_64
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK_64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK_64
    return x ^ (x >> 31)


def powers(generator: Doubles, rate: float, count: int) -> Doubles:
    """Powers 0 .. count - 1 of the step of a uniformised chain."""
    step = np.eye(len(generator)) + generator / rate
    return np.array([np.linalg.matrix_power(step, n) for n in range(count)])


def dense_stays(
    log_vacant: Doubles, log_taken: Doubles, level: Integers, generator: Doubles, weight: Doubles, initial: Doubles
) -> tuple[Doubles, Doubles, Doubles]:
    """The model of stays with every candidate in every state a state of its own, and vacancy the last of them.

    Returns log-emission (n, candidates S + 1), generator and initial probabilities, as for `forward_backward`.
    """
    states, candidates = len(level), len(weight)
    vacant = candidates * states
    rates = np.zeros((vacant + 1, vacant + 1))
    for m in range(candidates):
        own = slice(m * states, (m + 1) * states)
        rates[own, own] = generator[:states, :states]
        rates[own, vacant] = generator[:states, states]
        rates[vacant, own] = weight[m] * generator[states, :states]
    rates[vacant, vacant] = generator[states, states]
    emission = np.concatenate([log_taken[:, :, level].reshape(len(log_vacant), vacant), log_vacant[:, None]], axis=1)
    return emission, rates, np.r_[np.outer(weight, initial[:states]).ravel(), initial[states]]


def blurred_step(x: float, width: float, pixel: Doubles, corrections: Doubles) -> float:
    """The step at x by quadrature: the Gaussian's integral over a rectangle of points, with its corrections."""
    nodes, weights = np.polynomial.legendre.leggauss(28)
    places = x + pixel[0] * nodes[:, None] + pixel[1] * nodes
    mean = np.sum(weights[:, None] * weights * np.vectorize(erf)(places / width / sqrt(2.0))) / 8.0 + 0.5
    spread = sqrt(width**2 + (pixel**2).sum() / 3.0)
    hermite = np.polynomial.hermite_e.hermeval(
        x / spread, [0.0, 0.0, corrections[0], corrections[1], 0.0, corrections[2]]
    )
    return float(mean - np.exp(-0.5 * (x / spread) ** 2) / sqrt(2.0 * pi) * hermite)


def profile_model(strip: Strip, shape: Doubles, levels: Doubles, slot: Integers) -> Doubles:
    """What the model says of each pixel in each band (K, P), term by term as the module's text has them."""
    bands, width = len(levels), np.exp(shape[WIDTH])
    bulge, height = shape[SHAPES + bands :][: slot.size], shape[SHAPES + bands + slot.size :]
    out = np.empty_like(strip.values)
    for p, (across, along, i) in enumerate(zip(strip.across, strip.along, strip.segment, strict=True)):
        x = shape[EDGE] + shape[TURN] * along + bulge[i] - across
        reach = height[slot[i]] * np.array([0.0, strip.side, strip.tip])
        f0, f1, f2 = (blurred_step(x + far, width, strip.pixel, shape[[THIRD, FOURTH, SIXTH]]) for far in reach)
        z = x / width
        ramp = width * (z * (0.5 + 0.5 * erf(z / sqrt(2.0))) + np.exp(-0.5 * z * z) / sqrt(2.0 * pi))
        dark = strip.mix @ np.exp(shape[CONTRAST] + shape[SHAPES : SHAPES + bands])
        plane = levels[:, 0] + levels[:, 1] * along + levels[:, 2] * across
        side, deck = levels[:, 3] * (f1 - f0), levels[:, LEVELS + i] * f0
        out[:, p] = plane + side + levels[:, 4] * ramp + deck - dark * (f2 - f1)
    return out
