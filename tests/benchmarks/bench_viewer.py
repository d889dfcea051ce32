"""What a viewer costs the run it looks at, and what it sees: written at 10 Hz, looked at and drawn at 20 Hz.

The writer commits two spectra of 4096 floats per step, in turns with and without a viewer, which is a process
of its own and does what ``labsync watch`` does; four times a second it also opens the run with xarray. Each
spectrum holds the number of its step everywhere, so a view that mixes two steps, or a step that is not whole,
would be seen.
"""

import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from labsync import store
from labsync.watching import LOOK_S, View

STRETCHES = 6
STEPS = 50
PERIOD_S = 0.1


def benchmarks() -> Iterator[dict[str, Any]]:
    alone: list[float] = []
    watched: list[float] = []
    views: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for _ in range(STRETCHES):
            alone += write(Path(folder), None)
            watched += write(Path(folder), views)
    for name, quantile in (("median", 0.5), ("99 %", 0.99)):
        value, peer = (1e3 * float(np.quantile(times, quantile)) for times in (watched, alone))
        yield {
            "name": f"commit of a step with a viewer at 20 Hz, {name}, {value - peer:+.2f} ms",
            "value": value,
            "unit": "ms",
            "peer": "the same without a viewer",
            "peer_value": peer,
            "ratio": peer / value,
        }
    looks, torn, span_s = (sum(each[key] for each in views) for key in ("looks", "torn", "span_s"))
    seen_s = np.concatenate([each["seen_s"] for each in views])
    yield {
        "name": f"step on screen after its commit, {torn} of {looks} views torn, {looks / span_s:.1f}/s",
        "value": 1e3 * float(np.median(seen_s)),
        "unit": "ms",
        "peer": "time between two looks",
        "peer_value": 1e3 * LOOK_S,
        "ratio": LOOK_S / float(np.median(seen_s)),
    }


def write(folder: Path, views: list[dict[str, Any]] | None) -> list[float]:
    """Write a run at 10 Hz, watched by a viewer if its views are wanted; return the times of the commits."""
    run = store.create(folder, "benchmark", {"parameters": {}})
    run.commit(made(0), point={"temperature_2_k": 34.0}, row={"at": time.time()})
    viewer = None
    if views is not None:
        viewer = subprocess.Popen(
            [sys.executable, __file__, str(run.path)], stdout=subprocess.PIPE, text=True
        )
        viewer.stdout.readline()  # it is looking
    times = []
    for number in range(1, STEPS):
        step, due = made(number), time.perf_counter() + PERIOD_S
        begun = time.perf_counter()
        run.commit(step, point={"temperature_2_k": 34.0 + number}, row={"at": time.time()})
        times.append(time.perf_counter() - begun)
        time.sleep(max(due - time.perf_counter(), 0.0))
    run.finish("finished")
    if viewer is not None:
        views.append(json.loads(viewer.communicate(timeout=60)[0]))
        assert viewer.returncode == 0
    return times


def made(number: int) -> xr.Dataset:
    return xr.Dataset(
        {"spectrum": (("pillar", "bin"), np.full((2, 4096), float(number)))}, coords={"pillar": ["P1", "P2"]}
    )


def look(path: Path) -> None:
    """Look at a run at 20 Hz until it ends, and print what was seen."""
    from rich.console import Console

    run = store.Run(path)
    view, console = View(run), Console(width=120, height=40, force_terminal=True, file=io.StringIO())
    view.look()
    console.print(view.picture("running", 120, 40))
    print("looking", flush=True)
    looks, torn, seen_s, first = 0, 0, [], time.monotonic()
    while True:
        begun = time.monotonic()
        status = run.status
        new = view.look()
        looks += 1
        if looks % 5 == 0:
            history = run.history()
            torn += not np.array_equal(
                history["spectrum"][-1], np.full((2, 4096), history.sizes["step"] - 1.0)
            )
        if new:
            console.print(view.picture(status, 120, 40))
        for number in new:
            seen_s.append(time.time() - view.row(number)["at"])
            torn += view.curve(number) is None or bool((view.curve(number) != number).any())
        if status != "running" and not new:
            break
        time.sleep(max(LOOK_S - (time.monotonic() - begun), 0.0))
    assert len(seen_s) == STEPS - 1
    span_s = time.monotonic() - first
    print(json.dumps({"looks": looks, "torn": torn, "seen_s": seen_s, "span_s": span_s}))


if __name__ == "__main__":
    look(Path(sys.argv[1]))
