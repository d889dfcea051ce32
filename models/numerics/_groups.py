"""Groups of trajectories that advance together, and the threads that advance them."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
from numba import njit

from models.numerics._records import Recorder

__all__ = ["Group", "Results", "Yield", "aligned", "empty_group", "make_group", "run_groups"]

Results = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass
class Group:
    """State of some trajectories, carried from chunk to chunk in the layout of the kernel.

    `first` and `count` say which trajectories they are, `start` how many steps they have done.
    """

    first: int
    count: int
    width: int
    state: np.ndarray
    ring: np.ndarray
    words: np.ndarray
    factors: np.ndarray
    start: int = 0


def _interleave(values: np.ndarray, real: type[np.floating]) -> np.ndarray:
    """Turn complex (lanes, n) into real (2 n, lanes), real and imaginary parts in turn."""
    return np.ascontiguousarray(values).view(np.float64).T.astype(real)


def aligned(shape: tuple[int, ...], dtype: np.dtype | type) -> np.ndarray:
    """Return an empty array that begins at a cache line, so that no lanes lie across two lines."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(size + 64, np.uint8)
    offset = -raw.ctypes.data % 64
    return raw[offset : offset + size].view(dtype).reshape(shape)


def make_group(
    first: int,
    width: int,
    real: type[np.floating],
    fields: np.ndarray,
    reals: np.ndarray,
    words: np.ndarray,
    factors: np.ndarray,
    slots: int,
) -> Group:
    """Lay out `width` trajectories from `first` on; spare lanes repeat the last trajectory."""
    lanes = np.minimum(np.arange(first, first + width), len(fields) - 1)
    pairs = _interleave(fields[lanes], real)
    ring = aligned((slots, pairs.size), real)
    ring[:] = pairs.ravel()
    return Group(
        first=first,
        count=min(width, len(fields) - first),
        width=width,
        state=np.concatenate([pairs, reals[lanes].T.astype(real)]).ravel(),
        ring=ring,
        words=words[lanes].T.ravel(),
        factors=_interleave(factors[:, lanes].T, real).reshape(len(factors), 2 * width),
    )


def empty_group(width: int, real: type[np.floating], fields: int, reals: int, delays: int) -> Group:
    """Return a group of resting trajectories, of the types that the kernel knows."""
    rest = np.zeros((1, fields), complex), np.zeros((1, reals))
    return make_group(0, width, real, *rest, np.ones((1, 4), np.uint32), np.zeros((delays, 1), complex), 1)


@njit(cache=True, nogil=True)
def _collect(first, count, width, out, at, fields, moduli, reals):  # type: ignore[no-untyped-def]
    """Move a chunk of box averages, (samples, values * width), to its place in the results.

    Blocks of 16 samples keep the rows that are read and those that are written in the cache.
    """
    n_fields, n_reals = fields.shape[1], reals.shape[1]
    for begin in range(0, len(out), 16):
        end = min(begin + 16, len(out))
        for lane in range(count):
            row = first + lane
            for k in range(n_fields):
                column = 2 * k * width + lane
                for s in range(begin, end):
                    fields[row, k, at + s] = complex(out[s, column], out[s, column + width])
                column = (2 * n_fields + k) * width + lane
                for s in range(begin, end):
                    moduli[row, k, at + s] = out[s, column]
            for k in range(n_reals):
                column = (3 * n_fields + k) * width + lane
                for s in range(begin, end):
                    reals[row, k, at + s] = out[s, column]


@dataclass(frozen=True)
class Yield:
    """What a run is to deliver.

    Parameters
    ----------
    fields, reals : int
        Numbers of fields and real variables.
    skipped, samples : int
        Samples thrown away first, and samples delivered.
    chunk : int
        Samples that the kernel writes at a time.
    series : tuple of ndarray or None
        Averaged fields, squared moduli and real variables, each (trajectories, number, samples), to be
        filled in.
    recorders : tuple of Recorder
        What is accumulated.
    """

    fields: int
    reals: int
    skipped: int
    samples: int
    chunk: int
    series: Results | None
    recorders: tuple[Recorder, ...]


class _Boxes:
    """Takes a group's box averages: to their place in the series, if there is one, and to the followers."""

    def __init__(self, group: Group, wanted: Yield) -> None:
        self._group, self._series = group, wanted.series
        self._followers = [recorder.follow(group.first, group.count) for recorder in wanted.recorders]
        if wanted.series is None:
            shape = (group.count, wanted.fields, wanted.chunk)
            reals = np.empty((group.count, wanted.reals, wanted.chunk), np.float32)
            self._scratch = np.empty(shape, np.complex64), np.empty(shape, np.float32), reals

    def take(self, out: np.ndarray, at: int) -> None:
        """Take a chunk as the kernel wrote it; `at` counts the samples before it."""
        target, first = self._series, self._group.first
        if target is None:
            target, first, at = self._scratch, 0, 0
        _collect(first, self._group.count, self._group.width, out, at, *target)
        rows = slice(first, first + self._group.count)
        for follower in self._followers:
            follower.take(*(values[rows, :, at : at + len(out)] for values in target[:2]))

    def finish(self) -> None:
        """Bring the followers' sums to their recorders."""
        for follower in self._followers:
            follower.finish()


def run_groups(
    firsts: range,
    make: Callable[[int], Group],
    advance: Callable[[Group, np.ndarray], None],
    wanted: Yield,
    on_progress: Callable[[float], None] | None,
) -> None:
    """Advance all groups on all processors, a chunk of samples at a time, and deliver what is wanted.

    A group exists only while it runs. An exception in the calling thread, Ctrl-C included, stops the others
    after their current chunk.

    Parameters
    ----------
    firsts : range
        First trajectory of each group.
    make, advance : callable
        Make the group that begins with a trajectory; advance it and record box averages.
    wanted : Yield
        What to deliver.
    on_progress : callable or None
        Called with the fraction done.
    """
    columns = 3 * wanted.fields + wanted.reals
    stop = threading.Event()
    done = dict.fromkeys(firsts, 0)

    def run(first: int) -> None:
        group = make(first)
        boxes = _Boxes(group, wanted)
        buffer = aligned((wanted.chunk, columns * group.width), group.state.dtype)
        for span, kept in ((wanted.skipped, False), (wanted.samples, True)):
            for at in range(0, span, wanted.chunk):
                if stop.is_set():
                    return
                out = buffer[: min(wanted.chunk, span - at)]
                advance(group, out)
                if kept:
                    boxes.take(out, at)
                done[first] += len(out)
        boxes.finish()

    whole = len(firsts) * (wanted.skipped + wanted.samples)
    with ThreadPoolExecutor(min(len(firsts), os.cpu_count() or 1)) as pool:
        try:
            pending = {pool.submit(run, first) for first in firsts}
            while pending:
                finished, pending = wait(pending, timeout=0.1)
                for future in finished:
                    future.result()
                if on_progress is not None:
                    on_progress(sum(done.values()) / whole)
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
