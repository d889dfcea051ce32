"""The master equation of an undriven oscillator, one coherence order at a time.

Phase symmetry keeps the elements rho_(n+k, n) of each order k among themselves: N - k of them.
"""

import math

import numpy as np

from models.van_der_pol.parameters import VanDerPol

__all__ = ["coherent_sector", "sector_matrix"]


def sector_matrix(model: VanDerPol, order: int, levels: int) -> np.ndarray:
    """Return the generator of r_n = rho_(n+order, n), (levels - order,) * 2, for order >= 0."""
    decay, n = model.decay(levels), np.arange(levels - order)
    m = n + order
    matrix = np.diag(-1j * model.frequency * order - (decay[n] + decay[m]) / 2)
    matrix += np.diag(model.gain * np.sqrt(n[1:] * m[1:]), -1)
    matrix += np.diag(model.loss * np.sqrt(n[1:] * m[1:]), 1)
    pairs = np.sqrt(n[2:] * (n[2:] - 1) * m[2:] * (m[2:] - 1))
    return matrix + np.diag(model.nonlinear_loss * pairs, 2)


def coherent_sector(amplitude: complex, order: int, levels: int) -> np.ndarray:
    """Return rho_(n+order, n) of a coherent state, not truncated."""
    steps = [amplitude / math.sqrt(k) for k in range(1, levels)]
    wave = np.exp(-(abs(amplitude) ** 2) / 2) * np.cumprod([1, *steps])
    return wave[order:] * wave[: levels - order].conj()
