import math

import numpy as np
import pytest

from instruments.twin import TwinSettings, draw_truth
from instruments.twin.sample import Sample, Stage
from instruments.twin.world import World


class Time:
    s = 0.0

    def __call__(self):
        return self.s


def wander(seed, direction_rad=0.0, **settings):
    chosen = TwinSettings(seed=seed, bench="full", **settings)
    return Sample(chosen, direction_rad, Stage(Time()), np.random.default_rng(seed))


def test_the_sample_stays_put_unless_the_bench_has_a_position_loop():
    for bench in ("minimal", "mercury-scope"):
        world = World(TwinSettings(bench=bench))
        world.cryostats[1].loop.setpoint_k -= 1.0
        world.advance(60.0)
        assert world.sample.offset_um() == (0.0, 0.0)


def test_the_sample_follows_the_temperature_with_the_lag_of_the_cold_finger():
    sample = wander(1, direction_rad=math.pi / 6, sample_walk_um=0.0)
    for _ in range(1200):
        sample.step(0.1, 32.9)
    reached = -2.0 * 3.0 * (1 - math.exp(-1))
    expected = (reached * math.cos(math.pi / 6), reached / 2)
    assert sample.offset_um() == pytest.approx(expected, rel=1e-6)


def test_the_sample_wanders_by_a_micrometre_in_ten_minutes():
    squares = []
    for seed in range(200):
        sample = wander(seed, sample_drift_um_per_k=0.0)
        for _ in range(60):
            sample.step(10.0, 34.9)
        squares.append(np.sum(np.square(sample.position_um())))
    # the sum of two squared normal numbers has a relative standard deviation of 1
    assert np.mean(squares) == pytest.approx(1.0, abs=4 / math.sqrt(200))


def test_a_stage_moves_at_its_speed_and_its_load_lags_by_the_play():
    time = Time()
    stage = Stage(time)
    motor = stage.motors[0]
    motor.move(100.0)
    time.s = 0.25
    assert motor.moving
    assert motor.position_um == pytest.approx(50.0)
    time.s = 1.0
    assert not motor.moving
    assert stage.position_um() == pytest.approx((99.98, 0.0))
    motor.move(99.97)  # the way back first takes up the play
    time.s = 2.0
    assert stage.position_um() == pytest.approx((99.98, 0.0))
    motor.move(99.0)
    time.s = 3.0
    assert stage.position_um() == pytest.approx((99.02, 0.0))
    motor.move(150.0)
    time.s = 3.1
    motor.stop()
    time.s = 9.0
    assert motor.position_um == pytest.approx(119.0)


def test_the_offset_is_the_sample_minus_the_stage():
    world = World(TwinSettings(seed=2, bench="full"))
    world.stage.motors[1].move(-10.0)
    world.advance(5.0)
    x_um, y_um = world.sample.position_um()
    assert world.sample.offset_um() == pytest.approx((x_um, y_um + 9.98))


def test_direction_and_camera_angle_differ_from_lab_to_lab():
    truths = [draw_truth(TwinSettings(seed=seed)) for seed in range(1, 9)]
    directions = [truth.sample_drift_direction_rad for truth in truths]
    assert len(set(directions)) == 8
    assert all(0 <= direction < 2 * math.pi for direction in directions)
    assert all(abs(truth.camera_angle_rad) <= 0.1 for truth in truths)


@pytest.mark.parametrize("name", ["sample_drift_um_per_k", "sample_walk_um"])
def test_impossible_drifts_of_the_sample_are_refused(name):
    for value in (-1.0, 101.0, math.nan):
        with pytest.raises(ValueError, match=f"{name} must lie between 0 and 100"):
            TwinSettings(**{name: value})
