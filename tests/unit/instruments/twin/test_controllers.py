"""The temperature controllers' drivers on their simulated devices, without a network between them."""

import itertools

import numpy as np
import pytest

from instruments import (
    InstrumentProtocolError,
    Interlock,
    LakeShore335,
    LakeShore336,
    MercuryiTC,
    NotSettled,
)
from instruments.twin import TwinSettings, start_twin
from instruments.twin._streams import stream
from instruments.twin.cryostat import HEATER_FULL_SCALE_W, SAMPLE_S, Cryostat
from instruments.twin.devices import LakeShore335 as Box335
from instruments.twin.devices import LakeShore336 as Box336
from instruments.twin.devices import MercuryITC as BoxMercury
from instruments.twin.protocols import LakeShoreProtocol, MercuryProtocol

BOXES = {
    LakeShore335: lambda stage: LakeShoreProtocol(Box335(stage), "LSA0000335"),
    LakeShore336: lambda stage: LakeShoreProtocol(Box336(stage), "LSA0000336"),
    MercuryiTC: lambda stage: MercuryProtocol(BoxMercury(stage), "224550324"),
}
START_K = 32.0


class StageClock:
    """A clock whose time is the stage's."""

    def __init__(self, stage):
        self.stage, self.steps = stage, 0

    def now(self):
        return self.steps * SAMPLE_S

    def sleep(self, seconds):
        for _ in range(round(seconds / SAMPLE_S)):
            self.steps += 1
            self.stage.step(0.0)


@pytest.fixture(params=BOXES, ids=lambda driver: driver.__name__)
def driver(request):
    return request.param


@pytest.fixture(params=[1, 2], ids="seed {}".format)
def stage(request):
    return Cryostat(START_K, stream(request.param, "cryostat"))


@pytest.fixture
def controller(driver, stage, wire):
    return driver(wire(BOXES[driver](stage).handle), clock=StageClock(stage))


def settle(controller, **options):
    rule = {"band_k": 3e-3, "dwell_s": 15.0, "deadline_s": 300.0} | options
    return controller.wait_until_settled(**rule)


@pytest.mark.parametrize(
    ("step_k", "overshoot_k", "settled_s"),
    [
        (0.025, (0.002, 0.005), (22, 50)),
        (1.0, (0.085, 0.09), (105, 125)),
        (5.0, (-0.003, 0.008), (55, 75)),
        (-5.0, (-0.003, 0.003), (120, 170)),
    ],
)
def test_a_step_overshoots_and_settles_as_documented(controller, step_k, overshoot_k, settled_s):
    seen = []
    controller.set_setpoint_k(START_K + step_k)
    settle(controller, on_poll=seen.append)
    beyond = np.sign(step_k) * (np.array(seen) - START_K - step_k)
    assert overshoot_k[0] <= beyond.max() <= overshoot_k[1]
    assert settled_s[0] <= controller.clock.now() <= settled_s[1]


def test_the_reading_is_the_stages_and_the_heater_carries_the_heat_to_the_base(controller, stage):
    assert controller.temperature_k == pytest.approx(START_K, abs=5e-3)
    assert controller.heater_percent == pytest.approx(24.0, abs=0.1)  # 0.1 W/K times 12 K, of 5 W
    controller.clock.sleep(50.0)
    assert controller.temperature_k == pytest.approx(stage.temperature_k, abs=5e-3)


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("heater_open", Interlock, "open load|Open Circuit"),
        ("heater_short", Interlock, "short|Short Circuit"),
        ("heater_off", Interlock, "is off"),
        ("tlimit_trip", Interlock, "is off"),
        ("sensor_overrange", Interlock, "over range|Short Circuit"),
        ("sensor_underrange", Interlock, "under range|Open Circuit"),
        ("not_settled", NotSettled, "not settled after 60 s"),
    ],
)
def test_every_fault_ends_the_wait_with_a_typed_error_and_the_next_setpoint_works(
    controller, stage, fault, error, words
):
    controller.set_setpoint_k(START_K)
    stage.faults.add(fault)
    controller.clock.sleep(10.0)
    with pytest.raises(error, match=words):
        settle(controller, deadline_s=60.0)
    stage.faults.clear()
    controller.set_setpoint_k(START_K)
    assert settle(controller) == pytest.approx(START_K, abs=3e-3)


@pytest.mark.parametrize("fault", ["heater_open", "heater_short", "heater_off", "tlimit_trip"])
def test_a_heater_cannot_be_switched_on_while_its_fault_lasts(controller, stage, fault):
    controller.set_setpoint_k(START_K)
    stage.faults.add(fault)
    controller.clock.sleep(1.0)
    with pytest.raises(Interlock):
        controller.check_heater()
    with pytest.raises(Interlock, match="stays off"):
        controller.set_setpoint_k(START_K)
    controller.clock.sleep(1.0)
    assert controller.heater_percent == 0.0


def test_a_trip_comes_although_the_limit_looks_fine(stage, wire):
    controller = LakeShore336(wire(BOXES[LakeShore336](stage).handle), clock=StageClock(stage))
    stage.faults.add("tlimit_trip")
    controller.clock.sleep(1.0)
    assert controller.input_A.temperature_limit > controller.temperature_k
    assert controller.output_1.heater_status == 0
    assert controller.heater_range == "off"


def test_a_ramped_setpoint_is_accepted_on_its_way_and_reached(controller):
    controller.ramp_k_per_min = 2.0
    controller.set_setpoint_k(START_K + 1.0)
    controller.clock.sleep(15.0)
    assert controller.setpoint_k == pytest.approx(START_K + 0.5, abs=5e-3)
    assert settle(controller) == pytest.approx(START_K + 1.0, abs=3e-3)
    controller.ramp_k_per_min = 0
    assert controller.ramp_k_per_min == 0


def test_shutdown_lets_the_stage_cool(controller, stage):
    controller.shutdown()
    controller.clock.sleep(20.0)
    assert controller.heater_percent == 0
    assert stage.temperature_k < START_K - 1.5  # 1.2 W from 10 J/K


def test_the_mercurys_heater_power_is_that_of_its_percentage(stage, wire):
    controller = MercuryiTC(wire(BOXES[MercuryiTC](stage).handle), clock=StageClock(stage))
    controller.clock.sleep(5.0)
    expected_w = HEATER_FULL_SCALE_W[2] * controller.heater_percent / 100
    assert controller.heater_power_w == pytest.approx(expected_w, abs=1e-4)


@pytest.mark.parametrize(("expected", "other"), list(itertools.permutations(BOXES, 2)))
def test_another_controller_at_the_address_is_refused(expected, other, wire):
    box = BOXES[other](Cryostat(START_K, stream(1)))
    with pytest.raises(InstrumentProtocolError, match="check the address"):
        expected(wire(box.handle))


@pytest.mark.parametrize(
    ("bench", "drivers"),
    [("full", (LakeShore335, LakeShore336)), ("mercury-scope", (MercuryiTC, MercuryiTC))],
)
def test_the_benches_have_their_controllers_on_the_network(bench, drivers):
    with start_twin(TwinSettings(seed=3, clock="lock-step", bench=bench)) as twin:
        for name, kind, kelvin in zip(("cryostat_1", "cryostat_2"), drivers, (32.0, 34.9), strict=True):
            with kind(twin.addresses[name], clock=twin.clock, timeout_s=0.5) as controller:
                assert controller.temperature_k == pytest.approx(kelvin, abs=3e-3)
                controller.set_setpoint_k(kelvin + 0.1)
                assert controller.setpoint_k == pytest.approx(kelvin + 0.1, abs=1e-3)
