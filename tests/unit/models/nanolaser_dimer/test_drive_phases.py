"""Coherence of lasers with different drive phases: published and derived numbers, with tolerances."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.nanolaser_dimer import (
    PhasePair,
    coherence_map,
    critical_tunnelling,
    phase_averages,
    phase_equation,
)

QUARTER = math.pi / 4


def coherence(diffusion, tunnelling, phase_2_rad):
    pair = PhasePair.equal(diffusion, tunnelling, phase_1_rad=0.0, phase_2_rad=phase_2_rad)
    found = phase_averages(pair, tolerance=1e-4)
    return (abs(found.order_1) ** 2 + abs(found.order_2) ** 2) / 2


# noise, tunnelling, phase of the second drive over pi, coherence, tolerance
@pytest.mark.parametrize(
    ("diffusion", "tunnelling", "angle", "number", "tolerance"),
    [
        (0.005, 2.0, 0.0, 0.17, 0.005),
        (0.005, 2.0, 1.0, 0.17, 0.005),
        (0.005, 2.0, 0.5, 0.97, 0.005),
        (0.05, 2.0, 0.0, 0.17, 0.005),
        (0.05, 2.0, 0.5, 0.33, 0.005),
        (0.5, 1.0, 0.0, 0.35, 0.005),
        (0.5, 1.0, 0.5, 0.30, 0.005),
        # coherence is half of what it can be at t_c sqrt(D) = 0.38 and 0.31 of perpendicular drives
        (0.05, 0.38 / math.sqrt(0.05), 0.5, 0.5, 0.02),
        (0.005, 0.31 / math.sqrt(0.005), 0.5, 0.5, 0.02),
    ],
)
def test_coherence_depends_on_the_phase_between_the_drives(diffusion, tunnelling, angle, number, tolerance):
    assert coherence(diffusion, tunnelling, angle * math.pi) == pytest.approx(number, abs=tolerance)


def test_at_intermediate_noise_an_eighth_of_a_turn_is_a_little_worse_than_none():
    assert 0.001 < coherence(0.05, 2.0, 0.0) - coherence(0.05, 2.0, QUARTER) < 0.02


@pytest.fixture(scope="module")
def circle():
    return coherence_map(0.2, [0.0, 0.7, 1.5], np.arange(-3, 5) * QUARTER + 0.1, processes=1, tolerance=1e-8)


def test_symmetries_of_the_map_give_what_a_solution_at_each_point_gives(circle):
    for phase in circle.phase_2_rad.values:
        for tunnelling in (0.7, 1.5):
            pair = PhasePair.equal(0.2, tunnelling, phase_1_rad=0.0, phase_2_rad=phase)
            direct, here = phase_averages(pair), circle.sel(phase_2_rad=phase, tunnelling=tunnelling)
            assert float(here.coherence_1) == pytest.approx(abs(direct.order_1) ** 2, abs=1e-9)
            assert float(here.coherence_2) == pytest.approx(abs(direct.order_2) ** 2, abs=1e-9)


def test_symmetric_angles_are_solved_once():
    grid = coherence_map(0.5, [1.0], np.arange(40) * math.pi / 20, processes=1)
    assert grid.attrs["solved_points"] == 11
    assert grid.coherence.isel(tunnelling=0, phase_2_rad=0) == pytest.approx(0.35, abs=0.005)


def test_the_laser_whose_drive_is_ahead_is_the_more_coherent(circle):
    ahead = circle.sel(phase_2_rad=slice(0.01, math.pi - 0.01), tunnelling=[0.7, 1.5])
    assert (ahead.coherence_2 > ahead.coherence_1).all()


def test_coherence_does_not_depend_on_the_angle_without_tunnelling(circle):
    alone = circle.coherence.sel(tunnelling=0.0)
    assert float(alone.max() - alone.min()) < 1e-8


@pytest.mark.parametrize("phase", [0.0, QUARTER, 3 * QUARTER, 1.4])
def test_without_noise_the_phases_come_to_rest_up_to_the_critical_tunnelling(phase):
    """Both at cos(theta_j - phi_j) = (t_c/e) cos(phi_2 - phi_1), a stable node; beyond, they slip."""
    critical = float(critical_tunnelling(phase))
    assert critical == pytest.approx(1 / abs(math.cos(phase)))
    for ratio in (0.3, 0.7, 0.98):
        tunnelling = ratio * critical
        equation = phase_equation(PhasePair.equal(0.1, tunnelling, phase_1_rad=0.0, phase_2_rad=phase))
        lag = math.acos(tunnelling * math.cos(phase))
        rest = np.array([-lag, phase - lag])
        assert np.abs(equation.velocity(*rest)).max() < 1e-12
        shifts = [equation.velocity(*(rest + 1e-6 * axis)) for axis in np.eye(2)]
        assert (np.linalg.eigvals(np.array(shifts).T / 1e-6).real < 0).all()
    assert coherence(0.005, 1.3 * critical, phase) < 0.5


def test_perpendicular_drives_lock_at_any_tunnelling_without_noise():
    equation = phase_equation(PhasePair.equal(0.1, 50.0, phase_1_rad=0.0, phase_2_rad=math.pi / 2))
    assert np.abs(equation.velocity(-math.pi / 2, 0.0)).max() < 1e-12
    assert critical_tunnelling(math.pi / 2) > 1e15


def test_a_map_shared_by_workers_is_the_same(monkeypatch):
    monkeypatch.setattr(
        "models.nanolaser_dimer.drive_phases.ProcessPoolExecutor",
        lambda workers, mp_context: ThreadPoolExecutor(workers),
    )
    alone = coherence_map(0.5, [1.0, 2.0], [0.0, 0.5, 0.7], processes=1)
    shared = coherence_map(0.5, [1.0, 2.0], [0.0, 0.5, 0.7], processes=2)
    assert shared.coherence.equals(alone.coherence)


def test_a_map_without_processes_or_noise_is_refused():
    with pytest.raises(ValueError, match="processes is 0; it must be at least 1"):
        coherence_map(0.5, [1.0], [0.0], processes=0)
    with pytest.raises(ValueError, match="diffusion_1 is 0; it must be positive"):
        coherence_map(0.0, [1.0], [0.0], processes=1)
