"""One case per driver: how to connect, a query whose right answer is known, a setting, and device faults."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from instruments import (
    ELL14,
    ESP300,
    FSV,
    ID900,
    PM100,
    FrameCamera,
    InfiniiVision,
    Keithley2450Pump,
    LakeShore335,
    LakeShore336,
    MercuryiTC,
    RedPitaya,
)
from instruments._ptu import counts_per_channel, parse_header
from instruments.idquantique import START
from instruments.picoquant import PicoQuantRecorder
from instruments.tagger import SwabianTagger
from instruments.twin.detectors import Spcm
from instruments.twin.devices.fsv import DISPLAYED_NOISE_DBM_PER_HZ, GAUSSIAN_NOISE_BANDWIDTH, OHM
from instruments.twin.heterodyne import PHOTODIODES

Read = Callable[[Any], Any]
DARK_S = 0.1
"""How long dark counts are recorded."""


@dataclass(frozen=True)
class Case:
    """What is asked of one driver.

    `right` compares what `read` returned with the truth of the world; `change` sets the n-th value and
    `confirm` tells, on another connection without faults, whether the instrument has it. `notice` says by
    what a device fault is met (by `read` otherwise), `recover` what a person does once it is gone.
    """

    driver: type
    bench: str
    instrument: str
    read: Read
    right: Callable[[Any, Any], bool]
    change: Callable[[Any, int], Any]
    confirm: Callable[[Any, Any, int], bool]
    prepare: Callable[[Any], Any] = lambda driver: None
    options: Callable[[Mapping[str, str]], dict] = lambda addresses: {}
    notice: Mapping[str, Read] = field(default_factory=dict)
    recover: Callable[[Any], Any] = lambda driver: None

    @property
    def row(self) -> str:
        return self.driver.__name__


def near(value: float, truth: float, tolerance: float) -> bool:
    return bool(np.all(np.abs(np.asarray(value) - np.asarray(truth)) <= tolerance))


def settle(driver: Any, deadline_s: float = 30.0) -> float:
    return driver.wait_until_settled(band_k=5e-3, dwell_s=2.0, deadline_s=deadline_s, poll_s=2.0)


def temperature_case(driver: type, bench: str, instrument: str) -> Case:
    index = int(instrument[-1]) - 1

    def warm_again(controller: Any) -> None:
        controller.set_setpoint_k(34.9)
        settle(controller, deadline_s=300.0)

    return Case(
        driver,
        bench,
        instrument,
        read=lambda d: d.temperature_k,
        right=lambda kelvin, world: near(kelvin, world.cryostats[index].reading_k, 1.1e-3),
        change=lambda d, n: d.set_setpoint_k(34.8 + 0.01 * (n % 20)),
        confirm=lambda d, world, n: near(
            world.cryostats[index].loop.setpoint_k, 34.8 + 0.01 * (n % 20), 1e-6
        ),
        prepare=warm_again,
        notice=dict.fromkeys(
            ("heater_open", "heater_short", "heater_off", "not_settled", "tlimit_trip"), settle
        ),
        recover=warm_again,
    )


def record_file(recorder: Any, duration_s: float = DARK_S) -> tuple[int, int]:
    """Record into a file that is read back and removed; return the photons of both detectors."""
    with tempfile.TemporaryDirectory() as folder:
        content = recorder.record_to(Path(folder) / "tags.ptu", duration_s).read_bytes()
    counts = counts_per_channel(content[parse_header(content).size :])
    return int(counts[2]), int(counts[3])


def dark(counts: tuple[int, int], duration_s: float = DARK_S) -> bool:
    """Whether both detectors count what they count in the dark, within 6 standard deviations."""
    expected = Spcm.dark_cps * duration_s
    return all(abs(count - expected) < 6 * np.sqrt(expected) + 0.02 * expected for count in counts)


def noise_floor_dbm(trace: Any) -> float:
    """Mean level that a spectrum analyser shows of a detector without a beat note, in dBm."""
    density = float(np.mean(np.asarray(PHOTODIODES.noise_density(trace.frequency_hz.values)))) / OHM
    density += 1e-3 * 10 ** (DISPLAYED_NOISE_DBM_PER_HZ / 10)
    bandwidth_hz = trace.attrs["resolution_bandwidth_hz"] * GAUSSIAN_NOISE_BANDWIDTH
    return float(10 * np.log10(density * bandwidth_hz / 1e-3))


def sweep(analyser: Any, n: int) -> None:
    analyser.configure(1.0e9 + 1e6 * (n % 9), 1e8, 1e6, points=101, sweep_time_s=0.01)


def drive(pump: Any) -> float:
    return pump.ramp_to_current(1e-3, 2e-6)


CASES: tuple[Case, ...] = (
    temperature_case(LakeShore335, "full", "cryostat_1"),
    temperature_case(LakeShore336, "full", "cryostat_2"),
    temperature_case(MercuryiTC, "mercury-scope", "cryostat_1"),
    Case(
        Keithley2450Pump,
        "full",
        "pump_2",
        read=lambda d: d.current_a,
        right=lambda amperes, world: near(amperes, world.arrays[1].current_a, 2e-7),
        change=lambda d, n: d.ramp_to_voltage(2.0 + 0.01 * (n % 5)),
        confirm=lambda d, world, n: near(world.arrays[1].voltage_v, 2.0 + 0.01 * (n % 5), 1e-6),
        prepare=lambda d: d.ramp_to_voltage(2.0),
        notice=dict.fromkeys(("compliance", "interlock"), drive),
        recover=lambda d: (d.shutdown(), d.ramp_to_voltage(2.0)),
    ),
    Case(
        ID900,
        "full",
        "correlator",
        read=lambda d: d.counts(START, 0.1),  # the ramp's sync comes at 1 kHz
        right=lambda counts, world: counts in (100, 101),
        change=lambda d, n: d.start_stop_histogram(START, [1], 10_000 * (1 + n % 9), 8, 0.001),
        confirm=lambda d, world, n: d.ask("HIST1:BWID?").removesuffix("TB") == str(10_000 * (1 + n % 9)),
        options=lambda addresses: {"data_link": addresses["correlator_stream"]},
        notice={
            "detector_saturated": lambda d: d.counts(3, 0.1),
            "tag_overflow": lambda d: d.record([3], 1e-3).overflows,
        },
    ),
    Case(
        PicoQuantRecorder,
        "full",
        "recorder",
        read=record_file,
        right=lambda counts, world: dark(counts),
        change=lambda d, n: record_file(d, 0.001 * (1 + n % 9)),
        confirm=lambda d, world, n: d.ask("REC:STAT?") == "DONE",
        notice=dict.fromkeys(("detector_saturated", "tag_overflow"), lambda d: record_file(d, 0.001)),
    ),
    Case(
        SwabianTagger,
        "full",
        "tagger",
        read=lambda d: d.record([3, 4], DARK_S),
        right=lambda tags, world: dark((tags.counts(3), tags.counts(4))),
        change=lambda d, n: d.record([3], 0.001 * (1 + n % 9)),
        confirm=lambda d, world, n: not d._tagger.running(),
        notice=dict.fromkeys(("detector_saturated", "tag_overflow"), lambda d: d.record([3], 1e-3)),
    ),
    Case(
        FSV,
        "full",
        "spectrum_analyser",
        read=lambda d: d.trace(),
        right=lambda trace, world: near(float(trace.power_dbm.mean()), noise_floor_dbm(trace), 1.0),
        change=sweep,
        confirm=lambda d, world, n: near(float(d.ask("FREQ:CENT?")), 1.0e9 + 1e6 * (n % 9), 1.0),
        prepare=lambda d: sweep(d, 0),
    ),
    Case(
        RedPitaya,
        "full",
        "ramp",
        read=lambda d: d.capture((1,), decimation=64),
        right=lambda data, world: near(np.ptp(data.voltage_v.values), 2 * world.ramp.amplitude_v, 0.02),
        change=lambda d, n: d.start_triangle(1000.0, 0.5 + 0.01 * (n % 9), 0.1),
        confirm=lambda d, world, n: (
            world.ramp.on
            and world.ramp.shape == "TRIANGLE"
            and near(
                (world.ramp.frequency_hz, world.ramp.amplitude_v, world.ramp.offset_v),
                (1000.0, 0.5 + 0.01 * (n % 9), 0.1),
                1e-9,
            )
        ),
        prepare=lambda d: d.start_triangle(1000.0, 0.5, 0.1),
        recover=lambda d: d.start_triangle(1000.0, 0.5, 0.1),
    ),
    Case(
        ELL14,
        "full",
        "rotator",
        read=lambda d: d.angle_deg,
        right=lambda angle, world: near(angle, world.plate.angle_deg(world.now_s), 0.01),
        change=lambda d, n: d.move_to_deg(10.0 + n % 30),
        confirm=lambda d, world, n: near(world.plate.angle_deg(world.now_s), 10.0 + n % 30, 0.01),
        notice={"motor_stall": lambda d: d.move_to_deg(90.0) and d.angle_deg},
    ),
    Case(
        PM100,
        "full",
        "power_meter",
        read=lambda d: d.power_w,
        right=lambda watts, world: abs(watts) < 1e-9,  # the arrays of this bench stay below threshold
        change=lambda d, n: setattr(d, "wavelength_nm", 890.0 + n % 20),
        confirm=lambda d, world, n: near(d.wavelength_nm, 890.0 + n % 20, 1e-3),
    ),
    Case(
        ESP300,
        "full",
        "stage",
        read=lambda d: d.position_um,
        right=lambda um, world: near(um, world.stage.position_um(), 0.05),
        change=lambda d, n: d.move_to_um(float(n % 10), -float(n % 10)),
        confirm=lambda d, world, n: near(world.stage.position_um(), (n % 10, -(n % 10)), 0.2),
        notice=dict.fromkeys(("motor_stall", "limit_hit"), lambda d: d.move_to_um(20.0, 20.0)),
    ),
    Case(
        FrameCamera,
        "full",
        "camera",
        read=lambda d: d.grab(),
        right=lambda frame, world: near(frame.time_s, world.now_s, 0.05) and 0 < frame.image.mean() < 4095,
        change=lambda d, n: d.set_exposure_s(0.02 + 0.001 * (n % 9)),
        confirm=lambda d, world, n: near(d.exposure_s, 0.02 + 0.001 * (n % 9), 1e-6),
    ),
    Case(
        InfiniiVision,
        "mercury-scope",
        "scope",
        read=lambda d: d.capture([1], points=500, wait_s=0.01),
        right=lambda data, world: near(np.ptp(data.voltage_v.values), 2 * world.ramp.amplitude_v, 0.1),
        change=lambda d, n: d.set_range(1, 3.0 + 0.1 * (n % 9)),
        confirm=lambda d, world, n: near(float(d.ask(":CHAN1:RANG?")), 3.0 + 0.1 * (n % 9), 0.01),
        prepare=lambda d: (d.set_timebase(0.0, 2e-3), d.set_range(1, 3.0), d.set_trigger("EXT", 1.0)),
    ),
)
"""All drivers of the station file's table, each once."""
