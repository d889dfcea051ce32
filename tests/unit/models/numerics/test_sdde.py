"""The stochastic delay integrator against solutions that are known."""

import dataclasses
import math
import os
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import numpy as np
import pytest

from models.numerics import Delay, System, integrate, sdde


class Linear(NamedTuple):
    gamma: float
    noise: float


def linear(p, dt, fields, reals, delayed, noise):
    (a,) = fields
    return (a + dt * (delayed[0] - p.gamma * a) + p.noise * noise[0],), reals


def decay(p, dt, fields, reals, delayed, noise):
    (a,) = fields
    return (a - dt * p.gamma * a + p.noise * noise[0],), reals


def geometric(p, dt, fields, reals, delayed, noise):
    (a,) = fields
    return (a - dt * p.gamma * a + a * (p.noise * 1.4142135623730951 * noise[0].real),), reals


class Coupling(NamedTuple):
    coupling: float


def stuart_landau(p, dt, fields, reals, delayed, noise):
    a, b = fields
    pull_a, pull_b = delayed
    new_a = a + dt * (a * (1.0 - (a.real * a.real + a.imag * a.imag)) + p.coupling * (pull_a - a))
    new_b = b + dt * (b * (1.0 - (b.real * b.real + b.imag * b.imag)) + p.coupling * (pull_b - b))
    return (new_a, new_b), reals


def echo(p, dt, fields, reals, delayed, noise):
    a, b = fields
    first, second, third = delayed
    return (a + 1.0, first + 100.0 * second + 10000.0 * third), reals


def relaxing(p, dt, fields, reals, delayed, noise):
    (a,) = fields
    (x,) = reals
    return (a - dt * x * a,), ((x + dt * p.gamma) / (1.0 + dt * p.gamma),)


FEEDBACK, RATE, DELAY = 0.8 * np.exp(1.1j), 1.5, 2.0


def linear_correlation(lag, step=None):
    """<a(t + lag) a*(t)> of da = (k a(t - tau) - gamma a) dt + dW: integral of the spectrum.

    With `step`, of the Euler scheme; without, of the equation itself.
    """

    def density(omega):
        rate = 1j * omega if step is None else (np.exp(1j * omega * step) - 1) / step
        return np.exp(1j * omega * lag) / abs(rate + RATE - FEEDBACK * np.exp(-1j * omega * DELAY)) ** 2

    edge = 2000.0 if step is None else math.pi / step
    omega = np.linspace(-edge, edge, 400_001)
    return np.trapezoid(density(omega), omega) / (2 * math.pi) + (0 if step or lag else 1 / (math.pi * edge))


def run_linear(engine, seed, step=0.01, sample=0.01, trajectories=64, duration=100.0, **more):
    system = System(linear, Linear(RATE, 1.0), 1, 0, 1, (Delay(0, DELAY, FEEDBACK),))
    start = np.zeros((trajectories, 1))
    return integrate(
        system,
        start,
        duration=duration,
        step=step,
        sample=sample,
        settle=20,
        seed=seed,
        engine=engine,
        **more,
    )


def mean_and_error(per_trajectory):
    return per_trajectory.mean(), per_trajectory.std(ddof=1) / math.sqrt(len(per_trajectory))


@pytest.mark.parametrize("engine", ["lanes", "scalar"])
@pytest.mark.parametrize("seed", [1, 2])
def test_delayed_ornstein_uhlenbeck_process_has_the_exact_variance_and_correlation(engine, seed):
    field = run_linear(engine, seed).fields[:, 0].astype(complex)
    for lag in (0.0, 1.0, DELAY):
        shift = round(lag / 0.01)
        product = field[:, shift:] * field[:, : field.shape[1] - shift].conj()
        for part in (np.real, np.imag):
            mean, error = mean_and_error(part(product).mean(axis=1))
            assert abs(mean - part(linear_correlation(lag, step=0.01))) < 4 * error + 1e-6
            assert error < 0.02


def test_the_step_changes_the_variance_by_the_first_order_of_the_scheme_only():
    exact = linear_correlation(0.0).real
    for step in (0.2, 0.1, 0.05):
        mean, error = mean_and_error(
            run_linear("lanes", 3, step, step).moduli[:, 0].mean(axis=1, dtype=float)
        )
        assert abs(mean - linear_correlation(0.0, step).real) < 4 * error
        assert abs(linear_correlation(0.0, step).real / exact - 1) == pytest.approx(RATE * step / 2, rel=0.35)


@pytest.mark.parametrize("engine", ["lanes", "scalar"])
@pytest.mark.parametrize("interpretation", ["ito", "stratonovich"])
def test_multiplicative_noise_is_read_as_the_system_says(interpretation, engine):
    # da = -gamma a dt + s a dB, real B: <a> = exp(-gamma t), <a^2> = exp((s^2 - 2 gamma) t) for Ito;
    # Stratonovich's gamma is smaller by s^2/2
    drift = {"ito": -1.0, "stratonovich": -1.0 + 0.18}
    system = System(geometric, Linear(1.0, 0.6), 1, 0, 1, interpretation=interpretation)
    ensemble = integrate(
        system, np.ones((4096, 1)), duration=1.0, step=0.002, sample=0.002, seed=4, engine=engine
    )
    final = ensemble.fields[:, 0, -1].real.astype(float)
    mean, error = mean_and_error(final)
    assert error < 0.005
    assert abs(mean - math.exp(drift[interpretation])) < 4 * error + 0.001
    (other,) = {"ito", "stratonovich"} - {interpretation}
    assert abs(mean - math.exp(drift[other])) > 10 * error
    second, error = mean_and_error(final**2)
    assert abs(second - math.exp(0.36 + 2 * drift[interpretation])) < 4 * error + 0.001


def test_both_readings_are_the_same_for_additive_noise():
    system = System(linear, Linear(RATE, 1.0), 1, 0, 1, (Delay(0, DELAY, FEEDBACK),))
    heun = dataclasses.replace(system, interpretation="stratonovich")
    times = {"duration": 100.0, "step": 0.02, "sample": 0.02, "settle": 20.0, "seed": 6}
    one, two = (
        integrate(s, np.zeros((128, 1)), **times).moduli[:, 0].mean(axis=1, dtype=float)
        for s in (system, heun)
    )
    mean, error = mean_and_error(two)
    assert abs(mean - linear_correlation(0.0).real) < 4 * error + 1e-4
    # on the same path the schemes differ by their error only: Euler's first order
    difference, error = mean_and_error(one - two)
    assert abs(difference - (linear_correlation(0.0, 0.02) - linear_correlation(0.0)).real) < 4 * error + 5e-4


def final_stuart_landau(step, engine, interpretation="ito"):
    coupling = 0.3
    system = System(
        stuart_landau,
        Coupling(coupling),
        fields=2,
        delays=(Delay(1, 2.0), Delay(0, 2.0)),
        frequencies=(0.9 / (2 * math.pi), -0.9 / (2 * math.pi)),
        interpretation=interpretation,
    )
    start = np.array([[1.0, 0.5 + 0.1j]])
    return integrate(system, start, duration=20.0, step=step, sample=step, engine=engine).fields[0, :, -1]


def test_noise_free_delayed_oscillators_reach_the_reference_solution_in_first_order():
    # jitcdde, relative tolerance 1e-9
    reference = np.array([0.637455 - 0.469664j, 0.337568 + 0.716226j])
    steps = (0.02, 0.01, 0.005, 0.0025)
    errors = [np.abs(final_stuart_landau(h, "scalar") - reference).max() for h in steps]
    np.testing.assert_allclose(np.array(errors[:-1]) / errors[1:], 2.0, rtol=0.15)
    better = 2 * final_stuart_landau(0.0025, "scalar") - final_stuart_landau(0.005, "scalar")
    assert np.abs(better - reference).max() < 2e-4
    assert np.abs(final_stuart_landau(0.01, "lanes") - final_stuart_landau(0.01, "scalar")).max() < 1e-4


def test_without_noise_the_scheme_of_stratonovich_is_of_second_order():
    reference = np.array([0.637455 - 0.469664j, 0.337568 + 0.716226j])
    steps = (0.1, 0.05, 0.025)
    errors = [np.abs(final_stuart_landau(h, "scalar", "stratonovich") - reference).max() for h in steps]
    np.testing.assert_allclose(np.array(errors[:-1]) / errors[1:], 4.0, rtol=0.25)
    assert errors[-1] < 3e-3
    lanes, scalar = (final_stuart_landau(0.05, engine, "stratonovich") for engine in ("lanes", "scalar"))
    assert np.abs(lanes - scalar).max() < 1e-4


def test_rotation_is_exact_and_does_not_change_the_modulus():
    system = System(decay, Linear(0.0, 0.0), 1, 0, 1, frequencies=(7.3,))
    for engine, tolerance in (("scalar", 1e-6), ("lanes", 2e-3)):
        ensemble = integrate(system, np.ones((3, 1)), duration=10, step=0.01, sample=0.01, engine=engine)
        expected = np.exp(2j * np.pi * 7.3 * 0.01 * np.arange(1, 1001))
        np.testing.assert_allclose(ensemble.fields[2, 0], expected, atol=tolerance)
        np.testing.assert_allclose(ensemble.moduli, 1.0, atol=tolerance)


def test_both_engines_follow_the_same_path():
    lanes, scalar = (run_linear(e, 5, sample=0.1, trajectories=19, duration=20) for e in ("lanes", "scalar"))
    assert (lanes.engine, scalar.engine) == ("lanes", "scalar")
    np.testing.assert_allclose(lanes.fields, scalar.fields, atol=2e-5)
    np.testing.assert_allclose(lanes.moduli, scalar.moduli, atol=5e-5)
    np.testing.assert_allclose(lanes.time, np.arange(200) * 0.1 + 0.05)


@pytest.mark.parametrize("engine", ["lanes", "scalar"])
def test_real_variables_and_box_averages_are_those_of_the_step(engine):
    # no noise: x follows the implicit scheme exactly, a is its product
    system = System(relaxing, Linear(2.0, 0.0), 1, 1)
    fine = integrate(
        system, np.ones((2, 1)), [[3.0], [0.0]], duration=1, step=0.01, sample=0.01, engine=engine
    )
    boxes = integrate(
        system, np.ones((2, 1)), [[3.0], [0.0]], duration=1, step=0.01, sample=0.1, engine=engine
    )
    expected = 1 + 2 * 1.02 ** -np.arange(1.0, 101.0)
    np.testing.assert_allclose(fine.reals[0, 0], expected, rtol=2e-6)
    np.testing.assert_allclose(boxes.reals[0, 0], expected.reshape(10, 10).mean(axis=1), rtol=2e-6)
    np.testing.assert_allclose(
        boxes.fields[:, 0], fine.fields[:, 0].reshape(2, 10, 10).mean(axis=2), rtol=2e-6
    )
    np.testing.assert_allclose(
        boxes.moduli[:, 0], fine.moduli[:, 0].reshape(2, 10, 10).mean(axis=2), rtol=2e-6
    )


def test_each_trajectory_has_its_own_phase_factor():
    phases = 2 * np.pi * np.arange(20) / 20
    system = System(linear, Linear(1.0, 0.0), 1, 0, 1, (Delay(0, 1.0, np.exp(1j * phases)),))
    field = integrate(system, np.ones((20, 1)), duration=0.5, step=0.01, sample=0.01).fields[:, 0, -1]
    left = (1 - 0.01) ** 50
    np.testing.assert_allclose(field, left + np.exp(1j * phases) * (1 - left), atol=1e-5)


def test_several_delays_are_counted_in_whole_steps():
    # a jumps to 1 at t = 0 from a constant past 0: echoes arrive after 3, 5 and 8 steps
    system = System(echo, Linear(0.0, 0.0), 2, 0, 0, (Delay(0, 0.3), Delay(0, 0.5), Delay(0, 0.8)))
    field = integrate(system, np.array([[0.0, 0.0]]), duration=1.2, step=0.1, sample=0.1, engine="scalar")
    np.testing.assert_allclose(field.fields[0, 0].real, np.arange(1, 13), rtol=1e-6)
    expected = [max(0, n - 3) + 100 * max(0, n - 5) + 10000 * max(0, n - 8) for n in range(12)]
    np.testing.assert_allclose(field.fields[0, 1].real, expected, rtol=1e-6)


def test_a_seed_fixes_the_result_and_another_seed_is_independent():
    first, again, other = (run_linear("lanes", s, sample=0.5, duration=200).fields[:, 0] for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    correlation = abs((first.conj() * other).mean()) / (np.abs(first) ** 2).mean()
    assert correlation < 5 / math.sqrt(first.size / 10)
    neighbours = (first[1:].conj() * first[:-1]).mean(axis=1) / (np.abs(first) ** 2).mean()
    assert np.abs(neighbours).max() < 5 / math.sqrt(first.shape[1] / 10)


def test_a_trajectory_does_not_depend_on_how_many_others_there_are_nor_on_the_chunks(monkeypatch):
    many = run_linear("lanes", 1, sample=0.1, trajectories=40, duration=30)
    few = run_linear("lanes", 1, sample=0.1, trajectories=5, duration=30)
    np.testing.assert_array_equal(many.fields[:5], few.fields)
    monkeypatch.setattr(sdde, "_CHUNK_STEPS", 70)
    chunked = run_linear("lanes", 1, sample=0.1, trajectories=40, duration=30)
    np.testing.assert_array_equal(many.fields, chunked.fields)


def test_progress_rises_to_one():
    fractions = []
    run_linear("lanes", 1, sample=0.1, duration=20, on_progress=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_ctrl_c_stops_a_long_run_at_once():
    run_linear("lanes", 1, sample=1.0, duration=2)  # compile first
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    started = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run_linear("lanes", 1, sample=1.0, duration=1e6)  # minutes
    assert time.monotonic() - started < 20


def test_a_compiled_kernel_is_found_on_disk_by_the_next_process_until_its_source_changes(tmp_path):
    module = tmp_path / "own_system.py"
    text = """
def step(p, dt, fields, reals, delayed, noise):
    return (fields[0] * 0.5,), reals
"""
    script = """
import numpy as np, own_system
from models.numerics import System, integrate
times = {"duration": 1, "step": 1, "sample": 1, "engine": "scalar"}
result, again = (integrate(System(own_system.step, (), 1), np.ones((1, 1)), **times) for _ in range(2))
print(result.compile_s > 0.1, again.compile_s, result.fields[0, 0, 0].real)
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": str(tmp_path)}

    def run():
        command = [sys.executable, "-c", script]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout.split()

    def kernels():
        return {path.name for path in (tmp_path / "cache").rglob("*advance_*step*")}

    module.write_text(text)
    assert run() == ["True", "0.0", "0.5"]
    first = kernels()
    assert len(first) == 2  # index and code
    assert run() == ["False", "0.0", "0.5"]
    module.write_text(text.replace("0.5", "0.25"))
    assert run() == ["True", "0.0", "0.25"]
    assert len(kernels()) == 2  # the older ones are gone
    assert not kernels() & first


def test_a_step_that_is_too_large_is_reported():
    system = System(decay, Linear(30.0, 1.0), 1, 0, 1)
    with pytest.raises(FloatingPointError, match="a step of 0.1 is too large"):
        integrate(system, np.ones((2, 1)), duration=100, step=0.1, sample=0.1)


PLAIN = System(decay, Linear(1.0, 1.0), 1, 0, 1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sample": 0.025}, "sample is 0.025, not a positive multiple of the step 0.01; nearest is 0.02"),
        ({"duration": 0.01}, "duration is 0.01, shorter than one sample of 0.1"),
        ({"sample": 2e4, "duration": 1e5}, "sample holds 2000000 steps; more than 1000000 lose precision"),
        ({"settle": -1.0}, "settle is -1; it must not be negative"),
        ({"engine": "gpu"}, "engine is 'gpu'; choose 'auto', 'lanes' or 'scalar'"),
        ({"step": 0.0}, "step is 0; it must be positive"),
        ({"fields": np.ones(3)}, r"fields has shape \(3,\); expected \(trajectories, 1\)"),
        ({"reals": np.ones((2, 1))}, r"reals has shape \(2, 1\); expected \(2, 0\)"),
    ],
)
def test_wrong_input_is_refused_with_one_clear_sentence(change, sentence):
    arguments = {"fields": np.ones((2, 1)), "duration": 1.0, "step": 0.01, "sample": 0.1} | change
    with pytest.raises(ValueError, match=sentence):
        integrate(PLAIN, **arguments)


def test_a_system_that_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="delayed field 1 does not exist; there are 1 fields"):
        System(decay, Linear(1.0, 1.0), 1, delays=(Delay(1, 1.0),))
    with pytest.raises(ValueError, match="interpretation is 'Ito'; choose 'ito' or 'stratonovich'"):
        System(decay, Linear(1.0, 1.0), 1, interpretation="Ito")
    with pytest.raises(ValueError, match="frequencies has 2 entries for 1 fields"):
        System(decay, Linear(1.0, 1.0), 1, frequencies=(1.0, 2.0))
    uneven = System(linear, Linear(1.0, 1.0), 1, 0, 1, (Delay(0, 1.0, np.ones(3)),))
    with pytest.raises(
        ValueError, match=r"delayed term 0 has shape \(3,\); give one number or one per trajectory"
    ):
        integrate(uneven, np.ones((2, 1)), duration=1, step=0.01, sample=0.1)
    odd = System(linear, Linear(1.0, 1.0), 1, 0, 1, (Delay(0, 1.005),))
    with pytest.raises(
        ValueError, match="delay is 1.005, not a positive multiple of the step 0.01; nearest is 1"
    ):
        integrate(odd, np.ones((2, 1)), duration=1, step=0.01, sample=0.1)
