import struct

import numpy as np
import pytest

from instruments.twin import TwinSettings
from instruments.twin.bench import Bench
from instruments.twin.protocols._scpi import ScpiError, ScpiTree, number, switch
from instruments.twin.world import World

SMALL = {"trajectories": 16, "duration_ns": 200.0}


@pytest.fixture
def bench():
    return Bench(World(TwinSettings(seed=1, clock="lock-step", **SMALL)))


def ask(bench, name, data):
    """Send bytes over a new connection; return all bytes that come back."""
    return b"".join(reply.data for reply in bench.stations[name].session().feed(data))


def transcript(bench, name, exchange):
    """Play an exchange of (sent, expected) over one connection."""
    session = bench.stations[name].session()
    for sent, expected in exchange:
        assert b"".join(reply.data for reply in session.feed(sent)) == expected, sent


def test_lake_shore_answers_as_the_manual_says(bench):
    transcript(
        bench,
        "cryostat_2",
        [
            (b"KRDG? A\n", b"+034.900\r\n"),
            (b"KRDG? A;RDGST? A\r\n", b"+034.900;000\r\n"),
            (b"KRDG? B\n", b"+020.000\r\n"),
            (b"RDGST? C\n", b"001\r\n"),
            (b"SETP 1,34.4000\n", b""),
            (b"RAMP 1,1,2.0\n", b""),
            (b"RAMP? 1\n", b"1,+002.0\r\n"),
            (b"RAMPST? 1\n", b"1\r\n"),
            (b"PID 1,30,25,0.5\n", b""),
            (b"PID? 1\n", b"+0030.0,+0025.0,+0000.5\r\n"),
            (b"RANGE? 1\n", b"2\r\n"),
            (b"HTRST? 1\n", b"0\r\n"),
            (b"HTR? 1\n", b"+029.8\r\n"),
            (b"OUTMODE 1,3,1,0\n", b""),
            (b"OUTMODE? 1\n", b"3,1,0\r\n"),
            (b"MOUT 1,12.5\n", b""),
            (b"MOUT? 1\n", b"+012.50\r\n"),
            (b"TLIMIT A,320\n", b""),
            (b"TLIMIT? A\n", b"+320.000\r\n"),
            (b"SETP? 1\n", b"+034.900\r\n"),  # no time has passed for the ramp
        ],
    )


def test_lake_shore_is_silent_at_a_bad_query_and_notes_it_in_the_event_register(bench):
    transcript(
        bench,
        "cryostat_1",
        [
            (b"*ESR?\n", b"128\r\n"),
            (b"NONSENSE?\nKRDG? Z\nSETP 1,abc\nSETP? 2\n", b""),
            (b"*ESR?\n", b"048\r\n"),
            (b"*ESR?\n", b"000\r\n"),
        ],
    )


def test_lake_shore_reports_its_sensors_and_heaters_faults(bench):
    station = bench.stations["cryostat_1"]
    station.device_faults.add("sensor_overrange")
    assert ask(bench, "cryostat_1", b"RDGST? A\nKRDG? A\n") == b"032\r\n+420.000\r\n"
    station.device_faults.clear()
    station.device_faults.add("heater_open")
    bench.world.advance(0.2)
    assert (
        ask(bench, "cryostat_1", b"RDGST? A\nHTRST? 1\nRANGE? 1\nHTR? 1\n") == b"000\r\n1\r\n0\r\n+000.0\r\n"
    )


def test_commands_may_arrive_in_pieces_and_several_at_once(bench):
    session = bench.stations["cryostat_1"].session()
    assert session.feed(b"RAN") == []
    assert session.feed(b"GE?") == []
    assert [r.data for r in session.feed(b" 1\nHTRST? 1\nHT")] == [b"2\r\n", b"0\r\n"]


def test_keithley_sources_a_voltage_and_measures_the_current(bench):
    transcript(
        bench,
        "pump_1",
        [
            (b":SOUR:FUNC VOLT\n", b""),
            (b":source:function?\n", b"VOLT\n"),
            (b":SOUR:VOLT:ILIM 5e-3\n", b""),
            (b":SOUR:VOLT:ILIM?\n", b"5.000000E-03\n"),
            (b":SENS:FUNC 'CURR';:SENS:CURR:NPLC 1.000000;\n", b""),
            (b":SOUR:VOLT:LEV 6.2\n", b""),
            (b"OUTPUT?\n", b"0\n"),
            (b":READ?\n", b"9.900000E+37\n"),
            (b":OUTP ON\n", b""),
            (b":SOUR:VOLT?;:OUTP?\n", b"6.200000E+00;1\n"),
            (b":SOUR:VOLT:ILIM:TRIP?\n", b"0\n"),
            (b"SYST:ERR?\n", b'0,"No error;0;0 0"\n'),
        ],
    )
    reading = float(ask(bench, "pump_1", b":READ?\n"))
    assert reading == pytest.approx(bench.world.arrays[0].current_at(6.2), abs=4 * 3e-8)


def test_keithley_flags_compliance(bench):
    exchange = b":SOUR:VOLT:ILIM 3e-3\n:OUTP ON\n:SOUR:VOLT 8\n:SOUR:VOLT:ILIM:TRIP?\n:READ?\n"
    tripped, reading = ask(bench, "pump_1", exchange).split()
    assert tripped == b"1"
    assert float(reading) == pytest.approx(3e-3, abs=4 * 3e-8)


def test_keithley_queues_errors(bench):
    errors = b"NONSENSE 1\n:SOUR:VOLT 999\n:SOUR:VOLT\n:SOUR:FUNC SOUND\n" + b"SYST:ERR?\n" * 5
    codes = [int(line.split(b",")[0]) for line in ask(bench, "pump_1", errors).splitlines()]
    assert codes == [-113, -222, -109, -224, 0]


def test_keithley_reading_noise_falls_with_the_integration_time(bench):
    ask(bench, "pump_1", b":SOUR:VOLT:ILIM 5e-3;:SOUR:VOLT 6.2;:OUTP ON\n")
    spread = {}
    for nplc in (1, 10):
        ask(bench, "pump_1", b":SENS:CURR:NPLC %d\n" % nplc)
        readings = [float(v) for v in ask(bench, "pump_1", b":READ?\n" * 1000).split()]
        spread[nplc] = np.std(readings)
    assert spread[1] == pytest.approx(3e-8, rel=4 / np.sqrt(2000))
    assert spread[10] == pytest.approx(3e-8 / np.sqrt(10), rel=4 / np.sqrt(2000))


def test_id900_answers_every_message(bench):
    transcript(
        bench,
        "correlator",
        [
            (b"INPU1:COUP DC;EDGE RISI;ENAB ON", b"Value set to DC;Value set to RISI;Value set to ON"),
            (b"INPU1:COUN:INTE 1000;MODE CYCL", b"Value set to 1000;Value set to CYCL"),
            (b"INPU1:COUN:RESET", b"Counter value set to 0 "),
            (b"INPU1:COUN?", b"0"),
            (b"DELA1:INPO:LINK INPU1;:DELA1:VALU 1000", b"Value set to INPU1;Value set to 1000"),
            (b"DELA1:VALU?", b"1000"),
            (b"HIST1:INPO:REF:LINK STAR", b"Value set to STAR"),
            (b"HIST1:INPO:REF:LINK?", b"STAR"),
            (b"HISTOGRAM1:INPORT:STOP:LINK TSCO5", b"Value set to TSCO5"),
            (b"HIST1:MIN 0;BWID 100TB;BCOU 8", b"Value set to 0;Value set to 100TB;Value set to 8"),
            (b"HIST1:BWID?", b"100"),
            (b"HIST1:FLUSH", b"Flushed Histogram!"),
            (b":TSGE8:ENAB ON", b"Value set to ON"),
            (b":TSGE8:ENAB?", b"ON"),
            (b"HIST1:DATA?", b"[0,0,0,0,0,0,0,0]"),
            (b"DEVI:RESO HIRES;SYNC INT", b"Value set to HIRES;Value set to INT"),
            (b"DEVI:CONF:LOAD INIT", b"Configuration loaded"),
            (b"HIST1:BCOU?", b"16384"),
        ],
    )


@pytest.mark.parametrize(
    ("sent", "ending"),
    [
        (b"NONSENSE", b"SCPI_ERR_INVALID_CMD"),
        (b"", b"SCPI_ERR_INVALID_CMD"),
        (b"HIST9:DATA?", b"SCPI_ERR_PARAM_TYPE"),
        (b"HIST1:BWID 3", b"SCPI_ERR_PARAM_TYPE"),
        (b"HIST1:BWID wide", b"SCPI_ERR_PARAM_TYPE"),
        (b"HIST1:INPO:REF:LINK TSCO77", b"SCPI_ERR_PARAM_TYPE"),
    ],
)
def test_id900_ends_bad_answers_with_its_error_words(bench, sent, ending):
    assert ask(bench, "correlator", sent).endswith(ending)


def test_red_pitaya_generates_the_ramp(bench):
    exchange = b"SOUR1:FUNC TRIANGLE\r\nSOUR1:FREQ:FIX 50\r\nSOUR1:VOLT 0.9\r\nSOUR1:VOLT:OFFS 0.05\r\n"
    assert ask(bench, "ramp", exchange + b"OUTPUT1:STATE ON\r\nSOUR1:VOLT:OFFS?\r\n") == b"0.05\r\n"
    ramp = bench.world.ramp
    assert (ramp.shape, ramp.frequency_hz, ramp.amplitude_v, ramp.offset_v, ramp.on) == (
        "TRIANGLE",
        50.0,
        0.9,
        0.05,
        True,
    )


def test_red_pitaya_flags_errors_in_its_status_byte(bench):
    exchange = b"*STB?\r\nSOUR1:VOLT 7\r\n*STB?\r\nSYST:ERR:NEXT?\r\nSYST:ERR:NEXT?\r\n"
    first, second, error, none = ask(bench, "ramp", exchange).split(b"\r\n")[:4]
    assert (first, second) == (b"0", b"4")
    assert error.startswith(b"-222,")
    assert none == b'0,"No error"'


def test_red_pitaya_acquires_the_ramp_in_ascii_and_in_binary(bench):
    ask(bench, "ramp", b"SOUR1:FUNC TRIANGLE\nSOUR1:FREQ:FIX 50\nSOUR1:VOLT 0.5\nOUTPUT1:STATE ON\n")
    setup = b"ACQ:RST\nACQ:DEC 128\nACQ:TRIG:DLY 8192\nACQ:START\nACQ:TRig AWG_PE\nACQ:TRig:STAT?\n"
    bench.world.advance(0.005)
    assert ask(bench, "ramp", setup) == b"WAIT\r\n"
    bench.world.advance(0.016)
    assert ask(bench, "ramp", b"ACQ:TRIG:STAT?\nACQ:TRIG:FILL?\n") == b"TD\r\n0\r\n"
    bench.world.advance(0.020)
    assert ask(bench, "ramp", b"ACQ:TRIG:FILL?\nACQ:BUF:SIZE?\n") == b"1\r\n16384\r\n"

    text = ask(bench, "ramp", b"ACQ:SOUR1:DATA?\r\n")
    volts = np.array(text.strip()[1:-1].split(b","), float)
    time_s = np.arange(16384) * 128 / 125e6
    triangle = 0.5 * (1 - 4 * np.abs(np.mod(time_s / 0.02, 1) - 0.5))
    np.testing.assert_allclose(volts, triangle, atol=6e-3)
    assert (volts - triangle).std() == pytest.approx(1e-3, rel=0.05)

    block = ask(bench, "ramp", b"ACQ:DATA:FORMAT BIN\nACQ:SOUR1:DATA?\n")
    assert block[:7] == b"#565536"
    floats = np.frombuffer(block[7:-2], ">f4")
    np.testing.assert_allclose(floats, volts, atol=1e-6)
    raw = ask(bench, "ramp", b"ACQ:DATA:UNITS RAW\nACQ:SOUR1:DATA:STA:N? 4000,2\n")
    assert struct.unpack(">2h", raw[3:-2]) == tuple(np.rint(floats[4000:4002] * 8192).astype(int))


def test_ell14_moves_and_reports_its_position(bench):
    transcript(
        bench,
        "rotator",
        [
            (b"0in", b"0IN0E1140051720261701016800023000\r\n"),
            (b"0ma00004600", b"0PO00004600\r\n"),
            (b"0gp", b"0PO00004600\r\n"),
            (b"0mrFFFFFF", b""),
            (b"00", b"0PO00004500\r\n"),
            (b"0ho0", b"0PO00000000\r\n"),
            (b"0gs", b"0GS00\r\n"),
            (b"0ma7FFFFFFF", b"0GS0C\r\n"),
            (b"0zz", b"0GS03\r\n"),
            (b"1gp", b""),
        ],
    )


def test_a_quarter_of_the_plates_turn_rotates_the_light_by_ninety_degrees(bench):
    ask(bench, "rotator", b"0ma%08X" % (143360 // 8))
    assert bench.world.plate.angle_deg(0.0) == pytest.approx(45.0)
    assert bench.world.conditions().coupling == pytest.approx(bench.world.truth.coupling * 0.01, rel=1e-6)


def test_ell14_in_real_time_is_busy_until_it_arrives():
    bench = Bench(World(TwinSettings(seed=1, clock="real")))
    [reply] = bench.stations["rotator"].session().feed(b"0ma%08X" % (143360 // 2))
    assert reply.after_s == pytest.approx(180 / 430)
    assert ask(bench, "rotator", b"0gs") == b"0GS09\r\n"
    bench.world.advance(reply.after_s)
    assert ask(bench, "rotator", b"0gp") == b"0PO%08X\r\n" % (143360 // 2)


@pytest.fixture
def tree():
    level = {}
    return ScpiTree(
        [
            ("SOURce#:VOLTage[:LEVel]", lambda n, value: level.update({n: number(value)})),
            ("SOURce#:VOLTage[:LEVel]?", lambda n: str(level.get(n))),
            ("SOURce#:VOLTage:DELay?", lambda n: "delay"),
            ("*IDN?", lambda: "me"),
        ]
    )


@pytest.mark.parametrize("header", ["SOUR", "source", "SOURCE1", ":sour01"])
@pytest.mark.parametrize("node", ["VOLT", "VOLTAGE:LEV", "volt:level"])
def test_scpi_headers_have_long_and_short_forms_and_optional_parts(tree, header, node):
    assert tree.execute(f"{header}:{node} 2.5;:SOUR1:VOLT?") == ["2.5"]


@pytest.mark.parametrize("header", ["SOUR:VOLTA?", "SOU:VOLT?", "SOURC:VOLT?", "VOLT?", "SOUR:VOLT:LEV:X?"])
def test_scpi_headers_in_between_are_undefined(tree, header):
    [error] = tree.execute(header)
    assert isinstance(error, ScpiError)
    assert tree.next_error() == '-113,"Undefined header"'
    assert tree.next_error() == '0,"No error"'


def test_scpi_chains_continue_on_the_same_level_of_the_tree(tree):
    assert tree.execute("SOUR2:VOLT 3;*IDN?;VOLT?;:SOUR2:VOLT:LEV?;DEL?") == ["me", "3.0", "3.0", "delay"]


def test_a_full_error_queue_says_so(tree):
    for _ in range(30):
        tree.execute("BAD")
    codes = [tree.next_error().split(",")[0] for _ in range(21)]
    assert codes == ["-113"] * 19 + ["-350", "0"]


@pytest.mark.parametrize(("text", "value"), [("1V", 1.0), ("100TB", 100.0), ("-.5e-3", -5e-4), ("2", 2.0)])
def test_numbers_may_carry_a_unit(text, value):
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "V", "1 2", "0x10", "nan"])
def test_what_is_no_number_is_a_data_type_error(text):
    with pytest.raises(ScpiError, match="Data type"):
        number(text)


def test_switches_take_words_and_digits():
    assert [switch(text) for text in ("ON", "off", "1", "0")] == [True, False, True, False]
