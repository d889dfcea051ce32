"""What the detectors of a counting box see: inputs 1 and 2 through the interferometer, 3 and 4 directly."""

import math
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .detectors import Spcm
from .fields import field_point
from .light import Conditions
from .operating_points import OperatingPoint, moved_ghz
from .photons import Pool

if TYPE_CHECKING:
    from .world import World

__all__ = ["AFTERPULSE_PROBABILITY", "DETECTORS", "DIRECT", "DirectLight"]

DETECTORS = (1, 2, 3, 4)
DIRECT = (3, 4)

AFTERPULSE_PROBABILITY = 0.007
POOLS = 4
RAMP_SAMPLES = 4096
FLOOD_CPS = 8.8e7
"""Light on a saturated module: it answers with 30 Mcounts/s, about the most that one can give."""


class DirectLight:
    """Light on the detectors of one world, as intensities to draw photons from.

    Parameters
    ----------
    world : World
        Fields, interferometer, detection.
    """

    def __init__(self, world: "World") -> None:
        self._world = world
        self._pools: OrderedDict[tuple, Pool] = OrderedDict()
        self._means: dict[OperatingPoint, np.ndarray] = {}
        settings, direct = world.settings, world.truth.direct_cps_per_photon
        share = 1.0 if settings.detection == "cross" else 0.5
        fixed = {"hbt-1": (0, 0), "hbt-2": (1, 1), "cross": (0, 1)}[settings.detection]
        self._watched = dict(zip(DIRECT, fixed, strict=True))
        filtered = world.truth.efficiency_cps_per_photon
        self.modules = {
            **{n: Spcm(cps) for n, cps in zip((1, 2), filtered, strict=True)},
            **{
                n: Spcm(
                    share * cps,
                    afterpulse_probability=AFTERPULSE_PROBABILITY,
                    jitter_fwhm_s=settings.jitter_ps * 1e-12,
                )
                for n, cps in zip(DIRECT, direct, strict=True)
            },
        }
        self.still = Pool(np.ones((1, 1)), 1e12)
        """Light without fluctuations."""

    def missing(self, conditions: Conditions) -> bool:
        """Return whether the direct light at a moment must be simulated first."""
        point = field_point(conditions)
        return any(conditions.lit) and point not in self._means

    def prepare(self, conditions: Conditions) -> None:
        """Simulate the direct light at a moment."""
        self.photons(3, conditions)

    def photons(self, detector: int, conditions: Conditions) -> float:
        """Return the mean intracavity photon number that a direct detector sees, through the analyser."""
        pillar = self._watched[detector]
        if not conditions.lit[pillar]:
            return 0.0
        point = field_point(conditions)
        if point not in self._means:
            record = self._world.fields.fields(point)
            self._means[point] = record.photons.mean(axis=(0, 3), dtype=np.float64)
        return float(np.dot(conditions.selected[pillar], self._means[point][pillar]))

    def rate_cps(self, detector: int, conditions: Conditions) -> float:
        """Return the mean registered rate of a direct detector, in 1/s."""
        return float(self.modules[detector].rate_cps(np.array(self.photons(detector, conditions))))

    def pool(self, detector: int, conditions: Conditions) -> tuple[Pool, float]:
        """Return the light on a direct detector, and its mean rate before the dead time in 1/s."""
        photons = self.photons(detector, conditions)
        if photons == 0:
            return self.still, 0.0
        pillar, point = self._watched[detector], field_point(conditions)
        strong, weak = conditions.selected[pillar]
        weak_share = round(weak / (strong + weak), 4)
        key = (point, pillar, weak_share)
        if key not in self._pools:
            record = self._world.fields.fields(point)
            photons_of = record.photons[:, pillar]
            light = (1 - weak_share) * photons_of[:, 0] + weak_share * photons_of[:, 1]
            self._pools[key] = Pool(light.astype(np.float32, copy=False), record.sample_ps)
            if len(self._pools) > POOLS:
                self._pools.popitem(last=False)
        self._pools.move_to_end(key)
        return self._pools[key], self.modules[detector].efficiency_cps_per_photon * photons

    def through_etalon(
        self, detector: int, conditions: Conditions, start_s: float
    ) -> tuple[Pool, float, float]:
        """Return the light on a detector behind the interferometer: pool, mean rate in 1/s, phase in samples.

        The pool is one period of the ramp; photons within it are independent of each other. The detuning is
        that of the direct light's operating point, lest each millikelvin asks for a spectrum of its own.
        """
        point = field_point(conditions)
        if point.coupling and moved_ghz(point, conditions.detuning_ghz) == 0:
            conditions = replace(conditions, detuning_ghz=point.detuning_ghz)
        ramp = conditions.ramp
        samples = RAMP_SAMPLES if ramp.on else 1
        period_s = 1 / ramp.frequency_hz if ramp.on else 1.0
        times = (np.arange(samples) + 0.5) * period_s / samples
        module = self.modules[detector]
        registered = self._world.light.expected_counts([(conditions, 1.0)], detector - 1, times)
        incident = registered / (1 - registered * module.dead_time_s)
        light = np.maximum(incident - module.dark_cps, 0.0)[None, :]
        phase = math.fmod((start_s - self._world.ramp_start_s) / period_s, 1.0) * samples
        return Pool(light, period_s * 1e12 / samples), float(light.mean()), phase
