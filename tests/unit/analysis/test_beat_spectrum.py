import tracemalloc

import numpy as np
import pytest
from scipy.signal import coherence as scipy_coherence
from scipy.signal import csd, welch

from analysis.heterodyne import Record, RecordError, ResolutionError, coherence, spectrum

RATE, LENGTH = 1e6, 4096
RESOLUTION = 1.4406 * RATE / LENGTH


def noisy(dtype: type, samples: int = 40 * LENGTH, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(20, 400, samples) + 100 * np.cos(0.7 * np.arange(samples))
    return (x + 1j * rng.normal(0, 400, samples) if np.issubdtype(dtype, np.complexfloating) else x).astype(
        dtype
    )


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.complex64])
def test_densities_are_those_of_scipy_whatever_the_lengths_of_blocks(dtype):
    samples = noisy(dtype)
    wide = complex if dtype is np.complex64 else float
    two_sided = dtype is np.complex64
    _, expected = welch(samples.astype(wide) * 1e-3, RATE, "hann", LENGTH, return_onesided=not two_sided)
    cuts = np.sort(np.random.default_rng(2).integers(0, samples.size, 30))  # blocks of 0 to 20000 samples
    for record in (
        Record.of(samples, RATE, scale_v=1e-3),
        Record.of(iter(np.split(samples, cuts)), RATE, scale_v=1e-3),
    ):
        found = spectrum(record, RESOLUTION)
        density = found["power_density"].values[0]
        order = np.argsort(np.fft.fftfreq(LENGTH)) if two_sided else slice(None)
        np.testing.assert_allclose(density, expected[order], rtol=2e-6)
        np.testing.assert_allclose(found["level_db"].values[0], 10 * np.log10(density))
        assert found.attrs["segments"] == 79
        assert found.attrs["resolution_bandwidth_hz"] == pytest.approx(RESOLUTION)
        assert found["power_density"].attrs["units"] == "V2/Hz"


def test_a_spectrum_takes_the_same_memory_however_long_the_record_is():
    peaks = []
    for blocks in (8, 64):
        spectrum(Record.of(iter([noisy(np.int16, 1000)]), RATE), 20e3)  # what is allocated once
        tracemalloc.start()
        one = noisy(np.int16, 2**16)
        spectrum(Record.of((one for _ in range(blocks)), RATE), RESOLUTION)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0] < 64e6


@pytest.mark.parametrize(
    ("window", "half_power"),
    [("boxcar", 0.8859), ("hann", 1.4406), ("blackmanharris", 1.8995), ("flattop", 3.7247)],
)
def test_a_tone_is_as_wide_as_the_stated_resolution_and_as_high_as_the_noise_bandwidth_says(
    window, half_power
):
    length = 4096

    def density(off: float) -> tuple[float, float, float]:
        """At a bin, of a tone so many bins off it."""
        tone = 0.5 * np.cos(2 * np.pi * (1000 + off) / length * np.arange(length))
        found = spectrum(Record.of(tone, length), 1.0001 * half_power, window=window)
        assert found.attrs["segment_samples"] == length
        at = found["power_density"].sel(frequency_hz=1000).item()
        return at, found.attrs["noise_bandwidth_hz"], found.attrs["resolution_bandwidth_hz"]

    top, noise_bandwidth, resolution = density(0.0)
    assert top * noise_bandwidth == pytest.approx(0.5**2 / 2, rel=1e-4)
    assert resolution == pytest.approx(half_power, rel=1e-4)
    assert density(half_power / 2)[0] / top == pytest.approx(0.5, rel=2e-3)


def test_looks_are_the_independent_averages_that_the_scatter_shows():
    found = spectrum(Record.of(np.random.default_rng(5).normal(size=400 * 1024), 1.0), 1.4406 / 1024)
    density = found["power_density"].values[0, 2:-2]
    looks = (density.mean() / density.std()) ** 2
    # relative error of a variance from some 340 independent bins
    assert looks == pytest.approx(found.attrs["looks"], rel=4 * np.sqrt(2 / 340))
    assert found.attrs["segments"] == 799
    assert density.mean() == pytest.approx(2.0, rel=0.01)


def test_coherence_and_cross_density_are_those_of_scipy():
    rng = np.random.default_rng(3)
    common, own = rng.normal(size=40 * LENGTH), rng.normal(size=40 * LENGTH)
    pair = np.stack([common, 0.5 * np.roll(common, 3) + own])
    found = coherence(Record.of(pair, RATE, scale_v=[1.0, 2.0]), RESOLUTION)
    _, expected = scipy_coherence(pair[0], pair[1], RATE, "hann", LENGTH)
    _, crossed = csd(pair[0], 2 * pair[1], RATE, "hann", LENGTH)
    np.testing.assert_allclose(found["coherence"], expected, atol=2e-6)
    np.testing.assert_allclose(found["cross_density"], crossed, rtol=1e-5, atol=1e-6 * abs(crossed).max())
    np.testing.assert_allclose(found["phase_rad"], np.angle(crossed), atol=1e-4)


def test_segments_do_not_reach_across_gaps():
    samples = noisy(np.float32, 10 * LENGTH)
    record = Record.of(samples, RATE)
    halves = [Record.of(half, RATE).stretches[0] for half in np.split(samples, 2)]
    parted = Record(RATE, record.channels, record.scale_v, tuple(halves), clipped=(True,), lost=7)
    found = spectrum(parted, RESOLUTION)
    each = [spectrum(parted.stretch(k), RESOLUTION)["power_density"].values for k in (0, 1)]
    np.testing.assert_allclose(found["power_density"], np.mean(each, axis=0), rtol=1e-6)
    assert found.attrs["segments"] == 18
    assert found.attrs["lost"] == 7
    assert found["clipped"].item()


def test_the_share_of_samples_at_the_stops_is_reported():
    tone = 1000 * np.cos(0.3 * np.arange(100_000))
    clipped = np.clip(tone, -900, 900).astype(np.int16)
    found = spectrum(Record.of(clipped, RATE), RESOLUTION)
    assert found["extreme_share"].item() == pytest.approx(1 - 2 / np.pi * np.arcsin(0.9), rel=0.01)


BAD = {
    "empty": (np.array([]), RATE, "The record is empty: there is no sample in it"),
    "no blocks": (iter([]), RATE, "The record is empty: there is no sample in it"),
    "constant": (np.full(9999, 7, np.int16), RATE, "Channel 1 of the record is constant: all 9999 samples"),
    "clipped": (
        np.where(np.arange(9999) % 3, -2048, 2047).astype(np.int16),
        RATE,
        "is clipped: 100 % of the samples are -2048 or 2047; weaken the signal",
    ),
    "not a number": (np.r_[np.ones(50), np.nan], RATE, "sample 50 is nan; only finite numbers"),
    "no rate": (np.ones(9), None, "The sampling rate of the record is None; give as sample_rate_hz a"),
    "rate zero": (np.ones(9), 0.0, "The sampling rate of the record is 0.0"),
    "text": (np.array(["a"]), RATE, "The samples are an array of <U1"),
    "other blocks": (
        iter([np.zeros(9), np.zeros((2, 9))]), RATE, "A block of 2 channels of float64 follows one of 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_record_without_signal_is_refused_in_one_sentence(name):
    samples, rate, sentence = BAD[name]
    with pytest.raises(RecordError, match=sentence):
        spectrum(Record.of(samples, rate), 1e5)


def test_what_a_record_cannot_give_is_refused_in_one_sentence():
    record = Record.of(noisy(np.float32, 1000), RATE)
    with pytest.raises(ResolutionError, match="100 Hz takes .* without a gap, and the record has 1000; ask"):
        spectrum(record, 100.0)
    with pytest.raises(ResolutionError, match="more than .*; demodulate first"):
        spectrum(Record.of(iter([np.zeros(9)]), 1e9), 1.0)
    with pytest.raises(ResolutionError, match="must be above 0 and at most 125000 Hz"):
        spectrum(record, 0.0)
    with pytest.raises(RecordError, match="no window 'welch'"):
        spectrum(record, 1e4, window="welch")
    with pytest.raises(RecordError, match="a coherence takes two"):
        coherence(record, 1e4)
    once = Record.of(iter([noisy(np.float32, 1000)]), RATE)
    spectrum(once, 1e4)
    with pytest.raises(RecordError, match="a stream can be analysed once"):
        spectrum(once, 1e4)


def test_a_signal_of_a_few_codes_is_weak_and_not_clipped():
    codes = np.round(np.random.default_rng(1).normal(0, 0.6, 2**16)).clip(-1, 1).astype(np.int16)
    found = spectrum(Record.of(codes, 1.0), 0.01)
    assert found["power_density"].mean() == pytest.approx(2 * codes.var(), rel=0.02)
    assert found["power_density"].attrs["units"] == "code2/Hz"
