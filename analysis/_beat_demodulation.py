"""From voltages to amplitude and phase about one frequency."""

import numpy as np
import xarray as xr
from scipy.signal import firwin

from analysis._beat_errors import BandError, RecordError, ResolutionError
from analysis._beat_health import Health
from analysis._beat_kernels import decimate, polar, turn_back
from analysis._beat_records import Record

STOP_DB = 80.0
"""What the filter leaves of an image or an alias."""

SAFE_SNR = 10.0
"""Power over noise power below which noise alone makes the unwrapped phase slip now and then."""


def demodulate(record: Record, frequency_hz: float, bandwidth_hz: float) -> xr.Dataset:
    """Return amplitude and phase about one frequency, at a lower rate.

    One linear-phase filter shifts, filters and decimates at once: flat to 0.01 dB within half the bandwidth
    to both sides, 80 dB down from one bandwidth on, where images and aliases would come from.

    Parameters
    ----------
    record : Record
        Samples without a gap (`Record.stretch` picks one of several), real or complex.
    frequency_hz : float
        Centre of the band; of complex samples it may be negative.
    bandwidth_hz : float
        Full width of the band.

    Returns
    -------
    xarray.Dataset
        ``iq`` in V, (channel, time_s), whose modulus is the amplitude of the oscillation and whose phase is
        relative to cos(2 pi f t) (exp(2 pi i f t) for complex samples); time counts from the record's first
        sample. (channel,): ``extreme_share`` and ``clipped`` as of `spectrum`. ``attrs``: ``frequency_hz``,
        ``bandwidth_hz``, ``sample_rate_hz`` (of the result, at least twice the bandwidth),
        ``noise_bandwidth_hz`` (two-sided noise of a density S has the power S times this), ``lost``.

    Raises
    ------
    BandError
        If the band, or its image, is not within that of the record.
    ResolutionError
        If the record is shorter than the filter.
    RecordError
        If it has gaps, is empty, constant, clipped throughout or holds NaN.
    """
    rate = record.sample_rate_hz
    _check_band(record, frequency_hz, bandwidth_hz)
    taps = _taps(rate, bandwidth_hz)
    decimator = _Decimator(record, frequency_hz / rate, max(1, int(rate / (2 * bandwidth_hz))), taps)
    health = Health(record)
    parts: list[np.ndarray] = []
    for block in record.stretches[0].blocks():
        health.watch(block)
        parts.append(decimator.take(block))
    health.check()
    if not decimator.done:
        raise ResolutionError(
            f"A bandwidth of {bandwidth_hz:g} Hz takes a filter of {taps.size} samples, and {record.source} "
            f"has {health.samples}; ask for a wider band."
        )
    volts = np.concatenate(parts, axis=1) * np.asarray(record.scale_v, dtype=np.float32)[:, np.newaxis]
    time = ((taps.size - 1) / 2 + decimator.step * np.arange(decimator.done)) / rate
    return xr.Dataset(
        {
            "iq": (("channel", "time_s"), volts, {"units": record.unit}),
            "extreme_share": ("channel", health.extreme_share(), {"units": "1"}),
            "clipped": ("channel", np.array(record.clipped or [False] * len(volts)), {"units": "1"}),
        },
        {"channel": list(record.channels), "time_s": ("time_s", time, {"units": "s"})},
        {
            "frequency_hz": frequency_hz,
            "bandwidth_hz": bandwidth_hz,
            "sample_rate_hz": rate / decimator.step,
            "noise_bandwidth_hz": rate * float(taps @ taps),
            "lost": record.lost,
            "source": record.source,
        },
    )


class _Decimator:
    """Shift by turns per sample, filter, and keep each step-th sample, block after block."""

    def __init__(self, record: Record, turns: float, step: int, taps: np.ndarray) -> None:
        self.step, self.done = step, 0
        self._turns = turns
        one_sided = 1 if record.iq else 2  # a real oscillation is half of it at the negative frequency
        turning = one_sided * taps * np.exp(-2j * np.pi * turns * np.arange(taps.size))
        self._real = np.ascontiguousarray(turning.real, dtype=np.float32)
        self._imag = np.ascontiguousarray(turning.imag, dtype=np.float32)
        kind = np.complex64 if record.iq else np.float32
        self._carried = np.empty((len(record.channels), 0), dtype=kind)

    def take(self, block: np.ndarray) -> np.ndarray:
        samples = np.concatenate(
            [self._carried, block], axis=1, dtype=self._carried.dtype, casting="same_kind"
        )
        count = max(0, (samples.shape[1] - self._real.size) // self.step + 1)
        out = np.empty((len(samples), count), dtype=np.complex64)
        for row, result in zip(samples, out, strict=True):
            self._filter(row, result)
            turn_back(result, (self.done * self.step * self._turns) % 1.0, (self.step * self._turns) % 1.0)
        self.done += count
        self._carried = samples[:, count * self.step :]
        return out

    def _filter(self, row: np.ndarray, out: np.ndarray) -> None:
        if not np.iscomplexobj(row):
            decimate(row, self._real, self._imag, self.step, out)
            return
        decimate(np.ascontiguousarray(row.real), self._real, self._imag, self.step, out)
        quadrature = np.empty_like(out)
        decimate(np.ascontiguousarray(row.imag), self._real, self._imag, self.step, quadrature)
        out += 1j * quadrature


def _taps(rate: float, bandwidth: float) -> np.ndarray:
    """Return a low-pass that passes half the bandwidth and stops at a whole one."""
    # 80 dB by a Kaiser window: J. F. Kaiser, R. W. Schafer, IEEE Trans. Acoust. 28, 105 (1980)
    count = int(np.ceil((STOP_DB - 7.95) / (14.36 * bandwidth / 2 / rate))) | 1
    return np.asarray(firwin(count, 0.75 * bandwidth, window=("kaiser", 0.1102 * (STOP_DB - 8.7)), fs=rate))


def _check_band(record: Record, frequency: float, bandwidth: float) -> None:
    if len(record.stretches) != 1:
        raise RecordError(
            f"{record.source} has {len(record.stretches)} stretches with gaps between them; demodulate each, "
            "record.stretch(0) and so on."
        )
    rate = record.sample_rate_hz
    if not (np.isfinite(bandwidth) and 0 < bandwidth <= rate / 4):
        raise BandError(
            f"The bandwidth is {bandwidth:g} Hz; at {rate:g} Hz it must be above 0 and at most "
            f"{rate / 4:g} Hz."
        )
    high = rate / 2 - 0.75 * bandwidth
    low = -high if record.iq else 0.75 * bandwidth
    if not low <= frequency <= high:
        raise BandError(
            f"A band of {bandwidth:g} Hz about {frequency:g} Hz, clear of its image, does not fit between "
            f"{-rate / 2 if record.iq else 0:g} and {rate / 2:g} Hz: its centre must lie between {low:g} and "
            f"{high:g} Hz."
        )


def phase(demodulated: xr.Dataset) -> xr.Dataset:
    """Return amplitude, phase and frequency of demodulated light.

    Parameters
    ----------
    demodulated : xarray.Dataset
        From `demodulate`.

    Returns
    -------
    xarray.Dataset
        (channel, time_s): ``phase_rad`` without jumps, relative to the oscillation at ``frequency_hz``;
        ``amplitude_v``; ``instantaneous_hz``, the mean frequency from each sample to the next (the last one
        repeated), absolute. (channel,): ``snr``, power over noise power from the moments of the amplitude, as
        if it were constant, and ``slips_by_noise``, whether it is too low for an unwrapped phase to be
        trusted; health and ``attrs`` as before.
    """
    iq = demodulated["iq"].values
    rate = float(demodulated.attrs["sample_rate_hz"])
    if iq.shape[1] < 2:
        raise ResolutionError(f"{iq.shape[1]} sample has no phase that moves; demodulate a longer record.")
    angle, amplitude = np.empty(iq.shape), np.empty(iq.shape, dtype=np.float32)
    frequency = np.full(iq.shape, float(demodulated.attrs["frequency_hz"]))
    moments = [polar(*rows, rate) for rows in zip(iq, angle, amplitude, frequency, strict=True)]
    snr = np.array([_snr(*each) for each in moments])
    dims = ("channel", "time_s")
    return xr.Dataset(
        {
            "phase_rad": (dims, angle, {"units": "rad"}),
            "amplitude_v": (dims, amplitude, {"units": demodulated["iq"].attrs["units"]}),
            "instantaneous_hz": (dims, frequency, {"units": "Hz"}),
            "snr": ("channel", snr, {"units": "1"}),
            "slips_by_noise": ("channel", snr < SAFE_SNR, {"units": "1"}),
            "extreme_share": demodulated["extreme_share"],
            "clipped": demodulated["clipped"],
        },
        demodulated.coords,
        demodulated.attrs,
    )


def _snr(second: float, fourth: float) -> float:
    """Return the ratio of powers that the mean second and fourth power of the amplitude tell.

    D. R. Pauluzzi, N. C. Beaulieu, IEEE Trans. Commun. 48, 1681 (2000), for constant amplitude.
    """
    signal = np.sqrt(max(2 * second**2 - fourth, 0.0))
    return float(signal / max(second - signal, 1e-12 * second))
