import json
import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from pymeasure.experiment import IntegerParameter, Results, Worker

from instruments.errors import InstrumentDisconnected, InstrumentTimeout, Interlock, NotSettled, OutOfRange
from labsync import store
from labsync._sections import RetriesSection
from labsync.errors import LabsyncError
from labsync.scan import Scan, acquire


class Counting(Scan):
    """Three steps that do nothing; `trouble` is called in the middle of the second."""

    slug = "counting"
    DATA_COLUMNS = ["value"]
    steps = IntegerParameter("steps", default=3)
    trouble = staticmethod(lambda: None)

    def expected_steps(self):
        return self.steps

    def next_point(self, history):
        done = history.sizes["step"]
        return None if done == self.steps else {"x": float(done)}

    def approach(self, station, point, report):
        report(point)

    def observe(self, station, point):
        if point["x"] == 1.0:
            self.trouble()
        return xr.Dataset({"value": ((), 2 * point["x"], {"units": "1"})})

    def summarise(self, step):
        return {"value": float(step["value"]), "undefined": np.nan}


class Bench:
    """Stands where a station stands and counts how often it was made safe."""

    made_safe = 0
    settings = SimpleNamespace(retries=RetriesSection(attempts=1))

    def watched(self, listener, folder):
        return listener

    def make_safe(self):
        self.made_safe += 1
        return []


@pytest.fixture
def run(tmp_path):
    return store.create(tmp_path, "counting", {"parameters": {}})


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_a_scan_commits_every_step_and_leaves_the_station_safe(run):
    bench, events = Bench(), []
    assert acquire(Counting(), bench, run, events.append) == "finished"
    assert run.dataset()["value"].values.tolist() == [0.0, 2.0, 4.0]
    assert [event.kind for event in events] == ["approach", "approach", "observe", "commit"] * 3
    assert bench.made_safe == 1
    assert run.stop["timing_s"].keys() == {"settle", "measure", "commit"}
    assert run.journal()[1]["row"] == {"value": 2.0, "undefined": None}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_drops_the_step_in_progress_and_keeps_the_rest(run, number):
    bench, scan = Bench(), Counting()
    scan.trouble = lambda: os.kill(os.getpid(), number)
    before = signal.getsignal(number)
    assert acquire(scan, bench, run) == "aborted"
    assert run.dataset()["value"].values.tolist() == [0.0]
    assert (run.status, bench.made_safe) == ("aborted", 1)
    assert signal.getsignal(number) is before


def test_an_interrupt_during_a_commit_waits_until_it_is_done(run, monkeypatch):
    append = store._journal.append

    def interrupted_append(path, body):
        if body["step"] == 1:
            interrupt()
        append(path, body)

    monkeypatch.setattr(store._journal, "append", interrupted_append)
    assert acquire(Counting(), Bench(), run) == "aborted"
    assert run.dataset()["value"].values.tolist() == [0.0, 2.0]


def test_a_second_interrupt_does_not_stop_the_way_to_the_safe_state(run):
    class Impatient(Bench):
        def make_safe(self):
            interrupt()
            interrupt()
            return super().make_safe()

    bench, scan = Impatient(), Counting()
    scan.trouble = interrupt
    assert acquire(scan, bench, run) == "aborted"
    assert bench.made_safe == 1


def test_a_failure_that_follows_an_interrupt_is_still_an_interrupt(run):
    def interrupted_query():
        try:
            interrupt()
        finally:
            raise InstrumentTimeout("the correlator was busy")

    scan = Counting()
    scan.trouble = interrupted_query
    assert acquire(scan, Bench(), run) == "aborted"
    assert "the correlator was busy" in run.stop["message"]


def test_an_instrument_error_closes_the_run_as_failed_and_safe(run):
    def silent():
        raise InstrumentTimeout("pump_1 is silent")

    bench, scan = Bench(), Counting()
    scan.trouble = silent
    with pytest.raises(InstrumentTimeout):
        acquire(scan, bench, run)
    assert (run.status, bench.made_safe) == ("failed", 1)
    assert "pump_1 is silent" in run.stop["message"]
    assert run.dataset().sizes["step"] == 1


def test_the_loop_goes_on_from_what_is_committed(run):
    scan = Counting()
    scan.steps = 2
    acquire(scan, Bench(), run)
    scan.steps = 4
    acquire(scan, Bench(), store.Run(run.path, writable=True))
    assert run.dataset()["value"].values.tolist() == [0.0, 2.0, 4.0, 6.0]


def test_a_pymeasure_worker_runs_a_scan(run, tmp_path):
    scan = Counting()
    scan.station, scan.run = Bench(), run
    results = Results(scan, str(tmp_path / "rows.csv"))
    worker = Worker(results)
    worker.start()
    worker.join(20)
    assert not worker.is_alive()
    assert results.data["value"].tolist() == [0.0, 2.0, 4.0]
    assert json.loads((run.path / "stop.json").read_text())["status"] == "finished"


class Sleepless:
    """A clock that only counts what it was asked to wait."""

    def __init__(self):
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)


def patient(**rule):
    bench = Bench()
    bench.settings = SimpleNamespace(retries=RetriesSection(**rule))
    bench.clock = Sleepless()
    return bench


def failing(times, error=None):
    left = [error or InstrumentDisconnected("pump_1 is gone")] * times

    def trouble():
        if left:
            raise left.pop()

    return trouble


def test_a_transient_error_is_tried_again_with_growing_waits_and_noted(run):
    bench, scan, events = patient(attempts=4, back_off="0.5 s"), Counting(), []
    scan.trouble = failing(3)
    assert acquire(scan, bench, run, events.append) == "finished"
    assert run.dataset()["value"].values.tolist() == [0.0, 2.0, 4.0]
    assert bench.clock.slept == [0.5, 1.0, 2.0]
    notes = [event for event in run.events() if event["kind"] == "retry"]
    assert [(note["step"], note["attempt"]) for note in notes] == [(1, 1), (1, 2), (1, 3)]
    assert notes[0]["error"] == "InstrumentDisconnected: pump_1 is gone"
    assert [event.kind for event in events].count("retry") == 3


def test_an_error_that_stays_ends_the_run_after_the_last_attempt(run):
    bench, scan = patient(attempts=3), Counting()
    scan.trouble = failing(3)
    with pytest.raises(InstrumentDisconnected):
        acquire(scan, bench, run)
    assert (run.status, bench.made_safe, bench.clock.slept) == ("failed", 1, [2.0, 4.0])
    assert run.dataset().sizes["step"] == 1


@pytest.mark.parametrize("error", [Interlock("short"), OutOfRange("too hot"), NotSettled("wobbles")])
def test_what_endangers_the_experiment_is_never_tried_again(run, error):
    bench, scan = patient(attempts=3), Counting()
    scan.trouble = failing(1, error)
    with pytest.raises(type(error)):
        acquire(scan, bench, run)
    assert (run.status, bench.made_safe, bench.clock.slept) == ("failed", 1, [])


def test_a_pause_holds_the_scan_before_the_next_step_until_it_is_ended(run):
    scan, kinds = Counting(), []
    scan.trouble = lambda: os.kill(os.getpid(), signal.SIGUSR1)

    def listener(event):
        kinds.append(event.kind)
        if kinds.count("pause") == 3 and event.kind == "pause":
            os.kill(os.getpid(), signal.SIGUSR1)

    assert acquire(scan, Bench(), run, listener) == "finished"
    assert kinds[4:] == [*["approach"] * 2, "observe", "commit", *["pause"] * 3] + kinds[:4]
    marks = [(event["kind"], event["step"]) for event in run.events()]
    assert marks == [("step", 0), ("step", 1), ("pause", 2), ("continue", 2), ("step", 2)]


def test_a_paused_scan_can_be_stopped(run):
    scan = Counting()
    scan.trouble = lambda: os.kill(os.getpid(), signal.SIGUSR1)

    def listener(event):
        if event.kind == "pause":
            interrupt()

    assert acquire(scan, Bench(), run, listener) == "aborted"
    assert run.dataset().sizes["step"] == 2


def test_damaged_steps_are_measured_again_before_the_scan_goes_on(run):
    scan = Counting()
    scan.steps = 4
    scan.trouble = lambda: None
    acquire(scan, Bench(), run)
    (run.path / "run.zarr" / "value" / "c.2").unlink()
    scan.steps, points = 6, []
    run = store.Run(run.path, writable=True)
    acquire(scan, Bench(), run, lambda event: points.append((event.kind, event.step)))
    assert [step for kind, step in points if kind == "commit"] == [2, 4, 5]
    assert run.dataset()["value"].values.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_a_replay_repeats_the_steps_and_stores_only_what_is_damaged(run):
    acquire(Counting(), Bench(), run)
    (run.path / "run.zarr" / "value" / "c.1").write_bytes(b"")
    scan, events = Counting(), []
    scan.steps = 4
    run = store.Run(run.path, writable=True)
    assert acquire(scan, Bench(), run, events.append, replay=True) == "finished"
    assert [event.step for event in events if event.kind == "replay"] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [event.step for event in events if event.kind == "commit"] == [1, 3]
    assert run.dataset()["value"].values.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert [event["differing"] for event in run.events() if event["kind"] == "replay"] == [[]]


def test_a_replay_that_comes_out_different_says_so(run, caplog):
    acquire(Counting(), Bench(), run)

    class Drifted(Counting):
        steps = IntegerParameter("steps", default=3)

        def observe(self, station, point):
            return super().observe(station, point) + (point["x"] == 2.0)

    run = store.Run(run.path, writable=True)
    acquire(Drifted(), Bench(), run, replay=True)
    assert "step 2 came out different" in caplog.text
    assert [event["differing"] for event in run.events() if event["kind"] == "replay"] == [[2]]
    assert run.dataset()["value"].values.tolist() == [0.0, 2.0, 4.0]


def test_a_disk_that_fails_ends_the_run_safely_and_says_what_to_do(run, caplog):
    bench, scan = Bench(), Counting()

    def full():
        (run.path / "run.zarr" / "value").rename(run.path / "elsewhere")
        (run.path / "run.zarr" / "value").write_text("no folder")
        (run.path / "stop.json.part").mkdir()

    scan.trouble = full
    with pytest.raises(LabsyncError, match="value"):
        acquire(scan, bench, run)
    assert bench.made_safe == 1
    assert "How run" in caplog.text
