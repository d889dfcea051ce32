"""A file of time tags, read in chunks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from analysis.timetags._errors import TagFileError
from analysis.timetags._ordered import Decoded, in_order
from analysis.timetags._stream import NO_GAPS, Chunk, TagStream

__all__ = ["CHUNK", "TagFile"]

#: Records decoded at a time: they and their tags stay in the processor's cache.
CHUNK = 1 << 16
_TRIAL = 1 << 14
_SILENT_TAGS = 20.0
_ROUNDING_PS = 1e9  # headers have milliseconds


@dataclass(frozen=True)
class TagFile:
    """A file of time tags whose header has been read; memory use does not grow with its length.

    Parameters
    ----------
    path, format : Path, str
        The file and what it is.
    unit_ps, resolution_ps : float
        Unit of the times and the recorder's own resolution, ps.
    records : int
        Records that will be read.
    offset, record_bytes : int
        Where they begin and how long they are.
    horizon : int
        By how much tags may be late in the file, units.
    header : mapping
        What the file says of itself.
    notes : tuple of str
        Where header and file disagree.
    delays_ps : mapping
        As in `TagStream`.
    duration, claimed : int
        How long the recording was, units, where the header is sure to know; where it only says so.
    """

    path: Path
    format: str
    unit_ps: float
    records: int
    offset: int
    record_bytes: int
    decoded: Callable[["TagFile", int], Iterator[Decoded]] = field(repr=False)
    resolution_ps: float | None = None
    horizon: int = 0
    header: Mapping[str, Any] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    delays_ps: Mapping[int, float] = field(default_factory=dict)
    duration: int = 0
    claimed: int = 0

    @property
    def source(self) -> str:
        """Name of the file."""
        return self.path.name

    @property
    def expected_duration(self) -> int:
        """How long the recording is in units, by the records of its beginning."""
        for chunk in in_order(self.decoded(self, _TRIAL), self.horizon):
            return max(int(chunk.elapsed / max(chunk.fraction, 1e-9)), self.duration, 1)
        return max(self.duration, 1)

    def chunks(self, records: int = CHUNK) -> Iterator[Chunk]:
        """Yield the tags in order, of so many records at a time.

        Raises
        ------
        TagFileError
            Where the file is damaged.
        """
        last, tags = None, 0
        for chunk in in_order(self.decoded(self, records), self.horizon):
            if last is not None:
                yield last
            last, tags = chunk, tags + chunk.time.size
        if last is not None:
            yield last._replace(elapsed=self._end(last.elapsed, tags))

    def _end(self, elapsed: int, tags: int) -> int:
        """Return the end of a recording whose data end at `elapsed`.

        A recorder may go on a little after the last tag. What its header claims is believed as far as it fits
        the rate of the tags.
        """
        silence = _SILENT_TAGS * elapsed / max(tags, 1) + _ROUNDING_PS / self.unit_ps
        claimed = self.claimed if self.claimed <= elapsed + silence else 0
        return max(elapsed, self.duration, claimed)

    def read(self) -> TagStream:
        """Return all tags in memory.

        Raises
        ------
        TagFileError
            Where the file is damaged.
        """
        parts = list(self.decoded(self, max(self.records, 1)))
        time = _joined([part.time[part.first : part.stop] for part in parts], np.int64)
        channel = _joined([part.channel[part.first : part.stop] for part in parts], np.int8)
        if any(part.disorder for part in parts):
            order = np.argsort(time, kind="stable")
            time, channel = time[order], channel[order]
        gaps = np.concatenate([NO_GAPS, *(part.gaps for part in parts)])
        elapsed = self._end(parts[-1].elapsed if parts else 0, time.size)
        try:
            return TagStream(
                time, channel, elapsed, self.unit_ps, gaps, self.delays_ps,
                self.resolution_ps, self.path.name, self.format, self.header, self.notes,
            )  # fmt: skip
        except ValueError as error:
            raise TagFileError(self.path, self.offset, str(error)) from error


def _joined(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, kind), *parts])
