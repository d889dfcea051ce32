"""Two-time correlations of the squared moduli, accumulated during a run.

Blocks of B samples, as long as the longest lag at least, are padded to 2 B and transformed once. With X_b
the transform of block b, (-1)^k X_b is that of the same block at the second half of the window, so the
products of block b with itself and with the block before it are sums of

    X_jb conj(X_ib) + (-1)^k X_jb conj(X_i(b-1)),

which are added up in the frequency domain and transformed back once at the end. The cost per sample grows
with the logarithm of the longest lag only.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.fft
from numba import njit

from models.numerics._records import Grid, jackknife

__all__ = ["Correlation", "IntensityCorrelation"]

_SHORTEST_BLOCK = 1024


@njit(cache=True, nogil=True)
def _add_products(now, before, sums):  # type: ignore[no-untyped-def]
    """Add the products of a block's transform (fields, frequencies) with itself and the one before."""
    fields, frequencies = now.shape
    for i in range(fields):
        for j in range(fields):
            for k in range(frequencies):
                sums[i, j, k] += now[j, k] * (now[i, k] + before[i, k]).conjugate()


@dataclass(frozen=True)
class IntensityCorrelation:
    """Correlations of box-averaged squared moduli u_i(t) and u_j(t + lag).

    Negative lags of the pair (i, j) are the positive ones of (j, i).

    Attributes
    ----------
    lag : ndarray, (lags,)
        Lags from 0 on, in the system's unit of time.
    products : ndarray, (trajectories, fields, fields, lags)
        <u_i(t) u_j(t + lag)> of each trajectory, indices i, j.
    earlier, later : ndarray, (trajectories, fields, lags)
        <u_i(t)> and <u_j(t + lag)> over those times that enter the products.
    """

    lag: np.ndarray
    products: np.ndarray
    earlier: np.ndarray
    later: np.ndarray

    @cached_property
    def g2(self) -> tuple[np.ndarray, np.ndarray]:
        """<u_i(t) u_j(t + lag)>/(<u_i> <u_j>) of all trajectories together and its standard error.

        Each of shape (fields, fields, lags).
        """
        return jackknife(
            lambda products, earlier, later: products / (earlier[:, None] * later[None]),
            self.products,
            self.earlier,
            self.later,
        )

    @cached_property
    def g2_of_each(self) -> np.ndarray:
        """The same of each trajectory alone, (trajectories, fields, fields, lags)."""
        return self.products / (self.earlier[:, :, None] * self.later[:, None])


class _Follower:
    """Collects blocks of a group; `head` and `tail` keep the first and the last samples for the means."""

    def __init__(self, recorder: "_Recorder", first: int, count: int) -> None:
        fields, block = recorder.grid.fields, recorder.block
        self._recorder, self._rows = recorder, slice(first, first + count)
        self._blocks = np.zeros((count, fields, block))
        self._filled = 0
        self._before = np.zeros((count, fields, block + 1), complex)
        self._sums = np.zeros((count, fields, fields, block + 1), complex)
        self._total = np.zeros((count, fields))
        self._head = np.zeros((count, fields, 0))
        self._tail = np.zeros((count, fields, 0))

    def take(self, fields: np.ndarray, moduli: np.ndarray) -> None:
        lags, at = self._recorder.lags, 0
        self._head = np.concatenate([self._head, moduli[..., : lags - self._head.shape[2]]], axis=2)
        self._tail = np.concatenate([self._tail, moduli[..., -lags:]], axis=2)[..., -lags:]
        while at < moduli.shape[2]:
            n = min(moduli.shape[2] - at, self._recorder.block - self._filled)
            self._blocks[:, :, self._filled : self._filled + n] = moduli[:, :, at : at + n]
            self._filled += n
            at += n
            if self._filled == self._recorder.block:
                self._add_block()

    def _add_block(self) -> None:
        for lane, block in enumerate(self._blocks):
            now = scipy.fft.rfft(block, 2 * self._recorder.block)
            _add_products(now, self._before[lane], self._sums[lane])
            now[:, 1::2] *= -1
            self._before[lane] = now
        self._total += self._blocks.sum(axis=2)
        self._blocks[:] = 0
        self._filled = 0

    def finish(self) -> None:
        if self._filled:
            self._add_block()
        lags, samples = self._recorder.lags, self._recorder.grid.samples
        counts = samples - np.arange(lags + 1)
        products = scipy.fft.irfft(self._sums, 2 * self._recorder.block)[..., : lags + 1]
        self._recorder.products[self._rows] = products / counts
        begun, ended = (np.zeros((*self._total.shape, lags + 1)) for _ in range(2))
        np.cumsum(self._head, axis=2, out=begun[..., 1:])
        np.cumsum(self._tail[..., ::-1], axis=2, out=ended[..., 1:])
        self._recorder.earlier[self._rows] = (self._total[..., None] - ended) / counts
        self._recorder.later[self._rows] = (self._total[..., None] - begun) / counts


class _Recorder:
    def __init__(self, grid: Grid, lags: int) -> None:
        self.grid, self.lags = grid, lags
        self.block = max(_SHORTEST_BLOCK, 1 << (lags - 1).bit_length())
        self.products = np.empty((grid.trajectories, grid.fields, grid.fields, lags + 1))
        self.earlier, self.later = np.empty((2, grid.trajectories, grid.fields, lags + 1))

    def follow(self, first: int, count: int) -> _Follower:
        return _Follower(self, first, count)

    def result(self) -> IntensityCorrelation:
        lag = np.arange(self.lags + 1) * self.grid.sample
        return IntensityCorrelation(lag, self.products, self.earlier, self.later)


@dataclass(frozen=True)
class Correlation:
    """Asks for the two-time correlations of the squared moduli of all fields; gives `IntensityCorrelation`.

    Parameters
    ----------
    longest_lag : float
        Longest lag, rounded down to whole samples; shorter than the run.
    """

    longest_lag: float

    def start(self, grid: Grid) -> _Recorder:
        """Return the recorder for a run.

        Raises
        ------
        ValueError
            If the longest lag holds no sample or does not fit into the run.
        """
        lags = math.floor(self.longest_lag / grid.sample + 1e-6)
        if not 1 <= lags < grid.samples:
            raise ValueError(
                f"longest_lag is {self.longest_lag:g}; it must be at least one sample of {grid.sample:g} "
                f"and shorter than the run of {grid.samples * grid.sample:g}"
            )
        return _Recorder(grid, lags)
