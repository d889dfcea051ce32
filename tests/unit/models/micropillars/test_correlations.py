"""Intensity correlations: definition, sign of the lag, errors."""

import numpy as np
import pytest

from models import micropillars as mp


def direct(first, second, lag):
    """Mean of first(t) second(t + lag) over all pairs, by hand."""
    n = len(first) - abs(lag)
    return (first[:n] * second[lag:]).mean() if lag >= 0 else (first[-lag:] * second[:n]).mean()


def test_the_transform_gives_the_direct_sum(as_light):
    random = np.random.default_rng(1)
    field = np.sqrt(random.gamma(2.0, 1.5, (3, 2, 2, 90)))
    found = mp.correlations(as_light(field), 30 * 0.025)
    n = field**2
    mean = n.mean(axis=(0, 3))
    for m, mode in enumerate(("strong", "weak")):
        for i, j in ((0, 0), (0, 1), (1, 0)):
            expected = [
                np.mean([direct(n[t, i, m], n[t, j, m], lag) for t in range(3)]) / (mean[i, m] * mean[j, m])
                for lag in range(-30, 31)
            ]
            g2 = found.g2.sel(mode=mode).values[i, j]
            np.testing.assert_allclose(g2, expected, rtol=1e-10)


def test_a_peak_at_positive_lag_means_that_p2_repeats_p1(as_light, thermal):
    field = np.empty((16, 2, 2, 8000), complex)
    field[:] = thermal(1, 16, 8000, [1.0] * 4, [0.0] * 4).reshape(16, 2, 2, 8000)
    field[:, 1, 1] = np.roll(field[:, 0, 1], 40, axis=-1)  # one nanosecond later
    found = mp.correlations(as_light(field), 3.0).sel(pillar="P1", other_pillar="P2")
    assert float(found.g2.sel(mode="weak").idxmax("lag_ns")) == pytest.approx(1.0)
    rho = found.correlation_coefficient.sel(mode="weak").sel(lag_ns=1.0, method="nearest")
    assert float(rho) == pytest.approx(1.0, abs=0.02)
    strong = found.correlation_coefficient.sel(mode="strong")
    assert float(np.abs(strong).max()) < 0.15


@pytest.mark.parametrize("seed", [1, 2])
def test_chaotic_light_has_g2_of_one_plus_the_coherence_squared(as_light, thermal, seed):
    field = thermal(seed, 32, 8000, [0.5, 1.0, 0.5, 1.0], [0.0, 0.3, 0.0, 0.3]).reshape(32, 2, 2, 8000)
    found = mp.correlations(as_light(field), 2.0)
    lag = found.lag_ns.values
    for mode, width in (("strong", 0.5), ("weak", 1.0)):
        own = found.sel(mode=mode, pillar="P1", other_pillar="P1")
        expected = 1 + np.exp(-2 * np.pi * width * np.abs(lag))
        pull = (own.g2.values - expected) / own.g2_std.values
        assert np.sqrt((pull**2).mean()) < 2
        assert own.g2_std.values.max() < 0.1
    level = mp.zero_lag(as_light(field))
    assert (np.abs(level.g2_zero - 2) < 4 * level.g2_zero_std).all()
    assert (np.abs(level.photon_number - 1) < 4 * level.photon_number_std).all()


def test_errors_describe_the_scatter_between_seeds(as_light, thermal):
    runs = []
    for seed in range(10):
        field = thermal(seed, 16, 1500, [1.0] * 4, [0.0] * 4).reshape(16, 2, 2, 1500)
        runs.append(mp.correlations(as_light(field), 1.0))
    scatter = np.std([r.g2.values for r in runs], axis=0, ddof=1)
    stated = np.mean([r.g2_std.values for r in runs], axis=0)
    assert 0.7 < np.sqrt((scatter**2).mean() / (stated**2).mean()) < 1.4


@pytest.mark.parametrize("lag", [0.0, -1.0, 5.0])
def test_a_lag_that_does_not_fit_is_refused(as_light, lag):
    light = as_light(np.ones((2, 2, 2, 100), complex))
    with pytest.raises(ValueError, match=r"longest_lag_ns is .*; these time series allow 0.025 to 2.475"):
        mp.correlations(light, lag)


def test_a_single_trajectory_has_no_error_of_its_correlations(as_light, thermal):
    field = thermal(1, 1, 500, [1.0] * 4, [0.0] * 4).reshape(1, 2, 2, 500)
    found = mp.correlations(as_light(field), 1.0)
    assert np.isnan(found.g2_std).all()
    assert np.isfinite(found.g2).all()
