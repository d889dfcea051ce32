import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymeasure.test import expected_protocol

from instruments import InstrumentProtocolError, Keithley2450Pump, LakeShore336
from instruments._replies import finite, whole


@given(st.floats(-9e37, 9e37))
def test_every_number_an_instrument_may_print_is_read_back(value):
    assert finite(f"{value:.9E}") == pytest.approx(value, rel=1e-8)
    assert finite(repr(value)) == value


@given(st.integers(-(10**18), 10**18), st.sampled_from(["", "TB"]))
def test_every_whole_number_is_read_back_with_or_without_its_unit(value, unit):
    assert whole(f"{value}{unit}") == value
    assert whole(f"{value:+d}{unit}") == value


@pytest.mark.parametrize(
    "text", ["", "nan", "NaN", "inf", "-Infinity", "9.9E37", "1_0", "1,0", "0x1F", "1.2.3", "--1", "1 2"]
)
def test_what_is_no_finite_number_raises(text):
    with pytest.raises(ValueError, match=".*"):
        finite(text)


@pytest.mark.parametrize("text", ["", "TB", "1.0", "1e3", "+-1", "1TBTB", "1_0", "\N{SUPERSCRIPT TWO}"])
def test_what_is_no_whole_number_raises(text):
    with pytest.raises(ValueError, match=".*"):
        whole(text)


@pytest.mark.parametrize("reply", ["+034.400,1", "warm", "", "nan", "+034.400 K"])
def test_pymeasures_own_properties_are_strict_too(reply):
    pairs = [("*IDN?", "LSCI,MODEL336,A/B,1.0"), ("KRDG? A", reply)]
    with (
        expected_protocol(LakeShore336, pairs) as controller,
        pytest.raises(InstrumentProtocolError, match=r"'KRDG\? A'"),
    ):
        _ = controller.input_A.kelvin


def test_a_query_that_was_interrupted_never_answers_the_next_one(serve, clock):
    late = [(0.15, b"+300.000\r\n")]
    replies = {"*IDN?": b"LSCI,MODEL336,A/B,1.0\r\n", "KRDG? A": late, "SETP? 1": b"+034.400\r\n"}
    server = serve(replies.get)
    controller = LakeShore336(f"TCPIP::127.0.0.1::{server.port}::SOCKET", clock=clock, timeout_s=1.0)

    def interrupt(seconds):
        raise KeyboardInterrupt

    clock.sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        controller.ask("KRDG? A", query_delay=0.1)
    assert controller.setpoint_k == 34.4


def test_a_query_that_empties_a_queue_is_not_asked_twice(serve):
    replies = {"*IDN?": b"KEITHLEY INSTRUMENTS,MODEL 2450,1,1\n", "SYST:ERR?": b'0,"No error"\n'}
    server = serve(lambda command: replies.get(command))
    pump = Keithley2450Pump(f"TCPIP::127.0.0.1::{server.port}::SOCKET", timeout_s=0.2)
    server.received.clear()
    del replies["SYST:ERR?"]
    with pytest.raises(Exception, match="no reply"):
        pump.check_errors()
    assert server.received == ["SYST:ERR?"]
