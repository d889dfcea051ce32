import numpy as np
import pytest
from pymeasure.test import expected_protocol

from instruments import (
    Digitizer,
    InfiniiVision,
    InstrumentProtocolError,
    InstrumentTimeout,
    Interlock,
    Oscilloscope,
    OutOfRange,
)

IDN = ("*IDN?", "KEYSIGHT TECHNOLOGIES,DSO-X 3024T,MY58000000,07.30.2019051434")
CLEAN = (":SYST:ERR?", '+0,"No error"')
CODES = np.array([0x7F00, 0x8000, 0x8001, 0x9000], "<u2")


def writes(*commands):
    return [(command, None) for command in commands]


def block(codes):
    data = codes.tobytes()
    return f"#8{len(data):08d}".encode() + data + b"\n"


def preamble(count=1, points=4, form=1):
    return f"+{form},+0,+{points},+{count},+1.0E-06,-2.0E-06,+0,+1.0E-03,+5.0E-01,+32768"


def acquisition(*, averages=1, events=("+0", "+1"), channels="CHAN2"):
    kind = writes(":ACQ:TYPE AVER", f":ACQ:COUN {averages}") if averages > 1 else writes(":ACQ:TYPE NORM")
    done = [("*OPC?", "1"), (":TER?", events[1])]
    return [*kind, CLEAN, (":TER?", events[0]), (f":DIG {channels}", None), *done]


FORMAT = [
    *writes(":WAV:FORM WORD", ":WAV:BYT LSBF", ":WAV:UNS 1", ":WAV:POIN:MODE MAX"),
    CLEAN,
    (":WAV:BYT?", "LSBF"),
    (":WAV:UNS?", "1"),
]


def waveform(codes=CODES, channel=2, **fields):
    return [
        *writes(f":WAV:SOUR CHAN{channel}", ":WAV:POIN 2000"),
        CLEAN,
        (":WAV:PRE?", preamble(**fields)),
        (b":WAV:DATA?", block(codes)),
    ]


def scope(pairs, clock):
    return expected_protocol(InfiniiVision, [IDN, *pairs], clock=clock)


def test_words_become_volts_and_times_by_the_preamble(clock):
    with scope([*acquisition(), *FORMAT, *waveform()], clock) as instrument:
        record = instrument.capture([2], wait_s=0.5)
    np.testing.assert_allclose(record.voltage_v.sel(channel=2), [0.244, 0.5, 0.501, 4.596], rtol=1e-6)
    np.testing.assert_allclose(record.time_s, [-2e-6, -1e-6, 0.0, 1e-6], atol=1e-12)
    assert record.voltage_v.dtype == np.float32
    assert record.attrs == {"sample_rate_hz": pytest.approx(1e6), "clipped": [0], "averages": 1}
    assert clock.sleeps == [0.5]


def test_an_average_is_believed_only_if_all_triggers_are_in_it(clock):
    whole = [*acquisition(averages=64), *FORMAT, *waveform(count=64)]
    with scope(whole, clock) as instrument:
        assert instrument.capture([2], averages=64).attrs["averages"] == 64
    with (
        scope([*acquisition(averages=64), *FORMAT, *waveform(count=63)[:-1]], clock) as instrument,
        pytest.raises(InstrumentProtocolError, match="63 of 64 averages"),
    ):
        instrument.capture([2], averages=64)


def test_a_record_without_a_trigger_since_it_was_armed_is_old_and_not_returned(clock):
    with (
        scope(acquisition(events=("+1", "+0")), clock) as instrument,
        pytest.raises(InstrumentProtocolError, match="old record"),
    ):
        instrument.capture([2])


@pytest.mark.parametrize(("code", "averages"), [(0x0100, 1), (0xFF00, 1), (0xFE00, 16), (0x0300, 16)])
def test_a_code_at_the_stops_is_clipping_and_of_an_average_one_near_them(clock, code, averages):
    codes = np.array([0x8000, code, 0x8000, 0x8000], "<u2")
    pairs = [*acquisition(averages=averages), *FORMAT, *waveform(codes, count=averages)]
    with scope(pairs, clock) as instrument, pytest.raises(Interlock, match="channel 2 reached the end"):
        instrument.capture([2], averages=averages)
    with scope(pairs, clock) as instrument:
        record = instrument.capture([2], averages=averages, accept_clipped=True)
    assert record.attrs["clipped"] == [1]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (FORMAT[:5] + [(":WAV:BYT?", "MSBF")], "expected LSBF"),
        ([*FORMAT, *waveform(form=0)[:-1]], "format 0|ten numbers"),
        ([*FORMAT, *waveform(points=5)], "the preamble says 5"),
        ([*FORMAT, *waveform(np.array([0, 1, 2, 3], "<u2"))], "holes"),
    ],
)
def test_a_waveform_that_does_not_match_its_description_is_refused(clock, pairs, words):
    with (
        scope([*acquisition(), *pairs], clock) as instrument,
        pytest.raises(InstrumentProtocolError, match=words),
    ):
        instrument.capture([2], accept_clipped=True)


def test_triggers_that_do_not_come_are_a_timeout_and_the_acquisition_is_stopped(serve, clock):
    replies = {"*IDN?": IDN[1], ":SYST:ERR?": '+0,"No error"', ":TER?": "+0"}
    server = serve(lambda command: (text := replies.get(command)) and text.encode() + b"\n")
    instrument = InfiniiVision(f"TCPIP::127.0.0.1::{server.port}::SOCKET", clock=clock, timeout_s=0.15)
    with pytest.raises(InstrumentTimeout, match="trigger did not come"):
        instrument.capture([1])
    instrument.check_errors()
    assert ":STOP" in server.received


def test_settings_are_read_back(clock):
    timebase = [
        (":TIM:REF CENT", None),
        (":TIM:RANG 0.01", None),
        CLEAN,
        (":TIM:RANG?", "+1.0E-02"),
        (":TIM:POS 0.004", None),
        CLEAN,
        (":TIM:POS?", "+4.0E-03"),
    ]
    trigger = [
        *writes(":TRIG:MODE EDGE", ":TRIG:SWE NORM", ":TRIG:EDGE:SOUR EXT", ":TRIG:EDGE:LEV 1.5"),
        (":TRIG:EDGE:SLOP POS", None),
        CLEAN,
        (":TRIG:EDGE:SOUR?", "EXT"),
        (":TRIG:SWE?", "NORM"),
    ]
    with scope([*timebase, *trigger], clock) as instrument:
        instrument.set_timebase(-1e-3, 10e-3)
        instrument.set_trigger("EXT", 1.5)
    with (
        scope([*timebase[:3], (":TIM:RANG?", "+2.0E-02")], clock) as instrument,
        pytest.raises(InstrumentProtocolError, match="asked for 0.01"),
    ):
        instrument.set_timebase(-1e-3, 10e-3)
    with (
        scope(
            [
                (":CHAN1:DISP 1", None),
                (":CHAN1:RANG 1", None),
                (":SYST:ERR?", '-222,"Data out of range"'),
                CLEAN,
            ],
            clock,
        ) as instrument,
        pytest.raises(InstrumentProtocolError, match="Data out of range"),
    ):
        instrument.set_range(1, 1.0)


def test_the_impossible_is_refused_before_anything_is_sent(clock):
    with scope([], clock) as instrument:
        for attempt in (
            lambda: instrument.set_timebase(0.0, 0.0),
            lambda: instrument.set_trigger("CHAN5"),
            lambda: instrument.set_trigger("EXT", slope="up"),
            lambda: instrument.set_range(1, 100.0),
            lambda: instrument.capture([]),
            lambda: instrument.capture([1, 1]),
            lambda: instrument.capture([1], averages=0),
            lambda: instrument.capture([1], points=10),
        ):
            with pytest.raises(OutOfRange):
                attempt()


def test_an_oscilloscope_plays_its_roles(clock):
    with scope([], clock) as instrument:
        assert isinstance(instrument, Oscilloscope)
        assert isinstance(instrument, Digitizer)
