"""Power spectra of the fields, accumulated during a run.

References
----------
P. Welch, IEEE Trans. Audio Electroacoust. 15, 70 (1967): averages of overlapping windowed segments.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
from numba import njit

from models.numerics._records import Grid, jackknife

__all__ = ["Periodogram", "PowerSpectrum"]


@njit(cache=True, nogil=True)
def _add_powers(spectra, sums):  # type: ignore[no-untyped-def]
    """Add the squared moduli of (rows, frequencies) to sums of the same shape, in float64."""
    for row in range(spectra.shape[0]):
        for k in range(spectra.shape[1]):
            z = spectra[row, k]
            sums[row, k] += np.float64(z.real) * z.real + np.float64(z.imag) * z.imag


@dataclass(frozen=True)
class PowerSpectrum:
    """Two-sided power spectral densities of the box-averaged fields.

    Attributes
    ----------
    frequency : ndarray, (frequencies,)
        Frequencies in rising order, in the inverse of the system's unit of time; a field
        ``exp(2 pi i f t)`` has the frequency +f.
    densities : ndarray, (trajectories, fields, frequencies)
        Of each trajectory; the integral over frequency is the mean squared modulus of the box averages.
    segments : int
        Segments that were averaged per trajectory.
    """

    frequency: np.ndarray
    densities: np.ndarray
    segments: int

    @cached_property
    def density(self) -> tuple[np.ndarray, np.ndarray]:
        """Average over the trajectories and its standard error, each (fields, frequencies)."""
        return jackknife(lambda density: density, self.densities)


class _Follower:
    """Fills one segment after the other; the second half of each is the first half of the next."""

    def __init__(self, sums: np.ndarray, window: np.ndarray) -> None:
        self._sums, self._window = sums.reshape(-1, len(window)), window
        self._segment = np.zeros((len(self._sums), len(window)), np.complex64)
        self._filled = 0

    def take(self, fields: np.ndarray, moduli: np.ndarray) -> None:
        rows, length, at = fields.reshape(len(self._sums), -1), len(self._window), 0
        while at < rows.shape[1]:
            n = min(rows.shape[1] - at, length - self._filled)
            self._segment[:, self._filled : self._filled + n] = rows[:, at : at + n]
            self._filled += n
            at += n
            if self._filled == length:
                for row, segment in enumerate(self._segment):
                    spectrum = scipy.fft.fft(segment * self._window, overwrite_x=True)
                    _add_powers(spectrum[None], self._sums[row : row + 1])
                self._filled = length - length // 2
                self._segment[:, : self._filled] = self._segment[:, length // 2 :]

    def finish(self) -> None:
        pass


class _Recorder:
    def __init__(self, grid: Grid, length: int) -> None:
        self._grid, self._length = grid, length
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)
        self._sums = np.zeros((grid.trajectories, grid.fields, length))

    def follow(self, first: int, count: int) -> _Follower:
        return _Follower(self._sums[first : first + count], self._window)

    def result(self) -> PowerSpectrum:
        segments = 1 + (self._grid.samples - self._length) // (self._length // 2)
        weight = self._grid.sample / (segments * np.sum(self._window.astype(float) ** 2))
        frequency = scipy.fft.fftshift(scipy.fft.fftfreq(self._length, self._grid.sample))
        return PowerSpectrum(frequency, scipy.fft.fftshift(self._sums, axes=2) * weight, segments)


@dataclass(frozen=True)
class Periodogram:
    """Asks for Welch's averaged power spectra of all fields; gives `PowerSpectrum`.

    Hann windows, half overlapping; the frequency resolution is about ``1.5/segment``. Transforms are made
    in single precision, as the box averages themselves, and added up in double precision.

    Parameters
    ----------
    segment : float
        Length of the segments, rounded up to an even number of samples that is fast to transform.
    """

    segment: float

    def start(self, grid: Grid) -> _Recorder:
        """Return the recorder for a run.

        Raises
        ------
        ValueError
            If a segment holds less than four samples or does not fit into the run.
        """
        samples = round(self.segment / grid.sample)
        length = 2 * scipy.fft.next_fast_len(max(1, (samples + 1) // 2))
        if samples < 4 or length > grid.samples:
            raise ValueError(
                f"segment is {self.segment:g}; it must be at least four samples of {grid.sample:g}, and "
                f"{length} samples of it must fit into the run of {grid.samples}"
            )
        return _Recorder(grid, length)
