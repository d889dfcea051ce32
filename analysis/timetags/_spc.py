"""Becker & Hickl .spc files.

Layouts after the "FIFO files" chapter of the TCSPC handbook. A file does not say which of three it has: "spc"
is that of all modules but the SPC-600 and 630, which have "spc-600-48" (4096 time channels) and "spc-600-32"
(256). The clock period stands in the first record. The time within it is a value of the time-to-amplitude
converter, whose range and gain are in the .set file of the same name; without that file the times are those
of the clock.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.timetags._errors import TagFileError
from analysis.timetags._file import TagFile
from analysis.timetags._ordered import Decoded
from analysis.timetags._stream import NO_GAPS
from analysis.timetags._words import read_words

__all__ = ["LAYOUTS", "open_spc"]

_OVERFLOW_ONLY = 0x0FFFFFFF


@dataclass(frozen=True)
class _Layout:
    record_bytes: int
    clock_bits: int
    adc_bits: int


#: Layouts by name.
LAYOUTS = {"spc": _Layout(4, 12, 12), "spc-600-48": _Layout(6, 24, 12), "spc-600-32": _Layout(4, 17, 8)}


def open_spc(path: Path, layout: str = "spc") -> TagFile:
    """Read the first record of a .spc file and the .set file beside it.

    Raises
    ------
    TagFileError
        If it holds no clock period.
    """
    kind = LAYOUTS[layout]
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(kind.record_bytes)
    if len(first) < kind.record_bytes:
        raise TagFileError(path, size, "the file ends before its clock period")
    clock = int.from_bytes(first[2:4] if kind.record_bytes == 6 else first[:3], "little")
    if not clock:
        raise TagFileError(path, 0, f"the clock period is 0; this is no file of layout {layout}")
    clock_ps = clock * 100.0
    adc_ps = _converter_ps(path, kind)
    unit_ps = clock_ps if adc_ps is None else 1.0
    records, rest = divmod(size - kind.record_bytes, kind.record_bytes)
    notes = [f"{rest} bytes after the last whole record"] if rest else []
    if adc_ps is None:
        notes.append("no .set file with the range of the converter beside it: times are those of the clock")
    return TagFile(
        path, f"Becker & Hickl {layout}", unit_ps, records, kind.record_bytes, kind.record_bytes,
        _Decoder(kind, clock_ps, adc_ps), adc_ps or clock_ps,
        2 if adc_ps is None else int(2 * clock_ps + 4096 * adc_ps), {"clock_ps": clock_ps}, tuple(notes),
    )  # fmt: skip


def _converter_ps(path: Path, kind: _Layout) -> float | None:
    """Return the time channel of the converter by the .set file, if there is one."""
    setup = next((path.with_suffix(end) for end in (".set", ".SET") if path.with_suffix(end).exists()), None)
    if setup is None:
        return None
    text = setup.read_bytes()[: 1 << 22]
    found = [re.search(rb"\[SP_TAC_%s,[FI],\s*([^\]]{1,40})\]" % name, text) for name in (b"R", b"G")]
    try:
        span_s, gain = (float(match[1]) for match in found if match)
        channel_ps = span_s * 1e12 / gain / 2**kind.adc_bits
    except (ValueError, ZeroDivisionError) as error:
        raise TagFileError(setup, 0, "no range and gain of the converter (SP_TAC_R, SP_TAC_G)") from error
    if not 1e-3 <= channel_ps <= 1e9:
        raise TagFileError(setup, found[0].start() if found[0] else 0, f"time channels of {channel_ps:g} ps")
    return channel_ps


def _fields(raw: np.ndarray, layout: _Layout) -> tuple[np.ndarray, ...]:
    """Return clock, converter, routing, and the flags marker, gap, overflow, invalid of records."""
    b = raw.astype(np.int64).T
    if layout.record_bytes == 6:
        adc, clock, route = b[0] | (b[1] & 15) << 8, b[4] | b[5] << 8 | b[2] << 16, b[3]
        gap, overflow, invalid = (b[1] >> bit & 1 for bit in (6, 5, 4))
        return clock, adc, route, np.zeros_like(gap), gap, overflow, invalid
    gap, overflow, invalid = (b[3] >> bit & 1 for bit in (5, 6, 7))
    if layout.adc_bits == 8:
        clock = b[1] | b[2] << 8 | (b[3] & 1) << 16
        return clock, b[0], (b[3] & 15) >> 1, np.zeros_like(gap), gap, overflow, invalid
    return b[0] | (b[1] & 15) << 8, b[2] | (b[3] & 15) << 8, b[1] >> 4, b[3] >> 4 & 1, gap, overflow, invalid


class _Decoder:
    def __init__(self, layout: _Layout, clock_ps: float, adc_ps: float | None) -> None:
        self._layout, self._clock_ps, self._adc_ps = layout, clock_ps, adc_ps

    def __call__(self, file: TagFile, chunk: int) -> Iterator[Decoded]:
        layout, turns, latest, before = self._layout, 0, 0, 0
        for raw, done in read_words(file, chunk, np.dtype(f"V{layout.record_bytes}")):
            raw = raw.view(np.uint8).reshape(-1, layout.record_bytes)
            clock, adc, route, marker, gap, overflow, invalid = _fields(raw, layout)
            many = (overflow & invalid & (1 - marker)).astype(bool) & (layout.clock_bits == 12)
            count = np.where(many, clock | route << 12 | adc << 16, overflow)
            turn = turns + np.cumsum(count)
            at = file.offset + layout.record_bytes * (done - len(raw))
            if turn[-1] << layout.clock_bits > 1 << 53:
                raise TagFileError(file.path, at, "the overflows add up to more than any recording can last")
            ticks = np.where(many, 0, clock) + (turn << layout.clock_bits)
            time = self._units(ticks, np.where(marker | many, 2**layout.adc_bits - 1, adc))
            peak = np.maximum.accumulate(np.concatenate([[latest], time]))[1:]
            bad = time < peak - file.horizon
            if np.any(bad):
                first = int(np.argmax(bad))
                raise TagFileError(
                    file.path, at + layout.record_bytes * first,
                    "a tag is earlier than the one before; the file is damaged or has another layout",
                )  # fmt: skip
            keep = np.flatnonzero(~many & ((marker == 1) & (route > 0) | (marker == 0) & (invalid == 0)))
            channel = np.where(marker == 1, -route, route)[keep]
            if channel.size and channel.max() > 127:
                first = int(keep[np.argmax(channel > 127)])
                raise TagFileError(file.path, at + layout.record_bytes * first, "a detector number above 127")
            lost = np.flatnonzero(gap)
            edges = np.concatenate([[before], peak])
            gaps = np.stack([edges[lost], peak[lost]], axis=1) if lost.size else NO_GAPS
            disorder = bool(np.any(np.diff(time[keep], prepend=latest) < 0))
            turns, latest, before = int(turn[-1]), int(peak[-1]), int(peak[-1])
            yield Decoded(
                time[keep], channel.astype(np.int8), 0, keep.size, disorder, latest,
                gaps, latest + 1, done / file.records,
            )  # fmt: skip

    def _units(self, ticks: np.ndarray, adc: np.ndarray) -> np.ndarray:
        """Return times in units. The clock counts full periods; the converter runs backwards."""
        if self._adc_ps is None:
            return ticks
        after = 2**self._layout.adc_bits - 1 - adc
        return ticks * int(self._clock_ps) + np.floor(after * self._adc_ps + 0.5).astype(np.int64)
