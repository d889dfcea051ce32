"""Lake Shore Model 335 and 336 temperature controllers.

Commands after the manuals of the two models, which share them. Unchecked on hardware: that a heater or TLIMIT
trip sets the range to 0, that ``SETP?`` follows the moving setpoint during a ramp (both readings are
accepted), and that the 335's serial line runs at 57600 baud with 7 data bits, odd parity and 1 stop bit.
"""

from typing import ClassVar

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument
from pymeasure.instruments.lakeshore import LakeShore3xx
from pymeasure.instruments.lakeshore.lakeshore_base import LakeShoreHeaterChannel, LakeShoreTemperatureChannel
from pymeasure.instruments.validators import strict_range

from instruments._driver import log_failure
from instruments._frozen import Frozen
from instruments._replies import StrictReplies, finite, whole
from instruments._temperature_loop import TemperatureLoop
from instruments.clock import Clock
from instruments.errors import InstrumentProtocolError, Interlock, OutOfRange
from instruments.transport import SerialLine

__all__ = ["HeaterOutput", "LakeShore335", "LakeShore336", "SensorInput"]

SENSOR_STATUS = {1: "invalid reading", 16: "temperature under range", 32: "temperature over range"}
SENSOR_STATUS |= {64: "sensor units zero", 128: "sensor units over range"}
HEATER_STATUS = {0: "no error", 1: "heater open load", 2: "heater short"}


class SensorInput(Frozen, StrictReplies, LakeShoreTemperatureChannel):
    """A sensor input, A to D."""

    status = Instrument.measurement(
        "RDGST? {ch}", """Get the sum of the sensor status bits; 0 is good.""", cast=int
    )
    temperature_limit = Instrument.control(
        "TLIMIT? {ch}",
        "TLIMIT {ch},%g",
        """Control the temperature above which all heaters are switched off, in K; 0 is no limit.""",
        validator=strict_range,
        values=(0, 500),
    )


class HeaterOutput(Frozen, StrictReplies, LakeShoreHeaterChannel):
    """A heater output with its control loop, 1 or 2."""

    heater_status = Instrument.measurement(
        "HTRST? {ch}", """Get the heater error: 0 none, 1 open load, 2 short.""", cast=int
    )
    ramp = Instrument.control(
        "RAMP? {ch}",
        "RAMP {ch},%d,%g",
        """Control the setpoint ramp as (on, rate in K/min).""",
        values_kwargs={"fields": 2},
    )
    ramping = Instrument.measurement(
        "RAMPST? {ch}", """Get whether the setpoint is being ramped.""", cast=bool
    )
    pid = Instrument.control(
        "PID? {ch}",
        "PID {ch},%g,%g,%g",
        """Control the proportional, integral and derivative terms of the loop.""",
        values_kwargs={"fields": 3},
    )


class _LakeShore(TemperatureLoop, LakeShore3xx):
    """A controller that holds one stage with one of its sensor inputs and one of its heater outputs."""

    _read_termination = "\r\n"
    _inputs: ClassVar[str]

    output_1 = Instrument.ChannelCreator(HeaterOutput, 1)
    output_2 = Instrument.ChannelCreator(HeaterOutput, 2)
    # Inputs and outputs of the sister models that these lack, or that cannot close a loop with a ramp.
    input_C1 = input_C2 = input_C3 = input_C4 = None
    input_D1 = input_D2 = input_D3 = input_D4 = input_D5 = None
    output_3 = output_4 = None

    def __init__(
        self,
        address: str | Adapter,
        *,
        sensor: str = "A",
        output: int = 1,
        setpoint_limits_k: tuple[float, float] = (4.0, 320.0),
        clock: Clock | None = None,
        timeout_s: float = 2.0,
    ) -> None:
        if sensor not in tuple(self._inputs) or output not in (1, 2):
            raise ValueError(
                f"A {self._kind} has sensors A to {self._inputs[-1]} and loops 1 and 2, not {sensor!r} and "
                f"{output!r}."
            )
        self._stay_within(setpoint_limits_k)
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._sensor = sensor
        self._last_range: str | None = None
        self._loop: HeaterOutput = getattr(self, f"output_{output}")
        self._freeze()

    @property
    def temperature_k(self) -> float:
        """Temperature of the sensor, in K.

        The reading and its status are asked for in one line, so they belong together and a cut reply shows.

        Raises
        ------
        Interlock
            The sensor's status is bad.
        """
        command = f"KRDG? {self._sensor};RDGST? {self._sensor}"
        kelvin, status = self.parsed(command, _reading, "a temperature and a status such as +077.350;000")
        if status:
            words = [word for bit, word in SENSOR_STATUS.items() if status & bit] or ["unknown status"]
            raise Interlock(
                f"{self.where}: sensor {self._sensor} reports {' and '.join(words)} (status "
                f"{status}); check the "
                "sensor and its wiring."
            )
        return kelvin

    @property
    def setpoint_k(self) -> float:
        """Setpoint as the instrument reports it, in K; during a ramp it may be the moving setpoint."""
        return self._loop.setpoint

    @property
    def ramp_k_per_min(self) -> float:
        """Rate of setpoint changes, in K/min, 0.1 to 100; 0 switches ramping off."""
        on, rate = self._loop.ramp
        return rate if on else 0.0

    @ramp_k_per_min.setter
    def ramp_k_per_min(self, value: float) -> None:
        if value != 0 and not 0.1 <= value <= 100:
            raise OutOfRange(
                f"{self.where}: a ramp of {value} K/min is impossible; use 0.1 to 100, or 0 for off."
            )
        self._loop.ramp = (1, value) if value else (0, 0)
        if abs(self.ramp_k_per_min - value) > 0.051:
            raise InstrumentProtocolError(
                f"{self.where}: asked for a ramp of {value} K/min, but it reads back "
                f"{self.ramp_k_per_min} K/min."
            )

    @property
    def heater_percent(self) -> float:
        """Heater output, in percent of the maximum of the range."""
        percent = self._loop.output
        if not 0 <= percent <= 100:
            raise InstrumentProtocolError(f"{self.where}: a heater output of {percent} % is impossible.")
        return percent

    @property
    def heater_range(self) -> str:
        """Heater range: off, low, medium or high."""
        return self._loop.range

    @heater_range.setter
    def heater_range(self, value: str) -> None:
        if value not in ("off", "low", "medium", "high"):
            raise OutOfRange(f"{self.where}: heater range {value!r} is none of off, low, medium, high.")
        self._loop.range = value
        if (after := self._loop.range) != value:
            raise Interlock(
                f"{self.where}: asked for heater range {value}, but it stays {after}; check the heater."
            )
        self._reported = False

    def check_heater(self) -> None:
        """Raise Interlock if the heater is open, shorted, or was switched off by the instrument."""
        on, status = self._heater_is_on(), self._loop.heater_status
        if status:
            self._report(f"{HEATER_STATUS.get(status, f'heater status {status}')}; check the wiring.")
        if not on:
            self._report(
                "the heater range is off; look for a tripped limit, then set the setpoint or the range again."
            )

    def _heater_is_on(self) -> bool:
        now = self._loop.range
        if now != "off":
            self._last_range = now
        return now != "off"

    def _switch_heater_on(self) -> None:
        if self._last_range is None:
            raise Interlock(f"{self.where}: the heater was never seen on; choose its range (heater_range).")
        self.heater_range = self._last_range

    def _send_setpoint(self, kelvin: float) -> None:
        self._loop.setpoint = kelvin

    def shutdown(self) -> None:
        """Switch the heater off; never raises, but logs what failed."""
        try:
            self.heater_range = "off"
        except Exception as error:
            log_failure(self.where, "switching the heater off", error)


class LakeShore335(_LakeShore):
    """A Model 335 that holds one stage with one sensor input and one heater output.

    PyMeasure's channels (`input_A`, `input_B`, `output_1` and `output_2`) stay available.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`; ``ASRL/dev/ttyUSB0::INSTR`` (57600 7O1), or a serial-to-network gateway as
        ``TCPIP::host::port::SOCKET``.
    sensor
        Input that controls the loop, "A" or "B".
    output
        Heater output of the loop, 1 or 2.
    setpoint_limits_k
        Lowest and highest setpoint that may be sent, in K.
    """

    _kind = "Lake Shore 335"
    _identity_pattern = r"^LSCI,MODEL335,"
    _inputs = "AB"
    _serial_line = SerialLine(baud_rate=57600, data_bits=7, parity="odd")

    input_A = Instrument.ChannelCreator(SensorInput, "A")
    input_B = Instrument.ChannelCreator(SensorInput, "B")
    input_C = input_D = None


class LakeShore336(_LakeShore):
    """A Model 336 that holds one stage with one sensor input and one heater output.

    PyMeasure's channels (`input_A` to `input_D`, `output_1` and `output_2`) stay available.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`. The instrument's port is 7777.
    sensor
        Input that controls the loop, "A" to "D".
    output
        Heater output of the loop, 1 or 2.
    setpoint_limits_k
        Lowest and highest setpoint that may be sent, in K.
    """

    _kind = "Lake Shore 336"
    _identity_pattern = r"^LSCI,MODEL336,"
    _inputs = "ABCD"

    input_A = Instrument.ChannelCreator(SensorInput, "A")
    input_B = Instrument.ChannelCreator(SensorInput, "B")
    input_C = Instrument.ChannelCreator(SensorInput, "C")
    input_D = Instrument.ChannelCreator(SensorInput, "D")


def _reading(reply: str) -> tuple[float, int]:
    kelvin, status = reply.split(";")
    if kelvin[:1] not in "+-" or "." not in kelvin:
        raise ValueError(f"{kelvin} is no signed decimal number")
    value = finite(kelvin)
    if not 0 <= value < 1500:
        raise ValueError(f"{kelvin} K is no temperature")
    return value, whole(status)
