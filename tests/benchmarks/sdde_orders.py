"""Figure of the integrator's orders of convergence: python tests/benchmarks/sdde_orders.py [FILE].

Strong errors are distances on the same noise path, weak errors differences of an average over many
trajectories of `integrate` itself from its known value. The lines are fits; the legends give their slopes.
"""

import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from models.numerics import Delay, Moments, System, integrate
from models.numerics.paths import follow, wiener_increments

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "sdde-orders.png"
EULER, HEUN = "ito", "stratonovich"


class Rates(NamedTuple):
    gamma: float
    noise: float


def multiplicative(p, dt, fields, reals, delayed, noise):
    """da = -gamma a dt + noise a dB with real B."""
    (a,) = fields
    return (a - dt * p.gamma * a + a * (p.noise * 1.4142135623730951 * noise[0].real),), reals


def additive(p, dt, fields, reals, delayed, noise):
    """da = (k a(t - tau) - gamma a) dt + noise dW."""
    (a,) = fields
    return (a + dt * (delayed[0] - p.gamma * a) + p.noise * noise[0],), reals


FEEDBACK = Delay(0, 0.25, 2.0j)


def solution(system: System, increments: np.ndarray) -> np.ndarray:
    """Solution of the equation with multiplicative noise at time 1 on given paths."""
    p = system.parameters
    drift = p.gamma + (p.noise**2 / 2 if system.interpretation == EULER else 0)
    return np.exp(p.noise * math.sqrt(2) * increments.real.sum(axis=(1, 2)) - drift)


def strong_errors(
    system: System, steps: np.ndarray, finest: int, paths: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean distance at time 1 on the same path, and its standard error.

    From the solution for multiplicative noise, from the finest step with delay.
    """
    increments = wiener_increments(1, paths, system.noises, finest, 1.0 / finest)

    def end(n: int) -> np.ndarray:
        sums = increments.reshape(paths, system.noises, n, -1).sum(axis=3)
        return follow(system, np.ones((paths, 1)), None, sums, 1.0 / n)[0][:, 0, -1]

    reference = end(finest) if system.delays else solution(system, increments)
    distance = np.abs(np.array([end(n) for n in steps]) - reference)
    return distance.mean(axis=1), distance.std(axis=1) / math.sqrt(paths)


def variance() -> float:
    """<|a|^2> of the delayed equation: the integral of its spectrum, with the tails beyond the edge."""
    edge = 4000.0
    omega = np.linspace(-edge, edge, 2_000_001)
    density = 1 / np.abs(1j * omega + 3.0 - 2.0j * np.exp(-0.25j * omega)) ** 2
    return np.trapezoid(density, omega) / (2 * math.pi) + 1 / (math.pi * edge)


def weak_errors(system: System, steps: np.ndarray, ensemble: int) -> tuple[np.ndarray, np.ndarray]:
    """Deviation of <|a|^2> at time 1 for multiplicative noise, and its standard error.

    What `integrate` returns is compared with the solution of the equation on the same noise, trajectory by
    trajectory: the difference of the averages is the same, its scatter much smaller.
    """
    values, errors, start = [], [], np.ones((ensemble, 1))
    for n in steps:
        ends = integrate(system, start, duration=1.0, step=1.0 / n, sample=1.0 / n, seed=2).moduli[:, 0, -1]
        difference = ends - solution(system, wiener_increments(2, ensemble, 1, n, 1.0 / n)) ** 2
        values.append(abs(difference.mean()))
        errors.append(difference.std() / math.sqrt(ensemble))
    return np.array(values), np.array(errors)


def stationary_errors(system: System, steps: np.ndarray, ensemble: int) -> tuple[np.ndarray, np.ndarray]:
    """Deviation of the stationary <|a|^2> for additive noise with delay, and its standard error."""
    values, errors = [], []
    for n in steps:
        times = {"duration": 100.0, "step": 1.0 / n, "sample": 1.0 / n, "settle": 20.0}
        found = integrate(system, np.ones((ensemble, 1)), **times, seed=2, record=[Moments()], series=False)
        mean, error = found.records[0].mean
        values.append(abs(mean[0] - variance()))
        errors.append(error[0])
    return np.array(values), np.array(errors)


def draw_lines(axes: Axes, curves: dict, xlabel: str, ylabel: str) -> None:
    """Errors over steps with the fitted slope of each in the legend."""
    for (label, (steps, values, errors)), marker in zip(curves.items(), "osD^", strict=False):
        h = 1.0 / steps
        (slope, offset), covariance = np.polyfit(
            np.log(h), np.log(values), 1, w=values / errors, cov="unscaled"
        )
        order = f"{slope:.2f} $\\pm$ {math.sqrt(covariance[0, 0]):.2f}"
        line = axes.errorbar(h, values, errors, fmt=marker, capsize=3, label=f"{label}: {order}")
        axes.plot(h, np.exp(offset) * h**slope, color=line[0].get_color(), lw=1)
    axes.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
    axes.set_xticks(h_all := sorted({1.0 / n for steps, _, _ in curves.values() for n in steps}))
    axes.set_xticklabels([f"1/{round(1 / h)}" for h in h_all])
    axes.minorticks_off()
    axes.legend(
        title="scheme, noise: measured order",
        fontsize=8,
        title_fontsize=8,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
    )
    axes.grid(alpha=0.3)


def draw(path: Path = PICTURE) -> None:
    """Measure both orders and write the figure."""
    fine, rough = 2 ** np.arange(4, 9), 2 ** np.arange(3, 7)
    strong, weak = {}, {}
    for scheme, name in ((EULER, "Euler (Ito)"), (HEUN, "Heun (Stratonovich)")):
        system = System(multiplicative, Rates(1.0, 0.8), 1, 0, 1, interpretation=scheme)
        strong[f"{name}, multiplicative"] = fine, *strong_errors(system, fine, 2**8, 4000)
        system = System(multiplicative, Rates(1.0, 0.5), 1, 0, 1, interpretation=scheme)
        weak[f"{name}, multiplicative"] = rough, *weak_errors(system, rough, 2**16)
    system = System(additive, Rates(3.0, 1.0), 1, 0, 1, (FEEDBACK,))
    strong["Euler, additive with delay"] = fine, *strong_errors(system, fine, 2**13, 200)
    steps = 2 ** np.arange(4, 8)
    weak["Euler, additive with delay"] = steps, *stationary_errors(system, steps, 4096)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
    draw_lines(left, strong, "step", "strong error at t = 1, mean distance")
    draw_lines(right, weak, "step", r"weak error of $\langle|a|^2\rangle$")
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
