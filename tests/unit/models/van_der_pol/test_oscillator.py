import numpy as np
import pytest
import qutip

from models.numerics import ConvergenceError, TruncationError
from models.van_der_pol import (
    VanDerPol,
    evolution,
    husimi,
    operators,
    phase_diffusion,
    phase_distribution,
    spectrum,
    steady,
)

# kappa_1 = omega = 4 kappa = 8 kappa_2, as in the thesis's figures of one oscillator
FIGURE = VanDerPol(gain=1.0, nonlinear_loss=0.125, loss=0.25, frequency=1.0)


def test_the_steady_state_has_the_known_photon_number_above_that_of_mean_field():
    state = steady(FIGURE)
    assert state.photons.item() == pytest.approx(3.598, abs=5e-4)
    assert FIGURE.mean_field_photons == pytest.approx(3.0)
    assert state.attrs["residual"] < 1e-12
    assert state.attrs["truncation_weight"] < 1e-8


def test_gain_and_losses_of_the_steady_state_balance():
    state = steady(FIGURE)
    n, population = state.number.values, state.population.values
    pairs = population @ (n * (n - 1))
    mean = state.photons.item()
    assert 1.0 * (mean + 1) == pytest.approx(0.25 * mean + 2 * 0.125 * pairs, abs=1e-9)
    assert population.sum() == pytest.approx(1)
    assert abs(state.rho.values - np.diag(population)).max() < 1e-12


def test_far_in_the_quantum_regime_two_levels_remain():
    population = steady(VanDerPol(1.0, 1e6)).population.values
    assert population[:3] == pytest.approx([2 / 3, 1 / 3, 0], abs=2e-6)


@pytest.mark.parametrize(
    ("nonlinear_loss", "expected"),
    [(0.5, 0.62566), (0.1, 0.75942), (0.05, 0.75366), (0.02, 0.75037), (0.01, 0.75008)],
)
def test_the_phase_diffuses_at_the_known_part_of_the_nonlinear_loss(nonlinear_loss, expected):
    found = phase_diffusion(VanDerPol(1.0, nonlinear_loss))
    assert found.decay.item() / nonlinear_loss == pytest.approx(expected, abs=6e-6)


def test_loss_slows_the_phase_diffusion_as_known():
    found = phase_diffusion(VanDerPol(1.0, 0.02, loss=0.5, frequency=3.0), orders=2)
    radius_squared = (1.0 - 0.5) / (2 * 0.02)
    assert 2 * radius_squared * found.decay.values[0] == pytest.approx(0.691, abs=5e-4)
    assert found.rotation.values == pytest.approx([3.0, 6.0])
    # the k-th order of a phase that only diffuses would decay k^2 times as fast
    assert found.decay.values[1] / found.decay.values[0] == pytest.approx(4, rel=0.1)


def test_amplitude_and_photons_evolve_as_the_whole_master_equation_says():
    times, levels = np.array([0.0, 0.4, 1.0, 3.0]), 24
    found = evolution(FIGURE, 1.5, times, levels)
    a = qutip.destroy(levels)
    h, jumps = operators(FIGURE, levels)
    wanted = qutip.mesolve(
        h, qutip.coherent_dm(levels, 1.5, method="analytic"), times, jumps, e_ops=[a, a.dag() * a],
        options={"atol": 1e-10, "rtol": 1e-8},
    )  # fmt: skip
    assert found.amplitude.values == pytest.approx(wanted.expect[0], abs=1e-6)
    assert found.photons.values == pytest.approx(wanted.expect[1], abs=1e-6)


def test_the_spectrum_is_a_line_at_plus_omega_that_holds_all_photons():
    omega = 1 + 0.1 * np.sinh(np.linspace(-9, 9, 361))
    found = spectrum(FIGURE, omega)
    tails = 2 * 2 * FIGURE.gain * 3.598 / (2 * np.pi * 405)  # of a Lorentz line as wide as the gain, at most
    assert np.trapezoid(found.power, omega) / (2 * np.pi) == pytest.approx(3.598, abs=tails)
    assert omega[np.argmax(found.power.values)] == pytest.approx(1.0)
    diffusion = phase_diffusion(FIGURE).decay.item()
    line = spectrum(FIGURE, np.array([1.0, 1 + diffusion])).power.values
    # nearly all in the slowest part of the coherence: half at the distance D
    assert line[1] / line[0] == pytest.approx(0.5, abs=0.02)


def test_husimi_functions_are_normalised_and_agree():
    rho = qutip.coherent_dm(24, 1.5 * np.exp(-0.7j), method="analytic").full() * 0.7
    rho[0, 0] += 0.3
    x = np.linspace(-6, 6, 121)
    q = husimi(rho, x, x)
    assert q.sum().item() * 0.1**2 == pytest.approx(1, abs=1e-6)
    phases = np.linspace(-np.pi, np.pi, 201)
    radii, n = np.linspace(0, 8, 801), np.arange(24)
    turned = rho * np.exp(0.4j * (n[:, None] - n))  # what lies at phi = 0.4 comes to lie at alpha > 0
    along = husimi(turned, radii, np.zeros(1)).values[0]
    at = phase_distribution(rho, np.array([0.4])).item()
    assert at == pytest.approx(np.trapezoid(along * radii, radii), abs=1e-4)
    whole = phase_distribution(rho, phases)
    assert np.trapezoid(whole, phases) == pytest.approx(1)
    assert phases[np.argmax(whole.values)] == pytest.approx(0.7, abs=0.02)  # phi = -arg(alpha)


def test_the_steady_state_has_no_phase():
    density = phase_distribution(steady(FIGURE).rho.values, np.linspace(0, 6, 7))
    assert density.values == pytest.approx(1 / (2 * np.pi), abs=1e-9)


def test_an_oscillator_without_gain_ends_in_vacuum_and_without_any_one_photon_channel_nowhere():
    assert steady(VanDerPol(0.0, 0.1, loss=1.0)).photons.item() == pytest.approx(0, abs=1e-10)
    with pytest.raises(ConvergenceError, match="not unique"):
        steady(VanDerPol(0.0, 0.1))


def test_thermal_light_without_nonlinear_loss_has_its_photons():
    assert steady(VanDerPol(0.5, 0.0, loss=1.0)).photons.item() == pytest.approx(1.0, abs=1e-7)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((-1.0, 0.1), "VanDerPol.gain is -1; it must be zero or positive"),
        ((1.0, np.nan), "VanDerPol.nonlinear_loss is nan; it must be a finite number"),
        ((1.0, 0.0, 0.5), "the energy grows without limit"),
    ],
)
def test_oscillators_that_cannot_be_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        VanDerPol(*values)


def test_too_few_levels_orders_and_unordered_times_are_refused():
    with pytest.raises(TruncationError, match="at 6 Fock states"):
        steady(FIGURE, levels=6)
    with pytest.raises(ValueError, match="orders are 0; they must be 1 to"):
        phase_diffusion(FIGURE, orders=0)
    with pytest.raises(ValueError, match="ascending"):
        evolution(FIGURE, 1.0, np.array([0.0, 2.0, 1.0]), 20)
