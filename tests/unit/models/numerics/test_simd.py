"""Lanes behave as numpy arrays of the same dtype do."""

import math

import numpy as np
import pytest
from numba import njit

from models.numerics.complexlanes import abs2, join
from models.numerics.lanememory import load, load_complex, load_real, store
from models.numerics.simd import as_float, as_int, splat, to_float, where

LANES = 16
rng = np.random.default_rng(5)


@njit
def real_arithmetic(a, b, out):
    x, y = load(a, 0, LANES), load(b, 0, LANES)
    store(out, 0, (x + y, x - y, x * y, x / y, 2.0 - x, x * 3, -x, math.sqrt(x), where(x > y, x, 0.5)))


def numpy_real(a, b):
    return np.array([a + b, a - b, a * b, a / b, 2 - a, a * 3, -a, np.sqrt(a), np.where(a > b, a, 0.5)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_real_lanes_compute_what_numpy_computes(dtype):
    a, b = rng.uniform(0.1, 9, (2, LANES)).astype(dtype)
    out = np.zeros((9, LANES), dtype)
    real_arithmetic(a, b, out)
    np.testing.assert_allclose(out, numpy_real(a, b), rtol=4 * np.finfo(dtype).eps)


@njit
def integer_arithmetic(a, b, out):
    x, y = load(a, 0, LANES), load(b, 0, LANES)
    store(out, 0, (x + y, x - y, x * y, x & y, x | y, x ^ y, x << 5, x >> 7, (x << 7) | (x >> 25)))


def test_integer_lanes_wrap_around_and_shift_like_unsigned_words():
    a, b = rng.integers(0, 2**32, (2, LANES), dtype=np.uint32)
    out = np.zeros((9, LANES), np.uint32)
    integer_arithmetic(a, b, out)
    rotated = np.array([((int(v) << 7) | (int(v) >> 25)) % 2**32 for v in a], np.uint32)
    expected = [a + b, a - b, a * b, a & b, a | b, a ^ b, a << np.uint32(5), a >> np.uint32(7), rotated]
    np.testing.assert_array_equal(out, np.array(expected))


@njit
def compare(a, b, out):
    x, y = load(a, 0, LANES), load(b, 0, LANES)
    one, zero = splat(1, x), splat(0, x)
    store(
        out,
        0,
        (
            where(x < y, one, zero),
            where(x >= y, one, zero),
            where(x == y, one, zero),
            where(x != 3, one, zero),
        ),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.uint32])
def test_comparisons_select_lane_by_lane_and_words_compare_unsigned(dtype):
    a = np.array([0, 1, 2, 3, 4, 5, 2**31, 2**32 - 256] * 2).astype(dtype)
    b = np.roll(a, 3)
    b[:4] = a[:4]
    out = np.zeros((4, LANES), dtype)
    compare(a, b, out)
    np.testing.assert_array_equal(out, np.array([a < b, a >= b, a == b, a != 3]).astype(dtype))


@njit
def reinterpret(a, out):
    x = load(a, 0, LANES)
    store(out, 0, (as_float(as_int(x) ^ 0x80000000), to_float(as_int(x) >> 23)))


def test_bits_of_floats_can_be_read_and_changed():
    a = rng.normal(size=LANES).astype(np.float32)
    out = np.zeros((2, LANES), np.float32)
    reinterpret(a, out)
    np.testing.assert_array_equal(out[0], -a)
    np.testing.assert_array_equal(out[1], (a.view(np.uint32) >> np.uint32(23)).astype(np.float32))


@njit
def lift_and_lower(a, out):
    x = load(a, 0, LANES)
    store(out, 0, (x + 16777216.0) - x * 0.0)


def test_a_literal_does_not_promote_float32_lanes_to_float64():
    a = np.ones(LANES, np.float32)
    out = np.empty(LANES, np.float32)
    lift_and_lower(a, out)
    np.testing.assert_array_equal(out, np.float32(16777216))  # float64 would hold the 1, and round on storing


def formula(a, b, x):
    choice = where(x > 0.2, a, b * 2.0) + where(abs2(a) < 1.0, 0.25, 1.5)
    return choice + a * b - b * x + x * a + (a + x) * (x - b) + (-a) * 2.0 + join(x, abs2(b))


compiled_formula = njit(formula)


@njit
def evaluate(complex_lanes, real_lanes, out):
    a, b = load_complex(complex_lanes, 0, LANES, 2)
    (x,) = load_real(real_lanes, 0, LANES, 1)
    store(out, 0, compiled_formula(a, b, x) + a * (1.0 + 2.0j))


def test_one_formula_gives_the_same_in_plain_python_in_compiled_numbers_and_in_lanes():
    parts = rng.normal(size=(4, LANES)).astype(np.float32)
    x = rng.normal(size=LANES).astype(np.float32)
    a, b = parts[0] + 1j * parts[1], parts[2] + 1j * parts[3]
    out = np.zeros((2, LANES), np.float32)
    evaluate(parts, x, out)
    triples = [(complex(p), complex(q), float(r)) for p, q, r in zip(a, b, x, strict=True)]
    plain = np.array([formula(*t) for t in triples])
    np.testing.assert_allclose([compiled_formula(*t) for t in triples], plain, rtol=1e-14)
    np.testing.assert_allclose(out[0] + 1j * out[1], plain + a * (1 + 2j), rtol=2e-5, atol=2e-5)


@njit
def copy_numbers(source, target):
    store(target, 0, load_complex(source, 0, 1, 2))
    store(target, 4, load_real(source, 4, 1, 2))
    store(target, 6, load(source, 6, 1))


def test_with_one_lane_transfers_move_plain_numbers():
    source = rng.normal(size=8)
    target = np.zeros(8)
    copy_numbers(source, target)
    np.testing.assert_array_equal(target[:7], source[:7])
    assert target[7] == 0
