"""Relay coupling: each pillar's own light comes back next to that of the other."""

import math
from dataclasses import replace

import numpy as np
import pytest

from models import micropillars as mp

PAIR = mp.kreinberg2019(25, 23.5, inactive_loss_factor=1.34)
HALF = math.sqrt(0.5)
SHORT = {"duration_ns": 10.0, "settle_ns": 5.0, "trajectories": 4, "engine": "scalar"}


def test_a_relay_that_reflects_nothing_is_face_to_face():
    # a reflection of 1e-7 goes through the relay's equations, which must then do the same
    straight = mp.simulate(PAIR, **SHORT)
    relayed = mp.simulate(replace(PAIR, reflection_amplitude=1e-7), **SHORT)
    np.testing.assert_allclose(relayed.field, straight.field, atol=1e-3)


def test_transmission_scales_the_coupling():
    weaker = mp.simulate(replace(PAIR, coupling=0.5 * PAIR.coupling), **SHORT)
    relayed = mp.simulate(replace(PAIR, transmission_amplitude=0.5), **SHORT)
    np.testing.assert_array_equal(relayed.field, weaker.field)


@pytest.mark.parametrize("phase", [0.0, 1.1, -2.0])
def test_reflection_alone_gives_the_external_cavity_modes_of_each_laser(phase):
    # A(t) = a exp(i w t): net = -C cos(theta), w = C sin(theta) - alpha C cos(theta), theta = phase - w tau,
    # C = K kappa. Frequencies come relative to P1, the phase counts at zero frequency of P2: both 0 here.
    pair = replace(PAIR, transmission_amplitude=0.0, reflection_amplitude=1.0, reflection_phase_rad=phase)
    state = mp.steady_state(pair)
    assert state.attrs["residual"] < 1e-3
    rate = PAIR.coupling * 39.0
    for k, pillar in enumerate(pair.pillars):
        w = 2 * np.pi * float(state.coupled_frequency_ghz[k, 0])
        theta = phase - w * pair.delay_ns
        assert w == pytest.approx(
            rate * np.sin(theta) - pillar.linewidth_enhancement * rate * np.cos(theta), abs=3e-3
        )
        assert abs(w) > 0.01


def test_both_phases_are_spread_when_averaged_over():
    pair = replace(PAIR, transmission_amplitude=HALF, reflection_amplitude=HALF)
    light = mp.simulate(pair, 0.1, settle_ns=0, trajectories=64, average_phase=True)
    for name in ("round_trip_phase_rad", "reflection_phase_rad"):
        assert abs(np.exp(1j * light[name].values).mean()) < 0.03
    both = light.round_trip_phase_rad.values + light.reflection_phase_rad.values
    assert abs(np.exp(1j * both).mean()) < 0.03  # neither follows the other
    assert light.attrs["average_phase"] == 1
    assert light.attrs["transmission_amplitude"] == pytest.approx(HALF)


def test_a_relay_that_amplifies_is_refused():
    with pytest.raises(ValueError, match="make 1.25 of the power; a relay gives back at most 1"):
        replace(PAIR, reflection_amplitude=0.5)


def test_tuning_keeps_the_phases_of_the_path_for_light_of_p1():
    tuned = replace(PAIR, round_trip_phase_rad=0.3, reflection_phase_rad=0.1).detuned(0.7)
    assert tuned.detuning_ghz == 0.7
    # relative to P1 a phase at the frequency of P2 is larger by 2 pi nu tau per way
    one_way = 2 * np.pi * 0.7 * tuned.delay_ns
    assert tuned.round_trip_phase_rad + 2 * one_way == pytest.approx(0.3)
    assert tuned.reflection_phase_rad + one_way == pytest.approx(0.1)
    assert tuned.detuned(0.0).round_trip_phase_rad == pytest.approx(0.3)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_relay_gives_a_peak_without_lag_peaks_at_the_delay_and_revivals(seed):
    # Kreinberg et al., Fig. 7: structure only, its pillars' parameters are not published
    pair = mp.kreinberg2019(22, 22, detuning_ghz=5.0, inactive_loss_factor=1.34)
    relay = replace(pair, transmission_amplitude=HALF, reflection_amplitude=HALF)

    def coefficient(pair):
        light = mp.simulate(pair, 800, trajectories=64, seed=seed, average_phase=True)
        found = mp.correlations(light, 12.0).sel(mode="weak", pillar="P1", other_pillar="P2")
        lag = found.lag_ns.values
        value, error = found.correlation_coefficient.values, found.correlation_coefficient_std.values

        def near(centre, reach=0.4):
            inside = np.abs(lag - centre) < reach
            return value[inside].mean(), error[inside].mean()

        return near

    near = coefficient(relay)
    valley = 0.5 * (near(2.1)[0] + near(-2.1)[0])
    for lag, above in ((0.0, 3), (4.4, 3), (-4.4, 3), (8.9, 2), (-8.9, 1)):
        peak, error = near(lag)
        assert peak - valley > above * error, lag
        assert peak < 0.5
    # face-to-face there is no such peak without lag
    straight = coefficient(pair)
    assert near(0.0)[0] - straight(0.0)[0] > 2 * np.hypot(near(0.0)[1], straight(0.0)[1])
