"""Thorlabs ELL14 rotation mount.

Commands carry the bus address (a hexadecimal digit), two letters and hexadecimal data, and no terminator;
upper-case letters come back. Positions are 32-bit two's complement counts. A move is answered when it ends.
"""

import re

from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from instruments._driver import Driver
from instruments.clock import Clock
from instruments.errors import (
    InstrumentError,
    InstrumentProtocolError,
    InstrumentTimeout,
    Interlock,
    OutOfRange,
)

__all__ = ["ELL14"]

STATUS: dict[int, tuple[type[InstrumentError], str]] = {
    1: (InstrumentProtocolError, "communication timeout"),
    2: (Interlock, "mechanical timeout: the mount is blocked or overloaded"),
    3: (InstrumentProtocolError, "command not supported"),
    4: (OutOfRange, "value out of range"),
    5: (InstrumentProtocolError, "module isolated"),
    7: (Interlock, "initialising"),
    8: (Interlock, "thermal error"),
    9: (InstrumentTimeout, "busy"),
    10: (Interlock, "sensor error"),
    11: (Interlock, "motor error"),
    12: (OutOfRange, "position out of range"),
    13: (Interlock, "overcurrent"),
}
BUSY = 9
# The mount turns at up to 430 degrees/s; the estimate is cautious.
SPEED_DEG_PER_S = 180.0
START_S = 0.2
POLL_S = 0.1


class ELL14(Driver, Instrument):
    """A rotation mount with angles in degrees.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`; ``ASRL/dev/ttyUSB0::INSTR`` or ``ASRLsocket://host:port::INSTR``.
    bus
        Address of the mount on its bus, "0" to "F".
    move_deadline_s
        Longest time for one move, in s.
    """

    _kind = "Thorlabs ELL14"
    _identity_pattern = r"^[0-9A-F]IN0E[0-9A-F]{28}$"
    _read_termination = "\r\n"
    _write_termination = ""

    def __init__(
        self,
        address: str | Adapter,
        *,
        bus: str = "0",
        move_deadline_s: float = 10.0,
        clock: Clock | None = None,
        timeout_s: float = 2.0,
    ) -> None:
        if not re.fullmatch("[0-9A-F]", bus):
            raise ValueError(f"The bus address of an ELL14 is one of 0 to 9 and A to F, not {bus!r}.")
        self._bus = bus
        self._deadline_s = move_deadline_s
        self._identity_query = f"{bus}in"  # type: ignore[misc]
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._pulses_per_turn = int(self.identity[-8:], 16)
        if not 1000 <= self._pulses_per_turn <= 10_000_000:
            self.close()
            raise InstrumentProtocolError(
                f"{self.where}: {self._pulses_per_turn} pulses per turn make no sense."
            )
        self._freeze()

    @property
    def angle_deg(self) -> float:
        """Angle, in degrees, 0 up to 360."""
        return self._angle(self._position(self._ask("gp"), "gp")) % 360

    def move_to_deg(self, angle_deg: float) -> float:
        """Move to an absolute angle and wait for the end of the move.

        Parameters
        ----------
        angle_deg
            Angle, in degrees, 0 up to 360.

        Returns
        -------
        float
            The angle reached, in degrees.

        Raises
        ------
        OutOfRange
            The angle lies outside one turn; nothing was sent.
        Interlock
            The mount reports a fault, or stopped away from the angle.
        InstrumentTimeout
            The move did not end in time.
        """
        if not 0 <= angle_deg < 360:
            raise OutOfRange(f"{self.where}: an angle of {angle_deg} degrees is outside 0 up to 360.")
        pulses = round(angle_deg / 360 * self._pulses_per_turn) % self._pulses_per_turn
        travel_deg = abs(self.angle_deg - angle_deg)
        reached = self._angle(self._finish(f"ma{pulses:08X}", travel_deg))
        off = (reached - angle_deg + 180) % 360 - 180
        if abs(off) > 0.5:
            raise Interlock(
                f"{self.where}: asked for {angle_deg} degrees, stopped at {reached:.3f}; is it blocked?"
            )
        return reached

    def home(self) -> None:
        """Find the home position, turning clockwise, and wait for the end of the move."""
        self._finish("ho0", 360.0)

    def status(self) -> int:
        """Return the status code, 0 when all is well; reading it clears it."""
        return self._status(self._ask("gs"), "gs")

    def _repeatable(self, command: str) -> bool:
        return command[1:] in ("in", "gp", "gs")

    def _ask(self, command: str, delay_s: float = 0.0) -> str:
        return self.ask(self._bus + command, delay_s).strip()

    def _finish(self, command: str, travel_deg: float) -> int:
        """Start a move and return the position at its end.

        The mount answers when it arrives. If no answer comes, it is polled until the deadline.
        """
        start = self.clock.now()
        try:
            reply = self._ask(command, travel_deg / SPEED_DEG_PER_S + START_S)
        except InstrumentTimeout:
            reply = self._ask("gs")
        while reply[1:3] == "GS":
            code = self._status(reply, command)
            if code not in (0, BUSY):
                self._raise(code, command)
            if self.clock.now() - start >= self._deadline_s:
                raise InstrumentTimeout(
                    f"{self.where}, command {command!r}: still moving after {self._deadline_s} s; is "
                    "it blocked?"
                )
            self.clock.sleep(POLL_S)
            reply = self._ask("gp" if code == 0 else "gs")
        return self._position(reply, command)

    def _position(self, reply: str, command: str) -> int:
        if reply[1:3] == "GS":
            self._raise(self._status(reply, command), command)
        match = self._check(reply, self._bus + "PO([0-9A-F]{8})", command)
        counts = int(match[1], 16)
        return counts - (1 << 32) if counts >= 1 << 31 else counts

    def _status(self, reply: str, command: str) -> int:
        return int(self._check(reply, self._bus + "GS([0-9A-F]{2})", command)[1], 16)

    def _check(self, reply: str, pattern: str, command: str) -> re.Match[str]:
        match = re.fullmatch(pattern, reply)
        if match is None:
            self._reject(command, reply, "not of the expected form")
        return match

    def _raise(self, code: int, command: str) -> None:
        error, words = STATUS.get(code, (InstrumentProtocolError, "unknown status"))
        raise error(f"{self.where}, command {command!r}: {words} (status {code:02X}).")

    def _angle(self, counts: int) -> float:
        return 360 * counts / self._pulses_per_turn
