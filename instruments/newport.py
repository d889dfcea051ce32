"""Newport ESP300 motion controller that positions a sample or an objective in a plane.

PyMeasure's axes ask ``TP`` without a question mark and send positions with six digits; both are mended here.
A position travels in the axis's own unit (``SN?``), millimetre or micrometre, and is in um at this face.
Unchecked on hardware: that a motor that lost its way is switched off (``MO?`` 0) and reports error x03, and
that the controller takes CR LF as the end of a command, and that its serial line runs at 19200 8N1.
"""

import re
import warnings
from typing import NamedTuple

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument
from pymeasure.instruments.newport.esp300 import ESP300 as PyMeasureESP300
from pymeasure.instruments.newport.esp300 import Axis

from instruments._driver import Driver, log_failure
from instruments._frozen import Frozen
from instruments.clock import Clock
from instruments.errors import (
    InstrumentError,
    InstrumentProtocolError,
    InstrumentTimeout,
    Interlock,
    OutOfRange,
)
from instruments.transport import SerialLine

__all__ = ["ESP300", "StageAxis"]

UM_PER_UNIT = {"millimeter": 1000.0, "micrometer": 1.0}
ARRIVED_UM = 0.5
POLL_S = 0.05
# Last two digits of an axis's error: amplifier, following error, limits, motor gone or off, interlock.
AXIS_INTERLOCKS = {2, 3, 4, 5, 6, 7, 8, 9, 13, 29}
AXIS_RANGES = {1, 10, 11, 15, 24}
GENERAL_INTERLOCKS = {4, 8}
GENERAL_RANGES = {7, 9}


class _Entry(NamedTuple):
    """One entry of the controller's error buffer."""

    code: int
    words: str


class StageAxis(Frozen, Axis):
    """One axis of the stage, in the controller's own unit."""

    position = Instrument.control(
        "TP?", "PA%.6f", """Control the position, in the axis's unit; setting it starts a move."""
    )

    def __init__(self, number: int, controller: "ESP300") -> None:
        super().__init__(number, controller)
        unit = self.units
        if unit not in UM_PER_UNIT:
            raise InstrumentProtocolError(
                f"{controller.where}: axis {number} counts in {unit}; a stage counts in millimetres (SN2) or "
                "micrometres (SN3)."
            )
        self._um = UM_PER_UNIT[unit]
        self._freeze()

    @property
    def position_um(self) -> float:
        """Position, in um."""
        return float(self.position) * self._um

    def start_move_to_um(self, position_um: float) -> None:
        """Start to move, and leave without waiting; the limits are the caller's business."""
        self.position = position_um / self._um


class ESP300(Driver, PyMeasureESP300):
    """A stage with axes x (1) and y (2).

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`; ``ASRL/dev/ttyUSB0::INSTR`` or ``ASRLsocket://host:port::INSTR``.
    limits_x_um, limits_y_um
        Lowest and highest position that may be sent, in um.
    move_deadline_s
        Longest time for one move, in s.
    """

    _kind = "Newport ESP300"
    _identity_query = "VE?"
    _identity_pattern = r"^ESP300 Version "
    _read_termination = "\r\n"
    _write_termination = "\r\n"
    _serial_line = SerialLine(baud_rate=19200)
    _once = ("TB?", "TE?")

    def __init__(
        self,
        address: str | Adapter,
        *,
        limits_x_um: tuple[float, float] = (-50.0, 50.0),
        limits_y_um: tuple[float, float] = (-50.0, 50.0),
        move_deadline_s: float = 10.0,
        clock: Clock | None = None,
        timeout_s: float = 2.0,
    ) -> None:
        for low, high in (limits_x_um, limits_y_um):
            if not low < high:
                raise ValueError(f"The limits of an axis are (low, high) in um, not {(low, high)}.")
        with warnings.catch_warnings():  # PyMeasure's, about SCPI, which the controller does not speak
            warnings.simplefilter("ignore", FutureWarning)
            super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._limits_um = (limits_x_um, limits_y_um)
        self._deadline_s = move_deadline_s
        try:
            self.x, self.y = StageAxis(1, self), StageAxis(2, self)
        except InstrumentError:
            self.close()
            raise
        del self.phi  # PyMeasure's third axis; the stage has two
        self._freeze()

    @property
    def limits_um(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Lowest and highest position of x and of y, in um."""
        return self._limits_um

    @property
    def position_um(self) -> tuple[float, float]:
        """Position (x, y), in um."""
        return self.x.position_um, self.y.position_um

    def move_to_um(self, x_um: float, y_um: float) -> tuple[float, float]:
        """Move to a position and wait for the end of the move.

        Returns
        -------
        tuple of float
            The position reached, in um.

        Raises
        ------
        OutOfRange
            The position lies outside the limits; nothing was sent.
        Interlock
            A motor stalled, a limit switch was hit, or the stage stopped elsewhere.
        InstrumentTimeout
            The move did not end in time; the stage was told to stop.
        """
        for name, asked, (low, high) in zip("xy", (x_um, y_um), self._limits_um, strict=True):
            if not low <= asked <= high:
                raise OutOfRange(f"{self.where}: {name} = {asked} um is outside {low:g} to {high:g} um.")
        for axis, asked in ((self.x, x_um), (self.y, y_um)):
            if not axis.enabled:  # after a stall the controller switches the motor off
                axis.enable()
                self.check_errors()
            axis.start_move_to_um(asked)
            self.check_errors()
        self._wait_until_done()
        self.check_errors()
        reached = self.position_um
        if max(abs(reached[0] - x_um), abs(reached[1] - y_um)) > ARRIVED_UM:
            raise Interlock(
                f"{self.where}: asked for ({x_um:.3f}, {y_um:.3f}) um, stopped at ({reached[0]:.3f}, "
                f"{reached[1]:.3f}) um; is the stage blocked?"
            )
        return reached

    def stop(self) -> None:
        """Stop both axes where they are."""
        self.write("ST")
        self.check_errors()

    def shutdown(self) -> None:
        """Stop any motion; the motors keep holding. Never raises, but logs what failed."""
        try:
            self.stop()
        except Exception as error:
            log_failure(self.where, "stopping the stage", error)

    def check_errors(self) -> list:
        """Read the error buffer until it is empty; raise a typed error if it was not.

        Raises
        ------
        Interlock
            Stall, limit switch, amplifier fault, emergency stop.
        OutOfRange
            The controller refuses a value.
        InstrumentProtocolError
            Anything else.
        """
        entries: list[_Entry] = []
        for _ in range(20):
            entry = self.parsed("TB?", _buffer_entry, "an error such as '0, 451322, NO ERROR DETECTED'")
            if entry.code == 0:
                break
            entries.append(entry)
        if entries:
            kinds = {_kind_of(entry.code) for entry in entries}
            worst = next(kind for kind in (Interlock, InstrumentProtocolError, OutOfRange) if kind in kinds)
            listed = "; ".join(f"{entry.words} ({entry.code})" for entry in entries)
            raise worst(f"{self.where} reports {listed}.")
        return []

    def _wait_until_done(self) -> None:
        start = self.clock.now()
        while not (self.x.motion_done and self.y.motion_done):
            if self.clock.now() - start >= self._deadline_s:
                self.stop()
                raise InstrumentTimeout(f"{self.where}: still moving after {self._deadline_s} s; stopped it.")
            self.clock.sleep(POLL_S)


def _buffer_entry(reply: str) -> _Entry:
    match = re.fullmatch(r"(\d{1,4}), *\d+, *([A-Z][A-Z0-9 /()-]*)", reply)
    if match is None:
        raise ValueError("not of the form code, time, words")
    return _Entry(int(match[1]), match[2])


def _kind_of(code: int) -> type[InstrumentError]:
    """Return the error that a code of the buffer stands for; axis errors are axis number x 100 + code."""
    interlocks, ranges = (
        (AXIS_INTERLOCKS, AXIS_RANGES) if code >= 100 else (GENERAL_INTERLOCKS, GENERAL_RANGES)
    )
    if code % 100 in interlocks:
        return Interlock
    return OutOfRange if code % 100 in ranges else InstrumentProtocolError
