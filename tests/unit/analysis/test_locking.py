"""Locking range and slopes of synthetic maps with known edges."""

import json

import numpy as np
import pytest

from analysis import fit_locking, reduce_map
from analysis._hinge import derivatives, hinge


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_edges_within_half_a_percent_despite_five_percent_outliers(make_map, seed):
    fit = fit_locking(make_map(seed, nu=np.linspace(-3, 3, 301), m2=0.3, outliers=0.05))
    assert fit.status == "ok"
    assert fit.locking_range_ghz.value == pytest.approx(0.8, rel=0.005)


def test_errors_cover_the_truth_over_many_seeds(make_map):
    nu = np.linspace(-1.6, 1.6, 33)
    fits = [fit_locking(make_map(seed, nu=nu, std=0.006)) for seed in range(20)]
    pulls = np.array(
        [
            [(fit.slope_p1.value - 0.3) / fit.slope_p1.std, (fit.slope_p2.value - 0.5) / fit.slope_p2.std]
            for fit in fits
        ]
    )
    n = pulls.shape[0]
    np.testing.assert_allclose(pulls.mean(axis=0), 0.0, atol=3.5 / np.sqrt(n))
    np.testing.assert_allclose(pulls.std(axis=0), 1.0, atol=3.5 / np.sqrt(2 * n))
    ranges = np.array([[fit.locking_range_ghz.value, fit.locking_range_ghz.std] for fit in fits])
    # few points lie on the sharp edges, so this error is cautious; it must not be too small, nor useless
    assert np.mean(np.abs(ranges[:, 0] - 0.8) < ranges[:, 1]) > 0.5
    assert np.mean(np.abs(ranges[:, 0] - 0.8) < 2 * ranges[:, 1]) > 0.85
    assert np.all(ranges[:, 1] < 0.04)


@pytest.mark.parametrize("parameters", [(0.02, 0.4, 0.05, 1.0, 0.1), (-0.3, 0.7, 1.5, 1.2, -0.2)])
def test_the_derivatives_of_the_hinge_are_its_differences(parameters):
    nu = np.linspace(-2, 2, 41)
    centre, half, rounding, slope, locked = parameters

    def moved(by):
        stretch = np.exp(by[1:3])
        return hinge(
            nu, centre + by[0], half * stretch[0], rounding * stretch[1], slope + by[3], locked + by[4]
        )

    differences = [(moved(by) - moved(-by)) / 2e-6 for by in 1e-6 * np.eye(5)]
    found = derivatives(nu - centre, half, rounding, slope, locked)
    np.testing.assert_allclose(found, np.transpose(differences), rtol=1e-6, atol=1e-6)


def test_centre_and_recommended_widths_of_a_shifted_region(make_map):
    nu = np.linspace(-4, 4, 401)
    fit = fit_locking(make_map(0, nu=nu, m2=0.3, std=0.001))
    assert fit.centre_detuning_ghz.value == pytest.approx(0.0, abs=4 * fit.centre_detuning_ghz.std + 0.001)
    # Adler: integral pi h less the tails h^2/X beyond the scan, half-beat width 4h/sqrt(3)
    assert fit.integral_width_ghz.value == pytest.approx(np.pi * 0.4 - 0.4**2 / 4.0, abs=0.012)
    assert fit.half_beat_width_ghz.value == pytest.approx(4 * 0.4 / np.sqrt(3), abs=0.01)
    shifted = fit_locking(make_map(0, nu=nu, m2=0.3, std=0.001, centre=0.25))
    assert shifted.centre_detuning_ghz.value == pytest.approx(0.25, abs=0.003)
    assert shifted.locking_range_ghz.value == pytest.approx(0.8, rel=0.005)


@pytest.mark.parametrize("seed", [0, 1])
def test_whole_chain_from_counts_to_locking_range(make_scan, seed):
    fit = fit_locking(reduce_map(make_scan(seed, m1=0.3, m2=0.3)))
    assert fit.status == "ok"
    assert abs(fit.locking_range_ghz.value - 0.8) < 3 * fit.locking_range_ghz.std + 0.004
    assert abs(fit.slope_p1.value - 0.3) < 4 * fit.slope_p1.std
    assert abs(fit.slope_p2.value - 0.3) < 4 * fit.slope_p2.std
    assert fit.slope_p1.std < 0.03


def test_covariance_belongs_to_the_quoted_errors(make_map):
    fit = fit_locking(make_map(3))
    quoted = [fit.locking_range_ghz.std, fit.slope_p1.std, fit.slope_p2.std, fit.centre_detuning_ghz.std]
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), quoted)
    assert np.all(np.linalg.eigvalsh(fit.covariance) > 0)


def test_result_is_ready_for_json_and_tables(make_map):
    fit = fit_locking(make_map(0))
    told = json.loads(json.dumps(fit.as_dict(), allow_nan=False))
    assert told["status"] == "ok"
    assert told["locking_range_ghz"]["value"] == pytest.approx(fit.locking_range_ghz.value)
    assert ("status", "ok") in fit.rows()


def test_no_crossing_is_told_with_the_covered_range(make_map):
    fit = fit_locking(make_map(0, nu=np.linspace(0.8, 3.0, 30)))
    assert fit.status == "no crossing in range"
    assert "0.80 to 3.00 GHz" in fit.message
    assert not fit.locking_range_ghz
    assert json.dumps(fit.as_dict(), allow_nan=False)


def test_an_edge_outside_the_scan_is_told(make_map):
    fit = fit_locking(make_map(0, nu=np.linspace(-0.3, 3.0, 40)))
    assert fit.status == "edges not in range"


def test_uncoupled_lasers_show_no_locking(make_map):
    fit = fit_locking(make_map(0, half_range=0.0, m1=0.0, m2=0.0))
    assert fit.status == "no locking resolved"
    assert not fit.locking_range_ghz


def test_too_few_points_are_told_and_gaps_are_left_out(make_map):
    short = make_map(0, nu=np.linspace(-1, 1, 5))
    assert fit_locking(short).status == "too few points"
    gaps = make_map(0)
    gaps["centre_ghz"][::10] = np.nan
    gaps["beat_ghz"][::10] = np.nan
    fit = fit_locking(gaps)
    assert fit.status == "ok"
    assert fit.points == 54


def test_a_raw_scan_is_refused(make_scan):
    with pytest.raises(ValueError, match="reduce_map"):
        fit_locking(make_scan(0, nu=np.linspace(-1, 1, 5)))


def test_the_error_of_the_range_covers_where_the_steps_fall_on_a_transition_that_is_no_hinge(make_map):
    ranges, errors = [], []
    for k in range(20):
        nu = np.linspace(-2.8, 3.2, 41) + 0.15 * k / 20
        map_ = make_map(k, nu=nu, half_range=1e-6, m1=0.0, m2=1.0, std=0.0015)
        pull = nu * np.exp(-((nu / 0.33) ** 4))
        map_["centre_ghz"][:, 1] -= pull
        map_["beat_ghz"] -= pull
        fit = fit_locking(map_)
        ranges.append(fit.locking_range_ghz.value)
        errors.append(fit.locking_range_ghz.std)
    ratio = np.std(ranges, ddof=1) / np.sqrt(np.mean(np.square(errors)))
    assert 0.3 < ratio < 1.5
