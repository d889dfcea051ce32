"""The SCPI command set of the Red Pitaya: generator and acquisition, ASCII and binary blocks."""

import numpy as np

from ..devices import BadSetting
from ..devices.redpitaya import SAMPLES, RedPitaya
from ._scpi import Handler, ScpiError, ScpiTree, number, switch

__all__ = ["RedPitayaProtocol"]


class RedPitayaProtocol:
    """Commands of one board.

    Parameters
    ----------
    device : RedPitaya
        Generator and digitiser.
    """

    def __init__(self, device: RedPitaya) -> None:
        self._device = device
        self._tree = ScpiTree(
            [
                ("*IDN?", lambda: "REDPITAYA,INSTR2020,0,01-02"),
                ("*STB?", lambda: str(4 * self._tree.has_errors)),
                ("*OPC?", lambda: "1"),
                ("*CLS", lambda: self._tree.clear()),
                ("*RST", self._reset),
                ("SYSTem:ERRor[:NEXT]?", lambda: self._tree.next_error()),
                ("SYSTem:BRD:NAME?", lambda: "STEMlab 125-14"),
                *self._generator_commands(),
                *self._acquisition_commands(),
                *self._data_commands(),
            ]
        )

    def handle(self, line: str) -> bytes | None:
        """Act on a line; return the answers to its queries, or None for silence."""
        answers = [result for result in self._tree.execute(line) if not isinstance(result, ScpiError)]
        parts = [answer.encode() if isinstance(answer, str) else answer for answer in answers]
        return b";".join(parts) if parts else None

    def _reset(self) -> None:
        self._device.reset_generator()
        self._device.reset_acquisition()

    def _generator_commands(self) -> list[tuple[str, Handler]]:
        """Return the generator's commands; only output 1 is wired."""
        device = self._device

        def quantity(header: str, name: str) -> list[tuple[str, Handler]]:
            return [
                (f"{header}?", lambda n: f"{getattr(device.ramp, _wired(n, name)):g}"),
                (header, lambda n, value: device.set_ramp(_wired(n, name), number(value))),
            ]

        return [
            ("GENerator:RST", device.reset_generator),
            ("SOURce#:FUNC?", lambda n: getattr(device.ramp, _wired(n, "shape"))),
            ("SOURce#:FUNC", lambda n, word: device.set_ramp(_wired(n, "shape"), word.upper())),
            *quantity("SOURce#:FREQuency[:FIXed]", "frequency_hz"),
            *quantity("SOURce#:VOLTage", "amplitude_v"),
            *quantity("SOURce#:VOLTage:OFFSet", "offset_v"),
            ("SOURce#:TRIGger:SOURce", lambda n, word: None),
            ("SOURce#:TRIGger:INTernal", lambda n: None),
            ("OUTPUT#:STATE?", lambda n: f"{getattr(device.ramp, _wired(n, 'on')):d}"),
            ("OUTPUT#:STATE", lambda n, on: device.set_ramp(_wired(n, "on"), switch(on))),
        ]

    def _acquisition_commands(self) -> list[tuple[str, Handler]]:
        device = self._device

        def choose(name: str, *words: str) -> Handler:
            def store(word: str) -> None:
                if word.upper() not in words:
                    raise ScpiError(-224, "Illegal parameter value")
                setattr(device, name, word.upper())

            return store

        def gain(channel: int, word: str) -> None:
            if word.upper() not in ("LV", "HV"):
                raise ScpiError(-224, "Illegal parameter value")
            device.gains[_channel(channel)] = word.upper()

        def delay(samples: str) -> None:
            if abs(number(samples)) > SAMPLES // 2:
                raise BadSetting(f"trigger delay {samples} is beyond {SAMPLES // 2} samples")
            device.trigger_delay = int(number(samples))

        return [
            ("ACQuire:RST", device.reset_acquisition),
            ("ACQuire:START", device.start),
            ("ACQuire:STOP", lambda: setattr(device, "running", False)),
            ("ACQuire:DECimation?", lambda: str(device.decimation)),
            ("ACQuire:DECimation", lambda value: device.set_decimation(int(number(value)))),
            ("ACQuire:AVG?", lambda: "ON" if device.average else "OFF"),
            ("ACQuire:AVG", lambda on: setattr(device, "average", switch(on))),
            ("ACQuire:DATA:UNITS?", lambda: device.units),
            ("ACQuire:DATA:UNITS", choose("units", "RAW", "VOLTS")),
            ("ACQuire:DATA:FORMAT?", lambda: device.format),
            ("ACQuire:DATA:FORMAT", choose("format", "BIN", "ASCII")),
            ("ACQuire:SOURce#:GAIN?", lambda n: device.gains[_channel(n)]),
            ("ACQuire:SOURce#:GAIN", gain),
            ("ACQuire:TRIGger:LEVel?", lambda: f"{device.trigger_level_v:g}"),
            ("ACQuire:TRIGger:LEVel", lambda v: setattr(device, "trigger_level_v", number(v))),
            ("ACQuire:TRIGger:DLY?", lambda: str(device.trigger_delay)),
            ("ACQuire:TRIGger:DLY", delay),
            ("ACQuire:TRIGger:STATe?", lambda: "TD" if device.triggered else "WAIT"),
            ("ACQuire:TRIGger:FILL?", lambda: f"{device.filled:d}"),
            ("ACQuire:TRIGger", lambda word: device.arm(word.upper())),
            ("ACQuire:TPOS?", lambda: str(device.trigger_position)),
            ("ACQuire:WPOS?", lambda: str(device.write_pointer)),
            ("ACQuire:BUFfer:SIZE?", lambda: str(SAMPLES)),
        ]

    def _data_commands(self) -> list[tuple[str, Handler]]:
        def part(channel: int, start: str, count: str) -> bytes:
            first, length = int(number(start)), int(number(count))
            if not (0 <= first < SAMPLES and 0 < length <= SAMPLES - first):
                raise BadSetting(f"samples {start},{count} are not in the buffer")
            return self._data(channel, slice(first, first + length))

        def newest(channel: int, count: str) -> bytes:
            return self._data(channel, slice(SAMPLES - _count(count), SAMPLES))

        data = "ACQuire:SOURce#:DATA"
        return [
            (f"{data}?", lambda n: self._data(n, slice(None))),
            (f"{data}:STArt:N?", part),
            (f"{data}:OLD:N?", lambda n, count: self._data(n, slice(0, _count(count)))),
            (f"{data}:LATest:N?", newest),
        ]

    def _data(self, channel: int, part: slice) -> bytes:
        device = self._device
        raw = device.units == "RAW"
        values = (device.codes if raw else device.volts)(_channel(channel))[part]
        if device.format == "ASCII":
            return ("{" + ",".join(f"{v:d}" if raw else f"{v:.6f}" for v in values.tolist()) + "}").encode()
        block = np.asarray(values, ">i2" if raw else ">f4").tobytes()
        length = str(len(block))
        return f"#{len(length)}{length}".encode() + block


def _wired(output: int, name: str) -> str:
    if output != 1:
        raise ScpiError(-114, "Header suffix out of range")
    return name


def _channel(number: int) -> int:
    if number not in (1, 2):
        raise ScpiError(-114, "Header suffix out of range")
    return number


def _count(text: str) -> int:
    count = int(number(text))
    if not 0 < count <= SAMPLES:
        raise BadSetting(f"{text} samples are not in the buffer")
    return count
