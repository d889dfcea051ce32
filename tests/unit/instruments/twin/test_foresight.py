"""Light is simulated while a client sleeps, never inside an answer, which would come too late."""

import pytest

from instruments import ID900, PM100, InfiniiVision, Keithley2450Pump, RedPitaya
from instruments.twin import TwinSettings
from instruments.twin.bench import Bench
from instruments.twin.devices import pm100
from instruments.twin.world import World

ENDS = {"correlator": b"", "ramp": b"\r\n"}


class WatchedLab:
    """A lab in lock-step without a network, which knows where the model is run."""

    def __init__(self, name, wire):
        settings = TwinSettings(seed=2, clock="lock-step", bench=name, trajectories=16, duration_ns=200.0)
        self.bench, self.wire = Bench(World(settings)), wire
        self.world = self.bench.world
        self.asleep, self.awake = 0, 0
        self._sleeping = False
        lines = self.world.light._cache._lines
        compute, lines._compute = lines._compute, lambda point: (self._count(), compute(point))[1]
        self.connect(Keithley2450Pump, "pump_1").ramp_to_current(3e-3, 2e-6)

    def _count(self):
        self.asleep += self._sleeping
        self.awake += not self._sleeping

    def now(self):
        return self.world.now_s

    def sleep(self, seconds):
        self._sleeping = True
        self.world.advance(seconds)
        self.world.prepare()
        self._sleeping = False

    def connect(self, driver, name):
        session = self.bench.stations[name].session()

        def answer(command):
            replies = session.feed(command.encode() + ENDS.get(name, b"\n"))
            return replies[0].data.decode("latin-1").rstrip("\r\n") if replies else None

        return driver(self.wire(answer), clock=self)


def power(lab):
    meter = lab.connect(PM100, "power_meter")
    return [meter.power_w for _ in range(3)]


def counts(lab):
    return lab.connect(ID900, "correlator").counts(1, 1.0)


def histogram(lab):
    lab.connect(RedPitaya, "ramp").start_triangle(50.0, 0.9, 0.0)
    return lab.connect(ID900, "correlator").start_stop_histogram(5, [1, 2], 2_441_400, 4096, 0.5)


def photodiode(lab):
    board = lab.connect(RedPitaya, "ramp")
    board.start_triangle(50.0, 0.9, 0.0)
    board._acquire(1024, "CH1_PE", 1.0)
    return lab.bench.stations["ramp"].session().feed(b"ACQ:SOUR2:DATA:OLD:N? 16384\r\n")


def oscilloscope(lab):
    lab.connect(RedPitaya, "ramp").start_triangle(50.0, 0.9, 0.0)
    scope = lab.connect(InfiniiVision, "scope")
    scope.set_trigger("EXT", 1.5)
    scope._digitise([1, 2, 3], 4, 0.1)
    return lab.bench.stations["scope"].session().feed(b":WAV:FORM ASC;:WAV:SOUR CHAN2;:WAV:DATA?\n")


@pytest.mark.parametrize(
    ("bench", "measure"),
    [
        ("full", power),
        ("minimal", counts),
        ("minimal", histogram),
        ("minimal", photodiode),
        ("mercury-scope", oscilloscope),
    ],
)
def test_new_light_is_simulated_in_a_sleep_of_the_client(bench, measure, wire):
    lab = WatchedLab(bench, wire)
    assert measure(lab) is not None
    assert lab.asleep >= 1
    assert lab.awake == 0


def test_a_power_meter_that_nobody_reads_needs_no_light(wire):
    lab = WatchedLab("full", wire)
    lab.connect(PM100, "power_meter")
    lab.sleep(1.0)
    assert lab.asleep == 0


def test_the_power_belongs_to_the_light_that_was_prepared_though_the_lines_move_a_little(wire):
    lab = WatchedLab("full", wire)
    lab.connect(PM100, "power_meter")
    meter = pm100.PM100(lab.world)
    meter.unit()
    lab.sleep(0.01)
    # 5 MHz at 6 GHz/K, less than a quarter of the meter's grid of 20 MHz
    lab.world.cryostats[1].temperature_k += 0.005 / 6.1
    meter.read()
    assert lab.awake == 0
