"""Damage files of time tags and read them: python tests/fuzz_tags.py [--seconds 600] [--files N] [--seed 1].

Whatever a file holds, reading it must end in a stream that fits together or in TagFileError with an offset
inside or at the end of the file, without using much more memory or time than the file has bytes.
"""

import argparse
import resource
import struct
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np

from analysis.timetags import (
    TagFileError,
    TagStream,
    describe,
    read_histograms,
    read_tags,
    write_ptu,
    write_tags,
)

LONGEST_S = 2.0
WORDS = [
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 40,
    (1 << 63) - 1,
    (1 << 64) - 1,
]


@dataclass
class Outcome:
    """What came of the files."""

    files: int = 0
    read: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    kinds: dict[str, int] = field(default_factory=dict)


def samples(folder: Path, rng: np.random.Generator) -> dict[str, tuple[str, bytes]]:
    """Return valid files of all kinds: name to (suffix, bytes)."""
    tags = TagStream(
        np.sort(rng.integers(0, 10**9, 60)), rng.integers(-2, 5, 60), 10**9, gaps=np.array([[5, 9]])
    )
    write_ptu(folder / "a.ptu", tags)
    write_tags(folder / "a.tags", tags)
    t2 = (folder / "a.ptu").read_bytes()
    result = {"t2": (".ptu", t2), "labsync": (".tags", (folder / "a.tags").read_bytes())}
    low, code, after = np.sort(rng.integers(0, 1000, 60)), rng.integers(0, 4, 60), rng.integers(0, 4000, 60)
    for name, kind, records in (
        ("hydraharp 1", 0x00010204, code << 25 | low),
        ("t3", 0x01010304, code << 25 | after << 10 | low),
        ("picoharp t2", 0x00010203, code << 28 | low),
        ("picoharp t3", 0x00010303, code << 28 | after << 16 | low),
    ):
        result[name] = (".ptu", as_kind(t2, kind, records))
    quantities = np.zeros(50, np.dtype([("time", "<i8"), ("channel", "<i2")]))
    quantities["time"], quantities["channel"] = np.sort(rng.integers(0, 10**9, 50)), rng.integers(0, 9, 50)
    result["qutag"] = (".bin", bytes(40) + quantities.tobytes())
    clock = (
        np.sort(rng.integers(0, 4096, 60)) | rng.integers(0, 16, 60) << 12 | rng.integers(0, 4096, 60) << 16
    )
    result["spc"] = (".spc", struct.pack("<I", 125 | 1 << 31) + clock.astype("<u4").tobytes())
    result["ht2"] = (".ht2", harp(rng))
    result["phu"] = (".phu", histogram(t2))
    with h5py.File(folder / "a.h5", "w") as file:
        data = file.create_group("photon_data")
        data.create_dataset("timestamps", data=tags.time, chunks=(20,), compression="gzip")
        data["detectors"] = rng.integers(0, 4, 60).astype(np.uint8)
        data["timestamps_specs/timestamps_unit"] = 12.5e-9
    result["hdf5"] = (".h5", (folder / "a.h5").read_bytes())
    return result


def as_kind(ptu: bytes, kind: int, records: np.ndarray) -> bytes:
    """Return a .ptu file with other records."""
    end = ptu.index(b"Header_End") + 48
    head = ptu[:end].replace(struct.pack("<q", 0x01010204), struct.pack("<q", kind))
    values = {b"Measurement_Mode": struct.pack("<q", kind >> 8 & 15)}
    values[b"TTResult_NumberOfRecords"] = struct.pack("<q", records.size)
    if kind >> 8 & 15 == 3:
        values[b"MeasDesc_GlobalResolution"] = struct.pack("<d", 12.5e-9)
    for name, value in values.items():
        at = head.index(name) + 40
        head = head[:at] + value + head[at + 8 :]
    return head + records.astype("<u4").tobytes()


def harp(rng: np.random.Generator) -> bytes:
    """Return a HydraHarp .ht2 file of version 2.0 without settings."""
    head = bytearray(680 + 8)
    head[:9], head[16:19] = b"HydraHarp", b"2.0"
    struct.pack_into("<ii", head, 0x148, 0, 32)
    struct.pack_into("<i", head, 0x154, 2)
    struct.pack_into("<d", head, 0x288, 1.0)
    tail = struct.pack("<iiiiq", 10**6, 1000, 0, 0, 40)
    return bytes(head) + tail + np.sort(rng.integers(0, 1 << 25, 40)).astype("<u4").tobytes()


def histogram(ptu: bytes) -> bytes:
    """Return a .phu file, with the header of a .ptu file and one curve."""

    def tag(name: str, index: int, kind: int, value: bytes) -> bytes:
        return name.encode().ljust(32, b"\0") + struct.pack("<iI", index, kind) + value

    whole = 0x10000008
    return b"PQHISTO\0" + b"1.0.00\0\0" + b"".join(
        [
            tag("HistoResult_NumberOfCurves", -1, whole, struct.pack("<q", 1)),
            tag("HistResDscr_HistogramBins", 0, whole, struct.pack("<q", 30)),
            tag("HistResDscr_MDescResolution", 0, 0x20000008, struct.pack("<d", 4e-12)),
            tag("Header_End", -1, 0xFFFF0008, bytes(8)),
        ]
    ) + bytes(120)  # fmt: skip


def damaged(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Return the bytes with one to four injuries."""
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, len(data) + 1))
        injury = rng.integers(0, 7)
        if injury == 0 and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << int(rng.integers(0, 8))]) + data[at + 1 :]
        elif injury == 1:
            data = data[:at]
        elif injury == 2:
            word = struct.pack("<Q", int(WORDS[rng.integers(0, len(WORDS))]))[: int(rng.choice([1, 2, 4, 8]))]
            data = data[:at] + word + data[at + len(word) :]
        elif injury == 3:
            data = data[:at] + rng.bytes(int(rng.integers(1, 40))) + data[at:]
        elif injury == 4:
            data = data[:at] + data[at + int(rng.integers(1, 60)) :]
        elif injury == 5:
            begin = int(rng.integers(0, len(other)))
            data = data[:at] + other[begin : begin + int(rng.integers(1, 200))] + data[at:]
        else:
            data = data[:at] + rng.bytes(8) + data[at + 8 :]
    return data


def check(path: Path, kind: str, outcome: Outcome) -> None:
    """Read a file; raise if it ends in anything but a sound stream or TagFileError."""
    begun, refusal = time.perf_counter(), None
    try:
        if kind == "phu":
            data = read_histograms(path)
            assert data["counts"].size <= path.stat().st_size
        else:
            stream = read_tags(path)
            # a compressed file may hold more tags than bytes, no other
            assert kind == "hdf5" or stream.time.size <= path.stat().st_size
            assert np.all(np.diff(stream.time) >= 0)
            if outcome.files % 7 == 0:
                assert describe(path)["tags"] == stream.time.size
        outcome.read += 1
    except TagFileError as error:
        refusal = error
        outcome.refused += 1
    assert refusal is None or (0 <= refusal.offset <= path.stat().st_size and refusal.reason)
    outcome.slowest_s = max(outcome.slowest_s, time.perf_counter() - begun)
    assert outcome.slowest_s < LONGEST_S or outcome.files < 40, f"{path} took {outcome.slowest_s:.1f} s"


def run(folder: Path, seed: int, files: int = 10**9, seconds: float = 1e9) -> Outcome:
    """Damage and read so many files, or for so long."""
    rng = np.random.default_rng(seed)
    valid, outcome, end = samples(folder, rng), Outcome(), time.perf_counter() + seconds
    names = list(valid)
    for name, (suffix, data) in valid.items():
        path = folder / f"valid{suffix}"
        path.write_bytes(data)
        read_histograms(path) if name == "phu" else read_tags(path)
    while outcome.files < files and time.perf_counter() < end:
        name, other = (names[k] for k in rng.integers(0, len(names), 2))
        suffix, data = valid[name]
        path = folder / f"damaged{suffix}"
        path.write_bytes(damaged(data, valid[other][1], rng))
        outcome.files += 1
        outcome.kinds[name] = outcome.kinds.get(name, 0) + 1
        check(path, name, outcome)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--files", type=int, default=10**6)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), asked.seed, asked.files, asked.seconds)
    print(outcome)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
