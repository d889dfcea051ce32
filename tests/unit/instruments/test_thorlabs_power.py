import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymeasure.test import expected_protocol

from instruments import PM100, InstrumentProtocolError, Interlock, OutOfRange
from instruments.thorlabs_power import _sensor

SENSOR_QUERY = "SYST:SENSOR:IDN?"
OPENED = [("*IDN?", "Thorlabs,PM100D,P0001234,2.8.0"), (SENSOR_QUERY, "S130C,1234567,12-Mar-2024,1,18,33")]
WATT = ("SENS:POW:UNIT?", "W")
LIMITS = [("SENS:CORR:WAV? MIN", "4.000000E+02"), ("SENS:CORR:WAV? MAX", "1.100000E+03")]
NO_ERROR = ("SYST:ERR?", '+0,"No error"')


@pytest.mark.parametrize(("reply", "value"), [("2.180000E-08", 2.18e-8), ("-4.2E-11", -4.2e-11)])
def test_the_power_is_read_in_watt_and_may_be_slightly_negative(reply, value):
    with expected_protocol(PM100, [*OPENED, WATT, ("MEAS:POW?", reply)]) as meter:
        assert meter.power_w == value


@pytest.mark.parametrize("reply", ["9.9E37", "9.910000E+37", "-9.9E37", "nan", "1.2,3.4", "1.2E-6W", ""])
def test_an_overflow_or_garbage_is_never_a_power(reply, wire):
    replies = dict([*OPENED, WATT]) | {"MEAS:POW?": reply}
    meter = PM100(wire(replies.get))
    with pytest.raises(InstrumentProtocolError, match="MEAS:POW"):
        pytest.fail(f"taken for {meter.power_w}")


def test_a_meter_that_shows_dbm_is_refused_before_its_number_is_read():
    with (
        expected_protocol(PM100, [*OPENED, ("SENS:POW:UNIT?", "DBM")]) as meter,
        pytest.raises(InstrumentProtocolError, match="from dBm to W"),
    ):
        _ = meter.power_w


def test_the_wavelength_is_set_checked_for_errors_and_read_back():
    pairs = [*OPENED, *LIMITS, ("SENS:CORR:WAV 898.40", None), NO_ERROR, ("SENS:CORR:WAV?", "8.984000E+02")]
    with expected_protocol(PM100, pairs) as meter:
        meter.wavelength_nm = 898.4


@pytest.mark.parametrize("value", [399.0, 1100.1, float("nan")])
def test_a_wavelength_beyond_the_sensor_is_refused_and_not_moved_to_its_limit(value):
    with (
        expected_protocol(PM100, [*OPENED, *LIMITS]) as meter,
        pytest.raises(OutOfRange, match="outside 400 to 1100 nm"),
    ):
        meter.wavelength_nm = value


def test_a_wavelength_that_reads_back_otherwise_is_a_protocol_error():
    pairs = [*OPENED, *LIMITS, ("SENS:CORR:WAV 898.40", None), NO_ERROR, ("SENS:CORR:WAV?", "6.350000E+02")]
    with (
        expected_protocol(PM100, pairs) as meter,
        pytest.raises(InstrumentProtocolError, match="898.4 nm, but it reads back 635.0 nm"),
    ):
        meter.wavelength_nm = 898.4


def test_an_error_in_the_queue_after_a_set_is_raised_with_its_text():
    errors = [("SYST:ERR?", '-222,"Data out of range"'), NO_ERROR]
    with (
        expected_protocol(PM100, [*OPENED, *LIMITS, ("SENS:CORR:WAV 900.00", None), *errors]) as meter,
        pytest.raises(InstrumentProtocolError, match="Data out of range"),
    ):
        meter.wavelength_nm = 900


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ("no sensor,,,,,", "no sensor is connected"),
        ('"no sensor"', "no sensor is connected"),
        ("ES111C,1,1-Jan-2020,2,1,2", "ES111C does not measure power"),
    ],
)
def test_a_meter_without_a_power_sensor_is_an_interlock(reply, words, wire):
    with pytest.raises(Interlock, match=words):
        PM100(wire(dict([OPENED[0], (SENSOR_QUERY, reply)]).get))


def test_a_sensor_of_fixed_wavelength_is_not_asked_for_another(wire):
    meter = PM100(wire(dict([OPENED[0], (SENSOR_QUERY, "S310C,1,1-Jan-2020,1,3,1")]).get))
    with pytest.raises(OutOfRange, match="S310C cannot be set"):
        meter.wavelength_nm = 900
    assert meter.adapter.sent == ["*IDN?", SENSOR_QUERY]


@pytest.mark.parametrize("reply", ["S130C,1,2,3,4", "S130C,1,2,3,4,5,6", "S130C,1,2,x,4,33", ",,,1,1,1"])
def test_a_description_of_the_sensor_without_its_six_fields_is_a_protocol_error(reply, wire):
    with pytest.raises(InstrumentProtocolError, match="six fields"):
        PM100(wire(dict([OPENED[0], (SENSOR_QUERY, reply)]).get))


@given(st.text(st.sampled_from('S130C,x -"'), max_size=20))
def test_the_sensors_description_parses_completely_or_not_at_all(reply):
    try:
        sensor = _sensor(reply)
    except ValueError:
        return
    assert sensor is None or (sensor.name and isinstance(sensor.flags, int))
