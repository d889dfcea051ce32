"""One pass over a recording that counts all wanted pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis._correlation_kernels import scan, sweep
from analysis._correlation_live import LiveTime
from analysis.timetags import Chunk

__all__ = ["MOST_BLOCKS", "Blocks", "Grid", "PairCounter", "counted"]

#: Blocks for the jackknife aimed at; there are between half and 1.28 times as many.
BLOCKS = 100
MOST_BLOCKS = 128
_DENSE = 10.0
_TRIAL = 1 << 16


@dataclass(frozen=True)
class Grid:
    """Delays [-half, half) bins of `width` units."""

    width: int
    half: int

    @property
    def bins(self) -> int:
        """Number of bins."""
        return 2 * self.half

    @property
    def window(self) -> int:
        """Longest delay in units."""
        return self.width * self.half

    def edges(self) -> np.ndarray:
        """Left edges of the bins and the right edge of the last one, units."""
        return self.width * np.arange(-self.half, self.half + 1)


class Blocks:
    """Equal stretches of a recording, for the jackknife.

    Attributes
    ----------
    begin, length : int
        Beginning of the first block and length of all, units.
    arrays : list of ndarray, (most blocks, ...)
        Sums by blocks. When there are too many blocks they are joined two by two, and these sums with them.
    """

    def __init__(self, begin: int, length: int) -> None:
        self.begin, self.length = begin, length
        self.arrays: list[np.ndarray] = []

    def of(self, time: int) -> int:
        """Return the block of a time."""
        while time - self.begin >= MOST_BLOCKS * self.length:
            for array in self.arrays:
                array[: MOST_BLOCKS // 2] = array[::2] + array[1::2]
                array[MOST_BLOCKS // 2 :] = 0
            self.length *= 2
        return (time - self.begin) // self.length

    def end(self, block: int) -> int:
        """Return the time at which a block ends."""
        return self.begin + (block + 1) * self.length


class PairCounter:
    """Counts pairs of tags, chunk by chunk.

    Parameters
    ----------
    pairs : list of (int, int)
        Channels of each pair; the delay is that of the second after the first.
    grid : Grid
        Delays.
    begin, expected_end : int
        The recording begins here and ends about there; that fixes the blocks.

    Attributes
    ----------
    counts : ndarray of int32, (blocks, pairs, bins)
        Pairs by the block of their earlier tag, once finished.
    tags : ndarray of int64, (blocks, channels)
        Live tags, channels in the order of `channels`.
    edges : ndarray of int64, (channels, bins)
        Delays of the ends of the live time after a tag, less those of its beginnings.
    live : LiveTime
        Live and dead times.
    dense : bool or None
        Which kernel counted.
    """

    def __init__(self, pairs: list[tuple[int, int]], grid: Grid, begin: int, expected_end: int) -> None:
        self.pairs, self.grid = pairs, grid
        self.channels = sorted({channel for pair in pairs for channel in pair})
        self.live = LiveTime(begin)
        # one pair more for what nobody wants, one bin more for a delay of the whole window
        self.counts = np.zeros((MOST_BLOCKS, len(pairs) + 1, grid.bins + 1), np.int32)
        self.tags = np.zeros((MOST_BLOCKS, len(self.channels)), np.int64)
        self.blocks = Blocks(begin, max(-(-(expected_end - begin) // BLOCKS), 2 * grid.window, 1))
        self.blocks.arrays += [self.counts, self.tags]
        self.edges = np.zeros((len(self.channels), grid.bins), np.int64)
        self.dense: bool | None = None
        self._slot = np.full(256, len(self.channels), np.int64)
        self._slot[self.channels] = np.arange(len(self.channels))
        self._places = self._make_places()
        self._time, self._channel = np.empty(0, np.int64), np.empty(0, np.uint8)
        self._edges, self._closed = self.live.edges(closed=False), False

    def _make_places(self) -> np.ndarray:
        """Return where the counts of two channels begin, by the earlier and the later one and the sign."""
        length = self.grid.bins + 1
        places = np.full((len(self.channels) + 1, len(self.channels) + 1, 2), len(self.pairs) * length)
        for row, (first, second) in enumerate(self.pairs):
            a, b = self._slot[first], self._slot[second]
            places[a, b, 0] = places[b, a, 1] = row * length
        return places

    def feed(self, chunk: Chunk) -> tuple[np.ndarray, np.ndarray]:
        """Count what a chunk completes; return its live tags: times and channels (uint8)."""
        if len(chunk.gaps):
            self.live.add_gaps(chunk.gaps)
            self._edges = self.live.edges(closed=False)
        time, channel = chunk.time, chunk.channel.view(np.uint8)
        if self.live.dead or (time.size and time[0] < self.live.begin):
            keep = self.live.is_live(time)
            time, channel = time[keep], channel[keep]
        if self.dense is None and time.size:
            seen = slice(0, _TRIAL)
            wanted = np.count_nonzero(self._slot[channel[seen]] < len(self.channels))
            span = int(np.ptp(time[seen])) if time.size > 1 else chunk.elapsed
            self.dense = bool(wanted * self.grid.window > _DENSE * max(span, 1))
        self._advance(time, channel, chunk.elapsed - self.grid.window)
        return time, channel

    def finish(self, end: int) -> None:
        """Count what is left."""
        self.live.close(end)
        self._edges, self._closed = self.live.edges(closed=True), True
        keep = self.live.is_live(self._time) & (self._time < self.live.end)
        time, channel = self._time[keep], self._channel[keep]
        self._count(time, channel, time.size)
        blocks = max(-(-(self.live.end - self.live.begin) // self.blocks.length), 1)
        self.counts, self.tags = self.counts[:blocks, :-1, :-1], self.tags[:blocks]

    def _advance(self, time: np.ndarray, channel: np.ndarray, limit: int) -> None:
        """Count the pairs of tags before `limit`; keep the others for the next chunk.

        The tags kept from the chunk before need only the first tags of this one: that saves a copy of all.
        """
        if self._time.size:
            reach = int(np.searchsorted(time, self._time[-1] + self.grid.window, "right"))
            joined = np.concatenate([self._time, time[:reach]])
            channels = np.concatenate([self._channel, channel[:reach]])
            if reach < time.size:
                # tags at one time belong together
                same = int(np.searchsorted(time, self._time[-1], "right"))
                self._count(joined, channels, self._time.size + same)
                time, channel = time[same:], channel[same:]
            else:
                time, channel = joined, channels
        cut = int(np.searchsorted(time, limit))
        self._count(time, channel, cut)
        self._time, self._channel = time[cut:].copy(), channel[cut:].copy()

    def _count(self, time: np.ndarray, channel: np.ndarray, stop: int) -> None:
        """Count the pairs whose earlier tag is one of the first `stop`, by blocks."""
        if not stop:
            return
        parts = self._split(time, channel) if self.dense else []
        start = 0
        while start < stop:
            block = self.blocks.of(int(time[start]))
            end = int(np.searchsorted(time[:stop], self.blocks.end(block)))
            if self.dense:
                self._sweep(parts, int(time[start]), int(time[end - 1]), block)
            else:
                scan(
                    time, channel, start, end, self._slot, self._places,
                    self.grid.window, 1 / self.grid.width, self.counts[block].reshape(-1),
                )  # fmt: skip
            seen = channel[start:end]
            self.tags[block] += [np.count_nonzero(seen == wanted) for wanted in self.channels]
            start = end
        self._count_edges(time[:stop], channel[:stop])

    def _split(self, time: np.ndarray, channel: np.ndarray) -> list[np.ndarray]:
        return [time[channel == wanted] for wanted in self.channels]

    def _sweep(self, parts: list[np.ndarray], first: int, last: int, block: int) -> None:
        """Count the pairs whose earlier tag lies between two times, both included."""
        window, per_bin, counts = self.grid.window, 1 / self.grid.width, self.counts[block]
        span = [(int(np.searchsorted(p, first)), int(np.searchsorted(p, last, "right"))) for p in parts]
        for row, pair in enumerate(self.pairs):
            a, b = (int(self._slot[channel]) for channel in pair)
            same = int(a == b)
            sweep(parts[a], parts[b], *span[a], same, False, 1, window, per_bin, counts[row])
            sweep(parts[b], parts[a], *span[b], same, not same, -1, window, per_bin, counts[row])

    def _count_edges(self, time: np.ndarray, channel: np.ndarray) -> None:
        """Count the delays from tags to the edges of the live time."""
        window, width = self.grid.window, self.grid.width
        times, signs = self._edges
        near = (times >= time[0] - window) & (times < time[-1] + window)
        for edge, sign in zip(times[near], signs[near], strict=True):
            low, high = np.searchsorted(time, [edge - window + 1, edge + window], "right")
            delay = edge - time[low:high] if low < high else time[:0]
            row = self._slot[channel[low:high]]
            inside = (row < len(self.channels)) & (delay >= -window) & (delay < window)
            place = row[inside] * self.grid.bins + (delay[inside] + window) // width
            np.add.at(self.edges.reshape(-1), place, int(sign))


def counted(chunks: Iterator[Chunk], counter: PairCounter) -> Iterator[float]:
    """Feed all chunks, yielding how much of the recording is done."""
    elapsed = counter.live.begin
    for chunk in chunks:
        counter.feed(chunk)
        elapsed = chunk.elapsed
        yield chunk.fraction
    counter.finish(elapsed)
