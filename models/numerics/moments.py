"""Moments of the squared moduli, accumulated during a run."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numba import njit

from models.numerics._records import Grid, jackknife

__all__ = ["IntensityMoments", "Moments"]


@njit(cache=True, nogil=True)
def _add_powers(moduli, sums):  # type: ignore[no-untyped-def]
    """Add the powers 1 to 4 of (trajectories, fields, samples), one sample after the other."""
    for row in range(moduli.shape[0]):
        for k in range(moduli.shape[1]):
            first, second, third, fourth = sums[row, k]
            for s in range(moduli.shape[2]):
                u = np.float64(moduli[row, k, s])
                square = u * u
                first += u
                second += square
                third += square * u
                fourth += square * square
            sums[row, k, 0], sums[row, k, 1], sums[row, k, 2], sums[row, k, 3] = first, second, third, fourth


@dataclass(frozen=True)
class IntensityMoments:
    """Moments of box-averaged squared moduli u.

    Attributes
    ----------
    powers : ndarray, (trajectories, fields, 4)
        <u>, <u^2>, <u^3>, <u^4> of each trajectory.
    """

    powers: np.ndarray

    @cached_property
    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """<u> of all trajectories and its standard error, each (fields,)."""
        return jackknife(lambda first: first, self.powers[:, :, 0])

    @cached_property
    def g2(self) -> tuple[np.ndarray, np.ndarray]:
        """<u^2>/<u>^2 of all trajectories together and its standard error, each (fields,)."""
        return jackknife(lambda first, second: second / first**2, self.powers[..., 0], self.powers[..., 1])


class _Follower:
    def __init__(self, sums: np.ndarray) -> None:
        self._sums = sums

    def take(self, fields: np.ndarray, moduli: np.ndarray) -> None:
        _add_powers(moduli, self._sums)

    def finish(self) -> None:
        pass


class _Recorder:
    def __init__(self, grid: Grid) -> None:
        self._samples = grid.samples
        self._sums = np.zeros((grid.trajectories, grid.fields, 4))

    def follow(self, first: int, count: int) -> _Follower:
        return _Follower(self._sums[first : first + count])

    def result(self) -> IntensityMoments:
        return IntensityMoments(self._sums / self._samples)


@dataclass(frozen=True)
class Moments:
    """Asks for the first four moments of the box-averaged squared moduli; gives `IntensityMoments`.

    Boxes must be short against the intensity's correlation time for g2(0) to be that of the light itself.
    """

    def start(self, grid: Grid) -> _Recorder:
        """Return the recorder for a run."""
        return _Recorder(grid)
