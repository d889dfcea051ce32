"""Binary files of the quTAG (and quTAU): 10 bytes a tag.

After 40 bytes that describe nothing we need, every tag has its time (int64, in the recorder's time base) and
its channel (int16). The time base does not stand in the file: 1 ps for the quTAG, about 81 ps for the quTAU.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from analysis.timetags._errors import TagFileError
from analysis.timetags._file import TagFile
from analysis.timetags._ordered import Decoded
from analysis.timetags._stream import NO_GAPS
from analysis.timetags._words import read_words

__all__ = ["open_qutag"]

_HEADER = 40
_TAG = np.dtype([("time", "<i8"), ("channel", "<i2")])
_LATE_PS = 1e6


def open_qutag(path: Path, unit_ps: float = 1.0) -> TagFile:
    """Describe a quTAG file.

    Raises
    ------
    TagFileError
        If it is shorter than its header.
    ValueError
        If the unit is impossible.
    """
    if not 1e-3 <= unit_ps <= 1e12:
        raise ValueError(f"The unit is {unit_ps} ps; it must be between 0.001 and 1e12 ps.")
    size = path.stat().st_size - _HEADER
    if size < 0:
        raise TagFileError(path, size + _HEADER, "the file is shorter than the 40 bytes of a quTAG header")
    notes = (f"{size % 10} bytes after the last whole tag",) if size % 10 else ()
    horizon = int(np.ceil(_LATE_PS / unit_ps))
    return TagFile(
        path, "quTAG binary", unit_ps, size // 10, _HEADER, 10, _decode, horizon=horizon, notes=notes
    )


def _decode(file: TagFile, chunk: int) -> Iterator[Decoded]:
    latest = 0
    for words, done in read_words(file, chunk, _TAG):
        time, channel = np.ascontiguousarray(words["time"]), words["channel"]
        peak = np.maximum.accumulate(np.concatenate([[latest], time]))[1:]
        bad = (channel < 0) | (channel > 127) | (time < peak - file.horizon) | (time < 0) | (time >= 1 << 62)
        if np.any(bad):
            first = int(np.argmax(bad))
            at = file.offset + 10 * (done - time.size + first)
            why = f"time {time[first]} after {peak[first]}, channel {channel[first]}"
            raise TagFileError(file.path, at, f"no tag of a quTAG: {why}")
        disorder = bool(np.any(np.diff(time, prepend=latest) < 0))
        latest = int(peak[-1])
        yield Decoded(
            time,
            channel.astype(np.int8),
            0,
            time.size,
            disorder,
            latest,
            NO_GAPS,
            latest + 1,
            done / file.records,
        )
