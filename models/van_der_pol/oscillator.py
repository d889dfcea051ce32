"""A van der Pol oscillator that nobody watches: steady state, evolution, phase diffusion and spectrum.

Phases: alpha = r exp(-i phi), so that phi grows as omega t. Spectra have the kernel exp(-i omega tau) with
<a^+(t + tau) a(t)>, so that the line lies at +omega.
"""

from importlib.metadata import version
from typing import Any

import numpy as np
import qutip
import scipy.linalg as la
import xarray as xr

from models.numerics import ConvergenceError, check_truncation, steady_state
from models.van_der_pol._sectors import coherent_sector, sector_matrix
from models.van_der_pol.parameters import VanDerPol

__all__ = ["evolution", "operators", "phase_diffusion", "spectrum", "steady"]


def operators(model: VanDerPol, levels: int) -> tuple[qutip.Qobj, list[qutip.Qobj]]:
    """Return the Hamiltonian and the collapse operators on `levels` Fock states, rates inside.

    Their order is gain, nonlinear loss, loss; channels without a rate are left out.
    """
    a = qutip.destroy(levels)
    channels = ((model.gain, a.dag()), (model.nonlinear_loss, a * a), (model.loss, a))
    return model.frequency * a.dag() * a, [rate**0.5 * jump for rate, jump in channels if rate]


def steady(model: VanDerPol, levels: int | None = None) -> xr.Dataset:
    """Return the steady state.

    Parameters
    ----------
    model : VanDerPol
        The oscillator.
    levels : int, optional
        Fock states; by default enough for the truncation not to show.

    Returns
    -------
    Dataset
        ``rho(row, column)``, ``population(number)`` and ``photons``.

    Raises
    ------
    TruncationError
        If the levels are too few.
    ConvergenceError
        If the steady state is not unique, as without gain and one-photon loss.
    """
    levels = levels or model.enough_levels
    found = steady_state(operators(model, levels))
    population = found.rho.diagonal().real
    return xr.Dataset(
        {
            "rho": (("row", "column"), found.rho, _unit("1")),
            "population": ("number", population, _unit("1")),
            "photons": ((), float(population @ np.arange(levels)), _unit("1")),
        },
        {"number": np.arange(levels)},
        _attributes(model, levels, population[-1]) | {"method": found.method, "residual": found.residual},
    )


def evolution(model: VanDerPol, amplitude: complex, times: np.ndarray, levels: int) -> xr.Dataset:
    """Return how amplitude and photon number evolve from a coherent state.

    Parameters
    ----------
    model : VanDerPol
        The oscillator.
    amplitude : complex
        alpha of the coherent state at time 0.
    times : ndarray
        Ascending times from 0 on, in the inverse unit of the rates.
    levels : int
        Fock states.

    Returns
    -------
    Dataset
        ``amplitude(time)`` = <a> and ``photons(time)``.

    Raises
    ------
    ValueError
        If the times are not ascending from zero or later.
    TruncationError
        If the levels are too few at any of the times.
    """
    times = np.asarray(times, float)
    gaps = np.diff(times, prepend=0.0)
    if times.ndim != 1 or times.size == 0 or not (gaps[0] >= 0 and (gaps[1:] > 0).all()):
        raise ValueError("The times must be ascending numbers from zero or later.")
    population, coherence = (_evolved(model, amplitude, k, gaps, levels) for k in (0, 1))
    n = np.arange(levels)
    return xr.Dataset(
        {
            "amplitude": ("time", coherence @ np.sqrt(n[1:]), _unit("1")),
            "photons": ("time", (population @ n).real, _unit("1")),
        },
        {"time": times},
        _attributes(model, levels, population[:, -1].real.max()) | {"method": "matrix exponential"},
    )


def _evolved(model: VanDerPol, amplitude: complex, order: int, gaps: np.ndarray, levels: int) -> np.ndarray:
    generator, state = sector_matrix(model, order, levels), coherent_sector(amplitude, order, levels)
    steps = {gap: la.expm(generator * gap) for gap in set(np.round(gaps, 12))}
    states = []
    for gap in np.round(gaps, 12):
        state = steps[gap] @ state
        states.append(state)
    return np.array(states)


def phase_diffusion(model: VanDerPol, orders: int = 1, levels: int | None = None) -> xr.Dataset:
    """Return the slowest decay in each coherence order; that of order one is the phase diffusion D.

    Parameters
    ----------
    model : VanDerPol
        The oscillator.
    orders : int
        Highest coherence order.
    levels : int, optional
        Fock states.

    Returns
    -------
    Dataset
        ``decay(order)`` and ``rotation(order)``, the rate at which the coherence's phase grows.

    Raises
    ------
    ValueError
        If there are not as many orders.
    TruncationError
        If the levels are too few for the steady state.
    """
    state = steady(model, levels)
    levels = state.sizes["number"]
    if not 1 <= orders < levels:
        raise ValueError(f"The orders are {orders}; they must be 1 to {levels - 1}.")
    slowest = [
        values[np.argmax(values.real)]
        for values in (la.eigvals(sector_matrix(model, k, levels)) for k in range(1, orders + 1))
    ]
    return xr.Dataset(
        {
            "decay": ("order", -np.real(slowest), _unit("rate")),
            "rotation": ("order", -np.imag(slowest), _unit("rate")),
        },
        {"order": np.arange(1, orders + 1)},
        state.attrs | {"method": "eigenvalues of each coherence order"},
    )


def spectrum(model: VanDerPol, frequencies: np.ndarray, levels: int | None = None) -> xr.Dataset:
    """Return the power spectrum, the integral of <a^+(t + tau) a(t)> exp(-i omega tau) over all tau.

    Parameters
    ----------
    model : VanDerPol
        The oscillator.
    frequencies : ndarray
        Angular frequencies omega.
    levels : int, optional
        Fock states.

    Returns
    -------
    Dataset
        ``power(frequency)``; its integral over omega/(2 pi) is the photon number.

    Raises
    ------
    TruncationError
        If the levels are too few for the steady state.
    ConvergenceError
        If the steady state is not unique.
    """
    state = steady(model, levels)
    levels = state.sizes["number"]
    root = np.sqrt(np.arange(1, levels))
    # a rho has order -1: the complex conjugate of order 1
    generator = sector_matrix(model, 1, levels).conj()
    kept = root * state.population.values[1:]
    omegas = np.asarray(frequencies, float)
    resolvent = 1j * omegas[:, None, None] * np.eye(levels - 1) - generator
    answer = la.solve(resolvent, np.broadcast_to(kept[:, None], (omegas.size, levels - 1, 1)))[..., 0]
    power = 2 * (answer @ root).real
    residual = abs(np.einsum("wij,wj->wi", resolvent, answer) - kept).max()
    if not residual < 1e-9:
        raise ConvergenceError(f"The spectrum's linear systems are solved to {residual:.3g} only.")
    return xr.Dataset(
        {"power": ("frequency", power, _unit("1/rate"))},
        {"frequency": omegas},
        state.attrs | {"method": "quantum regression", "residual": float(residual)},
    )


def _unit(name: str) -> dict[str, str]:
    return {"units": name}


def _attributes(model: VanDerPol, levels: int, weight: float) -> dict[str, Any]:
    return model.describe() | {
        "levels": levels,
        "truncation_weight": check_truncation(weight, f"the oscillator at {levels} Fock states"),
        "labsync_version": version("labsync"),
    }
