"""Robust estimates of scatter and smooth trends."""

import numpy as np

_NORMAL_MAD = 1.4826


def robust_std(residual: np.ndarray) -> float:
    """Return the standard deviation of a normal distribution with the same median absolute value."""
    return float(_NORMAL_MAD * np.median(np.abs(residual))) if residual.size else np.nan


def excess_scatter(x: np.ndarray, y: np.ndarray, std: np.ndarray) -> float:
    """Return how much a smooth curve y(x) scatters beyond its standard errors.

    Every point is compared with the cubic through its four neighbours. The median keeps the few places
    where the curve itself bends sharply from counting as scatter.

    Parameters
    ----------
    x, y, std
        Positions, values and their standard errors, shape (point,). NaN are left out.

    Returns
    -------
    float
        Standard deviation of the extra scatter; 0 with fewer than 9 points.
    """
    good = np.isfinite(x) & np.isfinite(y) & np.isfinite(std)
    order = np.argsort(x[good])
    x, y, variance = x[good][order], y[good][order], std[good][order] ** 2
    if x.size < 9:
        return 0.0
    x = x + np.arange(x.size) * 1e-6 * np.ptp(x)  # repeated positions must not divide by zero
    middle = np.arange(2, x.size - 2)
    neighbours = middle[:, None] + np.array([-2, -1, 1, 2])
    away = x[neighbours] - x[middle][:, None]
    weights = np.stack(
        [
            np.prod([away[:, k] / (away[:, k] - away[:, j]) for k in range(4) if k != j], axis=0)
            for j in range(4)
        ],
        axis=1,
    )
    residual = y[middle] - np.sum(weights * y[neighbours], axis=1)
    gain = 1 + np.sum(weights**2, axis=1)
    expected = variance[middle] + np.sum(weights**2 * variance[neighbours], axis=1)
    found = robust_std(residual / np.sqrt(gain)) ** 2 - float(np.median(expected / gain))
    return float(np.sqrt(max(found, 0.0)))


def smooth_trend(x: np.ndarray, y: np.ndarray, std: np.ndarray) -> np.ndarray:
    """Return a robust polynomial trend of y(x), of the lowest degree that describes it.

    Degrees 1 to 3 are tried; a higher one is taken only when it lowers the robust scatter by a tenth.
    Outliers beyond four times the scatter are left out. All values NaN with fewer than 5 points.
    """
    good = np.isfinite(x) & np.isfinite(y) & np.isfinite(std)
    if np.count_nonzero(good) < 5 or np.ptp(x[good]) <= 0:
        return np.full_like(y, np.nan)
    u = (x - x[good].mean()) / np.ptp(x[good])
    best, scatter = np.full_like(y, np.nan), np.inf
    highest = 3 if np.count_nonzero(good) > 5 else 2
    for degree in range(1, highest + 1):
        trend, found = _robust_polynomial(u, y, good, degree)
        if found < 0.9 * scatter:
            best, scatter = trend, found
    return best


def _robust_polynomial(
    u: np.ndarray, y: np.ndarray, good: np.ndarray, degree: int
) -> tuple[np.ndarray, float]:
    used, trend, found = good, y, np.inf
    for _ in range(5):
        coefficients = np.polynomial.polynomial.polyfit(u[used], y[used], degree)
        trend = np.polynomial.polynomial.polyval(u, coefficients)
        found = robust_std((y - trend)[good])
        keep = good & (np.abs(y - trend) <= 4 * found + 1e-12)
        if np.count_nonzero(keep) < degree + 2 or np.array_equal(keep, used):
            break
        used = keep
    return trend, found
