"""Random streams made inside compiled loops: xoshiro128++ and complex Gaussian numbers.

Every trajectory owns a generator. Its 128-bit state comes from its own child of one
`numpy.random.SeedSequence`; the period is 2**128 - 1, so streams do not overlap in practice. The scalar
and the lane version turn the same state into the same words and the same Gaussian numbers, up to the
rounding of float32.

References
----------
D. Blackman and S. Vigna, ACM Trans. Math. Softw. 47, 36 (2021): xoshiro128++.
"""

import math
from collections.abc import Callable

import numpy as np
from numba.core import types
from numba.extending import overload, register_jitable

from models.numerics.complexlanes import join
from models.numerics.simd import Vec, as_float, as_int, to_float, where

__all__ = ["gaussian", "next_word", "streams"]

_MASK = 0xFFFFFFFF
_UNIT_24 = 1.0 / 2**24
_EIGHTH_TURN = math.pi / 4 / 2**31


def streams(seed: int, count: int) -> np.ndarray:
    """Return generator states for `count` independent streams.

    Parameters
    ----------
    seed : int
        Non-negative seed of the whole ensemble.
    count : int
        Number of streams. Stream k does not depend on `count`.

    Returns
    -------
    ndarray of uint32, shape (count, 4)

    Raises
    ------
    ValueError
        If `seed` is negative.
    """
    if seed < 0:
        raise ValueError(f"seed is {seed}; it must be a non-negative integer")
    children = np.random.SeedSequence(seed).spawn(count)
    return np.array([child.generate_state(4) for child in children], dtype=np.uint32).reshape(count, 4)


def next_word(s0: int, s1: int, s2: int, s3: int) -> tuple[int, int, int, int, int]:
    """Return a random 32-bit word and the generator's new state (four words), for numbers or lanes."""
    total = (s0 + s3) & _MASK
    word = (((total << 7) | (total >> 25)) + s0) & _MASK
    shifted = (s1 << 9) & _MASK
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = ((s3 << 11) | (s3 >> 21)) & _MASK
    return word, s0, s1, s2, s3


@register_jitable(forceinline=True)
def _next_lanes(s0, s1, s2, s3):  # type: ignore[no-untyped-def]
    total = s0 + s3
    word = ((total << 7) | (total >> 25)) + s0
    shifted = s1 << 9
    s2 = s2 ^ s0
    s3 = s3 ^ s1
    s1 = s1 ^ s2
    s0 = s0 ^ s3
    return word, s0, s1, s2 ^ shifted, (s3 << 11) | (s3 >> 21)


@register_jitable(forceinline=True)
def _next_number(s0, s1, s2, s3):  # type: ignore[no-untyped-def]
    mask = np.uint64(_MASK)  # numba widens uint32 sums to 64 bits
    s0, s1, s2, s3 = np.uint64(s0), np.uint64(s1), np.uint64(s2), np.uint64(s3)
    total = (s0 + s3) & mask
    word = (((total << np.uint64(7)) | (total >> np.uint64(25))) + s0) & mask
    shifted = (s1 << np.uint64(9)) & mask
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = ((s3 << np.uint64(11)) | (s3 >> np.uint64(21))) & mask
    return np.uint32(word), np.uint32(s0), np.uint32(s1), np.uint32(s2), np.uint32(s3)


@overload(next_word, strict=False, jit_options={"forceinline": True})
def _overload_next_word(s0: types.Type, s1: types.Type, s2: types.Type, s3: types.Type) -> Callable:
    if isinstance(s0, Vec):
        return lambda s0, s1, s2, s3: _next_lanes(s0, s1, s2, s3)
    return lambda s0, s1, s2, s3: _next_number(s0, s1, s2, s3)


def gaussian(high: int, low: int) -> complex:
    """Turn two random words into a complex Gaussian number with mean 0 and mean squared modulus 1.

    Box-Muller: the upper 24 bits of `high` give the modulus, at most 4.16; `low` gives the angle: three
    bits choose the octant (swap, two signs), the rest the place in it.
    """
    radius = math.sqrt(-math.log(((high >> 8) + 0.5) * _UNIT_24))
    signed = (low << 3) & _MASK
    angle = (signed - 2**32 if signed & 0x80000000 else signed) * _EIGHTH_TURN
    real, imag = math.cos(angle), math.sin(angle)
    if low & 0x80000000:
        real, imag = imag, real
    real = -real if low & 0x40000000 else real
    imag = -imag if low & 0x20000000 else imag
    return complex(radius * real, radius * imag)


@register_jitable(forceinline=True)
def _gaussian_number(high, low):  # type: ignore[no-untyped-def]
    radius = math.sqrt(-math.log((np.float64(high >> 8) + 0.5) * _UNIT_24))
    angle = np.float64(np.int32(low << 3)) * _EIGHTH_TURN
    real, imag = math.cos(angle), math.sin(angle)
    if low & 0x80000000:
        real, imag = imag, real
    real = -real if low & 0x40000000 else real
    imag = -imag if low & 0x20000000 else imag
    return complex(radius * real, radius * imag)


@register_jitable(forceinline=True)
def _minus_log(u):  # type: ignore[no-untyped-def]
    """-log(u) for float32 lanes: exponent and mantissa, then a polynomial (Cephes logf)."""
    bits = as_int(u)
    exponent = to_float((bits >> 23) - 127)
    mantissa = as_float((bits & 0x7FFFFF) | 0x3F800000)
    large = mantissa > 1.41421356
    f = where(large, mantissa * 0.5, mantissa) - 1.0
    exponent = where(large, exponent + 1.0, exponent)
    p = f * 7.0376836292e-2 - 1.1514610310e-1
    p = p * f + 1.1676998740e-1
    p = p * f - 1.2420140846e-1
    p = p * f + 1.4249322787e-1
    p = p * f - 1.6668057665e-1
    p = p * f + 2.0000714765e-1
    p = p * f - 2.4999993993e-1
    p = p * f + 3.3333331174e-1
    square = f * f
    return -(f - 0.5 * square + f * square * p + exponent * 0.69314718)


@register_jitable(forceinline=True)
def _gaussian_lanes(high, low):  # type: ignore[no-untyped-def]
    radius = math.sqrt(_minus_log((to_float(high >> 8) + 0.5) * _UNIT_24))
    angle = to_float(low << 3) * _EIGHTH_TURN
    q = angle * angle
    sine = angle * (1.0 + q * (-1.6666654611e-1 + q * (8.3321608736e-3 - q * 1.9515295891e-4)))
    cosine = 1.0 - 0.5 * q + q * q * (4.166664568e-2 + q * (-1.388731625e-3 + q * 2.443315711e-5))
    swap = low >= 0x80000000
    real = as_int(where(swap, sine, cosine)) ^ ((low << 1) & 0x80000000)  # the sign bit is flipped
    imag = as_int(where(swap, cosine, sine)) ^ ((low << 2) & 0x80000000)
    return join(radius * as_float(real), radius * as_float(imag))


@overload(gaussian, strict=False, jit_options={"forceinline": True})
def _overload_gaussian(high: types.Type, low: types.Type) -> Callable:
    if isinstance(high, Vec):
        return lambda high, low: _gaussian_lanes(high, low)
    return lambda high, low: _gaussian_number(high, low)
