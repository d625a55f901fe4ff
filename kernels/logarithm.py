"""The natural logarithm of ratios of single-precision numbers, in loops that vectorise.

A library's scalar logarithm keeps a loop from being vectorised. Here ratios are never formed: x = 2^k x' with x'
within half a binade of b, by whole-number arithmetic on the bits of both, so that x' - b is exact (Sterbenz 1974),
and ln(x / b) = k ln 2 + 2 artanh((x' - b) / (x' + b)) by a polynomial. Right to 2 ulp also where x
nearly equals b, where ln of a rounded ratio has no digits left, and where the ratio would overflow.
"""

import math

import numpy as np

from berthwatch.kernels.arrays import Array
from berthwatch.kernels.compile import dividing

BLOCK_PX = 2048
"""Rows are worked on in pieces that stay in the first-level cache."""
HALF_BINADE, MANTISSA, ONE_BITS = 0x40_0000, 0x7F_FFFF, 0x3F80_0000
EXPONENT_UNIT, INFINITY_BITS = 0x80_0000, 0x7F80_0000
UNIT = 2.0**-23
LN2_HIGH, LN2_LOW = np.float32(0.693359375 * UNIT), np.float32(-2.1219444e-4 * UNIT)
"""ln 2 in two parts, the first of so few bits that k times it is exact; per unit of the bits of an exponent."""
LEAST = 1e-300
"""Below this, and above its inverse, a ratio in double precision may have lost digits."""
TERM_3, TERM_5, TERM_7 = (np.float32(term) for term in (0.666669548, 0.399570465, 0.303755224))
"""Of (2 artanh(s) / s - 2) / s^2, fitted where s is at most 1/5: to a tenth of a last digit of the whole."""


@dividing
def log_of_ratio(x: float, b: float) -> float:
    """Ln(x / b) of one pair, in double precision: -inf for 0 / b, inf for x / 0; NaN where a ratio is none.

    >>> log_of_ratio(0.0, 2.0), log_of_ratio(2.0, 0.0), log_of_ratio(-1.0, -1.0)
    (-inf, inf, nan)
    """
    if not (x >= 0.0 and b >= 0.0) or (x == b and (x == 0.0 or x == np.inf)):
        return np.nan
    if x == 0.0 or b == np.inf:
        return -np.inf
    if b == 0.0 or x == np.inf:
        return np.inf
    if 0.5 * b <= x <= 2.0 * b:
        return math.log1p((x - b) / b)
    ratio = x / b
    return math.log(ratio) if LEAST < ratio < 1.0 / LEAST else math.log(x) - math.log(b)


@dividing
def log_ratios(x: Array, b: Array, x_bits: Array, b_bits: Array, out: Array, room: Array) -> None:
    """Ln(x / b) of two rows of at most `BLOCK_PX` float32, as `log_of_ratio` has it.

    `x_bits` and `b_bits` are the same memory as int32; `room` is (3, BLOCK_PX) int32 to work in.
    """
    powers, near, base = room[0], room[1], room[2]
    for i in range(x.size):
        above, below = x_bits[i], b_bits[i]
        distance = np.int32(above - below)
        power = np.int32(np.int32(distance + HALF_BINADE) & -EXPONENT_UNIT)
        mantissa = np.int32((below & MANTISSA) | ONE_BITS)
        powers[i] = power
        near[i] = mantissa + distance - power
        base[i] = mantissa
    # a loop of its own, or none would vectorise; the sign bit says that one of them is negative, 0, subnormal or
    # infinite, and NaN is none of these
    odd = np.int32(0)
    for i in range(x.size):
        above, below = x_bits[i], b_bits[i]
        odd_above = np.int32(above | (above - EXPONENT_UNIT) | ((above ^ INFINITY_BITS) - 1))
        odd_below = np.int32(below | (below - EXPONENT_UNIT) | ((below ^ INFINITY_BITS) - 1))
        odd = np.int32(odd | odd_above | odd_below)
    near_values, base_values = near.view(np.float32), base.view(np.float32)
    for i in range(x.size):
        s = (near_values[i] - base_values[i]) / (near_values[i] + base_values[i])
        w = s * s
        series = (s + s) + s * (w * (TERM_3 + w * (TERM_5 + w * TERM_7)))
        k = np.float32(powers[i])
        # x - x is 0, or NaN for NaN
        out[i] = (k * LN2_LOW + series) + k * LN2_HIGH + ((x[i] - x[i]) + (b[i] - b[i]))
    if odd < 0:
        for i in range(x.size):
            low, high = min(x_bits[i], b_bits[i]), max(x_bits[i], b_bits[i])
            if low < EXPONENT_UNIT or high >= INFINITY_BITS:
                # float() would leave single precision single
                out[i] = log_of_ratio(np.float64(x[i]), np.float64(b[i]))
