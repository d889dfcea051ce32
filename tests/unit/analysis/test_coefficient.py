from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from analysis.coefficient import combined_coefficient, model_coefficient
from analysis.correlation import g2
from analysis.correlation_fits import PairResponse
from analysis.timetags import TagStream
from instruments.twin.photons import synthetic_tags
from models import micropillars

SAMPLE_PS = 1000.0


def correlation(first, second, seed, rate_hz=8e5, seconds=1.0):
    """Return the correlation of two detectors on two intensities, both (stretch, sample)."""
    tags = synthetic_tags({1: first, 2: second}, SAMPLE_PS, {1: rate_hz, 2: rate_hz}, seconds, seed=seed)
    stream = TagStream(tags.time_ps, tags.channel, round(seconds * 1e12) + 1)
    return g2(stream, [(1, 2)], window_ns=40.0, bin_ps=2000)


def telegraph(rng, stretches=200, samples=4000):
    """Return a mode that is on or off, each for 100 ns on average."""
    switched = rng.random((stretches, samples)) < 0.01
    return np.cumsum(switched, axis=1) % 2.0


def three(first, second, seed):
    return [
        correlation(*each, seed + k)
        for k, each in enumerate(((first, second), (first, first), (second, second)))
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_switching_between_two_modes_gives_minus_one(seed):
    mode = telegraph(np.random.default_rng(seed))
    rho = combined_coefficient(*three(mode, 1 - mode, 10 * seed))
    assert not rho["undefined"]
    assert float(rho["first_excess"]) == pytest.approx(1.0, abs=0.1)
    middle = rho.sel(delay=slice(-4, 4)).mean("delay")
    # switching within 4 ns and within the bins takes 2 %; the error of a mean of the bins is 2 %
    assert float(middle["rho"]) == pytest.approx(-0.98, abs=0.06)
    assert 0 < float(middle["rho_std"]) < 0.05
    assert not rho["alarm"].any()


def test_modes_that_do_not_fluctuate_have_no_coefficient():
    steady = np.ones((1, 1000))
    rho = combined_coefficient(*three(steady, steady, 3))
    assert rho["undefined"]
    assert rho["rho"].isnull().all()


def exact(excess, std, half=4):
    delay = np.arange(-half, half) + 0.5
    g = np.full(delay.size, 1 + excess)
    return xr.Dataset({"g2": ("delay", g), "g2_std": ("delay", np.full(delay.size, std))}, {"delay": delay})


def test_the_errors_of_three_recordings_add_up_as_those_of_independent_numbers():
    rng, size = np.random.default_rng(1), 20_000
    mean, std = np.array([0.2, 0.5, 0.4]), np.array([0.01, 0.02, 0.03])
    a, b, c = mean[:, None] + std[:, None] * rng.standard_normal((3, size))
    rho = combined_coefficient(*(exact(m, s) for m, s in zip(mean, std, strict=True)))
    assert float(rho["rho"][0]) == pytest.approx(0.2 / np.sqrt(0.2), rel=1e-9)
    assert float(rho["rho_std"][0]) == pytest.approx(np.std(a / np.sqrt(b * c)), rel=0.03)


def test_more_than_complete_correlation_raises_the_alarm():
    assert combined_coefficient(exact(0.8, 0.01), exact(0.5, 0.01), exact(0.5, 0.01))["alarm"].all()
    assert not combined_coefficient(exact(0.5, 0.1), exact(0.5, 0.01), exact(0.5, 0.01))["alarm"].any()


def test_recordings_in_different_bins_or_of_several_pairs_are_refused():
    with pytest.raises(ValueError, match="different bins"):
        combined_coefficient(exact(0.1, 0.1), exact(0.1, 0.1, half=3), exact(0.1, 0.1))
    two = xr.concat([exact(0.1, 0.1)] * 2, "pair")
    with pytest.raises(ValueError, match="must hold one pair"):
        combined_coefficient(two, exact(0.1, 0.1), exact(0.1, 0.1))


def test_the_model_of_a_relay_has_peaks_at_plus_and_minus_the_delay():
    alone = micropillars.kreinberg2019(22.0, 22.0, detuning_ghz=4.7, inactive_loss_factor=1.34)
    pair = replace(alone, transmission_amplitude=0.5**0.5, reflection_amplitude=0.5**0.5)
    delay = np.arange(-8.0, 8.0, 0.5) + 0.25
    rho = model_coefficient(
        pair, ("weak", "weak"), delay, PairResponse.gaussian(0.35, 0.35), trajectories=96, duration_ns=400.0
    )

    def height(at):
        near = rho.sel(delay=slice(at - 0.6, at + 0.6)).mean("delay")
        return float(near["rho"]), float(near["rho_std"])

    for at in (-4.25, 4.25):
        value, std = height(at)
        assert 3 * std < value < 0.5
