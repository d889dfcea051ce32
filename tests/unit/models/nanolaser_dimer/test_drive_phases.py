"""Coherence of lasers with different drive phases: symmetries of the map and stability."""

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


def test_symmetries_of_the_map_give_what_a_solution_at_each_point_gives():
    circle = coherence_map(0.2, [0.7, 1.5], np.arange(-3, 5) * QUARTER + 0.1, processes=1, tolerance=1e-8)
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


@pytest.mark.parametrize("phase", [0.0, QUARTER, 3 * QUARTER, 1.2])
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
