"""Locking range and slopes on lines whose locking is known; straight lines and power laws."""

import numpy as np
import pytest
import xarray as xr

from models import micropillars as mp
from models.micropillars.locking import straight_line

SLOPES = np.array([0.3, 0.6])


def adler_lines(half_range, nu, pull=(0.0, 0.0), error=1e-4, seed=0):
    """Lines of a sharp Adler transition; inside it each follows its own slope."""
    random = np.random.default_rng(seed)
    shift = pull[1] - pull[0]
    free = nu + shift
    beat = np.sign(free) * np.sqrt(np.maximum(free**2 - half_range**2, 0.0))
    centre = SLOPES * (free - beat)[:, None] + np.stack([0 * beat, beat], axis=1) + pull[0]
    centre = centre[:, :, None] + np.zeros(2) + error * random.standard_normal((len(nu), 2, 1))
    dims = ("detuning_ghz", "pillar", "mode")
    return xr.Dataset(
        {
            "centre_ghz": (dims, centre),
            "centre_ghz_std": (dims, np.full(centre.shape, error)),
            "beat_ghz": (("detuning_ghz", "mode"), np.stack([beat, beat], axis=1)),
            "beat_ghz_std": (("detuning_ghz", "mode"), np.full((len(nu), 2), error)),
            "free_centre_ghz": (("pillar", "mode"), np.repeat(np.array(pull)[:, None], 2, axis=1)),
        },
        coords={"detuning_ghz": nu, "pillar": ["P1", "P2"], "mode": ["strong", "weak"]},
        attrs={"splitting_ghz_1": 26.0, "splitting_ghz_2": 21.0},
    )


@pytest.mark.parametrize("pull", [(0.0, 0.0), (-0.05, 0.08)])
def test_a_sharp_transition_is_measured_right(pull):
    half, reach = 0.4, 8.0
    nu = np.arange(-reach, reach + 1e-9, 0.01)
    found = mp.locking(adler_lines(half, nu, pull))
    # integral of 1 - sqrt(1 - (h/nu)^2) from -reach to reach; |beat| < |nu|/2 up to 2 h/sqrt(3)
    outside = np.sqrt(reach**2 - half**2) - half * np.arccos(half / reach)
    assert float(found.integral_width_ghz) == pytest.approx(2 * (reach - outside), abs=0.02)
    assert float(found.half_beat_width_ghz) == pytest.approx(4 * half / np.sqrt(3), abs=0.01)
    np.testing.assert_allclose(found.slope, SLOPES, atol=5e-4)
    assert (np.abs(found.slope - SLOPES) < 4 * found.slope_std).all()


def test_weak_modes_are_measured_against_their_own_detuning():
    nu = np.linspace(-1, 1, 201)
    lines = adler_lines(0.3, nu).assign_coords(detuning_ghz=nu + 5.0)
    assert float(mp.locking(lines, mode="weak").half_beat_width_ghz) == pytest.approx(0.693, abs=0.01)


def test_edges_outside_the_scan_are_not_invented():
    found = mp.locking(adler_lines(0.4, np.linspace(-0.3, 0.3, 31)))
    assert np.isnan(found.half_beat_width_ghz)
    np.testing.assert_allclose(found.slope, SLOPES, atol=1e-3)


def test_too_few_points_in_the_locked_region_leave_the_slopes_unknown():
    found = mp.locking(adler_lines(0.05, np.linspace(-2, 2, 41)))
    assert np.isnan(found.slope).all()
    assert np.isfinite(found.half_beat_width_ghz)


def test_errors_of_the_widths_describe_the_scatter_of_the_beats():
    # a beat inside the locked region is not exactly zero but as noisy as its error says
    nu = np.linspace(-2, 2, 41)
    random = np.random.default_rng(1)
    widths, errors = [], []
    for _ in range(30):
        lines = adler_lines(0.4, nu, error=0.02)
        lines["beat_ghz"] = lines.beat_ghz + 0.02 * random.standard_normal((len(nu), 1))
        found = mp.locking(lines)
        widths.append([float(found.integral_width_ghz), float(found.half_beat_width_ghz)])
        errors.append([float(found.integral_width_ghz_std), float(found.half_beat_width_ghz_std)])
    ratio = np.std(widths, axis=0, ddof=1) / np.mean(errors, axis=0)
    assert (ratio > 0.6).all()
    assert (ratio < 1.7).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_straight_line_is_recovered_with_its_errors(seed):
    random = np.random.default_rng(seed)
    x, error = np.linspace(-1, 2, 12), np.full(12, 0.1)
    pulls = []
    for _ in range(200):
        fit = straight_line(x, 2.0 - 0.5 * x + error * random.standard_normal(12), error)
        pulls.append([(fit.slope + 0.5) / fit.slope_std, (fit.intercept - 2.0) / fit.intercept_std])
    assert np.abs(np.mean(pulls, axis=0)).max() < 0.25
    assert (np.abs(np.std(pulls, axis=0) - 0.93) < 0.15).all()  # errors grow with chi-squared only above one


@pytest.mark.parametrize("exponent", [-2.0, -0.5])
def test_the_power_law_of_equation_2_is_recovered(exponent):
    random = np.random.default_rng(1)
    power = np.geomspace(50, 500, 10)
    true = 1 / (1 + 2.0 * (power / 150) ** exponent)
    fit = mp.fit_power_law(power, true + 0.01 * random.standard_normal(10), np.full(10, 0.01))
    assert abs(float(fit.exponent) - exponent) < 4 * float(fit.exponent_std)
    assert float(fit.exponent_std) < 0.1 * abs(exponent)
    expected = 2.0 * (float(fit.reference_power) / 150) ** exponent
    assert abs(float(fit.factor) - expected) < 4 * float(fit.factor_std)


def test_a_power_law_through_two_points_is_refused():
    with pytest.raises(ValueError, match="2 slopes are known; a power law takes at least 3"):
        mp.fit_power_law(np.arange(1, 5.0), np.array([0.1, 0.2, np.nan, np.nan]), np.full(4, 0.1))
