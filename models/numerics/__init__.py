"""Numerical engines shared by the models."""

from models.numerics._errors import ConvergenceError
from models.numerics._torus_grid import finite_difference_phases, grid_moment
from models.numerics._torus_paths import phase_system, simulate_phases
from models.numerics.complexlanes import abs2, join
from models.numerics.correlation import Correlation, IntensityCorrelation
from models.numerics.fokker_planck import (
    PhaseDiffusion,
    PhaseState,
    Wave,
    evolve_phases,
    phase_density,
    phase_moment,
    phase_relaxation,
    stationary_coefficients,
    stationary_phases,
)
from models.numerics.moments import IntensityMoments, Moments
from models.numerics.periodogram import Periodogram, PowerSpectrum
from models.numerics.sdde import integrate, whole_steps
from models.numerics.simd import where
from models.numerics.steady_state import SteadyState, steady_state
from models.numerics.system import Delay, Ensemble, System
from models.numerics.truncation import TruncationError, TruncationWarning, check_truncation

__all__ = [
    "ConvergenceError",
    "Correlation",
    "Delay",
    "Ensemble",
    "IntensityCorrelation",
    "IntensityMoments",
    "Moments",
    "Periodogram",
    "PhaseDiffusion",
    "PhaseState",
    "PowerSpectrum",
    "SteadyState",
    "System",
    "TruncationError",
    "TruncationWarning",
    "Wave",
    "abs2",
    "check_truncation",
    "evolve_phases",
    "finite_difference_phases",
    "grid_moment",
    "integrate",
    "join",
    "phase_density",
    "phase_moment",
    "phase_relaxation",
    "phase_system",
    "simulate_phases",
    "stationary_coefficients",
    "stationary_phases",
    "steady_state",
    "where",
    "whole_steps",
]
