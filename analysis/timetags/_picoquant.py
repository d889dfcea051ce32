"""PicoQuant's files of time tags: .ptu, .ht2 and .ht3."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from analysis.timetags._errors import TagFileError
from analysis.timetags._file import CHUNK, TagFile
from analysis.timetags._harp import read_harp_header
from analysis.timetags._ordered import LEAD, Decoded
from analysis.timetags._records import OUT_OF_ORDER, RECORDS, Records, decode_t2, decode_t3
from analysis.timetags._stream import NO_GAPS
from analysis.timetags._unified import read_header

__all__ = ["open_harp", "open_ptu"]

_LATE_PS = 1e6  # markers come through another path than photons and may be late


def open_ptu(path: Path) -> TagFile:
    """Read the header of a .ptu file.

    Raises
    ------
    TagFileError
        If the header lacks what is needed or contradicts itself.
    """
    tags, offset = read_header(path, b"PQTTTR")
    kind = _number(path, tags, "TTResultFormat_TTTRRecType", offset)
    records = RECORDS.get(int(kind) & 0xFFFFFFFF) if kind == int(kind) else None
    if records is None:
        raise TagFileError(path, offset, f"unknown type {int(kind):#010x} of the records")
    mode = tags.get("Measurement_Mode", records.mode)
    if mode != records.mode:
        raise TagFileError(path, offset, f"the records are {records.name} but Measurement_Mode is {mode}")
    if tags.get("TTResultFormat_BitsPerRecord", 32) != 32:
        raise TagFileError(path, offset, "the records do not have 32 bits")
    period_ps = _number(path, tags, "MeasDesc_GlobalResolution", offset) * 1e12
    after_ps = period_ps if records.mode == 2 else _number(path, tags, "MeasDesc_Resolution", offset) * 1e12
    claimed = tags.get("TTResult_NumberOfRecords", 0)
    claimed = int(claimed) if isinstance(claimed, int) else 0
    rate = tags.get("TTResult_SyncRate", 0)
    rate = float(rate) if isinstance(rate, (int, float)) else 0.0
    return _open(path, "PicoQuant PTU", records, offset, claimed, period_ps, after_ps, rate, tags)


def open_harp(path: Path) -> TagFile:
    """Read the header of a HydraHarp .ht2 or .ht3 file, version 1.0 or 2.0.

    Raises
    ------
    TagFileError
        If the header is cut off or contradicts itself.
    """
    header, offset = read_harp_header(path)
    first = header["FormatVersion"] == "1.0"
    mode = header["MeasurementMode"]
    records = RECORDS[(0x00010004 if first else 0x01010004) | mode << 8]
    rate = header["SyncRate"]
    if mode == 3 and rate <= 0:
        raise TagFileError(path, offset, f"the sync rate is {rate} Hz; times of a T3 recording need it")
    # version 1.0 counts half picoseconds, whatever its header says of the resolution
    period_ps = (0.5 if first else header["BaseResolution"]) if mode == 2 else 1e12 / rate
    after_ps = period_ps if mode == 2 else header["Resolution"]
    claimed = header["NumRecords"]
    return _open(path, f"HydraHarp HT{mode}", records, offset, claimed, period_ps, after_ps, rate, header)


def _number(path: Path, tags: Mapping[str, Any], name: str, offset: int) -> float:
    value = tags.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TagFileError(path, offset, f"the header has no number {name}")
    return value


def _open(
    path: Path, name: str, records: Records, offset: int, claimed: int,
    period_ps: float, after_ps: float, rate_hz: float, header: Mapping[str, Any],
) -> TagFile:  # fmt: skip
    for what, value in (("time unit", period_ps), ("resolution", after_ps)):
        if not (math.isfinite(value) and 1e-3 <= value <= 1e12):
            raise TagFileError(path, offset, f"the {what} is {value:g} ps; from 0.001 to 1e12 is possible")
    size = path.stat().st_size - offset
    held, notes = size // 4, []
    if held < claimed:
        notes.append(f"truncated: the header says {claimed} records, the file holds {held}")
    if 0 < claimed < held:
        notes.append(f"{held - claimed} records after the {claimed} that the header says are left out")
    if size % 4:
        notes.append(f"{size % 4} bytes after the last whole record")
    if records.mode == 3 and rate_hz > 0 and abs(rate_hz * period_ps * 1e-12 - 1) > 0.01:
        notes.append(f"the sync rate of {rate_hz} Hz does not fit the sync period of {period_ps:g} ps")
    unit_ps = float(f"{period_ps:.9g}") if records.mode == 2 else 1.0
    stop_ms = header.get("TTResult_StopAfter", header.get("StopAfter", 0))
    whole = held >= claimed > 0 and isinstance(stop_ms, int) and 0 < stop_ms < 1 << 40
    late_ps = _LATE_PS if records.mode == 2 else 2 * period_ps + 2**15 * after_ps
    count = min(held, claimed) if claimed > 0 else held
    return TagFile(
        path, f"{name}, {records.name}", unit_ps, count, offset, 4, _Decoder(records, period_ps, after_ps),
        resolution_ps=float(f"{after_ps:.9g}"), horizon=math.ceil(late_ps / unit_ps),
        header=header, notes=tuple(notes), claimed=int(stop_ms * 1e9 / unit_ps) if whole else 0,
    )  # fmt: skip


class _Decoder:
    """Decodes the records of an open file, chunk by chunk."""

    def __init__(self, records: Records, period_ps: float, after_ps: float) -> None:
        self._records, self._steps = records, (float(period_ps), float(after_ps))

    def __call__(self, file: TagFile, chunk: int) -> Iterator[Decoded]:
        state, done = (0, 0.0, 0), 0
        words = np.empty(min(CHUNK, chunk, file.records), np.uint32)
        with file.path.open("rb", buffering=0) as raw:
            raw.seek(file.offset)
            while done < file.records:
                end = min(done + chunk, file.records)
                time = np.empty(LEAD + end - done, np.int64)
                channel = np.empty(LEAD + end - done, np.int8)
                stop, disorder = LEAD, False
                while done < end:
                    piece = words[: end - done]
                    got = raw.readinto(piece.view(np.uint8).data) or 0
                    if got < piece.nbytes:
                        raise TagFileError(
                            file.path, file.offset + 4 * done + got, "the file ended while read"
                        )
                    stop, state, late, read, why = self._decode(
                        piece, state, file.horizon, time, channel, stop
                    )
                    if why:
                        raise TagFileError(file.path, file.offset + 4 * (done + read), _reason(why))
                    disorder, done = disorder or late, done + piece.size
                base, _, latest = state
                reached = max(base, latest + 1 if latest or stop > LEAD else 0)
                yield Decoded(
                    time, channel, LEAD, stop, disorder, latest, NO_GAPS, reached, done / file.records
                )

    def _decode(self, words: np.ndarray, state: Any, *out: Any) -> Any:
        kind = self._records
        common = (kind.shift, kind.inputs, kind.first_channel, kind.wrap, kind.counted)
        if kind.mode == 2:
            return decode_t2(words, *common, state, *out)
        return decode_t3(words, *common, self._steps, state, *out)


def _reason(why: int) -> str:
    if why == OUT_OF_ORDER:
        return "a tag is much earlier than the one before; the records are damaged or of another type"
    return "the overflows add up to more than any recording can last"
