"""Adaptive scan against uniform grid at equal number of spectra: python tests/adaptive_edges.py [--seeds 20].

Both look for the edges of the locking range of the same synthetic lasers: the rate-equation model of the
micropillars, whose beat is computed once with many trajectories, and a sharp Adler transition. Tuning curve,
errors of the lines, of the nominal detuning and of the reached temperature are those of the simulated bench
with 4 s per spectrum. The true edges are those of the hinge through the noiseless beat. Prints a table and
draws docs/pictures/adaptive-edges.png; takes some five minutes.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from rich.console import Console
from rich.table import Table
from scipy.interpolate import UnivariateSpline

from analysis._hinge import fit_hinge, hinge
from analysis.comparison import Statistics, model_map
from analysis.edges import edge_errors, live_map
from analysis.locking import fit_locking
from labsync.procedures import AdaptiveDetuningScan, DetuningScan
from models.micropillars import kreinberg2019

STEPS = (14, 16, 18, 21, 26, 31)
FSR_GHZ = 15.0
LINE_STD_GHZ = 1.7e-3
TEMPERATURE_STD_K = 7e-4
WIDE, NEAR = np.linspace(0.9, 3.3, 25), np.linspace(-0.8, 0.8, 81)
PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "adaptive-edges.png"
Beat = Callable[[np.ndarray], np.ndarray]


def model_beat() -> Beat:
    """Return the beat of the published pair as a function of the nominal detuning."""
    pair = kreinberg2019(25.0, 23.5, coupling=0.025, inactive_loss_factor=1.34)
    nu = np.concatenate([-WIDE[::-1], NEAR, WIDE])
    map_ = model_map(nu, pair, statistics=Statistics(duration_ns=400.0, trajectories=32, seed=11))
    beat, std = map_["beat_ghz"].values, np.maximum(map_["beat_std_ghz"].values, 5e-4)
    smooth = fit_hinge(nu, beat, std)
    rest = UnivariateSpline(nu, beat - smooth.beat_ghz(nu), w=1 / std, s=0.7 * nu.size)
    return lambda x: smooth.beat_ghz(x) + rest(x)


def sharp_beat() -> Beat:
    return lambda x: hinge(x, 0.02, 0.33, 0.02, 1.0, 0.0)


def true_edges(beat: Beat) -> np.ndarray:
    nu = np.linspace(-3.0, 3.0, 601)
    found = fit_hinge(nu, beat(nu), np.full(nu.size, LINE_STD_GHZ))
    return found.centre_ghz + found.half_range_ghz * np.array([-1.0, 1.0])


class Bench:
    """Gives what a scan's steps hold of the lines, and the history they make."""

    def __init__(self, seed: int, beat: Beat) -> None:
        self._rng, self._beat = np.random.default_rng(seed), beat
        self._resonance_k = 34.435 + self._rng.uniform(-0.013, 0.013)
        self._steps: list[dict[str, float]] = []

    def measure(self, setpoint_k: float) -> None:
        temperature = setpoint_k + TEMPERATURE_STD_K * self._rng.standard_normal()
        away = self._resonance_k - temperature
        nu = 6.05 * away + 0.05 * away**2
        beat = float(self._beat(np.array([nu]))[0])
        wider = 1 + 0.6 * np.exp(-(((abs(nu) - 0.4) / 0.12) ** 2))  # lines at the edges
        own, reference = wider * LINE_STD_GHZ / np.sqrt(2), LINE_STD_GHZ / np.sqrt(2)
        one, two, zero, free = self._rng.standard_normal(4)
        centre_1 = 0.45 * (nu - beat) + own * one
        centre_2 = 0.45 * (nu - beat) + beat + own * two
        each = np.hypot(own, reference)
        values = {
            "detuning": (nu + LINE_STD_GHZ * free, LINE_STD_GHZ),
            "centre_1": (centre_1 + reference * zero, each),
            "centre_2": (centre_2 + reference * zero, each),
            "beat": (centre_2 - centre_1, np.sqrt(2) * own),
        }
        step = {"temperature_setpoint_2_k": setpoint_k, "temperature_2_k": temperature}
        for name, (value, std) in values.items():
            step |= {f"{name}_ghz": value, f"{name}_std_ghz": std}
        self._steps.append(step)

    def history(self, steps: int | None = None) -> xr.Dataset:
        rows = self._steps[:steps]
        names = rows[0] if rows else ()
        return xr.Dataset(
            {name: ("step", [row[name] for row in rows]) for name in names},
            {"step": np.arange(len(rows))},
            {"free_spectral_range_ghz": FSR_GHZ},
        )


def scanned(scan: DetuningScan, bench: Bench) -> Bench:
    while (point := scan.next_point(bench.history())) is not None:
        bench.measure(point["temperature_2_k"])
    return bench


def found(history: xr.Dataset, edges: np.ndarray) -> list[float]:
    """Return the deviations of both edges, the larger error stated for them, and the travel in K."""
    map_ = live_map(history, FSR_GHZ)
    fit = fit_locking(map_)
    travel = float(np.abs(np.diff(history["temperature_setpoint_2_k"])).sum())
    if fit.status != "ok":
        return [np.nan, np.nan, np.nan, travel]
    off = np.array([edge.value for edge in fit.edges_ghz]) - edges
    return [*off, edge_errors(fit, map_).max(), travel]


def one_seed(seed: int, beat: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return what was found, (grid or adaptive, number of steps, quantity)."""
    curve = partial(np.interp, xp=NU, fp=beat)
    grids = [scanned(DetuningScan(steps=n), Bench(seed, curve)).history() for n in STEPS]
    # a scan with fewer steps is the beginning of one with more
    long = scanned(AdaptiveDetuningScan(steps=max(STEPS), edge_precision_ghz=0.0), Bench(seed, curve))
    return np.array([[found(each, edges) for each in grids], [found(long.history(n), edges) for n in STEPS]])


NU = np.linspace(-3.4, 3.4, 6801)


def rms_mhz(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(1e3 * np.sqrt(np.mean(known**2))) if known.size else np.nan


def table(title: str, results: np.ndarray) -> Table:
    shown = Table(
        *("spectra", "scan", "rms error of an edge (MHz)", "largest (MHz)", "stated (MHz)"),
        *("within 2 stated", "no edges found", "travel (K)"),
        title=title,
    )
    for n, steps in enumerate(STEPS):
        for kind, name in enumerate(("grid", "adaptive")):
            off, stated, travel = (
                results[:, kind, n, :2],
                results[:, kind, n, 2:3],
                results[:, kind, n, 3],
            )
            failed = np.isnan(stated).mean()
            inside = np.mean(np.abs(off) < 2 * stated, where=np.isfinite(off))
            shown.add_row(
                *(str(steps), name, f"{rms_mhz(off):.1f}", f"{1e3 * np.nanmax(np.abs(off)):.1f}"),
                *(f"{1e3 * np.nanmedian(stated):.1f}", f"{inside:.0%}", f"{failed:.0%}"),
                f"{travel.mean():.2f}",
            )
    return shown


def draw(results: dict[str, np.ndarray], beat: np.ndarray, edges: np.ndarray) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for (name, each), colour in zip(results.items(), ("C0", "C1"), strict=True):
        for kind, style in ((0, "o--"), (1, "o-")):
            error = [rms_mhz(each[:, kind, n, :2]) for n in range(len(STEPS))]
            usable = [np.isfinite(each[:, kind, n, 2]).mean() == 1 for n in range(len(STEPS))]
            label = f"{name}, {('grid', 'adaptive')[kind]}"
            left.semilogy(np.array(STEPS)[usable], np.array(error)[usable], style, color=colour, label=label)
    left.set(xlabel="spectra", ylabel="error of an edge, rms (MHz)", xticks=STEPS, ylim=(0.8, 60.0))
    left.legend(frameon=False)
    curve = partial(np.interp, xp=NU, fp=beat)
    right.plot(NU, NU, color="0.8", lw=1)
    right.plot(NU, beat, color="C0", lw=1)
    for scan, marker, colour, name in (
        (DetuningScan(steps=21), "|", "0.4", "grid of 21"),
        (AdaptiveDetuningScan(steps=21, edge_precision_ghz=0.0), "o", "C3", "adaptive, 21"),
    ):
        history = scanned(scan, Bench(0, curve)).history()
        right.plot(
            history["detuning_ghz"],
            history["beat_ghz"],
            marker,
            color=colour,
            ms=5 if marker == "o" else 16,
            label=name,
        )
    for edge in edges:
        right.axvline(edge, color="0.6", ls=":", lw=1)
    right.set(
        xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), xlabel="nominal detuning (GHz)", ylabel="beat f2 - f1 (GHz)"
    )
    right.legend(frameon=False)
    figure.savefig(PICTURE, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = range(parser.parse_args().seeds)
    console, results, begun = Console(width=140), {}, time.perf_counter()
    curves: dict[str, Any] = {"model": model_beat()(NU), "sharp Adler": sharp_beat()(NU)}
    edges = {name: true_edges(partial(np.interp, xp=NU, fp=beat)) for name, beat in curves.items()}
    with ProcessPoolExecutor(2) as pool:
        for name, beat in curves.items():
            work = partial(one_seed, beat=beat, edges=edges[name])
            results[name] = np.array(list(pool.map(work, seeds)))
            low, high = edges[name]
            title = f"{name}, edges at {low:.4f} and {high:.4f} GHz, {len(seeds)} seeds"
            console.print(table(title, results[name]))
    draw(results, curves["model"], edges["model"])
    console.print(f"{time.perf_counter() - begun:.0f} s; figure: {PICTURE}", soft_wrap=True)


if __name__ == "__main__":
    main()
