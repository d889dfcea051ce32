"""Maximum-likelihood fits to Poisson counts."""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.special import xlog1py, xlogy
from scipy.stats import poisson

Model = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def deviance(counts: np.ndarray, expected: np.ndarray) -> float:
    """Return the Poisson deviance 2 sum[n ln(n/mu) - n + mu], exact for large counts too."""
    excess = (counts - expected) / expected
    return float(2 * np.sum(expected * (xlog1py(1 + excess, excess) - excess)))


@cache
def _expected_table() -> tuple[np.ndarray, np.ndarray]:
    """Mean deviance of one Poisson count as a function of ln(mu), summed exactly."""
    log_mu = np.linspace(np.log(1e-4), np.log(200.0), 161)
    mu = np.exp(log_mu)[:, None]
    n = np.arange(400)[None, :]
    return log_mu, np.sum(poisson.pmf(n, mu) * 2 * (xlogy(n, n / mu) - n + mu), axis=1)


def expected_deviance(expected: np.ndarray) -> float:
    """Return the mean deviance of Poisson counts around their true means.

    It is one per bin for large means but differs from one below about five counts, where a plain
    deviance per degree of freedom would call good fits bad or bad fits good.
    """
    log_mu, mean = _expected_table()
    return float(np.interp(np.log(expected), log_mu, mean, right=1.0).sum())


def maximise_likelihood(
    counts: np.ndarray, model: Model, start: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Maximise a Poisson likelihood by damped Fisher scoring with an analytic Jacobian.

    Parameters
    ----------
    counts
        Observed counts, shape (bin,).
    model
        Function of the parameters returning the expected counts (bin,) and their Jacobian (bin, parameter).
    start, lower, upper
        Start values and bounds, shape (parameter,).

    Returns
    -------
    parameters, covariance, converged
        Covariance is the inverse Fisher information at the solution.
    """
    parameters = np.clip(start, lower, upper)
    expected, jacobian = model(parameters)
    current, damping = deviance(counts, expected), 1e-3
    converged = False
    for _ in range(60):
        weighted = jacobian / expected[:, None]
        information = weighted.T @ jacobian
        gradient = weighted.T @ (counts - expected)
        # a parameter that would leave through the bound it sits on takes no part in the step
        free = ~((parameters <= lower) & (gradient < 0) | (parameters >= upper) & (gradient > 0))
        reduced = information[np.ix_(free, free)]
        step = np.zeros_like(parameters)
        try:
            step[free] = np.linalg.solve(
                reduced + np.diag(np.diag(reduced) * damping + 1e-300), gradient[free]
            )
        except np.linalg.LinAlgError:
            break
        trial = np.clip(parameters + step, lower, upper)
        trial_expected, trial_jacobian = model(trial)
        trial_deviance = deviance(counts, trial_expected)
        if not trial_deviance <= current + 1e-9:
            damping = max(damping, 1e-3) * 8
            if damping > 1e8:
                break
            continue
        moved = trial - parameters
        small = moved @ information @ moved < 1e-8  # far below one standard error
        parameters, expected, jacobian, current = trial, trial_expected, trial_jacobian, trial_deviance
        damping /= 10
        if small:
            converged = True
            break
    information = (jacobian / expected[:, None]).T @ jacobian
    return parameters, _inverse(information), converged


def _inverse(information: np.ndarray) -> np.ndarray:
    """Invert a Fisher matrix after scaling its diagonal to one; NaN where it is singular."""
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    try:
        return np.asarray(np.linalg.inv(information / np.outer(scale, scale)) / np.outer(scale, scale))
    except np.linalg.LinAlgError:
        return np.full_like(information, np.nan)
