import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from instruments.twin import TwinSettings, start_twin
from labsync.settings import BUILT_IN


class Command:
    """The ``labsync`` command, run in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.program = str(Path(sys.executable).with_name("labsync"))

    def __call__(self, *arguments: str, code: int = 0, timeout: float = 300) -> str:
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout or done.stderr

    def json(self, *arguments: str, code: int = 0):
        return json.loads(self(*arguments, "--json", code=code))

    def start(self, *arguments: str) -> subprocess.Popen:
        return subprocess.Popen(
            [self.program, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


@pytest.fixture
def labsync(tmp_path):
    return Command(tmp_path)


@pytest.fixture(scope="session")
def readme_commands():
    """The commands of the README, split into arguments, in order."""
    text = (Path(__file__).parents[2] / "README.md").read_text()
    lines = [line.strip() for line in text.splitlines() if re.match(r"    labsync ", line)]
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.fixture(scope="session")
def scanned(tmp_path_factory, readme_commands):
    """A folder with one finished detuning scan of the simulated lab, made by the README's first command."""
    assert readme_commands[0][:2] == ["run", "detuning-scan"]
    command = Command(tmp_path_factory.mktemp("scanned"))
    command(*readme_commands[0])
    return command


@pytest.fixture(scope="session")
def compared(scanned, readme_commands):
    """What the README's comparison says about that scan."""
    assert ["compare", "latest"] in readme_commands
    return scanned.json("compare", "latest")


@pytest.fixture
def lab_with(tmp_path):
    """Return a function that starts a simulated lab of this process in lock-step: the lab, a station file."""
    with ExitStack() as stack:

        def start(**settings):
            twin = stack.enter_context(start_twin(TwinSettings(clock="lock-step", **settings)))
            station = tmp_path / f"station-{twin.settings.seed}.toml"
            text = (BUILT_IN / "minimal.toml").read_text()
            attach = f'clock = "lock-step"\nattach = "{twin.addresses["control"]}"'
            station.write_text(text.replace('clock = "lock-step"', attach))
            return twin, str(station)

        yield start


@pytest.fixture
def lab(lab_with):
    """A simulated lab with little light, which gives up soon, for tests that want steps but not good ones."""
    twin, station = lab_with(seed=3, trajectories=16, duration_ns=300.0)
    text = Path(station).read_text().replace('deadline = "10 min"', 'deadline = "3 min"')
    Path(station).write_text(text + "\n[retries]\nattempts = 2\n")
    return twin, station
