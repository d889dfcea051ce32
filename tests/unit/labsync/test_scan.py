import json
import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from pymeasure.experiment import IntegerParameter, Results, Worker

from instruments.errors import InstrumentTimeout
from labsync import store
from labsync._sections import RetriesSection
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
