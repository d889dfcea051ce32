"""Numerical engines shared by the models."""

from models.numerics.complexlanes import abs2, join
from models.numerics.correlation import Correlation, IntensityCorrelation
from models.numerics.moments import IntensityMoments, Moments
from models.numerics.periodogram import Periodogram, PowerSpectrum
from models.numerics.sdde import integrate, whole_steps
from models.numerics.simd import where
from models.numerics.system import Delay, Ensemble, System

__all__ = [
    "Correlation",
    "Delay",
    "Ensemble",
    "IntensityCorrelation",
    "IntensityMoments",
    "Moments",
    "Periodogram",
    "PowerSpectrum",
    "System",
    "abs2",
    "integrate",
    "join",
    "where",
    "whole_steps",
]
