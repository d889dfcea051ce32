"""Phases of two lasers at fixed amplitudes: stationary state of their Fokker-Planck equation.

Fernandez-Lorenzo and Porras, arXiv:2011.03265, Eq. 14 (amplitudes of their own) and Eq. 16 (equal ones).
"""

import math
import warnings
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
import xarray as xr

from models.nanolaser_dimer._validity import MOST_AMPLITUDE_NOISE, warn_of_bad_elimination
from models.nanolaser_dimer.parameters import Dimer, PhasePair, describe
from models.numerics.fokker_planck import (
    PhaseDiffusion,
    PhaseState,
    Wave,
    phase_moment,
    stationary_coefficients,
    stationary_phases,
)
from models.validity import ValidityWarning

__all__ = [
    "PhaseAverages",
    "averages_of",
    "check_phase_description",
    "phase_averages",
    "phase_equation",
    "solve_phases",
]


PHASES_ONLY = "phase only, D = A/(2 r^2)"
"""What stands for the single laser in results on phases."""


class PhaseAverages(NamedTuple):
    """Averages over the stationary phases.

    Attributes
    ----------
    order_1, order_2 : complex
        <exp(i theta_j)>.
    correlator : complex
        <exp(i (theta_2 - theta_1))>.
    drive_sine_1, drive_sine_2 : float
        <sin(phi_j - theta_j)>: what the drives feed into the lasers.
    tunnel_sine : float
        <sin(theta_1 - theta_2)>: what tunnelling feeds into laser 1; laser 2 gets the opposite.
    truncation : int
        K of the solution, a good first guess for a neighbouring point.
    edge_weight, residual : float
        As of `PhaseState`.
    """

    order_1: complex
    order_2: complex
    correlator: complex
    drive_sine_1: float
    drive_sine_2: float
    tunnel_sine: float
    truncation: int
    edge_weight: float
    residual: float


def check_phase_description(dimer: Dimer) -> float:
    """Return the relative variance of the lasers' amplitudes, C_p/(4 (C_p - 1) n0), without drive.

    Parameters
    ----------
    dimer : Dimer
        The lasers, above threshold.

    Returns
    -------
    float

    Warns
    -----
    ValidityWarning
        If it is so large that n0 is too small for a description by phases alone.
    """
    pump, photons = dimer.pump_parameter, dimer.photons
    variance = pump / (4 * (pump - 1) * photons) if photons > 0 else math.inf
    if variance > MOST_AMPLITUDE_NOISE:
        needed = pump / (4 * (pump - 1) * MOST_AMPLITUDE_NOISE) if pump > 1 else math.inf
        warnings.warn(
            f"n0 is {photons:.3g}, too small for phases alone: the relative variance of the amplitude is "
            f"{variance:.2g}, more than {MOST_AMPLITUDE_NOISE:g}; C_p = {pump:g} takes n0 > {needed:.3g}.",
            ValidityWarning,
            stacklevel=3,
        )
    return variance


def phase_equation(pair: PhasePair) -> PhaseDiffusion:
    """Return drift and diffusion of a pair of phases."""
    return PhaseDiffusion(
        (
            (
                Wave(pair.tunnelling * pair.amplitude_ratio, (1, -1)),
                Wave(-pair.drive_1, (1, 0), pair.phase_1_rad),
            ),
            (
                Wave(pair.tunnelling / pair.amplitude_ratio, (1, -1)),
                Wave(-pair.drive_2, (0, 1), pair.phase_2_rad),
            ),
        ),
        (pair.diffusion_1, pair.diffusion_2),
    )


def averages_of(pair: PhasePair, state: PhaseState) -> PhaseAverages:
    """Return the averages of a stationary state of the pair."""
    one, two, both = (complex(state.moment(*orders)) for orders in ((1, 0), (0, 1), (-1, 1)))
    drives = (pair.phase_1_rad, one), (pair.phase_2_rad, two)
    sine_1, sine_2 = (float((np.exp(1j * phi) * order.conjugate()).imag) for phi, order in drives)
    return PhaseAverages(
        one, two, both, sine_1, sine_2, -both.imag, state.truncation, state.edge_weight, state.residual
    )


def phase_averages(
    pair: PhasePair, *, truncation: int | None = None, first: int | None = None, tolerance: float = 1e-10
) -> PhaseAverages:
    """Return averages over the stationary phases, as numbers.

    Parameters
    ----------
    pair : PhasePair
        The lasers.
    truncation, first, tolerance
        As of `models.numerics.stationary_coefficients`.

    Returns
    -------
    PhaseAverages

    Raises
    ------
    ConvergenceError
        If the truncation does not suffice.
    """
    state = stationary_coefficients(
        phase_equation(pair), truncation=truncation, first=first, tolerance=tolerance
    )
    return averages_of(pair, state)


def solve_phases(
    model: PhasePair | Dimer, *, truncation: int | None = None, tolerance: float = 1e-8
) -> xr.Dataset:
    """Return the stationary phases of two lasers.

    Parameters
    ----------
    model : PhasePair or Dimer
        A dimer is taken at its amplitudes r0, Eq. 16.
    truncation, tolerance
        As of `models.numerics.stationary_phases`.

    Returns
    -------
    Dataset
        ``coefficients`` as of `models.numerics.stationary_phases`, ``coherence`` abs(<exp(i theta_j)>)^2,
        ``cosine`` <cos theta_j> and ``sine`` <sin theta_j> over ``laser``, and ``correlation``
        abs(<exp(i (theta_2 - theta_1))>).

    Raises
    ------
    ConvergenceError
        If the truncation does not suffice.
    ValueError
        If a dimer is not above threshold.

    Warns
    -----
    ValidityWarning
        If a dimer has too few photons to be described by its phases.
    """
    pair = model if isinstance(model, PhasePair) else model.phases()
    if isinstance(model, Dimer):
        warn_of_bad_elimination(model)
        check_phase_description(model)
    result = stationary_phases(phase_equation(pair), truncation=truncation, tolerance=tolerance)
    means = np.array([phase_moment(result, *orders).item() for orders in ((1, 0), (0, 1))])
    result["coherence"] = "laser", np.abs(means) ** 2, {"units": "1"}
    result["cosine"] = "laser", means.real, {"units": "1"}
    result["sine"] = "laser", means.imag, {"units": "1"}
    result["correlation"] = (), abs(phase_moment(result, -1, 1).item()), {"units": "1"}
    return result.assign_coords(laser=[1, 2]).assign_attrs(
        **describe(model), single_site_model=PHASES_ONLY, labsync_version=version("labsync")
    )
