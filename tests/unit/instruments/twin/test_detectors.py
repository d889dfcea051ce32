import numpy as np
import pytest

from instruments.twin.detectors import Spcm


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("photons", [0.0, 5.0, 200.0])
def test_the_registered_rate_is_that_of_a_non_paralysable_dead_time(seed, photons):
    detector = Spcm(efficiency_cps_per_photon=5e4, dark_cps=250.0, dead_time_s=22e-9)
    incident = 5e4 * photons + 250.0
    waits = np.random.default_rng(seed).exponential(1 / incident, 200_000) + 22e-9
    measured = (
        len(waits) / waits.sum()
    )  # after each count the module is blind, then waits for the next photon
    assert detector.rate_cps(np.array(photons)) == pytest.approx(measured, rel=4 / np.sqrt(200_000))


def test_the_rate_saturates_at_the_inverse_dead_time():
    assert Spcm(5e4).rate_cps(np.array(1e9)) == pytest.approx(1 / 22e-9, rel=1e-3)
