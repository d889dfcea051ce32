"""Fits to spectral densities, whose scatter is in proportion to themselves."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

Model = Callable[[np.ndarray], np.ndarray]


def maximise_likelihood(
    density: np.ndarray,
    model: Model,
    start: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    slopes: Model | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit averaged periodograms by damped Fisher scoring.

    Averages of exponentially distributed numbers have the likelihood -sum(ln S + P/S) times their number (P.
    Whittle, 1953), in which the number does not matter for the maximum.

    Parameters
    ----------
    density : numpy.ndarray, (points,)
        Measured, positive.
    model : callable
        The logarithm of the expected density for parameters.
    start, lower, upper : numpy.ndarray, (parameters,)
        Where to begin, and bounds; a parameter without room between them is held.
    slopes : callable, optional
        Derivatives of the model, (points, parameters); by differences of 1e-6 if not given.

    Returns
    -------
    numpy.ndarray, numpy.ndarray
        Parameters, and their covariance from the scatter that the fit leaves, neighbours that hang together
        counted as fewer.
    """
    at = np.clip(start, lower, upper)
    slopes = slopes or (lambda v: _slopes(model, v, lower, upper))
    logarithm = model(at)
    cost = _cost(density, logarithm)
    damping = 1e-2
    for _ in range(300):
        derivatives = slopes(at)
        gradient = derivatives.T @ (density * np.exp(-logarithm) - 1)
        held = ((at <= lower) & (gradient < 0)) | ((at >= upper) & (gradient > 0)) | (lower == upper)
        step = _step(derivatives, gradient, held, damping)
        trial = np.clip(at + step, lower, upper)
        trial_logarithm = model(trial)
        trial_cost = _cost(density, trial_logarithm)
        if not trial_cost <= cost:
            damping *= 10
            if damping > 1e10:
                break
            continue
        gained = cost - trial_cost
        at, logarithm, cost = trial, trial_logarithm, trial_cost
        damping = max(damping / 10, 1e-9)
        if gained < 1e-10 * density.size:
            break
    derivatives = np.where(lower == upper, 0.0, slopes(at))
    excess = density * np.exp(-logarithm) - 1
    return at, _inverse(derivatives) * _scatter(excess, int(np.count_nonzero(derivatives.any(axis=0))))


def _cost(density: np.ndarray, logarithm: np.ndarray) -> float:
    with np.errstate(over="ignore"):
        return float(np.sum(logarithm + density * np.exp(-logarithm)))


def _step(slopes: np.ndarray, gradient: np.ndarray, held: np.ndarray, damping: float) -> np.ndarray:
    """Return the damped step of the parameters that are not held."""
    free = np.flatnonzero(~held)
    size = np.linalg.norm(slopes[:, free], axis=0)
    size[size == 0] = 1.0
    scaled = slopes[:, free] / size
    information = scaled.T @ scaled + damping * np.eye(free.size)
    step = np.zeros(held.size)
    step[free] = np.linalg.lstsq(information, gradient[free] / size, rcond=None)[0] / size
    return step


def _inverse(slopes: np.ndarray) -> np.ndarray:
    """Return the inverse of the information; of parameters that change nothing, zero."""
    size = np.linalg.norm(slopes, axis=0)
    size[size == 0] = np.inf
    scaled = slopes / size
    return np.asarray(np.linalg.pinv(scaled.T @ scaled, rcond=1e-12, hermitian=True) / np.outer(size, size))


def _slopes(model: Model, at: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    here = model(at)
    slopes = np.empty((here.size, at.size))
    for k in range(at.size):
        there = at.copy()
        there[k] += 1e-6 if at[k] + 1e-6 <= upper[k] else -1e-6
        slopes[:, k] = (model(there) - here) / (there[k] - at[k])
    return slopes


def _scatter(excess: np.ndarray, parameters: int) -> float:
    """Return the variance of one relative residual, times how many of them hang together."""
    centred = excess - excess.mean()
    variance = float(centred @ centred)
    if variance == 0:
        return 0.0
    together, reach = 1.0, min(centred.size // 4, 200)
    for lag in range(1, reach):
        shared = float(centred[lag:] @ centred[:-lag]) / variance
        if shared < 0.05:
            break
        together += 2 * shared
    return variance / max(1, excess.size - parameters) * together


def nonnegative_strengths(
    design: np.ndarray, values: np.ndarray, relative_std: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Split positive values into parts of known shapes and strengths that are not negative.

    Parameters
    ----------
    design : numpy.ndarray, (points, parts)
        The shapes.
    values : numpy.ndarray, (points,)
        What they add up to.
    relative_std : numpy.ndarray or float
        Standard errors of the values over what is expected of them.

    Returns
    -------
    numpy.ndarray, numpy.ndarray
        Strengths and their standard errors; of one that is zero, the error that it could hide in.
    """
    expected = values
    for _ in range(20):  # the errors are those of what is expected, not of what came
        weighted = design / (relative_std * expected)[:, np.newaxis]
        scale = np.linalg.norm(weighted, axis=0)
        strengths = nnls(weighted / scale, values / (relative_std * expected))[0] / scale
        expected = np.maximum(design @ strengths, 1e-3 * values)
    information = (weighted / scale).T @ (weighted / scale)
    errors = []
    for index in range(strengths.size):
        beside = np.flatnonzero((strengths > 0) | (np.arange(strengths.size) == index))
        variances = np.diag(np.linalg.pinv(information[np.ix_(beside, beside)]))
        errors.append(np.sqrt(max(variances[np.searchsorted(beside, index)], 0.0)))
    return strengths, np.array(errors) / scale
