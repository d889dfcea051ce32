"""One driven laser without approximation: emitter and field quantised.

Fernandez-Lorenzo and Porras, "Dissipative Josephson effect in coupled nanolasers", arXiv:2011.03265, Eq. 1
for one site. The density matrix is kept on a window of photon numbers and for small excitation differences,
where one sparse factorisation gives it.
"""

import cmath
from importlib.metadata import version

import numpy as np
import xarray as xr
from scipy.sparse.linalg import eigs

from models.nanolaser_dimer._moments import LaserMoments
from models.nanolaser_dimer._sectors import sectors
from models.nanolaser_dimer._stationary import first_guess, solve, solve_on
from models.nanolaser_dimer.parameters import Nanolaser, describe
from models.numerics import check_truncation
from models.numerics._threads import one_thread

__all__ = ["laser_moments", "relaxation_rates", "solve_laser"]


def laser_moments(laser: Nanolaser) -> LaserMoments:
    """Return photon number, amplitude and variance of one laser, as numbers.

    Parameters
    ----------
    laser : Nanolaser
        The laser; its drive may be zero.

    Returns
    -------
    LaserMoments

    Raises
    ------
    ConvergenceError
        If no window of photon numbers and number of sectors was found large enough.
    ValueError
        If the drive is so strong, or gamma so large, that they are more than can be solved.
    """
    return solve(laser).moments


def _check_choice(window: tuple[int, int], kept: int) -> None:
    if not 0 <= window[0] < window[1]:
        raise ValueError(f"The window is {window}; it takes two photon numbers 0 <= lowest < highest.")
    if kept < 0:
        raise ValueError(f"The largest excitation difference is {kept}; it must be zero or positive.")


def solve_laser(
    laser: Nanolaser, *, window: tuple[int, int] | None = None, sectors_kept: int | None = None
) -> xr.Dataset:
    """Return the stationary state of one laser.

    Parameters
    ----------
    laser : Nanolaser
        The laser; its drive may be zero.
    window : tuple of int, optional
        Lowest and highest photon number. Default: chosen, and widened until its ends hold less than 1e-10.
    sectors_kept : int, optional
        Largest excitation difference K. Default: chosen, and raised until the largest element of sector K
        is less than 1e-8 of that of sector 0; without drive 0.

    Returns
    -------
    xarray.Dataset
        ``photons`` <n>, ``photon_variance``, ``amplitude`` F, ``field`` <a> = -i exp(i phi) F,
        ``ground_population`` P_g, and ``probability`` p_n over ``number``. ``attrs["sector_weight"]`` is the
        largest element of the last sector, relative to that of the first.

    Raises
    ------
    ConvergenceError
        If no window and number of sectors was found large enough, or the factorisation failed.
    TruncationError
        If the ends of a given window hold more than 1e-4, or the last of given sectors.
    ValueError
        If the window is empty, the number of sectors negative, or both together more than can be solved.

    Warns
    -----
    TruncationWarning
        If they hold more than 1e-8.
    """
    if window is None and sectors_kept is None:
        state = solve(laser)
    else:
        guess, kept = first_guess(laser)
        window = guess if window is None else window
        kept = kept if sectors_kept is None else sectors_kept
        _check_choice(window, kept)
        state = solve_on(laser, window, kept)
    weight = check_truncation(max(state.edges), f"the photon numbers {state.window[0]} to {state.window[1]}")
    sector_weight = check_truncation(state.last_sector, f"the excitation differences up to {state.kept}")
    moments, unit = state.moments, {"units": "1"}
    return xr.Dataset(
        {
            "photons": ((), moments.photons, unit),
            "photon_variance": ((), moments.variance, unit),
            "amplitude": ((), moments.amplitude, unit),
            "field": ((), -1j * cmath.exp(1j * laser.phase_rad) * moments.amplitude, unit),
            "ground_population": ((), state.ground, unit),
            "probability": ("number", state.probability, unit),
        },
        coords={"number": ("number", np.arange(state.window[0], state.window[1] + 1), unit)},
        attrs={
            **describe(laser),
            "method": f"sparse factorisation of {state.values.size} elements, q = 0 to {state.kept}",
            "residual": state.residual,
            "truncation_weight": weight,
            "sector_weight": sector_weight,
            "single_site_model": "full quantum",
            "labsync_version": version("labsync"),
        },
    )


def relaxation_rates(laser: Nanolaser) -> xr.Dataset:
    """Return the slowest rates of the undriven laser: of the photon number and of the phase.

    Parameters
    ----------
    laser : Nanolaser
        The laser, without drive.

    Returns
    -------
    xarray.Dataset
        ``number_relaxation`` and ``phase_diffusion``, spectral gaps of the sectors q = 0 and 1, in the
        unit of kappa. The phase diffusion D is that of <a> ~ exp(-D t).

    Raises
    ------
    ValueError
        If the laser is driven.
    """
    if laser.drive > 0:
        raise ValueError(
            f"Nanolaser.drive is {laser.drive:g}; it must be zero: a drive mixes relaxation of the "
            "photon number and diffusion of the phase."
        )
    state = solve(laser)
    weight = check_truncation(max(state.edges), f"the photon numbers {state.window[0]} to {state.window[1]}")
    rates, residual = zip(*(_gap(laser, state.window, q) for q in (0, 1)), strict=True)
    names, unit = ("number_relaxation", "phase_diffusion"), {"units": "unit of kappa"}
    return xr.Dataset(
        {name: ((), rate, unit) for name, rate in zip(names, rates, strict=True)},
        attrs={
            **describe(laser),
            "method": "shift-inverted Arnoldi iteration in the sectors q = 0 and 1",
            "residual": max(residual),
            "truncation_weight": weight,
            "single_site_model": "full quantum",
            "labsync_version": version("labsync"),
        },
    )


def _gap(laser: Nanolaser, window: tuple[int, int], q: int) -> tuple[float, float]:
    """Return the decay rate of a sector's slowest eigenvector that decays, and its residual."""
    matrix = sectors(laser, window, range(q, q + 1)).matrix
    start = np.random.default_rng(1).normal(size=matrix.shape[0])
    with one_thread():
        values, vectors = eigs(matrix, k=3, sigma=1e-3 * laser.kappa, v0=start)
    slowest = np.argsort(-values.real)[1 if q == 0 else 0]
    vector = vectors[:, slowest]
    residual = float(np.linalg.norm(matrix @ vector - values[slowest] * vector))
    return float(-values[slowest].real), residual
