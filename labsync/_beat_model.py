"""The model's light as photodiodes and the recorder of a run would have shown it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from scipy.fft import next_fast_len
from scipy.optimize import nnls
from scipy.signal import welch
from scipy.signal.windows import gaussian

from labsync._beat_notes import HANN_RESOLUTION, digitized_density
from models.detection import Photodiodes, beating, codes

__all__ = ["Receiver", "calibrated"]

MOST_SAMPLES = 3_000_000
"""Of the voltages behind an analyser's spectrum."""

OVERSAMPLED = 8
GAUSSIAN_LENGTH = 8.0
"""Of the analyser's filter in time, in standard deviations."""


@dataclass(frozen=True)
class Receiver:
    """What turns light into the spectra of a run: photodiodes, then an analyser's filter or a converter.

    Parameters
    ----------
    photodiodes : Photodiodes
        With the noise that was measured.
    frequency_hz : numpy.ndarray
        Of the recorded spectra.
    pillar, mode : str
        Which light is seen.
    sense : int
        1 with the oscillator below the light, -1 with it above.
    attrs : mapping
        Of the run's data.
    """

    photodiodes: Photodiodes
    frequency_hz: np.ndarray
    pillar: str
    mode: str
    sense: int
    attrs: Mapping[str, Any]

    def density(self, light: xr.Dataset, free_hz: float, seed: int) -> np.ndarray:
        """Return the spectral density in V^2/Hz that simulated light makes.

        Parameters
        ----------
        light : xarray.Dataset
            From `models.micropillars.simulate`.
        free_hz : float
            Beat frequency of the pillar's light without coupling.
        seed : int
            Of all noise behind the light.
        """
        field = light["field"].sel(pillar=self.pillar, mode=self.mode)
        values = field.transpose("trajectory", "time_ns").values
        sample_s = 1e-12 * float(light.attrs["sample_ps"])
        detuning = "detuning_ghz" if self.mode == "strong" else "weak_detuning_ghz"
        # fields turn as seen from free-running P2, where P1 lies at minus the detuning
        zero_hz = 1e9 * float(light.attrs[detuning]) if self.pillar == "P1" else 0.0
        turned = values if self.sense > 0 else values.conj()
        seen = beating(turned, sample_s, free_hz + self.sense * zero_hz)
        rng = np.random.default_rng([seed, 7])
        if self.attrs["read_by"] == "digitizer":
            return self._digitized(seen, sample_s, rng)
        return self._swept(seen, sample_s, rng)

    def _digitized(self, seen: np.ndarray, sample_s: float, rng: np.random.Generator) -> np.ndarray:
        attrs = self.attrs
        rate, samples = float(attrs["sample_rate_hz"]), int(attrs["record_samples"])
        looks_of_one = samples * float(attrs["resolution_bandwidth_hz"]) / (HANN_RESOLUTION * rate)
        number = round(float(attrs["looks"]) / looks_of_one)
        number = max(1, min(number, MOST_SAMPLES // samples))
        volts = self.photodiodes.voltages([seen], sample_s, number * samples, 1 / rate, rng)
        if "step_v" in attrs:
            step_v = float(attrs["step_v"])
            volts = step_v * codes(volts, step_v, int(attrs["lowest_code"]), int(attrs["highest_code"]))
        records = volts.reshape(number, 1, samples)
        return digitized_density(records, rate, float(attrs["resolution_bandwidth_hz"]))[0][0]

    def _swept(self, seen: np.ndarray, sample_s: float, rng: np.random.Generator) -> np.ndarray:
        resolution = float(self.attrs["resolution_bandwidth_hz"])
        step_s = sample_s * max(1, int(1 / (OVERSAMPLED * self.frequency_hz[-1] * sample_s)))
        samples = min(MOST_SAMPLES, round(float(self.attrs["looks"]) / (resolution * step_s)))
        volts = self.photodiodes.voltages([seen], sample_s, samples, step_s, rng)[0]
        spread = np.sqrt(np.log(2)) / (np.pi * resolution * step_s)
        window = gaussian(round(GAUSSIAN_LENGTH * spread) | 1, spread)
        longer = next_fast_len(2 * window.size, real=True)
        frequency, density = welch(volts, 1 / step_s, window, window.size, nfft=longer, detrend=False)
        return np.asarray(np.interp(self.frequency_hz, frequency, density))


def calibrated(data: xr.Dataset, pillar: str, free_light: xr.Dataset, free_hz: np.ndarray) -> Receiver:
    """Return the receiver that shows free-running light with the power and the noise that were measured.

    Parameters
    ----------
    data : xarray.Dataset
        Of one detector of a run.
    pillar : str
        Whose light it sees.
    free_light : xarray.Dataset
        Simulated without coupling.
    free_hz : numpy.ndarray, (step,)
        Beat frequencies of the free lines; NaN where there is none.
    """
    frequency = np.asarray(data["beat_frequency_hz"].values, dtype=float)
    rate = float(data.attrs.get("sample_rate_hz", np.inf))
    band = min(float(data.attrs.get("photodiode_bandwidth_hz", 1e9)), 0.4 * rate)
    diodes = Photodiodes(1.0, 0.0, band, float(data.attrs.get("oscillator_linewidth_hz", 0.0)))
    sense = -1 if data.attrs.get("oscillator") == "above" else 1
    receiver = Receiver(diodes, frequency, pillar, data.attrs[f"mode_{pillar[1:]}"], sense, data.attrs)
    step = int(np.flatnonzero(np.isfinite(free_hz))[0])
    measured = data["beat_density_free"].values[step]
    parts = [receiver.density(free_light, float(free_hz[step]), 0), 1 / (1 + (frequency / band) ** 2)]
    # each point scatters in proportion to itself
    (power, noise), _ = nnls((np.stack(parts) / measured).T, np.ones(measured.size))
    diodes = replace(diodes, amplitude_v=float(np.sqrt(power)), noise_v2_per_hz=float(noise))
    return replace(receiver, photodiodes=diodes)
