"""Keithley 2450 SourceMeter as the pump of a laser array.

The instrument must use its SCPI command set, not TSP. Unchecked on hardware: the reply of
``:SOUR:VOLT:ILIM:TRIP?`` (1 in compliance), the overflow mark 9.9E37, and the error 802 with which an open
interlock keeps the output off.
"""

import logging
import re

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument
from pymeasure.instruments.keithley import Keithley2450
from pymeasure.instruments.validators import strict_discrete_set

from instruments._driver import Driver, log_failure
from instruments._replies import finite
from instruments.clock import Clock
from instruments.errors import InstrumentProtocolError, Interlock, NotSettled, OutOfRange

__all__ = ["Keithley2450Pump"]

log = logging.getLogger(__name__)
MOST_STEPS = 2000
NO_ERROR = re.compile(r'([+-]?\d+),\s*"([^"]*)"')
BLOCKED_BY_INTERLOCK = "802 "


class Keithley2450Pump(Driver, Keithley2450):
    """A 2450 that sources a voltage, limits and measures the current, and never jumps.

    Connecting changes nothing at the output. The first `ramp_to_current` configures the source, sets the
    current limit, and only then switches the output on, at zero volts.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`. The instrument's port is 5025.
    current_limit_a
        Compliance current, in A; no higher current can be asked for.
    voltage_limit_v
        Highest voltage that is ever programmed, in V.
    voltage_step_v
        Largest change of the voltage at once, in V.
    step_pause_s
        Pause after each step, in s.
    """

    _kind = "Keithley 2450"
    _identity_pattern = r"^KEITHLEY INSTRUMENTS.*,\s*MODEL 2450,"

    source_mode = Instrument.control(
        ":SOUR:FUNC?",
        ":SOUR:FUNC %s",
        """Control the source function, "current" or "voltage".""",
        validator=strict_discrete_set,
        values={"current": "CURR", "voltage": "VOLT"},
        map_values=True,
        cast=str,
    )
    # PyMeasure's setter would let the voltage jump; `ramp_to_voltage` and `ramp_to_current` do not.
    source_voltage = Instrument.measurement(":SOUR:VOLT?", """Get the programmed voltage in V.""")
    current_limit_tripped = Instrument.measurement(
        ":SOUR:VOLT:ILIM:TRIP?", """Get whether the current limit is active (compliance).""", cast=bool
    )

    def __init__(
        self,
        address: str | Adapter,
        *,
        current_limit_a: float = 5e-3,
        voltage_limit_v: float = 10.0,
        voltage_step_v: float = 0.05,
        step_pause_s: float = 0.02,
        clock: Clock | None = None,
        timeout_s: float = 2.0,
    ) -> None:
        if not (0 < current_limit_a <= 1.05 and 0 < voltage_limit_v <= 42):
            raise ValueError(
                "A 2450 pump needs 0 < current_limit_a <= 1.05 and 0 < voltage_limit_v <= 42 "
                f"(interlock above), got {current_limit_a} A and {voltage_limit_v} V."
            )
        if not (0 < voltage_step_v <= voltage_limit_v and step_pause_s >= 0):
            raise ValueError(
                "A 2450 pump needs 0 < voltage_step_v <= voltage_limit_v and step_pause_s >= 0, "
                f"got {voltage_step_v} V and {step_pause_s} s."
            )
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._current_limit_a, self._voltage_limit_v = current_limit_a, voltage_limit_v
        self._step_v, self._pause_s = voltage_step_v, step_pause_s
        self._switched_on = False
        self._freeze()

    @property
    def current_a(self) -> float:
        """Measured current, in A; an overflow or an impossible value raises InstrumentProtocolError."""
        return self.parsed(":READ?", _current, "a current of at most 1.06 A, such as 1.234567E-03")

    @property
    def voltage_v(self) -> float:
        """Programmed voltage, in V; in compliance the voltage at the output is lower."""
        return self.source_voltage

    @property
    def output_on(self) -> bool:
        """Whether the output is switched on."""
        return self.source_enabled

    def ramp_to_current(self, current_a: float, tolerance_a: float) -> float:
        """Approach a current in small voltage steps, guided by the slope of the current-voltage curve.

        Parameters
        ----------
        current_a
            Current to reach, in A, 0 to the current limit.
        tolerance_a
            Allowed deviation, in A. Two readings in a row must lie within it.

        Returns
        -------
        float
            The current reached, in A.

        Raises
        ------
        OutOfRange
            The current is beyond the limits; nothing was sent.
        Interlock
            Compliance, an open interlock, the output switched off by somebody else since, or the voltage
            limit reached; the voltage was ramped to zero and the output switched off.
        NotSettled
            The current did not come to rest within the tolerance; the voltage stays where it is.
        """
        if not (0 <= current_a <= self._current_limit_a and tolerance_a > 0):
            raise OutOfRange(
                f"{self.where}: {current_a} A +- {tolerance_a} A is not possible; the current must "
                "lie between 0 "
                f"and the limit of {self._current_limit_a} A, the tolerance must be positive."
            )
        self._switch_on()
        try:
            return self._approach(current_a, tolerance_a)
        except Interlock:
            self.shutdown()
            raise

    def ramp_to_voltage(self, voltage_v: float) -> None:
        """Ramp to a voltage in small steps, watching the current limit.

        Parameters
        ----------
        voltage_v
            Voltage to reach, in V, 0 to the voltage limit.

        Raises
        ------
        OutOfRange
            The voltage is beyond the limits; nothing was sent.
        Interlock
            Compliance, or the output went off; the voltage was ramped to zero and the output switched off.
        InstrumentProtocolError
            The instrument reports another voltage.
        """
        if not 0 <= voltage_v <= self._voltage_limit_v:
            raise OutOfRange(f"{self.where}: {voltage_v} V lies outside 0 to {self._voltage_limit_v} V.")
        self._switch_on()
        volts = self.voltage_v
        try:
            while volts != voltage_v:
                volts += min(max(voltage_v - volts, -self._step_v), self._step_v)
                self._set_voltage(volts)
                self._measure()
        except Interlock:
            self.shutdown()
            raise
        if abs((after := self.voltage_v) - voltage_v) > 1e-4:
            raise InstrumentProtocolError(
                f"{self.where}: asked for {voltage_v} V, but {after} V is programmed; was a command lost?"
            )

    def shutdown(self) -> None:
        """Ramp to zero, then switch the output off; never raises, but logs what failed.

        An output that is off already is left programmed for zero, lest it jumps when somebody switches it on.
        """
        self._switched_on = False
        try:
            if self.output_on:
                self._ramp_to_zero()
            else:
                self.write(":SOUR:VOLT:LEV 0")
        except Exception as error:
            log_failure(self.where, "ramping the voltage to zero", error)
        try:
            self.write(":OUTP OFF")
            if self.output_on:
                log.error("%s: the output stays on; switch it off at the front panel.", self.where)
        except Exception as error:
            log_failure(self.where, "switching the output off (do it at the front panel)", error)

    def check_errors(self) -> list:
        """Read the error queue until it is empty.

        Raises
        ------
        Interlock
            An open interlock blocks the output.
        InstrumentProtocolError
            There was any other error.
        """
        errors = self._drain_errors()
        if any(error.startswith(BLOCKED_BY_INTERLOCK) for error in errors):
            raise Interlock(f"{self.where}: the interlock blocks the output; close its circuit.")
        if errors:
            raise InstrumentProtocolError(f"{self.where} reports {'; '.join(errors)}.")
        return errors

    def _identify(self) -> str:
        reply = super()._identify()
        for error in self._drain_errors():
            log.warning("%s: error from before this session: %s", self.where, error)
        return reply

    def _drain_errors(self) -> list[str]:
        errors: list[str] = []
        for _ in range(50):
            code, text = self.parsed("SYST:ERR?", _error, 'an error such as 0,"No error"')
            if code == 0:
                return errors
            errors.append(f"{code} {text}")
        raise InstrumentProtocolError(
            f"{self.where}: the error queue does not end: {'; '.join(errors[:3])} ..."
        )

    def _send(self, command: str) -> None:
        self.write(command)
        self.check_errors()

    def _switch_on(self) -> None:
        """Make sure that the source is configured; the current limit comes before the output."""
        if not self.output_on:
            self._check_switched_off_by_us()
            self._configure()
            self._set_current_limit()
            self._check_at_rest()
            self._send(":OUTP ON")
            self._switched_on = True
            return
        if self.source_mode != "voltage" or not 0 <= self.voltage_v <= self._voltage_limit_v:
            raise Interlock(
                f"{self.where}: the output is on with a setting that is not ours; call shutdown() "
                "or switch it off by hand first."
            )
        self._set_current_limit()
        self._switched_on = True

    def _check_switched_off_by_us(self) -> None:
        if self._switched_on:
            raise Interlock(
                f"{self.where}: somebody else, or an interlock, has switched the output off; it is not "
                "switched on again by itself: find out why, call shutdown(), then ramp again."
            )

    def _configure(self) -> None:
        # One fixed source range for all voltages: a change of range disturbs the output.
        self._send(":SOUR:FUNC VOLT")
        self._send(f":SOUR:VOLT:RANG {self._voltage_limit_v:g}")
        self._send(":SOUR:VOLT:LEV 0")
        self._send(':SENS:FUNC "CURR"')
        self._send(":SENS:CURR:RANG:AUTO 1")
        self._send(":SENS:CURR:NPLC 1")

    def _check_at_rest(self) -> None:
        # A command may have been lost with its connection; switching on must not jump all the same.
        mode, volts = self.source_mode, self.voltage_v
        if mode != "voltage" or volts != 0:
            raise InstrumentProtocolError(
                f"{self.where}: configured to source 0 V, but it reads back {mode} and {volts:.4g} V; the "
                "output stays off."
            )

    def _set_current_limit(self) -> None:
        self.compliance_current = self._current_limit_a
        self.check_errors()
        after = self.compliance_current
        if abs(after - self._current_limit_a) > 1e-3 * self._current_limit_a:
            raise InstrumentProtocolError(
                f"{self.where}: asked for a current limit of {self._current_limit_a} A, but it reads "
                f"back {after} A."
            )

    def _set_voltage(self, volts: float) -> None:
        self._send(f":SOUR:VOLT:LEV {volts:g}")
        self.clock.sleep(self._pause_s)

    def _measure(self) -> float:
        self._check_output()
        try:
            return self.current_a
        except InstrumentProtocolError:
            self._check_output()  # an output that goes off before the reading reads as overflow
            raise

    def _check_output(self) -> None:
        if not self.output_on:
            raise Interlock(
                f"{self.where}: the output is off in the middle of a ramp; look for a tripped interlock."
            )
        if self.current_limit_tripped:
            raise Interlock(
                f"{self.where}: the current limit of {self._current_limit_a} A is active; check the "
                "array for a short."
            )

    def _approach(self, target: float, tolerance: float) -> float:
        volts, current, slope = self.voltage_v, self._measure(), 0.0
        inside = False
        for _ in range(MOST_STEPS):
            missing = target - current
            if abs(missing) <= tolerance:
                if inside:
                    return current
                inside, step = True, 0.0
            else:
                inside, step = False, self._step(missing, slope)
            new_volts = min(max(volts + step, 0.0), self._voltage_limit_v)
            if step > 0 and new_volts == volts:  # at zero volts, what is left is noise
                self._stuck(volts, current, target)
            if step:
                self._set_voltage(new_volts)
            else:
                self.clock.sleep(self._pause_s)
            new_current = self._measure()
            slope = _slope(new_volts - volts, new_current - current, slope)
            volts, current = new_volts, new_current
        raise NotSettled(
            f"{self.where}: the current is {current:.6g} A after {MOST_STEPS} steps, wanted "
            f"{target:.6g} A +- "
            f"{tolerance:.2g} A; is the tolerance below the noise?"
        )

    def _step(self, missing: float, slope: float) -> float:
        """Voltage step towards the target: the secant's step, but never more than the largest step."""
        wanted = missing / slope if slope > 0 else float("inf") * missing
        return min(max(wanted, -self._step_v), self._step_v)

    def _stuck(self, volts: float, current: float, target: float) -> None:
        raise Interlock(
            f"{self.where}: {target:.6g} A cannot be reached between 0 and {self._voltage_limit_v} V: "
            f"at {volts:.4g} V "
            f"the current is {current:.6g} A; check the contacts of the array."
        )

    def _ramp_to_zero(self) -> None:
        volts = self.voltage_v
        while volts != 0:
            volts = max(volts - self._step_v, 0.0) if volts > 0 else min(volts + self._step_v, 0.0)
            self.write(f":SOUR:VOLT:LEV {volts:g}")
            self.clock.sleep(self._pause_s)


def _slope(volts: float, amperes: float, before: float) -> float:
    """Slope of the current-voltage curve in A/V; unchanged by steps that are too small or go backwards."""
    if abs(volts) < 1e-4 or amperes / volts <= 0:
        return before
    return amperes / volts


def _current(reply: str) -> float:
    value = finite(reply)
    if abs(value) > 1.06:
        raise ValueError(f"{value} A is beyond the instrument's range")
    return value


def _error(reply: str) -> tuple[int, str]:
    match = NO_ERROR.fullmatch(reply)
    if match is None:
        raise ValueError(reply)
    return int(match[1]), match[2]
