import json
import subprocess
import sys
from pathlib import Path


def test_killed_scans_lose_no_committed_step_and_equal_the_undisturbed_one_when_resumed():
    script = Path(__file__).parents[1] / "kill_runs.py"
    done = subprocess.run(
        [sys.executable, str(script), "--kills", "6", "--seed", "3", "--json"],
        capture_output=True,
        text=True,
        timeout=400,
        check=True,
    )
    facts = json.loads(done.stdout)
    assert sum(facts["kills"].values()) == 6
    assert sum(facts["lost"].values()) == 0
    assert facts["equal"] == facts["runs"] >= 1
