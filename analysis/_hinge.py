"""Robust fit of a smoothed Adler hinge to the beat of two mutually coupled lasers."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import least_squares

from analysis._scatter import robust_std

_ROUNDING = (1e-3, 2.0)
_ROUNDING_STARTS = (0.003, 0.05, 0.5)
_SLOPE = (0.7, 1.3)
_LOCKED = (-0.4, 0.6)
_SOFT = 1.5  # standard errors at which the loss turns from square to linear


@dataclass(frozen=True)
class Hinge:
    """Parameters of `hinge` in the order of the fit, and the scatter the curve leaves."""

    centre_ghz: float
    half_range_ghz: float
    rounding: float
    slope: float
    locked_slope: float
    misfit_ghz: float = 0.0

    def beat_ghz(self, detuning_ghz: np.ndarray) -> np.ndarray:
        """Return the fitted beat f2 - f1 at these nominal detunings."""
        return hinge(detuning_ghz, *self.parameters)

    @property
    def parameters(self) -> np.ndarray:
        """Centre, half range, rounding, slope and locked slope."""
        return np.array([self.centre_ghz, self.half_range_ghz, self.rounding, self.slope, self.locked_slope])


def hinge(
    detuning_ghz: np.ndarray,
    centre: float,
    half_range: float,
    rounding: float,
    slope: float,
    locked_slope: float,
) -> np.ndarray:
    """Return the beat of the Adler equation with rounded edges.

    With x = nu - centre and rounding 0 it is sign(x) slope sqrt(x^2 - h^2) outside |x| = h and 0 inside.
    Noise rounds the edges; the rounding r replaces the positive part of y = 1 - h^2/x^2 by
    (y + sqrt(y^2 + r^2))/2, shifted so that the beat passes half its unlocked value at |x| = 2h/sqrt(3) for
    every r. So h, half the locking range, keeps its meaning however smooth the transition is. Envelopes of
    several compound-cavity modes need not coincide when locked: their beat inside is locked_slope x.
    """
    x = np.asarray(detuning_ghz) - centre
    norm = (1 + np.sqrt(1 + rounding**2)) / 2
    quarter = norm / 4
    stretch = (1 - quarter + rounding**2 / (4 * quarter)) * 4 / 3
    inverse = stretch * half_range**2 / np.maximum(x**2, 1e-18)
    y = 1 - inverse
    root = np.hypot(y, rounding)
    # for y < 0 the sum cancels; the quotient is the same number
    positive = np.where(y > 0, (y + root) / 2, rounding**2 / (2 * np.maximum(root - y, 1e-300)))
    return np.asarray(x * (locked_slope + (slope - locked_slope) * np.sqrt(positive / norm)))


def derivatives(x: np.ndarray, half_range: float, rounding: float, slope: float, locked: float) -> np.ndarray:
    """Return the derivatives of `hinge` by centre, ln h, ln r, slope and locked slope, (point, 5).

    ``x`` is the distance from the centre.
    """
    long = np.sqrt(1 + rounding**2)
    norm, by_norm = (1 + long) / 2, rounding**2 / (2 * long)  # and its derivative by ln r
    stretch = (1 - norm / 4 + rounding**2 / norm) * 4 / 3
    by_stretch = (-by_norm / 4 + 2 * rounding**2 / norm - rounding**2 * by_norm / norm**2) * 4 / 3
    inverse = stretch * half_range**2 / np.maximum(x**2, 1e-18)
    y = 1 - inverse
    root = np.hypot(y, rounding)
    positive = np.where(y > 0, (y + root) / 2, rounding**2 / (2 * np.maximum(root - y, 1e-300)))
    share = np.sqrt(positive / norm)
    step = (slope - locked) * share
    by_half = -step * inverse / root
    by_rounding = rounding**2 / (2 * positive * root) - inverse * by_stretch / stretch / root - by_norm / norm
    return np.stack(
        [by_half - locked - step, x * by_half, x * step / 2 * by_rounding, x * share, x * (1 - share)], axis=1
    )


def fit_hinge(
    detuning_ghz: np.ndarray, beat_ghz: np.ndarray, std_ghz: np.ndarray, start: Hinge | None = None
) -> Hinge:
    """Fit the hinge with soft L1 loss, so that stray points count little.

    Parameters
    ----------
    detuning_ghz, beat_ghz, std_ghz
        Nominal detuning, beat f2 - f1 and its standard error, shape (point,).
    start
        Earlier solution: starts there, keeps its misfit and fits once (for bootstrap repeats).

    Returns
    -------
    Hinge
        ``misfit_ghz`` is the scatter around the curve in excess of the standard errors.
    """
    x, y = np.asarray(detuning_ghz, dtype=float), np.asarray(beat_ghz, dtype=float)
    if start is not None:
        return _fit(x, y, np.hypot(std_ghz, start.misfit_ghz), start, start.misfit_ghz)
    sigma = np.asarray(std_ghz, dtype=float)
    start, misfit = _grid_start(x, y), 0.0
    for _ in range(4):
        trials = [
            _fit(x, y, np.hypot(sigma, misfit), replace(start, rounding=r), misfit) for r in _ROUNDING_STARTS
        ]
        start = min(trials, key=lambda each: _cost(each, x, y, np.hypot(sigma, misfit)))
        freedom = x.size / max(x.size - 5, 1)
        scatter = robust_std(y - start.beat_ghz(x)) ** 2 * freedom
        misfit = float(np.sqrt(max(scatter - np.median(sigma**2), 0.0)))
    return replace(start, misfit_ghz=misfit)


def _cost(found: Hinge, x: np.ndarray, y: np.ndarray, sigma: np.ndarray) -> float:
    z = (found.beat_ghz(x) - y) / sigma / _SOFT
    return float(np.sum(np.sqrt(1 + z**2) - 1))


def _fit(x: np.ndarray, y: np.ndarray, sigma: np.ndarray, start: Hinge, misfit: float) -> Hinge:
    """Least squares in (centre, ln h, ln r, slope, locked slope), held inside the bounds by clipping."""
    span = np.ptp(x)
    lower = _logged([x.min(), 1e-4 * span, _ROUNDING[0], _SLOPE[0], _LOCKED[0]])
    upper = _logged([x.max(), span, _ROUNDING[1], _SLOPE[1], _LOCKED[1]])

    def curve(p: np.ndarray) -> np.ndarray:
        centre, log_half, log_rounding, slope, locked = np.minimum(np.maximum(p, lower), upper)
        return hinge(x, centre, np.exp(log_half), np.exp(log_rounding), slope, locked)

    def jacobian(p: np.ndarray) -> np.ndarray:
        centre, log_half, log_rounding, slope, locked = np.minimum(np.maximum(p, lower), upper)
        by = derivatives(x - centre, np.exp(log_half), np.exp(log_rounding), slope, locked)
        return np.asarray(by * ((p > lower) & (p < upper)) / sigma[:, None])

    solution = least_squares(
        lambda p: (curve(p) - y) / sigma,
        jac=jacobian,
        x0=np.clip(_logged(start.parameters), lower + 1e-9, upper - 1e-9),
        x_scale=np.array([0.1 * start.half_range_ghz, 0.1, 1.0, 0.1, 0.1]),
        loss="soft_l1",
        f_scale=_SOFT,
        max_nfev=40,
        ftol=1e-6,
        xtol=1e-6,
        gtol=1e-6,
    )
    centre, log_half, log_rounding, slope, locked = (float(p) for p in np.clip(solution.x, lower, upper))
    return Hinge(centre, float(np.exp(log_half)), float(np.exp(log_rounding)), slope, locked, misfit)


def _logged(parameters: np.ndarray | list[float]) -> np.ndarray:
    """Return the parameters with logarithms of half range and rounding."""
    centre, half_range, rounding, slope, locked = parameters
    return np.array([centre, np.log(half_range), np.log(rounding), slope, locked])


def _grid_start(x: np.ndarray, y: np.ndarray) -> Hinge:
    """Try edges and centres on a coarse grid; the least mean absolute deviation starts the fit."""
    span = np.ptp(x)
    candidates = [
        (float(np.mean(np.abs(hinge(x, centre, half, 0.1, 1.0, 0.0) - y))), centre, half)
        for half in np.geomspace(0.01, 0.5, 18) * span
        for centre in np.linspace(x.min(), x.max(), 41)
    ]
    _, centre, half = min(candidates)
    return Hinge(float(centre), float(half), 0.1, 1.0, 0.0)
