"""The Elliptec protocol of the ELL14: an address, two letters, hexadecimal digits; no terminator is sent."""

from ..devices import BadSetting
from ..devices.ell14 import ELL14, PULSES_PER_TURN, MotorStalled
from ._reply import Reply

__all__ = ["ElliptecSession"]

PARAMETER_DIGITS = {"in": 0, "gs": 0, "gp": 0, "gj": 0, "ho": 1, "ma": 8, "mr": 8, "sj": 8, "fw": 0, "bw": 0}
OK, MECHANICAL_TIMEOUT, COMMAND_ERROR, BUSY, OUT_OF_RANGE = 0x0, 0x2, 0x3, 0x9, 0xC
INFORMATION = f"IN0E11400517202617010168{PULSES_PER_TURN:08X}"


class ElliptecSession:
    """One connection to a mount at address 0.

    Parameters
    ----------
    device : ELL14
        The mount.
    """

    def __init__(self, device: ELL14) -> None:
        self._device = device
        self._received = ""
        self._jog = 0

    def feed(self, data: bytes) -> list[Reply]:
        """Take in received bytes, act on complete commands, return what to send."""
        self._received += data.decode("latin-1")
        replies: list[Reply] = []
        while True:
            self._received = self._received.lstrip("\r\n\0 ")
            if len(self._received) < 3:
                return replies
            address, name = self._received[0], self._received[1:3].lower()
            if name not in PARAMETER_DIGITS:
                self._received = ""
                return [*replies, _status(COMMAND_ERROR)]
            length = 3 + PARAMETER_DIGITS[name]
            if len(self._received) < length:
                return replies
            digits, self._received = self._received[3:length], self._received[length:]
            if address == "0":
                replies.append(self._run(name, digits))

    def _run(self, name: str, digits: str) -> Reply:
        device = self._device
        if name == "in":
            return _line(INFORMATION)
        if device.busy:
            return _status(BUSY)
        if name == "gs":
            return _status(OK)
        if name == "gp":
            return _position(device.position)
        if name == "gj":
            return _line(f"GJ{self._jog & 0xFFFFFFFF:08X}")
        try:
            value = int(digits or "0", 16)
        except ValueError:
            return _status(COMMAND_ERROR)
        return self._move(name, value - (1 << 32) if value >= 1 << 31 else value)

    def _move(self, name: str, value: int) -> Reply:
        device = self._device
        if name == "sj":
            self._jog = value
            return _status(OK)
        target = {
            "ho": 0,
            "ma": value,
            "mr": device.position + value,
            "fw": device.position + self._jog,
            "bw": device.position - self._jog,
        }[name]
        try:
            travel_s = device.move(target)
        except BadSetting:
            return _status(OUT_OF_RANGE)
        except MotorStalled:
            return _status(MECHANICAL_TIMEOUT)
        return _position(target, travel_s)


def _line(text: str, after_s: float = 0.0) -> Reply:
    return Reply(f"0{text}\r\n".encode(), after_s)


def _status(code: int) -> Reply:
    return _line(f"GS{code:02X}")


def _position(pulses: int, after_s: float = 0.0) -> Reply:
    """Return the position message, which the mount sends when it has arrived."""
    return _line(f"PO{pulses & 0xFFFFFFFF:08X}", after_s)
