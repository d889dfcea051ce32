"""Numerical engines shared by the models."""

from models.numerics._errors import ConvergenceError
from models.numerics.complexlanes import abs2, join
from models.numerics.correlation import Correlation, IntensityCorrelation
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
    "PowerSpectrum",
    "SteadyState",
    "System",
    "TruncationError",
    "TruncationWarning",
    "abs2",
    "check_truncation",
    "integrate",
    "join",
    "steady_state",
    "where",
    "whole_steps",
]
