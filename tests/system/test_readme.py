import re
import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = [line.strip() for line in README.splitlines() if re.match(r"    (labsync|make) ", line)]


def test_the_readme_has_commands_to_try():
    assert len(COMMANDS) >= 9


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make")])
def test_make_targets_of_the_readme_exist(command):
    target = command.split("#")[0].split()[1]
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_demo_is_the_scan_and_the_comparison_that_are_tested_here():
    done = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "labsync run detuning-scan --station simulated" in done.stdout
    assert "labsync compare latest" in done.stdout


def test_every_command_of_the_readme_works_as_printed(labsync):
    for command in COMMANDS:
        program, *arguments = shlex.split(command, comments=True)
        if program == "labsync":
            output = labsync(*arguments)
            assert output.strip(), command


def test_every_picture_and_page_the_readme_points_to_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), target
