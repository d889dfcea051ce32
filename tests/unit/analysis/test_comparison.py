"""The model's map and what is learned from it, at reduced statistics."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import Recording, Statistics, compare, fit_coupling, fit_locking, model_map
from analysis._modelled import through_interferometer
from models import micropillars

QUICK = Statistics(duration_ns=200.0, trajectories=16, seed=1)


@pytest.fixture(scope="module")
def pair():
    return micropillars.kreinberg2019(25.0, 23.5, coupling=0.025, inactive_loss_factor=1.34)


def test_interferometer_broadens_by_its_width_and_keeps_the_power():
    frequency = np.linspace(-20, 20, 4001)
    lorentz = 0.05 / np.pi / ((frequency - 1.0) ** 2 + 0.05**2)
    grid, passed = through_interferometer(frequency, lorentz, 15.0, 200.0)
    broad = 0.0875 / np.pi / ((grid - 1.0) ** 2 + 0.0875**2) * np.pi / 2 * 0.075
    assert np.max(np.abs(passed - broad)) < 0.01 * broad.max()
    cell = grid[1] - grid[0]
    assert passed.sum() * cell == pytest.approx(np.pi / 2 * 0.075, rel=5e-3)


def test_uncoupled_model_has_its_lines_at_zero_and_at_the_detuning(pair):
    nu = np.array([-1.0, -0.3, 0.4, 1.2])
    free = model_map(nu, replace(pair, coupling=0.0), statistics=QUICK)
    pull = (free["centre_ghz"].values - np.stack([0 * nu, nu], axis=1)) / free["centre_std_ghz"].values
    assert np.max(np.abs(pull)) < 5
    np.testing.assert_allclose(free["width_ghz"].mean("step"), [0.09, 0.07], atol=0.02)


def test_jackknife_errors_match_the_scatter_between_seeds(pair):
    nu = np.array([-0.9, 0.15, 1.1])
    maps = [model_map(nu, pair, statistics=replace(QUICK, seed=100 * s)) for s in range(1, 6)]
    scatter = np.std([m["centre_ghz"].values for m in maps], axis=0, ddof=1)
    told = np.mean([m["centre_std_ghz"].values for m in maps], axis=0)
    ratio = np.sqrt(np.mean(told**2) / np.mean(scatter**2))
    assert 0.5 < ratio < 2.0


def test_poisson_counts_come_at_the_recorded_level(pair):
    recording = Recording(line_rate=(4e5, 2e5), integration_s=8.0)
    drawn = model_map(np.array([-1.5, 1.5]), pair, recording, QUICK, poisson=True)
    np.testing.assert_allclose(drawn["line_rate"].mean("step"), [4e5, 2e5], rtol=0.06)
    assert np.all(drawn["centre_std_ghz"] < 0.02)


def test_coupling_is_recovered_despite_a_hidden_current_spread(pair):
    seed, truth, current_2 = 5000, 0.0225, 1.005
    hidden = replace(pair.pillar_2, current_ua=pair.pillar_2.current_ua * current_2)
    measured = model_map(
        np.linspace(-1.2, 1.2, 13),
        replace(pair, coupling=truth, pillar_2=hidden),
        statistics=replace(QUICK, seed=seed),
        poisson=True,
    )
    heard = []
    fit = fit_coupling(measured, pair, statistics=QUICK, on_progress=heard.append)
    assert fit.converged
    assert abs(fit.coupling.value - truth) < 3 * fit.coupling.std
    assert fit.coupling.std < 0.03 * truth
    assert 0.3 < fit.reduced_chi_squared < 4
    assert heard[-1] == pytest.approx(1.0)


def test_comparison_of_the_model_with_itself_finds_no_difference(pair):
    measured = model_map(np.linspace(-1.2, 1.2, 19), pair, statistics=replace(QUICK, seed=3000), poisson=True)
    comparison = compare(measured, pair, QUICK)
    assert comparison.experiment.status == "ok"
    for name in ("locking_range_ghz", "slope_p1", "slope_p2"):
        assert abs(comparison.sigma(name)) < 4
    assert max(comparison.reduced_chi_squared) < 4
    weaker = fit_locking(model_map(measured, replace(pair, coupling=0.015), statistics=QUICK))
    ratio = weaker.locking_range_ghz.value / comparison.model.locking_range_ghz.value
    assert ratio == pytest.approx(0.6, abs=0.12)  # proportional to K: Kreinberg et al. (2019), Fig. 3e


def test_impossible_requests_are_refused(pair):
    with pytest.raises(ValueError, match="trajectories is 3"):
        Statistics(trajectories=3)
    with pytest.raises(ValueError, match="non-empty list of finite"):
        model_map(np.array([0.0, np.nan]), pair)
    few = model_map(np.array([-0.5, 0.5]), pair, statistics=QUICK)
    with pytest.raises(ValueError, match="needs at least 8"):
        fit_coupling(few, pair)
