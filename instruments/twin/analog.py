"""Analog electronics: a photodetector with a voltage output, and what samples it."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from models.detection import codes, one_pole_noise

__all__ = ["Converter", "Photodetector"]

CLOCK_SPREAD_PPM = 20.0
DRIFTED_PPM = 10_000.0


@dataclass(frozen=True)
class Photodetector:
    """An avalanche photodiode with an amplifier; the light on it is much brighter than on a photon counter.

    Parameters
    ----------
    electrons_per_s_per_photon : float
        Primary photoelectrons per second and intracavity photon, on the interferometer's resonance.
    volts_per_electron_per_s : float
        Gain.
    bandwidth_hz : float
        Of its one-pole response.
    noise_v : float
        Electronic noise at the output, rms.
    """

    electrons_per_s_per_photon: float
    volts_per_electron_per_s: float = 5e-9
    bandwidth_hz: float = 5e5
    noise_v: float = 0.01

    def rate_cps(self, photons: np.ndarray) -> np.ndarray:
        """Return the photoelectrons per second for a number of transmitted intracavity photons."""
        return self.electrons_per_s_per_photon * np.asarray(photons)

    def voltage_v(
        self, rate_cps: np.ndarray, step_s: float, averages: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Return samples of the output, averaged over repetitions, in V.

        The variance of a single sample is that of shot noise behind one pole, rate times pi times bandwidth
        electrons per second squared, and the electronic noise.
        """
        lag = math.exp(-2 * math.pi * self.bandwidth_hz * step_s)
        slow = lfilter([1 - lag], [1.0, -lag], rate_cps, zi=[lag * rate_cps[0]])[0]
        gain = self.volts_per_electron_per_s
        variance = (gain**2 * np.pi * self.bandwidth_hz * slow + self.noise_v**2) / averages
        noise = one_pole_noise(rng, len(slow), self.bandwidth_hz, step_s)
        return np.asarray(gain * slow + np.sqrt(variance) * noise)


@dataclass
class Converter:
    """An analog-to-digital converter with stops, and a sampling clock that is a little off.

    Parameters
    ----------
    clock_error_ppm : float
        By how much the true time between samples is longer than the nominal one, in parts per million.
    faults : set of str
        "clock_drift" makes the error large; "adc_clip" drives the input against the upper stop.
    """

    clock_error_ppm: float
    faults: set[str]

    @classmethod
    def draw(cls, rng: np.random.Generator, faults: set[str]) -> "Converter":
        """Draw the clock's error, within 20 ppm."""
        return cls(float(rng.uniform(-CLOCK_SPREAD_PPM, CLOCK_SPREAD_PPM)), faults)

    def true_s(self, nominal_s: np.ndarray) -> np.ndarray:
        """Return the true times of samples that are meant to be at the nominal ones."""
        drifted_ppm = DRIFTED_PPM if "clock_drift" in self.faults else 0.0
        return nominal_s * (1 + 1e-6 * (self.clock_error_ppm + drifted_ppm))

    def codes(self, volts: np.ndarray, step_v: float, low: int, high: int) -> np.ndarray:
        """Return the codes of voltages, 0 for 0 V, in steps of `step_v`, held at the stops."""
        driven = high * step_v * 4 if "adc_clip" in self.faults else 0.0
        return codes(volts + driven, step_v, low, high)
