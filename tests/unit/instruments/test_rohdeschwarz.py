import numpy as np
import pytest
from pymeasure.test import expected_protocol

from instruments import (
    FSV,
    InstrumentProtocolError,
    InstrumentTimeout,
    Interlock,
    OutOfRange,
    SpectrumAnalyser,
)

IDN = ("*IDN?", "Rohde&Schwarz,FSV-7,1307.9002K07/100001,2.30")
CLEAN = ("SYST:ERR?", '0,"No error"')
LEVELS = np.linspace(-90, -60, 101).astype("<f4")


def sweep(*, events=("1",), overload="0"):
    return [
        IDN,
        ("SWE:COUN?", "10"),
        ("STAT:QUES:POW?", "4"),
        ("SWE:TIME?", "0.1"),
        ("*ESR?", "0"),
        ("INIT;*OPC", None),
        *[("*ESR?", event) for event in events],
        ("STAT:QUES:POW?", overload),
    ]


def trace(levels=LEVELS, points=101):
    data = levels.tobytes()
    block = f"#{len(str(len(data)))}{len(data)}".encode() + data + b"\n"
    return [
        ("SWE:POIN?", str(points)),
        ("FREQ:STAR?", "1E8"),
        ("FREQ:STOP?", "2E8"),
        ("FORM REAL,32", None),
        (b"TRAC? TRACE1", block),
        ("BAND:RES?", "1000000"),
        CLEAN,
    ]


def test_a_trace_is_read_when_its_sweeps_are_complete(clock):
    with expected_protocol(FSV, [*sweep(events=("0", "0", "1")), *trace()], clock=clock) as analyser:
        data = analyser.trace()
    np.testing.assert_array_equal(data.power_dbm, LEVELS)
    np.testing.assert_allclose(data.frequency_hz, np.linspace(1e8, 2e8, 101))
    assert data.attrs == {"resolution_bandwidth_hz": 1e6, "averages": 10, "overloaded": 0}
    assert clock.sleeps == [1.0, 0.02, 0.02]


@pytest.mark.parametrize(("register", "words"), [("1", "RF input"), ("4", "IF path"), ("8", "protection")])
def test_an_overload_during_the_sweep_is_an_interlock_unless_accepted(clock, register, words):
    with (
        expected_protocol(FSV, sweep(overload=register), clock=clock) as analyser,
        pytest.raises(Interlock, match=words),
    ):
        analyser.trace()
    with expected_protocol(FSV, [*sweep(overload=register), *trace()], clock=clock) as analyser:
        assert analyser.trace(accept_overload=True).attrs["overloaded"] == 1


def test_a_sweep_that_does_not_end_is_a_timeout_and_aborted(clock):
    pairs = [*sweep(events=["0"] * 52)[:-1], ("ABOR", None)]
    with (
        expected_protocol(FSV, pairs, clock=clock, timeout_s=0.02) as analyser,
        pytest.raises(InstrumentTimeout, match="sweep of 1 s did not end"),
    ):
        analyser.trace()


def test_a_trace_of_the_wrong_length_is_refused(clock):
    with (
        expected_protocol(FSV, [*sweep(), *trace(points=102)[:-2]], clock=clock) as analyser,
        pytest.raises(InstrumentProtocolError, match="101 points instead of 102"),
    ):
        analyser.trace()


def settings(span_reply):
    numbers = {
        "FREQ:CENT 1000000000": "1E9",
        "FREQ:SPAN 200000000": span_reply,
        "BAND:RES 1500000": "2E6",
        "SWE:POIN 1001": "1001",
        "SWE:TIME 0.1": "0.1",
        "DISP:TRAC:Y:RLEV -20": "-20",
    }
    words = ("INIT:CONT 0", "UNIT:POW DBM", "AVER:TYPE POW", "DET RMS", "SWE:COUN 16", "DISP:TRAC:MODE AVER")
    asked = [
        pair
        for command, reply in numbers.items()
        for pair in ((command, None), CLEAN, (command.split()[0] + "?", reply))
    ]
    return [IDN, *[(word, None) for word in words], CLEAN, *asked]


def test_settings_are_read_back_and_the_bandwidth_may_snap(clock):
    with expected_protocol(FSV, settings("2E8"), clock=clock) as analyser:
        analyser.configure(1e9, 200e6, 1.5e6, averages=16)
    with (
        expected_protocol(FSV, settings("1E8")[:14], clock=clock) as analyser,
        pytest.raises(InstrumentProtocolError, match="asked for 2e"),
    ):
        analyser.configure(1e9, 200e6, 1.5e6, averages=16)


@pytest.mark.parametrize(
    ("place", "options"),
    [
        ((1e9, 3e9, 1e6), {}),
        ((1e9, 1e6, 2e6), {}),
        ((1e9, 1e8, 1e6), {"points": 50}),
        ((1e9, 1e8, 1e6), {"averages": 0}),
        ((1e9, 1e8, 1e6), {"detector": "QPE"}),
        ((1e9, 1e8, 1e6), {"reference_level_dbm": 40}),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_sent(place, options):
    with expected_protocol(FSV, [IDN]) as analyser, pytest.raises(OutOfRange):
        analyser.configure(*place, **options)


def test_the_analyser_plays_its_role():
    with expected_protocol(FSV, [IDN]) as analyser:
        assert isinstance(analyser, SpectrumAnalyser)
