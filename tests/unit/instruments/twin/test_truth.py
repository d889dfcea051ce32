from dataclasses import astuple

import numpy as np
import pytest

from instruments.twin import TwinSettings, draw_truth


def test_the_truth_is_a_function_of_the_seed():
    assert draw_truth(TwinSettings(seed=7)) == draw_truth(TwinSettings(seed=7, clock="lock-step"))


def test_another_seed_changes_every_quantity():
    first, second = (np.hstack(astuple(draw_truth(TwinSettings(seed=seed)))) for seed in (7, 8))
    assert np.all(first != second)


def test_a_large_seed_and_its_low_word_give_different_truths():
    assert draw_truth(TwinSettings(seed=1)) != draw_truth(TwinSettings(seed=1 + 2**32))


def test_the_truth_of_a_seed_stays_what_it_was_when_quantities_are_added():
    truth = draw_truth(TwinSettings(seed=7))
    assert truth.coupling == pytest.approx(0.028281724107670547, rel=1e-12)
    assert truth.efficiency_cps_per_photon[1] == pytest.approx(57757.272378060465, rel=1e-12)


def test_the_drawn_values_stay_within_their_ranges_and_use_them():
    truths = [draw_truth(TwinSettings(seed=seed)) for seed in range(200)]
    coupling = np.array([truth.coupling for truth in truths]) / 0.025 - 1
    assert -0.15 <= coupling.min() < -0.13
    assert 0.13 < coupling.max() <= 0.15
    tuning = np.array([truth.tuning_ghz_per_k for truth in truths]) / -6.0 - 1
    assert np.abs(tuning).max() <= 0.02
    crossing = np.array([truth.crossing_temperature_k for truth in truths]) - 34.4
    assert np.abs(crossing).max() <= 0.05
    assert np.abs(np.array([truth.current_spread for truth in truths])).max() <= 0.005
    spectral_range = np.array([truth.free_spectral_range_ghz for truth in truths]) / 15.0 - 1
    assert np.abs(spectral_range).max() <= 0.001
    plasma = np.array([truth.plasma_ghz_per_carrier for truth in truths])
    assert 4.6e-4 <= plasma.min() < 4.65e-4
    assert 5.15e-4 < plasma.max() <= 5.2e-4


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"clock": "fast"}, "clock must be"),
        ({"clock": -1.0}, "must be positive"),
        ({"port_base": 80}, "port_base"),
        ({"temperature_1_k": 4.0}, "temperature_1_k"),
        ({"duration_ns": 50.0}, "at least 200"),
        ({"configuration": "ring"}, "face-to-face, relay"),
        ({"field_trajectories": 0}, "field_trajectories"),
        ({"field_duration_us": 0.01}, "field_duration_us"),
    ],
)
def test_impossible_choices_are_refused_in_one_sentence(choice, message):
    with pytest.raises(ValueError, match=message):
        TwinSettings(**choice)
