import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymeasure.test import expected_protocol
from pyvisa.constants import Parity, StopBits

from instruments import (
    InstrumentProtocolError,
    Interlock,
    LakeShore335,
    LakeShore336,
    NotSettled,
    OutOfRange,
)
from instruments.lakeshore import _reading

IDN = ("*IDN?", "LSCI,MODEL336,LSA1234/LSA5678,2.9")
READ = "KRDG? A;RDGST? A"


def test_temperature_and_status_are_read_in_one_line():
    with expected_protocol(LakeShore336, [IDN, (READ, "+034.412;000")]) as controller:
        assert controller.temperature_k == 34.412


def test_another_sensor_and_output_are_addressed_as_asked():
    pairs = [IDN, ("KRDG? C;RDGST? C", "+007.001;000"), ("HTR? 2", "+099.9")]
    with expected_protocol(LakeShore336, pairs, sensor="C", output=2) as controller:
        assert controller.temperature_k == 7.001
        assert controller.heater_percent == 99.9


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("001", "invalid reading"),
        ("016", "temperature under range"),
        ("032", "temperature over range"),
        ("160", "temperature over range and sensor units over range"),
        ("064", "sensor units zero"),
    ],
)
def test_a_bad_sensor_status_raises_with_its_words(status, words):
    with (
        expected_protocol(LakeShore336, [IDN, (READ, f"+420.000;{status}")]) as controller,
        pytest.raises(Interlock, match=words),
    ):
        _ = controller.temperature_k


def test_a_setpoint_is_sent_with_six_decimals_and_read_back():
    pairs = [
        IDN,
        ("SETP? 1", "+034.000"),
        ("SETP 1,34.512000", None),
        ("SETP? 1", "+034.512"),
        ("RANGE? 1", "2"),
    ]
    with expected_protocol(LakeShore336, pairs) as controller:
        controller.set_setpoint_k(34.512)


@pytest.mark.parametrize("value", [3.9, 320.1, -1.0, math.nan, math.inf])
def test_a_setpoint_beyond_the_limits_is_refused_before_anything_is_sent(value):
    with (
        expected_protocol(LakeShore336, [IDN]) as controller,
        pytest.raises(OutOfRange, match=r"outside the limits 4.0 to 320.0 K"),
    ):
        controller.set_setpoint_k(value)


def test_a_setpoint_that_the_box_ignores_is_a_protocol_error(clock):
    pairs = [IDN, ("SETP? 1", "+034.000"), ("SETP 1,35.000000", None)]
    pairs += [("SETP? 1", "+034.000"), ("RAMP? 1", "0,+002.0")] * 5
    with (
        expected_protocol(LakeShore336, pairs, clock=clock) as controller,
        pytest.raises(InstrumentProtocolError, match=r"asked for a setpoint of 35.0 K.*34.0 K"),
    ):
        controller.set_setpoint_k(35.0)


def test_a_setpoint_on_its_ramp_is_accepted_between_old_and_new():
    pairs = [IDN, ("SETP? 1", "+034.000"), ("SETP 1,35.000000", None)]
    pairs += [("SETP? 1", "+034.010"), ("RAMP? 1", "1,+002.0"), ("RANGE? 1", "2")]
    with expected_protocol(LakeShore336, pairs) as controller:
        controller.set_setpoint_k(35.0)


def test_the_ramp_is_set_and_read_back():
    pairs = [
        IDN,
        ("RAMP 1,1,2.5", None),
        ("RAMP? 1", "1,+002.5"),
        ("RAMP 1,0,0", None),
        ("RAMP? 1", "0,+000.0"),
    ]
    with expected_protocol(LakeShore336, pairs) as controller:
        controller.ramp_k_per_min = 2.5
        controller.ramp_k_per_min = 0


def test_an_impossible_ramp_is_refused_before_anything_is_sent():
    with (
        expected_protocol(LakeShore336, [IDN]) as controller,
        pytest.raises(OutOfRange, match="0.1 to 100"),
    ):
        controller.ramp_k_per_min = 0.05


def test_the_channels_speak_the_commands_that_pymeasure_lacks():
    pairs = [
        IDN,
        ("RDGST? B", "000"),
        ("TLIMIT A,320", None),
        ("TLIMIT? A", "+320.000"),
        ("HTRST? 2", "1"),
        ("RAMPST? 1", "1"),
        ("PID 1,50,20,0", None),
        ("PID? 1", "+0050.0,+0020.0,+000.0"),
        ("RANGE 1,2", None),
        ("RANGE? 1", "2"),
    ]
    with expected_protocol(LakeShore336, pairs) as controller:
        assert controller.input_B.status == 0
        controller.input_A.temperature_limit = 320
        assert controller.input_A.temperature_limit == 320
        assert controller.output_2.heater_status == 1
        assert controller.output_1.ramping is True
        controller.output_1.pid = (50, 20, 0)
        assert controller.output_1.pid == [50, 20, 0]
        controller.heater_range = "medium"


def test_a_heater_range_that_does_not_hold_is_an_interlock():
    with (
        expected_protocol(LakeShore336, [IDN, ("RANGE 1,3", None), ("RANGE? 1", "0")]) as controller,
        pytest.raises(Interlock, match="stays off"),
    ):
        controller.heater_range = "high"


def test_the_mistyped_heater_range_of_pymeasures_docstring_is_refused():
    with (
        expected_protocol(LakeShore336, [IDN]) as controller,
        pytest.raises(AttributeError, match="'heater_range'.*Did you mean.* 'range'"),
    ):
        controller.output_1.heater_range = "low"


class Stage:
    """A controller that plays back temperatures, one per reading."""

    def __init__(self, kelvin, heater_status=(), heater_range=()):
        self.kelvin, self.status, self.range = list(kelvin), list(heater_status), list(heater_range)

    def __call__(self, command):
        if command == READ:
            return f"{self.kelvin.pop(0):+08.3f};000"
        if command == "HTRST? 1":
            return str(self.status.pop(0) if self.status else 0)
        if command == "RANGE? 1":
            return str(self.range.pop(0) if self.range else 2)
        return {"*IDN?": IDN[1], "SETP? 1": "+034.000"}.get(command)


def controller_on(stage, wire, clock):
    return LakeShore336(wire(stage), clock=clock)


def test_settled_means_in_band_for_the_whole_dwell_not_at_the_first_reading(wire, clock):
    kelvin = [33.0, 34.005, 34.002, 34.02, 34.005, 34.001, 33.999, 34.0, 34.001]
    seen = []
    result = controller_on(Stage(kelvin), wire, clock).wait_until_settled(
        band_k=0.01, dwell_s=3.0, deadline_s=60.0, poll_s=1.0, on_poll=seen.append
    )
    assert result == 34.0  # 34.02 at 3 s broke the dwell; it began again at 4 s and was complete at 7 s
    assert clock.time_s == 7.0
    assert seen == kelvin[:8]


def test_not_settled_tells_temperature_band_and_time_inside(wire, clock):
    stage = Stage([33.5] * 8 + [34.001] * 5)
    with pytest.raises(
        NotSettled, match=r"10 s.*34\.0010 K.*34\.0000 K \+- 0\.01 K for 5 s, was inside for 2 s"
    ):
        controller_on(stage, wire, clock).wait_until_settled(band_k=0.01, dwell_s=5.0, deadline_s=10.0)
    assert clock.time_s == 10.0


def test_the_band_belongs_to_the_setpoint_that_was_asked_for_not_to_the_ramp(wire, clock):
    stage = Stage([34.0, 34.5, 35.0, 35.0])
    controller = controller_on(stage, wire, clock)
    controller.adapter.answer = lambda command: "1,+002.0" if command == "RAMP? 1" else stage(command)
    controller.set_setpoint_k(35.0)
    assert controller.wait_until_settled(band_k=0.01, dwell_s=1.0, deadline_s=9.0) == 35.0
    assert clock.time_s == 3.0


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (Stage([34.0] * 9, heater_status=[0, 0, 1]), "heater open load"),
        (Stage([34.0] * 9, heater_status=[0, 0, 2]), "heater short"),
        (Stage([34.0] * 9, heater_range=[2, 2, 0]), "heater range is off"),
    ],
)
def test_a_heater_fault_during_the_dwell_is_an_interlock(stage, words, wire, clock):
    with pytest.raises(Interlock, match=words):
        controller_on(stage, wire, clock).wait_until_settled(band_k=0.01, dwell_s=5.0, deadline_s=9.0)
    assert clock.time_s == 2.0


def test_impossible_conditions_for_settling_are_refused(wire, clock):
    with pytest.raises(ValueError, match="dwell_s <= deadline_s"):
        controller_on(Stage([]), wire, clock).wait_until_settled(band_k=0.01, dwell_s=10.0, deadline_s=5.0)


def test_shutdown_switches_the_heater_off():
    with expected_protocol(LakeShore336, [IDN, ("RANGE 1,0", None), ("RANGE? 1", "0")]) as controller:
        controller.shutdown()


@pytest.mark.parametrize("options", [{"sensor": "E"}, {"output": 3}, {"setpoint_limits_k": (40.0, 30.0)}])
def test_impossible_construction_is_refused(options, wire):
    with pytest.raises(ValueError, match="336|setpoint_limits_k"):
        LakeShore336(wire(Stage([])), **options)


IDN_335 = ("*IDN?", "LSCI,MODEL335,LSA29H3/#######,2.1")


def test_a_335_speaks_the_same_commands_over_its_own_serial_settings(serve):
    replies = dict([IDN_335, (READ, "+004.200;000"), ("HTR? 1", "+050.0")])
    server = serve(lambda command: replies[command].encode() + b"\r\n")
    with LakeShore335(f"ASRLsocket://127.0.0.1:{server.port}::INSTR", timeout_s=0.3) as controller:
        assert controller.temperature_k == 4.2
        assert controller.heater_percent == 50.0
        for _ in range(2):  # a reopened line has the same settings
            line = controller.adapter.connection
            assert (line.baud_rate, line.data_bits, line.parity, line.stop_bits) == (
                57600,
                7,
                Parity.odd,
                StopBits.one,
            )
            controller.adapter.resync()
            assert controller.temperature_k == 4.2
    assert controller.adapter.reconnects == 2


def test_a_335_has_two_inputs_and_no_more(wire):
    assert LakeShore335.input_C is None
    with pytest.raises(ValueError, match="335 has sensors A to B"):
        LakeShore335(wire(lambda command: IDN_335[1]), sensor="C")


@pytest.mark.parametrize(("driver", "answer"), [(LakeShore335, IDN[1]), (LakeShore336, IDN_335[1])])
def test_the_sister_model_at_the_address_is_refused(driver, answer, wire):
    with pytest.raises(InstrumentProtocolError, match=r"this is not a Lake Shore 33\d; check the address"):
        driver(wire(lambda command: answer))


class Heater:
    """A controller whose heater range a test can switch off, as a trip does."""

    def __init__(self, heater_range=3):
        self.range, self.sent = heater_range, []

    def __call__(self, command):
        if command.startswith("RANGE 1,"):
            self.range = int(command[-1])
            self.sent.append(command)
        return {"*IDN?": IDN[1], "SETP? 1": "+034.000", "HTRST? 1": "0", "RANGE? 1": str(self.range)}.get(
            command
        )


def test_a_tripped_heater_gets_its_range_back_with_the_first_setpoint_after_the_trip_was_reported(
    wire, clock
):
    heater = Heater()
    controller = controller_on(heater, wire, clock)
    controller.check_heater()
    heater.range = 0
    controller.set_setpoint_k(34.0)
    assert heater.sent == []  # nobody knows of the trip yet
    with pytest.raises(Interlock, match="heater range is off"):
        controller.check_heater()
    controller.set_setpoint_k(34.0)
    assert heater.sent == ["RANGE 1,3"]
    controller.check_heater()


def test_a_heater_that_somebody_switched_off_on_purpose_stays_off(wire, clock):
    heater = Heater()
    controller = controller_on(heater, wire, clock)
    controller.check_heater()
    heater.range = 0
    with pytest.raises(Interlock):
        controller.check_heater()
    controller.shutdown()
    controller.set_setpoint_k(34.0)
    assert heater.sent == ["RANGE 1,0"]


def test_a_heater_that_was_never_on_is_not_switched_on_at_a_guess(wire, clock):
    heater = Heater(heater_range=0)
    controller = controller_on(heater, wire, clock)
    with pytest.raises(Interlock, match="heater range is off"):
        controller.check_heater()
    with pytest.raises(Interlock, match="never seen on; choose its range"):
        controller.set_setpoint_k(34.0)
    controller.heater_range = "medium"
    controller.set_setpoint_k(34.0)
    assert heater.sent == ["RANGE 1,2"]


@given(kelvin=st.floats(0, 999.999), status=st.integers(0, 255))
def test_every_reading_in_the_manuals_form_is_understood(kelvin, status):
    assert _reading(f"{kelvin:+08.3f};{status:03d}") == (pytest.approx(kelvin, abs=5.1e-4), status)


@given(st.text(st.sampled_from("0123456789+-.;,eEnaifK "), max_size=14))
def test_whatever_else_comes_is_refused_or_a_temperature_with_a_status(reply):
    try:
        kelvin, status = _reading(reply)
    except ValueError:
        return
    assert reply[0] in "+-"
    assert 0 <= kelvin < 1500
    assert isinstance(status, int)
