"""Lines in spectra of beat notes: single lines, and the comb that the modes of a compound cavity make.

Every line is a Lorentzian seen through the resolution filter, on a flat floor, all behind a low-pass filter:

    S(f) = [a + sum_k A_k V(f - f_k; w_k, resolution)] / (1 + (f/b)^2)

with V of unit area. The logarithm is fitted, for the scatter of a spectrum is in proportion to itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.signal import find_peaks
from scipy.special import voigt_profile

from analysis._values import NOT_KNOWN, Value

__all__ = ["Comb", "Tooth", "fit_comb", "fit_lines", "strongest_line"]

FWHM = 2 * (2 * np.log(2)) ** 0.5
"""Full width at half maximum over the standard deviation of a Gaussian."""

PROMINENCE = 0.18
"""Of a tooth, in the natural logarithm of the smoothed density."""

RESOLVED = 0.2
"""A line narrower than this part of the resolution is not resolved: its width is an upper bound."""


@dataclass(frozen=True)
class Tooth:
    """One line.

    Parameters
    ----------
    centre_ghz
        Where it lies.
    width_ghz
        Full width at half maximum, the resolution taken off.
    power_v2
        Its area.
    bound_ghz
        Upper bound of the width (two standard errors), of a line that is not resolved; else None.
    """

    centre_ghz: Value
    width_ghz: Value
    power_v2: float
    bound_ghz: float | None = None

    @property
    def width_text(self) -> str:
        """The width in MHz with its error, or its bound."""
        if self.bound_ghz is not None:
            return f"< {1e3 * self.bound_ghz:.1f}"
        return str(Value(1e3 * self.width_ghz.value, 1e3 * self.width_ghz.std))


@dataclass(frozen=True)
class Comb:
    """The teeth of one spectrum, lowest first.

    Parameters
    ----------
    teeth
        At least one.
    main
        Index of the strongest.
    spacing_ghz
        Mean distance of the strongest tooth from its two neighbours; not known without both.
    envelope_ghz, envelope_width_ghz
        Mean of the teeth's frequencies weighted with their powers, and the full width at half maximum of a
        Gaussian of the same variance.
    """

    teeth: tuple[Tooth, ...]
    main: int
    spacing_ghz: Value
    envelope_ghz: float
    envelope_width_ghz: float


def fit_lines(
    frequency_ghz: np.ndarray,
    density: np.ndarray,
    resolution_ghz: float,
    starts_ghz: Sequence[float],
    *,
    widest_ghz: float = np.inf,
    pedestal_ghz: float | None = None,
) -> list[Tooth]:
    """Fit lines near the given frequencies, all at once.

    Parameters
    ----------
    frequency_ghz, density : numpy.ndarray, (points,)
        One-sided spectral density in V^2/Hz.
    resolution_ghz : float
        Width of the resolution filter at half its power.
    starts_ghz : sequence of float
        Where the lines are about.
    widest_ghz : float
        No line is wider.
    pedestal_ghz : float, optional
        Where a broad line below all others is about, which is fitted too and not returned.

    Raises
    ------
    ValueError
        For densities that are not positive numbers, or lines outside the band.
    """
    f = np.asarray(frequency_ghz, dtype=float)
    if not (np.all(np.isfinite(density)) and np.all(np.asarray(density) > 0)):
        raise ValueError("The spectrum has densities that are not positive numbers; it cannot be fitted.")
    outside = [start for start in starts_ghz if not f[0] < start < f[-1]]
    if not starts_ghz or outside:
        where = f"at {outside[0]:.4g} GHz" if outside else "anywhere"
        raise ValueError(f"There is no line {where} in the band of {f[0]:.4g} to {f[-1]:.4g} GHz.")
    span = f[-1] - f[0]
    centres = [*starts_ghz] + ([] if pedestal_ghz is None else [pedestal_ghz])
    first = np.full(len(centres), min(max(span / 100, 2 * resolution_ghz), widest_ghz / 2))
    widest = np.full(len(centres), min(widest_ghz, span))
    if pedestal_ghz is not None:  # it lies and spreads where it likes
        first[-1], widest[-1] = 0.15 * span, span
    logarithm = np.log(density)
    floor = float(np.quantile(logarithm, 0.2))
    sigma = resolution_ghz / FWHM
    peaks = np.exp(np.interp(centres, f, logarithm)) - 0.9 * np.exp(floor)
    if pedestal_ghz is not None:
        peaks[-1] = 0.5 * np.exp(floor)
    areas = np.log(np.maximum(peaks, 1e-3 * np.exp(floor)) * np.pi * first / 2)
    begin = np.concatenate([[floor, np.log(f[-1]) + 1], centres, np.log(first), areas])

    def residuals(v: np.ndarray) -> np.ndarray:
        centres, widths, powers = v[2:].reshape(3, -1)
        lines = np.exp(powers)[:, None] * voigt_profile(
            f - centres[:, None], sigma, np.exp(widths)[:, None] / 2
        )
        response = np.log1p((f / np.exp(v[1])) ** 2)
        return np.asarray(np.log(np.exp(v[0]) + lines.sum(axis=0)) - response - logarithm)

    free = np.full(len(centres), np.inf)
    near = np.full(len(centres), min(span / 10, widest_ghz / 3))
    if pedestal_ghz is not None:
        near[-1] = span / 10
    low = np.concatenate(
        [[-np.inf, np.log(f[-1]) - 3], centres - near, np.log(free**0 * resolution_ghz / 100), -free]
    )
    high = np.concatenate([[np.inf, np.log(f[-1]) + 5], centres + near, np.log(widest), free])
    found = least_squares(
        residuals, begin, bounds=(low, high), x_scale="jac", ftol=1e-7, xtol=1e-7, max_nfev=100
    )
    errors = _errors(found.jac, found.fun)
    values, stds = found.x[2:].reshape(3, -1), errors[2:].reshape(3, -1)
    each = range(len(starts_ghz))
    teeth = [
        _tooth(values[0, k], values[1, k], values[2, k], stds[0, k], stds[1, k], resolution_ghz) for k in each
    ]
    return sorted(teeth, key=lambda one: one.centre_ghz.value)


def _errors(jacobian: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Return standard errors; neighbouring residuals hang together, which fewer of them stand for."""
    spectrum = residuals - residuals.mean()
    variance = spectrum @ spectrum
    lags = np.correlate(spectrum, spectrum, "full")[len(spectrum) :] / variance
    end = int(np.argmax(lags < 0.1)) if np.any(lags < 0.1) else len(lags)
    together = 1 + 2 * lags[:end].sum()
    scale = variance / max(1, len(residuals) - jacobian.shape[1]) * together
    return np.asarray(np.sqrt(np.maximum(np.diag(np.linalg.pinv(jacobian.T @ jacobian)) * scale, 0)))


def _tooth(
    centre: float,
    log_width: float,
    log_power: float,
    centre_std: float,
    log_width_std: float,
    resolution_ghz: float,
) -> Tooth:
    width = float(np.exp(log_width))
    value = Value(width, width * float(log_width_std))
    bound = None
    if width < RESOLVED * resolution_ghz:
        bound = max(RESOLVED * resolution_ghz, min(width + 2 * value.std, resolution_ghz))
        value = NOT_KNOWN
    return Tooth(Value(float(centre), float(centre_std)), value, float(np.exp(log_power)) * 1e9, bound)


def strongest_line(frequency_ghz: np.ndarray, density: np.ndarray, resolution_ghz: float) -> float | None:
    """Return about where the line lies that stands out most, or None if none does.

    Parameters
    ----------
    frequency_ghz, density, resolution_ghz
        As for `fit_lines`.
    """
    smooth = _smoothed(frequency_ghz, density, 4 * resolution_ghz)
    places, found = find_peaks(smooth, prominence=PROMINENCE)
    return float(frequency_ghz[places[np.argmax(found["prominences"])]]) if len(places) else None


def _smoothed(frequency_ghz: np.ndarray, density: np.ndarray, width_ghz: float) -> np.ndarray:
    """Return the running mean of the logarithm."""
    cells = max(1, round(width_ghz / (frequency_ghz[1] - frequency_ghz[0])))
    padded = np.pad(np.log(density), cells, "edge")
    return np.asarray(np.convolve(padded, np.ones(cells) / cells, "same")[cells:-cells])


def fit_comb(frequency_ghz: np.ndarray, density: np.ndarray, resolution_ghz: float) -> Comb:
    """Find and fit the teeth of a comb.

    Parameters
    ----------
    frequency_ghz, density, resolution_ghz
        As for `fit_lines`.

    Raises
    ------
    ValueError
        If there is no line, or as for `fit_lines`.
    """
    f = np.asarray(frequency_ghz, dtype=float)
    if not (np.all(np.isfinite(density)) and np.all(np.asarray(density) > 0)):
        raise ValueError("The spectrum has densities that are not positive numbers; it cannot be fitted.")
    step = f[1] - f[0]
    smooth = _smoothed(f, np.asarray(density), 2 * resolution_ghz)
    places, _ = find_peaks(smooth, prominence=PROMINENCE, distance=max(1, round(4 * resolution_ghz / step)))
    if not len(places):
        raise ValueError(f"No line stands out of the noise between {f[0]:.4g} and {f[-1]:.4g} GHz.")
    starts = [float(each) for each in f[places]]
    teeth = fit_lines(
        f,
        density,
        resolution_ghz,
        starts,
        widest_ghz=min(np.diff(starts)) if len(starts) > 1 else np.inf,
        pedestal_ghz=float(np.average(starts, weights=np.asarray(density)[places]))
        if len(starts) > 1
        else None,
    )
    powers = np.array([tooth.power_v2 for tooth in teeth])
    centres = np.array([tooth.centre_ghz.value for tooth in teeth])
    main = int(np.argmax(powers / np.array([_seen(tooth, resolution_ghz) for tooth in teeth])))
    mean = float(np.average(centres, weights=powers))
    spread = float(np.sqrt(np.average((centres - mean) ** 2, weights=powers)))
    return Comb(tuple(teeth), main, _spacing(teeth, main), mean, FWHM * spread)


def _seen(tooth: Tooth, resolution_ghz: float) -> float:
    """Return the width of a line as it appears."""
    return float(np.hypot(tooth.width_ghz.value if tooth.width_ghz else 0.0, resolution_ghz))


def _spacing(teeth: Sequence[Tooth], main: int) -> Value:
    if not 0 < main < len(teeth) - 1:
        return NOT_KNOWN
    below, above = teeth[main - 1].centre_ghz, teeth[main + 1].centre_ghz
    return Value((above.value - below.value) / 2, float(np.hypot(above.std, below.std)) / 2)
