import io
import json
import os
import subprocess
import threading
import time

import pytest

from instruments.twin import TwinSettings, start_twin
from labsync import watchdog
from labsync._engine import Engine
from labsync.settings import BUILT_IN, read_station_file
from labsync.watchdog import RECORD, Watchdog

MINIMAL = (BUILT_IN / "minimal.toml").read_text().replace("[twin]", '[twin]\nattach = "127.0.0.1:1"')
RULES = '\n[watchdog]\nsilence = "0.5 s"\nstall = "5 s"\n'
PATIENT = RULES.replace("0.5 s", "20 s").replace("5 s", "20 s")  # of a busy computer
INTERLOCK = """
[[watchdog.interlock]]
role = "cryostat_2"
quantity = "temperature"
limit = "30 K"
"""


class Program:
    """A program on the other end of the watchdog's pipe, and a bench that both share."""

    def __init__(self, folder, text, addresses):
        (folder / "bench.toml").write_text(text)
        self.folder, self.words = folder, io.StringIO()
        reading, self._pipe = os.pipe()
        settings, _ = read_station_file(str(folder / "bench.toml"))
        self._watchdog = Watchdog(settings, addresses, Engine(None, reading), self.words)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.say(folder=str(folder))

    def _run(self):
        self.tripped = self._watchdog.run()

    def say(self, **message):
        os.write(self._pipe, json.dumps(message).encode() + b"\n")

    def die(self):
        os.close(self._pipe)

    def outcome(self):
        """Return whether the watchdog tripped, and what it left, once it has ended."""
        self._thread.join(60)
        assert not self._thread.is_alive()
        path = self.folder / RECORD
        return self.tripped, json.loads(path.read_text()) if path.exists() else None

    def heard(self):
        return [json.loads(line) for line in self.words.getvalue().splitlines()]


@pytest.fixture(scope="module")
def lab():
    with start_twin(TwinSettings(seed=5, clock="lock-step")) as twin:
        yield twin


@pytest.fixture
def program(lab, tmp_path):
    def start(rules=RULES, addresses=lab.addresses, bench=MINIMAL):
        return Program(tmp_path, bench + rules, addresses)

    return start


@pytest.fixture
def pumps(lab):
    """The simulated arrays, pumped."""
    arrays = lab._server.bench.world.arrays
    for array in arrays:
        array.source.__self__.set_level("VOLT", 5.0)
        array.source.__self__.set_limit("VOLT", 5e-3)
        array.source.__self__.set_output(True)
    assert all(array.current_a > 1e-3 for array in arrays)
    return arrays


def dark(arrays):
    return all(array.current_a == 0.0 for array in arrays)


def test_a_normal_end_trips_nothing(program, pumps):
    running = program(PATIENT)
    for _ in range(4):
        running.say(beat=True, idle_s=0.0, readings={})
        time.sleep(0.2)
    running.say(standing_down=True)
    running.say(safe=True, problems=[])
    running.say(end=True)
    running.die()
    assert running.outcome() == (False, None)
    assert not dark(pumps)


def test_the_end_of_the_pipe_is_the_death_of_the_program(program, pumps, lab):
    before_s = lab.clock.now()
    running = program()
    time.sleep(0.1)
    running.die()
    tripped, record = running.outcome()
    assert tripped
    assert record["reason"] == "the program died"
    assert [(each["role"], each["problem"]) for each in record["actions"]] == [
        ("pump_1", ""),
        ("pump_2", ""),
        ("ramp", ""),
    ]
    assert dark(pumps)
    assert record["safe_after_s"] < 1.0
    assert lab.clock.now() == before_s


@pytest.mark.parametrize(
    ("beat", "reason"),
    [(None, "the program was silent for 0."), (5.5, "the program stood still for 5.5 s")],
)
def test_a_program_that_hangs_is_ended_and_the_bench_made_safe(program, pumps, beat, reason):
    running = program()
    if beat is not None:
        running.say(beat=True, idle_s=beat)
    tripped, record = running.outcome()
    assert tripped
    assert record["reason"].startswith(reason)
    assert record["by"] == "watchdog"
    assert dark(pumps)


def test_a_reading_above_its_limit_lets_the_program_make_the_bench_safe(program, pumps):
    running = program(PATIENT + INTERLOCK)
    running.say(readings={"cryostat_2 temperature": 29.9})
    time.sleep(0.2)
    running.say(readings={"cryostat_2 temperature": 30.1})
    while len(running.heard()) < 2:
        time.sleep(0.01)
    assert running.heard()[1] == {
        "trip": "cryostat_2 temperature is 30.1 K, above the limit of 30 K",
    }
    running.say(standing_down=True)
    running.say(safe=True, problems=[])
    tripped, record = running.outcome()
    assert tripped
    assert (record["by"], record["actions"]) == ("program", [])
    assert not dark(pumps)  # this program only said so


@pytest.mark.parametrize("answer", [None, ["pump_1 to zero: gone"]])
def test_a_program_that_cannot_make_the_bench_safe_is_not_waited_for(program, pumps, monkeypatch, answer):
    monkeypatch.setattr(watchdog, "GRACE_S", 0.3)
    running = program(RULES + INTERLOCK)
    running.say(readings={"cryostat_2 temperature": float("nan")})
    if answer is not None:
        while len(running.heard()) < 2:
            time.sleep(0.01)
        running.say(standing_down=True)
        running.say(safe=True, problems=answer)
    tripped, record = running.outcome()
    assert tripped
    assert record["by"] == "watchdog"
    assert dark(pumps)


def test_the_watchdog_reads_through_a_connection_of_its_own(program, monkeypatch):
    monkeypatch.setattr(watchdog, "GRACE_S", 0.05)
    running = program(RULES + INTERLOCK + 'read_by = "watchdog"\n')
    tripped, record = running.outcome()
    assert tripped
    assert record["reason"].startswith("cryostat_2 temperature is 34.9")


def test_a_watchdog_that_cannot_read_trips(program, lab, monkeypatch):
    monkeypatch.setattr(watchdog, "GRACE_S", 0.05)
    rules = RULES + INTERLOCK.replace("30 K", "50 K") + 'read_by = "watchdog"\n'
    addresses = {**lab.addresses, "cryostat_2": "TCPIP::127.0.0.1::9::SOCKET"}
    quick = MINIMAL.replace('driver = "lakeshore336"', 'driver = "lakeshore336"\ntimeout = "0.1 s"')
    running = program(rules, addresses, quick)
    for _ in range(6):
        running.say(beat=True, idle_s=0.0)
        time.sleep(0.2)
    tripped, record = running.outcome()
    assert tripped
    assert record["reason"].startswith("cryostat_2 temperature cannot be read: Lake Shore 336")


def test_a_lab_inside_the_program_ends_with_it_and_the_watchdog_says_so(program, caplog):
    running = program(addresses=None)
    running.die()
    tripped, record = running.outcome()
    assert tripped
    assert record["actions"] == []
    assert "was part of the program and ended with it" in caplog.text


def test_a_child_that_keeps_the_pipe_open_does_not_hide_the_death_of_the_program():
    reading, writing = os.pipe()
    child = subprocess.Popen(["sleep", "0.05"])
    engine = Engine(child.pid, reading)
    begun = time.monotonic()
    while engine.alive and time.monotonic() - begun < 60:
        engine.listen(1.0)
    assert not engine.alive
    child.wait()
    os.close(writing)
