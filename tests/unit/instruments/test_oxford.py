import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymeasure.test import expected_protocol

from instruments import (
    InstrumentDisconnected,
    InstrumentError,
    InstrumentProtocolError,
    InstrumentTimeout,
    Interlock,
    MercuryiTC,
    OutOfRange,
)
from instruments.oxford import quantity

IDN = ("*IDN?", "IDN:OXFORD INSTRUMENTS:MERCURY ITC:224550324:2.6.04.000")
CAT = ("READ:SYS:CAT", "STAT:SYS:CAT:DEV:MB0.H1:HTR:DEV:MB1.T1:TEMP:DEV:DB8.T1:TEMP")
OPENED = [IDN, CAT]
SENSOR, LOOP = "DEV:MB1.T1:TEMP:SIG:TEMP", "DEV:MB1.T1:TEMP:LOOP"
CALM = ("READ:SYS:ALRM", "STAT:SYS:ALRM:")


def read(noun, value):
    return f"READ:{noun}", f"STAT:{noun}:{value}"


def sets(noun, value, outcome="VALID"):
    return f"SET:{noun}:{value}", f"STAT:SET:{noun}:{value}:{outcome}"


def test_readings_carry_their_unit_and_the_alarms_are_asked_for_with_the_temperature():
    pairs = [*OPENED, read(SENSOR, "34.4120K"), CALM, read(f"{LOOP}:HSET", "12.3000")]
    pairs += [read("DEV:MB0.H1:HTR:SIG:POWR", "615.0000mW"), read(f"{LOOP}:TSET", "34.5000K")]
    with expected_protocol(MercuryiTC, pairs) as controller:
        assert controller.temperature_k == 34.412
        assert controller.heater_percent == 12.3
        assert controller.heater_power_w == pytest.approx(0.615)
        assert controller.setpoint_k == 34.5


def test_other_boards_are_addressed_as_asked():
    pairs = [IDN, ("READ:SYS:CAT", CAT[1] + ":DEV:DB1.H1:HTR"), read("DEV:DB8.T1:TEMP:SIG:TEMP", "4.2000K")]
    pairs += [CALM, read(f"{LOOP}:TSET", "5.0000K"), read("DEV:DB1.H1:HTR:SIG:POWR", "0.0000W")]
    options = {"sensor": "DB8.T1", "heater": "DB1.H1", "loop": "MB1.T1"}
    with expected_protocol(MercuryiTC, pairs, **options) as controller:
        assert controller.temperature_k == 4.2
        assert controller.setpoint_k == 5.0
        assert controller.heater_power_w == 0.0


def test_an_alarm_about_the_sensor_is_an_interlock_and_one_about_another_board_is_none():
    alarms = "STAT:SYS:ALRM:DB8.T1\tOpen Circuit;MB1.T1\tShort Circuit;"
    elsewhere = "STAT:SYS:ALRM:DB8.T1\tOpen Circuit;"
    reading = read(SENSOR, "0.0000K")
    pairs = [*OPENED, reading, (CALM[0], elsewhere), reading, (CALM[0], alarms)]
    with expected_protocol(MercuryiTC, pairs) as controller:
        assert controller.temperature_k == 0.0
        with pytest.raises(Interlock, match="MB1.T1 reports 'Short Circuit'"):
            _ = controller.temperature_k


def test_the_tab_in_an_alarm_passes_the_transport(serve):
    replies = dict([*OPENED, read(SENSOR, "4.2000K"), (CALM[0], "STAT:SYS:ALRM:MB1.T1\tOpen Circuit;")])
    server = serve(lambda command: replies[command].encode() + b"\n")
    with (
        MercuryiTC(f"TCPIP::127.0.0.1::{server.port}::SOCKET", timeout_s=0.3) as controller,
        pytest.raises(Interlock, match="Open Circuit"),
    ):
        _ = controller.temperature_k


def test_a_setpoint_is_sent_with_four_decimals_acknowledged_and_read_back():
    pairs = [*OPENED, read(f"{LOOP}:TSET", "34.0000K"), sets(f"{LOOP}:TSET", "34.5120")]
    pairs += [read(f"{LOOP}:TSET", "34.5120K"), read(f"{LOOP}:ENAB", "ON")]
    with expected_protocol(MercuryiTC, pairs) as controller:
        controller.set_setpoint_k(34.512)


@pytest.mark.parametrize("value", [3.9, 320.1, math.nan])
def test_a_setpoint_beyond_the_limits_is_refused_before_anything_is_sent(value):
    with (
        expected_protocol(MercuryiTC, OPENED) as controller,
        pytest.raises(OutOfRange, match="outside the limits 4.0 to 320.0 K"),
    ):
        controller.set_setpoint_k(value)


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (sets(f"{LOOP}:TSET", "34.5000", "INVALID")[1], InstrumentProtocolError, "does not understand"),
        (f"STAT:SET:{LOOP}:TSET:INVALID", InstrumentProtocolError, "does not understand"),
        ("SET:INVALID", InstrumentProtocolError, "does not understand"),
        (sets(f"{LOOP}:TSET", "34.5000", "NOT_FOUND")[1], InstrumentProtocolError, "no such board"),
        (sets(f"{LOOP}:TSET", "34.5000", "N/A")[1], InstrumentProtocolError, "does not apply"),
        (sets(f"{LOOP}:TSET", "34.5000", "DENIED")[1], Interlock, "unlock remote control"),
        (sets(f"{LOOP}:TSET", "34.4000")[1], InstrumentProtocolError, "expected STAT:SET"),
        (sets(f"{LOOP}:RSET", "34.5000")[1], InstrumentProtocolError, "expected STAT:SET"),
        (f"STAT:SET:{LOOP}:TSET:34.5000", InstrumentProtocolError, "expected STAT:SET"),
        (f"STAT:{LOOP}:TSET:34.5000K", InstrumentProtocolError, "expected STAT:SET"),
        ("", InstrumentProtocolError, "expected STAT:SET"),
    ],
)
def test_a_set_reply_that_is_not_the_right_echo_with_valid_is_an_error(reply, error, words, wire):
    replies = dict([*OPENED, read(f"{LOOP}:TSET", "34.0000K")]) | {f"SET:{LOOP}:TSET:34.5000": reply}
    controller = MercuryiTC(wire(replies.get))
    with pytest.raises(error, match=words):
        controller.set_setpoint_k(34.5)


# the fixture gives a class, so there is nothing to reset between examples
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_no_other_text_is_taken_for_an_acknowledgement(wire, data):
    right = "STAT:SET:A:1:VALID"
    pieces = st.lists(st.sampled_from(["STAT", "SET", "A", "1", "VALID", "INVALID", "N/A", ":", "K", "x"]))
    cut = st.integers(0, len(right) - 1).map(lambda length: right[:length])
    reply = data.draw(pieces.map("".join) | cut)
    replies = dict(OPENED) | {"SET:A:1": reply}
    controller = MercuryiTC(wire(replies.get))
    if reply in (right, "STAT:SET:A:1K:VALID"):
        controller._set("A", "1")
    else:
        with pytest.raises(InstrumentError):
            controller._set("A", "1")


@pytest.mark.parametrize("echo", ["2.5", "2.5000", "2.5000K/m"])
def test_the_echo_of_a_set_may_show_the_number_in_another_form(echo, wire):
    replies = dict(OPENED) | {"SET:A:2.5000": f"STAT:SET:A:{echo}:VALID"}
    MercuryiTC(wire(replies.get))._set("A", "2.5000")


def test_a_set_whose_reply_is_lost_is_not_sent_again(serve):
    replies = dict([*OPENED, read(f"{LOOP}:TSET", "34.0000K")])
    server = serve(lambda c: replies[c].encode() + b"\n" if c in replies else None)
    controller = MercuryiTC(f"TCPIP::127.0.0.1::{server.port}::SOCKET", timeout_s=0.15)
    with pytest.raises(InstrumentTimeout):
        controller.set_setpoint_k(34.5)
    assert server.received.count(f"SET:{LOOP}:TSET:34.5000") == 1


@pytest.mark.parametrize(
    "answer",
    [
        "INVALID",
        "N/A",
        "NOT_FOUND",
        "",
        "4.3210",
        "4.3210W",
        "4,3210K",
        "4.32.10K",
        "infK",
        "-1.0K",
        "2000.0K",
    ],
)
def test_what_is_no_temperature_in_kelvin_is_never_a_number(answer, wire):
    replies = dict([*OPENED, read(SENSOR, answer), CALM])
    controller = MercuryiTC(wire(replies.get))
    with pytest.raises(InstrumentProtocolError, match="SIG:TEMP"):
        pytest.fail(f"taken for {controller.temperature_k}")


@pytest.mark.parametrize("noun", ["DEV:DB8.T1:TEMP:SIG:TEMP", "DEV:MB1.T1:TEMP:SIG:RES", "SYS:CAT"])
def test_the_answer_to_another_question_is_refused(noun, wire):
    replies = dict(OPENED) | {f"READ:{SENSOR}": f"STAT:{noun}:4.2000K"}
    with pytest.raises(InstrumentProtocolError, match="temperature such as"):
        _ = MercuryiTC(wire(replies.get)).temperature_k


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("4.3210K", "K", 4.321),
        ("10125.0000n", "", 1.0125e-5),
        ("12.5mK", "K", 0.0125),
        ("1.5MW", "W", 1.5e6),
        ("-3uV", "V", -3e-6),
        ("2.0000K/m", "K/m", 2.0),
        ("0.25kK", "K", 250.0),
    ],
)
def test_values_are_scaled_by_their_si_prefix(text, unit, value):
    assert quantity(text, unit) == pytest.approx(value, rel=1e-12)


@given(
    value=st.decimals(-99999, 99999, places=4),
    prefix=st.sampled_from(["n", "u", "m", "", "k", "M"]),
    unit=st.sampled_from(["K", "W", "V", "", "K/m"]),
)
def test_every_value_with_prefix_and_unit_is_read_exactly(value, prefix, unit):
    scale = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6}[prefix]
    assert quantity(f"{value}{prefix}{unit}", unit) == pytest.approx(float(value) * scale, rel=1e-12)


@given(st.text(max_size=12), st.sampled_from(["K", "W", ""]))
def test_any_other_text_is_a_value_error_or_a_finite_number_with_its_unit(text, unit):
    try:
        value = quantity(text, unit)
    except ValueError:
        return
    assert math.isfinite(value)
    assert text.endswith(unit)


def test_the_ramp_is_set_switched_on_and_read_back_and_switched_off():
    pairs = [*OPENED, sets(f"{LOOP}:RSET", "2.5000"), sets(f"{LOOP}:RENA", "ON")]
    pairs += [read(f"{LOOP}:RENA", "ON"), read(f"{LOOP}:RSET", "2.5000K/m")]
    pairs += [sets(f"{LOOP}:RENA", "OFF"), read(f"{LOOP}:RENA", "OFF")]
    with expected_protocol(MercuryiTC, pairs) as controller:
        controller.ramp_k_per_min = 2.5
        controller.ramp_k_per_min = 0
        with pytest.raises(OutOfRange, match="0.001 to 100"):
            controller.ramp_k_per_min = 101


def test_an_open_heater_and_a_loop_that_went_off_are_interlocks():
    alarm = (CALM[0], "STAT:SYS:ALRM:MB0.H1\tOpen Circuit;")
    pairs = [*OPENED, read(f"{LOOP}:ENAB", "ON"), CALM, read(f"{LOOP}:ENAB", "OFF"), alarm]
    pairs += [read(f"{LOOP}:ENAB", "OFF"), CALM]
    with expected_protocol(MercuryiTC, pairs) as controller:
        controller.check_heater()
        with pytest.raises(Interlock, match="MB0.H1 reports 'Open Circuit'"):
            controller.check_heater()
        with pytest.raises(Interlock, match="loop is off"):
            controller.check_heater()


def test_shutdown_opens_the_loop_and_sets_the_heater_to_zero():
    pairs = [*OPENED, sets(f"{LOOP}:ENAB", "OFF"), sets(f"{LOOP}:HSET", "0.0")]
    with expected_protocol(MercuryiTC, pairs) as controller:
        controller.shutdown()


def test_shutdown_tries_the_heater_even_when_the_loop_refuses(wire, caplog):
    replies = dict([*OPENED, sets(f"{LOOP}:ENAB", "OFF", "DENIED"), sets(f"{LOOP}:HSET", "0.0")])
    controller = MercuryiTC(wire(replies.get))
    controller.shutdown()
    assert controller.adapter.sent[-1] == f"SET:{LOOP}:HSET:0.0"
    assert "ENAB to OFF failed" in caplog.text


@pytest.mark.parametrize(
    ("options", "missing"),
    [({"sensor": "DB5.T1"}, "TEMP board DB5.T1"), ({"heater": "DB8.T1"}, "HTR board DB8.T1")],
)
def test_a_board_that_the_instrument_lacks_is_refused_with_those_it_has(options, missing, wire):
    with pytest.raises(
        InstrumentProtocolError, match=rf"no {missing}; it has MB0.H1 \(HTR\), MB1.T1 \(TEMP\)"
    ):
        MercuryiTC(wire(dict(OPENED).get), **options)


def test_a_board_that_the_instrument_lacks_leaves_no_connection_open(serve):
    replies = dict(OPENED)
    server = serve(lambda command: replies[command].encode() + b"\n")
    address = f"TCPIP::127.0.0.1::{server.port}::SOCKET"
    with pytest.raises(InstrumentProtocolError, match="no TEMP board"):
        MercuryiTC(address, sensor="DB5.T1", timeout_s=0.3)
    server.stop()
    with pytest.raises(InstrumentDisconnected):
        MercuryiTC(address, timeout_s=0.3)


@pytest.mark.parametrize("kind", ["IPS", "CRYOJET"])
def test_another_instrument_of_the_mercury_family_is_refused(kind, wire):
    other = f"IDN:OXFORD INSTRUMENTS:MERCURY {kind}:223350003:2.5.09.000"
    with pytest.raises(InstrumentProtocolError, match="this is not a Oxford MercuryiTC"):
        MercuryiTC(wire(lambda command: other))


@pytest.mark.parametrize("options", [{"sensor": "A"}, {"heater": "MB0.H1:X"}, {"setpoint_limits_k": (9, 4)}])
def test_impossible_construction_is_refused(options, wire):
    with pytest.raises(ValueError, match="named like MB1.T1|setpoint_limits_k"):
        MercuryiTC(wire(dict(OPENED).get), **options)
