import numpy as np
import pytest

from instruments.twin.pumps import SERIES_OHM, SLOPE_V, PumpArray


def test_the_working_current_needs_a_voltage_between_six_and_seven_volts():
    assert 6.0 < PumpArray().voltage_at(120 * 25e-6) < 7.0


@pytest.mark.parametrize("current_a", [1e-6, 1e-4, 2.82e-3, 3e-3, 1e-2])
def test_current_and_voltage_are_inverse_functions(current_a):
    array = PumpArray()
    assert array.current_at(array.voltage_at(current_a)) == pytest.approx(current_a, rel=1e-9)


def test_the_differential_resistance_is_series_resistance_plus_diode_slope():
    array = PumpArray()
    voltage = array.voltage_at(3e-3)
    slope = (array.current_at(voltage + 1e-4) - array.current_at(voltage - 1e-4)) / 2e-4
    assert 1 / slope == pytest.approx(SERIES_OHM + SLOPE_V / 3e-3, rel=1e-6)


def test_the_source_holds_back_at_its_current_limit():
    array = PumpArray()
    array.drive_voltage(8.0, 3e-3)
    assert array.limited
    assert array.current_a == 3e-3
    assert array.voltage_v == pytest.approx(array.voltage_at(3e-3))
    array.drive_voltage(5.0, 3e-3)
    assert not array.limited
    assert array.voltage_v == 5.0


def test_a_leaking_contact_reaches_the_limit_at_a_low_voltage():
    array = PumpArray()
    array.faults.add("compliance")
    array.drive_voltage(3.0, 5e-3)
    assert array.limited


def test_no_current_flows_below_the_turn_on_voltage():
    assert np.all(np.abs([PumpArray().current_at(v) for v in (-1.0, 0.0, 0.8)]) < 1e-9)
