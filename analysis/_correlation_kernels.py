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

_STRIP = 4096


@njit(cache=True, nogil=True, inline="always")
def bin_of(delay, window, per_bin):  # type: ignore[no-untyped-def]
    """Return the bin of a delay; `per_bin` is 1/width."""
    return np.int64((np.float64(delay + window) + 0.5) * per_bin)


@njit(cache=True, nogil=True)
def scan(time, channel, start, stop, slot, plus, minus, window, per_bin, counts):  # type: ignore[no-untyped-def]
    """Count the pairs whose earlier tag is one of [start, stop), delays in [-window, window).

    Parameters
    ----------
    time, channel : ndarray (tags,)
        In order; all tags up to a window after the last start.
    slot : ndarray of int64, (256,)
        Number of a channel (as uint8) among those wanted, one more for all others.
    plus, minus : ndarray of int64, (channels + 1, channels + 1)
        Where the counts of (earlier, later) begin in `counts`, for positive and for negative delays. What
        nobody wants is counted into a place of its own; a place is one longer than the bins, for a positive
        delay of the whole window.
    counts : ndarray of int32, flat
    """
    n = time.size
    strip = np.empty(_STRIP, np.int64)
    for begin in range(start, stop, _STRIP):
        # the few tags with another one near, found without a branch to mispredict
        near = 0
        for i in range(begin, min(begin + _STRIP, stop, n - 1)):
            strip[near] = i
            near += np.int64(time[i + 1] - time[i] <= window)
        for k in range(near):
            i = strip[k]
            t, row, j = time[i], slot[channel[i]], i + 1
            d = time[j] - t
            while d <= window:
                column = slot[channel[j]]
                counts[plus[row, column] + bin_of(d, window, per_bin)] += 1
                counts[minus[row, column] + bin_of(-d, window, per_bin)] += 1
                j += 1
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
    n = later.size
    last = window - 1 if sign > 0 else window
    low, high = 0, 0
    if start < stop:
        low = np.searchsorted(later, earlier[start])
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
        for j in range(low, high):
            counts[bin_of(sign * (later[j] - t), window, per_bin)] += 1
