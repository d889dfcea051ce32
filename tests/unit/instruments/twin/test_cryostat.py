import math

import numpy as np
import pytest

from instruments.twin._streams import stream
from instruments.twin.cryostat import (
    BASE_K,
    HEAT_CAPACITY_J_PER_K,
    LINK_W_PER_K,
    SAMPLE_S,
    SENSOR_NOISE_K,
    Cryostat,
)


def run(cryostat, seconds, load_w=0.0):
    """Return true temperatures and readings, one row per sample."""
    trace = []
    for _ in range(round(seconds / SAMPLE_S)):
        cryostat.step(load_w)
        trace.append((cryostat.temperature_k, cryostat.reading_k))
    return np.array(trace)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("step_k", [0.025, -0.025])
def test_a_small_setpoint_step_settles_within_a_minute_with_slight_overshoot(seed, step_k):
    cryostat = Cryostat(34.9, stream(seed))
    cryostat.loop.setpoint_k += step_k
    error = run(cryostat, 200)[:, 0] - cryostat.loop.setpoint_k
    outside = np.flatnonzero(np.abs(error) > 2e-3)
    assert 5 < (outside[-1] + 1) * SAMPLE_S < 60
    assert 5e-4 < np.max(error * np.sign(step_k)) < 5e-3


@pytest.mark.parametrize("seed", [1, 2])
def test_the_steady_sensor_noise_is_half_a_millikelvin_and_the_stage_is_quieter(seed):
    trace = run(Cryostat(32.0, stream(seed)), 600) - 32.0
    sensor = trace[:, 1].std()  # relative standard error 1/sqrt(2 N) = 0.9 %
    assert sensor == pytest.approx(5.1e-4, rel=0.05)
    assert 5e-5 < trace[:, 0].std() < 2e-4
    assert abs(trace[:, 0].mean()) < 5e-5


def test_without_heater_the_stage_relaxes_exponentially_to_the_base():
    cryostat = Cryostat(34.9, stream(1))
    cryostat.loop.heater_range = 0
    run(cryostat, 0.1)  # the output goes off at the next sample of the loop
    start = cryostat.temperature_k
    temperature = run(cryostat, 150)[-1, 0]
    expected = BASE_K + (start - BASE_K) * math.exp(-150 * LINK_W_PER_K / HEAT_CAPACITY_J_PER_K)
    assert temperature == pytest.approx(expected, abs=0.01)


def test_a_setpoint_ramp_moves_at_its_rate_and_the_stage_follows():
    cryostat = Cryostat(32.0, stream(1))
    cryostat.loop.ramp_on, cryostat.loop.ramp_k_per_min = True, 2.0
    cryostat.loop.setpoint_k = 34.0
    run(cryostat, 30)
    assert cryostat.loop.ramping
    assert cryostat.loop.working_setpoint_k == pytest.approx(33.0, abs=1e-6)
    assert abs(cryostat.temperature_k - 33.0) < 0.2
    run(cryostat, 31)
    assert not cryostat.loop.ramping


def test_a_stage_above_its_limit_trips_the_heater():
    cryostat = Cryostat(34.9, stream(1))
    cryostat.limit_k = 34.0
    run(cryostat, 0.2)
    assert cryostat.loop.heater_range == 0
    assert cryostat.loop.output_percent == 0


def test_a_disturbed_stage_never_settles():
    cryostat = Cryostat(34.9, stream(1))
    cryostat.faults.add("not_settled")
    error = run(cryostat, 200)[500:, 0] - 34.9
    assert all(np.abs(chunk).max() > 5e-3 for chunk in np.split(error, 5))


def test_the_loop_does_not_wind_up_while_the_heater_is_at_its_stop():
    cryostat = Cryostat(34.9, stream(1))
    cryostat.loop.setpoint_k = 33.9
    trace = run(cryostat, 300)[:, 0]
    assert trace.min() > 33.9 - 0.15
    assert abs(trace[-100:].mean() - 33.9) < 1e-3


@pytest.mark.parametrize("seed", [1, 2])
def test_the_base_wanders_smoothly_by_some_ten_millikelvin_within_hours(seed):
    cryostat = Cryostat(32.0, stream(seed))
    base = []
    for _ in range(round(10 * 3600 / SAMPLE_S)):
        cryostat._base.step()
        base.append(cryostat.base_k - BASE_K)
    base = np.array(base)
    assert base[0] == pytest.approx(0.0, abs=1e-5)
    assert 0.006 < base.std() < 0.04  # 19 mK; ten hours hold five independent stretches
    assert np.abs(base[100:] - base[:-100]).max() < 1e-3  # in 10 s


def test_the_drift_of_the_base_takes_nothing_from_the_streams_of_the_other_noise():
    cryostat, same = Cryostat(32.0, stream(1)), stream(1)
    for _ in range(100):
        cryostat.step(0.0)
        _, noise = same.standard_normal(2)
        assert cryostat.reading_k - cryostat.sensor_k == pytest.approx(SENSOR_NOISE_K * noise, abs=1e-12)


def test_a_drifting_base_does_not_move_a_stage_that_is_held():
    cryostat = Cryostat(32.0, stream(1))
    held = run(cryostat, 3600)[:, 0] - 32.0
    assert abs(cryostat.base_k - BASE_K) > 3e-3
    assert np.abs(held).max() < 1e-3


@pytest.mark.parametrize(("fault", "status"), [("heater_open", 1), ("heater_short", 2), ("tlimit_trip", 0)])
def test_a_fault_of_the_heater_switches_it_off_for_good_and_shows_in_its_status(fault, status):
    cryostat = Cryostat(34.9, stream(1))
    cryostat.faults.add(fault)
    run(cryostat, 0.2)
    assert (cryostat.loop.heater_range, cryostat.heater_status) == (0, status)
    cryostat.faults.clear()
    run(cryostat, 1.0)
    assert (cryostat.loop.heater_range, cryostat.heater_status) == (0, 0)
