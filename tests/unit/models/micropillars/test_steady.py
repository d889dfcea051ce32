"""Noise-free states: thresholds, solitary roots, compound-cavity states."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from models import micropillars as mp


def drift(rates, y):
    """Right-hand side of one solitary pillar without noise, for real field amplitudes."""
    strong, weak, rho, x = y
    u_s, u_w, inversion = strong**2, weak**2, 2 * rho - 1
    gain_s = rates.gain_s / (1 + rates.a_ss * u_s + rates.a_sw * u_w)
    gain_w = rates.gain_w / (1 + rates.a_ws * u_s + rates.a_ww * u_w)
    inactive = rates.lifetime * x / (1 + rates.lifetime * x)
    return [
        (gain_s * inversion - rates.loss_s) * strong,
        (gain_w * inversion - rates.loss_w) * weak,
        -inversion * (gain_s * u_s + gain_w * u_w) / 312 - rho * rates.decay + x * (1 - rho),
        rates.pump - rates.capture * x * (1 - rho) - x - rates.inactive * inactive / rates.lifetime,
    ]


def test_printed_loss_factor_puts_the_thresholds_near_25_and_24_microampere():
    pair = mp.kreinberg2019(20, 20, inactive_loss_factor=2.0)
    first, second = (mp.threshold_current_ua(p) for p in pair.pillars)
    assert first == pytest.approx(25.15, abs=0.05)
    assert second == pytest.approx(24.23, abs=0.05)


def test_calibrated_loss_factor_puts_both_thresholds_near_20_microampere():
    pair = mp.kreinberg2019(25, 23.5, inactive_loss_factor=1.34)
    assert [mp.threshold_current_ua(p) for p in pair.pillars] == pytest.approx([19.5, 20.05], abs=0.05)


@pytest.mark.parametrize("factor", [1.34, 2.0])
def test_the_threshold_is_where_light_appears(factor):
    pillar = mp.kreinberg2019(20, 20, inactive_loss_factor=factor).pillar_1
    threshold = mp.threshold_current_ua(pillar)
    pair = [mp.Pair(replace(pillar, current_ua=threshold * f), pillar, coupling=0.0) for f in (0.999, 1.001)]
    below, above = (mp.steady_state(p).photon_number.values[0, 0] for p in pair)
    assert below == 0
    assert 0 < above < 0.1


def test_no_threshold_exists_when_the_loss_exceeds_the_gain():
    pillar = replace(mp.kreinberg2019(20, 20).pillar_1, loss_strong_per_ns=800.0)
    with pytest.raises(ValueError, match="no threshold"):
        mp.threshold_current_ua(pillar)


@pytest.mark.parametrize("current", [15.0, 25.0, 40.0])
def test_solitary_states_are_stable_fixed_points_of_the_equations(current):
    pair = mp.kreinberg2019(current, current, coupling=0.0, inactive_loss_factor=1.34)
    state = mp.steady_state(pair)
    for k, pillar in enumerate(pair.pillars):
        found = [
            *np.sqrt(state.photon_number.values[k]),
            state.occupation.values[k],
            state.reservoir.values[k],
        ]
        np.testing.assert_allclose(drift(pillar.rates, found), 0, atol=1e-8)
        disturbed = np.array(found) * [1.02, 1, 1.001, 0.98] + [0, 0.05, 0, 0]
        late = solve_ivp(
            lambda t, y, p=pillar: drift(p.rates, y), (0, 100), disturbed, "LSODA", rtol=1e-9, atol=1e-12
        )
        np.testing.assert_allclose(late.y[:, -1], found, rtol=1e-5, atol=1e-5)


def test_with_the_gains_exchanged_the_weak_mode_lases():
    pillar = replace(
        mp.kreinberg2019(25, 25, inactive_loss_factor=1.34).pillar_1,
        gain_strong_m2_per_v2_s=5.0,
        gain_weak_m2_per_v2_s=5.4,
    )
    state = mp.steady_state(mp.Pair(pillar, pillar, coupling=0.0))
    assert state.photon_number.values[0, 0] == 0
    assert state.photon_number.values[0, 1] > 5
    assert state.net_gain.values[0, 0] < 0


def test_without_cross_compression_both_modes_lase():
    pillar = replace(
        mp.kreinberg2019(30, 30, inactive_loss_factor=1.34).pillar_1,
        compression_sw_m2_per_w=0.0,
        compression_ws_m2_per_w=0.0,
    )
    state = mp.steady_state(mp.Pair(pillar, pillar, coupling=0.0))
    assert (state.photon_number.values > 1).all()
    np.testing.assert_allclose(state.net_gain.values, 0, atol=1e-9)


def test_uncoupled_pillars_stay_in_their_solitary_states_at_their_own_frequencies():
    state = mp.steady_state(mp.kreinberg2019(25, 23.5, 0.0, 1.0, inactive_loss_factor=1.34))
    np.testing.assert_allclose(state.coupled_photon_number, state.photon_number, rtol=1e-4)
    np.testing.assert_allclose(state.coupled_frequency_ghz.sel(mode="strong"), [0.0, 1.0], atol=1e-5)
    assert state.attrs["locked"] == 1
    assert state.attrs["residual"] < 1e-5


def test_identical_pillars_lock_in_the_compound_state_of_the_closed_form():
    # A_1 = +-A_2 = a exp(i w t): net = -K kappa cos(theta) with theta = w tau (or + pi),
    # w = -alpha K kappa cos(theta) - K kappa sin(theta)
    pillar = replace(mp.kreinberg2019(25, 25, inactive_loss_factor=1.34).pillar_1)
    state = mp.steady_state(mp.Pair(pillar, pillar, coupling=0.025))
    assert state.attrs["residual"] < 1e-4
    frequency = state.coupled_frequency_ghz.values[:, 0]
    assert frequency[0] == pytest.approx(frequency[1], abs=1e-6)
    w, rate = 2 * np.pi * frequency[0], 0.025 * 39.0
    assert w == pytest.approx(
        -pillar.linewidth_enhancement * rate * np.cos(w * 3.85) - rate * np.sin(w * 3.85), abs=2e-3
    )
    u = state.coupled_photon_number.values[0, 0]
    gain = pillar.rates.gain_s / (1 + pillar.rates.a_ss * u) * (2 * state.coupled_occupation.values[0] - 1)
    assert gain - 39.0 == pytest.approx(-rate * np.cos(w * 3.85), abs=5e-3)


def test_far_detuned_pillars_do_not_lock():
    state = mp.steady_state(mp.kreinberg2019(25, 23.5, 0.025, 3.0, inactive_loss_factor=1.34))
    assert state.attrs["locked"] == 0
    assert state.attrs["residual"] > 0.01
    difference = np.diff(state.coupled_frequency_ghz.sel(mode="strong"))[0]
    assert difference == pytest.approx(3.0, abs=0.1)
