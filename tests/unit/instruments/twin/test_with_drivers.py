"""The real drivers against the simulated lab: the same objects that a procedure uses."""

import numpy as np
import pytest

from instruments import (
    attenuator,
    fabry_perot,
    idquantique,
    keithley,
    lakeshore,
    redpitaya,
    thorlabs,
    thorlabs_power,
)
from instruments.errors import (
    InstrumentDisconnected,
    InstrumentTimeout,
    Interlock,
    NotSettled,
)
from instruments.twin import TwinSettings, draw_truth, start_twin

SETTINGS = TwinSettings(seed=3, clock="lock-step", trajectories=16, duration_ns=400.0)


@pytest.fixture
def twin():
    with start_twin(SETTINGS) as running:
        yield running


def test_a_cryostat_settles_after_a_small_step_within_a_minute_of_world_time(twin):
    with lakeshore.LakeShore336(twin.addresses["cryostat_2"], clock=twin.clock) as cryostat:
        cryostat.set_setpoint_k(34.875)
        start = twin.clock.now()
        reached = cryostat.wait_until_settled(band_k=3e-3, dwell_s=10.0, deadline_s=120.0)
        assert reached == pytest.approx(34.875, abs=3e-3)
        assert 15 < twin.clock.now() - start < 60


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("not_settled", NotSettled),
        ("heater_off", Interlock),
        ("heater_open", Interlock),
        ("sensor_overrange", Interlock),
        ("disconnect", InstrumentDisconnected),
    ],
)
def test_faults_of_a_cryostat_reach_the_procedure_as_typed_errors(twin, fault, error):
    with lakeshore.LakeShore336(twin.addresses["cryostat_2"], clock=twin.clock, timeout_s=0.3) as cryostat:
        twin.inject("cryostat_2", fault)
        twin.clock.sleep(20.0)
        with pytest.raises(error):
            cryostat.wait_until_settled(band_k=3e-3, dwell_s=10.0, deadline_s=60.0)


def test_a_silent_cryostat_is_a_timeout_and_recovers(twin):
    with lakeshore.LakeShore336(twin.addresses["cryostat_2"], clock=twin.clock, timeout_s=0.3) as cryostat:
        twin.inject("cryostat_2", "timeout")
        with pytest.raises(InstrumentTimeout):
            _ = cryostat.temperature_k
        twin.clear("cryostat_2", "timeout")
        assert cryostat.temperature_k == pytest.approx(34.9, abs=3e-3)


def test_a_leaking_array_stops_the_ramp_of_the_pump(twin):
    with keithley.Keithley2450Pump(twin.addresses["pump_1"], clock=twin.clock) as pump:
        assert pump.ramp_to_current(1e-3, 2e-6) == pytest.approx(1e-3, abs=2.2e-6)
        twin.inject("pump_1", "compliance")
        with pytest.raises(Interlock):
            pump.ramp_to_current(3e-3, 2e-6)


def test_a_full_spectrum_shows_the_lines_where_the_truth_says(twin):
    truth, addresses, clock = draw_truth(SETTINGS), twin.addresses, twin.clock
    with (
        keithley.Keithley2450Pump(addresses["pump_1"], clock=clock) as pump_1,
        keithley.Keithley2450Pump(addresses["pump_2"], clock=clock) as pump_2,
        idquantique.ID900(addresses["correlator"], clock=clock) as correlator,
        redpitaya.RedPitaya(addresses["ramp"], clock=clock) as board,
        thorlabs.ELL14(addresses["rotator"], clock=clock) as mount,
    ):
        pump_1.ramp_to_current(120 * 25e-6, 1e-6)
        pump_2.ramp_to_current(120 * 23.5e-6, 1e-6)
        attenuator.PolarisationAttenuator(mount).set_transmission(0.0)
        interferometer = fabry_perot.ScanningFabryPerot(board, correlator, clock=clock)
        interferometer.start()
        clock.sleep(60.0)
        counts = interferometer.record(20.0).counts.values

    ramp_v = 0.9 * (2 * (np.arange(4096) + 0.5) / 4096 - 1)
    resonance = truth.orders_per_volt * (ramp_v + truth.piezo_cubic_per_v2 * ramp_v**3)
    positions = []
    for row in counts:
        phase = np.angle(np.sum((row - np.median(row)) * np.exp(2j * np.pi * resonance))) / (2 * np.pi)
        positions.append(phase * truth.free_spectral_range_ghz)
    period = truth.free_spectral_range_ghz
    found = (positions[1] - positions[0] + period / 2) % period - period / 2
    expected = truth.tuning_ghz_per_k[1] * (34.9 - truth.crossing_temperature_k)
    assert found == pytest.approx(expected, abs=0.05)  # curvature, pump offsets and pulling are smaller
    assert 200e3 < counts.max() / (20.0 * 50.0 * 0.01 / 4096) < 500e3


def test_an_analyser_turned_by_45_degrees_lets_the_power_meter_see_the_weak_mode():
    with start_twin(
        TwinSettings(bench="full", clock="lock-step", trajectories=16, duration_ns=400.0)
    ) as twin:
        addresses, clock = twin.addresses, twin.clock
        with (
            keithley.Keithley2450Pump(addresses["pump_1"], clock=clock) as pump,
            thorlabs.ELL14(addresses["analyser_1"], clock=clock) as analyser,
            thorlabs_power.PM100(addresses["power_meter"], clock=clock) as meter,
        ):
            pump.ramp_to_current(120 * 25e-6, 1e-6)
            analyser.move_to_deg(0.0)
            strong_w = meter.power_w
            analyser.move_to_deg(45.0)
            weak_w = meter.power_w
            analyser.move_to_deg(22.5)
            half_w = meter.power_w
    # 13.8 and 1.2 photons alone at 25 uA, give or take the 0.5 % of the current and 7 % of the weak mode
    assert weak_w / strong_w == pytest.approx(1.19 / 13.8, rel=0.15)
    assert half_w == pytest.approx((strong_w + weak_w) / 2, rel=0.03)


def test_a_board_that_is_gone_cannot_be_connected(twin):
    twin.inject("ramp", "disconnect")
    with pytest.raises(InstrumentDisconnected):
        redpitaya.RedPitaya(twin.addresses["ramp"], clock=twin.clock, timeout_s=0.3)
