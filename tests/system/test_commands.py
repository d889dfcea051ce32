import json
import re
import signal
import socket
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from instruments.keithley import Keithley2450Pump
from instruments.twin import TwinSettings, draw_truth
from labsync import store
from labsync.cli import app
from labsync.settings import BUILT_IN


@pytest.mark.xdist_group("scanned")
def test_a_scan_is_listed_with_its_facts(scanned):
    (run,) = scanned.json("runs")
    assert run["procedure"] == "detuning-scan"
    assert run["status"] == "finished"
    assert run["steps"] == 41
    assert Path(scanned.folder, run["path"], "run.zarr").is_dir()
    assert run["started"].count(":") >= 2
    assert run["started"][-6] in "+-"
    assert run["uid"] in scanned("runs")


@pytest.mark.xdist_group("scanned")
def test_show_prints_the_steps_and_writes_figures(scanned):
    text = scanned("show", "latest")
    assert "locking range" in text
    run = store.find(scanned.folder / "runs", "latest")
    for name in ("heat-map", "locking-slopes", "example-spectrum"):
        assert (run.path / "figures" / f"{name}.png").stat().st_size > 20_000
    assert len(scanned.json("show", "latest")["steps"]) == 41


@pytest.mark.xdist_group("scanned")
def test_the_locking_fit_is_machine_readable(scanned):
    fit = scanned.json("fit", "locking", "latest")
    assert fit["status"] == "ok"
    for name in ("locking_range_ghz", "slope_p1", "slope_p2"):
        assert fit[name]["std"] > 0
    assert 0.3 < fit["locking_range_ghz"]["value"] < 1.5
    assert 0 < fit["slope_p1"]["value"] < fit["slope_p2"]["value"] < 1
    saved = json.loads(
        (store.find(scanned.folder / "runs", "latest").path / "results" / "locking.json").read_text()
    )
    assert saved == fit


@pytest.mark.xdist_group("scanned")
def test_the_nominal_detuning_is_the_hidden_tuning_curve(scanned):
    truth = draw_truth(TwinSettings(seed=1))
    steps = scanned.json("show", "latest")["steps"]
    slope = np.polyfit([s["temperature_2_k"] for s in steps], [s["detuning_ghz"] for s in steps], 1)[0]
    assert slope == pytest.approx(truth.tuning_ghz_per_k[1], rel=0.02)


@pytest.mark.xdist_group("scanned")
def test_exports_hold_the_data_and_are_never_overwritten(scanned):
    run = store.find(scanned.folder / "runs", "latest")
    (path,) = scanned.json("export", "latest", "--to", "netcdf", "--into", "out")
    exported = xr.open_dataset(scanned.folder / path, engine="h5netcdf")
    np.testing.assert_array_equal(exported["counts"], run.dataset()["counts"])
    assert json.loads(exported.attrs["provenance"])["uid"] == run.uid
    assert "exists already" in scanned("export", "latest", "--to", "netcdf", "--into", "out", code=2)
    paths = scanned.json("export", "latest", "--to", "csv", "--into", "out")
    lines = Path(scanned.folder, paths[0]).read_text().splitlines()
    assert len(lines) == 42
    assert "Unknown export format 'hdf'" in scanned("export", "latest", "--to", "hdf", code=2)


def test_a_simulation_becomes_a_run(labsync):
    labsync(
        "simulate",
        "micropillars",
        "--detuning=-2:2:5",
        "--duration-ns",
        "100",
        "--trajectories",
        "16",
        "--coupling",
        "0",
    )
    (run,) = labsync.json("runs")
    assert (run["procedure"], run["steps"]) == ("simulate-micropillars", 5)
    data = store.find(labsync.folder / "runs", "latest").dataset()
    strongest = data["power"].sel(mode="strong").idxmax("frequency_ghz")
    np.testing.assert_allclose(
        strongest.sel(pillar="P2") - strongest.sel(pillar="P1"), data["detuning_ghz"], atol=0.06
    )
    assert "spectra.png" in labsync("show", "latest")


def test_a_simulated_sweep_is_fitted_and_compared_like_a_scan(labsync):
    effort = ["--duration-ns", "500", "--trajectories", "32"]
    labsync("simulate", "micropillars", "--detuning=-1.2:1.2:13", "--coupling", "0.0245", *effort)
    assert labsync.json("fit", "locking", "latest")["status"] == "ok"
    found = labsync.json("compare", "latest")
    coupling = found["coupling_fit"]["coupling"]
    assert abs(coupling["value"] - 0.0245) < 3 * coupling["std"]
    assert coupling["std"] < 0.03 * coupling["value"]
    labsync("simulate", "micropillars", "--coupling=0.01:0.02:2", "--duration-ns", "100")
    assert "sweeps coupling" in labsync("compare", "latest", code=2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "detuning-scam"], "Unknown procedure 'detuning-scam'; did you mean 'detuning-scan'"),
        (["run", "detuning-scan", "--stepps", "3"], "no parameter --stepps; did you mean '--steps'"),
        (["run", "detuning-scan", "--steps", "many"], "steps = 'many' does not fit"),
        (["run", "detuning-scan", "--steps"], "--steps needs a value"),
        (["run", "detuning-scan", "--temperature-2-stop-k", "400"], "temperature_2_stop_k = 400 is outside"),
        (["run", "detuning-scan", "--current-1-ua", "90"], "current_1_ua = 90 is outside"),
        (["run", "detuning-scan", "--station", "nowhere.toml"], "No readable station file 'nowhere.toml'"),
        (["show", "nonsense"], "No run in runs named 'nonsense'"),
        (["fit", "locking", "."], "is not a run folder"),
        (["simulate", "micropillars", "--detuning", "1:2"], "'1:2' is no range"),
        (["simulate", "micropillars", "--coupling", "-1"], "coupling"),
        (["twin", "--clock", "quick"], "Clock 'quick' is none"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert sentence in done.stderr.replace("\n", " ")


def test_doctor_is_content_and_reaches_every_instrument(labsync):
    findings = labsync.json("doctor", "--station", "simulated")
    assert all(finding["ok"] for finding in findings)
    assert {"cryostat_1", "cryostat_2", "pump_1", "pump_2", "correlator", "ramp", "rotator"} <= {
        f["what"] for f in findings
    }


def test_doctor_names_the_file_that_shadows_a_package(labsync, monkeypatch):
    (labsync.folder / "analysis.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(labsync.folder))
    bad = [finding for finding in labsync.json("doctor", code=1) if not finding["ok"]]
    assert [finding["what"] for finding in bad] == ["package analysis"]
    assert f"{labsync.folder / 'analysis.py'} hides the suite's package" in bad[0]["found"]


def test_a_scan_beside_the_resonance_reports_no_crossing(labsync, lab):
    labsync(
        "run",
        "detuning-scan",
        "--station",
        lab[1],
        "--steps",
        "9",
        "--temperature-2-start-k",
        "33.9",
        "--temperature-2-stop-k",
        "33.7",
    )
    fit = labsync.json("fit", "locking", "latest", code=1)
    assert fit["status"] == "no crossing in range"
    assert fit["locking_range_ghz"] == {"value": None, "std": None}


def test_ctrl_c_keeps_what_was_committed_and_ramps_the_pumps_down(labsync, lab):
    twin, station = lab
    process = labsync.start("run", "detuning-scan", "--station", station, "--steps", "400")
    for line in process.stderr:
        if "3/400 " in line:
            break
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    run = store.find(labsync.folder / "runs", "latest")
    assert run.status == "aborted"
    assert 3 <= run.dataset().sizes["step"] < 400
    for name in ("pump_1", "pump_2"):
        with Keithley2450Pump(twin.addresses[name]) as pump:
            assert (pump.voltage_v, pump.output_on) == (0, False)


@pytest.mark.parametrize(
    ("instrument", "fault", "sentence"),
    [
        ("cryostat_2", "timeout", "no reply within"),
        ("pump_1", "compliance", "current limit"),
        ("cryostat_2", "not_settled", "did not stay|not settled|within"),
    ],
)
def test_a_fault_in_the_middle_of_a_scan_ends_it_safely_and_keeps_the_data(
    labsync, lab, instrument, fault, sentence
):
    twin, station = lab
    process = labsync.start("run", "detuning-scan", "--station", station, "--steps", "400")
    for line in process.stderr:
        if "2/400 " in line:
            break
    twin.inject(instrument, fault)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert re.search(sentence, errors), errors
    run = store.find(labsync.folder / "runs", "latest")
    assert run.status == "failed"
    assert run.dataset().sizes["step"] >= 2
    twin.clear(instrument)
    with Keithley2450Pump(twin.addresses["pump_2"]) as pump:
        assert (pump.voltage_v, pump.output_on) == (0, False)


def test_a_killed_run_keeps_its_steps_and_is_called_interrupted(labsync, lab):
    process = labsync.start("run", "detuning-scan", "--station", lab[1], "--steps", "400")
    for line in process.stderr:
        if "3/400 " in line:
            break
    process.kill()
    process.wait()
    (run,) = labsync.json("runs")
    assert (run["status"], run["steps"] >= 3) == ("interrupted", True)
    assert labsync.json("fit", "locking", "latest", code=1)["status"] == "too few points"


def test_the_lab_in_the_foreground_serves_a_bench_until_ctrl_c(labsync):
    process = labsync.start("twin", "--seed", "4", "--clock", "lock-step")
    try:
        address = next(m[1] for line in process.stdout if (m := re.search(r'attach = "([^"]+)"', line)))
        text = (BUILT_IN / "minimal.toml").read_text()
        (labsync.folder / "bench.toml").write_text(text.replace("[twin]", f'[twin]\nattach = "{address}"'))
        findings = labsync.json("doctor", "--station", "bench.toml")
        assert all(finding["ok"] for finding in findings)
        assert address.startswith("127.0.0.1:")
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def test_a_taken_port_is_named(labsync):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = labsync("twin", "--port-base", str(port), code=1)
    assert str(port) in text


def test_the_same_seed_in_lock_step_measures_the_same_bits(labsync):
    labsync("run", "detuning-scan", "--steps", "2")
    first = store.find(labsync.folder / "runs", "latest")
    labsync("rerun", first.uid)
    second = store.find(labsync.folder / "runs", "latest")
    assert second.start["rerun_of"] == first.uid
    xr.testing.assert_equal(first.dataset().drop_attrs(), second.dataset().drop_attrs())
