"""The phases of two lasers: what is known about them, each with its tolerance."""

import dataclasses
import warnings

import numpy as np
import pytest
from scipy.special import iv

from models import numerics
from models.nanolaser_dimer import (
    Dimer,
    PhasePair,
    check_phase_description,
    phase_averages,
    phase_distributions,
    phase_equation,
    solve_phases,
)
from models.validity import ValidityWarning

UNEQUAL = PhasePair(0.12, 0.2, 1.1, 0.8, 0.7, 0.77, 0.3, 1.2)


def test_without_tunnelling_each_phase_is_locked_to_its_drive():
    pair = PhasePair(0.1, 0.3, 1.0, 0.5, 0.0, 1.4, 0.2, 2.0)
    found = phase_averages(pair)
    for order, phi, z in ((found.order_1, 0.2, 10.0), (found.order_2, 2.0, 0.5 / 0.3)):
        assert abs(order - np.exp(1j * (phi - np.pi / 2)) * iv(1, z) / iv(0, z)) < 1e-10
    assert found.drive_sine_1 == pytest.approx(iv(1, 10) / iv(0, 10), abs=1e-10)
    assert abs(found.correlator - found.order_2 * found.order_1.conjugate()) < 1e-10


def test_without_drives_the_phases_are_uniform():
    found = phase_averages(PhasePair(0.1, 0.2, 0.0, 0.0, 1.0, 1.2))
    assert max(abs(found.order_1), abs(found.order_2)) < 1e-12


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


def test_exchange_of_unequal_lasers_exchanges_their_phases():
    exchanged = PhasePair(0.2, 0.12, 0.8, 1.1, 0.7, 1 / 0.77, 1.2, 0.3)
    one, other = phase_averages(UNEQUAL), phase_averages(exchanged)
    assert abs(one.order_1 - other.order_2) + abs(one.order_2 - other.order_1) < 1e-12
    assert one.tunnel_sine == pytest.approx(-other.tunnel_sine, abs=1e-12)


def test_turning_both_drives_turns_both_phases():
    turned = dataclasses.replace(UNEQUAL, phase_1_rad=0.3 + 0.9, phase_2_rad=1.2 + 0.9)
    one, other = phase_averages(UNEQUAL), phase_averages(turned)
    assert abs(other.order_1 - one.order_1 * np.exp(0.9j)) < 1e-12
    assert abs(other.correlator - one.correlator) < 1e-12


def test_only_the_ratios_of_the_rates_matter():
    fast = PhasePair(0.36, 0.6, 3.3, 2.4, 2.1, 0.77, 0.3, 1.2)
    assert abs(phase_averages(fast).order_1 - phase_averages(UNEQUAL).order_1) < 1e-12


@pytest.fixture(scope="module")
def figure_3():
    return phase_distributions()


# what, tunnelling, number, tolerance: mean resultant length, peak and mean angle over pi, density maximum
@pytest.mark.parametrize(
    ("what", "tunnelling", "number", "tolerance"),
    [
        ("peak", 0, 0.0, 0.005),
        ("peak", 1, 0.34, 0.01),
        ("peak", 2, 0.46, 0.01),
        ("peak", 5, 0.45, 0.01),
        ("resultant", 1, 0.86, 0.005),
        ("resultant", 2, 0.41, 0.005),
        ("resultant", 5, 0.16, 0.005),
        ("mean angle", 2, 0.443, 0.0005),
        ("mean angle", 5, 0.434, 0.0005),
        ("maximum", 5, 0.21, 0.005),
    ],
)
def test_distribution_of_a_phase_turns_and_spreads_with_tunnelling(
    figure_3, what, tunnelling, number, tolerance
):
    here = figure_3.sel(tunnelling=tunnelling)
    found = {
        "peak": here.theta_rad[np.argmax(here.density.values)] / np.pi,
        "resultant": here.resultant,
        "mean angle": here.mean_angle / np.pi,
        "maximum": here.density.max(),
    }
    assert float(found[what]) == pytest.approx(number, abs=tolerance)


def test_distributions_of_a_phase_are_normalised_and_come_with_their_convergence(figure_3):
    total = figure_3.density.sum("theta_rad") * 2 * np.pi / figure_3.sizes["theta_rad"]
    assert total.values == pytest.approx(np.ones(4), abs=1e-12)
    assert figure_3.density.min() > 0
    assert figure_3.attrs["edge_weight"] < 1e-8
    assert figure_3.attrs["residual"] < 1e-8


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
