"""Recorded beat notes: spectra, phases, lines and noise of voltages that a digitizer kept."""

from analysis._beat_adler import AdlerFit, fit_adler, mean_slip_rate
from analysis._beat_comb import BeatComb, fit_comb
from analysis._beat_demodulation import demodulate, phase
from analysis._beat_errors import BandError, RecordError, ResolutionError
from analysis._beat_files import kind_of, read_record
from analysis._beat_line import BeatLine, as_spectrum, fit_line, fit_lines
from analysis._beat_noise import (
    FrequencyNoiseFit,
    beta_linewidth,
    counter_noise,
    fit_frequency_noise,
    frequency_noise,
)
from analysis._beat_records import Record
from analysis._beat_relative import Slips, effective_potential, find_slips, phase_distribution, relative_phase
from analysis._beat_self_heterodyne import SelfHeterodyneFit, fit_self_heterodyne
from analysis._beat_spectrum import coherence, spectrum
from analysis._beat_tables import Readings, read_readings
from analysis._lines import NoLineError
from analysis.comb_slopes import CombSlopes, comb_slopes

__all__ = [
    "AdlerFit",
    "BandError",
    "BeatComb",
    "BeatLine",
    "CombSlopes",
    "FrequencyNoiseFit",
    "NoLineError",
    "Readings",
    "Record",
    "RecordError",
    "ResolutionError",
    "SelfHeterodyneFit",
    "Slips",
    "as_spectrum",
    "beta_linewidth",
    "coherence",
    "comb_slopes",
    "counter_noise",
    "demodulate",
    "effective_potential",
    "find_slips",
    "fit_adler",
    "fit_comb",
    "fit_frequency_noise",
    "fit_line",
    "fit_lines",
    "fit_self_heterodyne",
    "frequency_noise",
    "kind_of",
    "mean_slip_rate",
    "phase",
    "phase_distribution",
    "read_readings",
    "read_record",
    "relative_phase",
    "spectrum",
]
