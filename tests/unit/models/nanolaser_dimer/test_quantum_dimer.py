"""Two lasers without approximation: the signs of drives and tunnelling."""

import cmath
import math
from functools import cache

import numpy as np
import pytest

from models.nanolaser_dimer import Dimer
from models.nanolaser_dimer._stationary import solve_on
from models.nanolaser_dimer.quantum_dimer import dimer_operators, solve_dimer
from models.numerics import TruncationError

PARAMETERS = {"pump_parameter": 1.5, "gamma": 1.0, "drive": 0.3}


@cache
def _solved(tunnelling, phase_1_rad, phase_2_rad, levels=5):
    dimer = Dimer(**PARAMETERS, tunnelling=tunnelling, phase_1_rad=phase_1_rad, phase_2_rad=phase_2_rad)
    return dimer, solve_dimer(dimer, levels=levels)


pytestmark = pytest.mark.filterwarnings("ignore::models.numerics.TruncationWarning")


def test_without_tunnelling_the_fields_are_on_the_negative_imaginary_axis_as_of_one_laser():
    dimer, solved = _solved(0.0, 0.0, 0.0)
    one = solve_on(dimer.lasers[0], (0, 4), 5).moments
    np.testing.assert_allclose(solved["field"].values, [-1j * one.amplitude] * 2, atol=1e-9)
    assert one.amplitude > 0.1
    np.testing.assert_allclose(solved["photons"].values, [one.photons] * 2, atol=1e-9)


def test_tunnelling_turns_equal_phases_from_a_quarter_turn_behind_the_drive_towards_it():
    angles = [cmath.phase(_solved(t, 0.0, 0.0)[1]["field"].values[0]) for t in (0.0, 0.2, 0.5)]
    assert angles[0] == pytest.approx(-math.pi / 2, abs=1e-8)
    assert angles[0] + 0.1 < angles[1] < angles[2] - 0.1 < -0.1


def test_the_laser_driven_with_the_larger_phase_holds_more_photons():
    dimer, solved = _solved(0.2, 0.0, math.pi / 2)
    one, two = solved["photons"].values
    assert two > one + 0.05
    assert solved["current"].item() < -0.02
    # photons of laser 1: decay, pumping, drive and tunnelling, each an exact moment
    pushed = -2 * (dimer.drive * solved["field"].values[0]).imag
    balance = -2 * dimer.kappa * one + 2 * dimer.gamma * solved["ground_population"].values[0] + pushed
    assert balance + solved["current"].item() == pytest.approx(0, abs=1e-8)


def test_exchanging_the_drives_exchanges_the_lasers():
    here, there = _solved(0.2, 0.0, math.pi / 2)[1], _solved(0.2, math.pi / 2, 0.0)[1]
    for name in ("photons", "field", "ground_population"):
        np.testing.assert_allclose(here[name].values, there[name].values[::-1], atol=1e-8)


def test_turning_both_drives_turns_both_fields_and_leaves_the_photons():
    here, there = _solved(0.2, 0.0, math.pi / 2)[1], _solved(0.2, 1.1, math.pi / 2 + 1.1)[1]
    np.testing.assert_allclose(there["field"].values, here["field"].values * cmath.exp(1.1j), atol=1e-8)
    np.testing.assert_allclose(there["photons"].values, here["photons"].values, atol=1e-8)


def test_commutators_of_the_hamiltonian_are_the_first_moments_equation():
    # i [H, a_1] = -i g s_1 - i eps_1 + i t_c a_2 below the last level
    dimer = Dimer(1.2, 4.0, 0.3, 0.7, 0.4, 1.9)
    hamiltonian, _, fields, emitters = dimer_operators(dimer, 3)
    made = 1j * (hamiltonian @ fields[0] - fields[0] @ hamiltonian).toarray()
    eps = dimer.drive * cmath.exp(0.4j)
    right = -1j * dimer.coupling * emitters[0] + 1j * dimer.tunnelling * fields[1]
    wanted = right.toarray() - 1j * eps * np.eye(36)
    inside = np.arange(36) // 12 < 2
    np.testing.assert_allclose(made[np.ix_(inside, inside)], wanted[np.ix_(inside, inside)], atol=1e-13)


def test_too_few_levels_are_refused():
    with pytest.raises(TruncationError, match="each laser's field at 3 photon numbers"):
        solve_dimer(Dimer(**PARAMETERS), levels=3)
    with pytest.raises(ValueError, match="levels is 40; two lasers are solved with 2 to 12"):
        solve_dimer(Dimer(**PARAMETERS), levels=40)
