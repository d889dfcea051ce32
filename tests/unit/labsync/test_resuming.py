import io
import json

import pytest
import xarray as xr
from pymeasure.experiment import FloatParameter, IntegerParameter
from rich.console import Console
from typer.testing import CliRunner

from instruments.errors import Interlock
from instruments.keithley import Keithley2450Pump
from instruments.twin import TwinSettings, start_twin
from labsync import acquisition, resuming, store
from labsync.cli import app
from labsync.errors import UsageError
from labsync.scan import Scan
from labsync.settings import BUILT_IN

QUIET = Console(file=io.StringIO())
MINIMAL = (BUILT_IN / "minimal.toml").read_text()


class Warming(Scan):
    """Pump P1, warm P2 step by step, read both; `trouble` is called with each step's number."""

    slug = "warming"
    steps = IntegerParameter("Steps", default=6)
    rise_k = FloatParameter("Rise per step", default=0.002)
    trouble = staticmethod(lambda number: None)
    dwell_s = 2.0

    def next_point(self, history):
        done = history.sizes["step"]
        return None if done == self.steps else {"temperature_2_k": 34.9 + done * self.rise_k}

    def approach(self, station, point, report):
        station.pump_1.ramp_to_current(2e-3, tolerance_a=1e-6)
        station.cryostat_2.set_setpoint_k(point["temperature_2_k"])
        station.cryostat_2.wait_until_settled(
            band_k=0.02, dwell_s=self.dwell_s, deadline_s=60.0, poll_s=self.dwell_s / 2
        )
        self.trouble(round((point["temperature_2_k"] - 34.9) / self.rise_k))

    def observe(self, station, point):
        station.clock.sleep(self.dwell_s / 2)
        kelvin, ampere = {"units": "K"}, {"units": "A"}
        return xr.Dataset(
            {
                "temperature_2_k": ((), station.cryostat_2.temperature_k, kelvin),
                "current_1_a": ((), station.pump_1.current_a, ampere),
            }
        )

    def summarise(self, step):
        return {"temperature_2_k": float(step["temperature_2_k"])}


class Doubling(Scan):
    """A simulation: no station."""

    slug = "simulate-doubling"
    steps = IntegerParameter("Steps", default=4)
    trouble = staticmethod(lambda number: None)

    def next_point(self, history):
        done = history.sizes["step"]
        return None if done == self.steps else {"x": float(done)}

    def approach(self, station, point, report):
        self.trouble(point["x"])

    def observe(self, station, point):
        return xr.Dataset({"value": ((), 2 * point["x"], {"units": "1"})})

    def summarise(self, step):
        return {"value": float(step["value"])}


@pytest.fixture(autouse=True)
def known(monkeypatch):
    """The two scans under their names, as if they were ours."""
    monkeypatch.setattr(resuming, "PROCEDURES", {"warming": Warming})
    monkeypatch.setattr(resuming, "SIMULATIONS", {"doubling": Doubling})


def failing_at(step, error):
    def trouble(number):
        if number == step:
            raise error

    return staticmethod(trouble)


def never(question):
    raise AssertionError(f"asked without need: {question}")


def resume(root, consent=never):
    return resuming.resume("latest", root, QUIET, consent)


@pytest.fixture
def failed(tmp_path, monkeypatch):
    """A folder with a run that failed in its fourth step, in a lab of its own in lock-step."""
    with monkeypatch.context() as patch:
        patch.setattr(Warming, "trouble", failing_at(3, Interlock("too hot")))
        with pytest.raises(Interlock):
            acquisition.run(Warming(), "minimal", tmp_path, QUIET)
    return tmp_path


def test_a_failed_run_goes_on_and_equals_one_that_never_failed(failed, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("undisturbed")
    wanted = acquisition.run(Warming(), "minimal", elsewhere, QUIET)
    run = resume(failed)
    assert run.status == "finished"
    found, expected = run.dataset(), wanted.dataset()
    xr.testing.assert_equal(found, expected)
    assert found.sizes["step"] == 6
    kinds = [event["kind"] for event in run.events()]
    assert kinds == ["step"] * 3 + ["resume", "replay"] + ["step"] * 3
    resumed = run.events()[3]
    assert resumed["ended"]["message"] == "Interlock: too hot"
    assert resumed["settings"]["pump_1"]["output_on"] is False
    assert run.events()[4]["differing"] == []
    again = resuming.rerun(str(run.path), elsewhere, QUIET)
    xr.testing.assert_equal(again.dataset(), expected)
    assert (again.start["rerun_of"], again.start["parameters"]) == (run.uid, run.start["parameters"])


def test_a_run_tells_what_it_was_made_with(failed):
    run = store.find(failed, "latest")
    assert run.start["settings"]["cryostat_2"]["setpoint_k"] == 34.9
    assert run.start["calibration"]["fabry_perot"]["free_spectral_range"] == 15.0
    assert "address" not in json.dumps(run.start["calibration"])
    # the way to the safe state comes first when something failed
    assert run.stop["settings"]["pump_1"] == {**run.stop["settings"]["pump_1"], "output_on": False}
    assert run.stop["settings"]["cryostat_2"]["setpoint_k"] == pytest.approx(34.906)


def test_a_complete_run_is_not_resumed_unless_it_is_damaged(tmp_path):
    run = acquisition.simulate(Doubling(), tmp_path, QUIET)
    with pytest.raises(UsageError, match="is complete: all 4 steps"):
        resume(tmp_path)
    chunk = run.path / "run.zarr" / "value" / "c.2"
    before = chunk.read_bytes()
    chunk.write_bytes(bytes([before[0] ^ 1, *before[1:]]))
    assert resume(tmp_path).status == "finished"
    assert chunk.read_bytes() == before
    assert store.find(tmp_path, "latest").dataset()["value"].values.tolist() == [0.0, 2.0, 4.0, 6.0]


def test_a_simulation_goes_on_too(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Doubling, "trouble", failing_at(2, ArithmeticError("diverged")))
        with pytest.raises(ArithmeticError):
            acquisition.simulate(Doubling(), tmp_path, QUIET)
    run = resume(tmp_path)
    assert run.dataset()["value"].values.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert resuming.rerun("latest", tmp_path, QUIET).uid != run.uid


def test_a_run_that_is_being_written_is_left_alone(tmp_path):
    run = store.create(tmp_path, "simulate-doubling", {"parameters": {"steps": 4}})
    with pytest.raises(UsageError, match="is being written by process"):
        resume(tmp_path)
    assert run.events() == []


@pytest.mark.parametrize(
    ("procedure", "parameters", "sentence"),
    [
        ("forgotten", {}, "no procedure of this version"),
        ("warming", {"speed": 3}, "a parameter speed, which warming does not know now"),
    ],
)
def test_a_run_of_another_version_is_refused(tmp_path, procedure, parameters, sentence):
    store.create(tmp_path, procedure, {"parameters": parameters}).finish("aborted")
    with pytest.raises(UsageError, match=sentence):
        resume(tmp_path)


FAULTS = {
    19: ("cryostat_2", "disconnect", 1),
    39: ("pump_1", "garbage", 2),
    59: ("cryostat_2", "timeout", 2),
}


def test_a_night_with_a_fault_every_twenty_steps_ends_with_complete_data(tmp_path, monkeypatch):
    with start_twin(TwinSettings(clock="lock-step")) as twin:
        text = MINIMAL.replace("\n[twin]", f'\n[twin]\nattach = "{twin.addresses["control"]}"')
        quick = text.replace('driver = "lakeshore336"', 'driver = "lakeshore336"\ntimeout = "0.15 s"')
        (tmp_path / "station.toml").write_text(quick)

        def trouble(number):
            if number in FAULTS:
                instrument, fault, count = FAULTS.pop(number)
                twin.inject(instrument, fault, count=count)

        monkeypatch.setattr(Warming, "trouble", staticmethod(trouble))
        scan = Warming()
        scan.steps = 80
        run = acquisition.run(scan, str(tmp_path / "station.toml"), tmp_path / "runs", QUIET)
        assert len(twin.fault_log) >= 3
    assert run.status == "finished"
    data = run.dataset()
    assert data.sizes["step"] == 80
    wanted = 34.9 + 0.002 * data["step"]
    assert float(abs(data["temperature_2_k"] - wanted).max()) < 0.02
    assert float(abs(data["current_1_a"] - 2e-3).max()) < 5e-6
    retried = {event["step"] for event in run.events() if event["kind"] == "retry"}
    assert retried
    assert retried <= {19, 39, 59}


@pytest.fixture
def hardware(failed, monkeypatch):
    """A simulated lab behind a station file that says hardware, and a failed run of it."""
    monkeypatch.setattr(Warming, "dwell_s", 0.1)
    with start_twin(TwinSettings(clock=20.0)) as twin:
        text = MINIMAL.replace('backend = "twin"', 'backend = "hardware"')
        head, _, rest = text.partition("\n[twin]")
        text = head + rest[rest.index("\n[") :]
        for name, address in twin.addresses.items():
            text = text.replace(f"\n[{name}]", f'\n[{name}]\naddress = "{address}"')
        (store.find(failed, "latest").path / "station.toml").write_text(text)
        yield twin


def test_no_pump_of_a_real_bench_is_switched_on_without_a_yes(hardware, failed):
    asked = []
    with pytest.raises(UsageError, match="was not resumed, and no pump was switched on"):
        resume(failed, lambda question: asked.append(question))
    assert "goes on with step 3" in asked[0]
    assert store.find(failed, "latest").status == "failed"
    with Keithley2450Pump(hardware.addresses["pump_1"]) as pump:
        assert pump.output_on is False


def test_the_command_asks_for_arm_where_nobody_can_be_asked(hardware, failed):
    done = CliRunner().invoke(app, ["resume", "latest", "--runs", str(failed)])
    assert done.exit_code == 2
    assert "switches both pumps on" in done.stderr.replace("\n", " ")
    assert "Say --arm" in done.stderr
    assert store.find(failed, "latest").status == "failed"


def test_a_real_bench_is_armed_settled_and_goes_on_after_a_yes(hardware, failed):
    run = resume(failed, lambda question: True)
    assert run.status == "finished"
    data = run.dataset()
    assert data.sizes["step"] == 6
    wanted = 34.9 + 0.002 * data["step"]
    assert float(abs(data["temperature_2_k"] - wanted).max()) < 0.02
    assert "replay" not in {event["kind"] for event in run.events()}
    assert run.stop["settings"]["pump_1"]["output_on"] is True
    with Keithley2450Pump(hardware.addresses["pump_1"]) as pump:
        assert pump.output_on is False
