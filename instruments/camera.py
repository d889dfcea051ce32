r"""A camera that looks at the sample, and the simple protocol over which its frames come.

There is no common protocol of cameras, so this one is the suite's own; a program beside the camera's vendor
library serves it on a TCP socket. Lines end with LF:

* ``*IDN?`` is answered ``LABSYNC,FRAMECAMERA,<serial number>,<version>``
* ``EXPO 0.02`` sets the exposure, in s; ``EXPO?`` reports it
* ``ERR?`` takes the oldest error off a queue, ``0,"No error"`` when it is empty
* ``FRAME?`` exposes a frame and answers a header line, the pixels, and a LF::

      FRAME <number> <time, s> <exposure, s> <rows> <columns> <full scale> <CRC-32>

  The pixels are rows x columns little-endian uint16, row by row; the CRC-32 (eight hexadecimal digits) is
  that of the header up to the blank before it, followed by the pixels. A frame that was exposed but did not
  reach the server is answered ``LOST <number>``. Numbers rise by one with every exposure.
"""

import re
import zlib
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from pymeasure.adapters import Adapter
from pymeasure.instruments import Instrument

from instruments._driver import Driver
from instruments.clock import Clock
from instruments.errors import InstrumentProtocolError, InstrumentTimeout, OutOfRange

__all__ = ["Frame", "FrameCamera"]

EXPOSURE_LIMITS_S = (1e-5, 10.0)
HEADER = re.compile(
    r"(?P<text>FRAME (?P<number>\d{1,12}) (?P<time>\d{1,12}\.\d{6}) (?P<exposure>\d{1,2}\.\d{6}) "
    r"(?P<rows>[1-9]\d{0,4}) (?P<columns>[1-9]\d{0,4}) (?P<full>[1-9]\d{0,4})) (?P<crc>[0-9a-f]{8})"
)
LARGEST_FRAME_BYTES = 2**25


@dataclass(frozen=True)
class Frame:
    """One image.

    Attributes
    ----------
    image : numpy.ndarray
        uint16, shape (row, column), read-only.
    time_s : float
        The camera's own time at the start of the exposure, in s.
    exposure_s : float
        Exposure, in s.
    number : int
        Number of the frame since the camera was started.
    full_scale : int
        The largest code a pixel can have; a pixel there is saturated.
    """

    image: np.ndarray
    time_s: float
    exposure_s: float
    number: int
    full_scale: int

    @property
    def saturated_part(self) -> float:
        """Part of the pixels that are saturated, 0 to 1."""
        return float(np.mean(self.image >= self.full_scale))


class FrameCamera(Driver, Instrument):
    """A camera behind a frame server.

    Parameters
    ----------
    address, clock, timeout_s
        See `Driver`. The timeout counts from the end of the exposure.
    exposure_s
        Exposure that is set at the start, in s.
    """

    _kind = "frame camera"
    _identity_pattern = r"^LABSYNC,FRAMECAMERA,"
    _once = ("ERR", "FRAME")

    def __init__(
        self,
        address: str | Adapter,
        *,
        exposure_s: float = 0.02,
        clock: Clock | None = None,
        timeout_s: float = 2.0,
    ) -> None:
        super().__init__(address, clock=clock, timeout_s=timeout_s)
        self._last_number = -1
        self._exposure_s = exposure_s
        try:
            self.set_exposure_s(exposure_s)
        except Exception:
            self.close()
            raise
        self._freeze()

    @property
    def exposure_s(self) -> float:
        """Exposure as the camera reports it, in s."""
        return float(self.values("EXPO?")[0])

    def set_exposure_s(self, exposure_s: float) -> None:
        """Set the exposure.

        Raises
        ------
        OutOfRange
            The exposure is outside 10 us to 10 s; nothing was sent.
        InstrumentProtocolError
            The camera refuses it or keeps another one.
        """
        low, high = EXPOSURE_LIMITS_S
        if not low <= exposure_s <= high:
            raise OutOfRange(
                f"{self.where}: an exposure of {exposure_s} s is outside {low:g} s to {high:g} s."
            )
        self.write(f"EXPO {exposure_s:.6f}")
        self.check_errors()
        kept = self.exposure_s
        if abs(kept - exposure_s) > 1e-6:
            raise InstrumentProtocolError(
                f"{self.where}: asked for an exposure of {exposure_s} s, got {kept} s."
            )
        self._exposure_s = exposure_s

    def grab(self) -> Frame:
        """Expose one frame and return it.

        Raises
        ------
        InstrumentTimeout
            The frame was lost on its way, or nothing came.
        InstrumentProtocolError
            The frame is torn, its checksum is wrong, or it is one that was seen before.
        """
        self.write("FRAME?")
        self.clock.sleep(self._exposure_s)
        try:
            line = self.read()
            header = HEADER.fullmatch(line)
            data = self._read_pixels(line, header) if header else b""
        except BaseException:  # what is left of the frame must not answer the next command
            self._resync()
            raise
        if lost := re.fullmatch(r"LOST (\d{1,12})", line):
            raise InstrumentTimeout(f"{self.where}: frame {lost[1]} was exposed but lost on its way.")
        if header is None:
            self._refuse(line, "not the header of a frame")
        if zlib.crc32(data, zlib.crc32(header["text"].encode())) != int(header["crc"], 16):
            self._refuse(line, "the checksum does not fit header and pixels")
        self._check_order(int(header["number"]), line)
        image = np.frombuffer(data, dtype="<u2").astype(np.uint16)
        image = image.reshape(int(header["rows"]), int(header["columns"]))
        image.setflags(write=False)
        return Frame(
            image,
            float(header["time"]),
            float(header["exposure"]),
            int(header["number"]),
            int(header["full"]),
        )

    def check_errors(self) -> list:
        """Read the error queue until it is empty; raise InstrumentProtocolError if it was not."""
        errors: list[str] = []
        for _ in range(20):
            reply = self.parsed("ERR?", _error, 'an error such as 0,"No error"')
            if reply is None:
                break
            errors.append(reply)
        if errors:
            raise InstrumentProtocolError(f"{self.where} reports {'; '.join(errors)}.")
        return errors

    def _read_pixels(self, line: str, header: re.Match[str]) -> bytes:
        size = 2 * int(header["rows"]) * int(header["columns"])
        if size > LARGEST_FRAME_BYTES:
            self._refuse(line, f"a frame has at most {LARGEST_FRAME_BYTES} bytes")
        data, end = self.read_bytes(size), self.read_bytes(1)
        if len(data) != size or end != b"\n":
            self._refuse(line, "the frame does not end where its header says")
        return data

    def _check_order(self, number: int, line: str) -> None:
        """Refuse a frame that was seen before; a lower number may also come of a restarted camera."""
        last, self._last_number = self._last_number, number
        if number <= last:
            self._refuse(
                line, f"frame {number} after frame {last} is an old one, or the camera was restarted"
            )

    def _refuse(self, line: str, why: str) -> NoReturn:
        self._reject("FRAME?", line, why)


def _error(reply: str) -> str | None:
    match = re.fullmatch(r'(\d{1,4}),"[^"]*"', reply)
    if match is None:
        raise ValueError('not of the form code,"words"')
    return None if int(match[1]) == 0 else reply
