import struct

import numpy as np
import pytest
from pymeasure.test import expected_protocol

from instruments import InstrumentProtocolError, InstrumentTimeout, Interlock, OutOfRange, RedPitaya

IDN = ("*IDN?", "REDPITAYA,INSTR2014,0,01-02")
CLEAN = ("SYST:ERR:NEXT?", '0,"No error"')
VOLTS = ("ACQ:DATA:UNITS?", "VOLTS")


def block(values, code):
    data = struct.pack(f">{len(values)}{code}", *values)
    return b"#5" + f"{len(data):05d}".encode() + data + b"\r\n"


def test_a_triangle_is_programmed_before_the_output_goes_on_and_errors_are_read():
    pairs = [
        IDN,
        ("SOUR1:FUNC TRIANGLE", None),
        ("SOUR1:FREQ:FIX 50", None),
        ("SOUR1:VOLT 0.9", None),
        ("SOUR1:VOLT:OFFS 0.05", None),
        ("OUTPUT1:STATE ON", None),
        CLEAN,
        ("SOUR1:FREQ:FIX?", "50"),
        ("SOUR1:VOLT?", "0.9"),
        ("SOUR1:VOLT:OFFS?", "0.05"),
        ("SOUR1:FUNC?", "TRIANGLE"),
        ("OUTPUT1:STATE?", "1"),
        ("OUTPUT1:STATE OFF", None),
        CLEAN,
        ("OUTPUT1:STATE?", "0"),
    ]
    with expected_protocol(RedPitaya, pairs) as board:
        board.start_triangle(50, 0.9, 0.05)
        board.stop()


@pytest.mark.parametrize(
    "ramp", [(0, 0.5, 0), (-50, 0.5, 0), (51e6, 0.5, 0), (50, 0.9, 0.2), (50, -0.1, 0), (50, 1.1, 0)]
)
def test_an_impossible_ramp_is_refused_before_anything_is_sent(ramp):
    with expected_protocol(RedPitaya, [IDN]) as board, pytest.raises(OutOfRange):
        board.start_triangle(*ramp)


def test_all_queued_errors_are_raised_together():
    errors = [
        ("SYST:ERR:NEXT?", '-113,"Undefined header"'),
        ("SYST:ERR:NEXT?", '-222,"Data out of range"'),
        CLEAN,
    ]
    with (
        expected_protocol(RedPitaya, [IDN, ("OUTPUT1:STATE OFF", None), *errors]) as board,
        pytest.raises(InstrumentProtocolError, match="Undefined header.*Data out of range"),
    ):
        board.stop()


def test_binary_volts_are_big_endian_float32():
    values = [0.0, -0.125, 0.5, 1.0]
    pairs = [IDN, VOLTS, (b"ACQ:SOUR1:DATA?", block(values, "f"))]
    with expected_protocol(RedPitaya, pairs) as board:
        data = board.analog_in[1].get_data()
    assert data.dtype == np.float32
    np.testing.assert_array_equal(data, np.float32(values))


def test_binary_codes_are_big_endian_int16():
    values = [-8192, -1, 0, 10, 8191]
    pairs = [IDN, ("ACQ:DATA:UNITS?", "RAW"), (b"ACQ:SOUR2:DATA:OLD:N? 5", block(values, "h"))]
    with expected_protocol(RedPitaya, pairs) as board:
        data = board.analog_in[2].get_data(5)
    assert data.dtype == np.int16
    np.testing.assert_array_equal(data, values)


def test_ascii_data_are_read_too():
    with expected_protocol(RedPitaya, [IDN, ("ACQ:SOUR1:DATA?", "{0.1,-0.2,0.3}")]) as board:
        np.testing.assert_array_equal(board.analog_in[1].get_data(format="ASCII"), [0.1, -0.2, 0.3])


@pytest.mark.parametrize("reply", ["0.1,0.2", "{0.1,x}", "{0.1,nan}", "{0.1"])
def test_malformed_ascii_data_are_a_protocol_error(reply):
    with (
        expected_protocol(RedPitaya, [IDN, ("ACQ:SOUR1:DATA?", reply)]) as board,
        pytest.raises(InstrumentProtocolError),
    ):
        board.analog_in[1].get_data(format="ASCII")


@pytest.mark.parametrize(
    "reply",
    [
        b"ERR!\r\n",
        b"#0\r\n",
        b"#5000x8" + bytes(10),
        b"#500007" + bytes(9),
        b"#500008" + bytes(8) + b"xx",
        b"#500008" + bytes(6),
    ],
)
def test_a_malformed_block_is_a_protocol_error_and_the_next_query_is_sound(reply, serve):
    replies = {"*IDN?": IDN[1].encode() + b"\r\n", "ACQ:DATA:UNITS?": b"VOLTS\r\n", "ACQ:SOUR1:DATA?": reply}
    server = serve(replies.get, b"\r\n")
    board = RedPitaya(f"TCPIP::127.0.0.1::{server.port}::SOCKET", timeout_s=0.3)
    with pytest.raises(InstrumentProtocolError, match=r"ACQ:SOUR1:DATA\?"):
        board.analog_in[1].get_data()
    assert board.acq_units == "VOLTS"


def test_too_few_samples_are_a_protocol_error():
    pairs = [IDN, VOLTS, ("ACQ:SOUR1:DATA:OLD:N? 4", block([0.0, 1.0], "f"))]
    with (
        expected_protocol(RedPitaya, pairs) as board,
        pytest.raises(InstrumentProtocolError, match="expected 4"),
    ):
        board.analog_in[1].get_data(4)


def start(source, before):
    return [
        ("ACQ:RST", None),
        ("ACQ:DEC 8", None),
        ("ACQ:DATA:FORMAT BIN", None),
        ("ACQ:DATA:UNITS VOLTS", None),
        ("ACQ:TRig:DLY 8192", None),
        ("ACQ:START", None),
        CLEAN,
        ("ACQ:WPOS?", str(before)),
        (f"ACQ:TRig {source}", None),
        CLEAN,
    ]


def filled(after):
    return [("ACQ:TRIG:STAT?", "TD"), ("ACQ:TRig:FILL?", "1"), ("ACQ:WPOS?", str(after))]


def data(values, gain="LV"):
    return [
        ("ACQ:DATA:UNITS?", "VOLTS"),
        (b"ACQ:SOUR1:DATA:OLD:N? 16384", block(values, "f")),
        ("ACQ:SOUR1:GAIN?", gain),
    ]


RAMP = np.linspace(-0.5, 0.5, 16384).astype(np.float32)


def test_an_acquisition_waits_for_trigger_and_buffer(clock):
    waiting = [("ACQ:TRIG:STAT?", "WAIT"), ("ACQ:TRIG:STAT?", "TD"), ("ACQ:TRig:FILL?", "0")]
    pairs = [IDN, *start("CH1_PE", 17), *waiting, *filled(900)[1:], *data(RAMP)]
    with expected_protocol(RedPitaya, pairs, clock=clock) as board:
        record = board.capture([1], decimation=8, trigger="CH1_PE")
    np.testing.assert_array_equal(record.voltage_v.sel(channel=1), RAMP)
    assert record.attrs == {
        "sample_rate_hz": pytest.approx(125e6 / 8),
        "clipped": [0],
        "step_v": 1 / 8192,
        "lowest_code": -8192,
        "highest_code": 8191,
    }
    assert clock.sleeps == [0.01, 0.01]


def test_a_record_is_as_long_as_asked_at_the_highest_rate_for_that(clock):
    pairs = [IDN, *start("NOW", 17), *filled(900), *data(RAMP)]
    with expected_protocol(RedPitaya, pairs, clock=clock) as board:
        record = board.record([1], 0.9e-3)
        with pytest.raises(OutOfRange):
            board.record([1], 10.0)
    assert float(record.time_s[-1]) == pytest.approx(16383 * 8 / 125e6)


def test_a_trigger_that_never_comes_is_a_timeout_at_the_deadline(clock):
    pairs = [IDN, *start("CH1_PE", 17), *[("ACQ:TRIG:STAT?", "WAIT")] * 4, ("ACQ:STOP", None)]
    with (
        expected_protocol(RedPitaya, pairs, clock=clock) as board,
        pytest.raises(InstrumentTimeout, match="CH1_PE did not come"),
    ):
        board.capture([1], decimation=8, trigger="CH1_PE", deadline_s=0.03)


def test_a_write_pointer_that_stands_still_twice_means_an_old_buffer(clock):
    stale = [*start("NOW", 17), *filled(17)]
    with (
        expected_protocol(RedPitaya, [IDN, *stale, *stale], clock=clock) as board,
        pytest.raises(InstrumentProtocolError, match="old buffer"),
    ):
        board.capture([1], decimation=8)
    chance = [IDN, *stale, *start("NOW", 18), *filled(17), *data(RAMP)]
    with expected_protocol(RedPitaya, chance, clock=clock) as board:
        assert board.capture([1], decimation=8).sizes["time_s"] == 16384


def test_a_record_at_the_end_of_the_range_is_clipped_in_the_range_of_its_jumper(clock):
    high = np.where(np.arange(16384) == 7, np.float32(-0.9999), RAMP)
    pairs = [IDN, *start("NOW", 17), *filled(900)]
    with (
        expected_protocol(RedPitaya, [*pairs, *data(high)], clock=clock) as board,
        pytest.raises(Interlock, match="channel 1 reached the end"),
    ):
        board.capture([1], decimation=8)
    with expected_protocol(RedPitaya, [*pairs, *data(high)], clock=clock) as board:
        assert board.capture([1], decimation=8, accept_clipped=True).attrs["clipped"] == [1]
    with expected_protocol(RedPitaya, [*pairs, *data(high, "HV")], clock=clock) as board:
        assert board.capture([1], decimation=8).attrs["clipped"] == [0]


@pytest.mark.parametrize(
    "asked", [{"channels": ()}, {"channels": (3,)}, {"decimation": 3}, {"trigger": "CH3_PE"}]
)
def test_an_impossible_acquisition_is_refused_before_anything_is_sent(asked):
    with expected_protocol(RedPitaya, [IDN]) as board, pytest.raises(OutOfRange):
        board.capture(**asked)


def test_a_full_buffer_arrives_exactly_over_a_socket(serve):
    values = np.arange(-8192, 8192, dtype=np.int16)
    replies = {
        "*IDN?": b"REDPITAYA,INSTR2014,0,01-02\r\n",
        "ACQ:DATA:UNITS?": b"RAW\r\n",
        "ACQ:SOUR1:DATA?": block(values.tolist(), "h"),
    }
    server = serve(replies.get, b"\r\n")
    with RedPitaya(f"TCPIP::127.0.0.1::{server.port}::SOCKET", timeout_s=1.0) as board:
        np.testing.assert_array_equal(board.analog_in[1].get_data(), values)
        assert board.acq_units == "RAW"
        assert board.adapter.reconnects == 0
