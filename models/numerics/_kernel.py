"""The compiled loop of the stochastic delay integrator, one template for both engines.

The template reads the system's step function and its counts as globals. `compile_kernel` makes a copy
with these filled in under a name that carries a fingerprint of all source text involved, so numba's disk
cache finds it again in the next process and never serves a kernel made from older sources.
"""

import functools
import sys
import types as python_types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numba.extending import overload, register_jitable

from models.numerics._diskcache import can_be_cached, name_on_disk
from models.numerics.complexlanes import ComplexVec, abs2
from models.numerics.lanememory import align_stack, load_complex, load_real, store
from models.numerics.random import gaussian, next_word

__all__ = ["LANES", "compile_kernel"]

LANES = 16  # fastest or equal to 8 and 32 on AVX-512, AVX2 and SSE alike
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "forceinline": True}

_SOURCES = [
    Path(__file__).with_name(f"{name}.py")
    for name in ("_kernel", "complexlanes", "lanememory", "random", "simd")
]

# Filled in for each system by `compile_kernel`.
step: Any = None
move: Any = None
WIDTH = FIELDS = REALS = DELAYS = 0
NAMES: tuple[int, ...] = ()


def _turn(fields: Any, turns: Any) -> Any:
    """Multiply each field with its rotation factor."""


@overload(_turn, strict=False, jit_options={"forceinline": True})
def _overload_turn(fields: Any, turns: Any) -> Callable:
    if len(fields) == 1:
        return lambda fields, turns: (fields[0] * turns[0],)
    return lambda fields, turns: (fields[0] * turns[0],) + _turn(fields[1:], turns[1:])


def _moduli(fields: Any) -> Any:
    """Squared modulus of each field."""


@overload(_moduli, strict=False, jit_options={"forceinline": True})
def _overload_moduli(fields: Any) -> Callable:
    if len(fields) == 1:
        return lambda fields: (abs2(fields[0]),)
    return lambda fields: (abs2(fields[0]),) + _moduli(fields[1:])


def _add(a: Any, b: Any) -> Any:
    """Add two tuples term by term."""


@overload(_add, strict=False, jit_options={"forceinline": True})
def _overload_add(a: Any, b: Any) -> Callable:
    if len(a) == 0:
        return lambda a, b: ()
    return lambda a, b: (a[0] + b[0],) + _add(a[1:], b[1:])


def _mean(a: Any, b: Any) -> Any:
    """Mean of two tuples, term by term."""


@overload(_mean, strict=False, jit_options={"forceinline": True})
def _overload_mean(a: Any, b: Any) -> Callable:
    if len(a) == 0:
        return lambda a, b: ()
    return lambda a, b: ((a[0] + b[0]) * 0.5,) + _mean(a[1:], b[1:])


def _draw(names: Any, root_dt: Any, s0: Any, s1: Any, s2: Any, s3: Any) -> Any:
    """Draw one Wiener increment per name; return them and the generator's new state."""


@overload(_draw, strict=False, jit_options={"forceinline": True})
def _overload_draw(names: Any, root_dt: Any, s0: Any, s1: Any, s2: Any, s3: Any) -> Callable:
    if len(names) == 0:
        return lambda names, root_dt, s0, s1, s2, s3: ((), s0, s1, s2, s3)

    def draw(names, root_dt, s0, s1, s2, s3):  # type: ignore[no-untyped-def]
        high, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        low, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        others, s0, s1, s2, s3 = _draw(names[1:], root_dt, s0, s1, s2, s3)
        return (gaussian(high, low) * root_dt,) + others, s0, s1, s2, s3

    return draw


def _recall(ring: Any, slot: Any, lags: Any, sources: Any, factors: Any) -> Any:
    """Take each delayed term's past field from the ring and multiply it with the term's factor."""


@overload(_recall, strict=False, jit_options={"forceinline": True})
def _overload_recall(ring: Any, slot: Any, lags: Any, sources: Any, factors: Any) -> Callable:
    if len(lags) == 0:
        return lambda ring, slot, lags, sources, factors: ()
    width = factors[0].part.lanes if isinstance(factors[0], ComplexVec) else 1

    def recall(ring, slot, lags, sources, factors):  # type: ignore[no-untyped-def]
        then = slot - lags[0]
        if then < 0:
            then += ring.shape[0]
        (old,) = load_complex(ring, then * ring.shape[1] + 2 * width * sources[0], width, 1)
        return (old * factors[0],) + _recall(ring, slot, lags[1:], sources[1:], factors[1:])

    return recall


@register_jitable(forceinline=True)
def _keep(ring, slot, fields):  # type: ignore[no-untyped-def]
    """Put the fields into the ring; return the place of the next step."""
    store(ring, slot * ring.shape[1], fields)
    slot += 1
    return 0 if slot == ring.shape[0] else slot


def _ito(parameters, dt, turns, fields, reals, ring, slot, terms, noise):  # type: ignore[no-untyped-def]
    """One step, then the rotation: returns fields, real variables and the place of the next step."""
    lags, sources, factors = terms
    delayed = _recall(ring, slot, lags, sources, factors)
    slot = _keep(ring, slot, fields)
    fields, reals = step(parameters, dt, fields, reals, delayed, noise)
    return _turn(fields, turns), reals, slot


def _stratonovich(parameters, dt, turns, fields, reals, ring, slot, terms, noise):  # type: ignore[no-untyped-def]
    """Heun's step: the mean of where one started and of where two steps with the same noise end.

    The second step starts at the predicted state and sees the delayed fields of one step later.
    """
    lags, sources, factors = terms
    delayed = _recall(ring, slot, lags, sources, factors)
    slot = _keep(ring, slot, fields)
    ahead, reals_ahead = step(parameters, dt, fields, reals, delayed, noise)
    ahead, fields = _turn(ahead, turns), _turn(fields, turns)
    delayed = _recall(ring, slot, lags, sources, factors)
    ahead, reals_ahead = step(parameters, dt, ahead, reals_ahead, delayed, noise)
    return _mean(fields, ahead), _mean(reals, reals_ahead), slot


_MOVES = {"ito": _ito, "stratonovich": _stratonovich}


def _advance(  # type: ignore[no-untyped-def]
    parameters, dt, root_dt, decimation, start, state, words, past, turns, out
):
    """Advance one group of trajectories by ``len(out) * decimation`` steps; box averages go to `out`.

    Parameters
    ----------
    parameters : tuple
        Handed to the step function.
    dt, root_dt : float
        Step and its square root.
    decimation : int
        Steps per box average.
    start : int
        Index of the first step since the beginning: place in the ring.
    state : ndarray, (2 FIELDS + REALS) * WIDTH
        Fields (real, imaginary in turn), then real variables; updated.
    words : ndarray of uint32, (4 WIDTH,)
        Generator states; updated.
    past : tuple of ndarray
        Ring (slots, 2 FIELDS * WIDTH) of past fields: slot ``n % slots`` holds step n, and there are as many
        slots as the longest delay has steps. Of each delayed term: delay in steps, source field (tuples of
        int), complex factor per trajectory (DELAYS, 2 WIDTH).
    turns : tuple of complex
        Rotation of each field per step.
    out : ndarray, (samples, (3 FIELDS + REALS) * WIDTH)
        Box averages: fields, squared moduli, real variables.
    """
    align_stack()
    ring, lags, sources, factors = past
    slot = start % ring.shape[0]
    fields = load_complex(state, 0, WIDTH, FIELDS)
    reals = load_real(state, 2 * FIELDS * WIDTH, WIDTH, REALS)
    s0, s1, s2, s3 = load_real(words, 0, WIDTH, 4)
    terms = lags, sources, load_complex(factors, 0, WIDTH, DELAYS)
    weight = 1.0 / decimation
    rowsize = out.shape[1]
    for sample in range(out.shape[0]):
        row = sample * rowsize
        for k in range(rowsize):
            out[sample, k] = 0
        sum_f = load_complex(out, row, WIDTH, FIELDS)
        sum_m = load_real(out, row + 2 * FIELDS * WIDTH, WIDTH, FIELDS)
        sum_r = load_real(out, row + 3 * FIELDS * WIDTH, WIDTH, REALS)
        for _ in range(decimation):
            noise, s0, s1, s2, s3 = _draw(NAMES, root_dt, s0, s1, s2, s3)
            fields, reals, slot = move(parameters, dt, turns, fields, reals, ring, slot, terms, noise)
            sum_f = _add(sum_f, fields)
            sum_m = _add(sum_m, _moduli(fields))
            sum_r = _add(sum_r, reals)
        store(out, row, sum_f)
        store(out, row + 2 * FIELDS * WIDTH, sum_m)
        store(out, row + 3 * FIELDS * WIDTH, sum_r)
        for k in range(rowsize):
            out[sample, k] *= weight
    store(state, 0, fields)
    store(state, 2 * FIELDS * WIDTH, reals)
    store(words, 0, (s0, s1, s2, s3))


def _copy(template: Callable, names: dict[str, Any], name: str) -> Any:
    """Return a template function that sees the given names."""
    copy = python_types.FunctionType(template.__code__, names, name)
    copy.__module__ = __name__
    return copy


@functools.cache
def compile_kernel(
    function: Callable,
    interpretation: str,
    width: int,
    fields: int,
    reals: int,
    delays: int,
    noises: int,
) -> Callable[..., None]:
    """Return the compiled loop for a step function.

    Parameters
    ----------
    function : callable
        Step function, plain Python at module level. Compiled functions that it calls should live in the
        same module: the disk cache does not notice changes elsewhere.
    interpretation : {"ito", "stratonovich"}
        How the noise is read.
    width : int
        Trajectories side by side: 1 for plain numbers.
    fields, reals, delays, noises : int
        Counts of what the step function gets.
    """
    fastmath = width > 1
    names = dict(vars(sys.modules[__name__]))
    names |= {
        "WIDTH": width,
        "FIELDS": fields,
        "REALS": reals,
        "DELAYS": delays,
        "NAMES": tuple(range(noises)),
    }
    names["step"] = njit(fastmath=fastmath, **_OPTIONS)(function)
    move = _copy(_MOVES[interpretation], names, "move")
    names["move"] = njit(fastmath=fastmath, **_OPTIONS)(move)
    kernel = _copy(_advance, names, "advance")
    cache = can_be_cached(function)
    if cache:
        counts = f"{interpretation}_{width}_{fields}_{reals}_{delays}_{noises}"
        kernel.__qualname__ = name_on_disk(function, counts, _SOURCES)
    return njit(cache=cache, fastmath=fastmath, error_model="numpy", nogil=True)(kernel)
