import numpy as np
import pytest
from scipy.signal import lfilter

from instruments.twin.detectors import Spcm
from instruments.twin.photons import Counter, Pool, Track, synthetic_tags
from instruments.twin.settings import TwinSettings
from instruments.twin.spectra import OperatingPoint, pair_at
from models import micropillars

SAMPLE_PS = 100.0
STILL = np.ones((1, 1000))


def thermal(stretches, samples, coherence_samples, seed):
    """Return intensities of chaotic light."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-1 / coherence_samples)
    noise = rng.standard_normal((2, stretches, samples + 200)) * np.sqrt((1 - keep**2) / 2)
    field = lfilter([1.0], [1.0, -keep], noise, axis=-1)[..., 200:]
    return (field**2).sum(axis=0)


def pair_counts(starts, stops, edges):
    """Return the number of pairs per bin of the delay between a start and every stop after it."""
    first, last = np.searchsorted(stops, starts + edges[0]), np.searchsorted(stops, starts + edges[-1])
    number = last - first
    nth = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    delays = stops[np.repeat(first, number) + nth] - np.repeat(starts, number)
    return np.histogram(delays, edges)[0]


def expected_g2(intensity_1, intensity_2, lags, stretches_end=True):
    """Return g2 in lag bins of one sample, of a record that plays whole stretches in random order."""
    samples = intensity_1.shape[1]
    mean_1, mean_2 = intensity_1.mean(), intensity_2.mean()
    g2 = np.empty(lags + 1)
    for lag in range(lags + 1):
        products = intensity_1[:, : samples - lag] * intensity_2[:, lag:]
        inside = products.mean() / (mean_1 * mean_2)
        part = lag / samples if stretches_end else 0.0
        g2[lag] = (1 - part) * inside + part
    return (g2[1:] + g2[:-1]) / 2  # photons are uniform within their samples


def chi_squared(counts, expected):
    return float(np.sum((counts - expected) ** 2 / expected))


def still_counts(module, light_cps, duration_s, seed, pieces=1):
    """Return the times of one detector's counts under light without fluctuations, in ps."""
    rng = np.random.default_rng(seed)
    pool, counter, track = Pool(STILL, 1e6), Counter(module, rng), Track(rng)
    piece_ps = duration_s * 1e12 / pieces
    times = []
    for piece in range(pieces):
        order, phase = track.advance(pool, piece_ps)
        times.append(piece * piece_ps + counter.register(pool, order, phase, piece_ps, light_cps))
    return np.concatenate(times)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("pieces", [1, 5000])
def test_the_dead_time_reduces_the_rate_and_holds_across_pieces_of_time(seed, pieces):
    module = Spcm(0.0, dark_cps=1e6, dead_time_s=22e-9, jitter_fwhm_s=0.0)
    times = still_counts(module, 3e7, 0.02, seed, pieces)
    blocked = 3.1e7 * 22e-9
    expected = 0.02 * 3.1e7 / (1 + blocked)
    assert len(times) == pytest.approx(expected, abs=4 * np.sqrt(expected) / (1 + blocked))
    assert np.diff(times).min() >= 22e3 - 1e-3
    assert module.rate_cps(np.array(0.0)) == pytest.approx(1e6 / (1 + 0.022))


@pytest.mark.parametrize("seed", [1, 2])
def test_afterpulses_have_the_stated_probability_and_delay(seed):
    module = Spcm(0.0, 0.0, 22e-9, afterpulse_probability=0.02, afterpulse_delay_s=50e-9, jitter_fwhm_s=0.0)
    waits = np.diff(still_counts(module, 1000.0, 400.0, seed))
    early = waits[waits < 22e3 + 500e3]
    number = len(waits) + 1
    assert len(early) / number == pytest.approx(0.02 + 5.2e-4, abs=4 * np.sqrt(0.02 / number))
    delays = early - 22e3
    assert delays.min() >= 0
    uniform = 5.2e-4 / 0.0205  # the share of pairs of photons among the early ones
    mean = (1 - uniform) * 50e3 + uniform * 250e3
    assert delays.mean() == pytest.approx(mean, abs=5 * 50e3 / np.sqrt(len(early)))
    assert number / 400.0 == pytest.approx(
        float(Spcm(1.0, 0.0, 0.0, 0.02).rate_cps(np.array(1000.0))), rel=4 / np.sqrt(number)
    )


@pytest.mark.parametrize("jitter_ps", [350.0, 30.0])
def test_jitter_has_the_stated_width_and_tags_stay_sorted(jitter_ps):
    flashes = np.zeros((1, 1000))
    flashes[0, 500] = 1.0
    module = Spcm(0.0, 0.0, 0.0, jitter_fwhm_s=jitter_ps * 1e-12)
    tags = synthetic_tags({1: flashes}, 100.0, {1: 2e6}, 0.1, module=module)
    rest = np.mod(tags.time_ps, 100_000)
    rest = rest[np.abs(rest - np.median(rest)) < 10_000]
    expected = np.hypot(jitter_ps / 2.3548, 100.0 / np.sqrt(12))
    assert rest.std() == pytest.approx(expected, rel=4 / np.sqrt(2 * len(rest)))
    assert np.all(np.diff(tags.time_ps) >= 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_detectors_on_the_same_light_correlate_as_its_intensity_does(seed):
    light = thermal(64, 2000, 20.0, seed)
    tags = synthetic_tags({1: light, 2: light}, SAMPLE_PS, {1: 2e7, 2: 2e7}, 0.05, seed=seed)
    lags = 200
    counts = pair_counts(tags.of(1), tags.of(2), np.arange(lags + 1) * SAMPLE_PS)
    accidental = tags.counts(1) * tags.counts(2) * SAMPLE_PS / 0.05e12
    expected = accidental * expected_g2(light, light, lags)
    assert chi_squared(counts, expected) < lags + 4 * np.sqrt(2 * lags)
    assert counts[0] / accidental == pytest.approx(1.96, abs=0.1)


def test_correlations_across_the_ends_of_stretches_are_lost_as_stated():
    rng = np.random.default_rng(3)
    light = np.repeat(rng.exponential(size=(64, 1)), 400, axis=1)  # correlated as long as the stretch lasts
    tags = synthetic_tags({1: light, 2: light}, SAMPLE_PS, {1: 2e7, 2: 2e7}, 0.05)
    lags = 100  # a quarter of the stretch
    counts = pair_counts(tags.of(1), tags.of(2), np.arange(lags + 1) * SAMPLE_PS)
    accidental = tags.counts(1) * tags.counts(2) * SAMPLE_PS / 0.05e12
    with_loss = accidental * expected_g2(light, light, lags)
    without = accidental * expected_g2(light, light, lags, stretches_end=False)
    limit = lags + 6 * np.sqrt(2 * lags)  # pairs in the same stretch are not independent
    assert chi_squared(counts, with_loss) < limit < chi_squared(counts, without)


def test_independent_channels_and_steady_light_are_uncorrelated():
    tags = synthetic_tags({1: STILL, 2: STILL}, SAMPLE_PS, {1: 1e7, 2: 2e7}, 0.05)
    counts = pair_counts(tags.of(1), tags.of(2), np.arange(201) * SAMPLE_PS)
    accidental = tags.counts(1) * tags.counts(2) * SAMPLE_PS / 0.05e12
    assert chi_squared(counts, np.full(200, accidental)) < 200 + 4 * np.sqrt(400)


def test_light_of_the_model_far_below_threshold_is_thermal():
    pair = pair_at(OperatingPoint(9.0, 9.0, 0.0, 0.0), TwinSettings())
    simulated = micropillars.simulate(
        pair, duration_ns=200.0, step_ps=0.5, trajectories=32, seed=1, sample_ps=20.0
    )
    field = simulated["field"].sel(pillar="P1", mode="strong").transpose("trajectory", "time_ns").values
    light = np.abs(field) ** 2  # its coherence time, 2 ps, is filtered to 20 ps
    tags = synthetic_tags({1: light, 2: light}, 20.0, {1: 1e9, 2: 1e9}, 2e-3)
    pairs = pair_counts(tags.of(1), tags.of(2), np.array([0, 2]))[0]
    ratio = pairs / (tags.counts(1) * tags.counts(2) * 2 / 2e9)
    assert (ratio - 0.05) / 0.95 == pytest.approx(2.0, abs=4 * 2 / np.sqrt(pairs))


def test_a_record_depends_on_the_seed_alone():
    light = thermal(4, 500, 10.0, 1)
    one, again, other = (
        synthetic_tags({3: light, 4: light}, SAMPLE_PS, {3: 1e6, 4: 1e6}, 0.01, seed=seed)
        for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one.time_ps, again.time_ps)
    np.testing.assert_array_equal(one.channel, again.channel)
    assert len(one.time_ps) != len(other.time_ps) or np.any(one.time_ps != other.time_ps)


def test_time_bins_are_multiples_of_the_unit():
    tags = synthetic_tags({1: STILL}, SAMPLE_PS, {1: 1e6}, 0.001, unit_ps=13)
    assert tags.unit_ps == 13
    assert np.all(tags.time_ps % 13 == 0)


@pytest.mark.parametrize("light", [np.ones(5), np.ones((0, 5)), -STILL, np.full((1, 4), np.nan)])
def test_light_that_cannot_be_is_refused(light):
    with pytest.raises(ValueError, match="intensit"):
        synthetic_tags({1: light}, SAMPLE_PS, {1: 1e6}, 0.001)
