"""Figures. Every function returns a `matplotlib.figure.Figure` and saves nothing."""

from analysis._beat_comparison_plot import beat_comparison
from analysis._beat_plots import allan_deviation, beat_line, frequency_noise, phase_potential, self_heterodyne
from analysis._correlation_plots import correlation_coefficient, correlation_map, correlations
from analysis._model_plots import residuals, simulated_spectra
from analysis._nanolaser_plot import nanolaser_sweep
from analysis._position_plot import position_hold
from analysis._scan_plots import example_spectrum, heat_map, locking_slopes
from analysis._spectrogram_plot import spectrogram
from analysis._watched_plot import watched_oscillator

__all__ = [
    "allan_deviation",
    "beat_comparison",
    "beat_line",
    "correlation_coefficient",
    "correlation_map",
    "correlations",
    "example_spectrum",
    "frequency_noise",
    "heat_map",
    "locking_slopes",
    "nanolaser_sweep",
    "phase_potential",
    "position_hold",
    "residuals",
    "self_heterodyne",
    "simulated_spectra",
    "spectrogram",
    "watched_oscillator",
]
