"""The incomplete beta function, which is the tail of an F distribution, for many arguments and one pair of parameters.

By its continued fraction (Abramowitz and Stegun 1964, 26.5.8), which converges fast for arguments below the mean. How
many terms are enough is found once, for the slowest argument; the fraction is then evaluated from its end, with
neither a test for convergence nor a branch, so that the loop over arguments vectorises.
"""

import math

import numpy as np

from berthwatch.kernels.arrays import Doubles
from berthwatch.kernels.compile import dividing, kernel

FEWEST_TERMS = 8
PRECISION = 1e-15
LEAST = 5e-324


@kernel
def fraction(a: float, b: float, count: int) -> Doubles:
    """Coefficients, each to be multiplied by x, of the continued fraction of I_x(a, b)."""
    terms = np.empty(count)
    for i in range(count):
        m = float((i + 1) // 2)
        if i % 2 == 1:
            terms[i] = m * (b - m) / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        else:
            terms[i] = -(a + m) * (a + b + m) / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
    return terms


@kernel
def terms_needed(a: float, b: float) -> int:
    """How many terms the fraction of I_x(a, b) needs at its slowest x, (a + 1) / (a + b + 2)."""
    slowest = (a + 1.0) / (a + b + 2.0)
    count = FEWEST_TERMS
    before, value = 0.0, 1.0
    while abs(value - before) > PRECISION * value:
        count += count // 2
        before, value = value, 1.0
        terms = fraction(a, b, count)
        for i in range(count - 1, -1, -1):
            value = 1.0 + terms[i] * slowest / value
    return count


@kernel
def log_beta(a: float, b: float) -> float:
    """Ln of the complete beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


@dividing
def lesser_tails(
    x: Doubles, y: Doubles, a: float, b: float, of_x: Doubles, of_y: Doubles, log_b: float, room: Doubles
) -> None:
    """Set x to the lesser of I_x(a, b) and I_y(b, a) = 1 - I_x(a, b), where x + y = 1; NaN stays.

    Parameters
    ----------
    of_x, of_y
        `fraction` of (a, b) and of (b, a), of one length that is enough for both.
    log_b
        `log_beta` of a and b.
    room
        (2, as many) to work in.
    """
    size = x.size
    value, argument = room[0], room[1]
    middle = (a + 1.0) / (a + b + 2.0)
    for i in range(size):
        value[i] = 1.0
        argument[i] = x[i] if x[i] < middle else y[i]
    for term in range(of_x.size - 1, -1, -1):
        left, right = of_x[term], of_y[term]
        for i in range(size):
            value[i] = 1.0 + (left if x[i] < middle else right) * argument[i] / value[i]
    for i in range(size):
        log_front = a * math.log(max(x[i], LEAST)) + b * math.log(max(y[i], LEAST)) - log_b
        tail = math.exp(log_front) / ((a if x[i] < middle else b) * value[i])
        # where x is between the middle and the median this is more than a half, and has all its digits in the rest
        x[i] = min(tail, 1.0 - tail)
