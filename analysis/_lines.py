"""One spectral line seen through a scanning Fabry-Perot interferometer."""

from dataclasses import dataclass

import numpy as np

from analysis._poisson import deviance, expected_deviance, maximise_likelihood

_CELLS_PER_INSTRUMENT_WIDTH = 4
_WINDOW_WIDTHS = 5.0
_DETECTION_SIGMA = 6.0


class NoLineError(ValueError):
    """No line stands out of the background."""


@dataclass(frozen=True)
class LineFit:
    """Maximum-likelihood Lorentzian of one spectrum.

    Parameters
    ----------
    centre_ghz
        Line centre, folded into half a free spectral range around the search position.
    width_ghz
        Intrinsic full width at half maximum: fitted width less the instrument's. A line narrower than the
        counting statistics can tell may come out slightly negative.
    area
        Counts per bin integrated over frequency, counts GHz.
    background
        Counts per bin.
    covariance
        4 x 4, order (centre, width, area, background), from the Fisher information (not scaled).
    reduced_deviance
        Poisson deviance over its expectation: 1 for a Lorentzian, larger for a structured line.
    converged
        Whether the likelihood maximum was reached.
    """

    centre_ghz: float
    width_ghz: float
    area: float
    background: float
    covariance: np.ndarray
    reduced_deviance: float
    converged: bool

    @property
    def centre_std_ghz(self) -> float:
        """Standard error of the centre, scaled up when the line is not Lorentzian."""
        return self._std(0)

    @property
    def width_std_ghz(self) -> float:
        """Standard error of the width, scaled up when the line is not Lorentzian."""
        return self._std(1)

    def _std(self, index: int) -> float:
        scale = max(1.0, self.reduced_deviance)
        return float(np.sqrt(self.covariance[index, index] * scale))


def line_shape(
    frequency_ghz: np.ndarray, centre_ghz: float, full_width_ghz: float, free_spectral_range_ghz: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the periodic Lorentzian (unit area per order, 1/GHz) and its slopes by centre and width.

    A Lorentzian seen through a Fabry-Perot interferometer is a sum of Lorentzians over all orders, whose
    width is the line's plus the instrument's. The sum is the Airy function in closed form (wrapped Cauchy
    distribution), so no order has to be cut out or folded.
    """
    turn = 2 * np.pi / free_spectral_range_ghz
    angle = turn * (frequency_ghz - centre_ghz)
    gamma = turn * full_width_ghz / 2
    sinh, cosh = np.sinh(gamma), np.cosh(gamma)
    # cosh(gamma) - cos(angle) without cancellation near the peak
    denominator = 2 * (np.sinh(gamma / 2) ** 2 + np.sin(angle / 2) ** 2)
    shape = sinh / denominator / free_spectral_range_ghz
    by_centre = shape * np.sin(angle) / denominator * turn
    by_width = (1 - cosh * np.cos(angle)) / denominator**2 / free_spectral_range_ghz * turn / 2
    return shape, by_centre, by_width


def wrap(frequency_ghz: np.ndarray | float, free_spectral_range_ghz: float) -> np.ndarray:
    """Fold frequencies into [-FSR/2, FSR/2)."""
    half = free_spectral_range_ghz / 2
    return np.asarray((np.asarray(frequency_ghz) + half) % free_spectral_range_ghz - half)


def check_counts(counts: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return the counts as floats, or say what is wrong with them.

    Raises
    ------
    ValueError
        If the counts are NaN, negative or not one per position.
    """
    counts = np.asarray(counts, dtype=float)
    positions = np.asarray(positions, dtype=float)
    if positions.ndim != 1 or counts.shape[-1:] != positions.shape:
        raise ValueError(
            f"The counts have shape {counts.shape} but there are {positions.size} ramp positions; "
            "the last dimension must be the bins of the ramp."
        )
    if not np.all(np.isfinite(counts)) or not np.all(np.isfinite(positions)):
        raise ValueError("The counts or the ramp positions contain NaN or infinity; leave out such steps.")
    if np.any(counts < 0):
        raise ValueError("The counts contain negative numbers; give raw counts, background included.")
    return counts


def fit_line(
    frequency_ghz: np.ndarray,
    counts: np.ndarray,
    free_spectral_range_ghz: float,
    finesse: float,
    near_ghz: float = 0.0,
    within_ghz: float | None = None,
) -> LineFit:
    """Fit the strongest line of a spectrum, all orders jointly, by maximum Poisson likelihood.

    Parameters
    ----------
    frequency_ghz
        Frequency of every bin, shape (bin,), not folded.
    counts
        Counts of every bin, shape (bin,).
    free_spectral_range_ghz, finesse
        Of the interferometer; its line width is their ratio.
    near_ghz, within_ghz
        Look for the line only this far from this frequency; everywhere by default. The centre is returned
        in the order closest to ``near_ghz``.

    Raises
    ------
    NoLineError
        If nothing stands out of the background there.
    ValueError
        If the counts are NaN, negative or of the wrong shape.
    """
    counts = check_counts(counts, frequency_ghz)
    instrument_ghz = free_spectral_range_ghz / finesse
    offset = wrap(frequency_ghz - near_ghz, free_spectral_range_ghz)
    start = _start(offset, counts, free_spectral_range_ghz, instrument_ghz, within_ghz)
    for _ in range(2):  # once more when the first window was too narrow or too wide for the line
        half_window = min(max(_WINDOW_WIDTHS * start[1], 8 * instrument_ghz), free_spectral_range_ghz / 2)
        inside = np.abs(wrap(offset - start[0], free_spectral_range_ghz)) <= half_window
        x, n = offset[inside], counts[inside]
        lower = np.array([start[0] - half_window, 0.2 * instrument_ghz, 1e-9, 1e-6])
        upper = np.array([start[0] + half_window, free_spectral_range_ghz / 2, np.inf, np.inf])

        def model(parameters: np.ndarray, x: np.ndarray = x) -> tuple[np.ndarray, np.ndarray]:
            centre, width, area, background = parameters
            shape, by_centre, by_width = line_shape(x, centre, width, free_spectral_range_ghz)
            slopes = np.stack([area * by_centre, area * by_width, shape, np.ones_like(shape)], axis=1)
            return background + area * shape, slopes

        fitted, covariance, converged = maximise_likelihood(n, model, start, lower, upper)
        if 0.6 < fitted[1] / start[1] < 1.6:
            break
        start = fitted
    expected, _ = model(fitted)
    reduced = deviance(n, expected) / expected_deviance(expected) * n.size / max(n.size - 4, 1)
    centre = near_ghz + float(wrap(fitted[0], free_spectral_range_ghz))
    width = float(fitted[1] - instrument_ghz)
    return LineFit(centre, width, float(fitted[2]), float(fitted[3]), covariance, float(reduced), converged)


def _start(
    offset: np.ndarray, counts: np.ndarray, period: float, instrument: float, within: float | None
) -> np.ndarray:
    """Find the strongest line in the folded, smoothed spectrum: (centre, width, area, background)."""
    cells = min(int(np.ceil(period / instrument * _CELLS_PER_INSTRUMENT_WIDTH)), offset.size // 3)
    cell = np.minimum(((offset / period + 0.5) * cells).astype(int), cells - 1)
    exposure = np.bincount(cell, minlength=cells).astype(float)
    folded = np.bincount(cell, weights=counts, minlength=cells)
    grid = (np.arange(cells) + 0.5) / cells * period - period / 2
    kernel = np.fft.rfft(line_shape(grid, grid[0], 1.5 * instrument, period)[0])
    smooth_counts = np.fft.irfft(np.fft.rfft(folded) * kernel, cells)
    smooth_bins = np.fft.irfft(np.fft.rfft(exposure) * kernel, cells)
    rate = smooth_counts / smooth_bins
    background = float(np.median(rate))
    excess = rate - background
    allowed = np.abs(grid) <= (period if within is None else within)
    peak = int(np.argmax(np.where(allowed, excess, -np.inf)))
    near_peak = np.abs(wrap(grid - grid[peak], period)) <= instrument
    seen, dark = folded[near_peak].sum(), background * exposure[near_peak].sum()
    if counts.sum() == 0 or seen - dark < _DETECTION_SIGMA * np.sqrt(max(dark, 1.0)):
        raise NoLineError(
            f"No line above the background: {seen:.0f} counts at the highest place, {dark:.0f} expected "
            f"without a line; at least {dark + _DETECTION_SIGMA * np.sqrt(max(dark, 1.0)):.0f} are needed."
        )
    rolled = np.roll(excess, cells // 2 - peak) > excess[peak] / 2
    right = int(np.argmin(rolled[cells // 2 :]))
    left = int(np.argmin(rolled[cells // 2 :: -1]))
    width = max((right + left - 1) * period / cells - instrument, instrument)
    area = excess[peak] * np.pi / 2 * (width + instrument)
    return np.array([grid[peak], width, max(area, 1e-6), max(background, 1e-3)])
