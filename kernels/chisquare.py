"""The chi-square distribution's upper tail, for statistics that are -2 ln of a likelihood ratio.

For whole degrees of freedom the tail is a finite sum of positive terms (Abramowitz and Stegun 1964, 26.4.4 and
26.4.5), right far beyond where 1 - cdf has no digits left.
"""

import math

import numpy as np

from berthwatch.kernels.arrays import Doubles
from berthwatch.kernels.compile import dividing, kernel

LEAST_EXPONENT = 700.0
"""exp of less than minus this is no normal number: terms are then had from their logarithms."""
HALVINGS = 60


@kernel
def corrected_tail(z: float, dof: int, omega2: float) -> float:
    """P(statistic > z) where it is a chi-square of `dof` but for a term of second order, omega2.

    P = (1 - omega2) P(chi2_dof > z) + omega2 P(chi2_{dof + 4} > z) (Box 1949, doi 10.1093/biomet/36.3-4.317); 1 for
    z <= 0, 0 for infinity, NaN for NaN. The two tails differ by two terms of one sum.

    >>> round(corrected_tail(3.841458820694124, 1, 0.0), 12), round(corrected_tail(2.0, 2, 0.0), 12)
    (0.05, 0.367879441171)
    """
    if not z > 0.0:
        return 1.0 if z <= 0.0 else np.nan
    if z == np.inf:
        return 0.0
    half = 0.5 * z
    odd = dof % 2 == 1
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    # the terms half^a e^-half / Gamma(a + 1), with a = 1/2, 3/2, ... or 0, 1, ..., each from the one before
    a = 0.5 if odd else 0.0
    near = half < LEAST_EXPONENT
    first = math.exp(-half) * (2.0 * math.sqrt(half / math.pi) if odd else 1.0) if near else 0.0
    term, more = first, 0.0
    for i in range(dof // 2 + 2):
        if not near:
            term = math.exp(a * math.log(half) - half - math.lgamma(a + 1.0))
        if i < dof // 2:
            total += term
        else:
            more += term
        a += 1.0
        term *= half / a
    return min(max(total + omega2 * more, 0.0), 1.0)


@dividing
def corrected_tails(z: Doubles, dof: Doubles, omega2: Doubles, out: Doubles, room: Doubles) -> None:
    """`corrected_tail` of many statistics of like degrees of freedom, which are added up side by side.

    Parameters
    ----------
    z, dof, omega2
        (n,) each; degrees of freedom are whole numbers.
    out
        (n,) tails.
    room
        (5, n at least) to work in.
    """
    half, term, more, whole, part = room[0], room[1], room[2], room[3], room[4]
    least, most = np.inf, 0.0
    for i in range(z.size):
        near = 0.0 < z[i] < 2.0 * LEAST_EXPONENT
        half[i] = 0.5 * z[i] if near else 1.0
        odd = dof[i] % 2.0 == 1.0
        out[i] = math.erfc(math.sqrt(half[i])) if odd else 0.0
        term[i] = math.exp(-half[i]) * (2.0 * math.sqrt(half[i] / math.pi) if odd else 1.0)
        more[i] = 0.0
        whole[i] = np.floor(0.5 * dof[i])
        part[i] = 1.0 + 0.5 * dof[i] - whole[i]
        least, most = min(least, whole[i]), max(most, whole[i])
    # a loop of few arrays: with more, the compiler would not prove that they lie apart
    for number in range(int(most) + 2):
        step = float(number)
        for i in range(z.size):
            out[i] += term[i] if step < whole[i] else 0.0
        if step >= least:
            for i in range(z.size):
                more[i] += term[i] if (step >= whole[i]) & (step < whole[i] + 2.0) else 0.0
        for i in range(z.size):
            term[i] *= half[i] / (step + part[i])
    for i in range(z.size):
        if 0.0 < z[i] < 2.0 * LEAST_EXPONENT:
            out[i] = min(max(out[i] + omega2[i] * more[i], 0.0), 1.0)
        else:
            out[i] = corrected_tail(z[i], int(dof[i]), omega2[i])


@kernel
def critical_value(alpha: float, dof: int, omega2: float) -> float:
    """The z at which `corrected_tail` is alpha, by halving.

    >>> round(critical_value(0.05, 1, 0.0), 9)
    3.841458821
    """
    low, high = 0.0, 2.0 * dof + 10.0
    while corrected_tail(high, dof, omega2) > alpha:
        low, high = high, 2.0 * high
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if corrected_tail(middle, dof, omega2) > alpha:
            low = middle
        else:
            high = middle
    return high
