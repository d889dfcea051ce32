"""The oscilloscope's driver on the simulated one, at the simulated interferometer."""

import numpy as np
import pytest

from instruments import (
    InfiniiVision,
    InstrumentProtocolError,
    InstrumentTimeout,
    Interlock,
    Keithley2450Pump,
    RedPitaya,
    ScopeFabryPerot,
)
from instruments.twin import TwinSettings, start_twin
from instruments.twin.bench import Bench
from instruments.twin.world import World

SETTINGS = TwinSettings(seed=3, clock="lock-step", bench="mercury-scope", trajectories=16, duration_ns=400.0)


@pytest.fixture(scope="module")
def twin():
    with start_twin(SETTINGS) as running:
        yield running


@pytest.fixture
def scope(twin):
    with InfiniiVision(twin.addresses["scope"], clock=twin.clock, timeout_s=0.25) as instrument:
        yield instrument
    twin.clear("scope")


@pytest.fixture
def ramp(twin):
    with RedPitaya(twin.addresses["ramp"], clock=twin.clock) as board:
        yield board


def fitted_period_s(record):
    """Return the period of a triangle from where it crosses its middle on the way up."""
    voltage, time_s = record.voltage_v.values[0], record.time_s.values
    rising = np.gradient(np.convolve(voltage, np.ones(50) / 50, "same")) > 0
    crossings = []
    for k in np.flatnonzero((voltage[:-1] < 0) & (voltage[1:] >= 0)):
        near = slice(max(0, k - 100), k + 100)
        if rising[k] and (not crossings or time_s[k] - crossings[-1] > 5e-3):
            slope, start = np.polynomial.polynomial.polyfit(time_s[near], voltage[near], 1)[::-1]
            crossings.append(-start / slope)
    return float(np.diff(crossings).mean())


def test_the_sampling_clock_is_seen_in_the_period_of_a_known_ramp(twin, scope, ramp):
    ramp.start_triangle(50.0, 0.9, 0.0)
    scope.set_range(1, 2.5)
    scope.set_trigger("EXT", 1.5)
    scope.set_timebase(0.0, 0.11)
    healthy = fitted_period_s(scope.capture([1], averages=8, points=16000, wait_s=0.4))
    twin.inject("scope", "clock_drift")
    drifted = fitted_period_s(scope.capture([1], averages=8, points=16000, wait_s=0.4))
    # a clock that is slow by 1 % finds the same period shorter
    assert healthy == pytest.approx(0.02, rel=1e-4)
    assert drifted / healthy == pytest.approx(1 / 1.01, abs=1e-4)


def test_averaging_reduces_the_noise_by_the_root_of_the_number(scope, ramp):
    ramp.start_triangle(50.0, 0.9, 0.0)
    scope.set_range(4, 0.1)
    scope.set_trigger("EXT", 1.5)
    scope.set_timebase(0.0, 0.01)
    single = scope.capture([4], points=16000, wait_s=0.04).voltage_v.values.std()
    averaged = scope.capture([4], averages=16, points=16000, wait_s=0.4).voltage_v.values.std()
    assert averaged == pytest.approx(single / 4, rel=0.03)


def test_the_mains_trigger_an_untriggered_record_even_without_a_ramp(scope, ramp):
    ramp.stop()
    record = scope.record([4], 1e-3)
    assert record.sizes["time_s"] == 16000
    assert record.attrs["sample_rate_hz"] == pytest.approx(16e6)
    scope.set_trigger("EXT", 1.5)
    with pytest.raises(InstrumentTimeout, match="trigger did not come"):
        scope.capture([4])


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("trigger_never", InstrumentTimeout, "trigger did not come"),
        ("stale_buffer", InstrumentProtocolError, "old record"),
        ("adc_clip", Interlock, "channel 1"),
    ],
)
def test_a_fault_is_a_typed_error_and_when_it_clears_the_next_record_is_good(
    twin, scope, ramp, fault, error, words
):
    ramp.start_triangle(50.0, 0.9, 0.0)
    scope.set_range(1, 2.5)
    scope.set_trigger("EXT", 1.5)
    scope.set_timebase(0.0, 0.01)
    scope.capture([1], wait_s=0.04)
    twin.inject("scope", fault)
    with pytest.raises(error, match=words):
        scope.capture([1], wait_s=0.04)
    twin.clear("scope", fault)
    record = scope.capture([1], wait_s=0.04)
    assert np.ptp(record.voltage_v.values) == pytest.approx(1.8, abs=0.05)


def test_the_detectors_see_the_orders_of_both_lasers_with_the_noise_they_state(twin, scope, ramp):
    pumps = [Keithley2450Pump(twin.addresses[f"pump_{n}"], clock=twin.clock) for n in (1, 2)]
    for pump, current_a in zip(pumps, (3e-3, 2.82e-3), strict=True):
        pump.ramp_to_current(current_a, 6e-7)
    spectrometer = ScopeFabryPerot(ramp, scope, amplitude_v=1.0, clock=twin.clock)
    first, second = spectrometer.record(0.32), spectrometer.record(0.32)
    for pump in pumps:
        pump.shutdown()
        pump.close()
    voltage = first.voltage.values
    assert np.all(voltage.max(axis=1) > 0.1)
    dark = voltage < 0.02
    spread = (second.voltage.values - voltage)[dark] / np.sqrt(2)
    stated = np.sqrt(np.mean(first.voltage_std.values[dark] ** 2))
    # the detectors' 500 kHz leave a seventh of the noise in common to bins of 2.4 us
    assert spread.std() == pytest.approx(stated / np.sqrt(1.15), rel=0.05)


def ask(bench, line):
    session = bench.stations["scope"].session()
    return b"".join(reply.data for reply in session.feed(line + b"\n"))


def test_commands_are_understood_in_long_and_short_form_and_errors_are_queued():
    bench = Bench(World(SETTINGS))
    assert ask(bench, b":CHANnel2:RANGe 0.5;:CHAN2:RANG?") == b"+5.00000000E-01\n"
    assert ask(bench, b":TRIGger:EDGE:SOURce EXTernal;:TRIG:SOUR?") == b"EXT\n"
    assert ask(bench, b":WAV:BYT MSBF;:WAV:BYTeorder?") == b"MSBF\n"
    assert ask(bench, b":CHAN2:RANG 400") == b""
    assert ask(bench, b":SYST:ERR?").startswith(b'-222,"Data out of range')
    assert ask(bench, b":WAV:DATA?") == b""
    assert ask(bench, b":SYST:ERR?") == b'-230,"Data corrupt or stale"\n'
    assert ask(bench, b":SYST:ERR?") == b'+0,"No error"\n'


def test_while_it_waits_for_a_trigger_only_stop_is_heard():
    bench = Bench(World(SETTINGS))
    assert ask(bench, b":TRIG:SOUR EXT;:DIG CHAN1") == b""
    assert ask(bench, b"*OPC?") == b""
    assert ask(bench, b":STOP") == b""
    assert ask(bench, b"*OPC?") == b"1\n"
