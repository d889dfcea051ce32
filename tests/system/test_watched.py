"""Runs with a watchdog in a process of its own."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from instruments.errors import Interlock
from labsync import store
from labsync.errors import LabsyncError
from labsync.events import Event
from labsync.settings import read_station_file
from labsync.station import open_station
from labsync.watchdog import RECORD

WATCHDOG = '\n[watchdog]\nsilence = "5 s"\n'
INTERLOCK = '\n[[watchdog.interlock]]\nrole = "pump_2"\nquantity = "power"\nlimit = "1 mW"\n'


def settings_with(station, text):
    with Path(station).open("a") as file:
        file.write(text)
    return read_station_file(station)[0]


def wait_for(condition, within_s=60):
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < within_s
        time.sleep(0.002)
    return time.monotonic() - begun


def test_a_killed_run_leaves_the_bench_safe(labsync, lab):
    twin, station = lab
    settings_with(station, WATCHDOG)
    arrays = twin._server.bench.world.arrays
    program = labsync.start("run", "detuning-scan", "--station", station)
    wait_for(lambda: all(array.current_a > 1e-3 for array in arrays))
    program.kill()
    wait_for(lambda: all(array.current_a == 0.0 for array in arrays))  # the benchmark tells how soon
    program.wait()
    run = store.find(labsync.folder / "runs", "latest")
    wait_for((run.path / RECORD).exists)
    record = json.loads((run.path / RECORD).read_text())
    assert record["reason"] == "the program died"
    assert [each["problem"] for each in record["actions"]] == ["", "", ""]
    assert json.loads(labsync("safe", "--station", station, "--json"))[0]["problem"] == ""


def test_an_interlock_wakes_the_program_which_makes_the_bench_safe_itself(lab, tmp_path):
    twin, station = lab
    settings = settings_with(station, WATCHDOG + INTERLOCK)
    told = []
    with pytest.raises(Interlock, match=r"pump_2 power is 0\.0\d+ W, above the limit of 1 mW"):
        drive(settings, tmp_path, told)
    assert told == ["observe"]
    assert not any(array.current_a for array in twin._server.bench.world.arrays)
    wait_for((tmp_path / RECORD).exists)
    record = json.loads((tmp_path / RECORD).read_text())
    assert (record["by"], record["actions"]) == ("program", [])


def drive(settings, folder, told):
    with open_station(settings) as bench:
        report = bench.watched(lambda event: told.append(event.kind), folder)
        bench.pump_2.ramp_to_current(2e-3, 1e-5)
        report(Event("observe", 0, 1))
        for _ in range(500):
            time.sleep(0.01)
            bench.clock.sleep(0.01)


def test_a_run_whose_watchdog_is_killed_stops_and_one_that_ends_well_trips_nothing(lab, tmp_path):
    twin, station = lab
    settings = settings_with(station, WATCHDOG)
    with open_station(settings) as bench:
        bench.watched(lambda event: None, tmp_path)
        bench.pump_1.ramp_to_voltage(1.0)
        own = bench._guard._process.pid
    assert not (tmp_path / RECORD).exists()
    assert not Path(f"/proc/{own}").exists()
    assert twin._server.bench.world.arrays[0].voltage_v == pytest.approx(1.0)
    with pytest.raises(LabsyncError, match="The watchdog was ended"):
        kill_the_watchdog(settings)
    assert twin._server.bench.world.arrays[0].voltage_v == 0.0


def kill_the_watchdog(settings):
    with open_station(settings) as bench:
        os.kill(bench._guard._process.pid, signal.SIGKILL)
        for _ in range(500):
            time.sleep(0.01)
            bench.clock.sleep(0.01)
