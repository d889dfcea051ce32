"""The eliminated master equation: statements with their tolerances, and its operator form."""

import numpy as np
import pytest

from models.nanolaser_dimer import Nanolaser
from models.nanolaser_dimer.master_equation import _generator, eliminated_moments, solve_eliminated
from models.nanolaser_dimer.quantum import laser_moments
from models.nanolaser_dimer.threshold import photons_across_threshold
from models.numerics import TruncationError
from models.validity import ValidityWarning


def _more_photons(laser):
    return laser_moments(laser).photons - eliminated_moments(laser).photons


STATEMENTS = [
    pytest.param(lambda: eliminated_moments(Nanolaser(2, 2000)).photons, 499, 1e-9,
                 id="<n> = n_mf - 1 with B_r at C_p = 2"),
    pytest.param(lambda: eliminated_moments(Nanolaser(1.25, 2000)).photons, 199, 1e-9,
                 id="<n> = n_mf - 1 with B_r at C_p = 1.25"),
    pytest.param(lambda: eliminated_moments(Nanolaser(1.25, 2000), "B").photons, 159, 1e-8,
                 id="<n> = (A - C)/B - 1 with B at C_p = 1.25"),
    pytest.param(lambda: eliminated_moments(Nanolaser(2, 2000)).variance, 250, 1e-3,
                 id="Var n = 250 at C_p = 2, gamma = 2000"),
    pytest.param(lambda: _more_photons(Nanolaser(2, 2000)), 1 + 1 / 4, 1e-3,
                 id="the full model holds 1 + 1/(2 C_p) photons more at C_p = 2"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "expected", "tolerance"), STATEMENTS)
def test_statement_on_the_eliminated_master_equation_holds(number, expected, tolerance):
    assert number() == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize(
    ("pump", "most"),
    [(1.0, 0.03), (1.25, 0.01), (1.5, 0.01), (2.0, 0.01)],
    ids=["C_p = 1: 3 %", "C_p = 1.25: 1 %", "C_p = 1.5: 1 %", "C_p = 2: 1 %"],
)
def test_full_and_eliminated_photon_numbers_differ_by_less_than(pump, most):
    solved = photons_across_threshold([pump], [2000.0])["photons"].squeeze().values
    assert 0 < 1 - solved[1] / solved[0] < most


def test_the_scaled_photon_number_sharpens_towards_its_limit_and_gaps_where_nothing_is_stationary():
    solved = photons_across_threshold([1.0, 1.5], [10.0, 100.0, 1000.0])
    scaled = solved["scaled_photons"].sel(model="full quantum")
    excess = scaled.sel(pump_parameter=1.0).values * np.sqrt(solved["gamma"].values)
    assert excess[2] == pytest.approx(1 / np.sqrt(np.pi), rel=0.03)
    far = np.abs(scaled.sel(pump_parameter=1.5).values - 0.5 / 3)
    assert np.all(np.diff(far) < 0)
    # gamma/kappa = 10 is unusable above threshold
    eliminated = solved["photons"].sel(model="eliminated, B_r", pump_parameter=1.5).values
    np.testing.assert_array_equal(np.isnan(eliminated), [True, True, False])


@pytest.mark.parametrize("which", ["B_r", "B"])
@pytest.mark.parametrize("laser", [Nanolaser(0.8, 300), Nanolaser(1.2, 700, 0.2, 0.4)])
def test_the_first_moment_balances(laser, which):
    solved = solve_eliminated(laser, which)
    p, n = solved["probability"].values, solved["number"].values
    saturation = laser.saturation if which == "B_r" else laser.full_saturation
    gained = 2 * laser.gain * (p @ (n + 1)) - saturation * (p @ ((n + 1) * (2 * n + 3)))
    driven = 2 * laser.drive * solved["amplitude"].item()
    assert gained + driven == pytest.approx(2 * laser.kappa * (p @ n), rel=1e-10)
    assert p.sum() == pytest.approx(1)


def test_the_generator_is_that_of_the_operators():
    # a = -i b with phi = 0; states near the cutoff, where products of truncated operators differ, left out
    laser, levels, saturation = Nanolaser(1.3, 40, 0.4), 9, 0.07
    b = np.diag(np.sqrt(np.arange(1.0, levels + 3)), 1)
    u = b.T
    row, column = (part.ravel() for part in np.indices((levels, levels)))
    row, column = row[column <= row], column[column <= row]
    rho = np.zeros_like(b)
    values = np.random.default_rng(3).normal(size=row.size)
    rho[row, column] = rho[column, row] = values
    a_gain, loss, eps = laser.gain, laser.loss, laser.drive
    made = a_gain * (2 * u @ rho @ b - b @ u @ rho - rho @ b @ u)
    made += saturation * (u @ rho @ b + b @ u @ rho @ b @ u - u @ u @ rho @ b @ b)
    made += loss * (2 * b @ rho @ u - u @ b @ rho - rho @ u @ b)
    made += eps * ((u - b) @ rho - rho @ (u - b))
    derivative = _generator(laser, saturation, row, column) @ values
    inside = row < levels - 2
    np.testing.assert_allclose(derivative[inside], made[row, column][inside], atol=1e-12)


def test_a_driven_field_agrees_with_the_full_laser_close_to_threshold():
    laser = Nanolaser(1.05, 2000, 0.1)
    full, eliminated = laser_moments(laser), eliminated_moments(laser)
    assert eliminated.photons == pytest.approx(full.photons, rel=0.03)
    assert eliminated.amplitude == pytest.approx(full.amplitude, rel=0.03)


@pytest.mark.parametrize(
    ("laser", "which"),
    [
        (Nanolaser(2.4, 2000), "B_r"),
        (Nanolaser(3.0, 2000), "B_r"),
        (Nanolaser(2.0, 2000), "B"),
        (Nanolaser(1.25, 10), "B_r"),
    ],
)
def test_a_state_that_depends_on_the_cutoff_is_refused(laser, which):
    with pytest.raises(
        TruncationError, match=f"with {which} is not positive at C_p = {laser.pump_parameter:g}"
    ):
        eliminated_moments(laser, which)


def test_a_state_that_is_barely_positive_is_returned_with_a_warning(recwarn):
    solved = solve_eliminated(Nanolaser(2.0, 2000))
    assert not recwarn.list
    assert -1e-4 < solved.attrs["least_probability"] < 0
    assert solved.attrs["cutoff_dependence"] < 1e-9
    with pytest.warns(
        ValidityWarning, match=r"not positive at C_p = 2.2: its smallest probability is -0.00011"
    ):
        solve_eliminated(Nanolaser(2.2, 2000))


@pytest.mark.filterwarnings("ignore:The eliminated master equation")
def test_gamma_that_is_not_large_against_g_is_named():
    with pytest.warns(ValidityWarning, match="gamma/g is 4.5, less than 5"):
        solve_eliminated(Nanolaser(0.5, 10), "B")


def test_an_unknown_saturation_is_refused():
    with pytest.raises(ValueError, match='saturation is \'C\'; it must be "B_r" or "B"'):
        eliminated_moments(Nanolaser(1.1, 500), "C")
