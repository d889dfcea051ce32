"""Self-consistent Fokker-Planck equation: statements, symmetries, and roots that are lost."""

import numpy as np
import pytest

from models.nanolaser_dimer import Dimer, figure_6_dimer, solve_self_consistent
from models.nanolaser_dimer._roots import damped_newton, follow_root
from models.numerics import ConvergenceError
from models.validity import ValidityWarning


def test_tunnelling_of_the_other_sign_exchanges_the_lasers():
    back = solve_self_consistent(Dimer(1.1, 3500, 0.3, 0.0, 0.0, 1.2), [-0.015, 0.015])
    np.testing.assert_allclose(back.photons[0], back.photons[1, ::-1], atol=1e-7)
    assert abs(back.imbalance).min() > 1
    assert back.residual < 1e-10


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
    with pytest.warns(ValidityWarning, match="relative variance of the amplitude is 0.37 at 11.3 photons"):
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
