"""Counts pairs of tags by their delay, exactly.

Two ways to the same counts: a scan over the merged tags serves all pairs of channels at once and is fast
where few tags lie within a window; a sweep over the tags of two channels does less per pair and is fast where
many do. A pair belongs to its earlier tag, so that counts can be added up over stretches of a recording.

The bin of a delay d >= -window is floor((d + window)/width). In whole numbers that equals the integer part of
(d + window + 1/2)/width, which floating point gets right: it is never closer to a whole number than
1/(2 width).
"""

import numpy as np
from numba import njit

__all__ = ["bin_of", "scan", "sweep"]

_STRIP = 1024


@njit(cache=True, nogil=True, inline="always")
def bin_of(delay, window, per_bin):  # type: ignore[no-untyped-def]
    """Return the bin of a delay; `per_bin` is 1/width."""
    return np.int64((np.float64(delay + window) + 0.5) * per_bin)


@njit(cache=True, nogil=True)
def scan(time, channel, start, stop, slot, places, window, per_bin, counts):  # type: ignore[no-untyped-def]
    """Count the pairs whose earlier tag is one of [start, stop), delays in [-window, window).

    Parameters
    ----------
    time, channel : ndarray (tags,)
        In order; all tags up to a window after the last start.
    slot : ndarray of int64, (256,)
        Number of a channel (as uint8) among those wanted, one more for all others.
    places : ndarray of int64, (channels + 1, channels + 1, 2)
        Where the counts of (earlier, later) begin in `counts`, for positive and for negative delays. What
        nobody wants is counted into a place of its own; a place is one longer than the bins, for a positive
        delay of the whole window.
    counts : ndarray of int32, flat
    """
    # The few tags with another one near are listed first: without a branch to mispredict, and in loops simple
    # enough to be vectorised, that costs less than a nanosecond a tag.
    n, shift = time.size, np.float64(window) + 0.5
    near, listed = np.empty(_STRIP, np.uint8), np.empty(_STRIP, np.int32)
    for begin in range(start, stop, _STRIP):
        size = min(_STRIP, stop - begin, n - 1 - begin)
        part = time[begin : begin + size + 1]
        for i in range(size):
            near[i] = part[i + 1] - part[i] <= window
        found = np.uint64(0)
        for i in range(size):
            listed[found] = i
            found += np.uint64(near[i])
        for k in range(found):
            at = np.uint64(begin + listed[k])
            t, row, j = time[at], slot[channel[at]], at + np.uint64(1)
            d = time[j] - t
            while d <= window:
                plus, minus = places[row, slot[channel[j]]]
                counts[np.uint64(plus + np.int64((shift + d) * per_bin))] += 1
                counts[np.uint64(minus + np.int64((shift - d) * per_bin))] += 1
                j += np.uint64(1)
                if j == n:
                    break
                d = time[j] - t


@njit(cache=True, nogil=True)
def sweep(earlier, later, start, stop, first, strictly, sign, window, per_bin, counts):  # type: ignore[no-untyped-def]
    """Count the pairs of two channels, or of one with itself, whose earlier tag is one of [start, stop).

    Parameters
    ----------
    first : int
        1 if both are the same channel: only tags after the start count; else 0.
    strictly : bool
        Whether tags at the same time do not count.
    sign : int
        1 or -1: whether the delay is positive or negative.
    """
    n, shift = later.size, np.float64(window) + 0.5
    factor = sign * per_bin
    origin = shift * per_bin
    last = window - 1 if sign > 0 else window
    low = np.searchsorted(later, earlier[start]) if start < stop else 0
    high = low
    for i in range(start, stop):
        t = earlier[i]
        if first:
            low = i + 1
        else:
            while low < n and (later[low] < t or (strictly and later[low] == t)):
                low += 1
        high = max(high, low)
        while high < n and later[high] - t <= last:
            high += 1
        for d in later[low:high]:
            counts[np.uint64(np.int64(origin + (d - t) * factor))] += 1
