"""The ASCII commands of the ESP300: an axis number, two letters, a number or a question mark."""

import re

from ..devices import BadSetting
from ..devices.esp300 import ESP300, OUT_OF_RANGE, UM_PER_UNIT

__all__ = ["ESP300Protocol"]

COMMAND = re.compile(r"(\d{0,2})([A-Z]{2})(\?|[-+]?(?:\d+\.?\d*|\.\d+))?")
UNKNOWN_COMMAND, AXIS_OUT_OF_RANGE, PARAMETER_MISSING = 6, 9, 38
MILLIMETRES = 2
WORDS = {
    0: "NO ERROR DETECTED",
    UNKNOWN_COMMAND: "COMMAND DOES NOT EXIST",
    AXIS_OUT_OF_RANGE: "AXIS NUMBER OUT OF RANGE",
    PARAMETER_MISSING: "COMMAND PARAMETER MISSING",
}
AXIS_WORDS = {
    OUT_OF_RANGE: "PARAMETER OUT OF RANGE",
    3: "FOLLOWING ERROR THRESHOLD EXCEEDED",
    4: "POSITIVE HARDWARE LIMIT DETECTED",
    13: "MOTOR NOT ENABLED",
}


class ESP300Protocol:
    """Commands of one controller.

    Parameters
    ----------
    device : ESP300
        Its axes.
    """

    def __init__(self, device: ESP300) -> None:
        self._device = device

    def handle(self, line: str) -> str | None:
        """Act on a line of commands; return the answers to its queries, or None for silence."""
        answers = [self._run(command.strip()) for command in line.upper().split(";") if command.strip()]
        given = [answer for answer in answers if answer is not None]
        return "\r\n".join(given) if given else None

    def _run(self, command: str) -> str | None:
        device = self._device
        match = COMMAND.fullmatch(command)
        if match is None:
            device.report(UNKNOWN_COMMAND)
            return None
        number, name, value = match[1], match[2], match[3]
        if not number:
            return self._run_controller(name, value)
        axis = int(number)
        if axis not in (1, 2):
            device.report(AXIS_OUT_OF_RANGE)
            return None
        if value == "?":
            return self._query(axis, name)
        self._act(axis, name, value)
        return None

    def _run_controller(self, name: str, value: str | None) -> str | None:
        device = self._device
        if (name, value) == ("VE", "?"):
            return "ESP300 Version 3.08 09/09/02"
        if (name, value) == ("TB", "?"):
            code, time_ms = device.next_error()
            words = WORDS if code < 100 else AXIS_WORDS
            return f"{code}, {time_ms}, {words[code if code < 100 else code % 100]}"
        if (name, value) == ("TE", "?"):
            return str(device.next_error()[0])
        if (name, value) == ("ST", None):
            for axis in (1, 2):
                device.stop(axis)
            return None
        device.report(UNKNOWN_COMMAND)
        return None

    def _query(self, axis: int, name: str) -> str | None:
        device = self._device
        if name == "TP":
            return f"{device.position_um(axis) / UM_PER_UNIT:.6f}"
        if name == "MD":
            return f"{device.done(axis):d}"
        if name == "MO":
            return f"{device.powered[axis - 1]:d}"
        if name == "SN":
            return str(MILLIMETRES)
        device.report(UNKNOWN_COMMAND)
        return None

    def _act(self, axis: int, name: str, value: str | None) -> None:
        device = self._device
        if name in ("MO", "MF"):
            device.powered[axis - 1] = name == "MO"
        elif name == "ST":
            device.stop(axis)
        elif name in ("PA", "PR") and value is not None:
            start_um = device.motor(axis).position_um if name == "PR" else 0.0
            try:
                device.move(axis, start_um + UM_PER_UNIT * float(value))
            except BadSetting:
                device.report(100 * axis + OUT_OF_RANGE)
        else:
            device.report(PARAMETER_MISSING if name in ("PA", "PR") else UNKNOWN_COMMAND)
