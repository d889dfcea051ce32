"""Time of the stochastic delay integrator per step of one laser pair, next to other ways to compute it.

Run on its own: ``python tests/benchmarks/bench_sdde.py``. A step's time is processor time of one thread, the
median of several runs; what is compared runs in turns, so that a drift of the machine's load cancels. A ratio
above 1 says how many times longer the peer takes.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from models import micropillars as mp
from models.micropillars.equations import Rates
from models.micropillars.simulation import delay_system
from models.numerics import Correlation, Moments, Periodogram, System, integrate, sdde
from models.numerics._groups import aligned, make_group
from models.numerics._kernel import LANES
from models.numerics.random import streams

STEP_NS, SAMPLE_NS = 1e-3, 25e-3
BOX = round(SAMPLE_NS / STEP_NS)
PAIR = mp.kreinberg2019(25, 23.5, detuning_ghz=0.5, inactive_loss_factor=1.34)
SYSTEM = delay_system(PAIR, 0.0)
START = np.array([3.8, 0.0, 3.2, 0.0])
CARRIERS = np.array([0.5276, 11.1, 0.5272, 8.8], np.float32)
COMPILER = ("g++", "-O3", "-march=native", "-mprefer-vector-width=512", "-ffast-math", "-std=c++17")


def in_turns(runs: dict[str, tuple[Callable[[], Any], int]], repeats: int) -> dict[str, float]:
    """Run each (function, number of pair steps) in turns; return the median times in ns per pair step."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats + 1):  # the first is for warming up
        for name, (run, steps) in runs.items():
            begin = time.process_time()
            run()
            times[name].append((time.process_time() - begin) / steps * 1e9)
    return {name: float(np.median(values[1:])) for name, values in times.items()}


def kernel_run(engine: str, samples: int) -> Callable[[], Any]:
    """Return a run of the bare compiled loop over one group, as the C++ function is one."""
    width, real = (LANES, np.float32) if engine == "lanes" else (1, np.float64)
    lags = tuple(round(term.delay / STEP_NS) for term in SYSTEM.delays)
    advance, _ = sdde._advancer(SYSTEM, width, real, STEP_NS, BOX, lags)
    fields, reals = np.tile(START + 0j, (width, 1)), np.tile(CARRIERS.astype(float), (width, 1))
    factors = np.array([[term.factor] * width for term in SYSTEM.delays])
    group = make_group(0, width, real, fields, reals, streams(1, width), factors, max(lags))
    out = aligned((samples, (3 * SYSTEM.fields + SYSTEM.reals) * width), real)
    return lambda: advance(group, out)


def engine_run(engine: str, trajectories: int, samples: int, **more: Any) -> Callable[[], Any]:
    """Return a run of `integrate` as a whole, results included."""
    fields, reals = np.tile(START, (trajectories, 1)), np.tile(CARRIERS, (trajectories, 1))
    times = {"duration": samples * SAMPLE_NS, "step": STEP_NS, "sample": SAMPLE_NS}
    return lambda: integrate(SYSTEM, fields, reals, **times, seed=1, engine=engine, **more)


def numpy_step(p: Rates, dt: float, state: list, into: list, kicks: list) -> list:
    """One pillar, vectorised over trajectories; the same formulas as the compiled step."""
    strong, weak, rho, x = state
    u_s, u_w = (a.real**2 + a.imag**2 for a in (strong, weak))
    gain_s = p.gain_s / (1 + p.a_ss * u_s + p.a_sw * u_w)
    gain_w = p.gain_w / (1 + p.a_ws * u_s + p.a_ww * u_w)
    inversion, fields = 2 * rho - 1, []
    for a, gain, loss, incoming, kick in zip(
        (strong, weak), (gain_s, gain_w), (p.loss_s, p.loss_w), into, kicks, strict=True
    ):
        growth = (gain * inversion - loss) * dt
        z = growth * np.complex64(1 + 1j * p.alpha)
        fields.append(a * (1 + z + z * z / 2) + (incoming * dt + kick * (p.noise * rho)) * (1 + growth / 2))
    stimulated = (gain_s * u_s + gain_w * u_w) * p.per_dot
    new_rho = (rho + dt * (x + stimulated)) / (1 + dt * (x + p.decay + 2 * stimulated))
    loss = p.capture * (1 - rho) + p.reservoir_decay + p.inactive / (1 + p.lifetime * x)
    return [*fields, new_rho, (x + dt * p.pump) / (1 + dt * loss)]


def numpy_run(system: System, trajectories: int, steps: int, seed: int = 1) -> np.ndarray:
    """Integrate with numpy in complex64; return the mean photon numbers."""
    rng, one = np.random.default_rng(seed), np.ones(trajectories, np.float32)
    slots = round(PAIR.delay_ns / STEP_NS)
    state = [
        [
            *(START[2 * k : 2 * k + 2, None] * one).astype(np.complex64),
            *(CARRIERS[2 * k : 2 * k + 2, None] * one),
        ]
        for k in (0, 1)
    ]
    ring = np.tile(START.astype(np.complex64)[:, None], (slots, 1, trajectories))
    turns = np.exp(2j * np.pi * STEP_NS * np.array(system.frequencies)).astype(np.complex64)
    factors = [np.complex64(term.factor) for term in system.delays]
    total = np.zeros(4)
    for n in range(steps):
        pairs = rng.standard_normal((4, trajectories, 2), np.float32)
        kicks = pairs.view(np.complex64)[..., 0] * np.float32(np.sqrt(STEP_NS / 2))
        into = [factors[m] * ring[n % slots, (m + 2) % 4] for m in range(4)]
        for m in range(4):
            ring[n % slots, m] = state[m // 2][m % 2]
        for k in (0, 1):
            both = slice(2 * k, 2 * k + 2)
            s = numpy_step(system.parameters[k], STEP_NS, state[k], into[both], list(kicks[both]))
            state[k] = [s[0] * turns[2 * k], s[1] * turns[2 * k + 1], s[2], s[3]]
        total += [np.mean(np.abs(state[m // 2][m % 2]) ** 2) for m in range(4)]
    return total / steps


def cpp_run(folder: Path) -> Callable[[np.ndarray], np.ndarray] | None:
    """Compile the C++ kernel; return a function that fills (samples, 16, 16), or None without g++."""
    if shutil.which(COMPILER[0]) is None:
        return None
    source, library = Path(__file__).with_name("micropillars.cpp"), folder / "micropillars.so"
    subprocess.run([*COMPILER, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    kernel = ctypes.CDLL(str(library)).simulate
    kernel.argtypes = [ctypes.c_void_p] * 5 + [ctypes.c_float] + [ctypes.c_long] * 3 + [ctypes.c_void_p]
    turns = np.exp(2j * np.pi * STEP_NS * np.array(SYSTEM.frequencies))
    inputs = [
        np.ascontiguousarray(streams(1, 16).T),
        np.array(SYSTEM.parameters, np.float32),
        np.array([term.factor for term in SYSTEM.delays], np.complex64).view(np.float32),
        turns.astype(np.complex64).view(np.float32),
        np.concatenate([START, CARRIERS]).astype(np.float32),
    ]

    def run(out: np.ndarray) -> np.ndarray:
        slots = round(PAIR.delay_ns / STEP_NS)
        kernel(*(a.ctypes.data for a in inputs), STEP_NS, slots, len(out), BOX, out.ctypes.data)
        return out

    return run


def first_call_s(cache: Path) -> float:
    """Wall time of the first short simulation in a fresh process."""
    script = (  # the lanes engine, imports not counted
        "import time; from models import micropillars as mp; pair = mp.kreinberg2019(25, 23.5);"
        "t = time.time(); mp.simulate(pair, 1, settle_ns=0); print(time.time() - t)"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def row(name: str, value: float, unit: str, peer: str, peer_value: float | None) -> dict[str, Any]:
    """One result; `ratio` is peer over ours."""
    ratio = None if peer_value is None else peer_value / value
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "peer": peer,
        "peer_value": peer_value,
        "ratio": ratio,
    }


def kernels() -> Iterator[dict[str, Any]]:
    """The compiled loop on one core against other loops that do the same."""
    name, unit, samples = "SDDE kernel, one laser pair", "ns/step", 4000
    lanes_steps = samples * BOX * LANES
    runs = {
        "lanes": (kernel_run("lanes", samples), lanes_steps),
        "numba scalar float64": (kernel_run("scalar", 1000), 1000 * BOX),
        "numpy, 2048 trajectories": (lambda: numpy_run(SYSTEM, 2048, 100), 2048 * 100),
    }
    with tempfile.TemporaryDirectory() as folder:
        cpp = cpp_run(Path(folder))
        if cpp is not None:
            out = aligned((samples, 16, 16), np.float32)
            runs["C++ (g++ -O3 -march=native, 16 lanes)"] = (lambda: cpp(out), lanes_steps)
        times = in_turns(runs, 9)
    lanes = times.pop("lanes")
    for peer, value in times.items():
        yield row(name, lanes, unit, peer, value)


def whole_runs() -> Iterator[dict[str, Any]]:
    """`integrate` as a whole, with what it records."""
    unit, samples = "ns/step", 20_000
    steps = samples * BOX * LANES
    records: dict[str, list[Any]] = {
        "moments": [Moments()],
        "correlations to 25 ns": [Correlation(25.0)],
        "spectra of 50 ns segments": [Periodogram(50.0)],
    }
    runs = {"series": (engine_run("lanes", LANES, samples), steps)}
    runs |= {
        what: (engine_run("lanes", LANES, samples, record=record, series=False), steps)
        for what, record in records.items()
    }
    times = in_turns(runs, 5)
    series = times.pop("series")
    for what, value in times.items():
        yield row(f"integrate, {what}", value, unit, "series", series)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    cores = min(os.cpu_count() or 1, 2)
    walls = []
    for count in (1, cores) * 3:
        run = engine_run("lanes", count * LANES, samples)
        begin = time.perf_counter()
        run()
        walls.append((time.perf_counter() - begin) / count)
    one, two = (float(np.median(walls[k::2])) for k in (0, 1))
    name = f"integrate, {cores} cores (load before: {load:.1f})"
    yield row(name, two / steps * 1e9, "ns/step", "one core", one / steps * 1e9)


def benchmarks() -> Iterator[dict[str, Any]]:
    """Yield dicts with name, value, unit, peer, peer_value and ratio."""
    yield from kernels()
    yield from whole_runs()
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = first_call_s(Path(folder)), first_call_s(Path(folder))
    yield row("first simulation, kernel cached", warm, "s", "compiling", cold)
    begin = time.perf_counter()
    mp.simulate(PAIR, duration_ns=400, average_phase=True)
    yield row("one detuning point, 16 x 400 ns", time.perf_counter() - begin, "s", "wanted", 0.3)


if __name__ == "__main__":
    for result in benchmarks():
        print(result)
