import math

import pytest
from pymeasure.test import expected_protocol

from instruments import (
    InstrumentDisconnected,
    InstrumentProtocolError,
    Interlock,
    Keithley2450Pump,
    NotSettled,
    OutOfRange,
)

IDN = ("*IDN?", "KEITHLEY INSTRUMENTS,MODEL 2450,04400000,1.7.12b")
CLEAN = ("SYST:ERR?", '0,"No error;0;0 0"')


class Array:
    """A 2450 with a laser array (diode and series resistance) at its output."""

    def __init__(self, series_ohm=1600.0, noise_a=0.0):
        self.series_ohm, self.noise_a = series_ohm, noise_a
        self.volts, self.limit, self.on, self.errors = 0.0, 1e-4, False, []
        self.voltages, self.events = [], []
        self.reads = 0

    @property
    def amperes(self):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            drop = middle * self.series_ohm + 0.03 * math.log(middle / 3e-3 * math.exp(1.45 / 0.03) + 1)
            low, high = (middle, high) if drop < self.volts else (low, middle)
        return low if self.on else 0.0

    def __call__(self, command):
        self.events.append(command)
        if command.startswith(":SOUR:VOLT:LEV "):
            self.volts = float(command.split()[1])
            self.voltages.append(self.volts)
        elif command.startswith(":SOUR:VOLT:ILIM "):
            self.limit = float(command.split()[1])
        elif command in (":OUTP ON", ":OUTP OFF"):
            self.on = command.endswith("ON")
        elif command.endswith("?"):
            return self.query(command)
        return None

    def query(self, command):
        if command == ":READ?":
            self.reads += 1
            noise = self.noise_a * (-1) ** self.reads
            return f"{min(self.amperes, self.limit) + noise:.6E}"
        if command == "SYST:ERR?":
            return self.errors.pop(0) if self.errors else CLEAN[1]
        return {
            "*IDN?": IDN[1],
            ":SOUR:FUNC?": "VOLT",
            ":SOUR:VOLT?": f"{self.volts:.6E}",
            ":SOUR:VOLT:ILIM?": f"{self.limit:.6E}",
            ":SOUR:VOLT:ILIM:TRIP?": str(int(self.amperes > self.limit)),
            "OUTPUT?": str(int(self.on)),
        }[command]


def pump_on(array, wire, clock, **options):
    return Keithley2450Pump(wire(array), clock=clock, **options)


def test_readings_and_settings_use_the_manuals_words():
    pairs = [IDN, CLEAN, (":READ?", "1.234567E-03"), (":SOUR:VOLT?", "6.500000E+00"), ("OUTPUT?", "1")]
    with expected_protocol(Keithley2450Pump, pairs) as pump:
        assert pump.current_a == 1.234567e-3
        assert pump.voltage_v == 6.5
        assert pump.output_on is True


def test_switching_on_sets_the_current_limit_before_the_output_and_starts_at_zero_volts():
    pairs = [
        IDN,
        CLEAN,
        ("OUTPUT?", "0"),
        (":SOUR:FUNC VOLT", None),
        CLEAN,
        (":SOUR:VOLT:RANG 10", None),
        CLEAN,
        (":SOUR:VOLT:LEV 0", None),
        CLEAN,
        (':SENS:FUNC "CURR"', None),
        CLEAN,
        (":SENS:CURR:RANG:AUTO 1", None),
        CLEAN,
        (":SENS:CURR:NPLC 1", None),
        CLEAN,
        (":SOUR:VOLT:ILIM 0.005", None),
        CLEAN,
        (":SOUR:VOLT:ILIM?", "5.000000E-03"),
        (":SOUR:FUNC?", "VOLT"),
        (":SOUR:VOLT?", "0.000000E+00"),
        (":OUTP ON", None),
        CLEAN,
        (":SOUR:VOLT?", "0.000000E+00"),
        *[("OUTPUT?", "1"), (":SOUR:VOLT:ILIM:TRIP?", "0"), (":READ?", "0.000000E+00")] * 2,
    ]
    with expected_protocol(Keithley2450Pump, pairs, step_pause_s=0.0) as pump:
        assert pump.ramp_to_current(0.0, 1e-6) == 0.0


def test_the_ramp_reaches_the_current_by_small_steps_below_the_limits(wire, clock):
    array = Array()
    pump = pump_on(array, wire, clock)
    reached = pump.ramp_to_current(3e-3, 2e-6)
    assert abs(reached - 3e-3) <= 2e-6
    steps = [b - a for a, b in zip([0.0, *array.voltages], array.voltages, strict=False)]
    assert max(map(abs, steps)) <= 0.05 + 1e-9
    assert max(array.voltages) <= 6.30  # 1.45 V + 3 mA x 1600 ohm = 6.25 V
    assert len(array.voltages) < 150  # 6.25 V / 0.05 V = 125 steps at least
    assert clock.time_s >= 125 * 0.02


def test_a_higher_and_a_lower_current_are_approached_from_where_the_voltage_is(wire, clock):
    array = Array()
    pump = pump_on(array, wire, clock)
    for target in (2.82e-3, 3.0e-3, 2.0e-3):
        array.voltages.clear()
        before = array.volts
        assert pump.ramp_to_current(target, 2e-6) == pytest.approx(target, abs=2e-6)
        assert abs(array.voltages[0] - before) <= 0.05 + 1e-9
    assert array.events.count(":OUTP ON") == 1


def test_noise_on_the_reading_does_not_disturb_the_approach(wire, clock):
    array = Array(noise_a=3e-7)
    reached = pump_on(array, wire, clock).ramp_to_current(3e-3, 2e-6)
    assert reached == pytest.approx(3e-3, abs=2e-6)
    assert array.amperes == pytest.approx(3e-3, abs=2.4e-6)


def test_a_tolerance_below_the_noise_ends_as_not_settled(wire, clock):
    with pytest.raises(NotSettled, match="below the noise"):
        pump_on(Array(noise_a=1e-6), wire, clock).ramp_to_current(1e-3, 1e-9)


@pytest.mark.parametrize("current_a", [-1e-3, 5.1e-3, math.nan])
def test_a_current_beyond_the_limit_is_refused_before_anything_is_sent(current_a):
    with (
        expected_protocol(Keithley2450Pump, [IDN, CLEAN]) as pump,
        pytest.raises(OutOfRange, match="between 0 and the limit of 0.005 A"),
    ):
        pump.ramp_to_current(current_a, 1e-6)


def test_a_short_trips_the_compliance_and_the_pump_ramps_down_and_off(wire, clock):
    array = Array(series_ohm=1.0)
    with pytest.raises(Interlock, match="current limit of 0.005 A is active"):
        pump_on(array, wire, clock).ramp_to_current(4.99e-3, 1e-6)
    assert array.volts == 0
    assert not array.on
    down = array.voltages[array.voltages.index(max(array.voltages)) :]
    assert len(down) > 20
    assert max(a - b for a, b in zip(down, down[1:], strict=False)) <= 0.05 + 1e-9


def test_a_voltage_is_ramped_in_steps_and_refused_beyond_the_limit(wire, clock):
    array = Array()
    pump = pump_on(array, wire, clock, voltage_limit_v=5.0)
    pump.ramp_to_voltage(1.23)
    assert array.voltages[-1] == 1.23
    assert max(b - a for a, b in zip(array.voltages, array.voltages[1:], strict=False)) <= 0.05 + 1e-9
    with pytest.raises(OutOfRange, match="outside 0 to 5.0 V"):
        pump.ramp_to_voltage(5.1)
    with pytest.raises(LookupError):
        pump.source_voltage = 3.0
    assert array.volts == 1.23


def test_an_output_that_somebody_else_left_on_beyond_the_limit_is_not_touched(wire, clock):
    array = Array()
    array.on, array.volts = True, 12.0
    pump = pump_on(array, wire, clock)
    with pytest.raises(Interlock, match="not ours"):
        pump.ramp_to_current(1e-3, 1e-6)
    assert (array.on, array.volts) == (True, 12.0)
    pump.shutdown()
    assert (array.on, array.volts) == (False, 0.0)


def test_an_open_contact_ends_at_the_voltage_limit_with_the_output_off(wire, clock):
    array = Array(series_ohm=1e6)
    with pytest.raises(Interlock, match=r"cannot be reached between 0 and 4.0 V"):
        pump_on(array, wire, clock, voltage_limit_v=4.0).ramp_to_current(3e-3, 1e-6)
    assert max(array.voltages) == 4.0
    assert not array.on


def test_an_output_that_goes_off_during_the_ramp_is_an_interlock(wire, clock):
    array = Array()
    pump = pump_on(array, wire, clock)
    pump.ramp_to_current(1e-3, 1e-6)

    def drop_out(command):
        if array.volts > 4:
            array.on = False
        return array(command)

    pump.adapter.answer = drop_out
    with pytest.raises(Interlock, match="output is off in the middle"):
        pump.ramp_to_current(3e-3, 1e-6)


def test_an_error_in_the_queue_after_a_set_is_raised_with_its_text(wire, clock):
    array = Array()
    pump = pump_on(array, wire, clock)
    array.errors += ['-222,"Data out of range"', '-113,"Undefined header"', CLEAN[1]]
    with pytest.raises(InstrumentProtocolError, match="-222 Data out of range; -113 Undefined header"):
        pump.ramp_to_current(1e-3, 1e-6)


def test_old_errors_are_cleared_and_logged_at_connection(wire, clock, caplog):
    array = Array()
    array.errors.append('-350,"Queue overflow"')
    pump_on(array, wire, clock)
    assert "Queue overflow" in caplog.text


def test_a_current_limit_that_does_not_read_back_keeps_the_output_off(wire, clock):
    array = Array()
    pump = Keithley2450Pump(
        wire(lambda command: "1.050000E-04" if command == ":SOUR:VOLT:ILIM?" else array(command)), clock=clock
    )
    with pytest.raises(InstrumentProtocolError, match="current limit"):
        pump.ramp_to_current(1e-3, 1e-6)
    assert ":OUTP ON" not in array.events


def test_shutdown_ramps_to_zero_before_the_output_goes_off(wire, clock):
    array = Array()
    pump = pump_on(array, wire, clock)
    pump.ramp_to_current(2e-3, 1e-6)
    array.voltages.clear()
    pump.shutdown()
    assert array.voltages[-1] == 0
    assert max(a - b for a, b in zip(array.voltages, array.voltages[1:], strict=False)) <= 0.05 + 1e-9
    assert array.events[-2:] == [":OUTP OFF", "OUTPUT?"]


def test_shutdown_switches_off_even_when_the_ramp_fails(wire, clock, caplog):
    array = Array()
    pump = pump_on(array, wire, clock)
    pump.ramp_to_current(1e-3, 1e-6)

    def deaf_to_voltages(command):
        if command.startswith(":SOUR:VOLT"):
            raise InstrumentDisconnected("gone")
        return array(command)

    pump.adapter.answer = deaf_to_voltages
    pump.shutdown()
    assert not array.on
    assert "ramping the voltage to zero failed" in caplog.text


def test_shutdown_reconnects_after_a_lost_connection(serve, clock):
    array = Array()

    def answer(command):
        reply = array(command)
        return None if reply is None else reply.encode() + b"\n"

    server = serve(answer)
    pump = Keithley2450Pump(f"TCPIP::127.0.0.1::{server.port}::SOCKET", clock=clock, timeout_s=0.5)
    pump.ramp_to_current(5e-4, 1e-6)
    assert array.on
    server.sockets[0].close()
    pump.shutdown()
    assert array.volts == 0
    assert not array.on


@pytest.mark.parametrize("reply", ["9.9E37", "9.910000E+37", "-9.9E37", "2.5"])
def test_an_overflow_is_never_returned_as_a_current(reply):
    with (
        expected_protocol(Keithley2450Pump, [IDN, CLEAN, (":READ?", reply)]) as pump,
        pytest.raises(InstrumentProtocolError, match="reply"),
    ):
        _ = pump.current_a


@pytest.mark.parametrize(
    "options", [{"current_limit_a": 2.0}, {"voltage_limit_v": 60.0}, {"voltage_step_v": 0.0}]
)
def test_impossible_limits_are_refused(options, wire, clock):
    with pytest.raises(ValueError, match="2450"):
        pump_on(Array(), wire, clock, **options)


def test_an_output_blocked_by_the_interlock_is_an_interlock(wire, clock):
    array = Array()

    def blocked(command):
        if command == ":OUTP ON":
            array.errors += ['802,"OUTPUT blocked by interlock;1;0 0"']
            return None
        return array(command)

    with pytest.raises(Interlock, match="interlock blocks the output"):
        pump_on(blocked, wire, clock).ramp_to_current(1e-3, 1e-6)
    assert array.voltages == [0.0]


def test_an_output_that_goes_off_just_before_the_reading_is_an_interlock_not_a_bad_reply(wire, clock):
    array = Array()

    def trip_at_reading(command):
        if command == ":READ?" and array.volts > 2:
            array.on = False
            return "9.900000E+37"
        return array(command)

    with pytest.raises(Interlock, match="output is off in the middle"):
        pump_on(trip_at_reading, wire, clock).ramp_to_current(3e-3, 1e-6)
    assert array.volts == 0


def test_an_overflow_while_the_output_is_on_stays_a_protocol_error(wire, clock):
    array = Array()
    pump = pump_on(lambda command: "9.9E37" if command == ":READ?" else array(command), wire, clock)
    with pytest.raises(InstrumentProtocolError, match="reply '9.9E37'"):
        pump.ramp_to_current(3e-3, 1e-6)


@pytest.mark.parametrize(
    ("query", "answer", "words"),
    [(":SOUR:VOLT?", "5.000000E+00", "voltage and 5 V"), (":SOUR:FUNC?", "CURR", "current and 0 V")],
)
def test_a_source_that_is_not_at_zero_volts_is_not_switched_on(query, answer, words, wire, clock):
    array = Array()
    pump = pump_on(lambda command: answer if command == query else array(command), wire, clock)
    with pytest.raises(InstrumentProtocolError, match=words):
        pump.ramp_to_current(1e-3, 1e-6)
    assert ":OUTP ON" not in array.events


def test_noise_at_zero_volts_is_no_contact_fault(wire, clock):
    array = Array(noise_a=1e-6)
    with pytest.raises(NotSettled, match="below the noise"):
        pump_on(array, wire, clock).ramp_to_current(0.0, 1e-7)
    assert array.volts < 1.5  # below the diode's threshold


def test_shutdown_leaves_zero_volts_behind_an_output_that_is_off_already(wire, clock):
    array = Array()
    pump = pump_on(array, wire, clock)
    pump.ramp_to_current(1e-3, 1e-6)
    array.on = False
    pump.shutdown()
    assert array.volts == 0
    assert array.events[-3:] == [":SOUR:VOLT:LEV 0", ":OUTP OFF", "OUTPUT?"]


def test_an_output_that_somebody_else_switched_off_is_not_switched_on_again(wire, clock):
    array = Array()
    pump = pump_on(array, wire, clock)
    pump.ramp_to_current(1e-3, 1e-6)
    array.on = False
    with pytest.raises(Interlock, match="not switched on again by itself"):
        pump.ramp_to_current(1e-3, 1e-6)
    assert array.events.count(":OUTP ON") == 1
    pump.shutdown()
    assert pump.ramp_to_current(1e-3, 1e-6) == pytest.approx(1e-3, abs=1e-6)
