from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from instruments.twin import TwinSettings, draw_truth
from instruments.twin._streams import stream
from instruments.twin.detectors import Spcm
from instruments.twin.light import Conditions, Exposure, Light
from instruments.twin.operating_points import operating_point
from instruments.twin.optics import Etalon, Ramp, analyser_shares
from instruments.twin.spectra import SpectrumCache

RAMP = Ramp("TRIANGLE", 50.0, 0.9, 0.0, on=True)
TRUTH = draw_truth(TwinSettings(seed=4))


def one_line_each(point, settings, seed):
    """Return ten strong and two weak photons of each pillar at its free-running frequencies.

    As in the model, frequencies are relative to the same mode of P1: P2's weak one is 5 GHz closer.
    """
    frequency = np.arange(-5000, 5001) * 0.002
    power = np.zeros((2, 2, len(frequency)))
    for pillar, at in enumerate((0.0, point.detuning_ghz)):
        power[pillar, 0, np.argmin(np.abs(frequency - at))] = 10 / 0.002
        power[pillar, 1, np.argmin(np.abs(frequency - at + 5.0 * pillar))] = 2 / 0.002
    return xr.Dataset(
        {"power": (("pillar", "mode", "frequency_ghz"), power)},
        {"pillar": ["P1", "P2"], "mode": ["strong", "weak"], "frequency_ghz": frequency},
    )


def bench():
    etalon = Etalon(TRUTH, stream(1))
    cache = SpectrumCache(TwinSettings(), TRUTH, one_line_each)
    return Light(cache, etalon, [Spcm(5e4), Spcm(5e4)]), etalon


def line_ghz(light, etalon, conditions, pillar):
    """Return the frequency of the line nearest to the middle of the ramp."""
    times = np.linspace(0, 0.01, 40001)
    counts = light.expected_counts([(conditions, 1.0)], pillar, times)
    resonance = etalon.frequency_ghz(RAMP.voltage_v(times))
    middle = np.abs(resonance) < TRUTH.free_spectral_range_ghz / 2
    return resonance[middle][np.argmax(counts[middle])], counts.max()


@pytest.mark.parametrize("coupling", [0.0, 0.025])
def test_lines_appear_at_their_frequencies_with_the_rate_of_their_photons(coupling):
    light, etalon = bench()
    conditions = Conditions(1.25, 0.5, 25.0, 23.5, coupling, RAMP)
    for pillar, expected in ((0, 1.25), (1, 1.75)):
        frequency, peak = line_ghz(light, etalon, conditions, pillar)
        assert frequency == pytest.approx(expected, abs=0.004)
        assert peak == pytest.approx(5e5 / (1 + 5e5 * 22e-9), rel=0.02)


@pytest.mark.parametrize("coupling", [0.0, 0.025])
def test_behind_an_analyser_the_weak_modes_lie_26_and_21_ghz_above_the_strong_ones(coupling):
    light, etalon = bench()
    conditions = Conditions(0.3, 0.5, 25.0, 23.5, coupling, RAMP, (analyser_shares(45.0),) * 2)
    period = TRUTH.free_spectral_range_ghz
    for pillar, expected in ((0, 0.3 + 26.0), (1, 0.8 + 21.0)):
        frequency, peak = line_ghz(light, etalon, conditions, pillar)
        folded = (expected + period / 2) % period - period / 2
        assert frequency == pytest.approx(folded, abs=0.004)
        assert peak == pytest.approx(1e5 / (1 + 1e5 * 22e-9), rel=0.02)


def test_far_detuned_lines_stand_where_they_are_though_the_model_is_asked_no_further_than_12_ghz():
    light, etalon = bench()
    seen = []
    light._cache._simulate = lambda point, *rest: (
        seen.append(point) or one_line_each(replace(point, detuning_ghz=2.0), *rest)
    )
    far = Conditions(0.0, 48.5, 25.0, 23.5, 0.025, RAMP)
    frequency, _ = line_ghz(light, etalon, far, 1)
    period = TRUTH.free_spectral_range_ghz
    moved = 2.0 + 48.5 - 12.0
    assert seen == [operating_point(25.0, 23.5, 0.025, 12.0)]
    assert frequency == pytest.approx((moved + period / 2) % period - period / 2, abs=0.004)


def test_collected_photons_are_those_that_the_analyser_and_the_alignment_let_through():
    light, _ = bench()
    shares = ((0.25, 0.5), (0.1, 0.0))
    conditions = Conditions(0.3, 0.5, 25.0, 23.5, 0.025, RAMP, shares)
    assert light.collected_photons(conditions, 0) == pytest.approx(0.25 * 10 + 0.5 * 2)
    assert light.collected_photons(conditions, 1) == pytest.approx(1.0)
    assert light.collected_photons(replace(conditions, current_1_ua=0.0), 0) == 0.0


def test_a_pillar_without_current_leaves_the_dark_counts():
    light, etalon = bench()
    conditions = Conditions(1.25, 0.5, 25.0, 0.0, 0.0, RAMP)
    assert line_ghz(light, etalon, conditions, 1)[1] == pytest.approx(250, rel=1e-4)
    assert line_ghz(light, etalon, conditions, 0)[1] > 1e5


def test_moments_of_nearly_equal_detuning_share_one_spectrum_and_others_do_not():
    light, _ = bench()
    seen = []
    light._cache._simulate = lambda point, *rest: seen.append(point) or one_line_each(point, *rest)
    detunings = [0.4, 0.4013, 0.3992, 0.8, 0.8001]
    light.prepare([(Conditions(0.0, nu, 25.0, 23.5, 0.025, RAMP), 0.1) for nu in detunings])
    assert [point.detuning_ghz for point in seen] == [0.4, 0.8]


def test_the_mean_count_is_the_average_over_the_ramp():
    light, _ = bench()
    conditions = Conditions(1.25, 0.5, 25.0, 23.5, 0.025, RAMP)
    times = (np.arange(1024) + 0.5) / 1024 * 0.02
    expected = 3.0 * light.expected_counts([(conditions, 1.0)], 0, times).mean()
    assert light.mean_counts([(conditions, 1.0), (conditions, 2.0)], 0) == pytest.approx(expected)


def test_pieces_of_time_merge_into_moments_that_keep_time_and_means():
    exposure = Exposure()
    rng = np.random.default_rng(1)
    pieces = [(c, 0.1) for c in 0.4 + 5e-4 * rng.standard_normal(100)]
    for detuning, lasted in pieces:
        exposure.add(Conditions(1.0, detuning, 25.0, 23.5, 0.025, RAMP), lasted)
    assert len(exposure.moments) == 10
    assert sum(lasted for _, lasted in exposure.moments) == pytest.approx(10.0)
    means = [c.detuning_ghz for c, _ in exposure.moments]
    np.testing.assert_allclose(means, np.reshape([p[0] for p in pieces], (10, 10)).mean(1), atol=1e-12)


def test_pieces_with_other_light_or_moving_lines_do_not_merge():
    exposure = Exposure()
    still = Conditions(1.0, 0.4, 25.0, 23.5, 0.025, RAMP)
    for conditions in (still, replace(still, coupling=0.0), still, replace(still, detuning_ghz=0.41)):
        exposure.add(conditions, 0.1)
    assert len(exposure.moments) == 4
    assert [lasted for _, lasted in exposure.take()] == [0.1] * 4
    assert exposure.moments == []
