"""The text protocol of the Lake Shores: short mnemonics, no error queue, silence for a bad query."""

import math
from collections.abc import Callable

from ..devices.lakeshore import LakeShore336

__all__ = ["LakeShoreProtocol"]

COMMAND_ERROR = 32
EXECUTION_ERROR = 16


class LakeShoreProtocol:
    """Commands of one controller.

    Parameters
    ----------
    device : LakeShore336 or LakeShore335
        Its registers.
    serial : str
        Serial number for ``*IDN?``.
    """

    def __init__(self, device: LakeShore336, serial: str) -> None:
        self._device = device
        loop, cryostat = device.loop, device.cryostat
        self._queries: dict[str, Callable[..., str]] = {
            "*IDN?": lambda: f"LSCI,{device.model},{serial}/{serial},2.9",
            "*OPC?": lambda: "1",
            "*ESR?": self._read_events,
            "*STB?": lambda: "000",
            "*TST?": lambda: "0",
            "KRDG?": lambda channel="A": _kelvin(device.kelvin(self._input(channel))),
            "CRDG?": lambda channel="A": _kelvin(device.kelvin(self._input(channel)) - 273.15),
            "SRDG?": lambda channel="A": f"{device.sensor_ohm(self._input(channel)):+08.2f}",
            "RDGST?": lambda channel="A": f"{device.status(self._input(channel)):03d}",
            "HTR?": lambda output="1": f"{_one(output) * loop.output_percent:+06.1f}",
            "HTRST?": lambda output="1": f"{_one(output) * cryostat.heater_status:d}",
            "SETP?": lambda output="1": _kelvin(_one(output) * loop.working_setpoint_k),
            "RAMP?": lambda output="1": f"{_one(output) * loop.ramp_on:d},{loop.ramp_k_per_min:+06.1f}",
            "RAMPST?": lambda output="1": f"{_one(output) * loop.ramping:d}",
            "RANGE?": lambda output="1": f"{_one(output) * loop.heater_range:d}",
            "PID?": lambda output="1": f"{_one(output) * loop.p:+07.1f},{loop.i:+07.1f},{loop.d:+07.1f}",
            "OUTMODE?": self._outmode,
            "MOUT?": lambda output="1": f"{_one(output) * loop.manual_percent:+07.2f}",
            "TLIMIT?": lambda channel="A": _kelvin(
                cryostat.limit_k if math.isfinite(cryostat.limit_k) else 0.0
            ),
            "TUNEST?": lambda: "0,0,0,0",
        }
        self._commands: dict[str, Callable[..., None]] = {
            "*CLS": self._clear_events,
            "*RST": lambda: device.set_range(0),
            "SETP": lambda output, value: device.set_setpoint(_one(output) * float(value)),
            "RAMP": lambda output, on, rate: device.set_ramp(_one(output) * int(on), float(rate)),
            "RANGE": lambda output, value: device.set_range(_one(output) * int(value)),
            "PID": lambda output, p, i, d: device.set_pid(_one(output) * float(p), float(i), float(d)),
            "OUTMODE": lambda output, mode, channel, powerup: device.set_outmode(
                _one(output) * int(mode), int(channel), int(powerup)
            ),
            "MOUT": lambda output, value: device.set_manual(_one(output) * float(value)),
            "TLIMIT": lambda channel, value: device.set_limit(float(value)),
        }

    def handle(self, line: str) -> str | None:
        """Act on a line, a chain of commands; return the answers to its queries, or None for silence."""
        answers = []
        for unit in filter(None, (part.strip() for part in line.split(";"))):
            name, _, rest = unit.partition(" ")
            parameters = [part.strip() for part in rest.split(",")] if rest.strip() else []
            handler = self._queries.get(name.upper()) or self._commands.get(name.upper())
            if handler is None:
                self._device.event_status |= COMMAND_ERROR
                continue
            try:
                answer = handler(*parameters)
            except (ValueError, TypeError, OverflowError):
                self._device.event_status |= EXECUTION_ERROR
                continue
            if answer is not None:
                answers.append(answer)
        return ";".join(answers) if answers else None

    def _input(self, channel: str) -> str:
        if channel.upper() not in tuple(self._device.inputs):
            raise ValueError(f"input {channel!r} does not exist")
        return channel.upper()

    def _outmode(self, output: str = "1") -> str:
        device = self._device
        return f"{_one(output) * device.loop.mode:d},{device.outmode_input:d},{device.outmode_powerup:d}"

    def _read_events(self) -> str:
        events = self._device.event_status
        self._device.event_status = 0
        return f"{events:03d}"

    def _clear_events(self) -> None:
        self._device.event_status = 0


def _kelvin(value: float) -> str:
    return f"{value:+08.3f}"


def _one(output: str) -> int:
    """Return 1 for output 1, the only one that is wired here."""
    if int(output) != 1:
        raise ValueError(f"output {output} is not wired")
    return 1
