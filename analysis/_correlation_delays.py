"""Delays between detectors, from a scan of their correlations."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from analysis._correlation_estimate import jackknife_std
from analysis._correlation_result import replicates
from analysis._values import Value

__all__ = ["NoFeatureError", "delays_from"]

_SIGNIFICANT = 7.0
_WIDEST = 256


class NoFeatureError(ValueError):
    """Two detectors show no common peak or dip."""


def delays_from(
    correlate: Callable[[list[tuple[int, int]]], xr.Dataset], reference: int, channels: Sequence[int]
) -> dict[int, Value]:
    """Return by how many ns the channels lag behind the reference.

    Raises
    ------
    NoFeatureError
        If a channel shows no peak or dip of seven standard errors.
    """
    others = [channel for channel in channels if channel != reference]
    correlation = correlate([(reference, channel) for channel in others])
    found = {reference: Value(0.0, 0.0)}
    delay = correlation["delay"].values
    each = replicates(correlation).values
    for row, channel in enumerate(others):
        counts, expected = (correlation[name].values[row] for name in ("counts", "expected"))
        if np.all(expected > 0):
            excess = counts / expected - np.median(counts / expected)
            place = _feature(excess, 1 / expected)
        else:  # no tags at all
            place = None
        if place is None:
            raise NoFeatureError(
                f"Channels {reference} and {channel} show no peak or dip within "
                f"{correlation.attrs['window_ns']:g} ns; put both on the same bunched or pulsed light, look "
                "further, or record longer."
            )
        part = _window(delay, excess, *place)
        centres = [_centroid(delay[part], one[part] - np.median(one)) for one in each[:, row]]
        std = float(jackknife_std(np.array(centres)))
        found[channel] = Value(_centroid(delay[part], excess[part]), std)
    return found


def _feature(excess: np.ndarray, variance: np.ndarray) -> tuple[int, int] | None:
    """Return place and width, in bins, of the most significant peak or dip."""
    best, found = _SIGNIFICANT, None
    width = 1
    while width <= min(_WIDEST, excess.size // 4):
        box = np.ones(width)
        with np.errstate(divide="ignore", invalid="ignore"):
            score = np.abs(np.convolve(excess, box, "same")) / np.sqrt(np.convolve(variance, box, "same"))
        at = int(np.nanargmax(score)) if np.any(np.isfinite(score)) else 0
        if score[at] > best:
            best, found = float(score[at]), (at, width)
        width *= 2
    return found


def _window(delay: np.ndarray, excess: np.ndarray, at: int, width: int) -> slice:
    """Return the bins of a feature, moved until their centroid is in their middle."""
    reach = 2 * width + 1
    for _ in range(20):
        part = slice(max(at - reach, 0), at + reach + 1)
        moved = int(np.argmin(np.abs(delay - _centroid(delay[part], excess[part]))))
        if moved == at:
            break
        at = moved
    return part


def _centroid(delay: np.ndarray, excess: np.ndarray) -> float:
    return float(np.sum(excess * delay) / np.sum(excess))
