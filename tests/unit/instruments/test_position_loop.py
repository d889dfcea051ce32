import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments import Frame, InstrumentTimeout, Interlock, NotSettled, OutOfRange, PositionLoop
from instruments._registration import displacement_px
from instruments.twin.scene import UM_PER_PX, PillarScene

LIMITS_UM = ((-6.0, 6.0), (-4.0, 4.0))


def exposed(scene, offset_um, rng, brightness=2000.0):
    """Return a frame's pixels as the simulated camera exposes them, without vibration."""
    electrons = rng.poisson(100 + brightness * scene.image(np.asarray(offset_um)))
    return np.clip(np.rint(electrons + rng.normal(0, 5, electrons.shape)), 0, 4095).astype(np.uint16)


class Table:
    """A sample, a stage under it that notes where it was sent, and a camera above."""

    def __init__(self, seed=1, angle_rad=0.08, vibration_um=0.0):
        self.rng = np.random.default_rng(seed)
        self.scene = PillarScene(seed, angle_rad)
        self.sample_um, self.stage_um = np.zeros(2), np.zeros(2)
        self.vibration_um, self.brightness, self.lost = vibration_um, 2000.0, False
        self.visited: list[tuple[float, float]] = []
        self.number = 0
        self.stuck = False

    limits_um = LIMITS_UM

    @property
    def position_um(self):
        return tuple(self.stage_um)

    def move_to_um(self, x_um, y_um):
        for asked, (low, high) in zip((x_um, y_um), LIMITS_UM, strict=True):
            if not low <= asked <= high:
                raise OutOfRange(f"{asked}")
        self.visited.append((x_um, y_um))
        if not self.stuck:
            self.stage_um = np.array([x_um, y_um])
        return x_um, y_um

    def shutdown(self):
        pass

    def grab(self):
        self.number += 1
        if self.lost:
            raise InstrumentTimeout("lost")
        offset = self.sample_um - self.stage_um + self.vibration_um * self.rng.standard_normal(2)
        pixels = exposed(self.scene, offset, self.rng, self.brightness)
        return Frame(pixels, float(self.number), 0.02, self.number, 4095)


@pytest.fixture(scope="module")
def ready_loop():
    table = Table()
    loop = PositionLoop(table, table)
    loop.calibrate()
    loop.reference()
    return table, loop


@pytest.fixture
def table_and_loop(ready_loop, clock):
    """A loop that sees its reference again; calibrated once for all tests."""
    table, loop = ready_loop
    table.sample_um, table.stage_um = np.zeros(2), np.zeros(2)
    table.brightness, table.lost, table.visited = 2000.0, False, []
    loop.clock = clock
    loop._expected_um, loop._holds = np.zeros(2), 0
    return table, loop


@pytest.mark.parametrize("seed", [1, 2])
def test_registration_finds_known_displacements_to_a_twentieth_of_a_pixel(seed):
    scene, rng = PillarScene(seed, 0.05), np.random.default_rng(seed)
    reference = exposed(scene, (0.0, 0.0), rng).astype(float)
    errors, true = [], []
    for distance_um in np.linspace(0.0, 6.0, 25):
        angle = rng.uniform(0, 2 * np.pi)
        offset = distance_um * np.array([np.cos(angle), np.sin(angle)])
        found, error = displacement_px(reference, exposed(scene, offset, rng))
        true.append(scene.px_per_um @ offset)
        errors.append(found - true[-1])
        assert error < 0.1
    assert np.abs(errors).max() < 0.05
    # a window that does not follow the image would pull by 1.5 per cent; 0.1 % is seven standard errors
    assert abs(np.vdot(errors, true) / np.vdot(true, true)) < 1e-3


def test_registration_says_how_far_images_of_different_places_differ():
    rng = np.random.default_rng(3)
    here, there = (exposed(PillarScene(seed, 0.0), (0.0, 0.0), rng).astype(float) for seed in (1, 2))
    assert displacement_px(here, there)[1] > 0.3
    assert displacement_px(here, rng.poisson(100, here.shape).astype(float))[1] > 0.9


@pytest.mark.parametrize("angle_rad", [0.1, 2.0])
def test_calibration_finds_magnification_and_rotation_in_spite_of_a_drift(angle_rad):
    table = Table(seed=4, angle_rad=angle_rad)
    grab = table.grab

    def grab_while_drifting():
        table.sample_um = table.sample_um + (0.02, -0.01)
        return grab()

    table.grab = grab_while_drifting
    found = PositionLoop(table, table).calibrate()
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    expected = UM_PER_PX * np.array([[cosine, sine], [-sine, cosine]])
    np.testing.assert_allclose(found, expected, atol=0.01 * UM_PER_PX)
    np.testing.assert_allclose(table.stage_um, 0.0, atol=1e-12)


def test_a_stage_that_the_camera_does_not_see_move_cannot_be_calibrated():
    table = Table()
    table.stuck = True
    with pytest.raises(Interlock, match="does the camera see the stage move"):
        PositionLoop(table, table).calibrate()


def test_a_loop_without_calibration_or_reference_says_so():
    table = Table()
    loop = PositionLoop(table, table)
    assert not loop.ready
    with pytest.raises(ValueError, match="no calibration or no reference"):
        loop.correct()


def test_one_correction_takes_back_its_gain_and_the_dead_band_is_left_alone(table_and_loop):
    table, loop = table_and_loop
    table.sample_um = np.array([1.0, -0.5])
    correction = loop.correct()
    np.testing.assert_allclose(correction.displacement_um, (1.0, -0.5), atol=0.02)
    np.testing.assert_allclose(table.stage_um, (0.7, -0.35), atol=0.02)
    table.sample_um = table.stage_um + (0.008, -0.008)
    assert loop.correct().step_um == (0.0, 0.0)
    assert len(table.visited) == 1


def test_watching_measures_and_leaves_the_stage_alone(table_and_loop):
    table, loop = table_and_loop
    table.sample_um = np.array([-2.0, 1.5])
    assert loop.watch().displacement_um == pytest.approx((-2.0, 1.5), abs=0.03)
    assert table.visited == []


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        ({"lost": True}, "no frame: lost"),
        ({"brightness": 0.0}, "dark"),
        ({"brightness": 2e4}, "saturated"),
        ({"sample_um": np.array([40.0, 40.0])}, "does not match|jump"),
        ({"sample_um": np.array([4.5, 4.5])}, "jump by 6.4 um"),
    ],
)
def test_what_is_no_believable_displacement_moves_nothing_and_the_next_frame_does(table_and_loop, harm, why):
    table, loop = table_and_loop
    before = {name: getattr(table, name) for name in harm}
    vars(table).update(harm)
    correction = loop.correct()
    assert correction.held
    assert np.isnan(correction.displacement_um).all()
    assert correction.step_um == (0.0, 0.0)
    assert re.search(why, correction.held)
    vars(table).update(before)
    table.sample_um = np.array([0.5, 0.0])
    assert loop.correct().step_um == pytest.approx((0.35, 0.0), abs=0.02)
    assert len(table.visited) == 1


def test_a_loop_that_must_hold_ten_times_in_a_row_is_an_interlock_until_it_sees_again(table_and_loop):
    table, loop = table_and_loop
    table.lost = True
    for _ in range(9):
        assert loop.correct().held
    for _ in range(2):
        with pytest.raises(Interlock, match=r"hold \d+ times in a row; the last time because no frame: lost"):
            loop.correct()
    table.lost = False
    table.sample_um = np.array([0.3, 0.0])
    assert not loop.correct().held
    table.lost = True
    assert loop.correct().held


def test_a_sample_beyond_the_limits_of_the_stage_is_held_then_an_interlock(table_and_loop):
    table, loop = table_and_loop
    table.stage_um = np.array([5.9, 0.0])
    table.sample_um = table.stage_um + (1.0, 0.0)
    for _ in range(9):
        correction = loop.correct()
        assert "x = 6.6" in correction.held
        assert "beyond its limit" in correction.held
        assert correction.displacement_um == pytest.approx((1.0, 0.0), abs=0.02)
    with pytest.raises(Interlock, match="beyond its limit"):
        loop.correct()
    assert table.visited == []


@given(st.lists(st.tuples(st.floats(-4, 4), st.floats(-4, 4), st.booleans()), min_size=3, max_size=9))
@settings(max_examples=8, deadline=None)
def test_wherever_the_sample_goes_the_stage_is_never_sent_beyond_its_limits(ready_loop, moves):
    table, loop = ready_loop
    table.sample_um, table.stage_um = np.zeros(2), np.zeros(2)
    table.brightness, table.visited = 2000.0, []
    loop._expected_um, loop._holds = np.zeros(2), 0
    for dx_um, dy_um, table.lost in moves:
        table.sample_um = table.sample_um + (dx_um, dy_um)
        stood = table.stage_um
        held = loop.correct().held
        assert not (held and (table.stage_um != stood).any())
    for visited in table.visited:
        assert all(low <= at <= high for at, (low, high) in zip(visited, LIMITS_UM, strict=True))


def test_correcting_until_still_brings_the_sample_back_and_tells_where_it_was(table_and_loop):
    table, loop = table_and_loop
    table.sample_um = np.array([3.0, -2.0])
    first, last = loop.correct_until_still(band_um=0.05)
    assert first.displacement_um == pytest.approx((3.0, -2.0), abs=0.05)
    assert last.distance_um <= 0.05
    np.testing.assert_allclose(table.stage_um, table.sample_um, atol=0.06)


def test_a_sample_that_does_not_come_to_rest_is_not_settled_at_the_deadline(table_and_loop, clock):
    table, loop = table_and_loop
    table.lost = True
    with pytest.raises(NotSettled, match="nan um from its place after 0.5 s.*no frame: lost"):
        loop.correct_until_still(deadline_s=0.5)
    assert clock.time_s == pytest.approx(0.5, abs=0.11)


def test_holding_corrects_once_in_every_period_and_tells_of_each(table_and_loop, clock):
    table, loop = table_and_loop
    told = []
    done = loop.hold(5.0, 2.0, told.append)
    assert told == done
    assert [correction.time_s for correction in done] == pytest.approx([0.0, 2.0, 4.0])
    with pytest.raises(OutOfRange, match="not possible"):
        loop.hold(5.0, 0.0)


def test_a_gain_that_would_overshoot_is_refused():
    with pytest.raises(ValueError, match="above 0 and up to 1"):
        PositionLoop(Table(), Table(), gain=1.2)
