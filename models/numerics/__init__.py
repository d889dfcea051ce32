"""Numerical engines shared by the models."""

from models.numerics.complexlanes import abs2, join
from models.numerics.sdde import Delay, Ensemble, System, integrate, whole_steps
from models.numerics.simd import where

__all__ = ["Delay", "Ensemble", "System", "abs2", "integrate", "join", "where", "whole_steps"]
