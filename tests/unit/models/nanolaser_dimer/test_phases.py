"""The phases of two lasers against a grid, and where phases alone do not describe them."""

import warnings

import numpy as np
import pytest

from models import numerics
from models.nanolaser_dimer import (
    Dimer,
    PhasePair,
    check_phase_description,
    phase_averages,
    phase_equation,
    solve_phases,
)
from models.validity import ValidityWarning
from tests.statements.nanolaser_dimer_phases import figure_3

UNEQUAL = PhasePair(0.12, 0.2, 1.1, 0.8, 0.7, 0.77, 0.3, 1.2)


def test_phases_of_unequal_lasers_agree_with_the_grid():
    found, grid = phase_averages(UNEQUAL), numerics.finite_difference_phases(phase_equation(UNEQUAL), 80)
    assert abs(numerics.grid_moment(grid, 1, 0) - found.order_1) < 1.5e-3
    assert abs(numerics.grid_moment(grid, 0, 1) - found.order_2) < 1.5e-3
    assert abs(numerics.grid_moment(grid, -1, 1) - found.correlator) < 1.5e-3
    angle_1, angle_2 = grid.theta_1_rad, grid.theta_2_rad
    cell = (2 * np.pi / 80) ** 2
    for sine, angle in (
        (found.drive_sine_1, 0.3 - angle_1),
        (found.drive_sine_2, 1.2 - angle_2),
        (found.tunnel_sine, angle_1 - angle_2),
    ):
        assert sine == pytest.approx(float((grid * np.sin(angle)).sum()) * cell, abs=1.5e-3)


@pytest.mark.xdist_group("Phases and loss of locking")  # whose statements solve the same figure
def test_distributions_of_a_phase_are_normalised_and_come_with_their_convergence():
    found = figure_3()
    total = found.density.sum("theta_rad") * 2 * np.pi / found.sizes["theta_rad"]
    assert total.values == pytest.approx(np.ones(4), abs=1e-12)
    assert found.density.min() > 0
    assert found.attrs["edge_weight"] < 1e-8
    assert found.attrs["residual"] < 1e-8


def test_the_phases_of_a_dimer_are_those_of_its_amplitudes():
    dimer = Dimer(1.1, 3500, drive=0.3, tunnelling=0.01, phase_2_rad=1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ValidityWarning)
        state = solve_phases(dimer)
    found = phase_averages(dimer.phases())
    assert state.coherence.values == pytest.approx([abs(found.order_1) ** 2, abs(found.order_2) ** 2])
    assert state.sine.values == pytest.approx([found.order_1.imag, found.order_2.imag])
    assert float(state.correlation) == pytest.approx(abs(found.correlator))
    assert state.attrs["gamma"] == 3500
    assert state.attrs["residual"] < 1e-8


def test_a_dimer_with_few_photons_is_no_matter_of_phases_alone():
    few = Dimer(1.1, 200, drive=0.3)
    with pytest.warns(ValidityWarning, match=r"n0 is 9.09.*variance of the amplitude is 0.3.*takes n0 > 55"):
        assert check_phase_description(few) == pytest.approx(1.1 / 0.4 / (100 * 0.1 / 1.1))
    with pytest.warns(ValidityWarning, match="too small for phases alone"):
        solve_phases(few)
    with pytest.raises(ValueError, match="takes C_p > 1"):
        solve_phases(Dimer(1.0, 200, drive=0.3))


@pytest.mark.parametrize("diffusion", [0.0, -0.1, np.nan])
def test_phases_without_noise_or_with_negative_noise_are_refused(diffusion):
    with pytest.raises(ValueError, match="PhasePair.diffusion_1 is"):
        PhasePair.equal(diffusion, 1.0)
