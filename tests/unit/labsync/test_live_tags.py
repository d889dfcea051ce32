import numpy as np
import pytest

from analysis.correlation import g2
from instruments.errors import Interlock
from instruments.timetags import TimeTags
from labsync.procedures._live_tags import PROBE_S, Enough, LiveTags

PAIRS = [(3, 4), (3, 3)]


class Tagger:
    """Two detectors in steady light."""

    def __init__(self, rate_hz=2e5, seed=1):
        self.rate_hz, self.recorded = rate_hz, []
        self._rng = np.random.default_rng(seed)

    def record(self, channels, duration_s):
        count = self._rng.poisson(2 * self.rate_hz * duration_s)
        times = np.sort(self._rng.integers(0, int(duration_s * 1e12), count)) // 13 * 13
        channel = self._rng.choice(np.array(channels, np.int8), count)
        self.recorded.append(TimeTags(times, channel, duration_s, unit_ps=13))
        return self.recorded[-1]


def live(tagger, told=None, keep=False, window_ns=20.0, **enough):
    limits = {"error": 0.1, "bin_ps": 520.0, "time_s": 10.0, "chunk_s": 1.0, "ceiling_hz": 8e6} | enough
    between = (lambda facts: None) if told is None else told.append
    return LiveTags(tagger, (3, 4), window_ns, Enough(**limits), between, keep)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_recording_ends_with_the_chunk_in_which_the_wanted_error_is_reached(seed):
    tagger, told = Tagger(seed=seed), []
    found = g2(live(tagger, told), PAIRS, bin_ps=520, window_ns=20)
    # 2e5**2 * 520e-12 = 20.8 pairs per second and bin: 100 take 4.8 s
    assert found.attrs["live_s"] == pytest.approx(PROBE_S + 5.0)
    assert told[-1]["g2_error"] <= 0.1 < told[-2]["g2_error"]
    assert told[-1]["time_s"] == pytest.approx(PROBE_S + 5.0)
    reached = 1 / np.sqrt(found["expected"].sel(pair="3-4").mean())
    assert reached == pytest.approx(told[-1]["g2_error"], rel=0.01)
    assert 50 <= found.attrs["blocks"] <= 128


def test_a_recording_ends_at_the_time_limit_to_the_millisecond():
    tagger, told = Tagger(), []
    found = g2(live(tagger, told, error=1e-3, time_s=2.45), PAIRS, bin_ps=520, window_ns=20)
    assert found.attrs["live_s"] == pytest.approx(2.45)
    assert [tags.duration_s for tags in tagger.recorded] == pytest.approx([PROBE_S, 1.0, 1.0, 0.35])
    assert told[-1]["g2_error"] > 1e-3


def test_no_pair_spans_two_recordings_and_none_within_one_is_lost():
    tagger = Tagger(rate_hz=1e6)
    found = g2(live(tagger, time_s=0.3, chunk_s=0.05, error=1e-3), PAIRS, bin_ps=520, window_ns=20)
    single = 0
    for tags in tagger.recorded:
        again = Tagger()
        again.record = lambda channels, duration_s, tags=tags: tags
        alone = live(again, time_s=tags.duration_s, chunk_s=tags.duration_s, error=1e-3)
        single = single + g2(alone, PAIRS, bin_ps=520, window_ns=20)["counts"]
    assert len(tagger.recorded) == 6
    np.testing.assert_array_equal(found["counts"], single)
    pulls = ((found["g2"] - 1) / found["g2_std"]).sel(pair="3-4")
    assert 0.5 < float((pulls**2).mean()) < 1.6


def test_the_tags_that_are_kept_give_the_same_correlation():
    tags = live(Tagger(), keep=True, time_s=1.5)
    found = g2(tags, PAIRS, bin_ps=520, window_ns=20)
    kept = tags.kept()
    again = g2(kept, PAIRS, bin_ps=520, window_ns=20)
    for name in ("counts", "expected", "g2"):
        np.testing.assert_allclose(again[name], found[name], rtol=1e-12)
    assert kept.live_s == pytest.approx(1.5)


def test_a_detector_above_its_ceiling_is_noticed_after_a_tenth_of_a_second():
    tagger = Tagger(rate_hz=5e5)
    with pytest.raises(Interlock, match=r"input 3 counts 5e\+05/s, above its ceiling of 4e\+05/s"):
        live(tagger, ceiling_hz=4e5)
    assert [tags.duration_s for tags in tagger.recorded] == [PROBE_S]


def test_in_the_dark_a_recording_lasts_as_long_as_it_may_and_nothing_is_known():
    found = g2(live(Tagger(rate_hz=0.0), time_s=1.0), PAIRS, bin_ps=520, window_ns=20)
    assert found.attrs["live_s"] == pytest.approx(1.0)
    assert found["g2"].isnull().all()
