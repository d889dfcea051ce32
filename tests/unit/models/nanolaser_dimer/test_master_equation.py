"""The eliminated master equation: its operator form, and where it has no state."""

import numpy as np
import pytest

from models.nanolaser_dimer import Nanolaser
from models.nanolaser_dimer.master_equation import _generator, eliminated_moments, solve_eliminated
from models.nanolaser_dimer.quantum import laser_moments
from models.nanolaser_dimer.threshold import photons_across_threshold
from models.numerics import TruncationError
from models.validity import ValidityWarning


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
