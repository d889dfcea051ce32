import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TARGETS = [line.split()[1] for line in README.splitlines() if line.startswith("    make ")]


@pytest.mark.parametrize("target", TARGETS)
def test_make_targets_of_the_readme_exist(target):
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_demo_is_the_scan_and_the_comparison_that_are_tested_here():
    done = subprocess.run(["make", "-n", "demo"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "labsync run detuning-scan --station simulated" in done.stdout
    assert "labsync compare latest" in done.stdout


@pytest.mark.xdist_group("scanned")
def test_every_command_of_the_readme_works_as_printed(scanned, compared, readme_commands, tmp_path):
    command = type(scanned)(tmp_path / "copy")
    shutil.copytree(scanned.folder, command.folder)
    made = (readme_commands[0], ["compare", "latest"])  # for the tests that look at what comes of them
    for arguments in readme_commands:
        if arguments not in made:
            assert command(*arguments).strip(), arguments
    assert compared
    assert len(readme_commands) >= 8


def test_every_picture_and_page_the_readme_points_to_exists():
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target
