"""How long a bench stays on after its program was killed: kill -9 at random instants of a run, many times.

    python tests/watchdog_latency.py [--kills 20] [--seed 1]

The simulated lab runs in this process at 20 times real time, `labsync run` and its watchdog in theirs. The
time from the signal to the moment at which neither array carries a current is read off the simulated arrays;
the whole way to the safe state ends when the watchdog's record is written. A last run is stopped (SIGSTOP)
instead: the watchdog waits out the silence, ends the program, and does the same.
"""

import argparse
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from instruments.twin import TwinSettings, start_twin
from labsync.settings import BUILT_IN
from labsync.watchdog import RECORD

FACTOR, SILENCE_S, POLL_S = 20.0, 3.0, 2e-4
PUMPED_A, DARK_A = 1e-3, 1e-9
LABSYNC = str(Path(sys.executable).with_name("labsync"))


def main() -> int:
    """Measure, print the table, and return 0 if every kill led to the safe state within 1 s."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as folder, start_twin(TwinSettings(seed=3, clock=FACTOR)) as twin:
        station = _station(Path(folder), twin.addresses["control"])
        arrays = twin._server.bench.world.arrays
        killed = [_one(station, arrays, signal.SIGKILL, chance.uniform(0, 4)) for _ in range(chosen.kills)]
        stopped = _one(station, arrays, signal.SIGSTOP, 1.0)
    print(f"{'kill after start of pumping (s)':>33} {'dark (ms)':>10} {'all safe (ms)':>14}")
    for row in killed:
        print(f"{row['after_s']:33.2f} {1e3 * row['dark_s']:10.0f} {1e3 * row['safe_s']:14.0f}")
    for name in ("dark_s", "safe_s"):
        values = [1e3 * row[name] for row in killed]
        print(f"{name[:-2]}: median {statistics.median(values):.0f} ms, longest {max(values):.0f} ms")
    print(f"stopped instead of killed, silence {SILENCE_S:g} s: dark after {stopped['dark_s']:.2f} s")
    return int(max(row["safe_s"] for row in killed) > 1.0)


def _station(folder: Path, control: str) -> Path:
    text = (BUILT_IN / "minimal.toml").read_text()
    text = text.replace('clock = "lock-step"', f'clock = {FACTOR}\nattach = "{control}"')
    path = folder / "station.toml"
    path.write_text(text + f'\n[watchdog]\nsilence = "{SILENCE_S} s"\n')
    return path


def _one(station: Path, arrays: tuple, number: signal.Signals, after_s: float) -> dict[str, float]:
    """Start a run, send it a signal `after_s` after both arrays are pumped, and time what follows."""
    runs = station.parent / "runs"
    before = set(runs.glob("*"))
    program = subprocess.Popen(
        [LABSYNC, "run", "detuning-scan", "--station", str(station), "--runs", str(runs)],
        stderr=subprocess.DEVNULL,
    )
    while not all(array.current_a > PUMPED_A for array in arrays):
        if program.poll() is not None:
            raise SystemExit(f"the run ended with code {program.returncode} before it was to be killed")
        time.sleep(0.01)
    time.sleep(after_s)
    begun = time.monotonic()
    program.send_signal(number)
    while any(array.current_a > DARK_A for array in arrays):
        time.sleep(POLL_S)
    dark_s = time.monotonic() - begun
    (folder,) = set(runs.glob("*")) - before
    while not (folder / RECORD).exists():
        time.sleep(POLL_S)
    safe_s = time.monotonic() - begun
    program.wait()
    record = json.loads((folder / RECORD).read_text())
    assert not any(action["problem"] for action in record["actions"]), record
    return {"after_s": after_s, "dark_s": dark_s, "safe_s": safe_s}


if __name__ == "__main__":
    sys.exit(main())
