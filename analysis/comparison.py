"""Compare a measured detuning map with the rate-equation model, and estimate the coupling from it."""

from analysis._compare import Comparison, compare
from analysis._coupling import CouplingFit, fit_coupling
from analysis._model_map import Recording, model_map
from analysis._modelled import Statistics
from analysis._spectra_map import spectra_map

__all__ = [
    "Comparison",
    "CouplingFit",
    "Recording",
    "Statistics",
    "compare",
    "fit_coupling",
    "model_map",
    "spectra_map",
]
