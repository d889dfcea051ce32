"""Beat notes of the pillars' light with a local oscillator, on two balanced photodiodes.

A sweep or a record takes a tenth of a second, over which the path between the pillars keeps its length to a
part of a wavelength: unlike in the counts of minutes, its phase is not averaged over. So the beat note shows
the modes of the compound cavity.
"""

import functools
import math
from collections import OrderedDict
from dataclasses import replace

import numpy as np
from scipy.signal import welch

from models.detection import Photodiodes, beating

from ._streams import stream
from .fields import FieldCache, FieldRecord, field_point, simulate_fields
from .light import Conditions
from .world import World

__all__ = ["PHOTODIODES", "Heterodyne", "LocalOscillator", "Moment"]

LINEWIDTH_HZ = 50e3
DRIFT_GHZ_PER_SQRT_S = 2e-4
PHOTODIODES = Photodiodes.lit_by(
    oscillator_per_s=2.7e15,
    collected_per_s=4.7e8,
    volts_per_electron_per_s=1.602e-19 * 3e4,
    electronic_share=0.1,
    bandwidth_hz=1e9,
    linewidth_hz=LINEWIDTH_HZ,
)

BEYOND_GHZ = 12.0
"""Beat notes further away are not followed."""

LONGEST_SEGMENT = 32768
KEPT = 4


class LocalOscillator:
    """A tunable laser: a Lorentzian line 50 kHz wide, whose frequency wanders slowly.

    Parameters
    ----------
    world : World
        Its settings hold the frequency that it was tuned to.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = stream(world.settings.seed, "local oscillator")
        self._offset_ghz = world.settings.lo_offset_ghz
        self._seen_s = world.now_s

    def frequency_ghz(self) -> float:
        """Return its frequency now, from the strong mode of P1 at 32 K and the working current."""
        passed_s = self._world.now_s - self._seen_s
        self._seen_s = self._world.now_s
        self._offset_ghz += DRIFT_GHZ_PER_SQRT_S * math.sqrt(passed_s) * float(self._rng.standard_normal())
        return self._offset_ghz


class Moment:
    """The state of light and oscillator at one moment.

    Parameters
    ----------
    conditions : Conditions
        Of the light.
    above_ghz : float
        Strong mode of free-running P1 above the local oscillator, in GHz.
    """

    def __init__(self, conditions: Conditions, above_ghz: float) -> None:
        self.conditions = conditions
        self.above_ghz = above_ghz

    def notes(self, light: FieldRecord, pillar: int) -> list[tuple[int, float, float]]:
        """Return the beat notes of a pillar: mode, frequency 0 of its field above the oscillator, share."""
        if not self.conditions.lit[pillar]:
            return []
        found = []
        for mode, share in enumerate(self.conditions.selected[pillar]):
            beat_ghz = self.above_ghz + light.frame_ghz(pillar, mode, self.conditions)
            if share > 1e-6 and abs(beat_ghz) < BEYOND_GHZ:
                found.append((mode, beat_ghz, share))
        return found


class Heterodyne:
    """Detector 1 sees P1, detector 2 sees P2, each what its analyser passes.

    Parameters
    ----------
    world : World
        The light.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.oscillator = LocalOscillator(world)
        held = functools.partial(simulate_fields, average_phase=False)
        self._fields = FieldCache(world.settings, held, world.turn)
        self._spectra: OrderedDict[tuple, tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def moment(self) -> Moment:
        """Return all that the beat notes depend on now."""
        world, conditions = self._world, self._world.conditions()
        return Moment(conditions, world.frequency_ghz(0) - self.oscillator.frequency_ghz())

    def missing(self, moment: Moment) -> bool:
        """Return whether the light at a moment is not simulated yet."""
        return field_point(moment.conditions) not in self._fields

    def prepare(self, moment: Moment) -> None:
        """Simulate it."""
        self._fields.fields(field_point(moment.conditions))

    def voltages(
        self, moment: Moment, samples: int, step_s: float, bandwidth_hz: float, rng: np.random.Generator
    ) -> np.ndarray:
        """Draw the voltages of both detectors behind a one-pole low-pass filter, (2, samples), in V."""
        light = self._fields.fields(field_point(moment.conditions))
        sample_s = light.sample_ps * 1e-12
        fields = []
        for pillar in (0, 1):
            seen = np.zeros(light.field[:, pillar, 0].shape, dtype=np.complex64)
            for mode, beat_ghz, share in moment.notes(light, pillar):
                seen += math.sqrt(share) * beating(light.field[:, pillar, mode], sample_s, 1e9 * beat_ghz)
            fields.append(seen)
        photodiodes = replace(PHOTODIODES, bandwidth_hz=bandwidth_hz)
        return photodiodes.voltages(fields, sample_s, samples, step_s, rng)

    def density(self, moment: Moment, pillar: int, frequency_hz: np.ndarray) -> np.ndarray:
        """Return the one-sided spectral density of a detector's voltage without noise, in V**2/Hz."""
        light = self._fields.fields(field_point(moment.conditions))
        total = np.zeros(len(frequency_hz))
        for mode, beat_ghz, share in moment.notes(light, pillar):
            axis_ghz, photons_per_ghz = self._spectrum(light, pillar, mode)
            for sign in (1, -1):
                at_ghz = sign * frequency_hz * 1e-9 - beat_ghz
                total += share / 2 * np.interp(at_ghz, axis_ghz, photons_per_ghz, 0.0, 0.0) * 1e-9
        return PHOTODIODES.amplitude_v**2 * total / (1 + (frequency_hz / PHOTODIODES.bandwidth_hz) ** 2)

    def _spectrum(self, light: FieldRecord, pillar: int, mode: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the periodogram averaged over all stretches, widened by the oscillator's line."""
        key = light.point, pillar, mode
        if key not in self._spectra:
            field, rate_ghz = light.field[:, pillar, mode], 1e3 / light.sample_ps
            segment = min(LONGEST_SEGMENT, field.shape[-1])
            _, density = welch(field, rate_ghz, "hann", segment, detrend=False, return_onesided=False)
            delay_ns = np.abs(np.fft.fftfreq(segment)) * segment / rate_ghz
            decay = np.exp(-np.pi * LINEWIDTH_HZ * 1e-9 * delay_ns)
            wide = np.fft.fft(np.fft.ifft(density.mean(axis=0)) * decay).real
            axis = np.fft.fftshift(np.fft.fftfreq(segment, 1 / rate_ghz))
            self._spectra[key] = axis, np.fft.fftshift(wide)
            if len(self._spectra) > KEPT:
                self._spectra.popitem(last=False)
        return self._spectra[key]
