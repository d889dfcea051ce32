"""Spectra of beat notes in text files: traces that a spectrum analyser has saved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from rich.table import Table

from analysis import NoLineError
from analysis._beat_tables import read_table
from analysis.heterodyne import BeatLine, RecordError, as_spectrum, fit_line
from labsync.errors import UsageError

__all__ = ["TraceFit", "fit_trace", "read_trace", "trace_spectrum", "trace_table"]

FEWEST = 50
LEVELS_DBM = (-250.0, 60.0)


@dataclass(frozen=True)
class TraceFit:
    """The strongest line of a trace.

    Parameters
    ----------
    name
        Of the file.
    spectrum
        The trace, in mW/Hz.
    line
        Its fit; powers are relative to 1 mW here.
    resolution_hz
        Width of the analyser's filter.
    points
        Of the trace.
    """

    name: str
    spectrum: xr.Dataset
    line: BeatLine
    resolution_hz: float
    points: int

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers ready for JSON."""
        return {
            "file": self.name,
            "points": self.points,
            "resolution_hz": self.resolution_hz,
            "centre_hz": self.line.centre_hz.as_dict(),
            "width_hz": self.line.width_hz.as_dict(),
            "width_bound_hz": self.line.bound_hz,
        }


def read_trace(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a trace: a frequency in Hz (or what the heading says) and a level in dBm on each line.

    Returns
    -------
    numpy.ndarray, numpy.ndarray
        Rising frequencies in Hz and levels in dBm.

    Raises
    ------
    UsageError
        If the file is not that, saying what is wrong and where.
    """
    try:
        table = read_table(path)
        if table.values.shape[1] != 2:
            raise RecordError(f"{path.name} has {table.values.shape[1]} columns; a trace has Hz and dBm.")
        frequency_hz, level_dbm = table.column(0, "Hz"), table.column(1, "dBm")
    except (RecordError, OSError) as error:
        raise UsageError(str(error)) from None
    if len(level_dbm) < FEWEST:
        raise UsageError(
            f"{path.name} holds {len(level_dbm)} points; a line takes at least {FEWEST} to be fitted."
        )
    steps = np.diff(frequency_hz)
    if not (np.all(np.isfinite(frequency_hz)) and np.all(steps > 0)):
        raise UsageError(f"{path.name}: the frequencies in the first column do not rise throughout.")
    low, high = LEVELS_DBM
    if not np.all((level_dbm >= low) & (level_dbm <= high)):
        raise UsageError(f"{path.name}: the second column has values outside {low:g} to {high:g} dBm.")
    if np.ptp(level_dbm) == 0:
        raise UsageError(f"{path.name}: all levels are {level_dbm[0]:g} dBm; there is no line.")
    return frequency_hz, level_dbm


def trace_spectrum(path: Path, resolution_hz: float | None) -> xr.Dataset:
    """Read a trace as a spectrum in mW/Hz.

    Parameters
    ----------
    path
        The file.
    resolution_hz
        Width of the analyser's filter at half the power, which such files do not tell.

    Raises
    ------
    UsageError
        If the file cannot be read, or the resolution is missing or impossible.
    """
    frequency_hz, level_dbm = read_trace(path)
    span = frequency_hz[-1] - frequency_hz[0]
    if resolution_hz is None:
        raise UsageError(f"{path.name} does not tell its resolution bandwidth; give it with --resolution-hz.")
    if not 0 < resolution_hz < span / 4:
        raise UsageError(
            f"A resolution of {resolution_hz:g} Hz does not fit a span of {span:g} Hz; give less than a "
            "quarter of it."
        )
    step = span / (len(frequency_hz) - 1)
    if resolution_hz < step / 4:
        raise UsageError(
            f"The points of {path.name} lie {step:g} Hz apart: a resolution of {resolution_hz:g} Hz would "
            "let lines pass between them."
        )
    spectrum = as_spectrum(frequency_hz, 10 ** (level_dbm / 10) / resolution_hz, resolution_hz)
    spectrum["power_density"].attrs["units"] = "mW/Hz"
    return spectrum


def fit_trace(path: Path, resolution_hz: float | None) -> TraceFit:
    """Fit the strongest line of a trace.

    Parameters
    ----------
    path, resolution_hz
        As for `trace_spectrum`.

    Raises
    ------
    UsageError
        As `trace_spectrum` does, or if no line stands out.
    """
    spectrum = trace_spectrum(path, resolution_hz)
    try:
        line = fit_line(spectrum)
    except NoLineError as error:
        raise UsageError(f"{path.name}: {error}") from None
    return TraceFit(path.name, spectrum, line, line.resolution_hz, spectrum.sizes["frequency_hz"])


def trace_table(fit: TraceFit) -> Table:
    """Return a fit as a table."""
    table = Table(fit.name, "value")
    table.add_row("centre (MHz)", str(fit.line.centre_hz.times(1e-6)))
    table.add_row("width (MHz)", fit.line.width_text(1e6))
    table.add_row("resolution (MHz)", f"{1e-6 * fit.resolution_hz:g}")
    table.add_row("points", str(fit.points))
    return table
