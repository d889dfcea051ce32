"""The text protocol of the MercuryiTC: READ and SET of nouns, case-sensitive, an answer to everything."""

import re
from collections.abc import Callable

from ..devices import BadSetting
from ..devices.mercury import MercuryITC

__all__ = ["MercuryProtocol"]

LONGEST_LINE = 1024
KEYWORD = re.compile(r"[A-Z]{1,4}")


class MercuryProtocol:
    """Commands of one controller.

    Parameters
    ----------
    device : MercuryITC
        Its registers.
    serial : str
        Serial number for ``*IDN?``.
    """

    def __init__(self, device: MercuryITC, serial: str) -> None:
        self._device = device
        self._serial = serial
        loop = device.loop
        stage, heater = "DEV:MB1.T1:TEMP", "DEV:MB0.H1:HTR"
        self._reads: dict[str, Callable[[], str]] = {
            "SYS:CAT": lambda: ":".join(f"DEV:{board}:{kind}" for board, kind in device.boards.items()),
            "SYS:ALRM": lambda: "".join(f"{board}\t{words};" for board, words in device.alarms().items()),
            "DEV:DB8.T1:TEMP:SIG:TEMP": lambda: f"{device.kelvin('DB8.T1'):.4f}K",
            f"{stage}:SIG:TEMP": lambda: f"{device.kelvin('MB1.T1'):.4f}K",
            f"{stage}:LOOP:TSET": lambda: f"{loop.working_setpoint_k:.4f}K",
            f"{stage}:LOOP:RSET": lambda: f"{loop.ramp_k_per_min:.4f}K/m",
            f"{stage}:LOOP:RENA": lambda: _word(loop.ramp_on),
            f"{stage}:LOOP:ENAB": lambda: _word(device.enabled),
            f"{stage}:LOOP:HSET": lambda: f"{loop.output_percent:.4f}",
            f"{stage}:LOOP:HTR": lambda: "MB0.H1",
            f"{stage}:LOOP:P": lambda: f"{device.pid[0]:.4f}",
            f"{stage}:LOOP:I": lambda: f"{device.pid[1]:.4f}",
            f"{stage}:LOOP:D": lambda: f"{device.pid[2]:.4f}",
            f"{heater}:SIG:POWR": lambda: f"{device.power_w:.4f}W",
            f"{heater}:VLIM": lambda: "10.0000",
            f"{heater}:RES": lambda: "20.0000",
        }
        self._sets: dict[str, Callable[[str], None]] = {
            f"{stage}:LOOP:TSET": lambda value: device.set_setpoint(float(value)),
            f"{stage}:LOOP:RSET": lambda value: device.set_ramp(float(value)),
            f"{stage}:LOOP:RENA": lambda value: setattr(loop, "ramp_on", _switch(value)),
            f"{stage}:LOOP:ENAB": lambda value: device.enable(_switch(value)),
            f"{stage}:LOOP:HSET": lambda value: device.set_manual(float(value)),
            f"{stage}:LOOP:P": lambda value: device.set_p(float(value)),
            f"{stage}:LOOP:I": lambda value: device.set_i(float(value)),
            f"{stage}:LOOP:D": lambda value: device.set_d(float(value)),
        }
        self._locked = {f"{heater}:VLIM", f"{heater}:RES"}  # for engineers with a password

    def handle(self, line: str) -> str:
        """Act on a line; return its answer."""
        if line == "*IDN?":
            return f"IDN:OXFORD INSTRUMENTS:MERCURY ITC:{self._serial}:2.6.04.000"
        verb, _, noun = line.partition(":")
        if verb not in ("READ", "SET") or len(line) >= LONGEST_LINE:
            return f"{verb[:4]}:INVALID"
        return self._read(noun) if verb == "READ" else self._set(*noun.rpartition(":")[::2])

    def _read(self, noun: str) -> str:
        fault = self._fault(noun)
        if fault or noun not in self._reads:
            return f"STAT:{noun}:{fault or 'INVALID'}"
        return f"STAT:{noun}:{self._reads[noun]()}"

    def _set(self, noun: str, value: str) -> str:
        outcome = self._fault(noun)
        if outcome is None and noun in self._locked:
            outcome = "DENIED"
        if outcome is None:
            outcome = self._change(noun, value)
        return f"STAT:SET:{noun}:{value}:{outcome}"

    def _change(self, noun: str, value: str) -> str:
        try:
            self._sets[noun](value)
        except (KeyError, ValueError, OverflowError, BadSetting):
            return "INVALID"
        return "VALID"

    def _fault(self, noun: str) -> str | None:
        """Return what is wrong with a noun itself: its words, its board, or what it asks of the board."""
        words = noun.split(":")
        if words[0] != "DEV":
            return None if all(map(KEYWORD.fullmatch, words)) else "INVALID"
        if len(words) < 3 or not all(map(KEYWORD.fullmatch, words[2:])):
            return "INVALID"
        kind = self._device.boards.get(words[1])
        if kind is None:
            return "NOT_FOUND"
        return None if words[2] == kind else "N/A"


def _word(on: bool) -> str:
    return "ON" if on else "OFF"


def _switch(word: str) -> bool:
    if word not in ("ON", "OFF"):
        raise ValueError(f"{word} is neither ON nor OFF")
    return word == "ON"
