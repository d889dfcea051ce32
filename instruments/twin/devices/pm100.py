"""Registers of a Thorlabs PM100 power meter with a silicon sensor, in the collected light of P1."""

import math
from dataclasses import replace

from models import micropillars

from .._streams import stream
from ..light import Conditions
from ..world import World
from ._errors import within

__all__ = ["PM100", "WAVELENGTHS_NM"]

WAVELENGTHS_NM = (400.0, 1100.0)
LIGHT_NM = 898.4
"""The lasers' wavelength: 1.38 eV."""

OVERFLOW = 9.9e37
FULL_SCALE_W = 5e-3
NOISE_W = 2e-11
RELATIVE_NOISE = 1e-3

DETUNING_STEP_GHZ = 0.02
"""The mean power changes little over 20 MHz; the temperature moves the lines by megahertz all the time."""

SAME_LIGHT = 0.75
"""The power is that of the last detuning as long as the lines have moved by less than this many steps."""


class PM100:
    """Power, wavelength and noise.

    The power is the mean photon number behind the analyser of P1, times ``2 kappa hbar omega`` per photon,
    times what the optics collect. Who is about to read it asks for its unit first; a spectrum that is missing
    is simulated before the next sleep ends, where a client expects to wait, and not inside the answer.

    Parameters
    ----------
    world : World
        The light.
    """

    faults: frozenset[str] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        truth = stream(world.settings.seed, "power meter", "truth")
        self.collection_efficiency = float(truth.uniform(0.09, 0.11))
        self.zero_w = float(truth.uniform(-5e-11, 5e-11))
        self._rng = stream(world.settings.seed, "power meter")
        self.wavelength_nm = 635.0
        self._wanted = False
        self._detuning_ghz = 0.0
        world.foresee(self)

    def set_wavelength(self, nanometres: float) -> None:
        """Set the wavelength for which the sensor's response is corrected."""
        self.wavelength_nm = within(nanometres, *WAVELENGTHS_NM)

    @property
    def incident_w(self) -> float:
        """Power on the sensor, in W."""
        pillar = micropillars.kreinberg2019(25.0, 23.5).pillar_1
        photons = self._world.light.collected_photons(self._conditions(), 0)
        return photons * pillar.output_nw_per_photon * 1e-9 * self.collection_efficiency

    def unit(self) -> str:
        """Return the unit of the power that is about to be read."""
        self._wanted = True
        return "W"

    def missing(self) -> bool:
        """Return whether the light of the coming reading is not simulated yet."""
        return self._wanted and self._world.light.missing([(self._conditions(), 1.0)])

    def prepare(self) -> None:
        """Simulate it, once."""
        if self._wanted:
            self._world.light.prepare([(self._conditions(), 1.0)])
            self._wanted = False

    def _conditions(self) -> Conditions:
        now = self._world.conditions()
        if abs(now.detuning_ghz - self._detuning_ghz) > SAME_LIGHT * DETUNING_STEP_GHZ:
            self._detuning_ghz = round(now.detuning_ghz / DETUNING_STEP_GHZ) * DETUNING_STEP_GHZ
        return replace(now, detuning_ghz=self._detuning_ghz)

    def read(self) -> float:
        """Measure the power in W, as shown for the wavelength that is set."""
        self._wanted = False
        incident_w = self.incident_w
        if incident_w > FULL_SCALE_W:
            return OVERFLOW
        kicks = self._rng.standard_normal(2)
        seen_w = incident_w * (1 + RELATIVE_NOISE * kicks[0]) + NOISE_W * kicks[1]
        return float(seen_w * response(LIGHT_NM) / response(self.wavelength_nm) + self.zero_w)


def response(wavelength_nm: float) -> float:
    """Return the relative response of silicon: as the wavelength, up to its band edge."""
    return wavelength_nm / 1000.0 / (1 + math.exp((wavelength_nm - 1060.0) / 25.0))
