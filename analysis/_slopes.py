"""Straight lines through both line centres inside the locked region."""

from dataclasses import dataclass

import numpy as np

from analysis._hinge import Hinge

_PART_OF_HALF_RANGE = (0.75, 1.0)
_FEWEST_POINTS = 3


@dataclass(frozen=True)
class LockedSlopes:
    """Slopes d f_p / d nu with the linear map from centre errors to slope errors.

    Parameters
    ----------
    slope, intercept_ghz
        Of P1 and P2; the intercept is the line's value at ``middle_ghz``.
    middle_ghz
        Reference detuning of the intercepts.
    region_ghz
        Detunings between which the lines were fitted.
    weights
        d slope_p / d centre_p, shape (pillar, step).
    error_scale
        Square root of reduced chi-squared where it exceeds one, else one, for P1 and P2.
    message
        Why the slopes are unknown; empty when known.
    """

    slope: tuple[float, float]
    intercept_ghz: tuple[float, float]
    middle_ghz: float
    region_ghz: tuple[float, float]
    weights: np.ndarray
    error_scale: tuple[float, float]
    message: str = ""

    @property
    def known(self) -> bool:
        """Whether there were enough points."""
        return not self.message

    def response(self, centre_errors: np.ndarray) -> tuple[float, float]:
        """Return how errors of the centres, shape (step, pillar), move both slopes."""
        moved = np.einsum("ps,sp->p", self.weights, centre_errors)
        return float(moved[0]), float(moved[1])

    def centre_ghz(self, detuning_ghz: np.ndarray, pillar: int) -> np.ndarray:
        """Return the fitted line of one pillar (0 or 1)."""
        return np.asarray(self.intercept_ghz[pillar] + self.slope[pillar] * (detuning_ghz - self.middle_ghz))


def fit_slopes(
    detuning_ghz: np.ndarray,
    centre_ghz: np.ndarray,
    own_std_ghz: np.ndarray,
    common_std_ghz: np.ndarray,
    found: Hinge,
) -> LockedSlopes:
    """Fit weighted straight lines to both centres inside the locked region.

    Parameters
    ----------
    detuning_ghz
        Shape (step,).
    centre_ghz, own_std_ghz
        Shape (step, pillar).
    common_std_ghz
        Error both pillars share, shape (step,).
    found
        The hinge that tells where the lines are locked.
    """
    for part in _PART_OF_HALF_RANGE:
        half = part * found.half_range_ghz
        inside = np.abs(detuning_ghz - found.centre_ghz) <= half
        if np.count_nonzero(inside) > _FEWEST_POINTS:
            break
    region = (found.centre_ghz - half, found.centre_ghz + half)
    weights = np.zeros((2, detuning_ghz.size))
    count = int(np.count_nonzero(inside))
    if count < _FEWEST_POINTS or np.ptp(detuning_ghz[inside]) <= 0:
        text = f"{count} points inside the locked region; the slopes need at least {_FEWEST_POINTS}."
        nan = (np.nan, np.nan)
        return LockedSlopes(nan, nan, found.centre_ghz, region, weights, (1.0, 1.0), text)
    results = []
    for p in range(2):
        sigma = np.hypot(own_std_ghz[inside, p], common_std_ghz[inside])
        line = _robust_line(detuning_ghz[inside] - found.centre_ghz, centre_ghz[inside, p], sigma)
        weights[p, inside] = line[3]
        results.append(line[:3])
    (a1, m1, s1), (a2, m2, s2) = results
    return LockedSlopes((m1, m2), (a1, a2), found.centre_ghz, region, weights, (s1, s2))


def _robust_line(x: np.ndarray, y: np.ndarray, sigma: np.ndarray) -> tuple[float, float, float, np.ndarray]:
    """Return intercept, slope, error scale and d slope/d y, strays beyond 4 sigma weighted down."""
    weight = 1 / sigma**2
    for _ in range(10):
        mean = np.average(x, weights=weight)
        by_y = weight * (x - mean) / np.sum(weight * (x - mean) ** 2)
        slope = float(by_y @ y)
        intercept = float(np.average(y, weights=weight) - slope * mean)
        z = (y - intercept - slope * x) / sigma
        if x.size < 6:
            break
        scale = max(1.0, 1.4826 * float(np.median(np.abs(z))) * np.sqrt(x.size / (x.size - 2)))
        weight = np.minimum(1.0, 4 * scale / np.maximum(np.abs(z), 1e-12)) ** 2 / sigma**2
    used = weight * sigma**2
    freedom = max(used.sum() - 2, 1.0)
    return intercept, slope, float(np.sqrt(max(1.0, np.sum(used * z**2) / freedom))), by_y
