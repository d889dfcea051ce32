"""When a recording was live, and what that does to its pairs."""

from collections.abc import Iterator, Mapping

import numpy as np

from analysis.timetags import Chunk

__all__ = ["LiveTime", "aligned"]


class LiveTime:
    """Live and dead times of a recording while it is read.

    Attributes
    ----------
    begin, end : int
        The recording was live between these, but for `dead`.
    dead : list of (int, int)
        Dead intervals [start, stop), in order, separate.
    """

    def __init__(self, begin: int) -> None:
        self.begin = self.end = begin
        self.dead: list[tuple[int, int]] = []

    def add_gaps(self, gaps: np.ndarray) -> None:
        """Add dead intervals, in order; those that touch become one."""
        for start, stop in gaps.tolist():
            start = max(start, self.begin)
            if stop <= start:
                continue
            if self.dead and start <= self.dead[-1][1]:
                self.dead[-1] = (self.dead[-1][0], max(stop, self.dead[-1][1]))
            else:
                self.dead.append((start, stop))

    def close(self, end: int) -> None:
        """Fix the end and cut off what lies behind."""
        self.end = max(end, self.begin)
        self.dead = [(start, min(stop, self.end)) for start, stop in self.dead if start < self.end]

    def is_live(self, time: np.ndarray) -> np.ndarray:
        """Return for every time whether the recording was live."""
        starts, stops = self._dead()
        inside = np.searchsorted(starts, time, "right") - 1
        dead = (inside >= 0) & (time < stops[inside]) if starts.size else np.zeros(time.size, bool)
        return (time >= self.begin) & ~dead

    def edges(self, closed: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return where the recording becomes dead (+1) and live (-1): times and signs."""
        starts, stops = self._dead()
        times = [np.array([self.begin]), starts, stops] + ([np.array([self.end])] if closed else [])
        signs = [-np.ones(1), np.ones(starts.size), -np.ones(stops.size)] + ([np.ones(1)] if closed else [])
        return np.concatenate(times), np.concatenate(signs)

    def live_in(self, borders: np.ndarray) -> np.ndarray:
        """Return the live time between successive borders."""
        starts, stops = self._dead()
        borders = np.clip(borders, self.begin, self.end)
        dead_before = np.array([np.sum(np.clip(np.minimum(b, stops) - starts, 0, None)) for b in borders])
        return np.diff(borders) - np.diff(dead_before)

    def overlap(self, delay: np.ndarray) -> np.ndarray:
        """Return for how long the recording was live both at t and at t + delay.

        The second derivative of this overlap by the delay is a sum over pairs of edges; between them it is
        linear.
        """
        times, signs = self.edges(closed=True)
        order = np.argsort(times, kind="stable")
        times, signs = times[order], signs[order]
        tau = np.abs(delay).astype(float)
        live = float(np.sum(times * signs))
        result = live - tau * (times.size / 2)
        longest = tau.max(initial=0.0)
        for step in range(1, times.size):
            distance = (times[step:] - times[:-step]).astype(float)
            near = distance < longest
            if not near.any():
                break
            order = np.argsort(distance[near])
            apart = distance[near][order]
            weight = (signs[step:] * signs[:-step])[near][order]
            upto = np.searchsorted(apart, tau)
            total, moment = (np.append(0.0, np.cumsum(x)) for x in (weight, weight * apart))
            result -= tau * total[upto] - moment[upto]
        return np.maximum(result, 0.0)

    def _dead(self) -> tuple[np.ndarray, np.ndarray]:
        dead = np.array(self.dead, np.int64).reshape(-1, 2)
        return dead[:, 0], dead[:, 1]


def aligned(chunks: Iterator[Chunk], shifts: Mapping[int, int]) -> Iterator[Chunk]:
    """Take the channels' delays off the times, keeping the order.

    What a later chunk may still precede is held back, in the end for good: there not all channels are live.
    Gaps are widened for the same reason.
    """
    most, least = max([0, *shifts.values()]), min([0, *shifts.values()])
    if most == least == 0:
        yield from chunks
        return
    table = np.zeros(256, np.int64)
    table[list(shifts)] = list(shifts.values())
    held_time, held_channel = np.empty(0, np.int64), np.empty(0, np.int8)
    for chunk in chunks:
        time = np.concatenate([held_time, chunk.time - table[chunk.channel.view(np.uint8)]])
        channel = np.concatenate([held_channel, chunk.channel])
        by_time = np.argsort(time, kind="stable")
        time, channel = time[by_time], channel[by_time]
        cut = int(np.searchsorted(time, chunk.elapsed - most))
        held_time, held_channel = time[cut:], channel[cut:]
        gaps = chunk.gaps + np.array([-most, -least])
        yield Chunk(time[:cut], channel[:cut], gaps, chunk.elapsed - most, chunk.fraction)
