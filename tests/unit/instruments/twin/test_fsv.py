"""Digitiser and spectrum analyser of the full bench, with their drivers."""

import numpy as np
import pytest

from instruments import FSV, InstrumentTimeout, Interlock, Keithley2450Pump, RedPitaya
from instruments.twin import TwinSettings, start_twin
from instruments.twin.bench import Bench
from instruments.twin.world import World

SETTINGS = TwinSettings(
    seed=3,
    clock="lock-step",
    bench="full",
    trajectories=16,
    duration_ns=400.0,
    field_trajectories=8,
    field_duration_us=1.0,
    lo_offset_ghz=-0.4,
)


@pytest.fixture(scope="module")
def twin():
    with start_twin(SETTINGS) as running:
        yield running


@pytest.fixture
def analyser(twin):
    with FSV(twin.addresses["spectrum_analyser"], clock=twin.clock, timeout_s=0.5) as instrument:
        yield instrument


@pytest.fixture
def digitizer(twin):
    with RedPitaya(twin.addresses["digitizer"], clock=twin.clock, timeout_s=0.5) as board:
        yield board


def test_the_beat_note_appears_when_the_laser_is_pumped(twin, analyser, digitizer):
    analyser.configure(0.6e9, 1.1e9, 2e6, averages=20)
    dark = analyser.trace()
    quiet = digitizer.record([1, 2], 1e-4)
    # 2 e I of 0.43 mA into 30 kOhm and a tenth of it, behind one pole at 50 MHz; 8192 codes for 1 V
    expected_v = 3e4 * np.sqrt(1.1 * 2 * 1.602e-19 * 1.602e-19 * 2.7e15 * np.pi / 2 * 50e6)
    np.testing.assert_allclose(quiet.voltage_v.std("time_s"), expected_v, rtol=0.05)
    with Keithley2450Pump(twin.addresses["pump_1"], clock=twin.clock) as pump:
        pump.ramp_to_current(3e-3, 6e-7)
        bright = analyser.trace()
        pump.shutdown()
    above = bright.power_dbm.values - dark.power_dbm.values
    peak_hz = float(bright.frequency_hz[np.argmax(above)])
    # tuned 0.4 GHz below P1 at its working temperature; the pumped array is a few mK off that
    assert peak_hz == pytest.approx(0.4e9, abs=0.08e9)
    assert above.max() > 10


@pytest.mark.parametrize(("fault", "error"), [("trigger_never", InstrumentTimeout), ("adc_clip", Interlock)])
def test_faults_of_the_analyser_are_typed_errors_and_clear(twin, analyser, fault, error):
    analyser.configure(0.6e9, 1.1e9, 2e6, points=101)
    twin.inject("spectrum_analyser", fault)
    with pytest.raises(error):
        analyser.trace()
    twin.clear("spectrum_analyser", fault)
    assert analyser.trace().sizes["frequency_hz"] == 101


def test_a_signal_far_above_the_reference_level_overloads_the_analyser(analyser):
    analyser.configure(0.6e9, 1.1e9, 2e6, reference_level_dbm=-80.0)
    with pytest.raises(Interlock, match="IF path"):
        analyser.trace()
    assert analyser.trace(accept_overload=True).attrs["overloaded"] == 1
    analyser.configure(0.6e9, 1.1e9, 2e6, reference_level_dbm=-20.0)
    assert analyser.trace().attrs["overloaded"] == 0


def ask(bench, line):
    session = bench.stations["spectrum_analyser"].session()
    return b"".join(reply.data for reply in session.feed(line + b"\n"))


def test_commands_are_understood_in_long_and_short_form_and_errors_are_queued():
    bench = Bench(World(SETTINGS))
    assert ask(bench, b"SENSe:FREQuency:CENTer 1e9;SPAN 2e8;:FREQ:STAR?;STOP?") == b"900000000;1100000000\n"
    assert ask(bench, b"BAND 1.4e6;:BAND:RES?") == b"1000000\n"
    assert ask(bench, b"DET QPE") == b""
    assert ask(bench, b"SYST:ERR?") == b'-224,"Illegal parameter value"\n'
    assert ask(bench, b"TRAC? TRACE1") == b""
    assert ask(bench, b"SYST:ERR?") == b'-230,"Data corrupt or stale"\n'
    assert ask(bench, b"INIT;*OPC") == b""
    assert ask(bench, b"*ESR?") == b"0\n"
    bench.world.advance(0.1)
    assert ask(bench, b"*ESR?") == b"1\n"
    assert ask(bench, b"*ESR?") == b"0\n"
    assert ask(bench, b"FORM REAL,32;:TRAC? TRACE1")[:6] == b"#42764"
