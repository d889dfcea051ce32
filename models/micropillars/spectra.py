"""Power spectra of simulated fields, on an axis relative to free-running P1."""

from typing import Any

import numpy as np
import xarray as xr
from scipy import fft, signal

from models.micropillars.parameters import Pair
from models.micropillars.simulation import MODES, simulate

__all__ = ["densities", "spectrum"]

_HANN_BANDWIDTH = 1.5  # equivalent noise bandwidth in units of 1/segment


def _segment(samples: int, rate_ghz: float, resolution_ghz: float | None) -> int:
    """Return the samples per segment for a resolution; by default a run gives nine segments."""
    if samples < 8:
        raise ValueError(f"the time series has {samples} samples; a spectrum needs at least 8")
    if resolution_ghz is None:
        return max(8, samples // 5)
    segment = round(_HANN_BANDWIDTH * rate_ghz / resolution_ghz) if resolution_ghz > 0 else 0
    if not 8 <= segment <= samples:
        finest, coarsest = (_HANN_BANDWIDTH * rate_ghz / n for n in (samples, 8))
        raise ValueError(
            f"resolution_ghz is {resolution_ghz:g}; these time series allow {finest:.4g} to {coarsest:.4g}"
        )
    return segment


def _power(
    field: np.ndarray, detuning_ghz: float, step_ns: float, segment: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies relative to free P1 and the spectral density of each trajectory.

    The field, (..., samples) in the frame of free P2, is moved into the frame of free P1. The box averages
    it consists of weaken the frequency f of the old frame by sinc(f step); that is undone.
    """
    time = step_ns * np.arange(field.shape[-1])
    shifted = field * np.exp(2j * np.pi * detuning_ghz * time).astype(np.complex64)
    frequency, rate = fft.fftfreq(segment, step_ns), 1.0 / step_ns
    original = np.mod(frequency - detuning_ghz + rate / 2, rate) - rate / 2
    density = _welch(shifted, segment) * (step_ns / np.sinc(original * step_ns) ** 2)
    return fft.fftshift(frequency), fft.fftshift(density, axes=-1)


def _welch(series: np.ndarray, segment: int) -> np.ndarray:
    """Return Welch's spectral density of complex series, (..., samples), per sample.

    Hann windows that overlap by half: what `scipy.signal.welch` gives, in a fifth of its time.
    """
    window = signal.get_window("hann", segment).astype(np.float32)
    total, starts = 0.0, range(0, series.shape[-1] - segment + 1, segment - segment // 2)
    for start in starts:
        line = fft.fft(series[..., start : start + segment] * window)
        total = total + (line.real**2 + line.imag**2)
    return np.asarray(total / (len(starts) * np.sum(window.astype(float) ** 2)))


def densities(light: xr.Dataset, resolution_ghz: float | None) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the spectral density of each trajectory, in the frame of free P1 (one per polarisation).

    Parameters
    ----------
    light : Dataset
        Result of `simulate`.
    resolution_ghz : float, optional
        As in `spectrum`.

    Returns
    -------
    frequency : ndarray, (frequencies,)
        In GHz.
    density : ndarray, (trajectories, pillars, modes, frequencies)
        In photons per GHz.
    segment_ns : float
        Length of a segment.
    """
    field = light["field"]
    step_ns = light.attrs["sample_ps"] * 1e-3
    segment = _segment(field.sizes["time_ns"], 1.0 / step_ns, resolution_ghz)
    parts = []
    for mode, name in (("strong", "detuning_ghz"), ("weak", "weak_detuning_ghz")):
        values = field.sel(mode=mode).transpose("trajectory", "pillar", "time_ns").values
        frequency, density = _power(values, light.attrs[name], step_ns, segment)
        parts.append(density)
    return frequency, np.stack(parts, axis=2), segment * step_ns


def spectrum(source: xr.Dataset | Pair, resolution_ghz: float | None = None, **simulation: Any) -> xr.Dataset:
    """Return the power spectra of both modes of both pillars.

    Welch's method with a Hann window and segments that overlap by half, averaged over trajectories.

    Parameters
    ----------
    source : Dataset or Pair
        Result of `simulate`, or a pair that is simulated first.
    resolution_ghz : float, optional
        Equivalent noise bandwidth of the window, 1.5 over the segment length. By default a fifth of
        the run is one segment.
    **simulation
        Handed to `simulate` if `source` is a pair.

    Returns
    -------
    xarray.Dataset
        power (pillar, mode, frequency_ghz) in photons per GHz; its integral is the mean photon number.
        power_std, its standard error from the scatter between trajectories (NaN for a single one).
        photon_number (pillar, mode) and photon_number_std. Frequencies are relative to the strong mode
        of free-running P1, for mode "weak" to its weak mode: free P1 sits at 0, free P2 at the mode's
        nominal detuning. ``attrs["parseval_correction"]`` is the largest relative change made so that
        the integral is exact: light beyond the recorded band.

    Raises
    ------
    ValueError
        If the resolution does not fit the length or the sampling of the time series.
    """
    dataset = simulate(source, **simulation) if isinstance(source, Pair) else source
    if simulation and not isinstance(source, Pair):
        raise ValueError(f"{', '.join(simulation)}: given with a finished simulation; pass a Pair instead")
    photons = dataset["photon_number"].mean("time_ns")
    frequency, powers, segment_ns = densities(dataset, resolution_ghz)
    trajectories = len(powers)
    mean = powers.mean(axis=0)
    expected = photons.mean("trajectory").transpose("pillar", "mode").values.astype(float)
    scale = expected / np.maximum(mean.sum(axis=-1) * (frequency[1] - frequency[0]), 1e-300)
    scatter = powers.std(axis=0, ddof=1) if trajectories > 1 else np.full_like(mean, np.nan)
    error = photons.std("trajectory", ddof=1) if trajectories > 1 else photons.std("trajectory") * np.nan
    dims = ("pillar", "mode", "frequency_ghz")
    result = xr.Dataset(
        {
            "power": (dims, mean * scale[..., None], {"units": "1/GHz", "long_name": "photons per GHz"}),
            "power_std": (dims, scatter * scale[..., None] / np.sqrt(trajectories), {"units": "1/GHz"}),
            "photon_number": (dims[:2], expected, {"units": "1"}),
            "photon_number_std": (error / np.sqrt(trajectories)).transpose("pillar", "mode"),
        },
        coords={
            "pillar": dataset["pillar"],
            "mode": MODES,
            "frequency_ghz": ("frequency_ghz", frequency, {"units": "GHz"}),
        },
    )
    result["photon_number_std"].attrs["units"] = "1"
    result.attrs = dict(dataset.attrs) | {
        "frame": "free-running P1, one per polarisation",
        "window": "hann",
        "overlap": 0.5,
        "resolution_ghz": _HANN_BANDWIDTH / segment_ns,
        "segment_ns": segment_ns,
        "trajectories": trajectories,
        "parseval_correction": float(np.abs(scale - 1.0).max()),
    }
    return result
