"""Recorded beat notes: spectra, phases, lines and noise of voltages that a digitizer kept."""

from analysis._beat_demodulation import demodulate, phase
from analysis._beat_errors import BandError, RecordError, ResolutionError
from analysis._beat_files import kind_of, read_record
from analysis._beat_records import Record
from analysis._beat_spectrum import coherence, spectrum
from analysis._beat_tables import Readings, read_readings

__all__ = [
    "BandError",
    "Readings",
    "Record",
    "RecordError",
    "ResolutionError",
    "coherence",
    "demodulate",
    "kind_of",
    "phase",
    "read_readings",
    "read_record",
    "spectrum",
]
