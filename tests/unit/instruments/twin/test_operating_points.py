import pytest

from instruments.twin import TwinSettings
from instruments.twin.operating_points import (
    OperatingPoint,
    moved_ghz,
    operating_point,
    pair_at,
    sample_ps,
)

COUPLED = OperatingPoint(25.0, 23.5, 0.025, 0.4)
FREE = OperatingPoint(25.0, 23.5, 0.0, 0.0)


def test_operating_points_lie_on_a_grid_of_two_megahertz():
    point = operating_point(25.004, 23.497, 0.0244, 0.3013)
    assert point == OperatingPoint(25.0, 23.5, 0.0244, 0.302)


def test_without_coupling_the_detuning_is_left_out():
    assert operating_point(25.0, 23.5, 2.5e-4, 0.3) == operating_point(25.0, 23.5, 0.0, 1.1) == FREE


@pytest.mark.parametrize(
    ("coupling", "detuning_ghz", "moved"), [(0.025, 3.0, 0.0), (0.0, 3.0, 3.0), (0.025, -20.0, -8.0)]
)
def test_p2_moves_past_its_point_where_nothing_holds_it(coupling, detuning_ghz, moved):
    point = operating_point(25.0, 23.5, coupling, detuning_ghz)
    assert moved_ghz(point, detuning_ghz) == pytest.approx(moved)


@pytest.mark.parametrize("detuning_ghz", [-12.0, -3.0, 0.0, 3.0, 12.0])
def test_the_recorded_band_holds_both_modes_of_both_pillars(detuning_ghz):
    pair = pair_at(operating_point(25.0, 23.5, 0.025, detuning_ghz), TwinSettings())
    band_ghz = 500.0 / sample_ps(pair)
    assert max(abs(pair.detuning_ghz), abs(pair.weak_detuning_ghz)) <= 0.9 * band_ghz
    assert sample_ps(pair) == (50.0 if abs(detuning_ghz) <= 3 else 25.0)


def test_a_relay_parts_the_power_in_two_halves():
    pair = pair_at(COUPLED, TwinSettings(configuration="relay"))
    assert pair.coupling == COUPLED.coupling
    assert pair.transmission_amplitude**2 == pytest.approx(0.5)
    assert pair.reflection_amplitude**2 == pytest.approx(0.5)
    direct = pair_at(COUPLED, TwinSettings())
    assert (direct.transmission_amplitude, direct.reflection_amplitude) == (1.0, 0.0)
