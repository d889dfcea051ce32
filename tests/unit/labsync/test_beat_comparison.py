"""The model's light through photodiodes and recorder, and the kept records of a run."""

import io
import json
import re
import types
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from scipy.signal import lfilter

from labsync._beat_kept import fit_kept, show_kept
from labsync._beat_model import Receiver, calibrated
from labsync._beat_notes import record_beat_notes
from labsync._heterodyne_sections import DigitizerHeterodyneSection
from labsync.beat_comparison import compare, show_comparison
from models import micropillars
from models.detection import Photodiodes

TRUE = Photodiodes(0.011, 1.4e-13, 1e9, 5e4)
FREQUENCY_HZ = np.linspace(0.05e9, 2.05e9, 401)
ANALYSER = {
    "read_by": "spectrum_analyser",
    "resolution_bandwidth_hz": 5e6,
    "looks": 120.0,
    "photodiode_bandwidth_hz": 1e9,
    "oscillator_linewidth_hz": 5e4,
    "oscillator": "below",
    "mode_1": "strong",
    "mode_2": "strong",
}
EFFORT = {"duration_ns": 600.0, "trajectories": 8}
DETUNINGS_GHZ = [-0.1, 0.05]


def measured(attrs, frequency, pillar, sense, free_hz=1e9):
    """Return what a receiver with known photodiodes shows of the model's own light."""
    pair = micropillars.kreinberg2019(25.0, 23.5, coupling=0.025, inactive_loss_factor=1.34)
    receiver = Receiver(TRUE, frequency, pillar, "strong", sense, attrs)
    alone = micropillars.simulate(replace(pair, coupling=0.0), seed=90, **EFFORT)
    free, coupled = [], []
    for k, nu in enumerate(DETUNINGS_GHZ):
        light = micropillars.simulate(pair.detuned(nu), seed=80 + k, **EFFORT)
        free.append(receiver.density(alone, free_hz, 70 + k))
        coupled.append(receiver.density(light, free_hz, 60 + k))
    dims = ("step", "detector", "beat_frequency_hz")
    scalars = {"current_1_ua": 25.0, "current_2_ua": 23.5, "coupling_transmission": 1.0}
    return xr.Dataset(
        {
            "beat_density_free": (dims, np.array(free)[:, None]),
            "beat_density": (dims, np.array(coupled)[:, None]),
            **{name: ("step", [value] * 2) for name, value in scalars.items()},
        },
        {"detector": [pillar], "beat_frequency_hz": frequency},
        attrs,
    ), alone


@pytest.fixture
def run(tmp_path):
    def make(data):
        rows = [{"row": {"detuning_ghz": nu}} for nu in DETUNINGS_GHZ]
        kept = {}
        return types.SimpleNamespace(
            uid="a run",
            procedure="heterodyne-scan",
            path=tmp_path,
            kept=kept,
            dataset=data.copy,
            journal=lambda: rows,
            save_result=kept.__setitem__,
        )

    return make


def test_the_models_light_behind_the_measured_photodiodes_gives_the_measured_comb(run, tmp_path):
    data, alone = measured(ANALYSER, FREQUENCY_HZ, "P1", 1)
    one = data.sel(detector="P1")
    found = calibrated(one, "P1", alone, np.array([np.nan, 1e9])).photodiodes
    # 4.8 us of light are 24 looks at each of the 200 cells of the line
    assert found.amplitude_v == pytest.approx(TRUE.amplitude_v, rel=0.05)
    assert found.noise_v2_per_hz == pytest.approx(TRUE.noise_v2_per_hz, rel=0.03)
    assert found.noise_density(1e9) == pytest.approx(found.noise_v2_per_hz / 2)
    console = Console(record=True, width=150, file=io.StringIO())
    result = compare(run(data), 1.34, console, simulation=EFFORT)
    for ours, theirs in zip(result.experiment.steps, result.model.steps, strict=True):
        mine, other = (each.above_free_ghz(1) for each in (ours, theirs))
        assert mine.value == pytest.approx(other.value, abs=0.006)
        spacings = [each.comb.spacing_hz for each in (ours, theirs)]
        assert spacings[0].value == pytest.approx(spacings[1].value, rel=0.03)
    show_comparison(run(data), result, console)
    assert "model: " in console.export_text()
    assert (tmp_path / "figures" / "beat-comparison-P1.png").exists()


@pytest.mark.parametrize("sense", [1, -1])
def test_a_digitizers_steps_are_noise_and_the_oscillators_side_turns_the_line_around(sense):
    digitizer = {
        **ANALYSER,
        "read_by": "digitizer",
        "sample_rate_hz": 125e6,
        "record_samples": 16384,
        "resolution_bandwidth_hz": 1e6,
        "looks": 650.0,
        "step_v": 0.02,
        "lowest_code": -8192,
        "highest_code": 8191,
    }
    step_ns = 0.5
    light = xr.Dataset(
        {"field": (("trajectory", "pillar", "mode", "time_ns"), np.zeros((2, 2, 1, 8000), np.complex64))},
        {"pillar": ["P1", "P2"], "mode": ["strong"], "time_ns": step_ns * np.arange(8000)},
        {"sample_ps": 1e3 * step_ns, "detuning_ghz": 0.005},
    )
    light["field"][:, 0] = np.exp(-2j * np.pi * 0.002 * light.time_ns.values)  # 3 MHz above free P1
    smooth = {name: value for name, value in digitizer.items() if name != "step_v"}
    photodiodes, frequency = Photodiodes(0.2, 1e-12, 50e6), np.arange(1, 63) * 1e6
    coarse, fine = (
        Receiver(photodiodes, frequency, "P1", "strong", sense, attrs).density(light, 25e6, 1)
        for attrs in (digitizer, smooth)
    )
    found_hz = np.arange(1, len(coarse) + 1) * 62.5e6 / len(coarse)
    assert found_hz[coarse.argmax()] == pytest.approx(25e6 + sense * 3e6, abs=0.6e6)
    away = np.abs(found_hz - 50e6) < 5e6
    # codes 20 mV apart scatter by step / sqrt(12) within half the sampling rate
    assert np.mean((coarse - fine)[away]) == pytest.approx(0.02**2 / 12 / 62.5e6, rel=0.15, abs=0)


def test_kept_records_of_a_run_give_the_relative_phase_of_both_pillars(run, tmp_path):
    rng = np.random.default_rng(6)
    rate, samples = 125e6, 8192

    def record(channels, duration_s, *, accept_clipped=False):
        turns = 10e6 * np.arange(samples) / rate + rng.random()
        between = 0.5 + 0.2 * rng.standard_normal()  # it changes from record to record
        rows = [np.cos(2 * np.pi * turns + k * between) + 0.05 * rng.standard_normal(samples) for k in (0, 1)]
        return xr.Dataset(
            {"voltage_v": (("channel", "time_s"), np.array(rows, np.float32))},
            {"channel": list(channels), "time_s": np.arange(samples) / rate},
            {"sample_rate_hz": rate, "clipped": [0, 0]},
        )

    section = DigitizerHeterodyneSection(
        read_by="digitizer", record="65 us", records=12, resolution_bandwidth="200 kHz"
    )
    settings = types.SimpleNamespace(heterodyne=section)
    station = types.SimpleNamespace(settings=settings, digitizer=types.SimpleNamespace(record=record))
    record_beat_notes(station, tmp_path / "records" / "step-0001-coupled")
    damaged = tmp_path / "records" / "step-0002-coupled"
    record_beat_notes(station, damaged)
    (damaged / "segment-0003.f4").write_bytes(b"short")
    data = xr.Dataset({"beat_density": (("step", "beat_frequency_hz"), np.ones((2, 3)))})
    kept = fit_kept(run(data))
    assert [each.step for each in kept] == [1, 2]
    phase = kept[0].found.phase
    assert kept[0].found.record.channels == ("P1", "P2")
    assert phase.slips.time_s.size == 0
    # twelve phases of 0.2 rad standard deviation about 0.5
    assert np.angle(np.mean(np.exp(1j * phase.relative.values))) == pytest.approx(0.5, abs=0.2)
    assert phase.concentration == pytest.approx(np.exp(-(0.2**2) / 2), abs=0.02)
    assert kept[1].found is None
    assert "segment-0003.f4" in kept[1].untold
    assert json.dumps([each.as_dict() for each in kept], allow_nan=False)
    console = Console(record=True, width=150, file=io.StringIO())
    show_kept(run(data), kept, console)
    said = console.export_text()
    assert "segment-0003.f4" in said
    assert (tmp_path / "figures" / "relative-phase.png").exists()


@pytest.mark.parametrize(
    ("edge_v", "shared", "sentence"),
    [
        (1.0, 1.0, "strongest at 0.\\d+ MHz, at the edge of the band"),
        (0.0, 0.0, "channels share nothing at "),
    ],
)
def test_light_outside_the_band_and_light_that_is_not_shared_have_no_relative_phase(
    edge_v, shared, sentence, run, tmp_path
):
    rng = np.random.default_rng(8)
    time_s = np.arange(8192) / 125e6

    def thermal(width_hz):
        steps = rng.standard_normal((time_s.size, 2)) @ [1, 1j]
        return lfilter([1.0], [1.0, -np.exp(-np.pi * width_hz / 125e6)], steps) * np.sqrt(width_hz / 125e6)

    def record(channels, duration_s, *, accept_clipped=False):
        edge = edge_v * np.cos(2 * np.pi * (1e5 * time_s + rng.random()))
        first, second = thermal(1e6), thermal(1e6)
        carrier = np.exp(2j * np.pi * 20e6 * time_s)
        fields = [first, first if shared else second]
        rows = [edge + 0.3 * (each * carrier).real + 0.05 * rng.standard_normal(8192) for each in fields]
        return xr.Dataset(
            {"voltage_v": (("channel", "time_s"), np.array(rows, np.float32))},
            {"channel": list(channels), "time_s": time_s},
            {"sample_rate_hz": 125e6, "clipped": [0, 0]},
        )

    section = DigitizerHeterodyneSection(
        read_by="digitizer", record="65 us", records=12, resolution_bandwidth="200 kHz"
    )
    settings = types.SimpleNamespace(heterodyne=section)
    station = types.SimpleNamespace(settings=settings, digitizer=types.SimpleNamespace(record=record))
    record_beat_notes(station, tmp_path / "records" / "step-0001-coupled")
    (kept,) = fit_kept(run(xr.Dataset({"beat_density": (("step", "beat_frequency_hz"), np.ones((2, 3)))})))
    assert kept.found is None
    assert re.search(sentence, kept.untold), kept.untold
