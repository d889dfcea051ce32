"""Husimi function of an oscillator's state, over the plane and over the phase.

alpha = r exp(-i phi), so that the phase phi grows as omega t.
"""

import numpy as np
import xarray as xr
from scipy.special import gammaln

__all__ = ["husimi", "phase_distribution"]


def husimi(rho: np.ndarray, x: np.ndarray, p: np.ndarray) -> xr.DataArray:
    """Return Q(alpha) = <alpha|rho|alpha>/pi on a grid of alpha = x + i p.

    Parameters
    ----------
    rho : ndarray
        Density matrix in the Fock basis, (n, n).
    x, p : ndarray
        Grid.

    Returns
    -------
    DataArray
        Q(p, x), whose integral over the plane is one.
    """
    alpha = np.asarray(x)[None, :] + 1j * np.asarray(p)[:, None]
    amplitudes = np.empty((len(rho), *alpha.shape), complex)
    amplitudes[0] = np.exp(-(abs(alpha) ** 2) / 2)
    for n in range(1, len(rho)):
        amplitudes[n] = amplitudes[n - 1] * alpha / np.sqrt(n)
    flat = amplitudes.reshape(len(rho), -1)
    density = (flat.conj() * (rho @ flat)).sum(0).real.reshape(alpha.shape) / np.pi
    return xr.DataArray(density, {"p": np.asarray(p), "x": np.asarray(x)}, ("p", "x"), attrs={"units": "1"})


def phase_distribution(rho: np.ndarray, phases_rad: np.ndarray) -> xr.DataArray:
    """Return Q(phi), the Husimi function integrated over the radius.

    Parameters
    ----------
    rho : ndarray
        Density matrix in the Fock basis, (n, n).
    phases_rad : ndarray
        Phases phi.

    Returns
    -------
    DataArray
        Q(phase), whose integral over 2 pi is one.
    """
    n = np.arange(len(rho))
    row, column = n[:, None], n[None, :]
    logarithm = gammaln(1 + (row + column) / 2) - (gammaln(row + 1) + gammaln(column + 1)) / 2
    weighted = np.exp(logarithm) * rho
    phases = np.asarray(phases_rad, float)
    orders = np.arange(1 - len(rho), len(rho))
    harmonics = np.array([np.trace(weighted, -order) for order in orders])
    density = (np.exp(1j * phases[:, None] * orders) @ harmonics).real / (2 * np.pi)
    return xr.DataArray(density, {"phase": phases}, ("phase",), attrs={"units": "1/rad"})
