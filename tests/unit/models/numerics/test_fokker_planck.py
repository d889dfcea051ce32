"""Phases on the torus against exact solutions, the grid and trajectories."""

import math

import numpy as np
import pytest
from scipy.special import iv

from models import numerics
from models.numerics import ConvergenceError, PhaseDiffusion, Wave

ADLER = PhaseDiffusion([[Wave(0.7, (0,)), Wave(-1.0, (1,), 0.3)]], [0.2])
COUPLED = PhaseDiffusion(
    [[Wave(0.8, (1, -1)), Wave(-1.0, (1, 0), 1.0)], [Wave(1.3, (1, -1)), Wave(-0.6, (0, 1), 0.2)]],
    [0.15, 0.25],
)


def locked(drive: float, phase: float, diffusion: float, order: int) -> complex:
    """<exp(i order theta)> of a phase with drift -drive cos(theta - phase): von Mises at phase - pi/2."""
    z = drive / diffusion
    return np.exp(1j * order * (phase - np.pi / 2)) * iv(order, z) / iv(0, z)


@pytest.mark.parametrize("diffusion", [1.0, 0.1, 0.005])
def test_a_driven_phase_has_the_von_mises_distribution(diffusion):
    state = numerics.stationary_phases(
        PhaseDiffusion([[Wave(-1.0, (1,), 0.4)]], [diffusion]), tolerance=1e-12
    )
    for order in (0, 1, 2, 3):
        found = numerics.phase_moment(state, order).item()
        assert abs(found - locked(1.0, 0.4, diffusion, order)) < 1e-12
    density = numerics.phase_density(state, 64)
    exact = np.exp(np.cos(density.theta_1_rad - 0.4 + np.pi / 2) / diffusion - 1 / diffusion)
    exact = (
        exact / (exact.sum() * 2 * np.pi / 64) if diffusion > 0.01 else exact * density.max() / exact.max()
    )
    assert float(abs(density - exact).max()) < 2e-4 * float(exact.max())


def test_two_phases_that_do_not_couple_are_two_von_mises_distributions():
    equation = PhaseDiffusion([[Wave(-1.0, (1, 0), 0.4)], [Wave(-0.5, (0, 1), 2.0)]], [0.1, 0.3])
    state = numerics.stationary_coefficients(equation, tolerance=1e-10)
    for m, n in ((1, 0), (0, 1), (1, 1), (-1, 2), (2, -3)):
        one, two = locked(1.0, 0.4, 0.1, abs(m)), locked(0.5, 2.0, 0.3, abs(n))
        exact = (one if m >= 0 else one.conjugate()) * (two if n >= 0 else two.conjugate())
        assert abs(state.moment(m, n) - exact) < 1e-10


def test_phases_that_only_couple_to_each_other_are_uniform_together():
    equation = PhaseDiffusion([[Wave(1.0, (1, -1))], [Wave(1.0, (1, -1))]], [0.1, 0.1])
    state = numerics.stationary_phases(equation)
    assert abs(numerics.phase_moment(state, 1, 0).item()) < 1e-12
    assert abs(numerics.phase_density(state, 16) - 1 / (2 * np.pi) ** 2).max() < 1e-12


def test_a_slipping_phase_turns_at_the_rate_that_its_current_carries():
    """<theta'> = omega - e Re <exp(i(theta - phi))> = 2 pi J, and J is the same at every angle."""
    state = numerics.stationary_phases(ADLER, tolerance=1e-12)
    order = numerics.phase_moment(state, 1).item()
    mean = 0.7 - (order * np.exp(-0.3j)).real
    density = numerics.phase_density(state, 256)
    slope = np.fft.ifft(1j * np.fft.fftfreq(256, 1 / 256) * np.fft.fft(density.values)).real
    current = ADLER.velocity(density.theta_1_rad.values)[0] * density.values - 0.2 * slope
    assert current == pytest.approx(np.full(256, mean / (2 * np.pi)), abs=1e-10)
    assert 0 < mean < 0.7


def test_solution_of_two_coupled_phases_is_real_normalised_positive_and_stationary():
    state = numerics.stationary_phases(COUPLED, tolerance=1e-10)
    coefficients = state.coefficients.values
    assert abs(coefficients - coefficients[::-1, ::-1].conj()).max() < 1e-13
    assert state.coefficients.sel(m=0, n=0) == 1
    density = numerics.phase_density(state, 80)
    assert density.min() > 0
    assert float(density.sum()) * (2 * np.pi / 80) ** 2 == pytest.approx(1, abs=1e-12)
    assert state.attrs["edge_weight"] < 1e-10
    assert state.attrs["residual"] < 1e-10
    larger = numerics.stationary_phases(COUPLED, truncation=2 * state.attrs["truncation"])
    assert abs(numerics.phase_moment(larger, 1, 0) - numerics.phase_moment(state, 1, 0)) < 1e-12


def test_grid_approaches_the_fourier_solution_with_the_square_of_its_spacing():
    state = numerics.stationary_phases(COUPLED)
    errors = []
    for points in (30, 60):
        grid = numerics.finite_difference_phases(COUPLED, points)
        assert float(grid.sum()) * (2 * np.pi / points) ** 2 == pytest.approx(1, abs=1e-12)
        assert grid.attrs["residual"] < 1e-12
        exact = numerics.phase_density(state, points)
        errors.append(float(abs(grid - exact).max() / exact.max()))
        for orders in ((1, 0), (0, 1), (-1, 1)):
            expected = numerics.phase_moment(state, *orders).item()
            assert abs(numerics.grid_moment(grid, *orders) - expected) < 12 / points**2
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_grid_of_one_slipping_phase_agrees_with_its_fourier_solution():
    state = numerics.stationary_phases(ADLER)
    grid = numerics.finite_difference_phases(ADLER, 800)
    assert abs(numerics.grid_moment(grid, 1) - numerics.phase_moment(state, 1).item()) < 2e-5


def test_a_free_phase_forgets_its_harmonics_at_the_squares_of_their_orders():
    start = numerics.stationary_phases(PhaseDiffusion([[Wave(-1.0, (1,), 0.4)]], [0.2]), tolerance=1e-12)
    free = PhaseDiffusion([[Wave(0.6, (0,))]], [0.3])
    later = numerics.evolve_phases(free, [0.0, 0.5, 2.0], initial=start)
    for time in (0.0, 0.5, 2.0):
        for order in (0, 1, 2, 5):
            expected = locked(1.0, 0.4, 0.2, order) * np.exp(0.6j * order * time - 0.3 * order**2 * time)
            found = numerics.phase_moment(later.sel(time=time), order).item()
            assert abs(found - expected) < 1e-12


def test_two_phases_relax_to_their_stationary_state_at_the_slowest_rate():
    stationary = numerics.stationary_phases(COUPLED, tolerance=1e-10)
    slowest = numerics.phase_relaxation(COUPLED, stationary.attrs["truncation"], 2)[0]
    later = numerics.evolve_phases(COUPLED, [0.0, 20.0, 22.0])
    assert numerics.phase_moment(later.isel(time=0), 1, 1).item() == 0
    distance = abs(later.coefficients - stationary.coefficients).fillna(0).max(("m", "n")).values
    assert distance[2] < 1e-4 < 0.5 < distance[0]
    # two more rates are only a little faster, so it is not yet alone
    assert math.log(distance[1] / distance[2]) / 2 == pytest.approx(-slowest.real, rel=0.05)
    assert abs(slowest.imag) < 1e-12


def test_slowest_rates_of_free_phases_are_their_diffusion_constants():
    free = PhaseDiffusion([[], []], [0.1, 0.25])
    rates = numerics.phase_relaxation(free, 8, 4)
    assert rates == pytest.approx([-0.1, -0.1, -0.25, -0.25], abs=1e-12)


@pytest.mark.parametrize("seed", [1, 2])
def test_trajectories_of_two_phases_have_the_averages_of_their_distribution(seed):
    run = numerics.simulate_phases(COUPLED, duration=1500, settle=30, step=0.1, seed=seed, engine="scalar")
    state = numerics.stationary_phases(COUPLED)
    one, two, across = (numerics.phase_moment(state, *s).item() for s in ((1, 0), (0, 1), (-1, 1)))
    assert float(run.cosine_error.max()) < 3e-3
    assert (abs(run.cosine - [one.real, two.real]) < 4 * run.cosine_error).all()
    assert (abs(run.sine - [one.imag, two.imag]) < 4 * run.sine_error).all()
    assert abs(run.difference_cosine - across.real) < 4 * run.difference_cosine_error
    assert abs(run.difference_sine - across.imag) < 4 * run.difference_sine_error


def test_trajectories_of_one_slipping_phase_have_the_averages_of_its_distribution():
    run = numerics.simulate_phases(ADLER, duration=1500, settle=30, step=0.1, seed=3, engine="scalar")
    order = numerics.phase_moment(numerics.stationary_phases(ADLER), 1).item()
    assert abs(run.cosine - order.real) < 4 * run.cosine_error
    assert abs(run.sine - order.imag) < 4 * run.sine_error
    assert run.sizes["phase"] == 1


@pytest.mark.parametrize("truncation", [4, 12])
def test_a_truncation_that_does_not_suffice_is_refused(truncation):
    with pytest.raises(ConvergenceError, match=f"at the edge of truncation {truncation}"):
        numerics.stationary_phases(COUPLED, truncation=truncation)


def test_too_little_noise_for_the_largest_truncation_is_refused(monkeypatch):
    monkeypatch.setattr("models.numerics.fokker_planck.MOST_MODES", 40)
    weak = PhaseDiffusion([[Wave(-1.0, (1,))]], [1e-5])
    with pytest.raises(ConvergenceError, match="take more noise"):
        numerics.stationary_phases(weak)
    with pytest.raises(ConvergenceError, match="take more noise"):
        numerics.evolve_phases(weak, [5.0])


def test_a_state_in_time_grows_its_truncation_as_the_distribution_narrows():
    narrow = PhaseDiffusion([[Wave(-1.0, (1,), 0.4)]], [0.02])
    later = numerics.evolve_phases(narrow, [30.0])
    assert later.attrs["edge_weight"] < 1e-8
    found = numerics.phase_moment(later.isel(time=0), 1).item()
    assert abs(found - locked(1.0, 0.4, 0.02, 1)) < 1e-8


@pytest.mark.parametrize(
    ("drift", "diffusion", "sentence"),
    [
        ([[]], [0.0], "A diffusion constant is 0; it must be positive"),
        ([[], []], [0.1, -0.2], "A diffusion constant is -0.2"),
        ([[]], [math.nan], "A diffusion constant is nan"),
        ([[]], [0.1, 0.1], "There are 1 drifts and 2 diffusion constants"),
        ([[], [], []], [0.1] * 3, "one of each for one phase or two for two"),
        ([[Wave(1.0, (1, 0))]], [0.1], "it takes 1 whole number"),
        ([[Wave(1.0, (0.5,))]], [0.1], "wrong orders"),
        ([[Wave(math.inf, (1,))]], [0.1], "is not finite"),
    ],
)
def test_equations_that_make_no_sense_are_refused(drift, diffusion, sentence):
    with pytest.raises(ValueError, match=sentence):
        PhaseDiffusion(drift, diffusion)


def test_questions_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="tolerance is 0; it must lie between 0 and 1"):
        numerics.stationary_phases(ADLER, tolerance=0)
    with pytest.raises(ValueError, match="truncation is 0; it must lie between"):
        numerics.stationary_phases(ADLER, truncation=0)
    with pytest.raises(ValueError, match="rise from 0 on"):
        numerics.evolve_phases(ADLER, [1.0, 0.5])
    state = numerics.stationary_phases(ADLER)
    with pytest.raises(ValueError, match="one state of 2 phase"):
        numerics.evolve_phases(COUPLED, [1.0], initial=state)
    with pytest.raises(ValueError, match="2 orders for 1 phase"):
        numerics.phase_moment(state, 1, 0)
    assert numerics.phase_moment(state, 10_000).item() == 0
    with pytest.raises(ValueError, match="orders -1, 0 and 1"):
        numerics.phase_system(PhaseDiffusion([[Wave(1.0, (2,))]], [0.1]))
    with pytest.raises(ValueError, match="takes at least 2"):
        numerics.simulate_phases(ADLER, duration=1, settle=0, step=0.1, trajectories=1)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda e: numerics.evolve_phases(e, [np.inf]), "times must be finite numbers"),
        (lambda e: numerics.phase_relaxation(e, 2, 100), "count is 100; truncation 2 gives 1 to 2"),
        (lambda e: numerics.finite_difference_phases(e, 1), "points is 1; a grid takes at least 3"),
        (
            lambda e: numerics.simulate_phases(e, duration=1, settle=0, step=0),
            "step is 0 and duration 1; both must",
        ),
    ],
    ids=["evolution", "relaxation", "grid", "trajectories"],
)
def test_numbers_that_make_no_sense_are_refused_in_one_sentence(ask, said):
    equation = PhaseDiffusion([[Wave(-1.0, (1,))]], [0.5])
    with pytest.raises(ValueError, match=said):
        ask(equation)
