"""Lake Shore Model 336 temperature controller.

Commands after the Model 336 User's Manual. Unchecked on hardware: that a heater or TLIMIT trip sets the range
to 0, and that ``SETP?`` follows the moving setpoint during a ramp (both readings are accepted).
"""

from collections.abc import Callable

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument
from pymeasure.instruments.lakeshore import LakeShore3xx
from pymeasure.instruments.lakeshore.lakeshore_base import LakeShoreHeaterChannel, LakeShoreTemperatureChannel
from pymeasure.instruments.validators import strict_range

from instruments._driver import Driver, log_failure
from instruments._frozen import Frozen
from instruments._replies import StrictReplies, finite, whole
from instruments.clock import Clock
from instruments.errors import InstrumentProtocolError, Interlock, NotSettled, OutOfRange

__all__ = ["HeaterOutput", "LakeShore336", "SensorInput"]

SENSOR_STATUS = {1: "invalid reading", 16: "temperature under range", 32: "temperature over range"}
SENSOR_STATUS |= {64: "sensor units zero", 128: "sensor units over range"}
READBACK_K = 2e-3
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


class LakeShore336(Driver, LakeShore3xx):
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
    _read_termination = "\r\n"

    input_A = Instrument.ChannelCreator(SensorInput, "A")
    input_B = Instrument.ChannelCreator(SensorInput, "B")
    input_C = Instrument.ChannelCreator(SensorInput, "C")
    input_D = Instrument.ChannelCreator(SensorInput, "D")
    output_1 = Instrument.ChannelCreator(HeaterOutput, 1)
    output_2 = Instrument.ChannelCreator(HeaterOutput, 2)
    # Inputs and outputs of the sister models that a 336 lacks, or that cannot close a loop with a ramp.
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
        if sensor not in ("A", "B", "C", "D") or output not in (1, 2):
            raise ValueError(
                f"A Lake Shore 336 has sensors A to D and loops 1 and 2, not {sensor!r} and {output!r}."
            )
        if not 0 < setpoint_limits_k[0] < setpoint_limits_k[1]:
            raise ValueError(f"setpoint_limits_k must be (low, high) in K, got {setpoint_limits_k}.")
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._sensor = sensor
        self._limits_k = setpoint_limits_k
        self._loop: HeaterOutput = getattr(self, f"output_{output}")
        self._target_k: float | None = None
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

    def set_setpoint_k(self, value: float) -> None:
        """Set the setpoint and verify it by reading it back.

        Raises
        ------
        OutOfRange
            The value is beyond the limits given at construction; nothing was sent.
        InstrumentProtocolError
            The instrument reports another setpoint.
        """
        low, high = self._limits_k
        if not low <= value <= high:
            raise OutOfRange(
                f"{self.where}: a setpoint of {value} K is outside the limits {low} to {high} K."
            )
        before = self.setpoint_k
        self._loop.setpoint = value
        self._verify_setpoint(before, value)
        self._target_k = value

    def _verify_setpoint(self, before: float, value: float) -> None:
        for _ in range(5):
            after = self.setpoint_k
            if abs(after - value) <= READBACK_K:
                return
            on_the_way = min(before, value) - READBACK_K <= after <= max(before, value) + READBACK_K
            if on_the_way and self.ramp_k_per_min > 0:
                return
            self.clock.sleep(0.1)  # the instrument updates its readings ten times a second
        raise InstrumentProtocolError(
            f"{self.where}: asked for a setpoint of {value} K, but it reads back {after} K; check that the "
            "box is not in local mode and that its input unit is kelvin."
        )

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

    def check_heater(self) -> None:
        """Raise Interlock if the heater is open, shorted, or was switched off by the instrument."""
        if status := self._loop.heater_status:
            raise Interlock(
                f"{self.where}: {HEATER_STATUS.get(status, f'heater status {status}')}; check the wiring."
            )
        if self._loop.range == "off":
            raise Interlock(
                f"{self.where}: the heater range is off; set it, or look for a tripped temperature limit."
            )

    def wait_until_settled(
        self,
        band_k: float,
        dwell_s: float,
        deadline_s: float,
        poll_s: float = 1.0,
        on_poll: Callable[[float], None] | None = None,
    ) -> float:
        """Wait until every reading of the last `dwell_s` lay within the setpoint +- `band_k`.

        Parameters
        ----------
        band_k
            Half width of the band, in K.
        dwell_s
            Time that the temperature must stay in the band without a break, in s.
        deadline_s
            Longest time to wait, in s.
        poll_s
            Time between readings, in s.
        on_poll
            Called with each temperature, in K.

        Returns
        -------
        float
            The last temperature, in K.

        Raises
        ------
        NotSettled
            The deadline passed first.
        Interlock
            Bad sensor status, heater fault, or heater range dropped to off.
        """
        if not (band_k > 0 and poll_s > 0 and 0 <= dwell_s <= deadline_s):
            raise ValueError(
                "wait_until_settled needs band_k > 0, poll_s > 0 and 0 <= dwell_s <= deadline_s; "
                f"got {band_k}, {poll_s}, {dwell_s}, {deadline_s}."
            )
        target = self._target_k if self._target_k is not None else self.setpoint_k
        start, in_band_since = self.clock.now(), None
        while True:
            self.check_heater()
            kelvin, now = self.temperature_k, self.clock.now()
            if on_poll is not None:
                on_poll(kelvin)
            if abs(kelvin - target) > band_k:
                in_band_since = None
            elif in_band_since is None:
                in_band_since = now
            dwelt = now - in_band_since if in_band_since is not None else 0.0
            if in_band_since is not None and dwelt >= dwell_s:
                return kelvin
            if now - start >= deadline_s:
                raise NotSettled(
                    f"{self.where}: not settled after {deadline_s:g} s: last temperature {kelvin:.4f} "
                    "K, wanted "
                    f"{target:.4f} K +- {band_k:g} K for {dwell_s:g} s, was inside for {dwelt:.3g} s."
                )
            self.clock.sleep(poll_s)

    def shutdown(self) -> None:
        """Switch the heater off; never raises, but logs what failed."""
        try:
            self.heater_range = "off"
        except Exception as error:
            log_failure(self.where, "switching the heater off", error)


def _reading(reply: str) -> tuple[float, int]:
    kelvin, status = reply.split(";")
    if kelvin[:1] not in "+-" or "." not in kelvin:
        raise ValueError(f"{kelvin} is no signed decimal number")
    value = finite(kelvin)
    if not 0 <= value < 1500:
        raise ValueError(f"{kelvin} K is no temperature")
    return value, whole(status)
