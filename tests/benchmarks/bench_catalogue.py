"""Search for runs among 10 000: the whole search from opening the index on, against reading the run folders.

The folders lie on disk with their journals; every search looks for changed folders before it answers.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from labsync import _journal, catalogue, store

RUNS = 10_000
STEPS = 20
REPEATS = 20
CONDITIONS = {
    "a parameter and a range, 1 % found": "procedure = detuning-scan and temperature_2_k > 39.8",
    "tag or note, none found": "tag = good or note ~ 'warm'",
    "time and status, 1 % found": "started >= 2026-12-20 and not status = failed",
}


def benchmarks() -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        root = Path(folder)
        for number in range(RUNS):
            write_run(root, number)
        time.sleep(2.5)  # folders of this moment are read again each time
        index_s, _ = timed(lambda: catalogue.search(root))
        folders_s, _ = timed(lambda: [run for run in store.list_runs(root) if run.status == "failed"])
        for what, condition in CONDITIONS.items():
            times = [
                timed(lambda condition=condition: catalogue.search(root, condition)) for _ in range(REPEATS)
            ]
            yield result(f"search, {what} ({len(times[0][1])})", [each for each, _ in times], folders_s)
        times = []
        for _ in range(REPEATS):
            store.Run(root / "20260101-000000-detuning-scan-00000").touch()
            times.append(timed(lambda: catalogue.search(root, CONDITIONS["tag or note, none found"]))[0])
        yield result("search after a change, all folders looked at", times, folders_s)
        yield result("index built from the folders", [index_s], folders_s)


def result(name: str, times: list[float], peer_s: float) -> dict[str, Any]:
    value = statistics.median(times)
    return {
        "name": f"{name}, longest {1e3 * max(times):.0f} ms",
        "value": 1e3 * value,
        "unit": "ms",
        "peer": "reading start.json and stop.json of each folder",
        "peer_value": 1e3 * peer_s,
        "ratio": peer_s / value,
    }


def write_run(root: Path, number: int) -> None:
    """Write a finished run as the store leaves it, without its arrays and without flushing."""
    day = f"2026-{1 + number // 850:02d}-{1 + number // 30 % 28:02d}"
    uid = f"{day.replace('-', '')}-000000-detuning-scan-{number:05d}"
    path = root / uid
    path.mkdir()
    temperature_k = 30.0 + 10.0 * number / RUNS
    parameters = {"temperature_2_start_k": temperature_k - 1, "integration_s": 4.0, "current_1_ua": 25.0}
    start = {"uid": uid, "procedure": "detuning-scan", "started": f"{day}T00:00:00.000+00:00"}
    start |= {"station": "simulated bench", "seed": number, "parameters": parameters}
    stop = {
        "status": "failed" if number % 10 == 0 else "finished",
        "message": "",
        "stopped": f"{day}T08:00:00",
    }
    (path / "start.json").write_text(json.dumps(start))
    lines = []
    for step in range(STEPS):
        kelvin = temperature_k - 1 + step / STEPS
        row = {
            "temperature_2_k": kelvin,
            "detuning_ghz": step - 10.0,
            "centre_1_ghz": 0.0,
            "centre_2_ghz": None,
        }
        text = _journal.to_json(
            {"kind": "step", "step": step, "sums": {}, "row": row, "point": {"temperature_2_k": kelvin}}
        )
        lines.append(f'{{"body":{text},"sum":"{_journal.checksum(text.encode())}"}}\n')
    (path / "journal.jsonl").write_text("".join(lines))
    (path / "stop.json").write_text(json.dumps(stop))


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    found = action()
    return time.perf_counter() - begun, found


if __name__ == "__main__":
    for each in benchmarks():
        print(f"{each['name']:<80} {each['value']:8.1f} {each['unit']}")
