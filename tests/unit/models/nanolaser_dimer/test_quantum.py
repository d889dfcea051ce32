"""One laser without approximation: statements with their tolerances, and a generic solver."""

import cmath
import math

import numpy as np
import pytest

from models.nanolaser_dimer import Nanolaser
from models.nanolaser_dimer._stationary import solve_on
from models.nanolaser_dimer.quantum import laser_moments, relaxation_rates, solve_laser
from models.nanolaser_dimer.radial import radial_moments
from models.numerics import TruncationError, TruncationWarning


def _rate(name, pump, gamma):
    return relaxation_rates(Nanolaser(pump, gamma))[name].item()


def _drive_shift(pump):
    """Shift of <n> by a weak drive, in units of the shift eps F/(kappa (C_p - 1)) of the cubic model."""
    laser = Nanolaser(pump, 2000, 0.03)
    moments = laser_moments(laser)
    shift = moments.photons - laser.photons - 1 / (2 * pump)
    return shift * (pump - 1) / (laser.drive * moments.amplitude)


STATEMENTS = [
    pytest.param(lambda: laser_moments(Nanolaser(1.25, 2000)).photons, 200.4, 1e-5,
                 id="<n> = n_mf + 1/(2 C_p) at C_p = 1.25"),
    pytest.param(lambda: laser_moments(Nanolaser(2, 2000)).photons, 500.25, 1e-6,
                 id="<n> = n_mf + 1/(2 C_p) at C_p = 2"),
    pytest.param(lambda: laser_moments(Nanolaser(3, 200)).photons, 66.6667 + 1 / 6, 1e-6,
                 id="<n> = n_mf + 1/(2 C_p) at C_p = 3"),
    pytest.param(lambda: laser_moments(Nanolaser(1, 2000)).photons, 25, 0.02,
                 id="<n> is about 25 at C_p = 1"),
    pytest.param(lambda: laser_moments(Nanolaser(2, 2000)).variance, 625, 1e-3,
                 id="Var n = (gamma/2 kappa)(1 - 1.5 (C_p - 1)/C_p^2) at C_p = 2"),
    pytest.param(lambda: laser_moments(Nanolaser(1.5, 2000)).variance, 2000 / 3, 2e-3,
                 id="Var n = (gamma/2 kappa)(1 - 1.5 (C_p - 1)/C_p^2) at C_p = 1.5"),
    pytest.param(lambda: 1000 / laser_moments(Nanolaser(2, 2000)).variance, 1.6, 1e-2,
                 id="gamma/2 kappa is 60 % too high for Var n at C_p = 2"),
    pytest.param(lambda: _rate("number_relaxation", 2, 2000), 1.0, 1e-3,
                 id="the number relaxes at 2 kappa (C_p - 1)/C_p, C_p = 2"),
    pytest.param(lambda: _rate("number_relaxation", 1.5, 2000), 2 / 3, 1e-2,
                 id="the number relaxes at 2 kappa (C_p - 1)/C_p, C_p = 1.5"),
    pytest.param(lambda: _rate("phase_diffusion", 2, 2000), 3 / 2000, 5e-3,
                 id="the phase diffuses at (A + C)/(4 n0), C_p = 2"),
    pytest.param(lambda: _rate("phase_diffusion", 1.5, 2000), 2.5 / (4 * 1000 / 3), 1e-2,
                 id="the phase diffuses at (A + C)/(4 n0), C_p = 1.5"),
    pytest.param(lambda: _drive_shift(1.5), 1.5, 1e-2,
                 id="a weak drive shifts <n> C_p times as far, C_p = 1.5"),
    pytest.param(lambda: _drive_shift(2.0), 2.0, 1e-2,
                 id="a weak drive shifts <n> C_p times as far, C_p = 2"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "expected", "tolerance"), STATEMENTS)
def test_statement_on_one_quantum_laser_holds(number, expected, tolerance):
    assert number() == pytest.approx(expected, rel=tolerance)


@pytest.mark.parametrize("laser", [Nanolaser(0.5, 100), Nanolaser(1, 2000), Nanolaser(2.5, 300, kappa=2.0)])
def test_the_ground_state_holds_kappa_n_over_gamma_without_drive(laser):
    solved = solve_laser(laser)
    expected = laser.kappa * solved["photons"].item() / laser.gamma
    assert solved["ground_population"].item() == pytest.approx(expected, rel=1e-12)
    assert solved["amplitude"].item() == 0
    assert solved["probability"].sum().item() == pytest.approx(1, abs=1e-13)
    assert solved.attrs["residual"] < 1e-12


@pytest.mark.parametrize("phase_rad", [0.0, 0.7, -2.0])
def test_a_drive_alone_locks_to_its_phase_less_a_quarter_turn_and_its_photons_balance(phase_rad):
    laser = Nanolaser(1.5, 100, 0.3, phase_rad)
    solved = solve_laser(laser)
    assert solved["amplitude"].item() > 0.7 * math.sqrt(solved["photons"].item())
    assert cmath.phase(solved["field"].item() * cmath.exp(-1j * phase_rad)) == pytest.approx(-math.pi / 2)
    # 2 kappa <n> = 2 gamma P_g + 2 eps F
    given = (laser.kappa * solved["photons"] - laser.drive * solved["amplitude"]).item() / laser.gamma
    assert solved["ground_population"].item() == pytest.approx(given, rel=1e-11)


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


def test_the_sectors_fall_off_as_those_of_a_locked_phase_and_few_are_needed():
    laser = Nanolaser(1.5, 400, 0.2)
    z = 2 * laser.drive * math.sqrt(laser_moments(laser).photons) / ((laser.gain + laser.loss) / 2)
    state = solve_on(laser, (0, 300), math.ceil(7 + 6 * math.sqrt(z)))
    size = [np.abs(state.values[state.parts.difference == q]).max() for q in (0, 1, 2, 3)]
    np.testing.assert_allclose(np.array(size) / size[0], np.exp(-(np.arange(4) ** 2) / (2 * z)), rtol=0.15)
    assert state.last_sector < 1e-8


def test_a_laser_far_above_threshold_is_solved_on_a_window_without_the_vacuum():
    solved = solve_laser(Nanolaser(2, 1000, 0.1))
    assert solved["number"].values[0] > 0
    assert solved.attrs["truncation_weight"] < 1e-10
    wider = solve_laser(Nanolaser(2, 1000, 0.1), window=(20, 500), sectors_kept=20)
    assert wider["photons"].item() == pytest.approx(solved["photons"].item(), rel=1e-11)
    assert wider["amplitude"].item() == pytest.approx(solved["amplitude"].item(), rel=1e-9)


def test_a_large_laser_holds_the_photons_that_its_drive_adds():
    # C_p = 1.1, gamma = 3500, eps = 0.3: both lasers start near 191 to 196 photons, above n0 = 159
    laser = Nanolaser(1.1, 3500, 0.3)
    assert radial_moments(laser).photons == pytest.approx(191, abs=1)
    assert laser_moments(laser).photons == pytest.approx(196, abs=1)


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
