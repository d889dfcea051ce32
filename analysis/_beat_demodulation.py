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

    One linear-phase filter shifts, filters and decimates at once: flat to 0.01 dB within half the bandwidth to
    both sides, 80 dB down from one bandwidth on, where images and aliases would come from.

    Parameters
    ----------
    record : Record
        Real samples without a gap (`Record.stretch` picks one of several).
    frequency_hz : float
        Centre of the band.
    bandwidth_hz : float
        Full width of the band.

    Returns
    -------
    xarray.Dataset
        ``iq`` in V, (channel, time_s), whose modulus is the amplitude of the oscillation; time counts from the
        record's first sample. ``attrs``: ``frequency_hz``, ``bandwidth_hz``, ``sample_rate_hz`` (of the
        result, at least twice the bandwidth) and ``noise_bandwidth_hz``.

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
    step = max(1, int(rate / (2 * bandwidth_hz)))
    taps = _taps(rate, bandwidth_hz)
    turns = frequency_hz / rate
    turning = 2 * taps * np.exp(-2j * np.pi * turns * np.arange(taps.size))
    real, imag = (np.ascontiguousarray(each, dtype=np.float32) for each in (turning.real, turning.imag))
    health = Health(record)
    parts: list[np.ndarray] = []
    carried = np.empty((len(record.channels), 0), dtype=np.float32)
    done = 0
    for block in record.stretches[0].blocks():
        if np.iscomplexobj(block):
            raise RecordError(f"{record.source} holds IQ samples, which are demodulated already.")
        health.watch(block)
        samples = np.concatenate([carried, block], axis=1, dtype=np.float32)
        count = max(0, (samples.shape[1] - taps.size) // step + 1)
        out = np.empty((len(samples), count), dtype=np.complex64)
        for row, result in zip(samples, out, strict=True):
            decimate(row, real, imag, step, result)
            turn_back(result, (done * step * turns) % 1.0, (step * turns) % 1.0)
        parts.append(out)
        done += count
        carried = samples[:, count * step :]
    health.check()
    if not done:
        raise ResolutionError(
            f"A bandwidth of {bandwidth_hz:g} Hz takes a filter of {taps.size} samples, and {record.source} has "
            f"{health.samples}; ask for a wider band."
        )
    volts = np.concatenate(parts, axis=1) * np.asarray(record.scale_v, dtype=np.float32)[:, np.newaxis]
    time = ((taps.size - 1) / 2 + step * np.arange(done)) / rate
    return xr.Dataset(
        {"iq": (("channel", "time_s"), volts, {"units": "V"})},
        {"channel": list(record.channels), "time_s": ("time_s", time, {"units": "s"})},
        {
            "frequency_hz": frequency_hz,
            "bandwidth_hz": bandwidth_hz,
            "sample_rate_hz": rate / step,
            "noise_bandwidth_hz": rate * float(taps @ taps),
            "source": record.source,
        },
    )


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
            f"The bandwidth is {bandwidth:g} Hz; at {rate:g} Hz it must be above 0 and at most {rate / 4:g} Hz."
        )
    low, high = 0.75 * bandwidth, rate / 2 - 0.75 * bandwidth
    if not low <= frequency <= high:
        raise BandError(
            f"A band of {bandwidth:g} Hz about {frequency:g} Hz, clear of its own image, does not fit between 0 "
            f"and {rate / 2:g} Hz: its centre must lie between {low:g} and {high:g} Hz."
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
        if it were constant, and ``slips_by_noise``, whether it is too low for an unwrapped phase to be trusted.
        ``attrs`` as before.
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
            "amplitude_v": (dims, amplitude, {"units": "V"}),
            "instantaneous_hz": (dims, frequency, {"units": "Hz"}),
            "snr": ("channel", snr, {"units": "1"}),
            "slips_by_noise": ("channel", snr < SAFE_SNR, {"units": "1"}),
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
