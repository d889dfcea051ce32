"""What the simulated MercuryiTC, Lake Shore 335, PM100 and 2450 say, byte by byte."""

import pytest

from instruments.twin import TwinSettings
from instruments.twin._streams import stream
from instruments.twin.bench import Bench
from instruments.twin.cryostat import Cryostat
from instruments.twin.devices import MercuryITC
from instruments.twin.protocols import MercuryProtocol
from instruments.twin.world import World


@pytest.fixture
def open_bench():
    def build(name):
        return Bench(World(TwinSettings(seed=1, clock="lock-step", bench=name)))

    return build


def converse(bench, name, exchange):
    """Play an exchange of (sent, expected) over one connection."""
    session = bench.stations[name].session()
    for sent, expected in exchange:
        assert b"".join(reply.data for reply in session.feed(sent)) == expected, sent


SENSOR, LOOP, HEATER = b"DEV:MB1.T1:TEMP", b"DEV:MB1.T1:TEMP:LOOP", b"DEV:MB0.H1:HTR"


def test_a_mercury_echoes_what_it_is_asked_and_told(open_bench):
    converse(
        open_bench("mercury-scope"),
        "cryostat_1",
        [
            (b"READ:SYS:CAT\n", b"STAT:SYS:CAT:DEV:MB0.H1:HTR:DEV:MB1.T1:TEMP:DEV:DB8.T1:TEMP\n"),
            (b"READ:SYS:ALRM\r\n", b"STAT:SYS:ALRM:\n"),
            (b"READ:%b:SIG:TEMP\n" % SENSOR, b"STAT:%b:SIG:TEMP:32.0000K\n" % SENSOR),
            (b"READ:DEV:DB8.T1:TEMP:SIG:TEMP\n", b"STAT:DEV:DB8.T1:TEMP:SIG:TEMP:20.0000K\n"),
            (b"SET:%b:TSET:34.4\n" % LOOP, b"STAT:SET:%b:TSET:34.4:VALID\n" % LOOP),
            (b"SET:%b:RSET:2\n" % LOOP, b"STAT:SET:%b:RSET:2:VALID\n" % LOOP),
            (b"READ:%b:RSET\n" % LOOP, b"STAT:%b:RSET:2.0000K/m\n" % LOOP),
            (b"READ:%b:RENA\n" % LOOP, b"STAT:%b:RENA:OFF\n" % LOOP),
            (b"READ:%b:P\n" % LOOP, b"STAT:%b:P:2.0000\n" % LOOP),
            (b"SET:%b:P:4\n" % LOOP, b"STAT:SET:%b:P:4:VALID\n" % LOOP),
            (b"READ:%b:P\n" % LOOP, b"STAT:%b:P:4.0000\n" % LOOP),
            (b"READ:%b:HSET\n" % LOOP, b"STAT:%b:HSET:24.0000\n" % LOOP),
            (b"READ:%b:SIG:POWR\n" % HEATER, b"STAT:%b:SIG:POWR:1.2000W\n" % HEATER),
            (b"SET:%b:ENAB:OFF\n" % LOOP, b"STAT:SET:%b:ENAB:OFF:VALID\n" % LOOP),
            (b"READ:%b:ENAB\n" % LOOP, b"STAT:%b:ENAB:OFF\n" % LOOP),
        ],
    )


@pytest.mark.parametrize(
    ("sent", "ending"),
    [
        (b"read:SYS:CAT", b"read:INVALID"),
        (b"WRITE:SYS:CAT", b"WRIT:INVALID"),
        (b"", b":INVALID"),
        (b"READ:SYS:Cat", b":INVALID"),
        (b"READ:SYS:CATALOGUE", b":INVALID"),
        (b"READ:%b:SIG:TEMPERATURE" % SENSOR, b":INVALID"),
        (b"READ:%b:SIG:VOLT" % SENSOR, b":INVALID"),
        (b"READ:DEV:DB3.T1:TEMP:SIG:TEMP", b":NOT_FOUND"),
        (b"READ:DEV:MB0.H1:TEMP:SIG:TEMP", b":N/A"),
        (b"SET:DEV:DB3.T1:TEMP:LOOP:TSET:5", b":5:NOT_FOUND"),
        (b"SET:%b:TSET:-5" % LOOP, b":-5:INVALID"),
        (b"SET:%b:TSET:nan" % LOOP, b":nan:INVALID"),
        (b"SET:%b:TSET:warm" % LOOP, b":warm:INVALID"),
        (b"SET:%b:ENAB:1" % LOOP, b":1:INVALID"),
        (b"SET:%b:SIG:TEMP:5" % SENSOR, b":5:INVALID"),
        (b"SET:%b:VLIM:40" % HEATER, b":40:DENIED"),
        (b"READ:" + b"A:" * 600, b"READ:INVALID"),
    ],
)
def test_a_mercury_says_what_is_wrong(sent, ending):
    protocol = MercuryProtocol(MercuryITC(Cryostat(32.0, stream(1))), "1")
    assert protocol.handle(sent.decode()).endswith(ending.decode())


def test_a_mercury_lists_its_alarms_with_a_tab(open_bench):
    bench = open_bench("mercury-scope")
    bench.world.cryostats[0].faults.update({"sensor_underrange", "heater_short"})
    alarms = b"STAT:SYS:ALRM:MB1.T1\tOpen Circuit;MB0.H1\tShort Circuit;\n"
    converse(bench, "cryostat_1", [(b"READ:SYS:ALRM\n", alarms)])
    converse(bench, "cryostat_2", [(b"READ:SYS:ALRM\n", b"STAT:SYS:ALRM:\n")])


def test_an_opened_loop_leaves_the_heater_where_it_was_until_told_otherwise(open_bench):
    bench = open_bench("mercury-scope")
    converse(bench, "cryostat_1", [(b"SET:%b:ENAB:OFF\n" % LOOP, b"STAT:SET:%b:ENAB:OFF:VALID\n" % LOOP)])
    bench.world.advance(1.0)
    converse(bench, "cryostat_1", [(b"READ:%b:HSET\n" % LOOP, b"STAT:%b:HSET:24.0000\n" % LOOP)])
    converse(bench, "cryostat_1", [(b"SET:%b:HSET:0\n" % LOOP, b"STAT:SET:%b:HSET:0:VALID\n" % LOOP)])
    bench.world.advance(0.2)
    converse(bench, "cryostat_1", [(b"READ:%b:HSET\n" % LOOP, b"STAT:%b:HSET:0.0000\n" % LOOP)])


def test_the_full_benchs_first_cryostat_is_a_335_with_two_inputs(open_bench):
    bench = open_bench("full")
    assert bench.stations["cryostat_1"].address.startswith("ASRLsocket")
    [identity] = bench.stations["cryostat_1"].session().feed(b"*IDN?\n")
    assert identity.data.startswith(b"LSCI,MODEL335,")
    converse(
        bench,
        "cryostat_1",
        [(b"KRDG? A\n", b"+032.000\r\n"), (b"RDGST? B\n", b"000\r\n"), (b"RDGST? C\n", b"")],
    )
    converse(bench, "cryostat_2", [(b"KRDG? A\n", b"+034.900\r\n"), (b"RDGST? C\n", b"001\r\n")])


def test_the_heater_range_stays_off_while_its_fault_lasts(open_bench):
    bench = open_bench("minimal")
    bench.world.cryostats[0].faults.add("tlimit_trip")
    converse(bench, "cryostat_1", [(b"RANGE 1,3\nRANGE? 1\nHTRST? 1\n", b"0\r\n0\r\n")])
    bench.world.cryostats[0].faults.clear()
    converse(bench, "cryostat_1", [(b"RANGE 1,3\nRANGE? 1\n", b"3\r\n")])


def test_the_power_meter_answers_as_the_manual_says(open_bench):
    bench = open_bench("full")
    converse(
        bench,
        "power_meter",
        [
            (b"SENS:CORR:WAV?\n", b"6.350000E+02\n"),
            (b"SENSE:CORR:WAV 898.4\n", b""),
            (
                b"SENS:CORR:WAV?;:SENS:CORR:WAV? MIN;:SENS:CORR:WAV? MAX\n",
                b"8.984000E+02;4.000000E+02;1.100000E+03\n",
            ),
            (
                b"SENS:CORR:WAV 1500\nSYST:ERR?\n",
                b'-222,"Data out of range; 1500.0 is outside 400.0..1100.0"\n',
            ),
            (b"SENS:POW:UNIT?\nSYST:ERR?\n", b'W\n+0,"No error"\n'),
        ],
    )
    [identity] = bench.stations["power_meter"].session().feed(b"SYST:SENSOR:IDN?\n")
    assert len(identity.data.split(b",")) == 6


def test_an_open_interlock_of_the_pump_blocks_the_output_with_its_error(open_bench):
    bench = open_bench("minimal")
    bench.world.arrays[0].faults.add("interlock")
    blocked = b'0\n802,"OUTPUT blocked by interlock"\n0,"No error;0;0 0"\n'
    converse(bench, "pump_1", [(b":OUTP ON\nOUTPUT?\nSYST:ERR?\nSYST:ERR?\n", blocked)])
    bench.world.arrays[0].faults.clear()
    converse(bench, "pump_1", [(b":OUTP ON\nOUTPUT?\nSYST:ERR?\n", b'1\n0,"No error;0;0 0"\n')])
