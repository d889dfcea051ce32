"""Single noise paths: the increments that the integrator draws, and the schemes in plain numpy.

For tests of convergence, where one path is followed with several steps, and for comparing with other
programs on the same noise. Slow; ensembles are what `integrate` is for.
"""

import math

import numpy as np
from numba import njit

from models.numerics.random import gaussian, next_word, streams
from models.numerics.sdde import whole_steps
from models.numerics.system import System

__all__ = ["follow", "wiener_increments"]


@njit(cache=True)
def _draw(state, size, increments):  # type: ignore[no-untyped-def]
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    for n in range(increments.shape[1]):
        for k in range(increments.shape[0]):
            high, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            low, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
            increments[k, n] = gaussian(high, low) * size


def wiener_increments(seed: int, trajectories: int, noises: int, steps: int, step: float) -> np.ndarray:
    """Return the complex Wiener increments that `integrate` draws, <dW dW*> = step.

    Parameters
    ----------
    seed : int
        Seed of the ensemble.
    trajectories, noises, steps : int
        Number of trajectories, of noise terms and of steps from the beginning, settling included.
    step : float
        Time step.

    Returns
    -------
    ndarray of complex, (trajectories, noises, steps)
        Sums of consecutive increments are those of a coarser step on the same path.
    """
    increments = np.empty((trajectories, noises, steps), complex)
    for state, own in zip(streams(seed, trajectories), increments, strict=True):
        _draw(state, math.sqrt(step), own)
    return increments


def follow(
    system: System, fields: np.ndarray, reals: np.ndarray | None, increments: np.ndarray, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """Integrate a system along given noise in plain numpy, with the scheme of `integrate`.

    Parameters
    ----------
    system : System
        What is integrated; its step function must accept arrays in place of numbers.
    fields : ndarray of complex, (trajectories, fields)
        Initial fields; also the constant past before time 0.
    reals : ndarray, (trajectories, reals), or None
        Initial real variables.
    increments : ndarray of complex, (trajectories, noises, steps)
        Wiener increments of each step.
    step : float
        Time step.

    Returns
    -------
    tuple of ndarray
        Fields (trajectories, fields, steps + 1) and real variables (trajectories, reals, steps + 1), the
        initial ones first.

    Raises
    ------
    ValueError
        If a delay is not a multiple of the step.
    """
    lags = [whole_steps("delay", term.delay, step) for term in system.delays]
    turns = np.exp(2j * np.pi * step * np.array(system.frequencies or (0.0,) * system.fields))
    now, steps = np.array(fields, complex).T, increments.shape[2]
    x = np.zeros((0, now.shape[1])) if reals is None else np.array(reals, float).T
    path, x_path = np.empty((steps + 1, *now.shape), complex), np.empty((steps + 1, *x.shape))
    path[0], x_path[0] = now, x

    def advance(n: int, start: np.ndarray, x: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        delayed = [
            path[max(n - lag, 0), term.source] * term.factor
            for lag, term in zip(lags, system.delays, strict=True)
        ]
        a, b = system.step(system.parameters, step, tuple(start), tuple(x), tuple(delayed), tuple(noise))
        return np.array(a, complex), np.array(b, float).reshape(x.shape)

    for n in range(steps):
        noise = increments[:, :, n].T
        ahead, x_ahead = advance(n, path[n], x_path[n], noise)
        ahead *= turns[:, None]
        if system.interpretation == "stratonovich":
            second, x_second = advance(n + 1, ahead, x_ahead, noise)
            ahead = (path[n] * turns[:, None] + second) / 2
            x_ahead = (x_path[n] + x_second) / 2
        path[n + 1], x_path[n + 1] = ahead, x_ahead
    return path.transpose(2, 1, 0), x_path.transpose(2, 1, 0)
