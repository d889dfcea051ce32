"""One laser without approximation: against a generic solver, and its truncation."""

import numpy as np
import pytest

from models.nanolaser_dimer import Nanolaser
from models.nanolaser_dimer._stationary import solve_on
from models.nanolaser_dimer.quantum import laser_moments, relaxation_rates, solve_laser
from models.numerics import TruncationError, TruncationWarning


@pytest.mark.parametrize("laser", [Nanolaser(0.5, 100), Nanolaser(2.5, 300, kappa=2.0)])
def test_the_state_of_a_laser_without_drive_is_normalised_and_has_no_field(laser):
    solved = solve_laser(laser)
    assert solved["amplitude"].item() == 0
    assert solved["probability"].sum().item() == pytest.approx(1, abs=1e-13)
    assert solved.attrs["residual"] < 1e-12


def _dense_state(laser, levels):
    """Stationary density matrix from the null space of the full generator in the lab's gauge."""
    a = np.kron(np.diag(np.sqrt(np.arange(1.0, levels)), 1), np.eye(2))
    s = np.kron(np.eye(levels), [[0, 1], [0, 0]])
    half = laser.coupling * s.T @ a + laser.drive * np.exp(1j * laser.phase_rad) * a.T
    hamiltonian, one = half + half.conj().T, np.eye(2 * levels)
    generator = -1j * (np.kron(one, hamiltonian) - np.kron(hamiltonian.T, one))
    for rate, c in ((laser.kappa, a), (laser.gamma, s.T)):
        decay = c.T @ c
        generator += rate * (2 * np.kron(c, c) - np.kron(one, decay) - np.kron(decay.T, one))
    trace = one.ravel()
    generator[0] = trace
    rho = np.linalg.solve(generator, np.eye(generator.shape[0])[0]).reshape(2 * levels, -1, order="F")
    return rho, a, s


def test_a_small_laser_is_that_of_a_generic_solver():
    laser = Nanolaser(0.5, 1.5, 0.2, 0.7)
    rho, a, s = _dense_state(laser, 10)
    solved = solve_laser(laser, window=(0, 9), sectors_kept=10)
    assert solved["field"].item() == pytest.approx(np.trace(a @ rho), abs=1e-13)
    assert solved["photons"].item() == pytest.approx(np.trace(a.T @ a @ rho).real, abs=1e-13)
    assert solved["ground_population"].item() == pytest.approx(np.trace(s @ s.T @ rho).real, abs=1e-13)
    probability = rho.diagonal().real.reshape(10, 2).sum(axis=1)
    np.testing.assert_allclose(solved["probability"].values, probability, atol=1e-13)


def test_a_laser_far_above_threshold_is_solved_on_a_window_without_the_vacuum():
    solved = solve_laser(Nanolaser(2, 1000, 0.1))
    assert solved["number"].values[0] > 0
    assert solved.attrs["truncation_weight"] < 1e-10
    wider = solve_laser(Nanolaser(2, 1000, 0.1), window=(20, 500), sectors_kept=20)
    assert wider["photons"].item() == pytest.approx(solved["photons"].item(), rel=1e-11)
    assert wider["amplitude"].item() == pytest.approx(solved["amplitude"].item(), rel=1e-9)


def test_a_cutoff_that_flips_the_sign_of_the_field_is_refused():
    laser = Nanolaser(3, 8, 0.3)
    cut = solve_on(laser, (0, 5), 6).moments
    assert cut.photons == pytest.approx(2.6, abs=0.05)
    assert cut.amplitude < -0.01 < 0.6 < laser_moments(laser).amplitude
    with pytest.raises(TruncationError, match="the photon numbers 0 to 5 hold the weight 0.098"):
        solve_laser(laser, window=(0, 5))


def test_too_few_sectors_are_named():
    with pytest.warns(TruncationWarning, match="the excitation differences up to 8 hold"):
        solve_laser(Nanolaser(1.5, 100, 0.3), sectors_kept=8)
    with pytest.raises(TruncationError, match="the excitation differences up to 1 hold"):
        solve_laser(Nanolaser(1.5, 100, 0.3), sectors_kept=1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: solve_laser(Nanolaser(1.1, 50), window=(5, 5)), "0 <= lowest < highest"),
        (lambda: solve_laser(Nanolaser(1.1, 50), window=(-1, 9)), "The window is"),
        (lambda: solve_laser(Nanolaser(1.1, 50), sectors_kept=-1), "largest excitation difference is -1"),
        (lambda: solve_laser(Nanolaser(1.1, 200, 60.0)), "so strong a drive"),
        (lambda: relaxation_rates(Nanolaser(1.1, 50, 0.1)), "drive is 0.1; it must be zero"),
    ],
)
def test_what_cannot_be_solved_is_said_in_a_sentence(call, said):
    with pytest.raises(ValueError, match=said):
        call()
