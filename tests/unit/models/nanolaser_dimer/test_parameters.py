"""Parameters of the nanolasers and the rates that follow from them."""

import math

import pytest

from models.nanolaser_dimer import Dimer, Nanolaser, PhasePair


def test_rates_are_those_of_the_definitions():
    laser = Nanolaser(2.0, 500.0, kappa=3.0)
    g = math.sqrt(2 * 3 * 500)
    assert laser.coupling == pytest.approx(g)
    assert laser.gain == pytest.approx(g**2 / 500)
    assert laser.full_saturation == pytest.approx(2 * g**4 / 500**3)
    assert laser.saturation == pytest.approx(laser.full_saturation / 2)
    assert laser.photons == pytest.approx(500 / (2 * 3) * (2 - 1) / 2)
    assert Nanolaser(0.9, 500.0).photons == 0


def test_phases_of_a_dimer_diffuse_and_lock_at_its_rates():
    dimer = Dimer(1.1, 3500, drive=0.3, tunnelling=0.02, phase_2_rad=1.0)
    pair = dimer.phases()
    # eps/sqrt(n0) = 0.0238 and n0 = 159 at C_p = 1.1
    assert dimer.photons == pytest.approx(159.09, abs=0.01)
    assert pair.drive_1 == pytest.approx(0.0238, abs=1e-4)
    assert pair.diffusion_2 == pytest.approx(1.1 / (2 * 159.09), rel=1e-4)
    assert dimer.phases(10.0, 20.0).amplitude_ratio == 2
    assert [laser.phase_rad for laser in dimer.lasers] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Nanolaser(0.0, 100.0), "Nanolaser.pump_parameter is 0; it must be positive"),
        (lambda: Dimer(1.5, -3.0), "Dimer.gamma is -3; it must be positive"),
        (lambda: Dimer(1.5, 10.0, drive=-1.0), "Dimer.drive is -1; it must be zero or positive"),
        (lambda: PhasePair.equal(0.0, 1.0), "PhasePair.diffusion_1 is 0; it must be positive"),
        (lambda: PhasePair.equal(0.1, math.nan), "PhasePair.tunnelling is nan; it must be a finite number"),
        (lambda: Dimer(0.9, 10.0).phases(), "a phase needs both positive"),
    ],
)
def test_a_parameter_that_cannot_be_is_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()
