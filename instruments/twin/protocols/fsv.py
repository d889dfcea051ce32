"""The SCPI command set of the R&S FSV, as far as traces need it."""

import numpy as np

from ..devices import BadSetting
from ..devices.fsv import FSV
from ._scpi import Handler, ScpiError, ScpiTree, number, switch

__all__ = ["FSVProtocol"]

DETECTORS = ("RMS", "SAMP", "AVER", "POS")
OPERATION_COMPLETE = 1


class FSVProtocol:
    """Commands of one analyser.

    Parameters
    ----------
    device : FSV
        Settings and sweeps.
    serial : str
        Serial number for ``*IDN?``.
    """

    def __init__(self, device: FSV, serial: str) -> None:
        self._device = device
        self._awaiting = False
        self._real = False
        self._tree = ScpiTree(
            [
                ("*IDN?", lambda: f"Rohde&Schwarz,FSV-7,1307.9002K07/{serial},2.30"),
                ("*RST", device.reset),
                ("*CLS", self._clear),
                ("*OPC", lambda: setattr(self, "_awaiting", True)),
                ("*WAI", lambda: None),
                ("*ESR?", self._events),
                ("*STB?", lambda: "0"),
                ("SYSTem:ERRor[:NEXT]?", lambda: self._tree.next_error()),
                ("INITiate#[:IMMediate]", lambda _: device.sweep()),
                ("INITiate#:CONTinuous?", lambda _: f"{device.continuous:d}"),
                ("INITiate#:CONTinuous", lambda _, on: setattr(device, "continuous", switch(on))),
                ("ABORt", device.abort),
                ("STATus:QUEStionable:POWer[:EVENt]?", lambda: str(device.take_overloads())),
                ("FORMat[:DATA]", self._form),
                ("TRACe#[:DATA]?", self._trace),
                *self._setting_commands(),
            ]
        )

    def handle(self, line: str) -> bytes | None:
        """Act on a line; return the answers to its queries, or None for silence."""
        answers = [result for result in self._tree.execute(line) if not isinstance(result, ScpiError)]
        parts = [answer.encode() if isinstance(answer, str) else answer for answer in answers]
        return b";".join(parts) if parts else None

    def _setting_commands(self) -> list[tuple[str, Handler]]:
        device = self._device

        def quantity(header: str, name: str) -> list[tuple[str, Handler]]:
            def ask(*_: int) -> str:
                return f"{getattr(device, name):.12g}"

            def store(*words: object) -> None:
                device.set(name, number(_parameter(words)))

            return [(header + "?", ask), (header, store)]

        def choose(name: str, choices: dict[str, object]) -> Handler:
            def store(*words: object) -> None:
                word = _parameter(words).upper()
                if word not in choices:
                    raise ScpiError(-224, "Illegal parameter value")
                setattr(device, name, choices[word])

            return store

        return [
            *quantity("[SENSe:]FREQuency:CENTer", "centre_hz"),
            *quantity("[SENSe:]FREQuency:SPAN", "span_hz"),
            ("[SENSe:]FREQuency:STARt?", lambda: f"{device.edges_hz[0]:.12g}"),
            ("[SENSe:]FREQuency:STOP?", lambda: f"{device.edges_hz[1]:.12g}"),
            *quantity("[SENSe:]BANDwidth[:RESolution]", "resolution_hz"),
            *quantity("[SENSe:]SWEep:TIME", "sweep_s"),
            *quantity("[SENSe:]SWEep:POINts", "points"),
            *quantity("[SENSe:]SWEep:COUNt", "count"),
            *quantity("DISPlay:TRACe#:Y:RLEVel", "reference_dbm"),
            ("[SENSe:]DETector#", choose("detector", {word: word for word in DETECTORS})),
            ("DISPlay:TRACe#:MODE?", lambda _: "AVER" if device.averaging else "WRIT"),
            ("DISPlay:TRACe#:MODE", choose("averaging", {"AVER": True, "WRIT": False})),
            ("UNIT:POWer", choose("unit", {"DBM": "DBM"})),
            ("[SENSe:]AVERage:TYPE", choose("average_type", {"POW": "POW", "POWER": "POW"})),
        ]

    def _clear(self) -> None:
        self._tree.clear()
        self._awaiting = False

    def _events(self) -> str:
        complete = self._awaiting and self._device.done
        self._awaiting = self._awaiting and not complete
        return str(OPERATION_COMPLETE * complete)

    def _form(self, kind: str, width: str = "32") -> None:
        if kind.upper() not in ("ASC", "ASCII", "REAL") or width != "32":
            raise ScpiError(-224, "Illegal parameter value")
        self._real = kind.upper() == "REAL"

    def _trace(self, trace: int, name: str) -> str | bytes:
        if trace != 1 or name.upper() != "TRACE1":
            raise ScpiError(-224, "Illegal parameter value")
        try:
            levels = self._device.levels_dbm()
        except BadSetting:
            raise ScpiError(-230, "Data corrupt or stale") from None
        if not self._real:
            return ",".join(f"{level:.6f}" for level in levels)
        block = np.asarray(levels, "<f4").tobytes()
        length = str(len(block))
        return f"#{len(length)}{length}".encode() + block


def _parameter(words: tuple[object, ...]) -> str:
    """Return what came after a header; its numeric suffix comes first, as int."""
    if not words or isinstance(words[-1], int):
        raise ScpiError(-109, "Missing parameter")
    return str(words[-1])
