"""Analysis of recorded beat notes: lines, frequency noise, stability, and the relative phase of two."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import xarray as xr

from analysis import Value, heterodyne, stability
from analysis._values import NOT_KNOWN
from labsync._beat_doubts import dips, odd_allan, odd_noise, weak
from labsync._beat_notes import HANN_RESOLUTION
from labsync._beat_results import ChannelFit, CounterFit, DelayedFit, PhaseFit, RecordFit

__all__ = ["fit_delayed", "fit_readings", "fit_record", "record_spectrum"]

AVERAGED = 16
"""Segments of the spectrum, by default."""

LONGEST = 2**20
WIDTHS = 10.0
"""Demodulated band over the width of the line, of two channels, whose phase wants little noise."""

WIDTHS_ALONE = 20.0
"""The same of one channel: a band of ten widths takes 4 % off the frequency noise, this one 1 %."""

ENVELOPE, RIPPLES = 30.0, 8.0
"""A self-heterodyne spectrum is fitted over so many linewidths, or so many inverse delays, to both sides."""

FEWEST = 4.0
"""Demodulated band over the resolution, at least."""


def fit_readings(readings_hz: np.ndarray, interval_s: float, source: str) -> CounterFit:
    """Analyse a counter's readings, which follow each other without a gap.

    Raises
    ------
    analysis.heterodyne.RecordError
        If there are too few, or they are constant or not finite.
    """
    allan = stability.allan_deviation(readings_hz, interval_s)
    density = heterodyne.counter_noise(readings_hz, interval_s)
    beta_hz, untold = _beta(density)
    noises, noise = stability.fit_noise(allan), heterodyne.fit_frequency_noise(density)
    untold = " ".join(filter(None, [untold, odd_allan(allan, noises), odd_noise(density, noise)]))
    return CounterFit(
        source,
        readings_hz,
        interval_s,
        allan,
        noises,
        density,
        noise,
        beta_hz,
        untold,
    )


def _beta(density: xr.Dataset, channel: str | None = None) -> tuple[Value, str]:
    """Return the width that the noise above the beta-separation line makes, or why it is not known."""
    try:
        return heterodyne.beta_linewidth(density, channel), ""
    except heterodyne.BandError as error:
        return NOT_KNOWN, str(error)


def fit_record(
    record: heterodyne.Record,
    resolution_hz: float | None = None,
    near_hz: Sequence[float] = (),
    bandwidth_hz: float | None = None,
    shape: Literal["lorentz", "voigt"] = "lorentz",
) -> RecordFit:
    """Analyse a record: spectrum and strongest line of each channel, then what its phase tells.

    Parameters
    ----------
    record
        Of any length.
    resolution_hz
        Of the spectrum; by default such that 16 segments are averaged.
    near_hz
        Where the line is about; the strongest one by default. Several lines are fitted at once, and no more
        is done.
    bandwidth_hz
        Demodulated about the first channel's line; by default twenty times its width, ten of
        two channels.
    shape
        "lorentz" or "voigt".

    Raises
    ------
    analysis.NoLineError, analysis.heterodyne.RecordError, BandError, ResolutionError
        If the record is unusable, or a line is not there.
    """
    spectrum = record_spectrum(record, resolution_hz)
    channels = [
        ChannelFit(
            name, line, float(spectrum["extreme_share"][k]), bool(record.clipped and record.clipped[k])
        )
        for k, name in enumerate(record.channels)
        for line in _lines(spectrum, name, near_hz, shape)
    ]
    lines = [each.line for each in channels]
    plain = RecordFit(record, spectrum, tuple(channels))
    if len(near_hz) > 1:
        return plain
    try:
        band = _bandwidth(record, lines) if bandwidth_hz is None else bandwidth_hz
        parts = _phases(record, lines[0].centre_hz.value, band)
        longest = max(parts, key=lambda part: part.sizes["time_s"])
        channels, noise, untold = _with_noise(channels, longest)
    except ValueError as error:
        if bandwidth_hz is not None:
            raise
        return replace(plain, untold=str(error))
    phase = None
    if len(record.channels) == 2:
        try:
            together = heterodyne.coherence(record, lines[0].resolution_hz)["coherence"]
            at_line = together.sel(frequency_hz=lines[0].centre_hz.value, method="nearest")
            phase = _phase_fit(parts, *record.channels, float(at_line))
        except heterodyne.RecordError as error:
            untold = f"{untold} {error}".strip()
    readings = longest["instantaneous_hz"].values[0, :-1]
    allan = stability.allan_deviation(readings, 1 / float(longest.attrs["sample_rate_hz"]))
    return replace(
        plain,
        channels=tuple(channels),
        bandwidth_hz=band,
        noise=noise,
        allan=allan,
        phase=phase,
        untold=untold,
    )


def record_spectrum(record: heterodyne.Record, resolution_hz: float | None) -> xr.Dataset:
    """Return the spectrum of a record, by default such that 16 segments are averaged."""
    return heterodyne.spectrum(record, _resolution(record) if resolution_hz is None else resolution_hz)


def _lines(
    spectrum: xr.Dataset, channel: str, near_hz: Sequence[float], shape: Literal["lorentz", "voigt"]
) -> list[heterodyne.BeatLine]:
    if len(near_hz) > 1:
        return heterodyne.fit_lines(spectrum, near_hz, channel, shape=shape)
    near = near_hz[0] if near_hz else None
    return [heterodyne.fit_line(spectrum, channel, near_hz=near, shape=shape)]


def fit_delayed(spectrum: xr.Dataset, source: str, shift_hz: float, delay_us: float) -> DelayedFit:
    """Find the linewidth of a laser that beats with its own delayed light.

    Parameters
    ----------
    spectrum
        With channels, or of an analyser.
    source
        Where it is from.
    shift_hz
        Of the frequency shifter.
    delay_us
        Of the delayed arm.

    Raises
    ------
    analysis.heterodyne.BandError, ResolutionError
        If the shift lies outside the spectrum, or its ripples are not resolved.
    """
    f, delay_s = spectrum["frequency_hz"].values, 1e-6 * delay_us
    room = min(shift_hz - f[0], f[-1] - shift_hz)
    if not (delay_s > 0 and room > 0):
        raise heterodyne.BandError(
            f"A shift of {shift_hz:g} Hz and a delay of {delay_us:g} us are given; a shift within the "
            f"spectrum, {f[0]:g} to {f[-1]:g} Hz, and a delay above 0 are needed."
        )
    names = [str(each) for each in spectrum["channel"].values] if "channel" in spectrum.dims else [None]
    fits = {}
    for name in names:
        wide = heterodyne.fit_self_heterodyne(spectrum, shift_hz, delay_s, name, within_hz=room)
        within = min(room, max(ENVELOPE * wide.linewidth_hz.value, RIPPLES / delay_s))
        fits[name or "1"] = heterodyne.fit_self_heterodyne(
            spectrum, shift_hz, delay_s, name, within_hz=within
        )
    return DelayedFit(source, spectrum, fits)


def _resolution(record: heterodyne.Record) -> float:
    longest = max(each.samples or LONGEST for each in record.stretches)
    averaged = AVERAGED if len(record.stretches) < AVERAGED else 1
    return HANN_RESOLUTION * record.sample_rate_hz / max(16, min(longest // averaged, LONGEST))


def _bandwidth(record: heterodyne.Record, lines: Sequence[heterodyne.BeatLine]) -> float:
    """Return ten or twenty widths of the widest line, or as much as there is room for."""
    seen = max(line.width_hz.value if line.width_hz else line.resolution_hz for line in lines)
    rate, centre = record.sample_rate_hz, abs(lines[0].centre_hz.value)
    room = rate / 2 - centre if record.iq else min(centre, rate / 2 - centre)
    widths = WIDTHS if len(lines) > 1 else WIDTHS_ALONE
    wanted = max(widths * seen, FEWEST * lines[0].resolution_hz)
    return float(min(wanted, rate / 4, 0.999 * room / 0.75))


def _phases(record: heterodyne.Record, centre_hz: float, bandwidth_hz: float) -> list[xr.Dataset]:
    """Return amplitude and phase of each part without a gap."""
    parts = [record.stretch(k) for k in range(len(record.stretches))]
    return [heterodyne.phase(heterodyne.demodulate(part, centre_hz, bandwidth_hz)) for part in parts]


def _with_noise(
    channels: Sequence[ChannelFit], phases: xr.Dataset
) -> tuple[list[ChannelFit], xr.Dataset | None, str]:
    """Add to each channel what its frequency noise tells; return the noise too, and what it leaves open."""
    rate, samples = float(phases.attrs["sample_rate_hz"]), phases.sizes["time_s"]
    channels = [replace(each, snr=float(phases["snr"][k])) for k, each in enumerate(channels)]
    try:
        density = heterodyne.frequency_noise(phases, HANN_RESOLUTION * rate / max(16, samples // AVERAGED))
    except heterodyne.ResolutionError as error:
        return channels, None, " ".join(filter(None, [weak(phases), str(error)]))
    betas = [_beta(density, each.name) for each in channels]
    found = [
        replace(
            each,
            noise=heterodyne.fit_frequency_noise(density, each.name),
            beta_hz=betas[k][0],
        )
        for k, each in enumerate(channels)
    ]
    notes = {why for _, why in betas} | {weak(phases)}
    notes |= {odd_noise(density, each.noise, each.name) for each in found if each.noise is not None}
    return found, density, " ".join(sorted(filter(None, notes)))


def _phase_fit(parts: Sequence[xr.Dataset], first: str, second: str, coherence: float) -> PhaseFit:
    """Analyse the phase of the second channel over the first."""
    relative = _joined([heterodyne.relative_phase(part, first, second) for part in parts])
    slips = heterodyne.find_slips(relative)
    potential = heterodyne.effective_potential(relative)
    adler, untold = None, ""
    try:
        adler = heterodyne.fit_adler(relative)
    except ValueError as error:
        untold = str(error)
    untold = " ".join(filter(None, [dips(parts, slips), untold]))
    concentration = float(np.abs(np.mean(np.exp(1j * relative.values))))
    return PhaseFit(relative, coherence, concentration, slips, potential, adler, untold)


def _joined(parts: Sequence[xr.DataArray]) -> xr.DataArray:
    """Close the gaps between stretches: a whole number of turns is taken off each."""
    rate = float(parts[0].attrs["sample_rate_hz"])
    rows = [parts[0].values]
    for part in parts[1:]:
        turns = np.round((part.values[0] - rows[-1][-1]) / (2 * np.pi))
        rows.append(part.values - 2 * np.pi * turns)
    values = np.concatenate(rows)
    time = ("time_s", np.arange(values.size) / rate, {"units": "s"})
    return xr.DataArray(values, {"time_s": time}, ("time_s",), parts[0].name, parts[0].attrs)
