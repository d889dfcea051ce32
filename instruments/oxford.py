"""Oxford Instruments MercuryiTC temperature controller.

Commands after the manual's pages on remote control. Every command is answered, ``SET`` too, and every answer
is checked here. PyMeasure's driver reads those to ``SET`` and forgets them; it is not the base of this one.
Unchecked on hardware: the word ``:VALID`` that ends a good answer to ``SET``, the lists of ``READ:SYS:CAT``
and ``READ:SYS:ALRM`` (all after published drivers), that a trip switches the loop off, and whether ``TSET``
follows the moving setpoint during a ramp (both readings are accepted).
"""

import re
from collections.abc import Callable
from typing import TypeVar

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from instruments._driver import log_failure
from instruments._replies import finite
from instruments._temperature_loop import TemperatureLoop
from instruments.clock import Clock
from instruments.errors import InstrumentError, InstrumentProtocolError, Interlock, OutOfRange

__all__ = ["MercuryiTC"]

T = TypeVar("T")
BOARD = re.compile(r"[MD]B\d{1,2}\.[A-Z]\d{1,2}")
NUMBER = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)([numkM]?)")
PREFIXES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}
REFUSALS: dict[str, tuple[type[InstrumentError], str]] = {
    "INVALID": (InstrumentProtocolError, "the instrument does not understand it, or not its value"),
    "NOT_FOUND": (InstrumentProtocolError, "the instrument has no such board; check the names of the boards"),
    "N/A": (InstrumentProtocolError, "this does not apply to that board; check the names of the boards"),
    "DENIED": (Interlock, "the instrument does not permit it; unlock remote control at its front panel"),
}


class MercuryiTC(TemperatureLoop, Instrument):
    """A MercuryiTC that holds one stage with one sensor and one heater.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`. The instrument's port is 7020.
    sensor
        Board of the sensor, such as "MB1.T1".
    heater
        Board of the heater, such as "MB0.H1"; the loop must be set to use it.
    loop
        Board of the sensor that the loop belongs to, if that is not `sensor`.
    setpoint_limits_k
        Lowest and highest setpoint that may be sent, in K.
    """

    _kind = "Oxford MercuryiTC"
    _identity_pattern = r"^IDN:OXFORD INSTRUMENTS:MERCURY ITC:"

    def __init__(
        self,
        address: str | Adapter,
        *,
        sensor: str = "MB1.T1",
        heater: str = "MB0.H1",
        loop: str | None = None,
        setpoint_limits_k: tuple[float, float] = (4.0, 320.0),
        clock: Clock | None = None,
        timeout_s: float = 2.0,
    ) -> None:
        loop = sensor if loop is None else loop
        for board in (sensor, heater, loop):
            if not BOARD.fullmatch(board):
                raise ValueError(
                    f"A board of a MercuryiTC is named like MB1.T1, MB0.H1 or DB8.T1, not {board!r}."
                )
        self._stay_within(setpoint_limits_k)
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._sensor, self._heater, self._loop = sensor, heater, f"DEV:{loop}:TEMP:LOOP"
        try:
            self._check_boards({sensor: "TEMP", loop: "TEMP", heater: "HTR"})
        except InstrumentError:
            self.close()
            raise
        self._freeze()

    @property
    def temperature_k(self) -> float:
        """Temperature of the sensor, in K.

        Raises
        ------
        Interlock
            The instrument raises an alarm about the sensor.
        """
        kelvin = self._read(f"DEV:{self._sensor}:TEMP:SIG:TEMP", _kelvin, "a temperature such as 4.3210K")
        if alarm := self._alarms().get(self._sensor):
            raise Interlock(
                f"{self.where}: sensor {self._sensor} reports {alarm!r}; check the sensor and its wiring."
            )
        return kelvin

    @property
    def setpoint_k(self) -> float:
        """Setpoint as the instrument reports it, in K; during a ramp it may be the moving setpoint."""
        return self._read(f"{self._loop}:TSET", _kelvin, "a setpoint such as 4.3210K")

    @property
    def ramp_k_per_min(self) -> float:
        """Rate of setpoint changes, in K/min, 0.001 to 100; 0 switches ramping off."""
        if not self._is_on("RENA"):
            return 0.0
        return self._read(f"{self._loop}:RSET", lambda text: quantity(text, "K/m"), "a rate such as 2.0K/m")

    @ramp_k_per_min.setter
    def ramp_k_per_min(self, value: float) -> None:
        if value != 0 and not 0.001 <= value <= 100:
            raise OutOfRange(
                f"{self.where}: a ramp of {value} K/min is impossible; use 0.001 to 100, or 0 for off."
            )
        if value:
            self._set(f"{self._loop}:RSET", f"{value:.4f}")
        self._set(f"{self._loop}:RENA", "ON" if value else "OFF")
        if abs((after := self.ramp_k_per_min) - value) > 1e-3:
            raise InstrumentProtocolError(
                f"{self.where}: asked for a ramp of {value} K/min, but it reads back {after} K/min."
            )

    @property
    def heater_percent(self) -> float:
        """Heater output, in percent of its maximum."""
        return self._read(f"{self._loop}:HSET", _percent, "a percentage such as 12.3")

    @property
    def heater_power_w(self) -> float:
        """Heater power, in W."""
        return self._read(
            f"DEV:{self._heater}:HTR:SIG:POWR", lambda text: quantity(text, "W"), "a power such as 1.2345W"
        )

    def check_heater(self) -> None:
        """Raise Interlock if the heater is open, shorted, or the instrument switched the loop off."""
        on, alarm = self._heater_is_on(), self._alarms().get(self._heater)
        if alarm:
            self._report(f"heater {self._heater} reports {alarm!r}; check the wiring.")
        if not on:
            self._report("the control loop is off; look for a tripped limit, then set the setpoint again.")

    def shutdown(self) -> None:
        """Switch the loop and the heater off; never raises, but logs what failed."""
        for noun, value in ((f"{self._loop}:ENAB", "OFF"), (f"{self._loop}:HSET", "0.0")):
            try:
                self._set(noun, value)
            except Exception as error:
                log_failure(self.where, f"setting {noun} to {value}", error)
        self._reported = False

    def _heater_is_on(self) -> bool:
        return self._is_on("ENAB")

    def _switch_heater_on(self) -> None:
        self._set(f"{self._loop}:ENAB", "ON")
        if not self._is_on("ENAB"):
            raise Interlock(f"{self.where}: the control loop stays off; check the heater.")

    def _send_setpoint(self, kelvin: float) -> None:
        self._set(f"{self._loop}:TSET", f"{kelvin:.4f}")

    def _is_on(self, keyword: str) -> bool:
        return self._read(f"{self._loop}:{keyword}", _switch, "ON or OFF")

    def _alarms(self) -> dict[str, str]:
        """Return the text of each board's alarm."""
        return self._read("SYS:ALRM", _alarms, "a list of alarms such as MB1.T1<tab>Open Circuit;")

    def _check_boards(self, wanted: dict[str, str]) -> None:
        command = "READ:SYS:CAT"
        found = self.parsed(command, _catalogue, "a list such as STAT:SYS:CAT:DEV:MB1.T1:TEMP")
        for board, kind in wanted.items():
            if found.get(board) != kind:
                there = ", ".join(f"{name} ({what})" for name, what in found.items())
                raise InstrumentProtocolError(
                    f"{self.where} has no {kind} board {board}; it has {there}. Check the station file."
                )

    def _read(self, noun: str, parse: Callable[[str], T], expected: str) -> T:
        """Ask for the value of a noun; the answer must repeat the noun."""
        start = f"STAT:{noun}:"

        def after_echo(reply: str) -> T:
            self._check_refusal(f"READ:{noun}", reply)
            if not f"{reply}:".startswith(start):
                raise ValueError("it answers another question")
            return parse(reply.removeprefix(start[:-1]).removeprefix(":"))

        return self.parsed(f"READ:{noun}", after_echo, expected)

    def _set(self, noun: str, value: str) -> None:
        """Set a noun; the answer must repeat the noun and the value, and end in VALID."""
        command = f"SET:{noun}:{value}"
        reply = self.ask(command).strip()
        self._check_refusal(command, reply)
        echoed = reply.removeprefix(f"STAT:SET:{noun}:").removesuffix(":VALID")
        if reply != f"STAT:SET:{noun}:{echoed}:VALID" or not _same(value, echoed):
            self._reject(command, reply, f"expected STAT:{command}:VALID")

    def _check_refusal(self, command: str, reply: str) -> None:
        refusal = REFUSALS.get(reply.rpartition(":")[2])
        if refusal is not None:
            error, why = refusal
            raise error(f"{self.where}, command {command!r}: reply {reply[:80]!r}: {why}.")

    def _repeatable(self, command: str) -> bool:
        return command == self._identity_query or command.startswith("READ:")


def quantity(text: str, unit: str) -> float:
    """Return a value that carries a unit and maybe an SI prefix, such as 4.3210K, in that unit."""
    match = NUMBER.fullmatch(text.removesuffix(unit)) if text.endswith(unit) else None
    if match is None:
        raise ValueError(f"{text} is no number of {unit or 'no unit'}")
    return finite(match[1]) * PREFIXES[match[2]]


def _kelvin(text: str) -> float:
    value = quantity(text, "K")
    if not 0 <= value < 1500:
        raise ValueError(f"{text} is no temperature")
    return value


def _percent(text: str) -> float:
    value = quantity(text.removesuffix("%"), "")
    if not 0 <= value <= 100:
        raise ValueError(f"{text} is no percentage")
    return value


def _switch(text: str) -> bool:
    if text not in ("ON", "OFF"):
        raise ValueError(f"{text} is neither ON nor OFF")
    return text == "ON"


def _alarms(text: str) -> dict[str, str]:
    alarms = {}
    for entry in filter(None, text.split(";")):
        board, tab, words = entry.strip().partition("\t")
        if not tab or not words:
            raise ValueError(f"{entry!r} is no alarm")
        alarms[board] = words
    return alarms


def _catalogue(reply: str) -> dict[str, str]:
    listed = re.fullmatch(r"STAT(?::SYS:CAT)?((?::DEV:[\w.]+:[A-Z]{2,4})+)", reply)
    if listed is None:
        raise ValueError("no list of boards")
    return dict(re.findall(r":DEV:([\w.]+):([A-Z]+)", listed[1]))


def _same(sent: str, echoed: str) -> bool:
    number = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)[A-Za-z/%]*", echoed)
    try:
        return sent == echoed or (number is not None and abs(float(number[1]) - float(sent)) < 1e-3)
    except ValueError:
        return False
