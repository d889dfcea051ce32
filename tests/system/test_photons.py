"""Photon correlations on the simulated bench, from the command line and through the scan."""

import io
import json

import numpy as np
import pytest
import xarray as xr
from rich.console import Console
from typer.testing import CliRunner

from analysis import timetags
from analysis.correlation import g2
from instruments.errors import Interlock
from instruments.keithley import Keithley2450Pump
from instruments.twin import TwinSettings, start_twin
from instruments.twin.photons import synthetic_tags
from labsync import acquisition, correlations, store
from labsync.cli import app
from labsync.settings import BUILT_IN

FULL = (BUILT_IN / "full.toml").read_text()
# little light, often used again: enough to see that everything is in its place
LIGHT = {"trajectories": 16, "duration_ns": 300.0, "field_trajectories": 8, "field_duration_us": 1.0}
SHORT = (
    "--mode-1 weak --mode-2 weak --current-1-ua 27.1 --current-2-ua 24.2 --temperature-2-start-k 33.75 "
    "--temperature-2-stop-k 33.65 --steps 2 --integration-s 1 --time-limit-s 1 --keep-tags true"
)


def scan(station, folder, options):
    """Run a correlation scan into a folder; the run is returned even if it fails."""
    built = acquisition.build("correlation-scan", options.split())
    try:
        acquisition.run(built, str(station), folder, Console(file=io.StringIO()))
    except Interlock as error:
        return store.find(folder, "latest"), error
    return store.find(folder, "latest"), None


def attached(twin, path, *changes):
    text = FULL.replace("[twin]", f'[twin]\nattach = "{twin.addresses["control"]}"')
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    """The same short scan in two fresh labs of the same seed."""
    folder = tmp_path_factory.mktemp("photons")
    runs = []
    for name in ("first", "second"):
        with start_twin(TwinSettings(seed=2, bench="full", clock="lock-step", **LIGHT)) as twin:
            run, error = scan(attached(twin, folder / f"{name}.toml"), folder / name, SHORT)
            assert error is None
            runs.append(run)
    return runs


@pytest.mark.xdist_group("photons")
def test_the_same_seed_in_lock_step_counts_the_same_photons(twice):
    first, second = (run.dataset().drop_attrs() for run in twice)
    assert first["coincidences"].sum() > 1000
    xr.testing.assert_equal(first.drop_vars("time"), second.drop_vars("time"))
    tags = [sorted((run.path / "tags").iterdir()) for run in twice]
    assert [path.name for path in tags[0]] == ["step-0001.ptu", "step-0002.ptu"]
    streams = [[timetags.read_tags(path).time for path in each] for each in tags]
    for one, other in zip(*streams, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.xdist_group("photons")
def test_kept_tags_hold_what_the_step_holds(twice):
    data = twice[0].dataset()
    for step in (0, 1):
        stream = timetags.read_tags(twice[0].path / "tags" / f"step-{step + 1:04d}.ptu")
        assert stream.channels() == [3, 4]
        assert stream.unit_ps == 13.0
        again = g2(stream, [(3, 4)], window_ns=20.0, bin_ps=float(data.attrs["bin_ps"]))
        one = data.isel(step=step)
        np.testing.assert_array_equal(again["counts"][0], one["coincidences"].sel(pair="3-4"))
        np.testing.assert_allclose(
            again["expected"][0], one["coincidences_expected"].sel(pair="3-4"), rtol=1e-6
        )
        np.testing.assert_allclose(one["count_rate_hz"], again["rate_hz"], rtol=1e-6)


@pytest.mark.xdist_group("photons")
def test_a_scan_is_shown_fitted_and_compared_on_the_command_line(twice):
    folder = twice[0].path.parent
    runner = CliRunner()

    def invoke(*arguments):
        done = runner.invoke(app, [*arguments, "--runs", str(folder)])
        assert done.exit_code == 0, done.output
        return done.output

    assert "g2-map.png" in invoke("show", "latest")
    assert "delay (ns)" in invoke(
        "fit", "g2", "latest", "--model", "delay-coupled", "--pair", "3-4", "--step", "2"
    )
    assert "g2 - 1 around 0 ns" in invoke("compare", "latest")
    assert (twice[0].path / "results" / "correlation-comparison.json").exists()
    tags = str(twice[0].path / "tags" / "step-0002.ptu")
    assert runner.invoke(app, ["tags", "info", tags]).exit_code == 0
    for name in ("g2", "g2-map", "g2-step-2", "g2-comparison"):
        assert (twice[0].path / "figures" / f"{name}.png").stat().st_size > 10_000


def test_too_many_counts_end_the_scan_safely_and_keep_the_data(tmp_path):
    with start_twin(TwinSettings(seed=2, bench="full", clock="lock-step", **LIGHT)) as twin:
        # P2's weak mode gains light towards resonance
        ceiling = ('count_rate_ceiling = "8 MHz"', 'count_rate_ceiling = "550 kHz"')
        options = SHORT.replace("33.75", "33.9").replace("--keep-tags true", "")
        run, error = scan(attached(twin, tmp_path / "station.toml", ceiling), tmp_path / "runs", options)
        assert "input 4 counts" in str(error)
        assert "above its ceiling of 5.5e+05/s" in str(error)
        assert (run.status, run.dataset().sizes["step"]) == ("failed", 1)
        for name in ("pump_1", "pump_2"):
            with Keithley2450Pump(twin.addresses[name]) as pump:
                assert (pump.voltage_v, pump.output_on) == (0, False)


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    """Over the relay: one detector on either pillar, both on P1, both on P2; one step each."""
    folder, runs = tmp_path_factory.mktemp("relay"), []
    options = (
        "--mode-1 weak --mode-2 weak --current-1-ua 22 --current-2-ua 22 --temperature-2-start-k 33.65 "
        "--steps 1 --integration-s 1 --time-limit-s 2"
    )
    path = ('bench = "full"', 'bench = "full"\nconfiguration = "relay"')
    for detection in ("cross", "hbt-1", "hbt-2"):
        lab = {"configuration": "relay", "detection": detection, "sample_walk_um": 0.0}
        with start_twin(TwinSettings(seed=2, bench="full", clock="lock-step", **LIGHT, **lab)) as twin:
            detectors = ('configuration = "cross"', f'configuration = "{detection}"')
            run, error = scan(attached(twin, folder / "station.toml", path, detectors), folder, options)
            assert error is None
            runs.append(run)
    return runs


@pytest.mark.xdist_group("relay")
def test_a_splitter_gives_either_detector_half_of_one_pillar(relay):
    cross, first, second = (run.dataset()["count_rate_hz"].values[0] for run in relay)
    np.testing.assert_allclose([first[0], second[1]], cross / 2, rtol=0.02)


@pytest.mark.xdist_group("relay")
def test_three_runs_become_the_correlation_coefficient_with_the_model_beside_it(relay):
    def invoke(order, *options):
        runs = [str(relay[k].path) for k in order]
        return CliRunner().invoke(app, ["fit", "rho", *runs, *options])

    done = invoke((0, 1, 2), "--model", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    for name in ("first_excess", "second_excess"):
        assert 0.1 < found[name]["value"] < 1.0
    assert found["alarms"] == 0
    for curve in ("experiment", "model"):
        peaks = found[curve]["peaks"]
        assert set(peaks) >= {"rho at 0", "rho at -1 tau", "rho at +1 tau", "rho at +2 tau"}
        assert all(abs(peak["value"]) < 0.6 for peak in peaks.values())
    assert (
        3 * found["model"]["peaks"]["rho at -1 tau"]["std"]
        < found["model"]["peaks"]["rho at -1 tau"]["value"]
    )
    assert invoke((0, 1, 2)).exit_code == 0
    assert (relay[0].path / "figures" / "rho.png").stat().st_size > 10_000
    wrong = invoke((1, 0, 2))
    assert wrong.exit_code == 2
    assert "rho needs the runs cross, hbt-1, hbt-2" in wrong.stderr.replace("\n", " ")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of tags, right and wrong: bunched light with as much steady light on channel 1."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(5)
    bunched = np.repeat(rng.exponential(1.0, (100, 2000)), 20, axis=1)
    light = synthetic_tags({1: bunched, 2: bunched}, 1000.0, {1: 3e5, 2: 6e5}, 1.0, seed=5)
    extra = rng.integers(0, 10**12, rng.poisson(3e5))
    times = np.concatenate([light.time_ps, extra])
    channels = np.concatenate([light.channel, np.ones(extra.size, np.int8)])
    order = np.argsort(times, kind="stable")
    timetags.write_ptu(folder / "ok.ptu", timetags.TagStream(times[order], channels[order], 10**12 + 1))
    timetags.write_ptu(folder / "none.ptu", timetags.TagStream(times[:0], channels[:0], 10**12))
    whole = (folder / "ok.ptu").read_bytes()
    (folder / "head.ptu").write_bytes(whole[:200])
    (folder / "empty.ptu").write_bytes(b"")
    (folder / "text.ptu").write_text("no tags at all")
    (folder / "cut.ptu").write_bytes(whole[: len(whole) // 2 + 1])
    return folder


@pytest.mark.xdist_group("tag-files")
def test_a_known_background_is_taken_off_the_amplitude_with_its_error(files):
    def amplitude(**background):
        found = correlations.correlate_file(
            files / "ok.ptu", [(1, 2)], Console(file=io.StringIO()), **background
        )
        return correlations.fit(found, ["bunching"])[0].values["amplitude"]

    raw, corrected = amplitude(), amplitude(background_hz={1: (3e5, 0.0)})
    unsure = amplitude(background_hz={1: (3e5, 3e4)})
    assert corrected.value == pytest.approx(2 * raw.value, rel=0.01)
    assert unsure.value == pytest.approx(corrected.value, rel=1e-3)
    # a tenth of the background is a tenth of the signal, too
    assert np.sqrt(unsure.std**2 - corrected.std**2) == pytest.approx(0.1 * unsure.value, rel=0.1)


@pytest.mark.xdist_group("tag-files")
@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("none.ptu", 2, "none.ptu holds no time tags; there is nothing to correlate."),
        ("head.ptu", 1, "byte 200: the header is cut off"),
        ("empty.ptu", 1, "byte 0: no known file of time tags begins with b''"),
        ("text.ptu", 1, "byte 0: no known file of time tags begins with"),
        ("missing.ptu", 2, "There is no file"),
        ("ok.ptu --pair 1-9", 2, "ok.ptu has no tags on channel 9; its channels are 1, 2."),
        ("ok.ptu --pair 12", 2, "'12' is no pair of channels"),
        ("ok.ptu --model tidal", 2, "Unknown model 'tidal' of g2"),
        ("ok.ptu --bin-ps 0", 2, "A bin of 0 ps is none"),
        ("ok.ptu --step 1", 2, "a file of time tags has none"),
        ("ok.ptu --background-cps 1:many", 2, "'1:many' is no background; write channel:rate"),
        ("ok.ptu --background-cps 7:10", 2, "ok.ptu has no tags on channel 7"),
        ("ok.ptu --background-cps 1:9e9", 1, "The background of channel 1 is 9e+09"),
        ("cut.ptu --pair 1-2", 0, "note:"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_in_one_sentence(files, monkeypatch, arguments, code, sentence):
    monkeypatch.chdir(files)
    done = CliRunner().invoke(app, ["fit", "g2", *arguments.split()])
    assert done.exit_code == code
    assert sentence in (done.output + done.stderr).replace("\n", " ")
    assert "Traceback" not in done.output + done.stderr


@pytest.mark.xdist_group("tag-files")
def test_recordings_without_bunching_have_no_coefficient(files, monkeypatch):
    monkeypatch.chdir(files)
    done = CliRunner().invoke(app, ["fit", "rho", "ok.ptu", "ok.ptu", "ok.ptu", "--pair", "1-2"])
    assert done.exit_code == 0
    assert "rho at 0" in done.output
    done = CliRunner().invoke(app, ["fit", "rho", "ok.ptu", "ok.ptu", "ok.ptu", "--model", "--pair", "1-2"])
    assert (done.exit_code, "--model needs runs" in done.stderr) == (2, True)


def test_the_peaks_of_the_twin_come_back_within_three_errors_of_the_model(tmp_path):
    still = {"sample_drift_um_per_k": 0.0, "sample_walk_um": 0.0}  # one operating point is enough
    options = (
        "--mode-1 weak --mode-2 weak --current-1-ua 27.1 --current-2-ua 24.2 --temperature-2-start-k 33.66 "
        "--steps 1 --integration-s 1 --target-error 0.025 --time-limit-s 20"
    )
    with start_twin(TwinSettings(seed=1, bench="full", clock="lock-step", **still)) as twin:
        run, error = scan(attached(twin, tmp_path / "station.toml"), tmp_path / "runs", options)
    assert error is None
    compared = correlations.compare(run, 1.34, Console(file=io.StringIO()))
    leading = compared.peaks["g2 - 1 around -4.25 ns"][0]
    assert leading.value > 5 * leading.std
    for name, (seen, modelled) in compared.peaks.items():
        assert abs(seen.value - modelled.value) < 3 * np.hypot(seen.std, modelled.std), name
    # the simulated light is 160 us long and used again: it has some noise that no error of the counts tells
    assert compared.reduced_chi_squared < 1.6
