import io
import subprocess

import pytest
from rich.console import Console

from instruments.twin import TwinSettings, start_twin
from labsync import guarding
from labsync.errors import UsageError
from labsync.settings import BUILT_IN, read_station_file

MINIMAL = (BUILT_IN / "minimal.toml").read_text()
HOT = '\n[watchdog]\n[[watchdog.interlock]]\nrole = "cryostat_1"\nquantity = "temperature"\nlimit = "20 K"\n'


@pytest.fixture
def lab():
    with start_twin(TwinSettings(seed=6, clock="lock-step")) as twin:
        yield twin


@pytest.fixture
def attached(lab, tmp_path):
    def attached(more=""):
        path = tmp_path / "bench.toml"
        path.write_text(MINIMAL.replace("[twin]", f'[twin]\nattach = "{lab.addresses["control"]}"') + more)
        return read_station_file(str(path))[0]

    return attached


@pytest.fixture
def array(lab):
    """The simulated array of P1, pumped."""
    array = lab._server.bench.world.arrays[0]
    pump = array.source.__self__
    pump.set_level("VOLT", 5.0)
    pump.set_limit("VOLT", 5e-3)
    pump.set_output(True)
    assert array.current_a > 1e-3
    return array


@pytest.fixture
def console():
    return Console(record=True, file=io.StringIO())


def test_the_end_of_a_process_that_is_watched_by_hand_leads_to_the_safe_state(attached, array, console):
    program = subprocess.Popen(["sleep", "0.2"])
    assert guarding.watch(attached(), program.pid, console)
    assert program.wait() == 0
    assert array.current_a == 0.0
    assert f"Watching process {program.pid}" in console.export_text()


def test_an_interlock_by_hand_ends_the_process_and_leads_to_the_safe_state(attached, array, console):
    program = subprocess.Popen(["sleep", "60"])
    assert guarding.watch(attached(HOT), program.pid, console)
    assert program.wait() == -9
    assert array.current_a == 0.0


def test_a_bench_is_made_safe_by_hand_and_every_action_is_shown(attached, array, console):
    outcomes = guarding.make_safe(attached())
    assert [(each.role, each.problem) for each in outcomes] == [("pump_1", ""), ("pump_2", ""), ("ramp", "")]
    assert array.current_a == 0.0
    guarding.show(outcomes, console)
    assert "pump_2" in console.export_text()


def test_what_cannot_be_watched_is_refused(attached, console):
    with pytest.raises(UsageError, match=r"no interlock that could be read; name a process"):
        guarding.watch(attached(), None, console)
    with pytest.raises(UsageError, match=r"There is no process 99999999"):
        guarding.watch(attached(HOT), 99999999, console)
    with pytest.raises(UsageError, match=r"simulated inside the program that uses it"):
        guarding.make_safe(read_station_file("minimal")[0])
