"""Levels of description of two nanolasers against each other, where they must agree."""

import math
from dataclasses import replace

import pytest

from models.nanolaser_dimer import (
    Dimer,
    simulate_langevin,
    single_site,
    solve_gutzwiller,
    solve_self_consistent,
)
from models.nanolaser_dimer.quantum_dimer import solve_dimer

pytestmark = [
    pytest.mark.filterwarnings("ignore::models.validity.ValidityWarning"),
    pytest.mark.filterwarnings("ignore::models.numerics.TruncationWarning"),
]

MANY = Dimer(1.1, 1000.0, 0.3, 0.01, 0.0, math.pi / 2)
FEW = Dimer(0.5, 2.0, 0.15, 0.05, 0.0, math.pi / 2)


def product(dimer, model, nodes=14):
    table = single_site(dimer.lasers[0], 0.4 * dimer.drive / 0.3, model, nodes=nodes)
    return solve_gutzwiller(dimer, single_site_model=table)


LEVELS = {
    "quantum": lambda dimer: solve_dimer(dimer, levels=6),
    "quantum, few levels": lambda dimer: solve_dimer(dimer, levels=4),
    "self-consistent": solve_self_consistent,
    "langevin": lambda dimer: simulate_langevin(dimer, duration=40_000.0),
    "product, full": lambda dimer: product(dimer, "full", 8),
    "product, eliminated": lambda dimer: product(dimer, "eliminated", 8),
    "product, cubic": lambda dimer: product(dimer, "cubic"),
}


def imbalance(level, dimer):
    state = LEVELS[level](dimer)
    return float(state.photons[0] - state.photons[1]), 3 * float(state.get("imbalance_error", 0))


# a product state is exact to first order in t_c
@pytest.mark.parametrize(
    ("level", "reference", "dimer", "tolerance"),
    [
        ("product, full", "quantum", FEW, 0.01),
        ("langevin", "product, cubic", MANY, 0.02),
        ("self-consistent", "product, cubic", MANY, 0.02),
        ("product, eliminated", "product, cubic", MANY, 0.02),
    ],
)
def test_two_levels_agree_on_the_imbalance(level, reference, dimer, tolerance):
    found, error = imbalance(level, dimer)
    expected, _ = imbalance(reference, dimer)
    assert found == pytest.approx(expected, abs=tolerance * abs(expected) + error)
    assert error < 0.05 * abs(expected)


@pytest.mark.parametrize("level", ["self-consistent", "langevin", "product, cubic"])
def test_the_unit_of_the_rates_does_not_count(level):
    faster = Dimer(1.1, 3000.0, 0.9, 0.03, 0.0, math.pi / 2, kappa=3.0)
    found, error = imbalance(level, faster)
    expected, other = imbalance(level, MANY)
    assert found == pytest.approx(expected, abs=1e-6 + math.hypot(error, other))


@pytest.mark.parametrize("difference", [0.5, math.pi / 2, 2.6])
@pytest.mark.parametrize(
    ("level", "dimer"),
    [("quantum, few levels", FEW), ("self-consistent", MANY), ("langevin", MANY), ("product, cubic", MANY)],
)
def test_the_laser_that_is_driven_later_holds_more(level, dimer, difference):
    found, error = imbalance(level, replace(dimer, phase_2_rad=difference))
    assert found + error < 0
