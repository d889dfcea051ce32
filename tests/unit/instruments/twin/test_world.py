from dataclasses import replace

import numpy as np
import pytest

from instruments.twin import TwinSettings
from instruments.twin.carriers import stored_carriers
from instruments.twin.world import REFERENCE_1_K, World


def working(seed=1):
    """Return a world with both arrays at the working point."""
    world = World(TwinSettings(seed=seed))
    world.arrays[0].drive_current(3.0e-3, 20.0)
    world.arrays[1].drive_current(2.82e-3, 20.0)
    return world


@pytest.mark.parametrize("pieces", [[12.34], [0.05] * 246 + [0.04], [5.017, 0.003, 7.32]])
def test_the_world_does_not_depend_on_the_pieces_in_which_time_passes(pieces):
    whole, cut = World(TwinSettings(seed=3)), World(TwinSettings(seed=3))
    whole.advance(12.34)
    for piece in pieces:
        cut.advance(piece)
    assert [c.reading_k for c in whole.cryostats] == [c.reading_k for c in cut.cryostats]
    assert whole.etalon.offset_ghz == cut.etalon.offset_ghz
    assert cut.now_s == pytest.approx(12.34)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_lines_cross_at_the_crossing_temperature_and_cooling_shifts_blue(seed):
    world = working(seed)
    truth = world.truth
    world.cryostats[0].temperature_k = REFERENCE_1_K
    world.cryostats[1].temperature_k = truth.crossing_temperature_k
    assert abs(world.conditions().detuning_ghz) < 2e-3  # the working powers are rounded
    world.cryostats[1].temperature_k -= 0.1
    slope = world.conditions().detuning_ghz / -0.1
    assert slope == pytest.approx(truth.tuning_ghz_per_k[1], rel=0.01)


def test_heat_shifts_the_pillar_red_and_stored_carriers_shift_it_blue():
    world = working()
    truth, factor = world.truth, world.settings.inactive_loss_factor
    before = world.frequency_ghz(1), world.arrays[1].power_w
    world.arrays[1].drive_current(120 * 28e-6, 20.0)
    warmer = truth.heating_k_per_w[1] * (world.arrays[1].power_w - before[1])
    more = stored_carriers(1, 28.0, factor) - stored_carriers(1, 23.5, factor)
    expected = -6.0 * warmer + truth.plasma_ghz_per_carrier[1] * more
    assert 150 < more < 200
    assert world.frequency_ghz(1) - before[0] == pytest.approx(expected, abs=0.01)
    assert -0.2 < expected < -0.08


@pytest.mark.parametrize("seed", [1, 2])
def test_with_rising_current_a_pillar_shifts_blue_then_red_with_its_maximum_near_threshold(seed):
    world = working(seed)
    currents_ua = np.arange(5.0, 40.0, 0.5)
    for pillar, (lowest, highest) in enumerate(((12.0, 21.0), (17.0, 23.0))):
        curve = []
        for current in currents_ua:
            world.arrays[pillar].drive_current(120e-6 * current, 20.0)
            curve.append(world.frequency_ghz(pillar))
        top = np.argmax(curve)
        assert lowest <= currents_ua[top] <= highest
        assert curve[top] - curve[0] > 0.05
        assert curve[top] - curve[-1] > 0.2
        assert np.all(np.diff(curve[top + 4 :]) < 0)


def test_a_misaligned_sample_couples_less_and_p2_is_seen_less():
    world = working()
    aligned = world.conditions()
    world.sample.offset_um = lambda: np.array([0.6, -0.8])
    off = world.conditions()
    assert off.coupling / aligned.coupling == pytest.approx(np.exp(-0.25), abs=0.005)
    assert off.selected[1][0] / aligned.selected[1][0] == pytest.approx(np.exp(-0.25), abs=5e-4)
    assert off.selected[0] == aligned.selected[0]


def test_each_analyser_selects_the_mode_of_its_pillar():
    world = working()
    world.analysers[1].move(45.0, world.now_s, 0.0)
    first, second = world.conditions().selected
    assert first == pytest.approx((1.0, 1e-3))
    assert second == pytest.approx((1e-3, 1.0))


def test_the_pump_current_is_shared_by_the_pillars_with_a_small_hidden_spread():
    world = working()
    share = 25.0 * (1 + world.truth.current_spread[0])
    assert world.current_ua(0) == pytest.approx(share)
    assert share != pytest.approx(25.0, abs=1e-6)


def test_temperature_noise_makes_the_lines_jitter_by_about_a_megahertz():
    world = working()
    frequencies = []
    for _ in range(2000):
        world.advance(0.1)
        frequencies.append(world.frequency_ghz(0))
    assert 3e-4 < np.std(frequencies[600:]) < 1.5e-3


def test_observers_see_every_piece_of_time_once():
    world = World(TwinSettings())
    seen = []
    world.observe(lambda start, conditions, duration: seen.append((start, duration)))
    for duration in (0.25, 0.05, 1.0):
        world.advance(duration)
    starts, durations = np.array(seen).T
    np.testing.assert_allclose(starts[1:], np.cumsum(durations)[:-1], atol=1e-12)
    assert durations.sum() == pytest.approx(1.3)


def test_the_coupling_falls_with_the_root_of_the_transmission():
    world = working()
    full = world.conditions().coupling
    world.plate.move(22.5, world.now_s, 0.0)  # T = 1/2
    assert full == pytest.approx(world.truth.coupling)
    assert world.conditions().coupling == pytest.approx(full * np.sqrt(0.5), rel=1e-3)


def test_a_change_of_the_ramp_starts_it_anew():
    world = World(TwinSettings())
    world.advance(1.0)
    world.set_ramp(replace(world.ramp, on=True))
    assert world.ramp_start_s == pytest.approx(1.0)
