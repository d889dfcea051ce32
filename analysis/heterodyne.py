"""Recorded beat notes: spectra, phases, lines and noise of voltages that a digitizer kept."""

from analysis._beat_demodulation import demodulate, phase
from analysis._beat_errors import BandError, RecordError, ResolutionError
from analysis._beat_records import Record
from analysis._beat_spectrum import coherence, spectrum

__all__ = [
    "BandError",
    "Record",
    "RecordError",
    "ResolutionError",
    "coherence",
    "demodulate",
    "phase",
    "spectrum",
]
