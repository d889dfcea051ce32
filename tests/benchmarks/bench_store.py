"""Cost of committing one step: two spectra of 4096 floats, against the bare minimum of durable writes."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from labsync import store

STEPS = 500


def benchmarks() -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        ours, limit = _commits(Path(folder)), _bare_writes(Path(folder))
    for name, quantile in (("median", 0.5), ("99 %", 0.99)):
        value, peer_value = np.quantile(ours, quantile) * 1e3, np.quantile(limit, quantile) * 1e3
        yield {
            "name": f"commit of a step, 2 x 4096 floats, {name}",
            "value": float(value),
            "unit": "ms",
            "peer": "one write and fsync of the same bytes",
            "peer_value": float(peer_value),
            "ratio": float(peer_value / value),
        }


def _commits(folder: Path) -> list[float]:
    run = store.create(folder, "benchmark", {"parameters": {}})
    spectra = np.random.default_rng(1).random((2, 4096))
    step = xr.Dataset(
        {"spectrum": (("pillar", "bin"), spectra), "temperature_2_k": ((), 34.0)},
        coords={"pillar": ["P1", "P2"]},
    )
    return [_timed(lambda: run.commit(step, point={"temperature_2_k": 34.0}, row={})) for _ in range(STEPS)]


def _bare_writes(folder: Path) -> list[float]:
    data = np.random.default_rng(1).random((2, 4096)).tobytes()

    def write(number: int) -> None:
        handle = os.open(folder / f"{number}.bin", os.O_CREAT | os.O_WRONLY)
        os.write(handle, data)
        os.fsync(handle)
        os.close(handle)

    return [_timed(lambda number=number: write(number)) for number in range(STEPS)]


def _timed(action: Any) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun
