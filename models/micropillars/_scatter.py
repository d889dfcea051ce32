"""Errors of what is computed from an ensemble, from the scatter between its trajectories."""

from collections.abc import Callable

import numpy as np

__all__ = ["GROUPS", "jackknife", "mean_and_error"]

GROUPS = 8


def mean_and_error(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard error over the first axis; the error of a single value is NaN."""
    values = np.asarray(values, float)
    if len(values) < 2:
        return values.mean(axis=0), np.full(values.shape[1:], np.nan)
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def jackknife(
    estimate: Callable[[np.ndarray], np.ndarray], values: np.ndarray, groups: int = GROUPS
) -> tuple[np.ndarray, np.ndarray]:
    """Return an estimate made from the mean of `values` and its standard error.

    Parameters
    ----------
    estimate : callable
        Takes the mean over trajectories, returns an array of any shape; need not be linear.
    values : ndarray, (trajectories, ...)
        What is averaged. Pairs of trajectories are dealt to the groups in turn, so that each group has
        both initial states and covers the phases evenly.
    groups : int
        At most this many groups are left out in turn.

    Returns
    -------
    tuple of ndarray
        The estimate from all trajectories and its error, NaN for a single trajectory.
    """
    whole = np.asarray(estimate(values.mean(axis=0)))
    if len(values) < 2:
        return whole, np.full(whole.shape, np.nan)
    share = 2 if len(values) > 3 else 1
    groups = min(groups, len(values) // share)
    group = np.arange(len(values)) // share % groups
    total, left_out = values.sum(axis=0), []
    for g in range(groups):
        members = group == g
        left_out.append(estimate((total - values[members].sum(axis=0)) / np.count_nonzero(~members)))
    spread = np.asarray(left_out) - np.mean(left_out, axis=0)
    return whole, np.sqrt((groups - 1) / groups * (spread**2).sum(axis=0))
