"""What can be accumulated during a run instead of being stored: the common interface.

A record is a small frozen description, such as `Moments()`. For a run it starts a `Recorder`, which hands
every group of trajectories its own `Follower`. A follower is fed with consecutive box averages, chunk by
chunk; what it must remember from one chunk to the next it carries itself, so memory does not grow with the
length of the run and the result does not depend on the chunks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

__all__ = ["Follower", "Grid", "Record", "Recorder", "jackknife"]


@dataclass(frozen=True)
class Grid:
    """What a run will deliver: `samples` box averages of length `sample` of each trajectory's fields."""

    trajectories: int
    fields: int
    samples: int
    sample: float


class Follower(Protocol):
    """Follows one group of trajectories."""

    def take(self, fields: np.ndarray, moduli: np.ndarray) -> None:
        """Take the next box averages: fields and squared moduli, each (trajectories, fields, samples)."""

    def finish(self) -> None:
        """Bring the group's sums to the recorder after the last samples."""


class Recorder(Protocol):
    """Holds the sums of one run, one entry per trajectory."""

    def follow(self, first: int, count: int) -> Follower:
        """Return the follower of `count` trajectories from `first` on."""

    def result(self) -> Any:
        """Return the result, when all followers have finished."""


class Record(Protocol):
    """Describes what is accumulated."""

    def start(self, grid: Grid) -> Recorder:
        """Return the recorder for a run; raises ValueError if the run cannot deliver it."""


def jackknife(estimate: Callable[..., np.ndarray], *values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an estimate from averages over trajectories and its standard error.

    Parameters
    ----------
    estimate : callable
        Function of averages, for example a ratio of two.
    *values : ndarray, (trajectories, ...)
        What is averaged over the trajectories, one array per argument of `estimate`.

    Returns
    -------
    tuple of ndarray
        ``estimate`` of the averages, and the scatter of the estimates that leave out one trajectory each;
        NaN for a single trajectory.
    """
    count = len(values[0])
    means = [value.mean(axis=0) for value in values]
    whole = estimate(*means)
    if count < 2:
        return whole, np.full_like(whole, np.nan)
    square = np.zeros_like(whole)
    for k in range(count):
        without = [m + (m - value[k]) / (count - 1) for m, value in zip(means, values, strict=True)]
        square += (estimate(*without) - whole) ** 2
    return whole, np.sqrt(square * (count - 1) / count)
