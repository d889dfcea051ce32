"""Thorlabs PM100 optical power meter.

PyMeasure's driver is not the base: it asks for the sensor before it knows what box answers, and silently sets
the nearest possible wavelength. Unchecked on hardware: the unit's query ``SENS:POW:UNIT?``, and the overflow
mark 9.9E37.
"""

from typing import NamedTuple

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from instruments._errors import ScpiDriver
from instruments._replies import finite, whole
from instruments.clock import Clock
from instruments.errors import InstrumentError, InstrumentProtocolError, Interlock, OutOfRange

__all__ = ["PM100"]

POWER_SENSOR = 1
WAVELENGTH_SETTABLE = 32
RESPONSE_S = 0.01
"""A sensor and its filter forget within this time, in s, what light there was before."""


class _Sensor(NamedTuple):
    name: str
    serial: str
    calibration: str
    kind: int
    subtype: int
    flags: int


class PM100(ScpiDriver, Instrument):
    """A PM100 with a sensor for power.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`.

    Raises
    ------
    Interlock
        No sensor is connected, or one that does not measure power.
    """

    _kind = "Thorlabs PM100"
    _identity_pattern = r"^Thorlabs,PM100"

    def __init__(self, address: str | Adapter, *, clock: Clock | None = None, timeout_s: float = 2.0) -> None:
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        try:
            self._sensor = self._find_sensor()
        except InstrumentError:
            self.close()
            raise
        self._freeze()

    @property
    def sensor_name(self) -> str:
        """Type of the sensor, such as S130C."""
        return self._sensor.name

    @property
    def power_w(self) -> float:
        """Power, in W, of light that is there since 10 ms; it may be slightly negative in the dark.

        Raises
        ------
        InstrumentProtocolError
            Too much light (the overflow mark), or the meter shows another unit than W.
        """
        self.parsed("SENS:POW:UNIT?", _watt, "the unit W; switch the meter from dBm to W")
        self.clock.sleep(RESPONSE_S)
        return self.parsed("MEAS:POW?", finite, "a power such as 1.234E-06; an overflow is too much light")

    @property
    def wavelength_nm(self) -> float:
        """Wavelength for which the sensor's response is corrected, in nm."""
        return self._wavelength_nm("")

    @wavelength_nm.setter
    def wavelength_nm(self, value: float) -> None:
        if not self._sensor.flags & WAVELENGTH_SETTABLE:
            raise OutOfRange(f"{self.where}: the wavelength of sensor {self.sensor_name} cannot be set.")
        low, high = self._wavelength_nm(" MIN"), self._wavelength_nm(" MAX")
        if not low <= value <= high:
            raise OutOfRange(
                f"{self.where}: a wavelength of {value} nm is outside {low:g} to {high:g} nm, the range of "
                f"sensor {self.sensor_name}."
            )
        self.write(f"SENS:CORR:WAV {value:.2f}")
        self.check_errors()
        if abs((after := self.wavelength_nm) - value) > 0.51:
            raise InstrumentProtocolError(
                f"{self.where}: asked for a wavelength of {value} nm, but it reads back {after} nm."
            )

    def _wavelength_nm(self, which: str) -> float:
        return self.parsed(f"SENS:CORR:WAV?{which}", _nanometres, "a wavelength in nm such as 8.980000E+02")

    def _find_sensor(self) -> _Sensor:
        command = "SYST:SENSOR:IDN?"
        sensor = self.parsed(command, _sensor, "six fields such as S130C,1234567,12-Mar-2024,1,18,33")
        if sensor is None:
            raise Interlock(f"{self.where}: no sensor is connected; plug it in.")
        if not sensor.flags & POWER_SENSOR:
            raise Interlock(f"{self.where}: sensor {sensor.name} does not measure power.")
        return sensor


def _sensor(reply: str) -> _Sensor | None:
    fields = [field.strip().strip('"') for field in reply.split(",")]
    if fields[0].lower() == "no sensor":
        return None
    name, serial, calibration, kind, subtype, flags = fields
    if not name:
        raise ValueError("the sensor has no name")
    return _Sensor(name, serial, calibration, whole(kind), whole(subtype), whole(flags))


def _watt(reply: str) -> str:
    if reply != "W":
        raise ValueError(f"the unit is {reply}")
    return reply


def _nanometres(reply: str) -> float:
    value = finite(reply)
    if not 100 <= value <= 30000:
        raise ValueError(f"{reply} nm is no wavelength of light")
    return value
