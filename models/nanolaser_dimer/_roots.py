"""Roots of a few equations that are followed while a parameter grows."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from models.nanolaser_dimer.parameters import Dimer
from models.numerics import ConvergenceError

__all__ = ["Root", "damped_newton", "driven_amplitude", "follow_root", "jacobian"]

_MOST_STEPS = 40
_SHORTEST = 1 / 64
_SMALLEST_SHARE = 1 / 64


class Root(NamedTuple):
    """A root, and the largest element of the last correction to it."""

    values: np.ndarray
    correction: float


def driven_amplitude(dimer: Dimer) -> float:
    """Return the amplitude of a cubic laser that its drive alone holds, without fluctuations.

    The largest root of (A - C) r - B_r r^3 + abs(eps) = 0.
    """
    roots = np.roots([-dimer.saturation, 0.0, dimer.gain - dimer.loss, dimer.drive])
    return float(np.max(roots.real[np.abs(roots.imag) < 1e-9 * np.abs(roots).max()], initial=0.0))


def jacobian(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Return the derivatives of a function, whose value is known, by forward differences."""
    steps = 1e-6 * np.maximum(np.abs(at), 1.0)
    return np.array([(function(at + row) - value) / row.sum() for row in np.diag(steps)]).T


def damped_newton(
    function: Callable[[np.ndarray], np.ndarray], start: np.ndarray, *, tolerance: float, what: str
) -> Root:
    """Return a root by Newton's method with Broyden's updates; a step that does not help is halved.

    Parameters
    ----------
    function : callable
        As many values as arguments; NaN where it does not exist.
    start : ndarray
        Where to begin.
    tolerance : float
        Largest element of the last correction.
    what : str
        What is solved, for the error.

    Returns
    -------
    Root

    Raises
    ------
    ConvergenceError
        If the tolerance is not reached.
    """
    values = np.array(start, dtype=float)
    left = function(values)
    slope, fresh = jacobian(function, values, left), True
    change = math.inf
    for _ in range(_MOST_STEPS):
        step = np.linalg.lstsq(slope, -left, rcond=None)[0] if np.isfinite(slope).all() else 0 * left
        change = float(np.abs(step).max())
        share, then = 1.0, function(values + step)
        while not np.linalg.norm(then) < np.linalg.norm(left) and share > _SHORTEST and change > tolerance:
            share /= 2
            then = function(values + share * step)
        if change <= tolerance and np.isfinite(left).all() and np.isfinite(slope).all():
            return Root(values + step, change)
        if not np.linalg.norm(then) < np.linalg.norm(left):
            if fresh:
                break
            slope, fresh = jacobian(function, values, left), True
            continue
        step *= share
        slope += np.outer(then - left - slope @ step, step) / (step @ step)
        values, left, fresh = values + step, then, False
    raise ConvergenceError(
        f"{what} did not converge: after damped Newton steps the next correction is still {change:.2g}, "
        f"more than {tolerance:.2g}."
    )


def follow_root(
    function_at: Callable[[float], Callable[[np.ndarray], np.ndarray]],
    known: tuple[float, np.ndarray],
    end: float,
    *,
    largest_step: float,
    tolerance: float,
    what: str,
) -> Root:
    """Return the root at the end of a way along which a parameter grows or falls from a known root.

    Steps that fail are halved, down to 1/64 of the largest step; far from 0 they grow with the parameter.

    Parameters
    ----------
    function_at : callable
        Gives the function at a value of the parameter.
    known : tuple
        A value of the parameter and the root (or about the root) there.
    end, largest_step : float
        Where the way ends, and its largest step near 0.
    tolerance, what
        As of `damped_newton`.

    Returns
    -------
    Root

    Raises
    ------
    ConvergenceError
        If the root is lost; it says where.
    """
    here, values = known
    step = largest_step
    while True:
        there = end if abs(end - here) <= step else here + math.copysign(step, end - here)
        try:
            found = damped_newton(
                function_at(there), values, tolerance=tolerance, what=f"{what} at t_c = {there:.4g}"
            )
        except ConvergenceError as lost:
            step = min(step, abs(end - here)) / 2
            if step < _SMALLEST_SHARE * largest_step:
                raise ConvergenceError(f"{lost} It was followed up to t_c = {here:.4g}.") from lost
            continue
        if there == end:
            return found
        here, values = there, found.values
        step = max(step, abs(here) / 4)
