"""The same scan on each of the three simulated benches."""

import io

import numpy as np
import pytest
from rich.console import Console

from instruments import ESP300
from instruments.twin import TwinSettings, draw_truth, start_twin
from labsync import acquisition
from labsync.doctor import examine
from labsync.settings import BUILT_IN, read_station_file

BENCHES = ("minimal", "full", "mercury-scope")
SEEDS = {"minimal": 5, "full": 6, "mercury-scope": 7}
# a short scan wants a light lab: spectra with 40 MHz wide, noisier lines, and few of them
LIGHT = {"trajectories": 16, "duration_ns": 300.0, "step_ps": 0.5}


@pytest.fixture(params=BENCHES)
def bench(request, tmp_path):
    """A light simulated lab with the instruments of one bench, and a station file for it."""
    name = request.param
    settings = TwinSettings(seed=SEEDS[name], bench=name, clock="lock-step", **LIGHT)
    with start_twin(settings) as twin:
        text = (BUILT_IN / f"{name}.toml").read_text()
        station = tmp_path / "station.toml"
        station.write_text(text.replace("\n[twin]", f'\n[twin]\nattach = "{twin.addresses["control"]}"'))
        yield twin, str(station)


def true_detuning_ghz(settings, temperature_1_k, temperature_2_k):
    truth = draw_truth(settings)
    offsets = (temperature_1_k - 32.0, temperature_2_k - truth.crossing_temperature_k)
    first, second = (
        (tuning + curvature * warmer) * warmer
        for tuning, curvature, warmer in zip(
            truth.tuning_ghz_per_k, truth.curvature_ghz_per_k2, offsets, strict=True
        )
    )
    return second - first


def test_a_short_scan_finds_both_lines_where_the_hidden_truth_has_them(bench, tmp_path):
    twin, station = bench
    settings = twin.settings
    options = "--steps 3 --temperature-2-start-k 34.7 --temperature-2-stop-k 34.1 --integration-s 1"
    scan = acquisition.build("detuning-scan", options.split())
    run = acquisition.run(scan, station, tmp_path / "runs", Console(file=io.StringIO()))
    data, rows = run.dataset(), [entry["row"] for entry in run.journal()]
    assert run.status == "finished"
    expected = true_detuning_ghz(settings, data["temperature_1_k"].values, data["temperature_2_k"].values)
    measured, line_1, line_2 = (
        np.array([row[name] for row in rows]) for name in ("detuning_ghz", "centre_1_ghz", "centre_2_ghz")
    )
    # the thermometers' noise of 1 mK is 6 MHz, a line's centre is good to some 5 MHz
    assert np.abs(measured - expected).max() < 0.03
    assert measured[0] < -1.4
    assert measured[2] > 1.4
    # far from resonance the coupling pulls by K^2 / detuning; in the middle it draws the lines together
    far, middle = [0, 2], 1
    assert np.abs(line_1[far]).max() < 0.06
    assert np.abs(line_2[far] - measured[far]).max() < 0.06
    assert abs(line_2[middle] - line_1[middle]) < 0.5 * abs(measured[middle]) + 0.02
    assert ("voltage" if settings.bench == "mercury-scope" else "counts") in data
    if settings.bench == "full":  # 3 um/K: the sample moved by 1.8 um, and the stage followed it
        after = data["sample_offset_um"].sel(moment="after")
        assert np.linalg.norm(after, axis=-1).max() < 0.15
        with ESP300(twin.addresses["stage"], clock=twin.clock) as stage:
            assert 1.0 < np.hypot(*stage.position_um) < 4.0


def test_doctor_reaches_every_instrument_of_the_bench(bench):
    twin, station = bench
    findings = examine(station)
    named = {finding.what for finding in findings if finding.ok}
    assert set(read_station_file(twin.settings.bench)[0].instruments) <= named
    assert all(finding.ok for finding in findings)
