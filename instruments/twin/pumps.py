"""The electrically pumped laser array: 120 pillars in parallel behind one contact."""

import math
from collections.abc import Callable

from scipy.special import wrightomega

__all__ = ["PILLARS", "PumpArray"]

PILLARS = 120

SLOPE_V = 0.03
"""Effective thermal voltage of the diode with its heterobarriers, in V."""

LOG_SATURATION_A = math.log(3e-3) - 1.45 / SLOPE_V
"""Logarithm of the saturation current in A: 3 mA at a diode voltage of 1.45 V."""

SERIES_OHM = 1600.0
SHORT_OHM = 40.0


class PumpArray:
    """A diode in series with a resistance, driven by a source with limits.

    Attributes
    ----------
    voltage_v, current_a : float
        Voltage across and current through the array.
    limited : bool
        Whether the source holds back because of its limit.
    faults : set of str
        "compliance": the contact leaks, so that the source hits its current limit at a low voltage;
        "interlock": the safety circuit is open, so that the source cannot drive the array.
    source : callable
        Lets the source react to the faults; called with every step of the world.
    """

    def __init__(self) -> None:
        self.voltage_v = 0.0
        self.current_a = 0.0
        self.limited = False
        self.faults: set[str] = set()
        self.source: Callable[[], None] = self.switch_off

    @property
    def power_w(self) -> float:
        """Electrical power dissipated in the array, in W."""
        return abs(self.voltage_v * self.current_a)

    def current_at(self, voltage_v: float) -> float:
        """Return the current at a voltage in A, from the Shockley equation with series resistance."""
        resistance = SHORT_OHM if "compliance" in self.faults else SERIES_OHM
        if voltage_v <= 0:
            return -math.exp(LOG_SATURATION_A)
        log_ratio = math.log(resistance / SLOPE_V) + LOG_SATURATION_A
        return SLOPE_V / resistance * float(wrightomega(log_ratio + voltage_v / SLOPE_V).real)

    def voltage_at(self, current_a: float) -> float:
        """Return the voltage at a current, in V."""
        resistance = SHORT_OHM if "compliance" in self.faults else SERIES_OHM
        if current_a <= 0:
            return 0.0
        diode_v = SLOPE_V * max(0.0, math.log(current_a) - LOG_SATURATION_A)
        return current_a * resistance + diode_v

    def drive_voltage(self, voltage_v: float, limit_a: float) -> None:
        """Apply a voltage with a current limit."""
        current = self.current_at(voltage_v)
        self.limited = current > limit_a
        self.current_a = limit_a if self.limited else current
        self.voltage_v = self.voltage_at(limit_a) if self.limited else voltage_v

    def drive_current(self, current_a: float, limit_v: float) -> None:
        """Apply a current with a voltage limit."""
        voltage = self.voltage_at(current_a)
        self.limited = voltage > limit_v
        self.voltage_v = limit_v if self.limited else voltage
        self.current_a = self.current_at(limit_v) if self.limited else current_a

    def switch_off(self) -> None:
        """Disconnect the source."""
        self.voltage_v = self.current_a = 0.0
        self.limited = False
