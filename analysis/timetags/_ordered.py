"""Sorts chunks whose tags are almost in order."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from analysis.timetags._stream import Chunk

__all__ = ["LEAD", "Decoded", "in_order"]

#: Free places in front of decoded tags, so that those held back fit before them without a copy.
LEAD = 64


class Decoded(NamedTuple):
    """Decoded tags [first:stop) of two arrays; the places before `first` are free."""

    time: np.ndarray
    channel: np.ndarray
    first: int
    stop: int
    disorder: bool
    latest: int
    gaps: np.ndarray
    elapsed: int
    fraction: float


def in_order(decoded: Iterator[Decoded], horizon: int) -> Iterator[Chunk]:
    """Yield chunks in order from tags that are late by at most `horizon` units.

    What later tags may still precede is held back until the next chunk.
    """
    held_time, held_channel = np.empty(0, np.int64), np.empty(0, np.int8)
    last, gaps = None, []
    for part in decoded:
        time, channel, stop = part.time, part.channel, part.stop
        first = part.first - held_time.size
        if first < 0:
            time = np.concatenate([held_time, time[part.first : stop]])
            channel = np.concatenate([held_channel, channel[part.first : stop]])
            first, stop = 0, time.size
        elif held_time.size:
            time[first : part.first], channel[first : part.first] = held_time, held_channel
        time, channel = time[first:stop], channel[first:stop]
        if part.disorder:
            order = np.argsort(time, kind="stable")
            time, channel = time[order], channel[order]
        cut = int(np.searchsorted(time, part.latest - horizon)) if horizon else time.size
        held_time, held_channel = time[cut:].copy(), channel[cut:].copy()
        gaps.append(part.gaps)
        last = part
        if cut:
            reached = max(part.latest - horizon, int(time[cut - 1]))
            yield Chunk(time[:cut], channel[:cut], np.concatenate(gaps), reached, part.fraction)
            gaps = []
    if last is not None:
        left = np.concatenate(gaps) if gaps else last.gaps[:0]
        yield Chunk(held_time, held_channel, left, last.elapsed, 1.0)
