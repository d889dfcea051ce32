"""Where the orders of one line lie in the ramp of a scanning interferometer."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from analysis._lines import NoLineError, fit_line

_RELATIVE_HEIGHT = 0.4  # orders of one line are equally high; anything lower is another line
_MOST_ORDERS = 25


@dataclass(frozen=True)
class Orders:
    """The peaks of one line: positions in bins, their standard errors, and order numbers from 0."""

    position: np.ndarray
    std: np.ndarray
    number: np.ndarray


def find_orders(counts: np.ndarray) -> Orders:
    """Locate the orders of the line that dominates a ramp.

    Parameters
    ----------
    counts
        Counts of every bin, shape (bin,).

    Raises
    ------
    NoLineError
        If no two equally spaced peaks stand out of the background.
    """
    rough = _rough_positions(counts)
    if rough.size < 2:
        raise NoLineError(f"{rough.size} orders of a line found in the ramp; at least 2 are needed.")
    gaps = np.diff(rough)
    spacing = float(np.median(gaps))
    number = np.concatenate([[0], np.cumsum(np.round(gaps / spacing))]).astype(int)
    if np.any(np.abs(gaps / spacing - np.round(gaps / spacing)) > 0.25) or np.any(np.diff(number) < 1):
        raise NoLineError(
            f"The peaks in the ramp are {np.array2string(gaps, precision=0)} bins apart, "
            "which is not the pattern of one line's orders."
        )
    fitted = [_refine(counts, place, spacing) for place in rough]
    good = [i for i, (_, std) in enumerate(fitted) if np.isfinite(std)]
    if len(good) < 2:
        raise NoLineError(f"{len(good)} orders of a line could be fitted in the ramp; at least 2 are needed.")
    position, std = np.array([fitted[i] for i in good]).T
    return Orders(position, std, number[good] - number[good[0]])


def _rough_positions(counts: np.ndarray) -> np.ndarray:
    smoothing = max(1.5, counts.size / 1500)
    smooth = gaussian_filter1d(counts, smoothing, mode="reflect")
    background = float(np.median(smooth))
    noise = np.sqrt(max(background, 1.0 / counts.size) / (2 * np.sqrt(np.pi) * smoothing))
    tallest = float(smooth.max()) - background
    if tallest < 6 * noise or counts.sum() < 20:
        return np.array([])
    edge = int(6 * smoothing)
    peaks, _ = find_peaks(
        smooth, height=background + _RELATIVE_HEIGHT * tallest, distance=counts.size // _MOST_ORDERS
    )
    return peaks[(peaks >= edge) & (peaks < counts.size - edge)].astype(float)


def _refine(counts: np.ndarray, place: float, spacing: float) -> tuple[float, float]:
    """Fit one order by itself in bins: position and standard error, NaN where it fails."""
    low, high = (int(np.clip(place + side * 0.45 * spacing, 0, counts.size)) for side in (-1, 1))
    bins = np.arange(low, high, dtype=float)
    try:
        fit = fit_line(bins, counts[low:high], spacing, 200.0, near_ghz=place, within_ghz=0.1 * spacing)
    except NoLineError:
        return np.nan, np.nan
    return fit.centre_ghz, fit.centre_std_ghz if fit.converged else np.nan
