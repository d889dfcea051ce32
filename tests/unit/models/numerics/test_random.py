"""Random streams: reference words, Gaussian moments and tails, independence."""

import math

import numpy as np
import pytest
from numba import njit
from scipy import stats

from models.numerics.lanememory import load_real, store
from models.numerics.random import gaussian, next_word, streams

LANES = 16


@njit
def draw_lanes(state, words, numbers):
    s0, s1, s2, s3 = load_real(state, 0, LANES, 4)
    for k in range(words.shape[0]):
        high, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        low, s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        store(words, 2 * LANES * k, (high, low))
        store(numbers, 2 * LANES * k, gaussian(high, low))


@njit
def draw_numbers(state, words, numbers):
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    for k in range(words.shape[0]):
        words[k, 0], s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        words[k, 1], s0, s1, s2, s3 = next_word(s0, s1, s2, s3)
        numbers[k] = gaussian(words[k, 0], words[k, 1])


def lanes(seed, count):
    """Complex Gaussian numbers (count, LANES) and the words they came from (count, 2, LANES)."""
    words, numbers = np.empty((count, 2, LANES), np.uint32), np.empty((count, 2, LANES), np.float32)
    draw_lanes(streams(seed, LANES).T.copy(), words, numbers)
    return numbers[:, 0] + 1j * numbers[:, 1].astype(float), words


@pytest.fixture(scope="module", params=[1, 2])
def sample(request):
    return lanes(request.param, 100_000)[0]


def test_words_are_those_of_the_published_generator():
    # xoshiro128++ from the state 1, 2, 3, 4 (test vector of the rand_xoshiro crate)
    expected = [641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295]
    words, numbers = np.empty((4, 2), np.uint32), np.empty(4, complex)
    draw_numbers(np.array([1, 2, 3, 4], np.uint32), words, numbers)
    assert words.ravel().tolist() == expected
    state: tuple = (1, 2, 3, 4)
    plain = []
    for _ in expected:
        word, *state = next_word(*state)
        plain.append(word)
    assert plain == expected


def test_lanes_numbers_and_plain_python_draw_the_same_words_and_gaussians():
    complex_lanes, words = lanes(3, 5000)
    state = streams(3, LANES)
    for lane in (0, 7, 15):
        own_words, own = np.empty((5000, 2), np.uint32), np.empty(5000, complex)
        draw_numbers(state[lane], own_words, own)
        np.testing.assert_array_equal(own_words, words[:, :, lane])
        np.testing.assert_allclose(complex_lanes[:, lane], own, atol=2e-5)
        plain = [gaussian(int(h), int(w)) for h, w in own_words[:200]]
        np.testing.assert_allclose(own[:200], plain, rtol=1e-14)


def test_extreme_words_give_finite_gaussians_of_the_right_modulus():
    for high, modulus in ((0, math.sqrt(25 * math.log(2))), (2**32 - 1, 0.0)):
        for low in (0, 2**31, 2**32 - 1, 2**28, 2**29 - 1):
            assert abs(gaussian(high, low)) == pytest.approx(modulus, abs=2e-4)


def test_moments_up_to_the_fourth_are_gaussian(sample):
    for part in (sample.real.ravel(), sample.imag.ravel()):
        n = part.size
        z = part * math.sqrt(2)  # unit variance
        assert abs(z.mean()) < 4 / math.sqrt(n)
        assert abs((z**2).mean() - 1) < 4 * math.sqrt(2 / n)
        assert abs((z**3).mean()) < 4 * math.sqrt(15 / n)
        assert abs((z**4).mean() - 3) < 4 * math.sqrt(96 / n)


def test_distribution_and_tails_are_gaussian(sample):
    z = sample.real.ravel() * math.sqrt(2)
    assert stats.kstest(z[:200_000], "norm").pvalue > 1e-3
    for threshold in (3.0, 4.0):
        expected = z.size * 2 * stats.norm.sf(threshold)
        found = np.count_nonzero(np.abs(z) > threshold)
        assert abs(found - expected) < 4 * math.sqrt(expected)


def test_phase_is_uniform_and_independent_of_the_modulus(sample):
    z = sample.ravel()
    counts = np.histogram(np.angle(z), 64, (-math.pi, math.pi))[0]
    assert stats.chisquare(counts).pvalue > 1e-3
    bound = 4 / math.sqrt(z.size)
    assert abs((z**2).mean()) < math.sqrt(2) * bound
    assert abs((np.abs(z) * z**2).mean()) < 4 * bound


def test_lanes_are_independent_of_each_other_and_of_their_own_past(sample):
    n = len(sample)
    correlation = sample.conj().T @ sample / n
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < 5 / math.sqrt(n)
    moduli = np.corrcoef(np.abs(sample.T) ** 2) - np.eye(LANES)
    assert np.abs(moduli).max() < 5 / math.sqrt(n)
    for lag in (1, 2, 7):
        past = (sample[lag:].conj() * sample[:-lag]).mean(axis=0)
        assert np.abs(past).max() < 5 / math.sqrt(n)


def test_seeds_give_different_states_and_more_streams_keep_the_first_ones():
    many = streams(1, 1000)
    np.testing.assert_array_equal(streams(1, 10), many[:10])
    assert len(np.unique(np.concatenate([many, streams(2, 1000)]), axis=0)) == 2000


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed is -1; it must be a non-negative integer"):
        streams(-1, 2)
