"""Spectra of beat notes, from a digitizer or a spectrum analyser, with what is known of their health."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from analysis import heterodyne
from instruments.errors import InstrumentTimeout, Interlock
from labsync._durable import write_durably
from labsync._heterodyne_sections import AnalyserHeterodyneSection, DigitizerHeterodyneSection
from labsync.errors import UsageError
from labsync.station import Station

__all__ = ["RECORDS", "digitized_density", "pilot_error", "record_beat_notes"]

RECORDS = "records"
"""Folder of the raw records in a run folder."""

OHM = 50.0
GAUSSIAN_NOISE_BANDWIDTH = (np.pi / (4 * np.log(2))) ** 0.5
"""Equivalent noise bandwidth of an analyser's filter over its width at half the power."""

HANN_RESOLUTION = 1.4406
"""Width of a Hann window's line at half the power, over the inverse of its length."""

CONVERTER = ("step_v", "lowest_code", "highest_code")
"""What a digitizer may tell of its converter."""

LOST_RECORDS = 3
"""So many records in a row without a trigger are too many."""


def record_beat_notes(station: Station, folder: Path | None = None) -> xr.Dataset:
    """Record the spectra of the beat notes once.

    Parameters
    ----------
    station : Station
        Its section [heterodyne] says what records them.
    folder : Path, optional
        Where a digitizer's raw records are kept.

    Returns
    -------
    xarray.Dataset
        ``density`` (detector, beat_frequency_hz) in V^2/Hz, one-sided; of each detector the share of
        ``clipped`` records (which are left out), ``records_lost`` without a trigger, and the digitizer's
        ``clock_error`` against the pilot tone (NaN where there is none). ``attrs``: the resolution and the
        number of independent looks.

    Raises
    ------
    Interlock
        Every record was clipped, or the analyser overloaded.
    InstrumentTimeout
        Several records in a row had no trigger.
    """
    section = station.settings.heterodyne
    if isinstance(section, AnalyserHeterodyneSection):
        return _swept(station, section)
    assert section is not None
    return _digitized(station, section, folder)


def _swept(station: Station, section: AnalyserHeterodyneSection) -> xr.Dataset:
    analyser = station.spectrum_analyser
    analyser.configure(
        section.centre,
        section.span,
        section.resolution_bandwidth,
        points=section.points,
        averages=section.sweeps,
        sweep_time_s=section.sweep_time,
        reference_level_dbm=section.reference_level,
    )
    trace = analyser.trace()
    resolution_hz = float(trace.attrs["resolution_bandwidth_hz"])
    watts = 1e-3 * 10 ** (trace["power_dbm"].values.astype(float) / 10)
    looks = max(1.0, resolution_hz * section.sweep_time / section.points) * section.sweeps
    density = watts * OHM / (GAUSSIAN_NOISE_BANDWIDTH * resolution_hz)
    return _spectra(
        density[np.newaxis],
        trace["frequency_hz"].values,
        [section.pillar],
        _Health([0.0], 0, np.nan),
        resolution_bandwidth_hz=resolution_hz,
        resolution_shape="gaussian",
        looks=looks,
    )


def _digitized(station: Station, section: DigitizerHeterodyneSection, folder: Path | None) -> xr.Dataset:
    records, lost = _records(lambda: _one(station, section), section.records)
    clipped = np.array([record.attrs["clipped"] for record in records], dtype=bool)
    usable = [record for record, bad in zip(records, clipped, strict=True) if not bad.any()]
    if not usable:
        raise Interlock(
            "Every record of the digitizer was clipped: weaken the signal or enlarge the inputs' range."
        )
    if folder is not None:
        _keep(folder, records)
    rate_hz = float(usable[0].attrs["sample_rate_hz"])
    volts = np.array([record["voltage_v"].values for record in usable], dtype=float)
    density, frequency, resolution_hz = digitized_density(volts, rate_hz, section.resolution_bandwidth)
    tones = [pilot_error(row, rate_hz, section.pilot_tone) for row in volts.reshape(-1, volts.shape[-1])]
    return _spectra(
        density,
        frequency,
        ["P1", "P2"],
        _Health(clipped.mean(axis=0).tolist(), lost, float(np.mean(tones))),
        resolution_bandwidth_hz=resolution_hz,
        resolution_shape="hann",
        looks=len(usable) * volts.shape[-1] * resolution_hz / (HANN_RESOLUTION * rate_hz),
        sample_rate_hz=rate_hz,
        record_samples=volts.shape[-1],
        **{name: usable[0].attrs[name] for name in CONVERTER if name in usable[0].attrs},
    )


def digitized_density(
    volts: np.ndarray, rate_hz: float, resolution_hz: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the averaged spectral density of records.

    Parameters
    ----------
    volts : numpy.ndarray, (record, channel, sample)
        In V.
    rate_hz : float
        Samples per second.
    resolution_hz : float
        Width of a narrow line at half its power.

    Returns
    -------
    numpy.ndarray, numpy.ndarray, float
        Density in V^2/Hz, (channel, frequency); the frequencies in Hz, without 0; the resolution reached.

    Raises
    ------
    UsageError
        If the records are too short or too long for the resolution.
    analysis.heterodyne.RecordError
        If a channel of a record is constant.
    """
    samples = volts.shape[-1]
    length = round(HANN_RESOLUTION * rate_hz / resolution_hz)
    if not 16 <= length <= samples:
        low, high = HANN_RESOLUTION * rate_hz / samples, HANN_RESOLUTION * rate_hz / 16
        raise UsageError(
            f"A resolution_bandwidth of {resolution_hz:g} Hz is out of reach for records of "
            f"{samples} samples at {rate_hz:g} Hz; use {low:.3g} to {high:.3g} Hz."
        )
    spectra = [heterodyne.spectrum(heterodyne.Record.of(each, rate_hz), resolution_hz) for each in volts]
    density = np.mean([each["power_density"].values for each in spectra], axis=0)
    frequency = spectra[0]["frequency_hz"].values
    return density[:, 1:], frequency[1:], float(spectra[0].attrs["resolution_bandwidth_hz"])


def _one(station: Station, section: DigitizerHeterodyneSection) -> xr.Dataset:
    return station.digitizer.record(section.inputs, section.record, accept_clipped=True)


def _records(record: Callable[[], xr.Dataset], wanted: int) -> tuple[list[xr.Dataset], int]:
    """Record so often; returns also how many triggers were lost on the way."""
    found: list[xr.Dataset] = []
    lost = in_a_row = 0
    while len(found) < wanted:
        try:
            found.append(record())
            in_a_row = 0
        except InstrumentTimeout:
            lost, in_a_row = lost + 1, in_a_row + 1
            if in_a_row == LOST_RECORDS:
                raise
    return found, lost


def pilot_error(volts: np.ndarray, rate_hz: float, tone_hz: float | None) -> float:
    """Return the relative error of a digitizer's clock from a tone of known frequency in a record.

    Parameters
    ----------
    volts : numpy.ndarray, (samples,)
        The record.
    rate_hz : float
        The digitizer's sampling rate as it states it.
    tone_hz : float or None
        The known frequency.

    Returns
    -------
    float
        By how much the tone seems too high: the board's samples lie so much further apart than it states.
        NaN if there is no tone.
    """
    if tone_hz is None:
        return float("nan")
    blocks = 32
    usable = volts[: len(volts) // blocks * blocks]
    turning = np.exp(-2j * np.pi * tone_hz * np.arange(len(usable)) / rate_hz)
    amplitude = (usable * turning).reshape(blocks, -1).mean(axis=1)
    phase = np.unwrap(np.angle(amplitude))
    time_s = (np.arange(blocks) + 0.5) * len(usable) / blocks / rate_hz
    slope, start = np.polyfit(time_s, phase, 1)
    if np.std(phase - slope * time_s - start) > 0.5:  # the phase of noise goes anywhere
        return float("nan")
    return float(slope / (2 * np.pi * tone_hz))


@dataclass(frozen=True)
class _Health:
    clipped: list[float]
    lost: int
    clock_error: float


def _spectra(
    density: np.ndarray, frequency: np.ndarray, detectors: list[str], health: _Health, **attrs: float | str
) -> xr.Dataset:
    detector = ("detector",)
    return xr.Dataset(
        {
            "density": ((*detector, "beat_frequency_hz"), density, {"units": "V2/Hz"}),
            "clipped": (detector, np.asarray(health.clipped, dtype=float), {"units": "1"}),
            "records_lost": ((), np.int64(health.lost), {"units": "1"}),
            "clock_error": ((), health.clock_error, {"units": "1"}),
        },
        {
            "detector": detectors,
            "beat_frequency_hz": ("beat_frequency_hz", frequency, {"units": "Hz"}),
        },
        attrs,
    )


def _keep(folder: Path, records: list[xr.Dataset]) -> None:
    """Write records as segments of little-endian float32 in V, (channel, sample), and their checksums."""
    first = records[0]
    files, segments = {}, []
    for number, record in enumerate(records):
        name = f"segment-{number:04d}.f4"
        data = record["voltage_v"].values.astype("<f4").tobytes()
        files[folder / name] = data
        digest = hashlib.sha256(data).hexdigest()
        segments.append({"file": name, "sha256": digest, "clipped": list(map(int, record.attrs["clipped"]))})
    about = {
        "sample_rate_hz": float(first.attrs["sample_rate_hz"]),
        "dtype": "<f4",
        "units": "V",
        "channels": [str(channel) for channel in first["channel"].values],
        "samples": first.sizes["time_s"],
        "segments": segments,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_durably({**files, folder / "segments.json": json.dumps(about, indent=2).encode()})
