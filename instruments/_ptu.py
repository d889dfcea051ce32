"""Headers of PicoQuant's unified file format (.ptu)."""

import struct
from typing import Any

import numpy as np

__all__ = ["T2_HYDRAHARP_2", "PtuHeader", "counts_per_channel", "parse_header"]

MAGIC = b"PQTTTR\0\0"
T2_HYDRAHARP_2 = 0x01010204
NOTHING, BOOLEAN, INTEGER, BITS, COLOUR = 0xFFFF0008, 0x00000008, 0x10000008, 0x11000008, 0x12000008
REAL, TIME, TEXT = 0x20000008, 0x21000008, 0x4001FFFF
BLOBS = (TEXT, 0x4002FFFF, 0x2001FFFF, 0xFFFFFFFF)


class PtuHeader(dict[str, Any]):
    """Tags of a header by name, and `size`, its length in bytes."""

    size: int = 0


def parse_header(data: bytes) -> PtuHeader:
    """Return the tags at the beginning of a file.

    Raises
    ------
    ValueError
        It is no .ptu file, or its header is cut or malformed.
    """
    if data[:8] != MAGIC:
        raise ValueError(f"the file starts with {data[:8]!r} instead of {MAGIC!r}")
    header, at = PtuHeader(), 16
    while "Header_End" not in header:
        if at + 48 > len(data):
            raise ValueError(f"the header is cut at byte {len(data)}")
        name, _, kind, value = struct.unpack_from("<32sii8s", data, at)
        at += 48
        key = name.split(b"\0")[0].decode("latin-1")
        header[key], extra = _value(kind & 0xFFFFFFFF, value, data, at)
        at += extra
    header.size = at
    return header


def _value(kind: int, value: bytes, data: bytes, at: int) -> tuple[Any, int]:
    """Return a tag's value, and how many bytes follow the tag."""
    if kind in (REAL, TIME):
        return struct.unpack("<d", value)[0], 0
    whole = struct.unpack("<q", value)[0]
    if kind in BLOBS:
        if not 0 <= whole <= len(data) - at:
            raise ValueError(f"a tag at byte {at - 48} claims {whole} bytes")
        content = data[at : at + whole]
        return (content.split(b"\0")[0].decode("latin-1") if kind == TEXT else content), whole
    if kind not in (NOTHING, BOOLEAN, INTEGER, BITS, COLOUR):
        raise ValueError(f"a tag at byte {at - 48} has the unknown type {kind:#010x}")
    return whole, 0


def counts_per_channel(records: bytes) -> np.ndarray:
    """Return the number of photons on each of the 63 channels of HydraHarp T2 records."""
    words = np.frombuffer(records, "<u4")
    return np.bincount(words[words < 1 << 31] >> 25, minlength=64)[:63]
