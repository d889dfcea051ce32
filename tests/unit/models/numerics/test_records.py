"""What is accumulated during a run against the same computed from the series."""

import math
import os
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest
from scipy import signal

from models.numerics import Correlation, Delay, Moments, Periodogram, System, integrate, sdde
from models.numerics._records import jackknife


class Pair(NamedTuple):
    gamma: float
    kick: float


def pair(p, dt, fields, reals, delayed, noise):
    a, b = fields
    return (
        a - dt * p.gamma * a + dt * delayed[0] + p.kick * noise[0],
        b - dt * p.gamma * b + dt * delayed[1] + p.kick * (noise[1] * 0.5),
    ), reals


class Linear(NamedTuple):
    gamma: float
    noise: float


def feedback(p, dt, fields, reals, delayed, noise):
    (a,) = fields
    return (a + dt * (delayed[0] - p.gamma * a) + p.noise * noise[0],), reals


COUPLED = System(pair, Pair(1.0, 1.0), 2, 0, 2, (Delay(1, 0.5, 0.5), Delay(0, 0.8, 0.6j)), (0.7, -0.2))
# 1500 lags make blocks of 2048 samples, 500 the shortest ones; 5003 samples are no multiple of anything
SAMPLES, SAMPLE = 5003, 0.04
RECORD = (Moments(), Correlation(1500 * SAMPLE), Periodogram(360 * SAMPLE), Correlation(500 * SAMPLE))


def run(**more):
    arguments = {"duration": SAMPLES * SAMPLE, "step": 0.02, "sample": SAMPLE, "settle": 4.0, "seed": 3}
    return integrate(COUPLED, np.zeros((21, 2)), **(arguments | {"record": RECORD} | more))


@pytest.fixture(scope="module", params=["lanes", "scalar"])
def ensemble(request):
    return run(engine=request.param)


def test_moments_are_those_of_the_series(ensemble):
    u = ensemble.moduli.astype(float)
    moments = ensemble.records[0]
    expected = np.stack([(u**power).mean(axis=2) for power in (1, 2, 3, 4)], axis=2)
    np.testing.assert_allclose(moments.powers, expected, rtol=1e-12)
    np.testing.assert_allclose(moments.mean[0], u.mean(axis=(0, 2)), rtol=1e-12)
    np.testing.assert_allclose(moments.mean[1], u.mean(axis=2).std(axis=0, ddof=1) / math.sqrt(21), rtol=1e-9)
    np.testing.assert_allclose(moments.g2[0], (u**2).mean(axis=(0, 2)) / u.mean(axis=(0, 2)) ** 2, rtol=1e-12)


@pytest.mark.parametrize("which", [1, 3])
def test_correlations_are_those_of_the_series(ensemble, which):
    u = ensemble.moduli.astype(float)
    found = ensemble.records[which]
    assert len(found.lag) == {1: 1501, 3: 501}[which]
    for lag in (0, 1, 2, 17, 400, len(found.lag) - 1):
        early, late = u[:, :, : SAMPLES - lag], u[:, :, lag:]
        assert found.lag[lag] == pytest.approx(lag * SAMPLE)
        products = np.einsum("rit,rjt->rij", early, late) / (SAMPLES - lag)
        np.testing.assert_allclose(found.products[..., lag], products, rtol=1e-11)
        np.testing.assert_allclose(found.earlier[..., lag], early.mean(axis=2), rtol=1e-12)
        np.testing.assert_allclose(found.later[..., lag], late.mean(axis=2), rtol=1e-12)
        means = early.mean(axis=2)[:, :, None] * late.mean(axis=2)[:, None]
        np.testing.assert_allclose(found.g2_of_each[..., lag], products / means, rtol=1e-11)


def test_power_spectra_are_welchs(ensemble):
    field = ensemble.fields.astype(complex)
    found = ensemble.records[2]
    frequency, density = signal.welch(
        field, 1 / SAMPLE, "hann", 360, detrend=False, return_onesided=False, scaling="density"
    )
    order = np.argsort(frequency)
    np.testing.assert_allclose(found.frequency, frequency[order], atol=1e-12)
    expected = density[..., order]
    np.testing.assert_allclose(found.densities, expected, rtol=1e-5, atol=1e-7 * expected.max())
    assert found.segments == (SAMPLES - 360) // 180 + 1
    integral = found.density[0].sum(axis=1) * (found.frequency[1] - found.frequency[0])
    np.testing.assert_allclose(integral, (np.abs(field) ** 2).mean(axis=(0, 2)), rtol=0.05)


def test_nothing_changes_with_the_chunks_nor_when_the_series_is_left_out(ensemble, monkeypatch):
    for steps in (34, 2222):
        monkeypatch.setattr(sdde, "_CHUNK_STEPS", steps)
        other = run(engine=ensemble.engine, series=False)
        assert other.time.size == other.fields.size == other.moduli.size == other.reals.size == 0
        for one, two in zip(ensemble.records, other.records, strict=True):
            for name in vars(two):
                np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_the_series_is_the_same_with_and_without_records(ensemble):
    np.testing.assert_array_equal(ensemble.fields, run(engine=ensemble.engine, record=()).fields)


def within(found, expected, bound=4.0):
    value, error = found
    return np.abs(value - expected) < bound * error


@pytest.mark.parametrize("seed", [1, 2])
def test_light_of_a_linear_system_is_chaotic_with_the_correlation_of_its_field(seed):
    # no coupling: g2 = 1 + |g1|^2 = 1 + exp(-2 gamma lag) of each field, 1 between the fields
    alone = System(pair, Pair(1.0, 1.0), 2, 0, 2, (Delay(1, 0.5, 0.0), Delay(0, 0.8, 0.0)))
    moments, correlation = integrate(
        alone,
        np.zeros((64, 2)),
        duration=2000,
        step=0.005,
        sample=0.02,
        settle=10,
        seed=seed,
        record=(Moments(), Correlation(3.0)),
        series=False,
    ).records
    # the scheme's variance is that of the equation times 1/(1 - gamma h/2); boxes lower g2(0) by 2 gamma h/3
    assert within(moments.mean, np.array([0.5, 0.125]) / (1 - 0.0025)).all()
    assert within(moments.g2, 2 - 2 * 0.02 / 3).all()
    assert (moments.g2[1] < 0.01).all()
    for k in (25, 50, 100):
        value, error = (part[..., k] for part in correlation.g2)
        expected = np.eye(2) * np.exp(-2 * correlation.lag[k]) + 1
        assert (np.abs(value - expected) < 4 * error + 1e-3).all()
        assert (error < 0.01).all()


FACTOR, GAMMA, DELAY, STEP = 0.8 * np.exp(1.1j), 1.5, 2.0, 0.02


def feedback_density(frequency):
    """Power spectral density of the Euler scheme of da = (k a(t - tau) - gamma a) dt + dW."""
    omega = 2 * np.pi * frequency
    rate = (np.exp(1j * omega * STEP) - 1) / STEP
    return 1 / np.abs(rate + GAMMA - FACTOR * np.exp(-1j * omega * DELAY)) ** 2


def through_window(density, frequency, length):
    """Welch's expectation: the density seen through the spectrum of the Hann window."""
    lag = np.arange(-length + 1, length)
    window = signal.get_window("hann", length)
    overlap = signal.correlate(window, window) / np.sum(window**2)
    fine = (np.arange(2**15) - 2**14) / 2**15 / STEP
    correlation = np.fft.ifft(np.fft.ifftshift(density(fine))) / STEP
    turns = np.exp(-2j * np.pi * np.outer(frequency * STEP, lag))
    return (turns @ (overlap * correlation[lag])).real * STEP


@pytest.mark.parametrize("seed", [1, 2])
def test_periodogram_of_the_delayed_ornstein_uhlenbeck_process_is_its_exact_spectrum(seed):
    system = System(feedback, Linear(GAMMA, 1.0), 1, 0, 1, (Delay(0, DELAY, FACTOR),))
    (spectrum,) = integrate(
        system,
        np.zeros((128, 1)),
        duration=2000,
        step=STEP,
        sample=STEP,
        settle=30,
        seed=seed,
        record=[Periodogram(80.0)],
        series=False,
    ).records
    near = np.abs(spectrum.frequency) < 2.0
    density, error = (part[0, near] for part in spectrum.density)
    frequency = spectrum.frequency[near]
    exact = through_window(feedback_density, frequency, 4000)
    np.testing.assert_allclose(exact, feedback_density(frequency), rtol=0.035)  # the window resolves it
    assert (error < 0.03 * density).all()
    deviation = (density - exact) / error
    assert np.abs(deviation).max() < 5
    independent = len(frequency) / 2  # neighbours share a Hann window
    assert abs((deviation**2).mean() - 1) < 5 * math.sqrt(2 / independent)
    # far from a white spectrum: delayed feedback makes compound modes
    assert len(signal.find_peaks(density, prominence=0.1)[0]) >= 2


def test_jackknife_of_a_mean_is_the_standard_error_and_one_trajectory_has_none():
    values = np.random.default_rng(1).normal(size=(12, 3))
    mean, error = jackknife(lambda m: m, values)
    np.testing.assert_allclose(mean, values.mean(axis=0))
    np.testing.assert_allclose(error, values.std(axis=0, ddof=1) / math.sqrt(12))
    assert np.isnan(jackknife(lambda m: m, values[:1])[1]).all()


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (Correlation(0.01), "longest_lag is 0.01; it must be at least one sample of 0.1 and shorter than"),
        (Correlation(20.0), "shorter than the run of 10"),
        (Periodogram(0.3), "segment is 0.3; it must be at least four samples of 0.1"),
        (Periodogram(20.0), "200 samples of it must fit into the run of 100"),
    ],
)
def test_records_that_do_not_fit_into_the_run_are_refused(record, sentence):
    with pytest.raises(ValueError, match=sentence):
        run(duration=10.0, sample=0.1, step=0.1, record=[record])


LONG_RUN = """
import resource
import numpy as np
from models.numerics import Correlation, Moments, Periodogram, integrate
from models import micropillars as mp
from models.micropillars.simulation import delay_system

system = delay_system(mp.kreinberg2019(25, 23.5, inactive_loss_factor=1.34), 0.0)
def run(duration):
    record = Moments(), Correlation(5.0), Periodogram(20.0)
    start = np.full((16, 4), 3.0), np.tile([0.527, 11.0] * 2, (16, 1))
    return integrate(system, *start, duration=duration, step=0.005, sample=0.025, record=record, series=False)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
run(200.0)
before = peak()
moments, correlation, spectrum = run(4000.0).records
print(peak() - before, moments.mean[0][0], correlation.g2[0][0, 0, 0], spectrum.segments)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no resource module")
def test_a_run_twenty_times_as_long_needs_no_more_memory():
    done = subprocess.run(
        [sys.executable, "-c", LONG_RUN], capture_output=True, text=True, check=True, env=os.environ
    )
    growth, photons, g2, segments = map(float, done.stdout.split())
    series = 16 * 4 * 160_000 * (8 + 4) + 16 * 4 * 160_000 * 4  # what the series would have needed: 164 MB
    assert growth < 8e6 < series / 20
    assert segments == 399
    assert 5 < photons < 30
    assert 1 < g2 < 3
