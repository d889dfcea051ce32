import math

import pytest

from instruments import Attenuator, OutOfRange, PolarisationAttenuator


class Plate:
    def __init__(self):
        self.angle_deg = 0.0

    def move_to_deg(self, angle_deg):
        self.angle_deg = angle_deg
        return angle_deg

    def home(self):
        self.angle_deg = 0.0


@pytest.mark.parametrize(
    ("transmission", "turn_deg"), [(1.0, 0.0), (0.75, 15.0), (0.5, 22.5), (0.25, 30.0), (0.0, 45.0)]
)
@pytest.mark.parametrize("zero_deg", [0.0, 12.5, 330.0])
def test_the_plate_turns_to_malus_angle_and_back(transmission, turn_deg, zero_deg):
    plate = Plate()
    attenuator = PolarisationAttenuator(plate, zero_deg=zero_deg)
    attenuator.set_transmission(transmission)
    assert plate.angle_deg == pytest.approx((zero_deg + turn_deg) % 360, abs=1e-9)
    assert attenuator.transmission == pytest.approx(transmission, abs=1e-12)


@pytest.mark.parametrize("transmission", [-0.01, 1.01, math.nan])
def test_an_impossible_transmission_is_refused(transmission):
    plate = Plate()
    with pytest.raises(OutOfRange, match="between 0 and 1"):
        PolarisationAttenuator(plate).set_transmission(transmission)
    assert plate.angle_deg == 0.0


def test_the_attenuator_plays_its_role():
    assert isinstance(PolarisationAttenuator(Plate()), Attenuator)
    with pytest.raises(ValueError, match="zero_deg"):
        PolarisationAttenuator(Plate(), zero_deg=400.0)
