"""The fixed header of HydraHarp .ht2 and .ht3 files."""

from pathlib import Path
from typing import Any

import numpy as np

from analysis.timetags._errors import TagFileError

__all__ = ["HEAD", "INPUT", "TAIL", "read_harp_header"]

#: Up to the settings of the inputs, whose number it says.
HEAD = np.dtype(
    [
        ("Ident", "S16"), ("FormatVersion", "S6"), ("CreatorName", "S18"), ("CreatorVersion", "S12"),
        ("FileTime", "S18"), ("CRLF", "S2"), ("Comment", "S256"), ("NumberOfCurves", "<i4"),
        ("BitsPerRecord", "<i4"), ("ActiveCurve", "<i4"), ("MeasurementMode", "<i4"), ("SubMode", "<i4"),
        ("Binning", "<i4"), ("Resolution", "<f8"), ("Offset", "<i4"), ("AcquisitionTime", "<i4"),
        ("StopAt", "<u4"), ("StopOnOvfl", "<i4"), ("Restart", "<i4"), ("DisplayLinLog", "<i4"),
        ("DisplayAxes", "<u4", 4), ("DisplayCurves", "<i4", (8, 2)), ("Param", "<f4", (3, 3)),
        ("RepeatMode", "<i4"), ("RepeatsPerCurve", "<i4"), ("RepeatTime", "<i4"), ("RepeatWaitTime", "<i4"),
        ("ScriptName", "S20"), ("HardwareIdent", "S16"), ("HardwarePartNo", "S8"),
        ("HardwareSerial", "<i4"), ("NumberOfModules", "<i4"), ("Modules", "<i4", (10, 2)),
        ("BaseResolution", "<f8"), ("InputsEnabled", "<i8"), ("InputChannelsPresent", "<i4"),
        ("RefClockSource", "<i4"), ("ExtDevices", "<i4"), ("MarkerSettings", "<i4"), ("SyncDivider", "<i4"),
        ("SyncCFDLevel", "<i4"), ("SyncCFDZeroCross", "<i4"), ("SyncOffset", "<i4"),
    ]
)  # fmt: skip
#: Settings of one input; the rates of all inputs follow them, then TAIL.
INPUT = np.dtype([("ModuleIdx", "<i4"), ("CFDLevel", "<i4"), ("CFDZeroCross", "<i4"), ("Offset", "<i4")])
TAIL = np.dtype(
    [
        ("SyncRate", "<i4"), ("StopAfter", "<i4"), ("StopReason", "<i4"),
        ("ImgHdrSize", "<i4"), ("NumRecords", "<i8"),
    ]
)  # fmt: skip


def read_harp_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the header by name and the byte offset of the records.

    Raises
    ------
    TagFileError
        If it is cut off, of an unknown version or nonsense.
    """
    with path.open("rb") as file:
        data = file.read(1 << 16)
    head = _fields(path, data, 0, HEAD)
    if head["Ident"] != "HydraHarp":
        raise TagFileError(path, 0, "the file does not begin with HydraHarp")
    if head["FormatVersion"] not in ("1.0", "2.0"):
        raise TagFileError(path, 16, f"unknown version {head['FormatVersion']!r}; 1.0 and 2.0 are known")
    if head["MeasurementMode"] not in (2, 3) or head["BitsPerRecord"] != 32:
        raise TagFileError(
            path, _place("MeasurementMode"),
            f"mode {head['MeasurementMode']} with {head['BitsPerRecord']} bits; 2 or 3 with 32 is possible",
        )  # fmt: skip
    inputs, at = head["InputChannelsPresent"], HEAD.itemsize
    if not 0 <= inputs <= 64:
        raise TagFileError(path, _place("InputChannelsPresent"), f"{inputs} inputs are impossible")
    at += inputs * (INPUT.itemsize + 4)
    tail = _fields(path, data, at, TAIL)
    offset = at + TAIL.itemsize + 4 * tail["ImgHdrSize"]
    if not 0 <= tail["ImgHdrSize"] <= 1024 or offset > path.stat().st_size:
        raise TagFileError(path, at + 12, f"an image header of {tail['ImgHdrSize']} words is impossible")
    return head | tail, offset


def _fields(path: Path, data: bytes, at: int, kind: np.dtype) -> dict[str, Any]:
    if at + kind.itemsize > len(data):
        raise TagFileError(path, len(data), f"the header is cut off; it needs {at + kind.itemsize} bytes")
    record = np.frombuffer(data, kind, 1, at)[0]
    values = {name: record[name].tolist() for name in kind.names or ()}
    return {k: v.split(b"\0")[0].decode("latin-1") if isinstance(v, bytes) else v for k, v in values.items()}


def _place(name: str) -> int:
    fields = HEAD.fields
    return int(fields[name][1]) if fields else 0
