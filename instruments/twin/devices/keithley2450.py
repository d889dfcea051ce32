"""Registers of a Keithley 2450 source meter that drives a laser array."""

import math

import numpy as np

from ..pumps import PumpArray
from ._errors import BadSetting

__all__ = ["Keithley2450"]

LIMITS = {"VOLT": 210.0, "CURR": 1.05}
OVERFLOW = 9.9e37


class Keithley2450:
    """Sources a voltage (with a current limit) or a current (with a voltage limit) into the array.

    Parameters
    ----------
    array : PumpArray
        What hangs at the output.
    rng : numpy.random.Generator
        Source of the reading noise.
    """

    faults = frozenset({"compliance", "interlock"})

    def __init__(self, array: PumpArray, rng: np.random.Generator) -> None:
        self.array = array
        self._rng = rng
        self.reset()
        array.source = self.apply

    def reset(self) -> None:
        """Return to the state after ``*RST``: output off, sourcing 0 V, measuring current."""
        self.source = "VOLT"
        self.measure = "CURR"
        self.levels = {"VOLT": 0.0, "CURR": 0.0}
        self.limits = {"VOLT": 1.05e-4, "CURR": 2.1}
        self.ranges = {"VOLT": 20.0, "CURR": 1e-2}
        self.nplc = 1.0
        self._on = False
        self.apply()

    def set_source(self, function: str) -> None:
        """Choose what is sourced: VOLT or CURR; the output goes off."""
        self.source = function
        self._on = False
        self.apply()

    def set_level(self, function: str, value: float) -> None:
        """Set the voltage in V or the current in A to source."""
        if not abs(value) <= LIMITS[function]:
            raise BadSetting(f"source level {value} is beyond {LIMITS[function]}")
        self.levels[function] = value
        self.apply()

    def set_limit(self, function: str, value: float) -> None:
        """Set the current limit (A) of the voltage source, or the voltage limit (V) of the current source."""
        low, high = (1e-9, 1.05) if function == "VOLT" else (0.02, 210.0)
        if not low <= value <= high:
            raise BadSetting(f"source limit {value} is outside {low}..{high}")
        self.limits[function] = value
        self.apply()

    def set_nplc(self, value: float) -> None:
        """Set the integration time in power line cycles."""
        if not 0.01 <= value <= 10:
            raise BadSetting(f"NPLC {value} is outside 0.01..10")
        self.nplc = value

    def set_output(self, on: bool) -> None:
        """Switch the output; it stays off while the interlock is open."""
        self._on = on
        self.apply()

    @property
    def output_on(self) -> bool:
        """Whether the output is on."""
        self.apply()
        return self._on

    def apply(self) -> None:
        """Bring the array to the programmed state; an open interlock switches the output off for good."""
        if "interlock" in self.array.faults:
            self._on = False
        if not self._on:
            self.array.switch_off()
        elif self.source == "VOLT":
            self.array.drive_voltage(self.levels["VOLT"], self.limits["VOLT"])
        else:
            self.array.drive_current(self.levels["CURR"], self.limits["CURR"])

    @property
    def tripped(self) -> bool:
        """Whether the limit holds the source back."""
        self.apply()
        return self.array.limited

    def read(self) -> float:
        """Measure: the current in A (noise 30 nA at 1 NPLC), or the voltage in V (noise 50 uV)."""
        if not self.output_on:
            return OVERFLOW
        true, noise = {
            "CURR": (self.array.current_a, 3e-8),
            "VOLT": (self.array.voltage_v, 5e-5),
            "RES": (self.array.voltage_v / (self.array.current_a or math.inf), 0.1),
        }[self.measure]
        return true + noise / math.sqrt(self.nplc) * float(self._rng.standard_normal())
