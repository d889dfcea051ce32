"""Sums of spectra over half-overlapping segments of blocks of any length, in constant memory."""

from typing import Any

import numpy as np
from numba import njit
from scipy.fft import fft, rfft

BATCH_SAMPLES = 2**20


@njit(cache=True, nogil=True, fastmath=True)
def _mean(samples: np.ndarray, zero: Any) -> Any:
    total = zero
    for value in samples:
        total += value
    return total / samples.size


@njit(cache=True, nogil=True, fastmath=True)
def _windowed(samples: np.ndarray, mean: complex, weights: np.ndarray, out: np.ndarray) -> None:
    """Write a segment less its mean times the window, in single precision."""
    for i in range(samples.size):
        out[i] = (samples[i] - mean) * weights[i]


@njit(cache=True, nogil=True, fastmath=True)
def _windowed_pair(
    first: np.ndarray,
    second: np.ndarray,
    means: tuple[float, float],
    weights: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write two real segments as real and imaginary part, in turn."""
    for i in range(first.size):
        out[2 * i] = np.float32(first[i] - means[0]) * weights[i]
        out[2 * i + 1] = np.float32(second[i] - means[1]) * weights[i]


@njit(cache=True, nogil=True, fastmath=True)
def _add_power(spectra: np.ndarray, total: np.ndarray) -> None:
    for k in range(spectra.shape[0]):
        for i in range(spectra.shape[1]):
            value = spectra[k, i]
            total[i] += np.float64(value.real * value.real + value.imag * value.imag)


@njit(cache=True, nogil=True, fastmath=True)
def _add_power_of_pairs(spectra: np.ndarray, total: np.ndarray) -> None:
    """Add both powers where two real segments are real and imaginary part of one."""
    length = spectra.shape[1]
    for k in range(spectra.shape[0]):
        for i in range(total.size):
            value, mirrored = spectra[k, i], spectra[k, length - i if i else 0]
            power = value.real * value.real + value.imag * value.imag
            power += mirrored.real * mirrored.real + mirrored.imag * mirrored.imag
            total[i] += np.float64(0.5) * power


@njit(cache=True, nogil=True)
def _add_cross(first: np.ndarray, second: np.ndarray, total: np.ndarray) -> None:
    for k in range(first.shape[0]):
        for i in range(first.shape[1]):
            total[i] += np.conj(np.complex128(first[k, i])) * second[k, i]


class Welch:
    """Sum of windowed periodograms; each segment's mean is taken off.

    Parameters
    ----------
    channels
        How many.
    weights
        The window, (length,).
    step
        Samples from one segment to the next.
    dtype
        Of the samples, real or complex.
    cross
        Whether to sum the cross spectrum of the first two channels, too.
    """

    def __init__(
        self, channels: int, weights: np.ndarray, step: int, dtype: np.dtype, cross: bool = False
    ) -> None:
        self._weights = weights.astype(np.float32)
        self._zero = {"c": 0j, "f": 0.0}.get(dtype.kind, 0)  # sums of integers stay exact
        self._step = step
        length = len(weights)
        self._batch = max(1, min(BATCH_SAMPLES // length, 64))
        self._buffer = np.empty((channels, (self._batch - 1) * step + length), dtype=dtype)
        self._filled = 0
        self.complex = bool(np.issubdtype(dtype, np.complexfloating))
        bins = length if self.complex else length // 2 + 1
        self.power = np.zeros((channels, bins))
        self.cross = np.zeros(bins, dtype=complex) if cross else None
        self.segments = 0
        self._pairs = np.empty(
            (0 if self.complex or cross else (self._batch + 1) // 2, length), dtype=np.complex64
        )

    def add(self, block: np.ndarray) -> None:
        """Take samples (channel, sample) that follow the last ones without a gap."""
        begin = 0
        while begin < block.shape[1]:
            count = min(block.shape[1] - begin, self._buffer.shape[1] - self._filled)
            self._buffer[:, self._filled : self._filled + count] = block[:, begin : begin + count]
            self._filled += count
            begin += count
            if self._filled == self._buffer.shape[1]:
                self._transform(self._batch)

    def gap(self) -> None:
        """Use up what is there; what comes next does not follow it."""
        length = len(self._weights)
        if self._filled >= length:
            self._transform((self._filled - length) // self._step + 1)
        self._filled = 0

    def _transform(self, count: int) -> None:
        if self.cross is not None:
            first, second = (self._spectra(channel, count) for channel in (0, 1))
            _add_cross(first, second, self.cross)
            _add_power(first, self.power[0])
            _add_power(second, self.power[1])
        else:
            for channel, power in enumerate(self.power):
                if self.complex:
                    _add_power(self._spectra(channel, count), power)
                else:
                    self._add_pairs(channel, count, power)
        self.segments += count
        done = count * self._step
        left = max(self._filled - done, 0)
        self._buffer[:, :left] = self._buffer[:, done : done + left].copy()
        self._filled = left

    def _segment(self, channel: int, number: int) -> np.ndarray:
        begin = number * self._step
        return self._buffer[channel, begin : begin + len(self._weights)]

    def _spectra(self, channel: int, count: int) -> np.ndarray:
        out = np.empty((count, len(self._weights)), np.complex64 if self.complex else np.float32)
        for k in range(count):
            segment = self._segment(channel, k)
            _windowed(segment, _mean(segment, self._zero), self._weights, out[k])
        return np.asarray(fft(out, overwrite_x=True) if self.complex else rfft(out, overwrite_x=True))

    def _add_pairs(self, channel: int, count: int, power: np.ndarray) -> None:
        """Transform two real segments at once, which is faster than each by itself."""
        out = self._pairs[: (count + 1) // 2]
        for k, pair in enumerate(out):
            first = self._segment(channel, 2 * k)
            alone = 2 * k + 1 == count
            second = first if alone else self._segment(channel, 2 * k + 1)
            means = (_mean(first, self._zero), _mean(second, self._zero))
            _windowed_pair(first, second, means, self._weights, pair.view(np.float32))
            if alone:
                pair.imag = 0
        _add_power_of_pairs(fft(out, overwrite_x=True), power)
