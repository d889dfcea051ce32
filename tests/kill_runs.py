"""Kill a scan again and again, resume it each time, and count what was lost: python tests/kill_runs.py.

Processes are killed from outside (SIGKILL), at a random instant after they said that a phase of a step began.
Every commit that a process had reported must still be there afterwards, and every run, once it came through,
must hold the very bytes of the run that nobody disturbed. A kill is no power cut: what the kernel had
accepted, it still writes.
"""

import argparse
import functools
import io
import json
import multiprocessing
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from instruments.twin import TwinSettings
from labsync import _journal, acquisition, resuming, station, store
from labsync.procedures import DetuningScan
from labsync.progress import ScanProgress

STEPS = 5
OPTIONS = f"--steps {STEPS} --integration-s 0.1 --temperature-2-start-k 34.5 --temperature-2-stop-k 34.3"
LIGHT = {"trajectories": 16, "duration_ns": 300.0, "step_ps": 0.5}
# phases, for how long after its beginning a process may live on, in s, which is about as long as the phase
# lasts, and the probability with which the process dies at this occasion and not at a later one
PHASES = {
    "connect": (0.5, 1.0),
    "reopen": (0.01, 1.0),
    "replay": (0.1, 0.15),
    "settle": (0.1, 0.15),
    "measure": (0.1, 0.5),
    "fit": (0.03, 0.5),
    "chunks": (0.03, 0.3),
    "journal": (0.01, 0.5),
    "committed": (0.01, 0.5),
}
OF_RESUMED = {"reopen", "replay"}
KILLS_PER_RUN = 10
NAMES = {"approach": "settle", "observe": "measure", "commit": "committed"}


def work(root: Path, resumed: bool, pipe: Connection) -> None:
    """Make or resume a run in this process, and say in the pipe which phase begins."""

    def say(phase: str) -> None:
        pipe.send_bytes(phase.encode())

    def told(phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def telling(*args: Any, **kwargs: Any) -> Any:
            say(phase)
            return function(*args, **kwargs)

        return telling

    class Telling(ScanProgress):
        def __call__(self, event: Any) -> None:
            say(NAMES.get(event.kind, event.kind))

    for module in (acquisition, resuming):
        module.ScanProgress = Telling  # type: ignore[attr-defined]
    station.TwinSettings = functools.partial(TwinSettings, **LIGHT)  # type: ignore[misc, assignment]
    store.write_durably = told("chunks", store.write_durably)
    _journal.append = told("journal", _journal.append)
    store.Run.reopen = told("reopen", store.Run.reopen)  # type: ignore[method-assign]
    DetuningScan.summarise = told("fit", DetuningScan.summarise)  # type: ignore[method-assign]
    say("connect")
    quiet = Console(file=io.StringIO())
    if resumed:
        resuming.resume("latest", root, quiet, lambda question: False)
    else:
        acquisition.run(acquisition.build("detuning-scan", OPTIONS.split()), "simulated", root, quiet)
    say("end")


class Killer:
    """Starts processes that scan, and kills them.

    Attributes
    ----------
    kills, lost : collections.Counter
        By phase: processes killed, and reported commits that were gone afterwards.
    runs, equal : int
        Runs that came through, and those that hold the bytes of the undisturbed run.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.runs = self.equal = 0
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["labsync.resuming", "labsync.procedures", "instruments.twin"])
        self._due: list[str] = []
        if self._attempt(folder / "undisturbed", None)[0]:
            raise SystemExit("the undisturbed run was killed")
        self._wanted = _contents(folder / "undisturbed")

    def one_run(self, kills: int) -> None:
        """Make one run; kill it up to so many times, each time in another phase, and let it come through."""
        root = self.folder / f"run-{self.runs}"
        for _ in range(kills):
            runs = store.list_runs(root)
            phase = self._next_phase(bool(runs and runs[0].journal()))
            killed, reported = self._attempt(root, phase)
            if not killed:
                break
            self.kills[phase] += 1
            runs = store.list_runs(root)
            found = len(runs[0].journal()) if runs else 0
            self.lost[phase] += max(0, reported - found)
        else:
            self._attempt(root, None)
        self.runs += 1
        same = _contents(root) == self._wanted
        self.equal += same
        if not same:
            print(f"{root} differs from {self.folder / 'undisturbed'}")

    def _next_phase(self, resumed: bool) -> str:
        """Return each phase as often as any other, as far as a process comes by there."""
        possible = [phase for phase in self._due if resumed or phase not in OF_RESUMED]
        if not possible:
            possible = self.random.sample(
                [phase for phase in PHASES if resumed or phase not in OF_RESUMED], 1
            )
            self._due += PHASES
        phase = self.random.choice(possible)
        self._due.remove(phase)
        return phase

    def _attempt(self, root: Path, phase: str | None) -> tuple[bool, int]:
        """Run one process; return whether it was killed, and how many steps it said to be on disk."""
        runs = store.list_runs(root)
        steps = len(runs[0].journal()) if runs else 0
        reading, writing = self._context.Pipe(duplex=False)
        process = self._context.Process(target=work, args=(root, bool(runs), writing))
        process.start()
        writing.close()
        for began in _said(reading):
            steps += began == "committed"
            if began == phase and self.random.random() < PHASES[phase][1]:
                time.sleep(self.random.uniform(0, PHASES[phase][0]))
                process.kill()  # SIGKILL; nothing happens if it has just ended
                phase = None
        process.join()
        if process.exitcode not in (0, -signal.SIGKILL):
            raise SystemExit(f"a scan that was not killed ended with exit code {process.exitcode}")
        return process.exitcode != 0, steps

    def table(self) -> Table:
        """Return the kills by phase."""
        title = f"{self.kills.total()} kills; {self.equal} of {self.runs} runs equal the undisturbed one"
        table = Table("killed while", "kills", "committed steps lost", title=title)
        for phase in PHASES:
            table.add_row(phase, str(self.kills[phase]), str(self.lost[phase]))
        return table


def _said(pipe: Connection) -> Iterator[str]:
    """Yield what a process says until it dies, also what it had said before."""
    try:
        while pipe.poll(300):
            yield pipe.recv_bytes().decode()
    except (EOFError, OSError):
        return


def _contents(root: Path) -> dict[str, bytes]:
    """Return the data of the one run below `root`: every chunk, and every row of the journal."""
    (run,) = store.list_runs(root)
    arrays = run.path / store.ARRAYS
    chunks = {
        str(path.relative_to(arrays)): path.read_bytes() for path in arrays.rglob("*") if path.is_file()
    }
    rows = [(entry["step"], entry["point"], entry["row"]) for entry in run.journal()]
    return {**chunks, "rows": json.dumps(rows).encode(), "status": run.status.encode()}


def main() -> None:
    """Kill as often as asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-runs-") as folder:
        killer = Killer(Path(folder), chosen.seed)
        while (left := chosen.kills - killer.kills.total()) > 0:
            killer.one_run(min(left, KILLS_PER_RUN))
    if chosen.json:
        facts = {"kills": killer.kills, "lost": killer.lost, "runs": killer.runs, "equal": killer.equal}
        print(json.dumps(facts))
    else:
        Console().print(killer.table())


if __name__ == "__main__":
    main()
