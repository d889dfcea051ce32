"""Time tags to correlations against the peers, in one run: CPU time, median, one core.

Synthetic: two detectors of 1 Mcps for 10 s, unit 1 ps. The peers are the extra "benchmark"; one that is
missing is reported and left out.
"""

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from timing import alternating

from analysis.correlation import g2, g2_log
from analysis.timetags import TagStream, open_tags, read_tags, write_ptu

RATE, SECONDS = 1_000_000, 10
BIN_PS, HALF = 128, 391


def benchmarks() -> Iterator[dict[str, Any]]:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "poisson.ptu"
        write_ptu(path, _poisson())
        stream = read_tags(path)
        first, second = (stream.time[stream.channel == k].copy() for k in (1, 2))
        yield from _reading(path)
        yield from _correlating(path, stream, first, second)
        yield from _dense(stream)
        yield from _logarithmic(stream)


def _poisson() -> TagStream:
    rng = np.random.default_rng(20)
    duration = SECONDS * 10**12
    time = np.sort(rng.integers(0, duration, 2 * RATE * SECONDS))
    return TagStream(time, rng.integers(1, 3, time.size), duration)


def _reading(path: Path) -> Iterator[dict[str, Any]]:
    ptufile = _peer("ptufile")
    if ptufile is None:
        return

    def ours() -> None:
        for _ in open_tags(path).chunks():
            pass

    def theirs() -> None:
        with ptufile.PtuFile(path) as file:
            file.decode_records()

    def whole() -> None:
        read_tags(path)

    times = alternating(ours, theirs, whole)
    records = open_tags(path).records / 1e6
    yield _speed("read a .ptu file in chunks", records, "Mrec/s", times[0], "ptufile", times[1])
    yield _speed("read a .ptu file into memory", records, "Mrec/s", times[2], "ptufile", times[1])


def _correlating(
    path: Path, stream: TagStream, first: np.ndarray, second: np.ndarray
) -> Iterator[dict[str, Any]]:
    mega, window_ns = stream.time.size / 1e6, BIN_PS * HALF * 1e-3
    trattoria, pytimetag, pycorrelate = (_peer(n) for n in ("trattoria", "pytimetag", "pycorrelate"))

    def file() -> None:
        g2(path, [1, 2], window_ns=window_ns, bin_ps=BIN_PS)

    def memory() -> None:
        g2(stream, [1, 2], window_ns=window_ns, bin_ps=BIN_PS)

    if trattoria is not None:
        parameters = trattoria.G2Parameters(1, 2, window_ns * 1e-9, BIN_PS * 1e-12, None)
        times = alternating(file, lambda: trattoria.PTUFile(path).g2(parameters))
        yield _speed(
            "file to 1-1, 1-2, 2-2, +-50 ns", mega, "Mtags/s", times[0], "trattoria, 1-2 only", times[1]
        )
    if pytimetag is not None:
        kernel = importlib.import_module("pytimetag.analysers.HistogramAnalyser").analysisOneListJIT
        edge = BIN_PS * HALF
        times = alternating(memory, lambda: kernel(first, second, -edge, edge, 2 * HALF, 1))
        yield _speed(
            "memory to 1-1, 1-2, 2-2, +-50 ns", mega, "Mtags/s", times[0], "pytimetag, 1-2 only", times[1]
        )
    if pycorrelate is not None:
        edges = BIN_PS * np.arange(-HALF, HALF + 1)
        part = slice(0, RATE)  # a tenth: it takes its time
        times = alternating(
            memory, lambda: pycorrelate.pcorrelate(first[part], second[part], edges), rounds=3
        )
        yield _speed(
            "memory to 1-1, 1-2, 2-2, +-50 ns", mega, "Mtags/s", times[0], "pycorrelate, 1-2", times[1] * 10
        )


def _dense(stream: TagStream) -> Iterator[dict[str, Any]]:
    for name, pairs in (("1-2", [(1, 2)]), ("1-1, 1-2, 2-2", [1, 2])):
        counted = g2(stream, pairs, window_ns=5000, bin_ps=1024)["counts"].sum().item() / 1e6
        (ours,) = alternating(lambda pairs=pairs: g2(stream, pairs, window_ns=5000, bin_ps=1024))
        yield _speed(f"pairs of {name}, +-5 us", counted, "Mpairs/s", ours, "goal", counted / 100)


def _logarithmic(stream: TagStream) -> Iterator[dict[str, Any]]:
    tttrlib = _peer("tttrlib")
    if tttrlib is None:
        return
    times = (stream.time // BIN_PS).astype(np.uint64)
    weights = [(stream.channel == k).astype(float) for k in (1, 2)]

    def theirs() -> None:
        correlator = tttrlib.Correlator()
        correlator.method = "felekyan"
        correlator.n_casc, correlator.n_bins = 26, 16
        correlator.set_macrotimes(times, times)
        correlator.set_weights(*weights)
        correlator.get_corr()

    got = alternating(lambda: g2_log(stream, [(1, 2)]), theirs, rounds=3)
    yield _speed("1-2, 1 ns to 1 s", stream.time.size / 1e6, "Mtags/s", got[0], "tttrlib felekyan", got[1])


def _peer(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception as error:  # whatever keeps a peer from loading is reported
        print(f"{name} left out: {error}", file=sys.stderr)
        return None


def _speed(name: str, amount: float, unit: str, ours_s: float, peer: str, peer_s: float) -> dict[str, Any]:
    return {
        "name": name, "value": amount / ours_s, "unit": unit,
        "peer": peer, "peer_value": amount / peer_s, "ratio": peer_s / ours_s,
    }  # fmt: skip
