"""The plain twin of IR-MAD: the two generalised eigenproblems of Nielsen 2007, on whole arrays."""

import math

import numpy as np

from berthwatch.kernels.arrays import Array, Doubles

STEPS = np.linspace(0.0, 40.0, 400_001)
"""Square roots of chi-squares."""


def _tail(dof: int) -> Doubles:
    """P(chi-square > t^2) at each step: the density of t, summed from there on."""
    density = 2.0 * STEPS ** (dof - 1) * np.exp(-(STEPS**2) / 2) / (2 ** (dof / 2) * math.gamma(dof / 2))
    between = (density[1:] + density[:-1]) / 2 * STEPS[1]
    return np.append(np.cumsum(between[::-1])[::-1], 0.0)


def spread_seen(bands: int) -> float:
    """E[min(Z, Z')] / N: the chance that both exceed z, over all z."""
    return float(((_tail(bands) ** 2) * 2 * STEPS).sum() * STEPS[1]) / bands


def _vectors(left: Doubles, right: Doubles) -> tuple[Doubles, Doubles]:
    """Eigenvalues, falling, and vectors of left v = value right v, with v' right v = 1."""
    values, vectors = np.linalg.eig(np.linalg.inv(right) @ left)
    order = np.argsort(-values.real)
    found = vectors.real[:, order]
    return values.real[order], found / np.sqrt(np.diag(found.T @ right @ found))


def irmad(
    before: Array, after: Array, iterations: int = 50, penalty: float = 0.0, *, as_published: bool = False
) -> tuple[Doubles, Doubles, Doubles, int]:
    """Variates (bands, pixels), correlations, z and how many iterations, of images (bands, pixels) without gaps."""
    bands, pixels = before.shape
    x, y = before.astype(np.float64), after.astype(np.float64)
    weights, rho, factor = np.ones(pixels), np.zeros(bands), 1.0
    done, settled = 0, False
    while done < iterations and not settled:
        mean_x, mean_y = np.average(x, axis=1, weights=weights), np.average(y, axis=1, weights=weights)
        cx, cy = x - mean_x[:, None], y - mean_y[:, None]
        total = weights.sum() - 1
        s11 = (1 - penalty) * (weights * cx) @ cx.T / total + penalty * np.eye(bands)
        s22 = (1 - penalty) * (weights * cy) @ cy.T / total + penalty * np.eye(bands)
        s12 = (weights * cx) @ cy.T / total
        _, a = _vectors(s12 @ np.linalg.inv(s22) @ s12.T, s11)
        mu2, b = _vectors(s12.T @ np.linalg.inv(s11) @ s12, s22)
        a = a * np.sign((s11 @ a / np.sqrt(np.diag(s11))[:, None]).sum(axis=0))
        b = b * np.sign(np.diag(a.T @ s12 @ b))
        mu, aa, bb = np.sqrt(np.maximum(mu2, 0)), (a * a).sum(axis=0), (b * b).sum(axis=0)
        before_this, rho = rho, mu * (1 - penalty) / np.sqrt((1 - penalty * aa) * (1 - penalty * bb))
        sigma2 = ((2 - penalty * (aa + bb)) / (1 - penalty) - 2 * mu) / factor
        ratio = np.minimum((1 - rho) / (1 + rho) / factor, 1)
        rho = (1 - ratio) / (1 + ratio)
        variates = a.T @ cx - b.T @ cy
        z = (variates**2 / sigma2[:, None]).sum(axis=0)
        settled = bool(np.abs(rho - before_this).max() <= 1e-3)
        done += 1
        weights = np.interp(np.sqrt(z), STEPS, _tail(bands))
        factor = 1.0 if as_published else spread_seen(bands)
    return variates, rho, z, done
