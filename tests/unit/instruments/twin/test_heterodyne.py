"""Beat notes: where they lie, how wide they are, and what noise they stand on."""

import numpy as np
import pytest
from scipy.optimize import curve_fit

from instruments.twin.analog import Converter, Photodetector
from instruments.twin.devices import FSV, RedPitaya
from instruments.twin.fields import FieldCache, FieldRecord
from instruments.twin.heterodyne import LINEWIDTH_HZ, PHOTODIODES, Heterodyne, LocalOscillator
from instruments.twin.settings import TwinSettings
from instruments.twin.world import World
from models import micropillars
from models.detection import oscillator_phase

PHOTONS, LASER_WIDTH_GHZ, SAMPLE_PS = 6.0, 0.08, 50.0


def laser(seed, stretches=64, samples=20000, width_ghz=LASER_WIDTH_GHZ):
    """Return fields of constant power whose phase wanders: a Lorentzian line at frequency 0."""
    rng = np.random.default_rng(seed)
    steps = np.sqrt(2 * np.pi * width_ghz * SAMPLE_PS * 1e-3) * rng.standard_normal((stretches, samples))
    field = np.zeros((stretches, 2, 2, samples), np.complex64)
    field[:, 0, 0] = np.sqrt(PHOTONS) * np.exp(1j * np.cumsum(steps, axis=1))
    return field


def lab(monkeypatch, seed, lo_offset_ghz, **line):
    """Return a world whose P1 is a laser with a known line."""
    world = World(TwinSettings(seed=seed, clock="lock-step", lo_offset_ghz=lo_offset_ghz))
    field = laser(seed, **line)
    monkeypatch.setattr(
        FieldCache, "fields", lambda _, point: FieldRecord(point, field, abs(field) ** 2, SAMPLE_PS)
    )
    for array, current_a in zip(world.arrays, (3.0e-3, 2.82e-3), strict=True):
        array.drive_current(current_a, 10.0)
    return world


def analyser(world, centre_hz, span_hz, resolution_hz, averages=100):
    device = FSV(world, Heterodyne(world))
    for name, value in {
        "centre_hz": centre_hz,
        "span_hz": span_hz,
        "resolution_hz": resolution_hz,
        "points": 801,
        "count": averages,
        "sweep_s": 0.1,
    }.items():
        device.set(name, value)
    device.averaging = True
    return device


def watts(device):
    device.sweep()
    device._world.advance(100 * 0.1 + 1.0)
    return 1e-3 * 10 ** (device.levels_dbm() / 10), np.linspace(*device.edges_hz, device.points)


def lorentzian(frequency, centre, width, area, floor):
    return floor + area * width / (2 * np.pi) / ((frequency - centre) ** 2 + (width / 2) ** 2)


@pytest.mark.parametrize(("seed", "offset_ghz"), [(1, -0.6), (2, 0.4)])
def test_the_beat_note_lies_between_laser_and_oscillator_and_is_as_wide_as_both(
    monkeypatch, seed, offset_ghz
):
    world = lab(monkeypatch, seed, offset_ghz)
    device = analyser(world, 0.5e9, 0.9e9, 1e6)
    device.sweep()
    beat_hz = abs(device._moment.above_ghz) * 1e9
    expected_beat_hz = abs(world.frequency_ghz(0) - offset_ghz) * 1e9
    world.advance(100 * 0.1)
    power, frequency = 1e-3 * 10 ** (device.levels_dbm() / 10), np.linspace(*device.edges_hz, device.points)
    power = power * (1 + (frequency / 1e9) ** 2)  # the detector's own response
    start = (frequency[np.argmax(power)], 1e8, power.max() * 1.5e8, power.min())
    fitted, _ = curve_fit(lorentzian, frequency, power, start, sigma=power)
    # The line's power is a random walk's: 64 us of light hold 64e-6 pi 8e7 = 16000 coherence times.
    assert beat_hz == pytest.approx(expected_beat_hz, abs=1e3)
    assert fitted[0] == pytest.approx(beat_hz, abs=3e6)
    expected_hz = LASER_WIDTH_GHZ * 1e9 + LINEWIDTH_HZ + 1e6
    assert fitted[1] == pytest.approx(expected_hz, rel=0.04)


@pytest.mark.parametrize("seed", [6, 7])
def test_the_analyser_shows_a_free_pillar_with_the_width_of_the_models_own_line(seed):
    stretches, duration_us = 32, 0.8
    settings = TwinSettings(
        seed=seed, lo_offset_ghz=-0.5, field_trajectories=stretches, field_duration_us=duration_us
    )
    world = World(settings)
    world.plate.move(45.0, 0.0, 0.0)
    world.arrays[0].drive_current(3.0e-3, 10.0)
    power, frequency = watts(analyser(world, 0.5e9, 0.9e9, 1e6))
    power = power * (1 + (frequency / 1e9) ** 2)
    start = (frequency[np.argmax(power)], 1e8, power.max() * 1.5e8, power.min())
    shown, _ = curve_fit(lorentzian, frequency, power, start, sigma=power)

    pair = micropillars.kreinberg2019(25.0, 23.5, coupling=0.0, inactive_loss_factor=1.34)
    light = micropillars.simulate(pair, duration_ns=400.0, trajectories=64, seed=seed, sample_ps=50.0)
    line = micropillars.spectrum(light, resolution_ghz=0.008).power.sel(pillar="P1", mode="strong")
    line = line.sel(frequency_ghz=slice(-0.4, 0.4))
    grid = line.frequency_ghz.values
    model, _ = curve_fit(lorentzian, grid, line.values, (0.0, 0.1, float(line.sum()) * 0.008, 0.0))
    # 26 us of light in each hold 26e-6 pi 9e7 = 7000 coherence times, which tell a width to 2 %; resolutions
    # of 1 and 8 MHz and the oscillator's 50 kHz widen lines of 90 MHz by less than 1 MHz
    assert shown[1] * 1e-9 == pytest.approx(model[1], rel=0.08)
    assert shown[1] == pytest.approx(9e7, rel=0.2)


@pytest.mark.parametrize("seed", [3, 4])
def test_without_light_the_analyser_shows_the_shot_noise_of_the_oscillator(monkeypatch, seed):
    world = lab(monkeypatch, seed, 0.02)
    for array in world.arrays:
        array.switch_off()
    power, frequency = watts(analyser(world, 0.5e9, 0.9e9, 3e6))
    # 2 e I of 0.43 mA into 30 kOhm, a tenth of it electronic noise, behind one pole at 1 GHz, in 50 Ohm
    current_a = 1.602e-19 * 2.7e15
    density = 1.1 * 2 * 1.602e-19 * current_a * 3e4**2 / (1 + (frequency / 1e9) ** 2) / 50
    ratio = power / (density * 3e6 * 1.0645)
    assert ratio.mean() == pytest.approx(1.0, abs=0.02)
    # each point is the mean of count x resolution x dwell time looks
    assert ratio.std() == pytest.approx(1 / np.sqrt(100 * 3e6 * 0.1 / 801), rel=0.15)


@pytest.mark.parametrize("seed", [3, 4])
def test_a_digitiser_sees_shot_noise_within_its_band_and_the_beat_note_on_top(monkeypatch, seed):
    world = lab(monkeypatch, seed, 0.0, stretches=16, width_ghz=1e-3)
    heterodyne = Heterodyne(world)
    moment = heterodyne.moment()
    moment.above_ghz = 0.02
    rows = heterodyne.voltages(moment, 16384, 8e-9, 50e6, np.random.default_rng(seed))
    variance = float(PHOTODIODES.noise_density(0.0)) * np.pi / 2 * 50e6
    assert rows[1].var() == pytest.approx(variance, rel=0.05)  # P2 is dark: shot noise alone
    amplitude_v = 2 * np.sqrt(2.7e15 * 4.7e8 * PHOTONS) * 1.602e-19 * 3e4
    note = amplitude_v**2 / 2 / (1 + (20 / 50) ** 2)
    assert rows[0].var() == pytest.approx(variance + note, rel=0.05)
    spectrum = np.abs(np.fft.rfft(rows[0] * np.hanning(16384))) ** 2
    peak_hz = np.average(np.fft.rfftfreq(16384, 8e-9), weights=spectrum**2)
    assert peak_hz == pytest.approx(20e6, abs=0.3e6)


def test_the_oscillator_wanders_and_its_phase_is_a_random_walk():
    world = World(TwinSettings(seed=5, clock="lock-step", lo_offset_ghz=1.0))
    oscillator = LocalOscillator(world)
    assert oscillator.frequency_ghz() == 1.0
    steps = []
    for _ in range(200):
        before = oscillator.frequency_ghz()
        world.now_s += 4.0
        steps.append(oscillator.frequency_ghz() - before)
    assert np.std(steps) == pytest.approx(2e-4 * 2.0, rel=4 / np.sqrt(400))
    phase = oscillator_phase(np.random.default_rng(1), 100_000, 1e-8, LINEWIDTH_HZ)
    assert np.var(np.diff(phase)) == pytest.approx(2 * np.pi * LINEWIDTH_HZ * 1e-8, rel=0.02)


def test_a_digitiser_with_a_wrong_clock_samples_at_other_times_and_clips_at_its_stops():
    faults = set()
    converter = Converter(12.0, faults)
    nominal = np.arange(5) * 1e-3
    np.testing.assert_allclose(converter.true_s(nominal) / nominal[-1], np.arange(5) / 4 * (1 + 12e-6))
    faults.add("clock_drift")
    assert converter.true_s(nominal)[-1] == pytest.approx(4e-3 * (1 + 10_012e-6))
    np.testing.assert_array_equal(converter.codes(np.array([-2.0, 0.26, 2.0]), 0.5, -2, 1), [-2, 1, 1])
    faults.add("adc_clip")
    assert set(converter.codes(np.linspace(-1, 1, 9), 1 / 8192, -8192, 8191)) == {8191}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_noise_of_a_photodetector_is_shot_noise_and_its_own(seed):
    detector = Photodetector(1e7, bandwidth_hz=5e5, noise_v=0.01)
    rate = np.full(40_000, 6e7)
    voltage = detector.voltage_v(rate, 1e-6, 10, np.random.default_rng(seed))
    gain = detector.volts_per_electron_per_s
    assert voltage.mean() == pytest.approx(6e7 * gain, rel=1e-3)
    # electrons per second behind one pole have the variance rate x pi x bandwidth
    assert voltage.var() == pytest.approx((gain**2 * 6e7 * np.pi * 5e5 + 1e-4) / 10, rel=0.04)


@pytest.mark.parametrize("fault", ["trigger_never", "stale_buffer"])
def test_a_faulty_board_does_not_deliver_new_data(monkeypatch, fault):
    world = lab(monkeypatch, 6, 0.0, stretches=4)
    board = RedPitaya(world, Heterodyne(world))

    def record():
        board.reset_acquisition()
        board.trigger_delay = 8192
        board.start()
        board.arm("NOW")
        world.advance(1.0)
        return board.filled, board.write_pointer, board.volts(1)

    filled, pointer, first = record()
    assert filled
    assert first.std() > 1e-3
    board.active_faults.add(fault)
    filled, same, again = record()
    assert filled == (fault == "stale_buffer")
    assert fault == "trigger_never" or (same == pointer and np.array_equal(again, first))
    board.active_faults.clear()
    filled, other, fresh = record()
    assert filled
    assert other != pointer
    assert not np.array_equal(fresh, first)
