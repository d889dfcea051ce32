"""Line protocols of our own in front of time taggers whose makers publish none.

The PicoQuant-style recorder: ``REC:STAR <ms>``, ``REC:STAT?``, ``FILE:SIZE?``, ``FILE:DATA?
<offset>,<bytes>``.
The Swabian-style tagger: ``STRE:STAR <ps>,<input>,...``, ``STRE:STAT?``, ``STRE:TIME?``, ``STRE:SIZE?``,
``STRE:DATA? <offset>,<bytes>``.
"""

import numpy as np

from ..devices import BadSetting
from ..devices.tagger import INPUTS, TagBox
from ._ptu import ptu_bytes
from ._scpi import Handler, ScpiError, ScpiTree, number

__all__ = ["RecorderProtocol", "TaggerProtocol"]

LONGEST_BLOCK = 1 << 20
TAG = np.dtype([("kind", "u1"), ("reserved", "u1"), ("missed", "<u2"), ("channel", "<i4"), ("time", "<i8")])
TIME_TAG, OVERFLOW_BEGIN, OVERFLOW_END, MISSED = 0, 2, 3, 4


class _Lines:
    """Commands, each answered or silent, with an error queue."""

    def __init__(self, identity: str, commands: list[tuple[str, Handler]]) -> None:
        self._tree = ScpiTree(
            [
                ("*IDN?", lambda: identity),
                ("SYSTem:ERRor[:NEXT]?", lambda: self._tree.next_error()),
                *commands,
            ]
        )

    def handle(self, line: str) -> str | bytes | None:
        """Act on a line; return its answer."""
        answers = [a for a in self._tree.execute(line) if not isinstance(a, ScpiError)]
        return answers[0] if len(answers) == 1 else ";".join(map(str, answers)) or None


class RecorderProtocol(_Lines):
    """Commands of the recorder; its recordings hold all inputs.

    Parameters
    ----------
    device : TagBox
        The box.
    serial : str
        Its serial number.
    """

    def __init__(self, device: TagBox, serial: str) -> None:
        self._device = device
        self._file: tuple[object, bytes] = (None, b"")
        super().__init__(
            f"PicoQuant,HydraHarp 400 recorder,{serial},3.0",
            [
                ("RECord:STARt", lambda ms: device.start(INPUTS, number(ms) * 1e-3)),
                ("RECord:STATus?", self._status),
                ("FILE:SIZE?", lambda: str(len(self._content()))),
                ("FILE:DATA?", lambda offset, size: _block(self._content(), offset, size)),
            ],
        )

    def _status(self) -> str:
        device = self._device
        if device.recording is None:
            return "IDLE"
        if device.running:
            return "RUNNING"
        device.source.process()
        return "FIFO_FULL" if device.recording.overflows else "DONE"

    def _content(self) -> bytes:
        record, times, inputs = self._device.finished()
        if self._file[0] is not record:
            full = record.overflows > 0
            self._file = record, ptu_bytes(times, inputs, record.duration_s, record.start_s, full)
        return self._file[1]


class TaggerProtocol(_Lines):
    """Commands of the tagger; its records of 16 bytes have the maker's layout.

    Parameters
    ----------
    device : TagBox
        The box.
    serial : str
        Its serial number.
    """

    def __init__(self, device: TagBox, serial: str) -> None:
        self._device = device
        self._data: tuple[object, bytes] = (None, b"")

        def start(picoseconds: str, *inputs: str) -> None:
            device.start([int(number(n)) for n in inputs], number(picoseconds) * 1e-12)

        super().__init__(
            f"Swabian Instruments,Time Tagger 20 (simulated),{serial},2.17",
            [
                ("STREam:STARt", start),
                ("STREam:STATus?", lambda: "RUNNING" if device.running else "IDLE"),
                ("STREam:TIME?", lambda: f"{device.started_s * 1e12:.0f}"),
                ("STREam:SIZE?", lambda: str(len(self._content()))),
                ("STREam:DATA?", lambda offset, size: _block(self._content(), offset, size)),
            ],
        )

    def _content(self) -> bytes:
        record, times, inputs = self._device.finished()
        if self._data[0] is not record:
            marks = [
                mark
                for begin, end in record.gaps_ps
                for mark in ((OVERFLOW_BEGIN, 0, 0, 0, begin), (OVERFLOW_END, 0, 0, 0, end))
            ]
            if record.lost:
                lost = min(record.lost, 65535)
                marks.append((MISSED, 0, lost, record.inputs[0], record.gaps_ps[-1][1]))
            tags = np.zeros(len(times), TAG)
            tags["channel"], tags["time"] = inputs, times
            found = np.array(marks, TAG)
            tags = np.insert(tags, np.searchsorted(times, found["time"], side="right"), found)
            tags["time"] += round(record.start_s * 1e12)
            self._data = record, tags.tobytes()
        return self._data[1]


def _block(content: bytes, offset: str, size: str) -> bytes:
    start, length = int(number(offset)), int(number(size))
    if not 0 <= start <= len(content) or not 0 <= length <= LONGEST_BLOCK:
        raise BadSetting(f"no {length} bytes from {start} on; at most {LONGEST_BLOCK} at once")
    data = content[start : start + length]
    return f"#{len(str(len(data)))}{len(data)}".encode() + data
