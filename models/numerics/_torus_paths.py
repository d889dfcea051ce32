"""Langevin counterpart of the Fokker-Planck equation on the torus: phases as trajectories.

A phase is carried as z = exp(i theta), which turns by small angles; Heun's step, of second weak order as the
noise is additive.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numba.extending import register_jitable

from models.numerics._torus import PhaseDiffusion
from models.numerics.complexlanes import abs2, join
from models.numerics.sdde import integrate
from models.numerics.system import System

__all__ = ["phase_system", "simulate_phases"]

_ORDERS = ((1, 0), (0, 1), (1, -1), (1, 1))


class _Waves(NamedTuple):
    """Drift of one phase: a constant, and real and imaginary part of 2 V_s for the orders s."""

    constant: float
    own_real: float
    own_imag: float
    other_real: float
    other_imag: float
    difference_real: float
    difference_imag: float
    sum_real: float
    sum_imag: float
    kick: float


class _Pair(NamedTuple):
    first: _Waves
    second: _Waves


@register_jitable(forceinline=True)
def _drift(p, one, two, difference, total):  # type: ignore[no-untyped-def]
    return (
        (p.own_real * one.real - p.own_imag * one.imag)
        + (p.other_real * two.real - p.other_imag * two.imag)
        + (p.difference_real * difference.real - p.difference_imag * difference.imag)
        + (p.sum_real * total.real - p.sum_imag * total.imag)
        + p.constant
    )


@register_jitable(forceinline=True)
def _both(p, one, two):  # type: ignore[no-untyped-def]
    conjugate = join(two.real, -two.imag)
    difference, total = one * conjugate, one * two
    return _drift(p.first, one, two, difference, total), _drift(p.second, one, two, difference, total)


@register_jitable(forceinline=True)
def _turn(z, angle):  # type: ignore[no-untyped-def]
    """Multiply with exp(i angle) up to the fifth order of the angle, and bring the modulus back to 1."""
    square = angle * angle
    even, odd = 1.0 - square * (1.0 / 12.0), 0.5 * angle
    scale = (1.5 - 0.5 * abs2(z)) / (even * even + odd * odd)
    return z * join((even * even - odd * odd) * scale, 2.0 * even * odd * scale)


def _step(p: _Pair, dt: float, fields: Any, reals: Any, delayed: Any, noise: Any) -> Any:
    one, two = fields
    kick_1, kick_2 = noise[0].real * p.first.kick, noise[0].imag * p.second.kick
    v_1, v_2 = _both(p, one, two)
    w_1, w_2 = _both(p, _turn(one, v_1 * dt + kick_1), _turn(two, v_2 * dt + kick_2))
    across = two * join(one.real, -one.imag)
    new_1 = _turn(one, (v_1 + w_1) * (0.5 * dt) + kick_1)
    new_2 = _turn(two, (v_2 + w_2) * (0.5 * dt) + kick_2)
    return (new_1, new_2), (across.real, across.imag)


def _waves(equation: PhaseDiffusion, phase: int) -> _Waves:
    found = dict(equation.components(phase))
    numbers = []
    for orders in _ORDERS:
        key = orders[: equation.phases]
        value = found.pop(key, 0j) if any(key) else 0j
        found.pop(tuple(-s for s in key), None) if any(key) else None
        numbers += [2 * value.real, 2 * value.imag]
    constant = found.pop((0,) * equation.phases, 0j)
    if found:
        raise ValueError(
            f"The drift of phase {phase + 1} has a wave of orders {next(iter(found))}; trajectories take "
            "orders -1, 0 and 1."
        )
    # a complex increment of variance dt has dt/2 in each part
    return _Waves._make([constant.real, *numbers, 2 * math.sqrt(equation.diffusion[phase])])


def phase_system(equation: PhaseDiffusion) -> System:
    """Return the phases as a system for `integrate`: fields exp(i theta_j), and exp(i (theta_2 - theta_1)).

    The last is kept in two real variables, as it was at the start of the step. A single phase is
    accompanied by a second one that diffuses freely.

    Raises
    ------
    ValueError
        If a wave has an order other than -1, 0 and 1.
    """
    first = _waves(equation, 0)
    free = _Waves(0, 0, 0, 0, 0, 0, 0, 0, 0, first.kick)
    second = _waves(equation, 1) if equation.phases == 2 else free
    return System(_step, _Pair(first, second), fields=2, reals=2, noises=1)


def simulate_phases(
    equation: PhaseDiffusion,
    *,
    duration: float,
    settle: float,
    step: float,
    trajectories: int = 64,
    seed: int = 1,
    engine: str = "auto",
) -> xr.Dataset:
    """Return averages over trajectories of one or two phases that start anywhere.

    Parameters
    ----------
    equation : PhaseDiffusion
        Drift, of waves of the orders -1, 0 and 1, and diffusion.
    duration, settle, step : float
        Recorded time of each trajectory, time thrown away before it, and time step.
    trajectories : int
        How many, at least 2.
    seed : int
        Seed of starts and noise.
    engine : {"auto", "lanes", "scalar"}
        As of `integrate`.

    Returns
    -------
    Dataset
        ``cosine`` and ``sine`` over ``phase``, for two phases also ``difference_cosine`` and
        ``difference_sine`` of theta_2 - theta_1, each with its standard error ``..._error``.

    Raises
    ------
    ValueError
        If a wave has another order, or the times do not fit.
    """
    if trajectories < 2:
        raise ValueError(f"trajectories is {trajectories}; a standard error takes at least 2.")
    if not (step > 0 and duration > 0):
        raise ValueError(f"step is {step:g} and duration {duration:g}; both must be positive.")
    starts = np.exp(2j * np.pi * np.random.default_rng(seed).random((trajectories, 2)))
    boxes = max(1, min(20, round(duration / step)))
    sample = max(1, round(duration / step / boxes)) * step
    run = integrate(
        phase_system(equation), starts, np.zeros((trajectories, 2)),
        duration=duration, step=step, sample=sample, settle=settle, seed=seed, engine=engine,
    )  # fmt: skip
    orders = run.fields.mean(axis=2, dtype=complex)[:, : equation.phases]
    values: dict[str, tuple[Any, np.ndarray]] = {
        "cosine": ("phase", orders.real),
        "sine": ("phase", orders.imag),
    }
    if equation.phases == 2:
        across = run.reals.mean(axis=2, dtype=float)
        values |= {"difference_cosine": ((), across[:, 0]), "difference_sine": ((), across[:, 1])}
    result = xr.Dataset(coords={"phase": np.arange(1, equation.phases + 1)})
    for name, (dimensions, each) in values.items():
        result[name] = dimensions, each.mean(axis=0), {"units": "1"}
        error = each.std(axis=0, ddof=1) / math.sqrt(trajectories)
        result[f"{name}_error"] = dimensions, error, {"units": "1"}
    return result.assign_attrs(
        method="Langevin, Heun", engine=run.engine, seed=seed, step=step, duration=duration,
        trajectories=trajectories,
    )  # fmt: skip
