"""The one physics state behind all instruments, and its passage of time."""

import math
from collections.abc import Callable
from typing import Protocol

from ._streams import stream
from .carriers import stored_carriers
from .cryostat import SAMPLE_S, Cryostat
from .detectors import Spcm
from .direct_light import DirectLight
from .fields import FieldCache
from .light import Conditions, Light, Selected
from .optics import Etalon, HalfWavePlate, Ramp, alignment, analyser_shares, path_transmission
from .pumps import PILLARS, PumpArray
from .sample import Sample, Stage
from .settings import TwinSettings
from .spectra import SpectrumCache
from .truth import draw_truth
from .turn import Turn

__all__ = ["Foreseeing", "World"]

COUPLING_DIGITS, COLLECTION_DIGITS = 2, 3
"""Places to which a misalignment's effect is rounded, so that a quiet sample does not ask for new spectra."""

WORKING_CURRENT_A = (3.0e-3, 2.82e-3)

WORKING_POWER_W = (3.0e-3 * 6.25, 2.82e-3 * 5.96)
"""Electrical power of the two arrays at 25 and 23.5 uA per pillar, in W."""

REFERENCE_1_K = 32.0


class Foreseeing(Protocol):
    """A device that knows before it is asked which light it needs."""

    def missing(self) -> bool:
        """Return whether some of it is not simulated yet."""
        ...

    def prepare(self) -> None:
        """Simulate it; this may take seconds and happen beside the world's other business."""
        ...


class World:
    """Two cryostats with a laser array each, the coupling path, the interferometer and the detectors.

    The heat and the drifts advance in steps of one sensor sample, whatever the pieces in which the time is
    asked to pass; observers are told the conditions of every piece in between.

    Parameters
    ----------
    settings : TwinSettings
        The lab.

    Attributes
    ----------
    turn : Turn
        Held by whoever touches the world, where several threads do.
    """

    def __init__(self, settings: TwinSettings) -> None:
        self.settings = settings
        self.now_s = 0.0
        self.truth = draw_truth(settings)
        starts = (settings.temperature_1_k, settings.temperature_2_k)
        self.cryostats = tuple(
            Cryostat(start, stream(settings.seed, "cryostat", number))
            for number, start in enumerate(starts, start=1)
        )
        self.arrays = (PumpArray(), PumpArray())
        self.ramp = Ramp()
        self.ramp_start_s = 0.0
        self.plate = HalfWavePlate()
        self.analysers = (HalfWavePlate(), HalfWavePlate())
        self.stage = Stage(lambda: self.now_s)
        self.sample = Sample(
            settings, self.truth.sample_drift_direction_rad, self.stage, stream(settings.seed, "sample")
        )
        self.etalon = Etalon(self.truth, stream(settings.seed, "etalon"))
        detectors = [Spcm(efficiency) for efficiency in self.truth.efficiency_cps_per_photon]
        self.turn = Turn()
        self.light = Light(SpectrumCache(settings, self.truth, turn=self.turn), self.etalon, detectors)
        self.fields = FieldCache(settings, turn=self.turn)
        self.direct = DirectLight(self)
        self._foreseeing: list[Foreseeing] = []
        self._observers: list[Callable[[float, Conditions, float], None]] = []
        self._steps = 0

    def observe(self, observer: Callable[[float, Conditions, float], None]) -> None:
        """Call the observer with start, conditions and duration of every piece of time that passes."""
        self._observers.append(observer)

    def foresee(self, device: Foreseeing) -> None:
        """Let what a device will be asked for be computed in advance, where time is given for that."""
        self._foreseeing.append(device)

    def missing(self) -> bool:
        """Return whether a device will need light that is not simulated yet."""
        return any(device.missing() for device in self._foreseeing)

    def prepare(self) -> None:
        """Simulate that light."""
        for device in self._foreseeing:
            device.prepare()

    def current_ua(self, pillar: int) -> float:
        """Return the true current of a pillar (0 or 1): its array's share, give or take the spread."""
        return 1e6 * self.arrays[pillar].current_a / PILLARS * (1 + self.truth.current_spread[pillar])

    def frequency_ghz(self, pillar: int) -> float:
        """Return a pillar's free-running strong-mode frequency from its reference (see `Truth`).

        For P1 the reference is fixed in the laboratory: its frequency at 32 K and the working current.
        """
        truth = self.truth
        reference = (REFERENCE_1_K, truth.crossing_temperature_k)[pillar]
        heating = truth.heating_k_per_w[pillar] * (self.arrays[pillar].power_w - WORKING_POWER_W[pillar])
        warmer = self.cryostats[pillar].temperature_k + heating - reference
        thermal = (truth.tuning_ghz_per_k[pillar] + truth.curvature_ghz_per_k2[pillar] * warmer) * warmer
        return thermal + truth.plasma_ghz_per_carrier[pillar] * self._extra_carriers(pillar)

    def _extra_carriers(self, pillar: int) -> float:
        """Return how many more carriers a pillar of the array stores than at the working point."""
        now, working = (
            stored_carriers(pillar, 1e6 * current_a / PILLARS, self.settings.inactive_loss_factor)
            for current_a in (self.arrays[pillar].current_a, WORKING_CURRENT_A[pillar])
        )
        return now - working

    def _selected(self, alignment_2: float) -> Selected:
        """Return the shares of the modes that reach the detectors; misalignment weakens P2's."""
        first, second = (analyser_shares(plate.angle_deg(self.now_s)) for plate in self.analysers)
        return first, (alignment_2 * second[0], alignment_2 * second[1])

    def set_ramp(self, ramp: Ramp) -> None:
        """Change what drives the piezo; the waveform starts anew."""
        self.ramp = ramp
        self.ramp_start_s = self.now_s

    def conditions(self) -> Conditions:
        """Return what the light depends on at this moment."""
        frequency_1 = self.frequency_ghz(0)
        aligned = alignment(self.sample.offset_um())
        transmission = path_transmission(self.plate.angle_deg(self.now_s), self.settings.half_wave_zero_deg)
        return Conditions(
            position_ghz=frequency_1 - self.etalon.offset_ghz,
            detuning_ghz=self.frequency_ghz(1) - frequency_1,
            current_1_ua=self.current_ua(0),
            current_2_ua=self.current_ua(1),
            coupling=self.truth.coupling * math.sqrt(transmission) * round(aligned, COUPLING_DIGITS),
            ramp=self.ramp,
            selected=self._selected(round(aligned, COLLECTION_DIGITS)),
        )

    def advance(self, duration_s: float) -> None:
        """Let time pass."""
        end = self.now_s + duration_s
        while self.now_s < end:
            boundary = (self._steps + 1) * SAMPLE_S
            until = min(boundary, end)
            if until > self.now_s:
                conditions = self.conditions()
                for observer in self._observers:
                    observer(self.now_s, conditions, until - self.now_s)
            self.now_s = until
            if until == boundary:
                self._step()

    def _step(self) -> None:
        self._steps += 1
        for cryostat, array in zip(self.cryostats, self.arrays, strict=True):
            array.source()
            cryostat.step(array.power_w)
        self.etalon.drift(SAMPLE_S)
        self.sample.step(SAMPLE_S, self.cryostats[1].temperature_k)
