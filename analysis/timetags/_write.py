"""Writes time tags as PicoQuant .ptu files (T2, records of the HydraHarp V2 kind)."""

import struct
import uuid
from pathlib import Path

import numpy as np
from numba import njit

from analysis.timetags._stream import TagStream
from analysis.timetags._unified import TAG_TYPES

__all__ = ["write_ptu"]

_T2_HYDRAHARP_V2 = 0x01010204
_WRAP = 1 << 25


def write_ptu(path: Path | str, stream: TagStream) -> None:
    """Write a stream as a .ptu file of type T2.

    Channel 0 becomes the sync input, channel n input n, marker -n the marker bits n. Delays and gaps have
    no place in the format: take them into account before.

    Raises
    ------
    ValueError
        If a channel is above 63 or below -15.
    """
    if stream.channel.size and not (stream.channel.min() >= -15 and stream.channel.max() <= 63):
        raise ValueError(
            "A .ptu file holds channels up to 63 and markers down to -15; choose those to write."
        )
    records = np.empty(2 * stream.time.size + 2 + stream.duration // (_WRAP * (_WRAP - 1)), np.uint32)
    count = _encode(stream.time, stream.channel, stream.duration, records)
    with Path(path).open("wb") as file:
        file.write(_header(stream, count))
        file.write(records[:count].data)


@njit(cache=True, nogil=True)
def _encode(time, channel, duration, records):  # type: ignore[no-untyped-def]
    """Fill in the records and return their number. The last one says how long the recording was."""
    n, turns = 0, 0
    for i in range(time.size + 1):
        t = time[i] if i < time.size else duration
        new = t >> 25
        while new > turns:
            step = min(new - turns, (1 << 25) - 1)
            records[n] = np.uint32((127 << 25) | step)
            turns += step
            n += 1
        if i < time.size:
            c = np.int64(channel[i])
            code = c - 1 if c > 0 else 64 - c
            records[n] = np.uint32((code << 25) | (t & ((1 << 25) - 1)))
            n += 1
    return n


def _header(stream: TagStream, records: int) -> bytes:
    unit_s = stream.unit_ps * 1e-12
    inputs = max([*stream.channels(), 1])
    tags: list[tuple[str, str, bytes | float | int | None]] = [
        ("File_GUID", "text", f"{{{uuid.uuid4()}}}".upper().encode()),
        ("File_Comment", "text", stream.source.encode()),
        ("CreatorSW_Name", "text", b"labsync"),
        ("Measurement_Mode", "int", 2),
        ("Measurement_SubMode", "int", 0),
        ("TTResult_StopReason", "int", 0),
        ("TTResultFormat_TTTRRecType", "int", _T2_HYDRAHARP_V2),
        ("TTResultFormat_BitsPerRecord", "int", 32),
        ("MeasDesc_AcquisitionTime", "int", round(stream.duration_s * 1e3)),
        ("HW_Type", "text", b"labsync"),
        ("HW_BaseResolution", "float", unit_s),
        ("HW_InpChannels", "int", inputs),
        ("MeasDesc_Resolution", "float", unit_s),
        ("MeasDesc_GlobalResolution", "float", unit_s),
        ("TTResult_SyncRate", "int", 0),
        ("TTResult_StopAfter", "int", round(stream.duration_s * 1e3)),
        ("TTResult_NumberOfRecords", "int", records),
        ("Header_End", "empty", None),
    ]
    head = b"PQTTTR".ljust(8, b"\0") + b"1.0.00".ljust(8, b"\0")
    return head + b"".join(_tag(*tag) for tag in tags)


def _tag(name: str, kind: str, value: bytes | float | int | None) -> bytes:
    start = name.encode().ljust(32, b"\0") + struct.pack("<iI", -1, TAG_TYPES[kind])
    if isinstance(value, bytes):
        text = value + b"\0" * (8 - len(value) % 8)
        return start + struct.pack("<q", len(text)) + text
    return start + struct.pack("<d" if kind == "float" else "<q", value or 0)
