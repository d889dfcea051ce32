"""Files of every kind with known tags, made independently of the readers, and the real recordings."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

PTU_TYPES = {"int": 0x10000008, "float": 0x20000008, "empty": 0xFFFF0008, "text": 0x4001FFFF}
REAL = "lpq_hydraharp_v30_t2.ptu"


@pytest.fixture
def recording() -> Callable[[str], Path]:
    """Find a real recording; they are kept out of the project."""

    def find(name: str) -> Path:
        home = Path(os.environ.get("LABSYNC_TEST_DATA", Path(__file__).parents[5] / "shared" / "data"))
        if not (home / name).exists():
            pytest.skip(f"no {name}; LABSYNC_TEST_DATA names the folder of real recordings")
        return home / name

    return find


def tag(name: str, value: object, index: int = -1) -> bytes:
    kind = {int: "int", float: "float", bytes: "text", type(None): "empty"}[type(value)]
    head = name.encode().ljust(32, b"\0") + struct.pack("<iI", index, PTU_TYPES[kind])
    if isinstance(value, bytes):
        padded = value.ljust(-(-len(value) // 8) * 8 + 8, b"\0")
        return head + struct.pack("<q", len(padded)) + padded
    return head + struct.pack("<d" if kind == "float" else "<q", value or 0)


def unified(magic: bytes, *tags: bytes) -> bytes:
    return magic.ljust(8, b"\0") + b"1.0.00\0\0" + b"".join(tags) + tag("Header_End", None)


@pytest.fixture
def ptu() -> Callable[..., bytes]:
    """Bytes of a .ptu file with the given record type and records."""

    def build(kind: int, records: list[int], *, claimed: int | None = None, **values: float) -> bytes:
        mode = 2 if kind >> 8 & 0xFF == 2 else 3
        settings = {
            "Measurement_Mode": mode,
            "TTResultFormat_TTTRRecType": kind,
            "TTResultFormat_BitsPerRecord": 32,
            "MeasDesc_Resolution": 4e-12,
            "MeasDesc_GlobalResolution": 1e-12 if mode == 2 else 12.5004e-9,
            "TTResult_NumberOfRecords": len(records) if claimed is None else claimed,
        } | values
        head = unified(b"PQTTTR", *(tag(name, value) for name, value in settings.items()))
        return head + np.array(records, "<u4").tobytes()

    return build


@pytest.fixture
def phu() -> Callable[..., bytes]:
    """Bytes of a .phu file with the given histograms."""

    def build(*curves: list[int], resolution_s: float = 8e-12) -> bytes:
        tags = [tag("HistoResult_NumberOfCurves", len(curves))]
        for k, counts in enumerate(curves):
            tags += [
                tag("HistResDscr_CurveIndex", k, k),
                tag("HistResDscr_HistogramBins", len(counts), k),
                tag("HistResDscr_MDescResolution", resolution_s, k),
            ]
        return unified(b"PQHISTO", *tags) + b"".join(np.array(c, "<u4").tobytes() for c in curves)

    return build
