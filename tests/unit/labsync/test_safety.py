import logging
import threading
import time

import pytest

from instruments.clock import SystemClock
from instruments.twin import TwinSettings, start_twin
from labsync import safety
from labsync._connections import Connections
from labsync._readings import read as read_interlock
from labsync._readings import violation
from labsync._safety_sections import InterlockSection, SafeStep
from labsync.errors import UsageError
from labsync.settings import BUILT_IN, read_station_file

MINIMAL = (BUILT_IN / "minimal.toml").read_text()


class Part:
    """Plays every role on the way to the safe state; `trouble` is called with every action."""

    output_on = False
    heater_on = False
    position_um = (0.0, 0.0)

    def __init__(self, name, done, trouble=lambda: None):
        self.name, self.done, self.trouble = name, done, trouble

    def shutdown(self):
        self.trouble()
        self.done.append(self.name)

    stop = shutdown

    def set_transmission(self, transmission):
        self.done.append((self.name, transmission))


def step(role, action, timeout="5 s"):
    return SafeStep.model_validate({"role": role, "action": action, "timeout": timeout})


def gone():
    raise RuntimeError("gone")


@pytest.fixture
def read(tmp_path):
    def read(text):
        (tmp_path / "bench.toml").write_text(text)
        return read_station_file(str(tmp_path / "bench.toml"))[0]

    return read


def test_the_actions_are_done_in_the_order_of_the_list():
    done = []
    roles = {
        "attenuator": "closed",
        "cryostat_2": "heater off",
        "pump_2": "to zero",
        "stage": "stopped",
        "ramp": "off",
    }
    parts = {role: Part(role, done) for role in roles}
    outcomes = safety.make_safe([step(*each) for each in roles.items()], parts)
    assert done == [("attenuator", 0.0), "cryostat_2", "pump_2", "stage", "ramp"]
    assert safety.problems(outcomes) == []


def test_a_failed_action_is_logged_and_reported_and_the_next_is_tried(caplog):
    done = []
    parts = {
        role: Part(role, done, gone if role == "pump_1" else lambda: None) for role in ("pump_1", "ramp")
    }
    with caplog.at_level(logging.ERROR):
        outcomes = safety.make_safe(safety.DEFAULT_SAFE_STATE, parts)
    assert safety.problems(outcomes) == ["pump_1 to zero: gone"]
    assert done == ["ramp"]
    assert "Safe state: pump_1 to zero failed: gone" in caplog.text


def test_an_output_or_a_heater_that_stays_on_is_a_problem_although_the_driver_is_content():
    parts = {"pump_1": Part("pump_1", []), "cryostat_1": Part("cryostat_1", [])}
    parts["pump_1"].output_on, parts["cryostat_1"].heater_on = True, True
    steps = [step("pump_1", "to zero"), step("cryostat_1", "heater off")]
    first, second = safety.problems(safety.make_safe(steps, parts))
    assert "pump_1 to zero: the output stays on" in first
    assert "cryostat_1 heater off: the heater stays on" in second


def test_an_action_that_hangs_is_left_behind_and_its_instrument_connected_anew():
    done, opened, release = [], [], threading.Event()

    class Opening(dict):
        def __missing__(self, role):
            opened.append(role)
            self[role] = Part(role, done, release.wait if len(opened) == 1 else lambda: None)
            return self[role]

        def __contains__(self, role):
            return True

    parts = Opening()
    steps = [step("pump_1", "to zero", "0.1 s"), step("pump_1", "to zero"), step("ramp", "off")]
    begun = time.monotonic()
    outcomes = safety.make_safe(steps, parts, parts.pop)
    assert 0.1 <= time.monotonic() - begun < 20.0
    assert safety.problems(outcomes) == ["pump_1 to zero: not done after 0.1 s"]
    assert (opened, done) == (["pump_1", "pump_1", "ramp"], ["pump_1", "ramp"])
    release.set()


def test_a_pump_that_went_deaf_does_not_keep_the_others_from_their_safe_state(read):
    pumps = "".join(
        f'\n[[safe_state]]\nrole = "{role}"\naction = "{action}"\ntimeout = "{timeout}"\n'
        for role, action, timeout in (
            ("pump_1", "to zero", "0.3 s"),
            ("pump_2", "to zero", "5 s"),
            ("attenuator", "closed", "5 s"),
            ("cryostat_2", "heater off", "5 s"),
        )
    )
    settings = read(MINIMAL + pumps)
    with start_twin(TwinSettings(seed=4, clock="lock-step")) as twin:
        program = Connections(settings, twin.addresses, twin.clock)
        for name in ("pump_1", "pump_2"):
            program[name].ramp_to_voltage(0.5)
        program["cryostat_2"].set_setpoint_k(40.0)
        twin.clock.sleep(2.0)
        assert program["cryostat_2"].heater_on
        program["attenuator"].set_transmission(1.0)
        twin.inject("pump_1", "half_open")
        stopped_s = twin.clock.now()
        rescue = Connections(settings, twin.addresses, SystemClock())
        outcomes = safety.make_safe(settings.safe_state, rescue, rescue.forget)
        assert safety.problems(outcomes) == ["pump_1 to zero: not done after 0.3 s"]
        assert not program["pump_2"].output_on
        assert not program["cryostat_2"].heater_on
        assert program["attenuator"].transmission == pytest.approx(0.0, abs=1e-6)
        twin.clear()
        assert safety.problems(safety.make_safe(settings.safe_state, rescue, rescue.forget)) == []
        assert not program["pump_1"].output_on
        assert twin.clock.now() == stopped_s  # a lab in lock-step is made safe without world time
        rescue.close()
        program.close()


def test_readings_come_in_the_unit_of_their_limit_and_what_is_no_number_violates_it():
    class Pump:
        output_on, voltage_v, current_a = True, 6.0, 2e-3

    class Meter:
        power_w = 3e-6

    class Counter:
        def counts(self, channel, integration_s):
            return {3: 250_000}[channel] * integration_s

    def interlock(role, quantity, limit, **more):
        entry = {"role": role, "quantity": quantity, "limit": limit, **more}
        return InterlockSection.model_validate(entry)

    instruments = {"pump_1": Pump(), "power_meter": Meter(), "correlator": Counter()}
    power = interlock("pump_1", "power", "11 mW")
    assert read_interlock(power, instruments) == pytest.approx(12e-3)
    assert violation(power, 11.1e-3) == "pump_1 power is 0.0111 W, above the limit of 11 mW"
    assert violation(power, 10.9e-3) is None
    assert violation(power, float("nan")) is not None
    assert read_interlock(interlock("pump_1", "current", "1 mA"), instruments) == 2e-3
    assert read_interlock(interlock("power_meter", "power", "1 uW"), instruments) == 3e-6
    rate = interlock("correlator", "count rate", "0.2 MHz", input=3)
    assert violation(rate, read_interlock(rate, instruments)).startswith(
        "correlator count rate at input 3 is 250000 Hz"
    )


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        (
            'safe_state]]\nrole = "pump_1"\naction = "closed"',
            r"'closed' is for attenuator; pump_1 knows 'to zero'",
        ),
        ('safe_state]]\nrole = "camera"\naction = "off"', r"'off' is for ramp; camera knows none"),
        ('safe_state]]\nrole = "stage"\naction = "stopped"', r"\[\[safe_state\]\] names stage, which this"),
        ('safe_state]]\nrole = "ramp"\nacton = "off"', r"unknown key 'acton' in \[safe_state\]; .*'action'"),
        (
            'watchdog.interlock]]\nrole = "pump_1"\nquantity = "current"\nlimit = "3 K"',
            r"\[watchdog\] interlock: '3 K' is not in a unit of A",
        ),
        (
            'watchdog.interlock]]\nrole = "correlator"\nquantity = "count rate"\nlimit = "1 MHz"',
            r"count rate, and nothing else, has an 'input'",
        ),
        (
            'watchdog.interlock]]\nrole = "correlator"\nquantity = "count rate"\nlimit = "1 MHz"\ninput = 1\n'
            'read_by = "watchdog"',
            r"read by the program only",
        ),
        (
            'watchdog.interlock]]\nrole = "pump_1"\nquantity = "power"\nlimit = "9 mW"\nread_by = "watchdog"',
            r"simulated inside the program is read by the program only; give read_by 'program'",
        ),
    ],
)
def test_a_wrong_step_or_interlock_is_refused_with_what_would_be_right(read, section, sentence):
    with pytest.raises(UsageError, match=sentence):
        read(f"{MINIMAL}\n[[{section}\n")
