"""The plain twin of the omnibus test: every formula written down where it is used, pixel by pixel.

The tail of the chi-square distribution is an integral, a sum over many points.
"""

import math

import numpy as np

from berthwatch.kernels.arrays import Array

POINTS = 20_001


def chi_square_tail(z: float, dof: int) -> float:
    """The density 2 t^(f-1) e^(-t^2/2) / (2^(f/2) Gamma(f/2)) of t = sqrt(chi-square), summed from sqrt(z) on."""
    t = np.linspace(math.sqrt(max(z, 0.0)), math.sqrt(max(z, 0.0)) + math.sqrt(dof) + 12.0, POINTS)
    with np.errstate(divide="ignore"):
        log_density = (dof - 1) * np.log(t) - t * t / 2 - (dof / 2 - 1) * math.log(2) - math.lgamma(dof / 2)
    if dof == 1:  # 0 ln 0
        log_density = -t * t / 2 + math.log(math.sqrt(2 / math.pi))
    simpson = np.full(POINTS, 2.0) + 2.0 * (np.arange(POINTS) % 2)
    simpson[[0, -1]] = 1.0
    return float(simpson @ np.exp(log_density)) * float(t[1] - t[0]) / 3


def corrected_tail(z: float, dof: int, omega2: float) -> float:
    """The tail with its term of second order."""
    if z <= 0:
        return 1.0
    tail = chi_square_tail(z, dof) + omega2 * (chi_square_tail(z, dof + 4) - chi_square_tail(z, dof))
    return min(max(tail, 0.0), 1.0)


def p_of_q(looks: list[Array], n: float) -> float:
    """p-value of Q of positive definite matrices: one size, or block diagonal as a list of the blocks' series."""
    z, dof, omega = 0.0, 0, 0.0
    rho = 1.0
    for series in looks:
        k, p = series.shape[0], series.shape[1]
        log_q = n * (p * k * math.log(k) + sum(_log_det(x) for x in series) - k * _log_det(series.sum(axis=0)))
        rho = 1 - (2 * p * p - 1) / (6 * (k - 1) * p) * (k / n - 1 / (n * k))
        omega += p**2 * (p**2 - 1) / (24 * rho**2) * (k / n**2 - 1 / (n * k) ** 2)
        omega -= p**2 * (k - 1) / 4 * (1 - 1 / rho) ** 2
        z, dof = z - 2 * rho * log_q, dof + (k - 1) * p * p
    return corrected_tail(z, dof, omega)


def p_of_r(looks: list[Array], n: float) -> float:
    """p-value of the last look against those before."""
    z, dof, omega = 0.0, 0, 0.0
    for series in looks:
        j, p = series.shape[0], series.shape[1]
        before, last = series[:-1].sum(axis=0), series[-1]
        log_r = p * (j * math.log(j) - (j - 1) * math.log(j - 1)) + (j - 1) * _log_det(before)
        log_r = n * (log_r + _log_det(last) - j * _log_det(before + last))
        rho = 1 - (2 * p * p - 1) / (6 * p * n) * (1 + 1 / (j * (j - 1)))
        omega += p**2 * (p**2 - 1) / (24 * n**2 * rho**2) * (1 + (2 * j - 1) / (j * (j - 1)) ** 2)
        omega -= p**2 / 4 * (1 - 1 / rho) ** 2
        z, dof = z - 2 * rho * log_r, dof + p * p
    return corrected_tail(z, dof, omega)


def changes(looks: list[Array], n: float, alpha: float) -> list[tuple[int, float]]:
    """Index of each change, and how likely it was to come by chance."""
    found: list[tuple[int, float]] = []
    start, dates = 0, looks[0].shape[0]
    while dates - start > 1 and p_of_q([series[start:] for series in looks], n) < alpha:
        chances = [p_of_r([series[start : start + j] for series in looks], n) for j in range(2, dates - start + 1)]
        under = [j for j, chance in enumerate(chances, start=1) if chance < alpha]
        if not under:
            break
        start += under[0]
        found.append((start, chances[under[0] - 1]))
    return found


def _log_det(matrix: Array) -> float:
    return float(np.linalg.slogdet(matrix)[1])
