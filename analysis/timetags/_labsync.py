"""Our own files of time tags.

Layout, little-endian: the 8 bytes ``LABTAGS1``, the length of the header (uint32), the header (JSON:
``unit_ps``, ``duration`` in units, ``resolution_ps``, ``gaps``, ``delays_ps``, ``source``), then 9 bytes a
tag: its time (int64, units) and its channel (int8). Tags may be appended while a recording runs; its duration
is that of the header or, if that is shorter, what the tags need.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from analysis.timetags._errors import TagFileError
from analysis.timetags._file import TagFile
from analysis.timetags._ordered import Decoded
from analysis.timetags._stream import TagStream
from analysis.timetags._words import read_words

__all__ = ["MAGIC", "open_labsync", "write_tags"]

MAGIC = b"LABTAGS1"
_TAG = np.dtype([("time", "<i8"), ("channel", "i1")])
_LONGEST_HEADER = 1 << 26


def write_tags(path: Path | str, stream: TagStream) -> None:
    """Write a stream to a file of our own, with everything correlations need."""
    header = {
        "unit_ps": stream.unit_ps,
        "duration": stream.duration,
        "resolution_ps": stream.resolution_ps,
        "gaps": stream.gaps.tolist(),
        "delays_ps": {str(channel): float(delay) for channel, delay in stream.delays_ps.items()},
        "source": stream.source,
    }
    text = json.dumps(header).encode()
    tags = np.empty(stream.time.size, _TAG)
    tags["time"], tags["channel"] = stream.time, stream.channel
    with Path(path).open("wb") as file:
        file.write(MAGIC + struct.pack("<I", len(text)) + text)
        file.write(tags.data)


def open_labsync(path: Path) -> TagFile:
    """Read the header of a file of our own.

    Raises
    ------
    TagFileError
        If it is cut off or nonsense.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        length = struct.unpack("<I", start[8:])[0] if len(start) == 12 else -1
        if start[:8] != MAGIC or not 0 <= length <= min(size - 12, _LONGEST_HEADER):
            raise TagFileError(path, min(size, 8), "the header is cut off")
        text = file.read(length)
    try:
        header = json.loads(text)
        unit_ps, duration = float(header["unit_ps"]), int(header["duration"])
        gaps = np.array(header.get("gaps", []), np.int64).reshape(-1, 2)
        delays = {int(channel): float(delay) for channel, delay in header.get("delays_ps", {}).items()}
        resolution = header.get("resolution_ps")
        resolution = None if resolution is None else float(resolution)
        good = 1e-3 <= unit_ps <= 1e12 and 0 <= duration < 1 << 62
        good = good and bool(np.all(np.diff(gaps.ravel()) >= 0))
        good = good and all(abs(delay) < 1e15 for delay in delays.values())
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        why = f"the header is no description of time tags ({type(error).__name__})"
        raise TagFileError(path, 12, why) from error
    if not good:
        raise TagFileError(path, 12, "the header has an impossible unit, duration, delay or gap")
    offset = 12 + length
    notes = [f"{(size - offset) % 9} bytes after the last whole tag"] if (size - offset) % 9 else []
    return TagFile(
        path, "labsync tags", unit_ps, (size - offset) // 9, offset, 9, _Tags(gaps),
        resolution, 0, header, tuple(notes), delays, duration,
    )  # fmt: skip


class _Tags:
    def __init__(self, gaps: np.ndarray) -> None:
        self._gaps = gaps

    def __call__(self, file: TagFile, chunk: int) -> Iterator[Decoded]:
        latest, gaps = 0, self._gaps
        for words, done in read_words(file, chunk, _TAG):
            time, channel = np.ascontiguousarray(words["time"]), np.ascontiguousarray(words["channel"])
            late = np.flatnonzero(np.diff(time, prepend=latest) < 0)
            if late.size or (time.size and time[-1] >= 1 << 62):
                at = file.offset + 9 * (done - time.size + (int(late[0]) if late.size else 0))
                raise TagFileError(file.path, at, "the times decrease or are negative")
            latest = int(time[-1]) if time.size else latest
            fraction = done / file.records
            known = (gaps[:, 0] <= latest) | (done == file.records)
            fresh, gaps = gaps[known], gaps[~known]
            yield Decoded(time, channel, 0, time.size, False, latest, fresh, latest + 1, fraction)
        if not file.records:
            yield Decoded(np.empty(0, np.int64), np.empty(0, np.int8), 0, 0, False, 0, gaps, 0, 1.0)
