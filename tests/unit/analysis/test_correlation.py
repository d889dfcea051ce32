"""Photon correlations against brute force and light whose correlations are known."""

import tracemalloc
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from analysis import _correlation_pass
from analysis.correlation import (
    NoFeatureError,
    correlation_coefficient,
    covariance,
    find_delays,
    g2,
    g2_log,
    subtract_background,
)
from analysis.timetags import TagStream, open_tags, write_ptu, write_tags


@dataclass(frozen=True)
class Chunked(TagStream):
    """A stream that comes in chunks, as from a file."""

    size: int = 1

    def chunks(self, tags=None):
        return super().chunks(self.size)


def brute_force(stream, first, second, half, width):
    """Delays of all ordered pairs of different tags."""
    mine, other = (np.flatnonzero(stream.channel == c) for c in (first, second))
    delay = stream.time[other][None] - stream.time[mine][:, None]
    wanted = (delay >= -half * width) & (delay < half * width) & (mine[:, None] != other[None])
    return np.bincount((delay[wanted] + half * width) // width, minlength=2 * half)


def intensity_tags(rng, intensities, sample):
    """Tags of light whose intensities (channels, samples) are constant within samples."""
    times, channels = [], []
    for channel, intensity in enumerate(intensities, 1):
        where = np.repeat(np.arange(intensity.size), rng.poisson(intensity))
        times.append(where * sample + rng.integers(0, sample, where.size))
        channels.append(np.full(where.size, channel))
    time, channel = np.concatenate(times), np.concatenate(channels)
    order = np.argsort(time, kind="stable")
    return TagStream(time[order], channel[order], intensities.shape[1] * sample)


def thermal(rng, samples, coherence):
    """Intensity of mean 1 with correlation exp(-|lag|/coherence)."""
    memory = np.exp(-0.5 / coherence)
    noise = rng.standard_normal((2, samples)) * np.sqrt((1 - memory**2) / 2)
    noise[:, 0] = rng.standard_normal(2) / np.sqrt(2)
    return np.sum(lfilter([1.0], [1.0, -memory], noise, axis=1) ** 2, axis=0)


def thermal_tags(seed):
    """Tags of two detectors on the same thermal light, coherence time 20 samples of 1 ns."""
    rng = np.random.default_rng(seed)
    light = thermal(rng, 200_000, 20.0)
    return intensity_tags(rng, np.stack([0.5 * light, 0.4 * light]), 1000)


@pytest.fixture(scope="module")
def bunched():
    return thermal_tags(32)


def scores(correlation, pair, expected=1.0):
    row = correlation.sel(pair=pair)
    return ((row["g2"] - expected) / row["g2_std"]).values


@pytest.mark.parametrize("dense", [-1.0, 1e9])
def test_counts_are_those_of_brute_force_in_any_chunks(dense, monkeypatch):
    monkeypatch.setattr(_correlation_pass, "_DENSE", dense)

    @settings(max_examples=40, deadline=None)
    @given(
        st.integers(0, 2**32 - 1), st.integers(2, 150), st.integers(1, 4000),
        st.integers(1, 7), st.integers(1, 40), st.integers(1, 60),
    )  # fmt: skip
    def agree(seed, tags, duration, width, half, chunk):
        rng = np.random.default_rng(seed)
        time, channel = np.sort(rng.integers(0, duration, tags)), rng.integers(-1, 4, tags)
        stream = Chunked(time, channel, duration, size=chunk)
        result = g2(stream, [(2, 1), (1, 1), (3, 1)], window_ns=half * width * 1e-3, bin_ps=width)
        for pair in ((2, 1), (1, 1), (3, 1)):
            counts = result["counts"].sel(pair="{}-{}".format(*pair))
            np.testing.assert_array_equal(counts, brute_force(stream, *pair, half, width))
        np.testing.assert_array_equal(result["block_counts"].sum("block"), result["counts"])
        assert result["tags"].values.tolist() == [np.count_nonzero(channel == c) for c in (1, 2, 3)]
        assert result.attrs["kernel"] == ("scan" if dense > 0 else "sweep")

    agree()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(-60, 60), st.integers(-60, 60))
@example(15050, 1, 0, 0)  # a gap begins at the time of the last tag of a chunk
def test_counts_with_gaps_and_delays_are_those_of_the_time_when_all_channels_live(seed, chunk, one, two):
    rng = np.random.default_rng(seed)
    time, channel = np.sort(rng.integers(0, 3000, 200)), rng.integers(1, 4, 200)
    gaps = np.sort(rng.choice(3000, 6, replace=False)).reshape(-1, 2)
    stream = Chunked(time, channel, 3000, gaps=gaps, delays_ps={1: one, 2: two}, size=chunk)
    result = g2(stream, [1, 2], window_ns=0.12, bin_ps=6)
    shifts = np.array([0, one, two, 0])
    most, least = max(0, one, two), min(0, one, two)
    moved = time - shifts[channel]
    live = (moved >= -least) & (moved < 3000 - most)
    for start, stop in gaps:
        live &= (moved < start - most) | (moved >= stop - least)
    order = np.argsort(moved[live], kind="stable")
    kept = SimpleNamespace(time=moved[live][order], channel=channel[live][order])
    for a, b in ((1, 1), (1, 2), (2, 2)):
        np.testing.assert_array_equal(result["counts"].sel(pair=f"{a}-{b}"), brute_force(kept, a, b, 20, 6))
    dead = np.zeros(3000 - most + least, bool)
    for start, stop in gaps + least:
        dead[max(start - most, 0) : max(stop - least, 0)] = True
    assert result.attrs["live_s"] == pytest.approx(np.count_nonzero(~dead) * 1e-12)


def test_wide_bins_are_exact_at_their_edges():
    width, half = 3 * 10**7 + 1, 5
    steps = width * np.arange(-half, half + 1)
    edges = np.concatenate([steps, steps - 1])
    time = np.concatenate([[10**9], 10**9 + edges])
    channel = np.where(np.arange(time.size) == 0, 1, 2)
    order = np.argsort(time, kind="stable")
    stream = TagStream(time[order], channel[order], 3 * 10**9)
    result = g2(stream, [(1, 2)], window_ns=half * width * 1e-3, bin_ps=width)
    np.testing.assert_array_equal(result["counts"][0], [2] * (2 * half))


@pytest.mark.parametrize("seed", [1, 2])
def test_poisson_light_gives_one_and_the_errors_cover_it(seed):
    rng = np.random.default_rng(seed)
    time = np.sort(rng.integers(0, 10**11, 400_000))
    stream = TagStream(time, rng.integers(1, 3, time.size), 10**11)
    result = g2(stream, [(1, 2)], window_ns=5000, bin_ps=5000)
    score = scores(result, "1-2")
    # 2000 independent bins: 1.0 % standard error of the coverage, 0.022 of the mean
    assert abs(np.mean(np.abs(score) < 1) - 0.683) < 0.03
    assert abs(score.mean()) < 0.07
    assert abs(result["plateau"][0] - 1) < 4 * result["plateau_std"][0]
    assert result.attrs["enough_blocks"]
    np.testing.assert_allclose(np.sqrt(np.diag(covariance(result, "1-2"))), result["g2_std"][0])


@pytest.mark.parametrize("first", [40, 50])
def test_thermal_light_gives_two_at_zero_delay(first):
    results = [g2(thermal_tags(seed), window_ns=40, bin_ps=1000) for seed in range(first, first + 8)]
    at_edges = np.exp(-np.abs(np.arange(-40, 41)) / 20.0)
    expected = 1 + (at_edges[1:] + at_edges[:-1]) / 2  # tags are uniform within samples
    mean = np.mean([result["g2"] for result in results], axis=0)
    std = np.sqrt(np.mean([result["g2_std"] ** 2 for result in results], axis=0) / len(results))
    assert np.all(np.abs(mean - expected) < 4 * std)
    assert np.all(np.abs(1 + (mean[:, 39:41] - 1) / np.exp(-0.5 / 20) - 2) < 0.05)
    assert std.max() < 0.02
    # light that fluctuates has larger errors than its number of pairs says
    counts = np.mean([result["counts"] for result in results], axis=0) * len(results)
    assert np.mean(std[1] * np.sqrt(counts[1])) > 2


def switching(rng, samples, rate, levels):
    """Intensities of two modes that exchange their levels at random times."""
    state = np.cumsum(rng.random(samples) < rate) % 2 == 0
    high, low = levels
    return np.stack([np.where(state, high, low), np.where(state, low, high)])


@pytest.mark.parametrize("seed", [4, 5])
def test_light_that_switches_between_two_modes_is_fully_anticorrelated(seed):
    rng = np.random.default_rng(seed)
    stream = intensity_tags(rng, switching(rng, 300_000, 0.01, (0.9, 0.1)), 1000)
    result = correlation_coefficient(g2(stream, window_ns=60, bin_ps=2000), "1-2", "1-1", "2-2")
    zero = slice(29, 31)
    assert not result["undefined"]
    assert not result["alarm"].any()
    assert abs(result["rho"][zero].mean() + 1) < 4 * result["rho_std"][zero].mean()
    assert result["rho_std"][zero].mean() < 0.03
    ratio = result["rho"][45] / result["rho"][zero].mean()
    # a switch of probability p a sample lets the correlation fall by 1 - 2 p a sample
    assert ratio == pytest.approx(0.98 ** (31 - 1), abs=0.05)


def test_a_coefficient_without_fluctuations_is_undefined():
    rng = np.random.default_rng(6)
    stream = TagStream(np.sort(rng.integers(0, 10**9, 50_000)), rng.integers(1, 3, 50_000), 10**9)
    result = correlation_coefficient(g2(stream, window_ns=10, bin_ps=1000), "1-2", "1-1", "2-2")
    assert result["undefined"]
    assert np.all(np.isnan(result["rho"]))
    assert not result["alarm"].any()


def test_a_coefficient_above_one_alarms(bunched):
    result = g2(bunched, window_ns=10, bin_ps=1000)
    wrong = result["expected"].where(result["pair"] != "1-2", result["expected"] / 1.5)
    spoilt = result.assign(expected=wrong, g2=result["counts"] / wrong)
    assert not correlation_coefficient(result, "1-2", "1-1", "2-2")["alarm"].any()
    assert correlation_coefficient(spoilt, "1-2", "1-1", "2-2")["alarm"].all()
    with pytest.raises(ValueError, match="no pair '1-3'"):
        correlation_coefficient(result, "1-3", "1-1", "2-2")


def test_gaps_do_not_show():
    rng = np.random.default_rng(7)
    time = np.sort(rng.integers(0, 10**9, 300_000))
    starts = np.arange(10_000, 10**9 - 40_000, 40_000)
    gaps = np.stack([starts, starts + 12_000], axis=1)
    inside = (time - 10_000) % 40_000 < 12_000
    lost = inside & (rng.random(time.size) < 0.8) & (time < gaps[-1, 1]) & (time >= 10_000)
    stream = TagStream(time[~lost], rng.integers(1, 3, np.count_nonzero(~lost)), 10**9, gaps=gaps)
    result = g2(Chunked(**vars(stream), size=5000), window_ns=30, bin_ps=1000)
    for pair in ("1-1", "1-2"):
        score = scores(result, pair)
        assert abs(np.mean(score**2) - 1) < 0.6
        assert abs(result["g2"].sel(pair=pair).mean() - 1) < 0.005
    assert result.attrs["live_s"] == pytest.approx(0.7e-3, rel=1e-3)
    blind = g2(replace(stream, gaps=np.empty((0, 2), np.int64)), window_ns=30, bin_ps=1000)
    assert blind["g2"].max() > 1.1


def test_the_overlap_of_the_live_time_is_that_of_its_mask():
    rng = np.random.default_rng(8)
    edges = np.sort(rng.choice(np.arange(5, 995), 40, replace=False))
    stream = TagStream(np.empty(0, int), np.empty(0, int), 1000, gaps=edges.reshape(-1, 2))
    counter = _correlation_pass.PairCounter([(1, 2)], _correlation_pass.Grid(1, 100), 0, 1000)
    for _ in _correlation_pass.counted(stream.chunks(), counter):
        assert counter.live.begin == 0
    mask = np.ones(1000, bool)
    for start, stop in edges.reshape(-1, 2):
        mask[start:stop] = False
    overlap = [np.count_nonzero(mask[: 1000 - k] & mask[k:]) for k in range(100)]
    np.testing.assert_allclose(counter.live.overlap(np.arange(100)), overlap)
    np.testing.assert_allclose(counter.live.overlap(-np.arange(100)), overlap)
    assert counter.live.live_in(np.array([0, 300, 1000])).tolist() == [mask[:300].sum(), mask[300:].sum()]


def test_delays_are_found_and_taken_off(bunched):
    shift = 37_250
    late = bunched.time + np.where(bunched.channel == 2, shift, 0)
    order = np.argsort(late, kind="stable")
    delayed = Chunked(late[order], bunched.channel[order], bunched.duration + shift, size=4096)
    found = find_delays(delayed, [1, 2], bin_ps=500)
    assert abs(found[2].value - 37.25) < 4 * found[2].std
    assert found[2].std < 2.0
    mended = replace(delayed, delays_ps={2: shift})
    result, truth = g2(mended, window_ns=20, bin_ps=1000), g2(bunched, window_ns=20, bin_ps=1000)
    # at the end of the recording a stretch as long as the delay is lost
    assert abs(result["counts"] - truth["counts"]).sum() <= 40 * 20
    np.testing.assert_allclose(result["g2"], truth["g2"], rtol=2e-3)
    rng = np.random.default_rng(9)
    dull = TagStream(np.sort(rng.integers(0, 10**9, 100_000)), rng.integers(1, 3, 100_000), 10**9)
    with pytest.raises(NoFeatureError, match="Channels 1 and 2 show no peak or dip within 20.096 ns"):
        find_delays(dull, [1, 2], search_ns=20)


def test_background_is_taken_off_with_its_error(bunched):
    rng = np.random.default_rng(10)
    extra = rng.integers(0, bunched.duration, bunched.time.size // 2)
    time = np.concatenate([bunched.time, extra])
    order = np.argsort(time, kind="stable")
    channel = np.concatenate([bunched.channel, rng.integers(1, 3, extra.size)])
    mixed = g2(TagStream(time[order], channel[order], bunched.duration), window_ns=20, bin_ps=1000)
    rate = extra.size / 2 / bunched.duration_s
    clean = subtract_background(mixed, {1: (rate, 0.02 * rate), 2: (rate, 0.02 * rate)})
    sharp = subtract_background(mixed, {1: rate, 2: rate})
    truth = g2(bunched, window_ns=20, bin_ps=1000)
    difference = (clean["g2"] - truth["g2"]) / clean["g2_std"]
    assert abs(difference).max() < 4
    assert abs(mixed["g2"] - truth["g2"]).max() > 0.3
    signal = 1 - rate / mixed["rate_hz"].values
    np.testing.assert_allclose(clean["signal_fraction"].sel(pair="1-2"), signal.prod())
    expected = np.hypot(*(0.02 * rate / mixed["rate_hz"].values / signal)) * (clean["g2"].sel(pair="1-2") - 1)
    np.testing.assert_allclose(clean["background_std"].sel(pair="1-2"), expected)
    np.testing.assert_allclose(
        clean["g2_std"] ** 2 - sharp["g2_std"] ** 2, clean["background_std"] ** 2, atol=1e-12
    )
    with pytest.raises(ValueError, match="must lie between 0 and the rate"):
        subtract_background(mixed, {1: 1e15})
    with pytest.raises(ValueError, match="already"):
        subtract_background(clean, {1: rate})


def test_a_detector_with_dead_time_is_not_asked_about_it(bunched):
    result = g2(bunched, window_ns=10, bin_ps=1000, dead_time_ns={1: 3.0})
    assert np.isnan(result["g2"].sel(pair="1-1")).sum() == 6
    assert not np.isnan(result["g2"].sel(pair="1-2")).any()
    assert not np.isnan(result["g2"].sel(pair="2-2")).any()
    assert correlation_coefficient(result, "1-2", "1-1", "2-2")["undefined"]


def test_files_give_what_memory_gives_with_flat_memory(tmp_path):
    peaks = []
    for tags in (200_000, 1_000_000):
        rng = np.random.default_rng(tags)
        time = np.sort(rng.integers(0, tags * 500_000, tags))
        stream = TagStream(time, rng.integers(1, 3, tags), tags * 500_000)
        path = tmp_path / f"{tags}.ptu"
        write_ptu(path, stream)
        done = []
        tracemalloc.start()
        result = g2(path, [1, 2], window_ns=100, bin_ps=1000, progress=done.append)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert done == sorted(done)
        assert done[-1] == 1.0
        np.testing.assert_array_equal(result["counts"], g2(stream, window_ns=100, bin_ps=1000)["counts"])
        assert 50 <= result.attrs["blocks"] <= 128
    assert peaks[1] < 1.1 * peaks[0]


def test_the_logarithmic_axis_counts_the_same_pairs(tmp_path):
    rng = np.random.default_rng(11)
    unit_ps, duration = 500.0, 40_000_000
    time = np.sort(rng.integers(0, duration, 60_000))
    gaps = np.array([[7_000_000, 9_000_100], [20_000_000, 20_300_000]])
    alive = np.all([(time < a) | (time >= b) for a, b in gaps], axis=0)
    channel = rng.integers(1, 3, time.size)
    write_tags(tmp_path / "t.tags", TagStream(time, channel, duration, unit_ps, gaps))
    result = g2_log(open_tags(tmp_path / "t.tags"), [(1, 2), (2, 1)], longest_s=5e-3)
    live = np.ones(duration)
    for a, b in gaps:
        live[a:b] = 0
    sample = 256
    for level in range(9):
        length = sample << level
        count = duration // length
        alike = live[: count * length].reshape(count, length).mean(axis=1)
        traces = [
            np.bincount(time[alive & (channel == c)] // length, minlength=count + 1)[:count] for c in (1, 2)
        ]
        delays = result.sel(delay=slice(7.99 * length * unit_ps / 1e3, 15.01 * length * unit_ps / 1e3))
        delays = delays.isel(delay=np.flatnonzero(~delays["exact"])).isel(delay=slice(-8, None))
        for row, (a, b) in enumerate(((0, 1), (1, 0))):
            for k in range(8, 16):
                early, late = traces[a], traces[b]
                part = delays.isel(pair=row, delay=k - 8)
                assert part["counts"] == early[: count - k] @ late[k:]
                n1, n2 = early[: count - k] @ alike[k:], alike[: count - k] @ late[k:]
                wanted = n1 * n2 / (alike[: count - k] @ alike[k:])
                assert part["expected"] == pytest.approx(wanted, rel=1e-5)
    fine = g2(open_tags(tmp_path / "t.tags"), [(1, 2)], window_ns=1024, bin_ps=1000)
    positive = fine["counts"].values[0, 1024:]
    exact = result.isel(delay=np.flatnonzero(result["exact"]))
    assert exact["counts"][0].sum() == positive[1:].sum()
    np.testing.assert_array_equal(exact["counts"][0, :15], positive[1:16])
    score = ((result["g2"] - 1) / result["g2_std"]).values
    assert 0.7 < np.nanstd(score) < 1.3


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"bin_ps": 1.5}, "whole number of the tags' unit"),
        ({"window_ns": 0.0}, "0 bins"),
        ({"window_ns": float("nan")}, "0 bins"),
        ({"pairs": [(1, 2), (2, 1)]}, "name one twice"),
        ({"pairs": [200]}, "impossible channels"),
        ({"pairs": []}, "no channel to correlate"),
    ],
)
def test_impossible_requests_are_refused(asked, message):
    stream = TagStream(np.arange(10), np.ones(10), 10)
    with pytest.raises(ValueError, match=message):
        g2(stream, **({"pairs": [1]} | asked))


def test_bins_that_the_recorder_fills_unevenly_are_told():
    stream = TagStream(np.arange(0, 1600, 16), np.ones(100), 1600, resolution_ps=16.0)
    assert g2(stream, window_ns=0.48, bin_ps=48)["counts"].attrs["units"] == "counts"
    assert g2(stream, window_ns=0.48, bin_ps=48).attrs["bin_unevenness"] == 0
    assert g2(stream, window_ns=0.48, bin_ps=24).attrs["bin_unevenness"] == pytest.approx(16 / 24)


def test_an_empty_recording_has_no_correlation():
    result = g2(TagStream(np.empty(0, int), np.empty(0, int), 1000), [1, 2], window_ns=0.1, bin_ps=10)
    assert result["counts"].sum() == 0
    assert np.all(np.isnan(result["g2"]))
