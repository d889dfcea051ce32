"""Registers of an Oxford MercuryiTC temperature controller."""

from ..cryostat import HEATER_FULL_SCALE_W, Cryostat
from ._errors import within

__all__ = ["MercuryITC"]

HEATER_RANGE = 2


class MercuryITC:
    """Sensor MB1.T1 and heater MB0.H1 hold the sample stage; sensor DB8.T1 reads the cold plate.

    Parameters
    ----------
    cryostat : Cryostat
        The stage that the controller looks after.
    """

    faults = Cryostat.possible_faults
    boards = {"MB0.H1": "HTR", "MB1.T1": "TEMP", "DB8.T1": "TEMP"}

    def __init__(self, cryostat: Cryostat) -> None:
        self.cryostat = cryostat
        self.loop = cryostat.loop

    def kelvin(self, board: str) -> float:
        """Return the reading of a sensor in K; there is a number even when it is invalid."""
        if board != "MB1.T1":
            return self.cryostat.base_k
        return {0: self.cryostat.reading_k, 16: 0.0, 32: 420.0}[self.cryostat.sensor_status]

    def alarms(self) -> dict[str, str]:
        """Return the alarms: board and words. The sensor's resistance falls with temperature."""
        alarms = {}
        if status := self.cryostat.sensor_status:
            alarms["MB1.T1"] = {16: "Open Circuit", 32: "Short Circuit"}[status]
        if status := self.cryostat.heater_status:
            alarms["MB0.H1"] = {1: "Open Circuit", 2: "Short Circuit"}[status]
        return alarms

    @property
    def enabled(self) -> bool:
        """Whether the loop drives the heater."""
        return self.loop.mode == 1 and self.loop.heater_range > 0

    def enable(self, on: bool) -> None:
        """Close the loop, or open it and leave the heater where it is; after a trip it stays open."""
        if not on and self.enabled:
            self.loop.manual_percent = self.loop.output_percent
        self.loop.mode = 1 if on else 3
        self.loop.heater_range = 0 if self.cryostat.heater_tripped else HEATER_RANGE

    @property
    def power_w(self) -> float:
        """Power of the heater, in W."""
        return HEATER_FULL_SCALE_W[self.loop.heater_range] * self.loop.output_percent / 100

    def set_setpoint(self, kelvin: float) -> None:
        """Set the setpoint, in K."""
        self.loop.setpoint_k = within(kelvin, 0, 2000)

    def set_manual(self, percent: float) -> None:
        """Set the heater for the open loop, in percent."""
        self.loop.manual_percent = within(percent, 0, 100)

    def set_ramp(self, kelvin_per_min: float) -> None:
        """Set the rate of setpoint changes, in K/min."""
        self.loop.ramp_k_per_min = within(kelvin_per_min, 0, 100000)

    @property
    def pid(self) -> tuple[float, float, float]:
        """Proportional band in K, integral and derivative action times in minutes."""
        return 100 / self.loop.p, 1000 / self.loop.i / 60, self.loop.d / 60

    def set_p(self, band_k: float) -> None:
        """Set the proportional band, in K."""
        self.loop.p = 100 / within(band_k, 0.01, 1000)

    def set_i(self, minutes: float) -> None:
        """Set the integral action time, in minutes."""
        self.loop.i = 1000 / (60 * within(minutes, 0.01, 1000))

    def set_d(self, minutes: float) -> None:
        """Set the derivative action time, in minutes."""
        self.loop.d = 60 * within(minutes, 0, 1000)
