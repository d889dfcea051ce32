"""Pump and power meter: their drivers on their simulated devices, without a network between them."""

import numpy as np
import pytest

from instruments import PM100, Interlock, Keithley2450Pump
from instruments.twin import TwinSettings
from instruments.twin.bench import Bench
from instruments.twin.world import World
from models import micropillars


class WorldClock:
    """A clock whose time is the world's."""

    def __init__(self, world):
        self.world = world

    def now(self):
        return self.world.now_s

    def sleep(self, seconds):
        self.world.advance(seconds)


@pytest.fixture
def bench():
    settings = TwinSettings(seed=1, clock="lock-step", bench="full", trajectories=16, duration_ns=400.0)
    return Bench(World(settings))


@pytest.fixture
def connect(bench, wire):
    def on_station(driver, name):
        session = bench.stations[name].session()

        def answer(command):
            replies = session.feed(command.encode() + b"\n")
            return replies[0].data.decode().strip() if replies else None

        return driver(wire(answer), clock=WorldClock(bench.world))

    return on_station


@pytest.fixture
def array(bench):
    return bench.world.arrays[0]


@pytest.mark.parametrize(
    ("fault", "words"),
    [("interlock", "output is off in the middle"), ("compliance", "current limit of 0.005 A is active")],
)
def test_a_fault_in_the_middle_of_a_ramp_stops_it_and_the_next_ramp_works(
    connect, bench, array, fault, words
):
    pump = connect(Keithley2450Pump, "pump_1")
    pump.ramp_to_current(1e-3, 2e-6)
    highest_v = []

    def strike(*_):
        highest_v.append(array.voltage_v)
        if array.voltage_v > 4.0:
            array.faults.add(fault)

    bench.world.observe(strike)
    with pytest.raises(Interlock, match=words):
        pump.ramp_to_current(3e-3, 2e-6)
    assert not pump.output_on
    assert pump.voltage_v == 0
    assert array.current_a == 0
    assert 4.0 < max(highest_v) < 4.2
    array.faults.clear()
    assert pump.ramp_to_current(1e-3, 2e-6) == pytest.approx(1e-3, abs=2.2e-6)


def test_an_open_interlock_blocks_the_output_until_it_is_closed(connect, array):
    pump = connect(Keithley2450Pump, "pump_1")
    array.faults.add("interlock")
    with pytest.raises(Interlock, match="interlock blocks the output"):
        pump.ramp_to_current(1e-3, 2e-6)
    array.faults.clear()
    pump.ramp_to_current(1e-3, 2e-6)
    assert array.current_a == pytest.approx(1e-3, abs=2.2e-6)


def test_an_open_interlock_turns_the_laser_off_though_nobody_asks_and_it_stays_off(connect, bench, array):
    pump = connect(Keithley2450Pump, "pump_1")
    pump.ramp_to_current(1e-3, 2e-6)
    array.faults.add("interlock")
    bench.world.advance(0.2)
    assert array.current_a == 0
    array.faults.clear()
    bench.world.advance(0.2)
    assert array.current_a == 0
    assert not pump.output_on


def test_the_dark_meter_reads_a_small_offset_with_noise(connect):
    meter = connect(PM100, "power_meter")
    meter.wavelength_nm = 898.4
    readings = np.array([meter.power_w for _ in range(400)])
    assert abs(readings.mean()) < 5e-11 + 4 * 2e-11 / np.sqrt(400)
    assert readings.std() == pytest.approx(2e-11, rel=4 / np.sqrt(2 * 400))


def test_the_meter_sees_the_energy_that_the_collected_photons_carry_away(connect, bench, array):
    meter = connect(PM100, "power_meter")
    meter.wavelength_nm = 898.4
    powers = {}
    for current_ua in (15.0, 25.0, 30.0):
        array.drive_voltage(array.voltage_at(120e-6 * current_ua), 5e-3)
        powers[current_ua] = meter.power_w
    pair = micropillars.kreinberg2019(30.0, 23.5, coupling=0.0, inactive_loss_factor=1.34)
    steady = micropillars.steady_state(pair, settle_ns=1.0)
    noise_free = float(steady.photon_number.sel(pillar="P1", mode="strong"))
    expected_w = noise_free * pair.pillar_1.output_nw_per_photon * 1e-9 * 0.1
    assert powers[30.0] == pytest.approx(
        expected_w, rel=0.2
    )  # spread of the collection and the current, noise
    assert powers[15.0] < 0.02 * powers[25.0] < 0.02 * powers[30.0]


def test_a_wrong_wavelength_shows_a_wrong_power_as_the_sensors_response_says(connect, array):
    meter = connect(PM100, "power_meter")
    array.drive_voltage(array.voltage_at(3e-3), 5e-3)
    shown = {}
    for wavelength_nm in (898.4, 635.0):
        meter.wavelength_nm = wavelength_nm
        shown[wavelength_nm] = meter.power_w
    assert shown[635.0] / shown[898.4] == pytest.approx(898.4 / 635.0, rel=0.02)
