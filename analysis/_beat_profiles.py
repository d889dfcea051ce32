"""Several lines behind one resolution filter, fitted to a spectral density all at once.

Every line is a Lorentzian, or a Voigt profile, seen through the resolution filter, on a flat floor:

    S(f) = [a + sum_k A_k V(f - f_k; w_k, g_k, resolution) / R(f_k)] R(f)        with V of unit area

Where the band is wide enough to show a low-pass filter, R is that of one, 1 / (1 + (f/b)^2), else the
logarithm of R is a straight line.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls
from scipy.special import wofz

from analysis._beat_likelihood import maximise_likelihood

FWHM = 2 * (2 * np.log(2)) ** 0.5
"""Full width at half maximum over the standard deviation of a Gaussian."""

NARROWEST = 2e-3
"""Of a Lorentzian in units of the resolution."""

BROAD = 2.0
"""Width of a pedestal over that of the widest line, at least."""


FAINTEST = 0.03
"""Strength at which a fit begins, over that guessed, at least."""


@dataclass(frozen=True)
class Profiles:
    """Fitted lines.

    Parameters
    ----------
    found : numpy.ndarray, (4, line)
        Centre in Hz, logarithm of the Lorentzian's full width in Hz, logarithm of the area in density times
        Hz (as it is seen behind R), and variance of the Gaussian part in Hz^2.
    covariance : numpy.ndarray, (line, 4, 4)
        Of these, line by line.
    floor : float
        Density beside the lines, in the middle between them.
    tilt : numpy.ndarray, (line,)
        Slope of ln R at each line, 1/Hz.
    """

    found: np.ndarray
    covariance: np.ndarray
    floor: float
    tilt: np.ndarray


@dataclass(frozen=True)
class _Model:
    """Logarithm of the density for ln a, R, and rows of centres, ln widths, ln areas and variances."""

    x: np.ndarray
    sigma: float
    lines: int
    response: "_LowPass | _Tilt"

    def __call__(self, v: np.ndarray) -> np.ndarray:
        rows, sigma, z = self._lines(v)
        profiles = self._scale(v, rows, sigma) * wofz(z).real
        return np.asarray(np.log(np.exp(v[0]) + profiles.sum(axis=0)) + self.response(self.x, v[1]))

    def slopes(self, v: np.ndarray) -> np.ndarray:
        """Return the derivatives, (points, parameters)."""
        rows, sigma, z = self._lines(v)
        w = wofz(z)
        scale = self._scale(v, rows, sigma)
        half = np.exp(rows[1])[:, np.newaxis] / 2
        profiles = scale * w.real
        by_z = scale * (2j / np.sqrt(np.pi) - 2 * z * w)
        by_line = np.stack(
            [
                -by_z.real / (np.sqrt(2) * sigma)
                - profiles * self.response.by_x(rows[0], v[1])[:, np.newaxis],
                -by_z.imag * half / (np.sqrt(2) * sigma),
                profiles,
                -(profiles + (by_z * z).real) / (2 * sigma**2),
            ]
        )
        total = np.exp(v[0]) + profiles.sum(axis=0)
        shared = profiles.T @ self.response.slope(rows[0], v[1]) / total
        first = np.stack([np.exp(v[0]) / total, self.response.slope(self.x, v[1]) - shared])
        return np.concatenate([first, (by_line / total).reshape(-1, self.x.size)]).T

    def shared_out(self, v: np.ndarray, density: np.ndarray, responses: Sequence[float]) -> np.ndarray:
        """Return parameters at which floor and lines of these widths share the density among themselves.

        A line that is begun too strong drives its neighbours to nothing, from where none comes back.

        Parameters
        ----------
        v : numpy.ndarray, (parameters,)
            Of which ln a and the logarithms of the areas are replaced.
        density : numpy.ndarray, (points,)
            Measured, in the unit of a.
        responses : sequence of float
            R's parameter is the best of these.
        """
        best, found = np.inf, v
        for each in responses:
            trial = v.copy()
            trial[1], trial[2 + 2 * self.lines : 2 + 3 * self.lines] = each, 0.0
            rows, sigma, z = self._lines(trial)
            shapes = [np.ones((1, self.x.size)), self._scale(trial, rows, sigma) * wofz(z).real]
            design = (np.concatenate(shapes) * np.exp(self.response(self.x, each)) / density).T
            strengths = nnls(design, np.ones(self.x.size))[0]
            ratio = 1 / np.maximum(design @ strengths, 1e-9)
            cost = float(np.sum(ratio - np.log(ratio)))
            if cost < best:
                best, found = cost, trial
                least = FAINTEST * np.exp(v[2 + 2 * self.lines : 2 + 3 * self.lines])
                found[0] = np.log(max(strengths[0], FAINTEST))
                found[2 + 2 * self.lines : 2 + 3 * self.lines] = np.log(np.maximum(strengths[1:], least))
        return found

    def _scale(self, v: np.ndarray, rows: np.ndarray, sigma: np.ndarray) -> np.ndarray:
        area = np.exp(rows[2] - self.response(rows[0], v[1]))
        return area[:, np.newaxis] / (sigma * np.sqrt(2 * np.pi))

    def _lines(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rows = v[2:].reshape(4, self.lines)
        sigma = np.sqrt(self.sigma**2 + rows[3])[:, np.newaxis]
        z = (self.x - rows[0][:, np.newaxis] + 0.5j * np.exp(rows[1])[:, np.newaxis]) / (np.sqrt(2) * sigma)
        return rows, sigma, z


@dataclass(frozen=True)
class _LowPass:
    """ln R, zero in the middle, for the logarithm of b over the highest frequency."""

    middle: float
    highest: float

    def __call__(self, x: np.ndarray, v: float) -> np.ndarray:
        b = self.highest * np.exp(v)
        return np.asarray(np.log1p((self.middle / b) ** 2) - np.log1p(((self.middle + x) / b) ** 2))

    def slope(self, x: np.ndarray, v: float) -> np.ndarray:
        passed = 1 / (1 + ((self.middle + x) / (self.highest * np.exp(v))) ** 2)
        there = 1 / (1 + (self.middle / (self.highest * np.exp(v))) ** 2)
        return np.asarray(2 * (there - passed))

    def by_x(self, x: np.ndarray, v: float) -> np.ndarray:
        return np.asarray(-2 * (self.middle + x) / ((self.highest * np.exp(v)) ** 2 + (self.middle + x) ** 2))


@dataclass(frozen=True)
class _Tilt:
    """ln R, zero in the middle, for its change over the band."""

    span: float

    def __call__(self, x: np.ndarray, v: float) -> np.ndarray:
        return np.asarray(v * x / self.span)

    def slope(self, x: np.ndarray, v: float) -> np.ndarray:
        return x / self.span

    def by_x(self, x: np.ndarray, v: float) -> np.ndarray:
        return np.full(x.shape, v / self.span)


def fit_profiles(
    f: np.ndarray,
    p: np.ndarray,
    resolution: float,
    centres: Sequence[float],
    widths: Sequence[float],
    *,
    voigt: bool = False,
    widest: float = np.inf,
    pedestal: float | None = None,
    near: float | None = None,
) -> Profiles:
    """Fit lines by maximum likelihood.

    Parameters
    ----------
    f, p : numpy.ndarray, (points,)
        Rising frequencies in Hz and densities.
    resolution : float
        Width of the filter at half its power, Hz.
    centres, widths : sequence of float
        Of the lines, roughly, Hz.
    voigt : bool
        Whether lines have a Gaussian part.
    widest : float
        No line is wider.
    pedestal : float, optional
        Centre of a broad line below all others, which is fitted too and not returned.
    near : float, optional
        So far a line may move, Hz: by default anywhere if there is one, a third of `widest` if several.
    """
    number, span = len(centres), float(f[-1] - f[0])
    middle, unit = float(np.mean(centres)), max(float(np.median(widths)), resolution)
    wide_band = bool(f[0] >= 0 and f[0] < 0.5 * f[-1])
    response = _LowPass(middle / unit, f[-1] / unit) if wide_band else _Tilt(span / unit)
    firsts, least, largest = ((1.0, -0.5, -1.0, 0.0, 3.0), -3.0, 5.0) if wide_band else ((0.0,), -3.0, 3.0)
    where = np.array([*centres, *([] if pedestal is None else [pedestal])])
    wide = np.array([*widths, *([] if pedestal is None else [0.15 * span])])
    scale = float(np.quantile(p, 0.2))
    top = np.maximum(np.interp(where, f, p) / scale - 0.9, 1e-3)
    limit = np.full(where.size, min(widest, span))
    reach = np.full(where.size, near or (min(span / 10, widest / 3) if number > 1 else span / 2))
    gaussian = (0.1 * wide) ** 2 if voigt else np.zeros(where.size)
    most = np.full(where.size, span**2 if voigt else 0.0)
    if pedestal is not None:
        top[-1], limit[-1], reach[-1], gaussian[-1], most[-1] = 0.5, span, span / 10, 0.0, 0.0
    narrowest = np.full(where.size, NARROWEST * resolution)
    if pedestal is not None:  # as narrow as a line it would take the place of one
        narrowest[-1] = min(BROAD * widest, span / 2)
        wide[-1] = max(wide[-1], narrowest[-1])
    wide = np.minimum(wide, np.maximum(limit / 2, narrowest))
    area = np.log(top * np.pi / 2 * np.hypot(wide, resolution) / unit)
    narrowest = np.log(narrowest / unit)
    begin = [[0.0, firsts[0]], (where - middle) / unit, np.log(wide / unit), area, gaussian / unit**2]
    lower = [[-12.0, least], (where - middle - reach) / unit, narrowest, area - 25, 0 * most]
    upper = [[3.0, largest], (where - middle + reach) / unit, np.log(limit / unit), area + 25, most / unit**2]
    model = _Model((f - middle) / unit, resolution / FWHM / unit, where.size, response)
    start, low, high = (np.concatenate(each) for each in (begin, lower, upper))
    start = model.shared_out(start, p / scale, firsts)
    at, covariance = maximise_likelihood(p / scale, model, start, low, high, model.slopes)
    found = at[2:].reshape(4, -1)[:, :number].copy()
    tilt = response.by_x(found[0], float(at[1])) / unit
    found *= np.array([unit, 1.0, 1.0, unit**2])[:, np.newaxis]
    found += np.array([middle, np.log(unit), np.log(scale * unit), 0.0])[:, np.newaxis]
    to_units = np.array([unit, 1.0, 1.0, unit**2])
    places = [2 + where.size * np.arange(4) + k for k in range(number)]
    blocks = np.array([covariance[np.ix_(k, k)] * np.outer(to_units, to_units) for k in places])
    return Profiles(found, blocks, float(np.exp(at[0])) * scale, tilt)
