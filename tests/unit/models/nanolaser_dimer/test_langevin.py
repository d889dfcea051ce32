"""The cubic model's Langevin equation against its closed form and its own photon balance."""

import math

import numpy as np
import pytest

from models.nanolaser_dimer import Dimer, simulate_langevin
from models.nanolaser_dimer.radial import radial_moments
from models.validity import ValidityWarning


@pytest.mark.parametrize("seed", [1, 2])
def test_uncoupled_lasers_follow_the_closed_form(seed):
    dimer = Dimer(1.1, 3500, 0.3, 0.0, 0.0, math.pi / 2)
    state = simulate_langevin(dimer, seed=seed)
    exact = radial_moments(dimer.lasers[0])
    wanted = {
        "photons": exact.photons,
        "photon_variance": exact.variance,
        "field": exact.amplitude * np.array([-1j, 1]),
        "imbalance": 0.0,
        "imbalance_variance": 2 * exact.variance,
    }
    for name, value in wanted.items():
        error = state[f"{name}_error"].values
        assert (np.abs(state[name].values - value) < 4 * error).all(), name
    assert state.photons_error.max() < 0.002 * exact.photons
    assert state.attrs["seed"] == seed


def test_what_gain_drive_and_tunnelling_bring_balances_what_is_lost():
    dimer = Dimer(1.1, 3500, 0.3, 0.02, 0.0, math.pi / 2)
    state = simulate_langevin(dimer, duration=4000.0)
    # what remains is the noise's own work, 4 A n per time
    work = math.sqrt(4 * dimer.gain * float(state.photons.max()) / (4000.0 * state.trajectories))
    assert state.residual < 4 * work / (2 * dimer.gain)
    # the current alone is 20 times that
    assert dimer.tunnelling * state.coherence.imag / dimer.gain > 20 * work / (2 * dimer.gain)


def test_a_seed_repeats_a_simulation():
    one, two, other = (
        simulate_langevin(Dimer(1.2, 1000, 0.3, 0.01), duration=100.0, settle=10.0, seed=seed)
        for seed in (3, 3, 4)
    )
    assert one.identical(two)
    assert abs(one.photons - other.photons).min() > 0


def test_one_trajectory_has_no_error_and_a_stiff_cubic_model_is_named():
    with pytest.raises(ValueError, match="trajectories is 1; an error takes at least 2"):
        simulate_langevin(Dimer(1.1, 100.0), trajectories=1)
    with pytest.warns(ValidityWarning, match="C_p is 3, more than 1.5"):
        simulate_langevin(Dimer(3.0, 1000.0, 0.3), duration=10.0, settle=0.0, trajectories=2)
