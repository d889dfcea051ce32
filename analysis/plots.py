"""Figures. Every function returns a `matplotlib.figure.Figure` and saves nothing."""

from analysis._model_plots import residuals, simulated_spectra
from analysis._scan_plots import example_spectrum, heat_map, locking_slopes

__all__ = ["example_spectrum", "heat_map", "locking_slopes", "residuals", "simulated_spectra"]
