import numpy as np
import pytest

from analysis.correlation_fits import PairResponse
from analysis.correlation_model import compare_correlations, model_correlation, model_correlations
from models import micropillars

AVALANCHE = PairResponse.gaussian(0.35, 0.35)
DELAY = np.arange(-12.0, 12.0, 0.25) + 0.125
EFFORT = {"trajectories": 32, "duration_ns": 300.0}
MORE = {"trajectories": 192, "duration_ns": 500.0}


def pair(detuning_ghz=4.8, coupling=0.025):
    return micropillars.kreinberg2019(
        27.1, 24.2, coupling=coupling, detuning_ghz=detuning_ghz, inactive_loss_factor=1.34
    )


def height(found, centre_ns):
    near = np.abs(found["delay"].values - centre_ns) < 0.5
    return float(found["g2"].values[near].mean() - 1), float(found["g2_std"].values[near].mean())


def test_weak_modes_in_resonance_peak_at_plus_and_minus_the_delay_with_a_dip_between():
    found = model_correlation(pair(), ("weak", "weak"), DELAY, AVALANCHE, **MORE)
    (plus, plus_std), (minus, minus_std), (zero, _) = (height(found, at) for at in (4.2, -4.2, 0.0))
    assert plus > zero + 3 * plus_std
    assert minus > zero + 3 * minus_std


def test_without_coupling_nothing_is_correlated():
    found = model_correlation(pair(coupling=0.0), ("weak", "weak"), DELAY, AVALANCHE, **EFFORT)
    assert np.mean(np.abs(found["g2"] - 1) < 3 * found["g2_std"]) > 0.95


def test_the_strong_mode_of_one_laser_dips_where_the_weak_mode_of_the_other_peaks():
    mixed = model_correlation(pair(), ("strong", "weak"), DELAY, AVALANCHE, **MORE)
    depth, std = height(mixed, 4.2)
    assert depth < -3 * std


def test_the_response_of_the_detectors_lowers_and_widens_a_thermal_peak():
    sharp, smeared = (
        model_correlation(pair(), ("weak", "weak"), DELAY, response, pillars=("P2", "P2"), **EFFORT)
        for response in (None, AVALANCHE)
    )
    (top, _), (lower, _) = (height(each, 0.0) for each in (sharp, smeared))
    assert 0.2 < lower < top
    area = [float((each["g2"] - 1).sum()) for each in (sharp, smeared)]
    assert area[1] == pytest.approx(area[0], rel=0.02)


def test_the_model_agrees_with_a_noisy_copy_of_itself_and_not_with_another_coupling():
    detunings = np.array([4.2, 4.8])
    seen = model_correlations(pair(), detunings, ("weak", "weak"), DELAY, AVALANCHE, **EFFORT)
    noise = 0.02 * np.random.default_rng(1).standard_normal(seen["g2"].shape)
    map_ = seen.assign(g2=seen["g2"] + noise, g2_std=0.02 + 0 * seen["g2"])
    same = compare_correlations(map_, pair(), ("weak", "weak"), AVALANCHE, **EFFORT)
    other = compare_correlations(map_, pair(coupling=0.003), ("weak", "weak"), AVALANCHE, **EFFORT)
    assert same.reduced_chi_squared < 1.2
    assert other.reduced_chi_squared > 2
    assert all(abs(float(sigma)) < 4 for *_, sigma in same.rows())


@pytest.mark.parametrize(
    ("modes", "pillars", "message"),
    [
        (("weak", "wek"), ("P1", "P2"), "'wek' is no mode"),
        (("weak", "strong"), ("P1", "P1"), "One analyser selects one mode"),
    ],
)
def test_impossible_modes_are_refused(modes, pillars, message):
    with pytest.raises(ValueError, match=message):
        model_correlation(pair(), modes, DELAY, pillars=pillars, **EFFORT)
