"""Parameters of the micropillars: published values, units, checks."""

import dataclasses

import pytest

from models import micropillars as mp

PAIR = mp.kreinberg2019(27.1, 24.2)


def test_published_parameters_give_the_rates_of_the_photon_number_form():
    rates = PAIR.pillar_1.rates
    expected = {
        "gain_s": 747.3,
        "gain_w": 727.7,
        "a_ss": 3.97e-3,
        "a_sw": 6.35e-3,
        "a_ws": 7.07e-3,
        "a_ww": 4.76e-3,
        "capture": 291.2,
        "inactive": 2 * 437.73,
        "loss_s": 39.0,
        "loss_w": 38.5,
        "reservoir_decay": 1.0,
    }
    for name, value in expected.items():
        assert getattr(rates, name) == pytest.approx(value, rel=1e-3), name
    assert rates.noise**2 == pytest.approx(3.5e-3 * 2 * 312 / 0.155)
    # S_in eta (J - J_p)/(e A) by hand: 7e-3 m2/s * 0.0596 * 24.8 uA / (e * 15 um2), per ns squared
    assert rates.pump == pytest.approx(7e-3 * 0.0596 * 24.8e-6 / (1.602176634e-19 * 15e-12) * 1e-18, rel=1e-6)


def test_the_pillars_differ_in_five_parameters_current_and_splitting_only():
    first, second = (dataclasses.asdict(p) for p in PAIR.pillars)
    assert {name for name in first if first[name] != second[name]} == {
        "current_ua",
        "spontaneous_factor",
        "parasitic_current_ua",
        "injection_efficiency",
        "linewidth_enhancement",
        "dot_lifetime_ns",
        "splitting_ghz",
    }
    assert (second["linewidth_enhancement"], second["dot_lifetime_ns"]) == (1.0, 0.185)


def test_weak_modes_are_detuned_by_five_gigahertz_less():
    assert dataclasses.replace(PAIR, detuning_ghz=1.5).weak_detuning_ghz == pytest.approx(-3.5)


def test_parameters_cannot_be_changed_in_place():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAIR.coupling = 0.1  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        PAIR.pillar_1.current_ua = 1.0  # type: ignore[misc]


def test_both_settings_of_the_inactive_loss_reach_both_pillars():
    calibrated = mp.kreinberg2019(25, 23.5, inactive_loss_factor=1.34)
    assert [p.inactive_loss_factor for p in calibrated.pillars] == [1.34, 1.34]
    assert [p.inactive_loss_factor for p in PAIR.pillars] == [2.0, 2.0]
    assert calibrated.pillar_1.rates.inactive == pytest.approx(0.67 * PAIR.pillar_1.rates.inactive)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"current_ua": -1.0}, "Pillar.current_ua is -1; it must be zero or positive"),
        ({"loss_strong_per_ns": 0.0}, "Pillar.loss_strong_per_ns is 0; it must be positive"),
        ({"dot_lifetime_ns": float("nan")}, "Pillar.dot_lifetime_ns is nan; it must be a finite number"),
        ({"spontaneous_factor": -1e-3}, "Pillar.spontaneous_factor is -0.001; it must be zero or positive"),
    ],
)
def test_impossible_pillar_parameters_are_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(PAIR.pillar_1, **change)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"coupling": -0.01}, "Pair.coupling is -0.01; it must be zero or positive"),
        ({"delay_ns": 0.0}, "Pair.delay_ns is 0; it must be positive"),
        ({"detuning_ghz": float("inf")}, "Pair.detuning_ghz is inf; it must be a finite number"),
    ],
)
def test_impossible_pair_parameters_are_refused(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(PAIR, **change)


def test_a_negative_current_through_the_named_constructor_is_refused():
    with pytest.raises(ValueError, match="current_ua is -5"):
        mp.kreinberg2019(-5, 20)
