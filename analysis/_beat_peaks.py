"""Where lines stand out of the noise of a spectrum."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

LEAST = 0.18
"""Height of a line above its surroundings in the natural logarithm of the smoothed density: the floor
of a receiver is not flatter."""

ERRORS = 8.0
"""The same in standard errors of the smoothed density: the highest of many places is high by chance."""

SHARED = 1.35
"""Width of the stretch, in resolutions, within which a spectrum knows but one number."""


@dataclass(frozen=True)
class Peaks:
    """Places that stand out.

    Parameters
    ----------
    places : numpy.ndarray, (peak,)
        Their indices.
    standing_out : numpy.ndarray, (peak,)
        Heights above the surroundings in standard errors.
    """

    places: np.ndarray
    standing_out: np.ndarray


def find_lines(
    f: np.ndarray, p: np.ndarray, resolution: float, scale: float, apart: float = 0.0, least: float = LEAST
) -> Peaks:
    """Find what stands out of a spectrum smoothed over so much.

    Parameters
    ----------
    f, p : numpy.ndarray, (points,)
        Rising frequencies and positive densities.
    resolution, scale, apart : float
        Of the spectrum, of the smoothing, and the least distance between two lines.
    least : float
        Height above the surroundings in the natural logarithm of the smoothed density.
    """
    step = (f[-1] - f[0]) / (f.size - 1)
    cells = max(1, round(scale / step))
    logarithm = np.log(p)
    padded = np.pad(logarithm, cells, "edge")
    smooth = np.convolve(padded, np.ones(cells) / cells, "same")[cells:-cells]
    std = _scatter(logarithm, max(1, round(resolution / step))) / np.sqrt(
        max(1.0, cells * step / max(step, SHARED * resolution))
    )
    places, found = find_peaks(
        smooth, prominence=max(least, ERRORS * std), distance=max(1, round(apart / step))
    )
    return Peaks(places, found["prominences"] / max(std, 1e-12))


def _scatter(logarithm: np.ndarray, lag: int) -> float:
    """Return the standard deviation of a point, from second differences, which slopes do not enter."""
    if logarithm.size <= 2 * lag + 8:
        lag = 1
    bent = logarithm[lag:-lag] - (logarithm[2 * lag :] + logarithm[: -2 * lag]) / 2
    return float(np.median(np.abs(bent)) / (0.6745 * np.sqrt(1.5)))
