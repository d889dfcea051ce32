"""Time of the Fourier solution on the torus, next to the same equation on a grid.

Run on its own: ``python tests/benchmarks/bench_fokker_planck.py``. Both solve for the stationary phases of
two equal lasers at t_c = e in this run; times are processor time of one thread. An error is the largest among
<exp(i theta_1)>, <exp(i theta_2)> and <exp(i (theta_2 - theta_1))> against the converged solution; a ratio
compares the time of a grid with that of the smallest truncation, in steps of 4, whose error is not larger,
and of one whose edge is below 1e-8. The last rows are the map of Fig. 5, 40 x 40 points at D = 0.005: its
processor time against the same points on the largest grid, and the time one waits for it, which depends on
what else the computer does, against a limit.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from models.nanolaser_dimer import PhasePair, coherence_map, phase_averages, phase_equation
from models.numerics import finite_difference_phases, grid_moment

CASES = ((0.1, 100), (0.05, 100), (0.005, 300), (0.005, 500))
ANYTHING = 0.999  # the benchmark judges a truncation by its error


def timed(run: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """Return a result and the median processor time in s."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        result = run()
        times.append(time.process_time() - begin)
    return result, float(np.median(times))


def used_s() -> float:
    """Return the processor time of this process and of those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def comparison(diffusion: float, points: int) -> dict[str, Any]:
    """Compare both solutions of one equation; return times in s, errors and the truncation."""
    pair = PhasePair.equal(diffusion, 1.0)
    exact = np.array(phase_averages(pair, tolerance=1e-12)[:3])

    def grid() -> np.ndarray:
        density = finite_difference_phases(phase_equation(pair), points)
        return np.array([grid_moment(density, *orders) for orders in ((1, 0), (0, 1), (-1, 1))])

    grid_found, grid_s = timed(grid, 1 if points > 200 else 5)
    grid_error = np.abs(grid_found - exact).max()
    for truncation in range(8, 200, 4):
        own, own_s = timed(lambda k=truncation: phase_averages(pair, truncation=k, tolerance=ANYTHING), 5)
        error = np.abs(np.array(own[:3]) - exact).max()
        if error <= grid_error:
            break
    converged, converged_s = timed(lambda: phase_averages(pair, tolerance=1e-8), 3)
    return {
        "grid_s": grid_s,
        "grid_error": grid_error,
        "own_s": own_s,
        "own_error": error,
        "truncation": truncation,
        "converged_s": converged_s,
        "converged_error": np.abs(np.array(converged[:3]) - exact).max(),
    }


def benchmarks() -> Iterator[dict[str, Any]]:
    """Compare at several strengths of noise, then time a map."""
    for diffusion, points in CASES:
        found = comparison(diffusion, points)
        peer = f"grid of {points}^2 with error {found['grid_error']:.1e}"
        for kind, label in (("own", f"K = {found['truncation']}"), ("converged", "edge below 1e-8")):
            yield {
                "name": f"phases at D = {diffusion:g}, {label}, error {found[f'{kind}_error']:.1e}",
                "value": found[f"{kind}_s"] * 1e3,
                "unit": "ms",
                "peer": peer,
                "peer_value": found["grid_s"] * 1e3,
                "ratio": found["grid_s"] / found[f"{kind}_s"],
            }
    begin, begin_used = time.perf_counter(), used_s()
    coherence_map(0.005, np.linspace(0, 2, 40), 2 * np.pi * np.arange(40) / 40, processes=2)
    waited, used = time.perf_counter() - begin, used_s() - begin_used
    grid_s = 1600 * found["grid_s"]
    for name, value, peer, peer_value in (
        ("processor time", used, f"1600 times the grid of {points}^2", grid_s),
        ("waited with two processes", waited, "limit", 300.0),
    ):
        yield {
            "name": f"map of 40 x 40 at D = 0.005, {name}",
            "value": value,
            "unit": "s",
            "peer": peer,
            "peer_value": peer_value,
            "ratio": peer_value / value,
        }


if __name__ == "__main__":
    for row in benchmarks():
        print(
            f"{row['name']:<60} {row['value']:8.3g} {row['unit']}, {row['peer']} {row['peer_value']:.3g} "
            f"{row['unit']}, ratio {row['ratio']:.3g}",
            flush=True,
        )
