"""Ensembles of stochastic delay differential equations.

A `System` has complex fields a_k, real variables, and a step function written once in scalar notation:

    def step(parameters, dt, fields, reals, delayed, noise):
        ...
        return fields, reals

`fields`, `delayed` and `noise` are tuples of complex numbers, `reals` a tuple of real numbers, all at the
start of the step (`delayed` one delay earlier and already multiplied with its factor). `noise` holds
complex Wiener increments, <dW dW*> = dt. The integrator rotates each field by its own frequency afterwards,
exactly. Whatever the step treats implicitly is the step's own business.

The system names its interpretation. "ito": one step as above, so what multiplies the noise is taken at the
start of the step (Euler-Maruyama). "stratonovich": the mean of the start and of the end of two steps with
the same noise, the second with the delayed fields of one step later (Heun). The noise is then taken at the
middle, provided that the step is linear in it, and without noise the scheme is of second order. For additive
noise both mean the same.

The step is compiled in two ways: with float64 numbers, one trajectory at a time (engine "scalar", the
reference), and with float32 lanes, 16 trajectories at a time (engine "lanes"). It may use
``+ - * /``, comparisons, `math.sqrt`, and `join`, `abs2`, `where` of this package; no branches. It must
live at the top level of a module to be found in numba's disk cache.
"""

import math
import platform
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.numerics._diskcache import first_call
from models.numerics._groups import Group, Results, Yield, empty_group, make_group, run_groups
from models.numerics._kernel import LANES, compile_kernel
from models.numerics._records import Grid, Record
from models.numerics.random import streams
from models.numerics.system import Ensemble, System

__all__ = ["integrate", "whole_steps"]

_CHUNK_STEPS, _CHUNK_SAMPLES = 50_000, 2_000
_MOST_STEPS = 1_000_000


def whole_steps(name: str, span: float, step: float) -> int:
    """Return how many steps make a span of time.

    Raises
    ------
    ValueError
        If `span` is not a positive multiple of `step`; the sentence names the nearest multiple.
    """
    steps = round(span / step)
    if steps < 1 or abs(span / step - steps) > 1e-6 * steps:
        raise ValueError(
            f"{name} is {span:g}, not a positive multiple of the step {step:g}; "
            f"nearest is {max(steps, 1) * step:.10g}"
        )
    return steps


def _choose(engine: str) -> str:
    if engine == "auto":
        known = platform.machine().lower() in {"x86_64", "amd64", "aarch64", "arm64"}
        return "lanes" if known else "scalar"
    if engine not in {"lanes", "scalar"}:
        raise ValueError(f"engine is {engine!r}; choose 'auto', 'lanes' or 'scalar'")
    return engine


def _as_type(parameters: Any, real: Callable[[float], Any]) -> Any:
    """Convert the leaves of (nested, named) tuples to one floating-point type."""
    if isinstance(parameters, tuple):
        members = [_as_type(p, real) for p in parameters]
        return type(parameters)(*members) if hasattr(parameters, "_fields") else tuple(members)
    return real(parameters)


def _start(system: System, fields: np.ndarray, reals: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Check the initial state; return it with shapes (trajectories, fields) and (trajectories, reals)."""
    fields = np.ascontiguousarray(fields, dtype=complex)
    if fields.ndim != 2 or fields.shape[1] != system.fields or len(fields) == 0:
        raise ValueError(f"fields has shape {fields.shape}; expected (trajectories, {system.fields})")
    reals = np.zeros((len(fields), 0)) if reals is None else np.ascontiguousarray(reals, dtype=float)
    if reals.shape != (len(fields), system.reals):
        raise ValueError(f"reals has shape {reals.shape}; expected {(len(fields), system.reals)}")
    return fields, reals


def _factors(system: System, trajectories: int) -> np.ndarray:
    """Return the factor of each delayed term for each trajectory, shape (delays, trajectories)."""
    factors = np.empty((len(system.delays), trajectories), dtype=complex)
    for k, term in enumerate(system.delays):
        if np.shape(term.factor) not in {(), (trajectories,)}:
            raise ValueError(
                f"factor of delayed term {k} has shape {np.shape(term.factor)}; "
                f"give one number or one per trajectory ({trajectories})"
            )
        factors[k] = term.factor
    return factors


def _samples(duration: float, step: float, sample: float, settle: float) -> tuple[int, int, int]:
    """Check the times; return steps per sample, samples recorded and samples thrown away."""
    if not step > 0:
        raise ValueError(f"step is {step:g}; it must be positive")
    decimation = whole_steps("sample", sample, step)
    if decimation > _MOST_STEPS:
        raise ValueError(
            f"sample holds {decimation} steps; more than {_MOST_STEPS} lose precision in float32"
        )
    samples = math.floor(duration / sample + 1e-6)
    if samples < 1:
        raise ValueError(f"duration is {duration:g}, shorter than one sample of {sample:g}")
    if settle < 0:
        raise ValueError(f"settle is {settle:g}; it must not be negative")
    return decimation, samples, math.ceil(settle / sample - 1e-6)


def _results(system: System, trajectories: int, samples: int) -> Results:
    """Return empty arrays for averaged fields, squared moduli and real variables."""
    return (
        np.empty((trajectories, system.fields, samples), np.complex64),
        np.empty((trajectories, system.fields, samples), np.float32),
        np.empty((trajectories, system.reals, samples), np.float32),
    )


def _advancer(
    system: System, width: int, real: Any, step: float, decimation: int, lags: tuple[int, ...]
) -> tuple[Callable[[Group, np.ndarray], None], float]:
    """Return the function that advances a group and fills in box averages, and the time to compile it."""
    kernel = compile_kernel(
        system.step,
        system.interpretation,
        width,
        system.fields,
        system.reals,
        len(system.delays),
        system.noises,
    )
    parameters, dt, root_dt = _as_type((system.parameters, step, math.sqrt(step)), real)
    turn = np.exp(2j * np.pi * step * np.array(system.frequencies or (0.0,) * system.fields))
    turns = tuple(turn.astype(np.complex64 if real is np.float32 else np.complex128))
    sources = tuple(term.source for term in system.delays)

    def arguments(group: Group, out: np.ndarray) -> tuple:
        past = (group.ring, lags, sources, group.factors)
        begin = (group.start, group.state, group.words)
        return parameters, dt, root_dt, decimation, *begin, past, turns, out

    def advance(group: Group, out: np.ndarray) -> None:
        kernel(*arguments(group, out))
        group.start += len(out) * decimation
        if not np.isfinite(group.state).all():
            raise FloatingPointError(f"the fields diverged; a step of {step:g} is too large for this system")

    nobody = empty_group(width, real, system.fields, system.reals, len(system.delays))
    nothing = np.empty((0, (3 * system.fields + system.reals) * width), real)
    return advance, first_call(kernel, *arguments(nobody, nothing))


def integrate(
    system: System,
    fields: np.ndarray,
    reals: np.ndarray | None = None,
    *,
    duration: float,
    step: float,
    sample: float,
    settle: float = 0.0,
    seed: int = 0,
    engine: str = "auto",
    record: Sequence[Record] = (),
    series: bool = True,
    on_progress: Callable[[float], None] | None = None,
) -> Ensemble:
    """Integrate an ensemble of trajectories; return its box averages, or what is accumulated from them.

    Memory is bounded by what is returned: with ``series=False`` it does not grow with `duration`. Ctrl-C
    stops a run within some milliseconds.

    Parameters
    ----------
    system : System
        What is integrated. All times below are in its unit of time.
    fields : ndarray of complex, (trajectories, fields)
        Initial fields; also the constant past before time 0.
    reals : ndarray, (trajectories, reals), optional
        Initial real variables.
    duration : float
        Recorded time, at least one `sample`; cut to whole samples.
    step : float
        Time step.
    sample : float
        Length of the boxes that are averaged, a multiple of `step`.
    settle : float
        Time integrated and thrown away first, rounded up to whole samples.
    seed : int
        Seed of the ensemble; each trajectory derives its own stream from it.
    engine : {"auto", "lanes", "scalar"}
        float32 lanes, float64 numbers, or lanes wherever the processor is known.
    record : sequence of Record
        What to accumulate from the box averages during the run: `Moments`, `Correlation`, `Periodogram`.
        The results come in this order in `Ensemble.records`.
    series : bool
        Whether to return the box averages themselves.
    on_progress : callable, optional
        Called from the calling thread with the fraction done.

    Returns
    -------
    Ensemble

    Raises
    ------
    ValueError
        For shapes that do not fit, times that are no multiples of `step`, an unknown engine, or records
        that the run is too short for.
    FloatingPointError
        If a trajectory diverges.
    """
    engine = _choose(engine)
    fields, reals = _start(system, fields, reals)
    decimation, samples, skipped = _samples(duration, step, sample, settle)
    lags = tuple(whole_steps("delay", term.delay, step) for term in system.delays)
    width, real = (LANES, np.float32) if engine == "lanes" else (1, np.float64)
    words, factors = streams(seed, len(fields)), _factors(system, len(fields))
    slots = max(lags, default=1)
    grid = Grid(len(fields), system.fields, samples, sample)
    recorders = tuple(description.start(grid) for description in record)
    results = _results(system, len(fields), samples if series else 0)
    chunk = max(1, min(_CHUNK_STEPS // decimation, _CHUNK_SAMPLES))
    advance, compile_s = _advancer(system, width, real, step, decimation, lags)
    run_groups(
        range(0, len(fields), width),
        lambda first: make_group(first, width, real, fields, reals, words, factors, slots),
        advance,
        Yield(system.fields, system.reals, skipped, samples, chunk, results if series else None, recorders),
        on_progress,
    )
    time = (np.arange(results[0].shape[2]) + 0.5) * sample
    records = tuple(recorder.result() for recorder in recorders)
    return Ensemble(time, *results, engine, compile_s, records)
