"""Frequency noise of a beat note, and the linewidths that it makes.

Densities are one-sided. A beat of two lasers carries the noise of both: half of it belongs to each only if
they are alike.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from analysis._beat_errors import BandError, RecordError, ResolutionError
from analysis._beat_likelihood import nonnegative_strengths
from analysis._beat_records import Record
from analysis._beat_spectrum import spectrum
from analysis._values import NOT_KNOWN, Value

__all__ = ["FrequencyNoiseFit", "beta_linewidth", "counter_noise", "fit_frequency_noise", "frequency_noise"]

BETA = 8 * np.log(2) / np.pi**2
"""Slope of the line S(f) = BETA f above which noise widens a line, and below which it makes its wings."""

TONE = 6.0
"""Density above that of the noises, in its standard errors, from which on it is of a tone."""

FEWEST_POINTS = 8
"""Of a frequency noise."""

FEWEST_TURNS = 4
"""Lowest frequency used, in units of the resolution: below, the mean of each segment is missing."""


def frequency_noise(phases: xr.Dataset, resolution_hz: float) -> xr.Dataset:
    """Return the spectral density of the frequency's fluctuations.

    Parameters
    ----------
    phases : xarray.Dataset
        From `phase`.
    resolution_hz : float
        Lowest frequency of interest over a few.

    Returns
    -------
    xarray.Dataset
        ``frequency_density`` in Hz^2/Hz, (channel, frequency_hz), up to half the demodulated bandwidth.
        ``attrs``: those of `spectrum`, and ``duration_s`` of the record.

    Raises
    ------
    RecordError, ResolutionError
        As for `spectrum`.
    """
    values = phases["instantaneous_hz"].values[:, :-1]
    names = [str(each) for each in phases["channel"].values]
    rate = float(phases.attrs["sample_rate_hz"])
    noise = _density(values, rate, names, resolution_hz, float(phases.attrs["bandwidth_hz"]) / 2)
    # each value is the mean over one sample, which takes off what changes as fast; nothing is folded back
    # there, for the filter has stopped it
    noise["frequency_density"] = noise["frequency_density"] / np.sinc(noise["frequency_hz"] / rate) ** 2
    noise["frequency_density"].attrs["units"] = "Hz2/Hz"
    return noise


def counter_noise(
    frequency_hz: np.ndarray, interval_s: float, resolution_hz: float | None = None
) -> xr.Dataset:
    """Return the spectral density of readings of a counter, which follow each other without a gap.

    Parameters
    ----------
    frequency_hz : numpy.ndarray, (reading,)
        Mean frequencies over one interval each.
    interval_s : float
        Of a reading.
    resolution_hz : float, optional
        By default such that 16 stretches of the recording are averaged.

    Returns
    -------
    xarray.Dataset
        As `frequency_noise`, of the one channel "1"; ``attrs["interval_s"]`` too.

    Raises
    ------
    RecordError, ResolutionError
        As for `spectrum`.
    """
    y = np.asarray(frequency_hz, dtype=float)
    if y.ndim != 1 or y.size < 64 or not interval_s > 0:
        raise RecordError(
            f"Readings of shape {y.shape}, {interval_s} s each, are too few; a row of at least 64 is needed."
        )
    resolution = resolution_hz or 1.45 * 16 / (y.size * interval_s)
    density = _density(y[np.newaxis], 1 / interval_s, ["1"], resolution, 0.5 / interval_s)
    return density.assign_attrs(interval_s=interval_s)


def _density(
    values: np.ndarray, rate: float, names: list[str], resolution: float, highest: float
) -> xr.Dataset:
    mean = values.mean(axis=1, keepdims=True)
    result = spectrum(Record.of(values - mean, rate, channels=names), resolution)
    lowest = FEWEST_TURNS * float(result.attrs["resolution_bandwidth_hz"]) / 2
    f = result["frequency_hz"].values
    inside = (f >= lowest) & (f <= highest) & (f < rate / 2)  # the last of an even number has half a density
    if np.count_nonzero(inside) < FEWEST_POINTS:
        raise ResolutionError(
            f"The frequency noise has {np.count_nonzero(inside)} points between {lowest:.4g} and "
            f"{highest:.4g} Hz, {FEWEST_POINTS} are needed; record longer."
        )
    kept = result["power_density"].isel(frequency_hz=inside)
    density = kept.rename("frequency_density").assign_attrs(units="Hz2/Hz")
    return density.to_dataset().assign_attrs(result.attrs, duration_s=values.shape[1] / rate)


@dataclass(frozen=True)
class FrequencyNoiseFit:
    """Parts of a frequency noise h0 + h-1/f + b f^2.

    Parameters
    ----------
    white : Value
        h0 in Hz^2/Hz.
    flicker : Value
        h-1 in Hz^2.
    phase_noise : Value
        b, white noise of the measured phase, in rad^2/Hz.
    intrinsic_hz : Value
        Linewidth pi h0 that the white part alone makes.
    left_out : float
        Share of the density that was left out, for it stands out as tones do.
    """

    white: Value
    flicker: Value
    phase_noise: Value
    intrinsic_hz: Value
    left_out: float


def fit_frequency_noise(noise: xr.Dataset, channel: str | None = None) -> FrequencyNoiseFit:
    """Find the white floor of the frequency noise between flicker at low and phase noise at high frequencies.

    Parameters
    ----------
    noise : xarray.Dataset
        From `frequency_noise` or `counter_noise`.
    channel : str, optional
        Which; the only one by default.

    Raises
    ------
    RecordError
        If there is no such channel.
    """
    f, s = noise_of(noise, channel)
    design = np.stack([np.ones_like(f), 1 / f, f**2], axis=1)
    spacing = float(noise.attrs["sample_rate_hz"]) / float(noise.attrs["segment_samples"])
    # neighbouring points share noise: of a Hann window, 1.94 of them are one
    together = 1.3 * float(noise.attrs["noise_bandwidth_hz"]) / spacing
    looks = float(noise.attrs["looks"])
    kept = np.ones(f.size, dtype=bool)
    for _ in range(20):
        strengths, errors = nonnegative_strengths(design[kept], s[kept], np.sqrt(together / looks))
        still = s < (design @ strengths) * (1 + TONE / np.sqrt(looks))
        if np.array_equal(still, kept) or np.count_nonzero(still) < f.size // 2:
            break
        kept = still
    white, flicker, phase = (Value(float(a), float(b)) for a, b in zip(strengths, errors, strict=True))
    return FrequencyNoiseFit(
        white, flicker, phase, Value(np.pi * white.value, np.pi * white.std), 1 - float(np.mean(kept))
    )


def beta_linewidth(noise: xr.Dataset, channel: str | None = None) -> Value:
    """Return the full width at half maximum in Hz that the noise above the beta-separation line makes.

    It is the width that the line has when it is watched for as long as the record is: G. Di Domenico, S.
    Schilt, P. Thomann, Appl. Opt. 49, 4801 (2010). Below its lowest frequency the density goes on as
    white noise and flicker do.

    Parameters
    ----------
    noise, channel
        As for `fit_frequency_noise`.

    Returns
    -------
    Value
        Not known if no noise lies above the line; within some 10 % of the true width by itself, which the
        error, that of the density, leaves out.

    Raises
    ------
    BandError
        If the noise still lies above the line at the end of the band.
    RecordError
        If there is no such channel.
    """
    f, s = noise_of(noise, channel)
    step = float(np.mean(np.diff(f)))
    last = max(FEWEST_POINTS, f.size // 20)
    if np.mean(s[-last:]) > BETA * np.mean(f[-last:]):
        interval = noise.attrs.get("interval_s")
        wider = (
            "demodulate a wider band"
            if interval is None
            else f"let the counter read at shorter intervals than {interval:g} s, which see faster noise"
        )
        raise BandError(
            f"The noise lies above the beta-separation line up to {f[-1]:.3g} Hz, where the density ends: "
            f"the line is as wide as the band; {wider}."
        )
    fit = fit_frequency_noise(noise, channel)
    slow = np.geomspace(min(1 / float(noise.attrs["duration_s"]), f[0]), f[0], 200)
    below = fit.white.value + fit.flicker.value / slow
    below = np.where(below > BETA * slow, below, 0.0)
    unseen = float(np.trapezoid(below, slow))
    above = s > BETA * f
    area = float(np.sum(s[above])) * step + unseen
    if area == 0:
        return NOT_KNOWN
    looks = float(noise.attrs["looks"]) / (1.3 * float(noise.attrs["noise_bandwidth_hz"]) / step)
    unsure = np.hypot(fit.white.std * f[0], fit.flicker.std) if unseen else 0.0
    error = float(np.hypot(np.sqrt(np.sum(s[above] ** 2) / looks) * step, unsure))
    width = float(np.sqrt(8 * np.log(2) * area))
    return Value(width, width * error / (2 * area))


def noise_of(noise: xr.Dataset, channel: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies and densities of one channel, as the fits use them."""
    names = [str(each) for each in noise["channel"].values]
    if (channel is None and len(names) > 1) or (channel is not None and channel not in names):
        raise RecordError(f"The noise has the channels {', '.join(names)}; name one of them.")
    one = noise["frequency_density"].isel(channel=0 if channel is None else names.index(channel))
    return np.asarray(noise["frequency_hz"].values), np.asarray(one.values)
