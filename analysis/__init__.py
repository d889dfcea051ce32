"""Data in, numbers with uncertainties out."""

from analysis._values import Value
from analysis.comparison import (
    Comparison,
    CouplingFit,
    Recording,
    Statistics,
    compare,
    fit_coupling,
    model_map,
    spectra_map,
)
from analysis.detuning import LiveDetuning, live_detuning, reduce_map
from analysis.emission import EmissionFit, emission_curves, fit_emission
from analysis.fabry_perot import CalibrationError, FrequencyAxis, LineFit, NoLineError, calibrate, fit_line
from analysis.locking import LockingFit, fit_locking
from analysis.position import Stillness, stillness

__all__ = [
    "CalibrationError",
    "Comparison",
    "CouplingFit",
    "EmissionFit",
    "FrequencyAxis",
    "LineFit",
    "LiveDetuning",
    "LockingFit",
    "NoLineError",
    "Recording",
    "Statistics",
    "Stillness",
    "Value",
    "calibrate",
    "compare",
    "emission_curves",
    "fit_coupling",
    "fit_emission",
    "fit_line",
    "fit_locking",
    "live_detuning",
    "model_map",
    "reduce_map",
    "spectra_map",
    "stillness",
]
