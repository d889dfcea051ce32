"""Self-consistent Fokker-Planck equation: statements, symmetries, and roots that are lost."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ive

from models.nanolaser_dimer import Dimer, figure_6_dimer, solve_self_consistent, weak_tunnelling_imbalance
from models.nanolaser_dimer._roots import damped_newton, follow_root
from models.numerics import ConvergenceError
from models.validity import ValidityWarning


def test_turning_both_drives_leaves_the_photons_and_equal_phases_share_them():
    dimer = Dimer(1.1, 3500, 0.3, 0.015, 0.0, 1.2)
    here = solve_self_consistent(dimer)
    there = solve_self_consistent(replace(dimer, phase_1_rad=2.0, phase_2_rad=3.2))
    np.testing.assert_allclose(there.photons, here.photons, atol=1e-7)
    np.testing.assert_allclose(there.field, here.field * np.exp(2j), atol=1e-7)
    back = solve_self_consistent(dimer, [-0.015, 0.015])
    np.testing.assert_allclose(back.photons[0], here.photons[::-1], atol=1e-7)
    np.testing.assert_allclose(back.photons[1], here.photons, atol=1e-7)
    equal = solve_self_consistent(replace(dimer, phase_2_rad=0.0))
    assert float(equal.imbalance) == pytest.approx(0, abs=1e-8)
    assert max(state.residual for state in (here, there, back, equal)) < 1e-10


@pytest.mark.parametrize("pump", [1.1, 2.0])
@pytest.mark.filterwarnings("ignore::models.validity.ValidityWarning")
def test_weak_tunnelling_gives_the_imbalance_of_linear_response(pump):
    dimer = figure_6_dimer(1e-4, pump)
    found = float(solve_self_consistent(dimer).imbalance)
    assert found == pytest.approx(weak_tunnelling_imbalance(dimer), rel=1e-5)
    assert found < 0


@pytest.mark.filterwarnings("ignore::models.validity.ValidityWarning")
def test_one_power_of_the_order_parameter_is_lost():
    # measured 4.111, and 4.129 from n_J R z (1 - R^2) at r0, for C_p = 2
    dimer = figure_6_dimer(0.0025, 2.0)
    z = 2 * dimer.drive * math.sqrt(dimer.photons) / dimer.gain
    order = ive(1, z) / ive(0, z)
    n_josephson = 0.0025 * 3500 / 2
    assert n_josephson * order * z * (1 - order**2) == pytest.approx(4.129, abs=2e-3)
    assert -float(solve_self_consistent(dimer).imbalance) == pytest.approx(4.111, abs=2e-3)


def test_far_beyond_locking_the_solution_stays_on_its_branch():
    # above 2 e = 0.048 plain iteration does not converge or empties laser 1
    with pytest.warns(ValidityWarning, match="beyond which the drives no longer hold the phases"):
        state = solve_self_consistent(figure_6_dimer(0.1))
    assert state.photons.min() > 155
    assert -2 < float(state.imbalance) < 0
    assert state.residual < 1e-10


def test_lasers_without_light_are_refused_and_few_photons_warned_of():
    with pytest.raises(ValueError, match="C_p is 0.9 and there is no drive"):
        solve_self_consistent(Dimer(0.9, 1000.0))
    with pytest.warns(ValidityWarning, match="The amplitude fluctuates by 0.61 of its mean at 11.3 photons"):
        solve_self_consistent(Dimer(1.05, 400.0, 0.1))


def _fold(parameter):
    return lambda x: np.where(x > -1e3, x**2 - (1 - parameter), np.nan)


def test_a_root_is_followed_and_its_end_reported():
    found = follow_root(
        _fold, (0.0, np.array([1.0])), 0.99, largest_step=0.5, tolerance=1e-10, what="The root"
    )
    assert found.values[0] == pytest.approx(0.1, abs=1e-9)
    with pytest.raises(ConvergenceError, match=r"The root at t_c = .* followed up to t_c = (0\.9|1)"):
        follow_root(_fold, (0.0, np.array([1.0])), 2.0, largest_step=0.5, tolerance=1e-10, what="The root")
    with pytest.raises(ConvergenceError, match="Nothing did not converge"):
        damped_newton(lambda x: x**2 + 1, np.array([1.0]), tolerance=1e-10, what="Nothing")
