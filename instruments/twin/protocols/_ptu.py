"""PicoQuant's unified file format (.ptu), as a HydraHarp 400 writes it in T2 mode."""

import struct

import numpy as np

__all__ = ["ptu_bytes"]

INTEGER, REAL, TIME, TEXT, NOTHING = 0x10000008, 0x20000008, 0x21000008, 0x4001FFFF, 0xFFFF0008
T2_HYDRAHARP_2 = 0x01010204
WRAP = 1 << 25
DAYS_OF_2026 = 46023
"""1 January 2026 in days since 30 December 1899."""


def ptu_bytes(
    times_ps: np.ndarray, inputs: np.ndarray, duration_s: float, started_s: float, full: bool
) -> bytes:
    """Return a file.

    Parameters
    ----------
    times_ps, inputs : numpy.ndarray
        The tags, sorted; input n is the file's channel n - 1.
    duration_s : float
        Time for which the box was told to record.
    started_s : float
        When that was, in world time.
    full : bool
        Whether the recording ended because the buffer was full.
    """
    records = t2_records(times_ps, inputs)
    elapsed_ms = round(1000 * duration_s) if not full else int(times_ps[-1] // 10**9) if len(times_ps) else 0
    tags: list[tuple[str, int | float | str | None]] = [
        ("File_GUID", "{00000000-0000-0000-0000-000000000000}"),
        ("CreatorSW_Name", "simulated recorder"),
        ("CreatorSW_Version", "1.0"),
        ("File_CreatingTime", DAYS_OF_2026 + started_s / 86400),
        ("Measurement_Mode", 2),
        ("Measurement_SubMode", 0),
        ("TTResult_StopReason", 1 if full else 0),
        ("MeasDesc_AcquisitionTime", round(1000 * duration_s)),
        ("HW_Type", "HydraHarp 400"),
        ("HW_Version", "2.0"),
        ("HW_InpChannels", 4),
        ("MeasDesc_GlobalResolution", 1e-12),
        ("MeasDesc_Resolution", 1e-12),
        ("TTResultFormat_TTTRRecType", T2_HYDRAHARP_2),
        ("TTResultFormat_BitsPerRecord", 32),
        ("TTResult_SyncRate", 0),
        ("TTResult_StopAfter", elapsed_ms),
        ("TTResult_NumberOfRecords", len(records)),
        ("Header_End", None),
    ]
    header = b"PQTTTR\0\0" + b"1.0.00\0\0" + b"".join(_tag(name, value) for name, value in tags)
    return header + records.astype("<u4").tobytes()


def t2_records(times_ps: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Return T2 records, 32 bits each: times modulo 2**25 ps, and records that count the roll-overs."""
    wraps = np.diff(times_ps >> 25, prepend=0)
    before = np.flatnonzero(wraps)
    photons = ((inputs.astype(np.uint32) - 1) << 25) | (times_ps & (WRAP - 1)).astype(np.uint32)
    counts = wraps[before]
    if np.any(counts >= WRAP):
        raise ValueError("two tags lie too far apart for one roll-over record")
    return np.insert(photons, before, (np.uint32(1) << 31) | (63 << 25) | counts.astype(np.uint32))


def _tag(name: str, value: int | float | str | None) -> bytes:
    def head(kind: int, content: bytes) -> bytes:
        return struct.pack("<32siI", name.encode(), -1, kind) + content

    if value is None:
        return head(NOTHING, bytes(8))
    if isinstance(value, str):
        text = value.encode() + b"\0"
        text += bytes(-len(text) % 8)
        return head(TEXT, struct.pack("<q", len(text)) + text)
    if isinstance(value, float):
        return head(TIME if name == "File_CreatingTime" else REAL, struct.pack("<d", value))
    return head(INTEGER, struct.pack("<q", value))
