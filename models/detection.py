"""Detection of beat notes: balanced photodiodes with a local oscillator, and the converter behind them.

The difference current of a balanced pair is ``2 sqrt(N_LO c) Re(E exp(-i phi))`` electrons per second, with
the oscillator's electrons per second N_LO, the collected electrons per second c of one intracavity photon,
and the field E whose modulus squared is the photon number. Its shot noise is that of N_LO; the signal's own
is left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

__all__ = ["Photodiodes", "beating", "codes", "one_pole_noise", "oscillator_phase"]

SWINGING_IN_S = 100e-9
"""Beginning of each stretch of light that is left out, for the filter swings in; a quarter of it at most."""


@dataclass(frozen=True)
class Photodiodes:
    """Balanced photodiodes, one pair for each channel, all with light of the same local oscillator.

    Parameters
    ----------
    amplitude_v : float
        Of the beat note of one intracavity photon.
    noise_v2_per_hz : float
        One-sided density of shot and electronic noise, at low frequencies.
    bandwidth_hz : float
        Of the one-pole response, which noise and light share.
    linewidth_hz : float
        Of the oscillator.
    """

    amplitude_v: float
    noise_v2_per_hz: float
    bandwidth_hz: float
    linewidth_hz: float = 0.0

    @classmethod
    def lit_by(
        cls,
        oscillator_per_s: float,
        collected_per_s: float,
        volts_per_electron_per_s: float,
        *,
        electronic_share: float,
        bandwidth_hz: float,
        linewidth_hz: float,
    ) -> "Photodiodes":
        """Take photoelectrons per second of the oscillator, and of one intracavity photon.

        ``electronic_share`` is the electronic noise over the shot noise.
        """
        return cls(
            2 * math.sqrt(oscillator_per_s * collected_per_s) * volts_per_electron_per_s,
            2 * oscillator_per_s * volts_per_electron_per_s**2 * (1 + electronic_share),
            bandwidth_hz,
            linewidth_hz,
        )

    def noise_density(self, frequency_hz: np.ndarray | float) -> np.ndarray | float:
        """Return the one-sided density of the noise at the output, in V**2/Hz."""
        return self.noise_v2_per_hz / (1 + (frequency_hz / self.bandwidth_hz) ** 2)

    def voltages(
        self,
        fields: Sequence[np.ndarray],
        sample_s: float,
        samples: int,
        step_s: float,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Draw the voltages of all channels.

        Independent stretches of light are joined in random order with random phases, the same for all
        channels, as is the oscillator's phase: what the channels' phases have in common cancels in their
        difference. A record longer than all stretches uses them again.

        Parameters
        ----------
        fields : sequence of numpy.ndarray, (stretch, sample), complex
            Of each channel, all of the same shape, seen from the oscillator (see `beating`).
        sample_s : float
            Between their samples.
        samples : int
            Of the record.
        step_s : float
            Between its samples; light beyond half the sampling rate is folded back, as it would be.
        rng : numpy.random.Generator
            For the noise.

        Returns
        -------
        numpy.ndarray, (channel, samples)
            In V.
        """
        stretches, length = fields[0].shape
        skipped = min(length // 4, round(SWINGING_IN_S / sample_s))
        place = np.floor(np.arange(samples) * (step_s / sample_s)).astype(np.int64)
        slot, inside = np.divmod(place, length - skipped)
        count = int(slot[-1]) + 1
        order = np.concatenate([rng.permutation(stretches) for _ in range(-(-count // stretches))])[slot]
        turning = np.exp(-1j * oscillator_phase(rng, samples, step_s, self.linewidth_hz))
        turning *= np.exp(2j * np.pi * rng.random(count))[slot]
        noise_v = math.sqrt(self.noise_v2_per_hz * math.pi / 2 * self.bandwidth_hz)
        memory = math.exp(-2 * math.pi * self.bandwidth_hz * sample_s)
        rows = []
        for field in fields:
            volts = noise_v * one_pole_noise(rng, samples, self.bandwidth_hz, step_s)
            if field.any():
                passed = lfilter([1 - memory], [1.0, -memory], field)
                volts += self.amplitude_v * (passed[order, skipped + inside] * turning).real
            rows.append(volts)
        return np.asarray(rows)


def beating(field: np.ndarray, sample_s: float, frequency_hz: float) -> np.ndarray:
    """Return fields, (..., sample), as the oscillator sees them, above which their frequency 0 lies."""
    turns = np.mod(frequency_hz * sample_s * np.arange(field.shape[-1]), 1.0)
    return np.asarray(field * np.exp(2j * np.pi * turns).astype(np.complex64))


def oscillator_phase(
    rng: np.random.Generator, samples: int, step_s: float, linewidth_hz: float
) -> np.ndarray:
    """Draw a path of an oscillator's phase: a random walk, which makes a Lorentzian line."""
    steps = math.sqrt(2 * math.pi * linewidth_hz * step_s) * rng.standard_normal(samples)
    return np.cumsum(steps) + rng.uniform(0, 2 * np.pi)


def one_pole_noise(rng: np.random.Generator, samples: int, bandwidth_hz: float, step_s: float) -> np.ndarray:
    """Draw samples of white noise behind a one-pole low-pass filter; their variance is one."""
    memory = math.exp(-2 * math.pi * bandwidth_hz * step_s)
    white = rng.standard_normal(samples)
    white[1:] *= math.sqrt(1 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], white))


def codes(volts: np.ndarray, step_v: float, low: int, high: int) -> np.ndarray:
    """Return the codes of a converter, 0 for 0 V, in steps of `step_v`, held at its stops."""
    return np.clip(np.rint(volts / step_v), low, high).astype(np.int64)
