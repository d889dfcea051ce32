"""The SCPI command set of the InfiniiVision oscilloscopes, as far as triggered records need it."""

from typing import TypeVar

from ..devices import BadSetting
from ..devices.infiniivision import MIDDLE, SOURCES, STEPS_PER_RANGE, InfiniiVision
from ._scpi import Handler, ScpiError, ScpiTree, number, switch

__all__ = ["InfiniiVisionProtocol"]

T = TypeVar("T")
SLOPES = {"POS": True, "POSITIVE": True, "NEG": False, "NEGATIVE": False}
SWEEPS = {"AUTO": "AUTO", "NORM": "NORM", "NORMAL": "NORM"}
TYPES = {"NORM": False, "NORMAL": False, "AVER": True, "AVERAGE": True}
ORDERS = {"LSBF": "<", "LSBFIRST": "<", "MSBF": ">", "MSBFIRST": ">"}
FORMATS = {"WORD": 1, "BYTE": 0, "ASC": 4, "ASCII": 4}


class InfiniiVisionProtocol:
    """Commands of one oscilloscope.

    While ``:DIGitize`` waits for triggers nothing but ``:STOP`` is heard.

    Parameters
    ----------
    device : InfiniiVision
        Registers and records.
    serial : str
        Serial number for ``*IDN?``.
    """

    def __init__(self, device: InfiniiVision, serial: str) -> None:
        self._device = device
        self._source, self._form, self._order, self._unsigned, self._points = 1, "BYTE", ">", True, 1000
        self._tree = ScpiTree(
            [
                ("*IDN?", lambda: f"KEYSIGHT TECHNOLOGIES,DSO-X 3024T,{serial},07.30.2019051434"),
                ("*OPC?", lambda: "1"),
                ("*ESR?", lambda: "+0"),
                ("*STB?", lambda: "+0"),
                ("*CLS", lambda: self._tree.clear()),
                ("*RST", device.reset),
                ("SYSTem:ERRor[:NEXT]?", self._error),
                ("STOP", device.stop),
                ("TER?", lambda: f"+{device.take_event():d}"),
                ("DIGitize", self._digitise),
                *self._setting_commands(),
                *self._trigger_commands(),
                *self._waveform_commands(),
            ]
        )

    def handle(self, line: str) -> bytes | None:
        """Act on a line; return the answers to its queries, or None for silence."""
        if self._device.busy and line.strip().upper().lstrip(":") != "STOP":
            return None
        answers = [result for result in self._tree.execute(line) if not isinstance(result, ScpiError)]
        parts = [answer.encode() if isinstance(answer, str) else answer for answer in answers]
        return b";".join(parts) if parts else None

    def _error(self) -> str:
        text = self._tree.next_error()
        return text if text.startswith("-") else "+" + text

    def _setting_commands(self) -> list[tuple[str, Handler]]:
        device = self._device

        def stored(name: str, low: float, high: float) -> tuple[Handler, Handler]:
            def store(value: str) -> None:
                setattr(device, name, _within(number(value), low, high))

            return (lambda: f"{getattr(device, name):+.8E}"), store

        def per_channel(values: dict[int, float], low: float, high: float) -> tuple[Handler, Handler]:
            def store(channel: int, value: str) -> None:
                values[_channel(channel)] = _within(number(value), low, high)

            return (lambda channel: f"{values[_channel(channel)]:+.8E}"), store

        commands: list[tuple[str, Handler]] = []
        for header, (ask, store) in {
            "TIMebase:RANGe": stored("duration_s", 1e-8, 500),
            "TIMebase:POSition": stored("position_s", -500, 500),
            "CHANnel#:RANGe": per_channel(device.ranges, 8e-3, 40),
            "CHANnel#:OFFSet": per_channel(device.offsets, -40, 40),
        }.items():
            commands += [(header + "?", ask), (header, store)]
        return [
            *commands,
            ("TIMebase:REFerence", lambda word: _only(word, "CENT", "CENTER")),
            ("CHANnel#:DISPlay?", lambda n: f"{device.displayed[_channel(n)]:d}"),
            ("CHANnel#:DISPlay", lambda n, on: device.displayed.update({_channel(n): switch(on)})),
            ("ACQuire:TYPE?", lambda: "AVER" if device.averaging else "NORM"),
            ("ACQuire:TYPE", lambda word: setattr(device, "averaging", _choice(word, TYPES))),
            ("ACQuire:COUNt?", lambda: f"+{device.averages}"),
            (
                "ACQuire:COUNt",
                lambda count: setattr(device, "averages", int(_within(number(count), 2, 65536))),
            ),
        ]

    def _trigger_commands(self) -> list[tuple[str, Handler]]:
        device = self._device
        sources = {name: name for name in SOURCES}
        sources |= {f"CHANNEL{n}": f"CHAN{n}" for n in range(1, 5)} | {"EXTERNAL": "EXT"}
        return [
            ("TRIGger:MODE?", lambda: "EDGE"),
            ("TRIGger:MODE", lambda word: _only(word, "EDGE")),
            ("TRIGger:SWEep?", lambda: device.sweep),
            ("TRIGger:SWEep", lambda word: setattr(device, "sweep", _choice(word, SWEEPS))),
            ("TRIGger[:EDGE]:SOURce?", lambda: device.source),
            ("TRIGger[:EDGE]:SOURce", lambda word: setattr(device, "source", _choice(word, sources))),
            ("TRIGger[:EDGE]:LEVel?", lambda: f"{device.level_v:+.8E}"),
            (
                "TRIGger[:EDGE]:LEVel",
                lambda value: setattr(device, "level_v", _within(number(value), -40, 40)),
            ),
            ("TRIGger[:EDGE]:SLOPe?", lambda: "POS" if device.rising else "NEG"),
            ("TRIGger[:EDGE]:SLOPe", lambda word: setattr(device, "rising", _choice(word, SLOPES))),
        ]

    def _waveform_commands(self) -> list[tuple[str, Handler]]:
        def choose(name: str, choices: dict) -> Handler:
            return lambda word: setattr(self, name, _choice(word, choices))

        def points(value: str) -> None:
            self._points = int(_within(number(value), 100, 62500))

        channels = {f"CHAN{n}": n for n in range(1, 5)} | {f"CHANNEL{n}": n for n in range(1, 5)}
        formats = {word: word[:4] for word in FORMATS}
        return [
            ("WAVeform:SOURce?", lambda: f"CHAN{self._source}"),
            ("WAVeform:SOURce", choose("_source", channels)),
            ("WAVeform:FORMat?", lambda: self._form),
            ("WAVeform:FORMat", choose("_form", formats)),
            ("WAVeform:BYTeorder?", lambda: "LSBF" if self._order == "<" else "MSBF"),
            ("WAVeform:BYTeorder", choose("_order", ORDERS)),
            ("WAVeform:UNSigned?", lambda: f"{self._unsigned:d}"),
            ("WAVeform:UNSigned", lambda on: setattr(self, "_unsigned", switch(on))),
            ("WAVeform:POINts:MODE", lambda word: _only(word, "MAX", "NORM", "RAW")),
            ("WAVeform:POINts?", lambda: f"+{self._points}"),
            ("WAVeform:POINts", points),
            ("WAVeform:PREamble?", self._preamble),
            ("WAVeform:DATA?", self._data),
        ]

    def _digitise(self, *names: str) -> None:
        channels = {f"CHAN{n}": n for n in range(1, 5)} | {f"CHANNEL{n}": n for n in range(1, 5)}
        chosen = tuple(_choice(name, channels) for name in names)
        shown = tuple(n for n, displayed in self._device.displayed.items() if displayed)
        self._device.digitise(chosen or shown)

    def _preamble(self) -> str:
        device, channel = self._device, self._source
        if not device.recorded(channel):
            raise ScpiError(-230, "Data corrupt or stale")
        shift = 1 if self._form == "WORD" else 256
        step_v, middle = device.ranges[channel] / STEPS_PER_RANGE * shift, MIDDLE // shift
        step_s, start_s = device.duration_s / self._points, device.position_s - device.duration_s / 2
        kind = f"+{FORMATS[self._form]},+{2 * device.averaging},+{self._points},+{device.count}"
        time = f"{step_s:+.12E},{start_s:+.12E},+0"
        return f"{kind},{time},{step_v:+.8E},{device.offsets[channel]:+.8E},+{middle}"

    def _data(self) -> bytes:
        if not self._device.recorded(self._source):
            raise ScpiError(-230, "Data corrupt or stale")
        codes = self._device.codes(self._source, self._points)
        if self._form == "ASC":
            raise ScpiError(-224, "Illegal parameter value")
        width, shift = (1, 256) if self._form == "BYTE" else (2, 1)
        words = (codes if self._unsigned else codes - MIDDLE) // shift
        data = words.astype(f"{self._order}{'u' if self._unsigned else 'i'}{width}").tobytes()
        return f"#8{len(data):08d}".encode() + data


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise BadSetting(f"{value:g} is outside {low:g}..{high:g}")
    return value


def _channel(channel: int) -> int:
    if channel not in (1, 2, 3, 4):
        raise ScpiError(-114, "Header suffix out of range")
    return channel


def _choice(word: str, choices: dict[str, T]) -> T:
    try:
        return choices[word.upper()]
    except KeyError:
        raise ScpiError(-224, "Illegal parameter value") from None


def _only(word: str, *words: str) -> None:
    """Take a choice that makes no difference here."""
    _choice(word, dict.fromkeys(words))
