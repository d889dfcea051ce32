"""Whatever an instrument answers, a driver returns the right value or raises a protocol error."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments import (
    ELL14,
    ID900,
    InstrumentError,
    InstrumentProtocolError,
    Keithley2450Pump,
    LakeShore336,
    RedPitaya,
)

ANSWERS = {
    Keithley2450Pump: {"*IDN?": "KEITHLEY INSTRUMENTS,MODEL 2450,1,1", "SYST:ERR?": '0,"No error"'},
    LakeShore336: {"*IDN?": "LSCI,MODEL336,1,2.9"},
    ID900: {"*IDN?": "ID QUANTIQUE,ID900,1,1"},
    RedPitaya: {"*IDN?": "REDPITAYA,INSTR2014,0,01-02", "ACQ:DATA:UNITS?": "VOLTS"},
    ELL14: {"0in": "0IN0E1140000120231701016800023000"},
}
PULSES = 0x23000
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# text an instrument could send, rich in what its replies are made of
NOISE = st.one_of(st.text(alphabet='0123456789+-.eE,;[]{}" naifGSPO', max_size=24), st.text(max_size=12))


@pytest.fixture
def connect(wire):
    """Return a driver on a wire, and the wire's answers, which a test may change."""

    def connect(driver):
        answers = dict(ANSWERS[driver])
        link = wire(answers.get)
        return driver(link), answers

    return connect


def value_or_refusal(read):
    """Return what `read` returns; None when it refuses with a protocol error."""
    try:
        return read()
    except InstrumentProtocolError:
        return None


@pytest.mark.parametrize(
    ("driver", "query", "ask", "largest"),
    [
        (Keithley2450Pump, ":READ?", "current_a", 1.06),
        (Keithley2450Pump, ":SOUR:VOLT?", "voltage_v", math.inf),
        (LakeShore336, "SETP? 1", "setpoint_k", math.inf),
    ],
)
def test_a_reply_is_the_number_it_spells_or_refused(connect, driver, query, ask, largest):
    instrument, answers = connect(driver)

    @settings(max_examples=150, deadline=None)
    @given(st.one_of(NOISE, st.floats().map(repr), st.floats(-2, 2).map("{:.6E}".format)))
    def check(text):
        answers[query] = text
        value = value_or_refusal(lambda: getattr(instrument, ask))
        spelled = text.strip()
        if NUMBER.fullmatch(spelled) and abs(float(spelled)) <= min(largest, 9.7e37):
            assert value == float(spelled)
        elif value is not None:
            # Python reads digits of other scripts too; a number it must be all the same
            assert value == float(spelled)
            assert math.isfinite(value)
            assert abs(value) <= largest

    check()


def test_a_temperature_is_returned_only_with_a_good_status(connect):
    instrument, answers = connect(LakeShore336)
    digits = st.text(alphabet="+-0123456789.;", max_size=16)
    readings = st.tuples(st.floats(0, 400), st.sampled_from([0, 0, 1, 16, 32, 48, 64, 128]))

    @settings(max_examples=300, deadline=None)
    @given(st.one_of(digits, readings.map(lambda each: f"{each[0]:+08.3f};{each[1]:03d}")))
    def check(text):
        answers["KRDG? A;RDGST? A"] = text
        try:
            value = instrument.temperature_k
        except InstrumentError:
            value = None
        good = re.fullmatch(r"([+-](?:\d+\.\d*|\.\d+));[+-]?0+", text)
        possible = good and 0 <= float(good[1]) < 1500
        assert value == (float(good[1]) if possible else None)

    check()


@pytest.mark.parametrize("bins", [1, 4])
def test_a_histogram_is_the_list_of_counts_it_spells_or_refused(connect, bins):
    instrument, answers = connect(ID900)
    counts = st.lists(st.integers(0, 2**40), min_size=0, max_size=6)
    almost = st.lists(st.one_of(st.integers(-5, 5), st.floats(), st.booleans(), st.none()), max_size=5)

    @settings(max_examples=300, deadline=None)
    @given(st.one_of(counts.map(json.dumps), almost.map(json.dumps), NOISE))
    def check(text):
        answers["HIST1:DATA?"] = text
        value = value_or_refusal(lambda: instrument._data(1, bins))
        good = re.fullmatch(r"\[\s*\d+(\s*,\s*\d+)*\s*\]", text.strip(), re.ASCII)
        expected = json.loads(text) if good and not re.search(r"\b0\d", text) else None
        if expected is None or len(expected) != bins:
            assert value is None
        else:
            assert value.dtype == np.int64
            assert value.tolist() == expected

    check()


def test_a_count_is_a_whole_number_with_or_without_its_unit(connect):
    instrument, answers = connect(ID900)

    @settings(max_examples=200, deadline=None)
    @given(st.one_of(NOISE, st.integers(0, 2**40).map(str), st.integers(0, 99).map("{}TB".format)))
    def check(text):
        answers["INPU1:COUN?"] = text
        value = value_or_refusal(lambda: instrument._number("INPU1:COUN?"))
        if re.fullmatch(r"[+-]?\d+(TB)?", text.strip(), re.ASCII):
            assert value == int(text.strip().removesuffix("TB"))
        elif value is not None:
            assert str(value) == str(int(text.strip().removesuffix("TB")))

    check()


def test_a_position_is_two_complement_counts_of_this_mount_or_refused(connect):
    instrument, answers = connect(ELL14)
    words = st.integers(0, 2**32 - 1).map("0PO{:08X}".format)
    mangled = st.tuples(words, st.integers(0, 10), st.sampled_from("0123456789ABCDEFGPOS \x00")).map(
        lambda each: each[0][: each[1]] + each[2] + each[0][each[1] + 1 :]
    )

    @settings(max_examples=300, deadline=None)
    @given(st.one_of(words, mangled, NOISE, st.sampled_from(["0GS00", "0GS02", "0GS09", "0GS0D", "0GSFF"])))
    def check(text):
        answers["0gp"] = text
        try:
            angle = value_or_refusal(lambda: instrument.angle_deg)
        except InstrumentError:
            assert text.startswith("0GS")
            return
        if match := re.fullmatch(r"0PO([0-9A-F]{8})", text.strip()):
            counts = int.from_bytes(bytes.fromhex(match[1]), "big", signed=True)
            assert angle == pytest.approx(360 * counts / PULSES % 360)
        else:
            assert angle is None

    check()


def test_ascii_data_are_the_numbers_between_the_braces_or_refused(connect):
    instrument, answers = connect(RedPitaya)
    numbers = st.lists(st.floats(-20, 20).map("{:.6g}".format), min_size=1, max_size=5)

    @settings(max_examples=300, deadline=None)
    @given(st.one_of(numbers.map(lambda each: "{" + ",".join(each) + "}"), NOISE))
    def check(text):
        answers["ACQ:SOUR1:DATA?"] = text
        value = value_or_refusal(lambda: instrument.ain1.get_data(format="ASCII"))
        body = text.strip()
        spelled = body[1:-1].split(",") if body[:1] == "{" and body[-1:] == "}" and len(body) > 1 else []
        if spelled and all(NUMBER.fullmatch(each.strip()) for each in spelled):
            expected = [float(each) for each in spelled]
            if max(map(abs, expected)) < 9.7e37:
                assert value.tolist() == expected
        elif value is not None:
            assert np.isfinite(value).all()
            assert value.tolist() == [float(each) for each in spelled]

    check()


@pytest.mark.parametrize("driver", [Keithley2450Pump, RedPitaya], ids=lambda driver: driver.__name__)
def test_an_error_queue_is_empty_only_if_it_says_so(connect, driver):
    instrument, answers = connect(driver)
    query = {Keithley2450Pump: "SYST:ERR?", RedPitaya: "SYST:ERR:NEXT?"}[driver]

    @settings(max_examples=200, deadline=None)
    @given(st.one_of(NOISE, st.integers(-500, 500).map('{},"text"'.format), st.just('+0,"No error"')))
    def check(text):
        answers[query] = text
        empty = value_or_refusal(instrument.check_errors) == []
        assert not empty or re.match(r"[+-]?0+,", text.strip())
        if text.strip() in ('0,"text"', '+0,"No error"'):
            assert empty

    check()
