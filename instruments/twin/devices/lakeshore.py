"""Registers of the Lake Shore temperature controllers 335 and 336."""

import math

from ..cryostat import Cryostat
from ._errors import within

__all__ = ["LakeShore335", "LakeShore336"]


class LakeShore336:
    """Input A and output 1 hold the sample stage; input B reads the cold plate; others are empty.

    Parameters
    ----------
    cryostat : Cryostat
        The stage that the controller looks after.
    """

    faults = Cryostat.possible_faults
    model = "MODEL336"
    inputs = "ABCD"

    def __init__(self, cryostat: Cryostat) -> None:
        self.cryostat = cryostat
        self.loop = cryostat.loop
        self.event_status = 128  # power on
        self.outmode_input = 1
        self.outmode_powerup = 0

    def status(self, channel: str) -> int:
        """Return the reading status of an input: a sum of 1 invalid, 16 under range, 32 over range."""
        return {"A": self.cryostat.sensor_status, "B": 0}.get(channel, 1)

    def kelvin(self, channel: str) -> float:
        """Return the reading of an input in K; a controller reports numbers even when they are invalid."""
        if channel == "A":
            return {0: self.cryostat.reading_k, 16: 0.0, 32: 420.0}[self.cryostat.sensor_status]
        return self.cryostat.base_k if channel == "B" else 0.0

    def sensor_ohm(self, channel: str) -> float:
        """Return the reading in sensor units: the resistance of a Cernox-like sensor, in ohm."""
        kelvin = self.kelvin(channel)
        return 55.0 * (300.0 / kelvin) ** 0.85 if kelvin > 0 else 0.0

    def set_setpoint(self, kelvin: float) -> None:
        """Set the setpoint, to the mK."""
        self.loop.setpoint_k = round(within(kelvin, 0, 400), 3)

    def set_ramp(self, on: int, rate: float) -> None:
        """Switch ramping, with its rate in K/min (0 is as fast as possible)."""
        self.loop.ramp_k_per_min = within(rate, 0, 100)
        self.loop.ramp_on = bool(on)

    def set_pid(self, p: float, i: float, d: float) -> None:
        """Set the loop's parameters."""
        self.loop.p = within(p, 0.1, 1000)
        self.loop.i = within(i, 0.1, 1000)
        self.loop.d = within(d, 0, 200)

    def set_range(self, heater_range: int) -> None:
        """Set the heater's range: 0 off, 1 low, 2 medium, 3 high; it stays off after a trip."""
        wanted = int(within(heater_range, 0, 3))
        self.loop.heater_range = 0 if self.cryostat.heater_tripped else wanted

    def set_outmode(self, mode: int, channel: int, powerup: int) -> None:
        """Set the output's mode (0 off, 1 closed loop, 3 open loop), input and power-up state."""
        self.loop.mode = int(within(mode, 0, 5))
        self.outmode_input = int(within(channel, 0, 4))
        self.outmode_powerup = int(within(powerup, 0, 1))

    def set_manual(self, percent: float) -> None:
        """Set the output for the open loop, in percent."""
        self.loop.manual_percent = within(percent, 0, 100)

    def set_limit(self, kelvin: float) -> None:
        """Set the temperature above which the heater trips; 0 means no limit."""
        self.cryostat.limit_k = within(kelvin, 0, 400) or math.inf


class LakeShore335(LakeShore336):
    """The sister model with two inputs."""

    model = "MODEL335"
    inputs = "AB"
