"""Correlations of binned tags at long delays: a multiple-tau scheme.

Counts in samples of a fixed length are correlated at the delays of 8 to 15 samples; then two samples become
one and the same is done again. A delay of k samples collects the delays of the light within a triangle of one
sample on either side.
"""

import numpy as np
from numba import njit

from analysis._correlation_pass import MOST_BLOCKS, Blocks

__all__ = ["FIRST_LAG", "LAGS", "CoarseCorrelator"]

#: Delays of every level, in its samples.
FIRST_LAG, LAGS = 8, 8
_PAST = FIRST_LAG + LAGS - 1
_SAMPLES = 1 << 15


@njit(cache=True, nogil=True)
def _fill(time, channel, row, start, origin, sample, trace):  # type: ignore[no-untyped-def]
    """Add tags to a trace (channels, samples) until one lies behind its end; return the index of that."""
    end = origin + sample * trace.shape[1]
    i, per_sample = np.uint64(start), 1 / sample
    while i < time.size and time[i] < end:
        k = row[channel[i]]
        if k >= 0:
            trace[k, np.uint64((time[i] - origin + 0.5) * per_sample)] += 1
        i += np.uint64(1)
    return np.int64(i)


@njit(cache=True, nogil=True, fastmath=True)
def _halve(new, half):  # type: ignore[no-untyped-def]
    """Add samples (rows, samples) two by two; an odd one at the very end is left out. Return the totals."""
    totals = np.zeros(new.shape[0])
    for row in range(new.shape[0]):
        these, sums, total = new[row], half[row], 0.0
        for k in range(sums.size):
            sums[k] = these[2 * k] + these[2 * k + 1]
            total += np.float64(sums[k])
        totals[row] = total
    return totals


@njit(cache=True, nogil=True, fastmath=True)
def _products(trace, first, pairs, products):  # type: ignore[no-untyped-def]
    """Add sums of products of samples to `products` (lags, pairs).

    `trace` (rows, samples) begins 15 samples before the later ones of the pairs. Counts are whole numbers and
    so are their products; the sums are exact.
    """
    samples = trace.shape[1] - _PAST
    for lag in range(products.shape[0]):
        begin = _PAST - first - lag
        for p in range(pairs.shape[0]):
            early, late = trace[pairs[p, 0], begin : begin + samples], trace[pairs[p, 1], _PAST:]
            total = 0.0
            for k in range(samples):
                total += np.float64(early[k]) * np.float64(late[k])
            products[lag, p] += total


class _Level:
    """One length of samples: the samples not yet correlated, and some before them."""

    def __init__(self, rows: int, pairs: int) -> None:
        self.trace = np.zeros((rows, _PAST + _SAMPLES), np.float32)
        self.filled = 0
        self.seen = 0
        self.products = np.zeros((MOST_BLOCKS, LAGS, pairs))
        self.dead = np.zeros((LAGS, 2 * rows - 1))
        self.total = np.zeros(rows)
        self.head = np.zeros((rows, _PAST))

    def tail(self) -> np.ndarray:
        """Return the last samples, (rows, 15)."""
        return self.trace[:, self.filled : self.filled + _PAST]


class CoarseCorrelator:
    """Correlates tags at long delays while they come.

    Parameters
    ----------
    channels : list of int
        Channels, by rows.
    pairs : list of (int, int)
        Rows of each pair; the second comes later.
    sample : int
        Length of the finest samples, units.
    levels : int
        How often to double it, plus one.
    blocks : Blocks
        For the errors.
    """

    def __init__(
        self, channels: list[int], pairs: list[tuple[int, int]], sample: int, levels: int, blocks: Blocks
    ) -> None:
        self.pairs, self.sample, self.blocks = pairs, sample, blocks
        self._some_dead = False
        rows, last = range(len(channels)), len(channels)
        self._rows = np.array(pairs)
        self._dead_rows = np.array([*((k, last) for k in rows), *((last, k) for k in rows), (last, last)])
        self._row = np.full(256, -1, np.int64)
        self._row[channels] = np.arange(len(channels))
        # the last row of a trace holds the dead part of every sample
        self.levels = [_Level(len(channels) + 1, len(pairs)) for _ in range(levels)]
        self.blocks.arrays += [level.products for level in self.levels]

    def feed(self, time: np.ndarray, channel: np.ndarray, dead: list[tuple[int, int]], limit: int) -> None:
        """Take in tags (channels as uint8) up to a time before which all are known."""
        start, level = 0, self.levels[0]
        while True:
            origin = self.blocks.begin + self.sample * level.seen
            start = _fill(time, channel, self._row, start, origin, self.sample, level.trace[:-1, _PAST:])
            if origin + self.sample * _SAMPLES > limit:
                return
            self._finish_samples(origin, dead, _SAMPLES)

    def finish(self, dead: list[tuple[int, int]], end: int) -> None:
        """Take in what is left of a recording that ended."""
        level = self.levels[0]
        origin = self.blocks.begin + self.sample * level.seen
        self._finish_samples(origin, dead, (end - origin) // self.sample)
        for number, level in enumerate(self.levels[1:], 1):
            self._correlate(number, level.filled)

    def _finish_samples(self, origin: int, dead: list[tuple[int, int]], samples: int) -> None:
        level = self.levels[0]
        level.trace[:-1, _PAST + samples :] = 0
        for start, stop in dead:
            if stop > origin and start < origin + samples * self.sample:
                edges = origin + self.sample * np.arange(samples + 1)
                inside = np.diff(np.clip(edges, start, stop))
                level.trace[-1, _PAST : _PAST + samples] += inside.astype(float) / self.sample
                self._some_dead = True
        new = level.trace[:, _PAST : _PAST + samples]
        # single precision is exact here: a stretch holds fewer tags than 2**24
        level.total += new.sum(axis=1)
        self._correlate(0, samples)
        level.trace[:, _PAST:] = 0

    def _correlate(self, number: int, samples: int) -> None:
        """Correlate the new samples of a level, and hand them on in pairs."""
        level = self.levels[number]
        trace = level.trace[:, : _PAST + samples]
        level.filled = samples
        if level.seen < _PAST:
            some = trace[:, _PAST : _PAST + _PAST - level.seen]
            level.head[:, level.seen : level.seen + some.shape[1]] = some
        first = 0
        while first < samples:
            length = self.sample << number
            block = self.blocks.of(self.blocks.begin + (level.seen + first) * length)
            last = -(-(self.blocks.end(block) - self.blocks.begin) // length) - level.seen
            last = min(max(last, first + 1), samples)
            _products(trace[:, first : _PAST + last], FIRST_LAG, self._rows, level.products[block])
            first = last
        if self._some_dead:
            _products(trace, FIRST_LAG, self._dead_rows, level.dead)
        level.seen += samples
        if number + 1 < len(self.levels):
            rows = len(trace) if self._some_dead else len(trace) - 1
            self._hand_on(number + 1, trace[:rows, _PAST:])
        level.trace[:, :_PAST] = level.tail().copy()
        level.filled = 0

    def _hand_on(self, number: int, new: np.ndarray) -> None:
        """Give samples to the next level, two by two."""
        level = self.levels[number]
        count = new.shape[1] // 2
        place = _PAST + level.filled
        level.total[: len(new)] += _halve(new, level.trace[: len(new), place : place + count])
        level.filled += count
        if level.filled == _SAMPLES:
            self._correlate(number, _SAMPLES)

    def expected(self, number: int) -> np.ndarray:
        """Return the products of a level that uncorrelated light would give, (lags, pairs)."""
        level = self.levels[number]
        lag = FIRST_LAG + np.arange(LAGS)
        tail = level.tail()
        ends = np.cumsum(tail[:, ::-1], axis=1, dtype=float)[:, lag - 1].T
        begins = np.cumsum(level.head, axis=1, dtype=float)[:, lag - 1].T
        early, late = level.total - ends, level.total - begins  # counts that have a partner
        scale, dead = 2.0**number, level.dead / 2.0**number
        live = np.maximum(level.seen - lag, 0) - (early[:, -1] + late[:, -1] - dead[:, -1]) / scale
        early, late = early[:, :-1], late[:, :-1]
        early, late = early - dead[:, : early.shape[1]], late - dead[:, early.shape[1] : -1]
        a, b = self._rows.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(live[:, None] > 0, early[:, a] * late[:, b] / live[:, None], np.nan)
