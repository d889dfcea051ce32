"""Recorded beat notes against the peers, in one run: CPU time, median, one core.

Synthetic: a line of 1 MHz at 150 MHz in white noise, int16 at 1 GS/s, and counter readings. A result that is
not the peer's is an error, not a row; how far they are apart is told on standard error.
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.signal import hilbert, welch
from timing import alternating

from analysis.heterodyne import Record, demodulate, phase, spectrum
from analysis.stability import allan_deviation

RATE, TONE, LINEWIDTH, BAND = 1e9, 150e6, 1e6, 10e6
AMPLITUDE, NOISE = 3000, 300
SEGMENT = 65536
RESOLUTION = 1.4406 * RATE / SEGMENT
MEMORY_MB = 64.0

ROUNDING = 1e-9
"""Of the highest density, by which one elsewhere may differ: single precision."""

STREAM = f"""
import threading
import numpy as np
from analysis.heterodyne import Record, spectrum

PAGE_MB = 4096 / 2**20

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE_MB

def watch():
    global most
    while not done.wait(0.002):
        most = max(most, resident())

block = np.random.default_rng(1).integers(-500, 500, 2**20).astype(np.int16)
spectrum(Record.of(iter([block]), {RATE}), {8 * RESOLUTION})
before = most = resident()
done = threading.Event()
watcher = threading.Thread(target=watch)
watcher.start()
spectrum(Record.of((block for _ in range(SAMPLES // 2**20)), {RATE}), {RESOLUTION})
done.set()
watcher.join()
print(most - before)
"""


def benchmarks() -> Iterator[dict[str, Any]]:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    samples = _beat_note(2**24)
    yield from _spectra(samples)
    yield from _memory()
    yield from _phases(samples[: 2**22])
    yield from _deviations()


def _beat_note(samples: int) -> np.ndarray:
    rng = np.random.default_rng(7)
    wander = np.cumsum(rng.normal(0, np.sqrt(2 * np.pi * LINEWIDTH / RATE), samples))
    volts = AMPLITUDE * np.cos(2 * np.pi * TONE / RATE * np.arange(samples) + wander) + rng.normal(
        0, NOISE, samples
    )
    return volts.round().astype(np.int16)


def _spectra(samples: np.ndarray) -> Iterator[dict[str, Any]]:
    for dtype in (np.int16, np.float32):
        these = samples.astype(dtype)

        def ours(these: np.ndarray = these) -> np.ndarray:
            return spectrum(Record.of(these, RATE), RESOLUTION)["power_density"].values[0]

        def theirs(these: np.ndarray = these) -> np.ndarray:
            return welch(these, RATE, "hann", SEGMENT)[1]

        exact = welch(samples.astype(float), RATE, "hann", SEGMENT)[1]
        _equal(ours(), exact, 2e-6, ROUNDING)
        times = alternating(ours, theirs)
        name = f"spectrum of {np.dtype(dtype)}, {SEGMENT} hann 50 %"
        yield _row(
            name, samples.size / 1e6 / times[0], "MS/s", "scipy.signal.welch", samples.size / 1e6 / times[1]
        )


def _memory() -> Iterator[dict[str, Any]]:
    if not os.path.exists("/proc/self/statm"):
        return
    for samples in (2**24, 2**28):
        code = STREAM.replace("SAMPLES", str(samples))
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        size = float(done.stdout)
        name = f"memory of a spectrum of {samples * 2 / 1e6:.0f} MB"
        yield {**_row(name, size, "MB", "goal", MEMORY_MB), "ratio": MEMORY_MB / size}


def _phases(samples: np.ndarray) -> Iterator[dict[str, Any]]:
    def ours() -> np.ndarray:
        return phase(demodulate(Record.of(samples, RATE), TONE, BAND))

    def theirs() -> np.ndarray:
        return np.unwrap(np.angle(hilbert(samples)))

    found, whole = ours(), theirs()
    at = np.round(found["time_s"].values * RATE).astype(int)
    apart = whole[at] - 2 * np.pi * TONE / RATE * at - found["phase_rad"].values[0]
    apart -= 2 * np.pi * np.round(apart.mean() / (2 * np.pi))
    # the peer's phase has the noise, amplitude over amplitude, and the line's own wander outside the band too
    expected = np.sqrt((NOISE / AMPLITUDE) ** 2 + LINEWIDTH / (np.pi * 0.75 * BAND))
    print(
        f"phases differ by {np.std(apart):.2g} rad, what the band cuts off is {expected:.2g}", file=sys.stderr
    )
    if np.std(apart) > 1.2 * expected:
        raise AssertionError(f"the phases differ by {np.std(apart):.2g} rad")
    times = alternating(ours, theirs)
    mega = samples.size / 1e6
    yield _row(
        f"phase in a band of {BAND / 1e6:g} MHz", mega / times[0], "MS/s", "hilbert + unwrap", mega / times[1]
    )


def _deviations() -> Iterator[dict[str, Any]]:
    try:
        allantools = importlib.import_module("allantools")
    except ImportError as error:
        print(f"allantools left out: {error}", file=sys.stderr)
        return
    readings, interval = np.random.default_rng(9).normal(0, 1, 2**21), 1e-5
    taus = allan_deviation(readings, interval)["tau_s"].values

    def ours() -> np.ndarray:
        return allan_deviation(readings, interval)["deviation"].values

    def theirs() -> np.ndarray:
        return allantools.oadev(readings, 1 / interval, "freq", taus)[1]

    _equal(ours()[: theirs().size], theirs(), 1e-12, 0.0)
    times = alternating(ours, theirs)
    mega = readings.size / 1e6
    yield _row("overlapping Allan deviation, octaves", mega / times[0], "MS/s", "allantools", mega / times[1])


def _equal(ours: np.ndarray, theirs: np.ndarray, relative: float, of_largest: float) -> None:
    off, size = np.abs(ours - theirs), np.abs(theirs)
    told = f"{np.max(off / size):.2g} of each value, {off.max() / size.max():.2g} of the largest"
    print(f"results differ by at most {told}", file=sys.stderr)
    if np.any(off > relative * size + of_largest * size.max()):
        raise AssertionError(f"the results differ by {told}")


def _row(name: str, value: float, unit: str, peer: str, peer_value: float) -> dict[str, Any]:
    return {
        "name": name, "value": value, "unit": unit,
        "peer": peer, "peer_value": peer_value, "ratio": value / peer_value,
    }  # fmt: skip
