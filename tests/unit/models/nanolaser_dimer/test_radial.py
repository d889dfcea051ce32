"""P function of one laser against direct integrals and its own balance."""

import math

import numpy as np
import pytest
from scipy.special import ive

from models.nanolaser_dimer import Nanolaser
from models.nanolaser_dimer.radial import radial_moments, solve_radial
from models.validity import ValidityWarning


@pytest.mark.parametrize(
    "laser",
    [Nanolaser(1.1, 300, 0.3, 0.8), Nanolaser(0.6, 50, 0.5, -2.0), Nanolaser(1.4, 150, 0.9, 2.5, kappa=3.0)],
    ids=["above threshold", "below threshold", "another kappa"],
)
def test_means_of_a_driven_laser_are_those_of_its_p_function_in_the_plane(laser):
    half = 4 * math.sqrt(radial_moments(laser).photons) + 12
    line = np.linspace(-half, half, 1201)
    alpha = line[:, None] + 1j * line
    r2, gain, loss = np.abs(alpha) ** 2, laser.gain, laser.loss
    push = 2 * laser.drive / gain * (alpha * 1j * np.exp(-1j * laser.phase_rad)).real
    exponent = (gain - loss) / gain * r2 - laser.saturation / (2 * gain) * r2**2 + push
    weight = np.exp(exponent - exponent.max())
    weight /= weight.sum()
    solved = solve_radial(laser)
    photons = (weight * r2).sum()
    assert solved["photons"].item() == pytest.approx(photons, rel=1e-9)
    assert solved["field"].item() == pytest.approx((weight * alpha).sum(), rel=1e-9)
    variance = (weight * (r2 - photons) ** 2).sum() + photons
    assert solved["photon_variance"].item() == pytest.approx(variance, rel=1e-9)
    assert solved.attrs["residual"] < 1e-12


def test_the_density_balances_the_radial_drift_with_diffusion():
    # r' = (A - C) r - B_r r^3 + abs(eps) <sin(phi - theta)>, with half the variance A per time as diffusion
    laser = Nanolaser(1.1, 300, 0.3)
    solved = solve_radial(laser, points=4001)
    radius, density = solved["radius"].values, solved["density"].values
    locked = ive(1, 2 * laser.drive * radius / laser.gain) / ive(0, 2 * laser.drive * radius / laser.gain)
    drift = (laser.gain - laser.loss - laser.saturation * radius**2) * radius + laser.drive * locked
    diffused = laser.gain / 2 * np.gradient(np.log(density), radius)
    np.testing.assert_allclose(diffused[1:-1], drift[1:-1], atol=1e-4)


def test_an_undriven_density_is_normalised_and_goes_as_the_published_formula():
    solved = solve_radial(Nanolaser(1.2, 400))
    radius, density = solved["radius"].values, solved["density"].values
    assert np.trapezoid(radius * density, radius) == pytest.approx(1, abs=1e-3)
    exponent = -(radius**4) / 400 + 0.2 / 1.2 * radius**2
    np.testing.assert_allclose(np.log(density) - exponent, np.log(density[0]), atol=1e-9)
    assert solved["amplitude"].item() == 0


@pytest.mark.parametrize(
    ("laser", "said"),
    [
        (Nanolaser(1.1, 10), "gamma/g is 3, less than 5"),
        (Nanolaser(3.0, 2000), "C_p is 3, more than 1.5"),
    ],
)
def test_the_p_function_warns_where_it_does_not_describe_the_laser(laser, said):
    with pytest.warns(ValidityWarning, match=said):
        solve_radial(laser)


def test_a_density_of_one_point_is_refused():
    with pytest.raises(ValueError, match="points is 1; a density takes at least 2"):
        solve_radial(Nanolaser(1.1, 300), points=1)
