"""Time tags in memory and in chunks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numba import njit

NO_GAPS = np.empty((0, 2), np.int64)


class Chunk(NamedTuple):
    """A stretch of time tags, later than those of the chunk before.

    Attributes
    ----------
    time : ndarray of int64, (tags,)
        In units, never decreasing.
    channel : ndarray of int8, (tags,)
        Detector of every tag; markers have negative channels.
    gaps : ndarray of int64, (gaps, 2)
        Dead intervals [start, stop) that came to be known with this chunk, in units.
    elapsed : int
        The recording is known up to this time, in units; of the last chunk: the duration.
    fraction : float
        How much of the recording has been read, 0 to 1.
    """

    time: np.ndarray
    channel: np.ndarray
    gaps: np.ndarray
    elapsed: int
    fraction: float


@dataclass(frozen=True)
class TagStream:
    """Time tags of a recording in memory.

    Parameters
    ----------
    time : ndarray of int64, (tags,)
        Times since the beginning of the recording, in units, never decreasing.
    channel : ndarray of int8, (tags,)
        Detector of every tag, 0 to 127. Markers have negative channels.
    duration : int
        Length of the recording in units: it was live in [0, duration) but for the gaps.
    unit_ps : float
        Length of a unit, ps. Not always a whole number: the first HydraHarps count in half picoseconds.
    gaps : ndarray of int64, (gaps, 2)
        Dead intervals [start, stop) in units, in order, without overlap.
    delays_ps : mapping
        How much later than the light a channel's tags come, ps; correlations take it off. Default: 0.
    resolution_ps : float, optional
        The recorder's own resolution where it is coarser than the unit.
    source, format : str
        Where the tags come from, for the record.
    header : mapping
        What the file said of itself.
    notes : tuple of str
        Where the file's header and its data disagree.

    Raises
    ------
    ValueError
        If the arrays do not fit together or the times decrease.
    """

    time: np.ndarray
    channel: np.ndarray
    duration: int
    unit_ps: float = 1.0
    gaps: np.ndarray = field(default_factory=NO_GAPS.copy)
    delays_ps: Mapping[int, float] = field(default_factory=dict)
    resolution_ps: float | None = None
    source: str = ""
    format: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        time = np.ascontiguousarray(self.time, np.int64)
        channel = np.ascontiguousarray(self.channel, np.int8)
        gaps = np.ascontiguousarray(self.gaps, np.int64).reshape(-1, 2)
        if time.ndim != 1 or time.shape != channel.shape:
            raise ValueError(f"{time.shape} times but {channel.shape} channels; every tag needs one of each.")
        if not (np.isfinite(self.unit_ps) and self.unit_ps > 0):
            raise ValueError(f"The unit is {self.unit_ps} ps; it must be positive.")
        if time.size and (time[0] < 0 or time[-1] >= self.duration):
            raise ValueError(
                f"Tags from {time[0]} to {time[-1]} lie outside of the duration, 0 to {self.duration} units."
            )
        if not _in_order(time):
            raise ValueError("The times of the tags decrease; sort them first.")
        if np.any(np.diff(gaps.ravel()) < 0):
            raise ValueError("The gaps overlap or are not in order.")
        for name, value in (("time", time), ("channel", channel), ("gaps", gaps)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "duration", int(self.duration))

    @property
    def duration_s(self) -> float:
        """Length of the recording, s, gaps included."""
        return self.duration * self.unit_ps * 1e-12

    @property
    def live_s(self) -> float:
        """Length of the recording without the gaps, s."""
        return self.duration_s - float(np.diff(self.gaps, axis=1).sum()) * self.unit_ps * 1e-12

    @property
    def expected_duration(self) -> int:
        """The duration in units."""
        return self.duration

    def channels(self) -> list[int]:
        """Return the detectors that have tags, in order, without markers."""
        return [int(channel) for channel in np.flatnonzero(_seen(self.channel)[:128])]

    def chunks(self, tags: int | None = None) -> Iterator[Chunk]:
        """Yield the tags in chunks of so many, all of them at once by default."""
        size, tags = self.time.size, tags or max(self.time.size, 1)
        for first in range(0, max(size, 1), tags):
            last = min(first + tags, size)
            done = last == size
            elapsed = self.duration if done else int(self.time[last - 1])
            # a gap may begin at the time of the last tag, which is then a dead one
            known = (self.gaps[:, 0] <= elapsed) | done
            fresh = known & (self.gaps[:, 0] > (self.time[first - 1] if first else -1))
            yield Chunk(
                self.time[first:last],
                self.channel[first:last],
                self.gaps[fresh],
                elapsed,
                last / max(size, 1),
            )


@njit(cache=True, nogil=True)
def _seen(channel):  # type: ignore[no-untyped-def]
    seen = np.zeros(256, np.bool_)
    for i in range(channel.size):
        seen[np.uint8(channel[i])] = True
    return seen


@njit(cache=True, nogil=True)
def _in_order(time):  # type: ignore[no-untyped-def]
    late = False
    for i in range(1, time.size):
        late |= time[i] < time[i - 1]
    return not late
