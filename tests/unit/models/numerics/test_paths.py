"""Single paths: the integrator follows them, and its schemes converge with their orders."""

import math
from typing import NamedTuple

import numpy as np
import pytest

from models.numerics import Delay, System, abs2, integrate, join, where
from models.numerics.paths import follow, wiener_increments


class Rates(NamedTuple):
    gamma: float
    noise: float


def saturating(p, dt, fields, reals, delayed, noise):
    """Everything at once: two fields, a slow variable, multiplicative noise, delays, a choice."""
    a, b = fields
    (x,) = reals
    gain = x / (1.0 + abs2(a) + abs2(b)) - p.gamma
    kick = p.noise * where(x > 1.0, x, 0.5 + 0.5 * x)
    new_a = a + dt * (gain * join(1.0, 2.0) * a + delayed[0] + delayed[2]) + kick * noise[0]
    new_b = b + dt * (gain * b + delayed[1]) + p.noise * abs2(a) * noise[1]
    return (new_a, new_b), ((x + dt * 1.5) / (1.0 + dt * (1.0 + abs2(a))),)


@pytest.mark.parametrize("interpretation", ["ito", "stratonovich"])
@pytest.mark.parametrize(("engine", "tolerance"), [("scalar", 2e-6), ("lanes", 2e-4)])
def test_the_integrator_follows_the_path_of_plain_numpy(interpretation, engine, tolerance):
    phases = np.exp(1j * np.arange(18))
    delays = Delay(1, 0.3, 0.4 * phases), Delay(0, 0.7, 0.3j), Delay(0, 0.02, 0.2)
    system = System(saturating, Rates(0.5, 0.3), 2, 1, 2, delays, (0.3, -0.7), interpretation)
    start = np.full((18, 2), 0.8 + 0.1j), np.full((18, 1), 0.9)
    found = integrate(system, *start, duration=4.0, step=0.02, sample=0.02, seed=7, engine=engine)
    path, x_path = follow(system, *start, wiener_increments(7, 18, 2, 200, 0.02), 0.02)
    np.testing.assert_allclose(found.fields, path[..., 1:], atol=tolerance)
    np.testing.assert_allclose(found.reals, x_path[..., 1:], atol=tolerance)
    np.testing.assert_allclose(found.moduli, np.abs(path[..., 1:]) ** 2, atol=3 * tolerance)


def geometric(p, dt, fields, reals, delayed, noise):
    (a,) = fields
    return (a - dt * p.gamma * a + a * (p.noise * 1.4142135623730951 * noise[0].real),), reals


def feedback(p, dt, fields, reals, delayed, noise):
    (a,) = fields
    return (a + dt * (delayed[0] - p.gamma * a) + p.noise * noise[0],), reals


GAMMA, FINEST = 1.0, 2**11


def end(system, increments, steps):
    """Field at time 1 after so many steps with sums of the increments."""
    sums = increments.reshape(*increments.shape[:2], steps, -1).sum(axis=3)
    return follow(system, np.ones((len(increments), 1)), None, sums, 1.0 / steps)[0][:, 0, -1]


def order(steps, values, errors):
    """Slope of log(value) over log(step) and its standard error, weighted with the errors of the values."""
    slope, covariance = np.polyfit(-np.log(steps), np.log(values), 1, w=values / errors, cov="unscaled")
    return slope[0], math.sqrt(covariance[0, 0])


def mean_and_error(values):
    return values.mean(axis=1), values.std(axis=1) / math.sqrt(values.shape[1])


def geometric_ends(interpretation, noise, increments, numbers):
    """Solution at time 1, one row per number of steps, and that of the equation on the same paths."""
    system = System(geometric, Rates(GAMMA, noise), 1, 0, 1, interpretation=interpretation)
    drift = GAMMA + (noise**2 / 2 if interpretation == "ito" else 0)
    brownian = math.sqrt(2) * increments.real.sum(axis=(1, 2))
    return np.array([end(system, increments, n) for n in numbers]).real, np.exp(-drift + noise * brownian)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("interpretation", "expected"), [("ito", 0.5), ("stratonovich", 1.0)])
def test_strong_order_with_multiplicative_noise(interpretation, expected, seed):
    numbers = 2 ** np.arange(4, 9)
    ends, exact = geometric_ends(interpretation, 0.8, wiener_increments(seed, 2000, 1, 256, 1 / 256), numbers)
    found, error = order(numbers, *mean_and_error(np.abs(ends - exact)))
    assert error < 0.02
    assert abs(found - expected) < 3 * error + 0.08  # the next order bends the line


def second_moment(interpretation, noise, n):
    """<a^2> of the scheme after n steps: each multiplies a with a polynomial of m = s dB - gamma h."""
    h, square = 1.0 / n, noise**2 / n
    drift = -GAMMA * h
    m = [1, drift, drift**2 + square, drift**3 + 3 * drift * square]
    m.append(drift**4 + 6 * drift**2 * square + 3 * square**2)
    if interpretation == "ito":
        return (m[0] + 2 * m[1] + m[2]) ** n  # of 1 + m
    return (m[0] + 2 * m[1] + 2 * m[2] + m[3] + m[4] / 4) ** n  # of 1 + m + m^2/2


@pytest.mark.parametrize("seed", [1, 2])
def test_weak_order_with_multiplicative_noise_is_one(seed):
    noise, numbers = 0.5, 2 ** np.arange(2, 7)
    increments = wiener_increments(seed, 50_000, 1, 64, 1 / 64)
    for interpretation, sign in (("ito", -1), ("stratonovich", 1)):
        ends, exact = geometric_ends(interpretation, noise, increments, numbers)
        # differences on the same path scatter less than the moments do
        difference, errors = mean_and_error(ends**2 - exact**2)
        drift = GAMMA if interpretation == "ito" else GAMMA - noise**2 / 2
        limit = math.exp(noise**2 - 2 * drift)
        expected = [second_moment(interpretation, noise, n) - limit for n in numbers]
        assert (np.abs(difference - expected) < 4.5 * errors).all()
        found, error = order(numbers, sign * difference, errors)
        assert error < 0.15
        assert abs(found - 1.0) < 3 * error + 0.15


@pytest.mark.parametrize("seed", [1, 2])
def test_strong_order_with_delay_and_additive_noise_is_one(seed):
    system = System(feedback, Rates(GAMMA, 0.8), 1, 0, 1, (Delay(0, 0.25, 2.0j),))
    numbers = 2 ** np.arange(4, 9)
    increments = wiener_increments(seed, 200, 1, FINEST, 1.0 / FINEST)
    reference = end(system, increments, FINEST)
    distance = np.abs([end(system, increments, n) - reference for n in numbers])
    found, error = order(numbers, *mean_and_error(distance))
    assert error < 0.1
    assert abs(found - 1.0) < 3 * error + 0.1


def test_increments_of_all_trajectories_differ_and_are_white():
    increments = wiener_increments(5, 60, 2, 4000, 0.25).reshape(120, 4000) * 2
    assert len(np.unique(increments)) > 0.9999 * increments.size  # 2^24 radii times many angles
    correlation = increments @ increments.conj().T / 4000 - np.eye(120)
    assert np.abs(correlation).max() < 5 / math.sqrt(4000)
    # no trajectory repeats another one later on: all lags at once
    spectra = np.fft.fft(increments, 8192)
    for shift in (1, 7, 60):
        lagged = np.fft.ifft(spectra * np.roll(spectra, shift, axis=0).conj()) / 4000
        assert np.abs(lagged).max() < 6 / math.sqrt(4000)
    power = np.abs(increments) ** 2
    assert abs(power.mean() - 1) < 4 / math.sqrt(power.size)
    assert abs((power**2).mean() - 2) < 4 * math.sqrt(20 / power.size)
