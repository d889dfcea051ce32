"""Time tags that are correlated while they are recorded, with constant memory."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.timetags import Chunk, TagStream
from instruments.errors import Interlock
from instruments.roles import TimeTagger
from instruments.timetags import TimeTags
from labsync.events import Report

__all__ = ["Enough", "LiveTags"]

PROBE_S = 0.1
"""Length of the first recording: after this a detector in too much light is noticed."""
SHORTEST_S = 1e-3


@dataclass(frozen=True)
class Enough:
    """When a recording ends.

    Parameters
    ----------
    error : float
        Wanted relative Poisson error of a bin of the cross-correlation.
    bin_ps : float
        Width of that bin.
    time_s : float
        Longest time altogether.
    chunk_s : float
        Longest single recording, after which the error is looked at.
    ceiling_hz : float
        Highest count rate that the detectors bear.
    """

    error: float
    bin_ps: float
    time_s: float
    chunk_s: float
    ceiling_hz: float


class LiveTags:
    """A recording in the making, in the shape in which `analysis.correlation.g2` takes recordings.

    It is put together from single recordings with gaps between them that no pair spans. The first one is
    short and made at once; the others are made when `chunks` is asked for them.

    Parameters
    ----------
    tagger : TimeTagger
        What records.
    inputs : (int, int)
        Its inputs whose cross-correlation is wanted.
    window_ns : float
        Longest delay.
    enough : Enough
        When to end.
    between : callable
        Told of the error reached and the time spent after each recording.
    keep : bool
        Keep the tags in memory, for `kept`.

    Attributes
    ----------
    unit_ps, expected_duration, delays_ps, resolution_ps, source, format, notes
        As of `analysis.timetags.TagStream`; the duration is what the first recording makes expect.

    Raises
    ------
    Interlock
        A detector counts more than the ceiling allows.
    """

    format, resolution_ps, notes = "live", None, ()

    def __init__(
        self,
        tagger: TimeTagger,
        inputs: tuple[int, int],
        window_ns: float,
        enough: Enough,
        between: Report,
        keep: bool = False,
    ) -> None:
        self._tagger, self._inputs, self._enough = tagger, inputs, enough
        self._between, self._keep = between, keep
        self._counts, self._spent_s = [0, 0], 0.0
        self._kept: list[Chunk] = []
        self.delays_ps: dict[int, float] = {}
        self.source = f"inputs {inputs[0]} and {inputs[1]}"
        self._first = self._record(min(PROBE_S, enough.chunk_s, enough.time_s))
        self.unit_ps = float(self._first.unit_ps)
        self._gap = math.ceil(2e3 * window_ns / self.unit_ps)
        expected_s = self._spent_s * max(1.0, (self._error() / enough.error) ** 2)
        self.expected_duration = self._units(min(expected_s, enough.time_s))

    def chunks(self) -> Iterator[Chunk]:
        """Record until it is enough; yield what came."""
        tags, begin, end = self._first, 0, 0
        while True:
            gaps = np.array([(end, begin)] if begin else [], np.int64).reshape(-1, 2)
            end = begin + self._units(tags.duration_s)
            # a tag may lie on the very end of its recording
            time = np.minimum(tags.time_ps // tags.unit_ps + begin, end - 1)
            left_s = self._enough.time_s - self._spent_s
            done = self._error() <= self._enough.error or left_s < SHORTEST_S
            chunk = Chunk(time, tags.channel, gaps, end, 1.0 if done else self._spent_s / self._enough.time_s)
            if self._keep:
                self._kept.append(chunk)
            yield chunk
            if done:
                return
            begin = end + self._gap
            tags = self._record(min(self._enough.chunk_s, left_s))

    def kept(self) -> TagStream:
        """Return the tags of all chunks."""
        times, channels, gaps = (np.concatenate([chunk[k] for chunk in self._kept]) for k in range(3))
        return TagStream(times, channels, self._kept[-1].elapsed, self.unit_ps, gaps, source=self.source)

    def _record(self, duration_s: float) -> TimeTags:
        tags = self._tagger.record(sorted(self._inputs), duration_s)
        for k, channel in enumerate(self._inputs):
            counts = tags.counts(channel)
            rate_hz, ceiling_hz = counts / tags.duration_s, self._enough.ceiling_hz
            if rate_hz > ceiling_hz:
                raise Interlock(
                    f"The detector at input {channel} counts {rate_hz:.3g}/s, above its ceiling of "
                    f"{ceiling_hz:.3g}/s: attenuate the light."
                )
            self._counts[k] += counts
        self._spent_s += tags.duration_s
        self._between({"g2_error": self._error(), "time_s": self._spent_s})
        return tags

    def _error(self) -> float:
        """Return the relative Poisson error of a bin of the cross-correlation."""
        pairs = math.prod(self._counts) / self._spent_s * self._enough.bin_ps * 1e-12
        return pairs**-0.5 if pairs > 0 else math.inf

    def _units(self, seconds: float) -> int:
        return round(seconds * 1e12 / self.unit_ps)
