"""Overlapping Allan deviation: the published example, degrees of freedom, and noises told apart."""

import numpy as np
import pytest

from analysis._beat_errors import RecordError
from analysis.stability import allan_deviation, degrees_of_freedom, fit_noise


def riley_readings():
    """Return the 1000 numbers of NIST SP 1065, section 12.4."""
    numbers, state = [], 1234567890
    for _ in range(1000):
        numbers.append(state / 2147483647)
        state = 16807 * state % 2147483647
    return np.array(numbers)


def coloured(exponent, rng, readings):
    white = rng.standard_normal(readings + 1)
    return {2: np.diff(white), 0: white[1:], -2: np.cumsum(white)[1:]}[exponent]


def test_the_published_example_is_reproduced():
    allan = allan_deviation(riley_readings(), 1.0, [1, 10, 100])
    np.testing.assert_allclose(allan["deviation"], [2.922319e-01, 9.159953e-02, 3.241343e-02], rtol=3e-7)
    np.testing.assert_array_equal(allan["exponent"], 0)


def test_it_is_the_root_of_the_mean_square_of_overlapping_second_differences():
    readings = np.random.default_rng(1).standard_normal(500) + 5e6
    phase = np.concatenate([[0], np.cumsum(readings - readings.mean())])
    allan = allan_deviation(readings, 0.1)
    np.testing.assert_allclose(allan["tau_s"], 0.1 * 2.0 ** np.arange(8))
    for k, deviation in enumerate(allan["deviation"].values):
        m = 2**k
        second = phase[2 * m :] - 2 * phase[m:-m] + phase[: -2 * m]
        assert deviation == pytest.approx(np.sqrt(np.mean(second**2) / (2 * m**2)), rel=1e-12)


@pytest.mark.parametrize("exponent", [2, 0, -2])
def test_degrees_of_freedom_are_those_of_repeated_recordings(exponent):
    rng = np.random.default_rng(2)
    factors, repeats = [1, 4, 32, 128], 200
    runs = [allan_deviation(coloured(exponent, rng, 600), 1.0, factors) for _ in range(repeats)]
    variances = np.array([run["deviation"].values ** 2 for run in runs])
    seen = 2 * variances.mean(axis=0) ** 2 / variances.var(axis=0, ddof=1)
    known = [degrees_of_freedom(601, m, exponent) for m in factors]
    # the variance of a variance scatters by sqrt(2/repeats), more where few degrees make long tails
    scatter = np.sqrt((2 + 12 / np.array(known)) / repeats)
    assert np.all(np.abs(seen / known - 1) < 4 * scatter)
    told = np.mean([run["exponent"].values[:3] == exponent for run in runs], axis=0)
    assert told.min() > 0.7


def test_the_limits_hold_the_deviation_as_often_as_they_say():
    rng = np.random.default_rng(3)
    factors = np.array([1, 8, 64])
    inside = []
    for _ in range(200):
        allan = allan_deviation(rng.standard_normal(400), 1.0, factors)
        truth = factors**-0.5
        inside.append((allan["low"] < truth) & (truth < allan["high"]))
    share = np.mean(inside, axis=0)
    np.testing.assert_allclose(share, 0.6827, atol=4 * np.sqrt(0.68 * 0.32 / 200))


@pytest.mark.parametrize("seed", [1, 2])
def test_noises_of_a_recording_are_told_apart(seed):
    rng = np.random.default_rng(seed)
    readings = 5.0 * coloured(2, rng, 20000) + coloured(0, rng, 20000) + 0.02 * coloured(-2, rng, 20000)
    found = fit_noise(allan_deviation(readings, 1.0))
    truth = {
        "phase": 25.0,
        "white": 2.0,
        "flicker": 0.0,
        "random_walk": 0.02**2 / (2 * np.pi**2),
        "drift": 0.0,
    }
    for name, value in truth.items():
        assert abs(found[name].value - value) < 4 * found[name].std, name
    assert found["white"].std < 0.5
    assert found["lorentzian_hz"].value == pytest.approx(np.pi * found["white"].value)


def test_a_drift_is_told_by_the_longest_averaging_times():
    readings = np.random.default_rng(4).standard_normal(4000) + 0.003 * np.arange(4000)
    drift = fit_noise(allan_deviation(readings, 1.0))["drift"]
    assert drift.value == pytest.approx(0.003**2, abs=4 * drift.std)
    assert drift.std < 0.5 * 0.003**2


@pytest.mark.parametrize(
    ("readings", "interval", "taus", "sentence"),
    [
        ([1.0, 2.0], 1.0, None, "too few"),
        ([1.0] * 10, 1.0, None, "All 10 readings are 1: the counter stood still"),
        ([1.0, 2.0, np.nan, 3.0], 1.0, None, "Reading 2 is nan"),
        ([1.0, 2.0, 3.0, 1.0], 0.0, None, "The interval of the readings is 0.0 s"),
        ([1.0, 2.0, 3.0, 1.0], 1.0, [3.0], "between 1 s and half the recording, 2 s"),
    ],
)
def test_unusable_readings_are_refused_in_a_sentence(readings, interval, taus, sentence):
    with pytest.raises(RecordError, match=sentence):
        allan_deviation(np.array(readings), interval, taus)
    with pytest.raises(RecordError, match="2 averaging times cannot tell 5 noises apart"):
        fit_noise(allan_deviation(np.array([1.0, 2.0, 3.0, 1.0]), 1.0))
