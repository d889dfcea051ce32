"""The frame server's lines and frames; see `instruments.camera` for the protocol."""

import zlib
from collections import deque

from ..devices import BadSetting
from ..devices.camera import FULL_SCALE, Camera, Exposure
from ._reply import Reply

__all__ = ["CameraSession"]

LONGEST_LINE = 4096
QUEUE_LENGTH = 20


class CameraSession:
    """One connection to a camera.

    Parameters
    ----------
    device : Camera
        The camera.
    serial : str
        Serial number for ``*IDN?``.
    """

    def __init__(self, device: Camera, serial: str) -> None:
        self._device = device
        self._serial = serial
        self._received = b""
        self._errors: deque[str] = deque(maxlen=QUEUE_LENGTH)

    def feed(self, data: bytes) -> list[Reply]:
        """Take in received bytes, act on complete lines, return what to send."""
        *lines, self._received = (self._received + data).split(b"\n")
        if len(self._received) > LONGEST_LINE:
            self._received = b""
        replies = (self._run(line.decode("latin-1").strip()) for line in lines)
        return [reply for reply in replies if reply is not None]

    def _run(self, line: str) -> Reply | None:
        device = self._device
        if line == "FRAME?":
            return Reply(_frame(device.expose()), device.delay_s())
        if line == "*IDN?":
            return _line(f"LABSYNC,FRAMECAMERA,{self._serial},1")
        if line == "EXPO?":
            return _line(f"{device.exposure_s:.6f}")
        if line == "ERR?":
            return _line(self._errors.popleft() if self._errors else '0,"No error"')
        if line.startswith("EXPO "):
            self._set_exposure(line.removeprefix("EXPO "))
        elif line:
            self._errors.append('1,"Unknown command"')
        return None

    def _set_exposure(self, text: str) -> None:
        try:
            self._device.set_exposure(float(text))
        except BadSetting:
            self._errors.append('2,"Exposure out of range"')
        except ValueError:
            self._errors.append('3,"Not a number"')


def _line(text: str) -> Reply:
    return Reply(text.encode("latin-1") + b"\n")


def _frame(exposure: Exposure) -> bytes:
    """Return a frame's header and pixels, or the note that it was lost."""
    if exposure.pixels is None:
        return b"LOST %d\n" % exposure.number
    rows, columns = exposure.pixels.shape
    text = f"FRAME {exposure.number} {exposure.time_s:.6f} {exposure.exposure_s:.6f} "
    header = f"{text}{rows} {columns} {FULL_SCALE}".encode()
    data = exposure.pixels.astype("<u2").tobytes()
    return b"%s %08x\n%s\n" % (header, zlib.crc32(data, zlib.crc32(header)), data)
