import json
import os
import re
import shlex
import subprocess
import sys
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


@pytest.fixture
def lab(tmp_path):
    """A simulated lab of this process in lock-step, and a station file that attaches to it."""
    with start_twin(TwinSettings(seed=3, clock="lock-step")) as twin:
        text = (BUILT_IN / "minimal.toml").read_text()
        attach = f'clock = "lock-step"\nattach = "{twin.addresses["control"]}"'
        station = tmp_path / "station.toml"
        station.write_text(
            text.replace('clock = "lock-step"', attach).replace('deadline = "10 min"', 'deadline = "3 min"')
            + "\n[retries]\nattempts = 2\n"
        )
        yield twin, str(station)
