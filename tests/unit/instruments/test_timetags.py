import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments.errors import InstrumentProtocolError, Interlock
from instruments.timetags import TimeTags, check_rate, merge_tags

CHANNELS = st.dictionaries(
    st.integers(1, 8), st.lists(st.integers(0, 10**9), max_size=30).map(sorted), min_size=1, max_size=4
)


@given(CHANNELS)
def test_merging_keeps_every_tag_and_sorts_them(times):
    tags = merge_tags({c: np.array(t, np.int64) for c, t in times.items()}, 0.001, where="box")
    assert np.all(np.diff(tags.time_ps) >= 0)
    for channel, expected in times.items():
        assert tags.of(channel).tolist() == expected
        assert tags.counts(channel) == len(expected)


@given(CHANNELS, st.data())
def test_a_channel_that_runs_backwards_is_a_protocol_error(times, data):
    channel = data.draw(st.sampled_from(sorted(times)))
    backwards = np.array([*times[channel], 10**9, 10**9 - 1 - data.draw(st.integers(0, 10**8))], np.int64)
    with pytest.raises(InstrumentProtocolError, match=f"channel {channel} run backwards"):
        merge_tags({channel: backwards}, 0.001, where="box")


def test_tags_outside_the_recording_are_a_protocol_error():
    with pytest.raises(InstrumentProtocolError, match="box: the recording cannot be right: .* outside"):
        merge_tags({1: np.array([0, 10**9 + 1])}, 0.001, where="box")


@pytest.mark.parametrize(
    ("times", "channels", "duration_s", "fault"),
    [
        (np.array([1.0, 2.0]), np.array([1, 2], np.int8), 1.0, "need int64"),
        (np.array([1, 2]), np.array([1, 2]), 1.0, "int8"),
        (np.array([1, 2]), np.array([1], np.int8), 1.0, "do not fit"),
        (np.array([2, 1]), np.array([1, 1], np.int8), 1.0, "tag 1 comes before tag 0"),
        (np.array([-1, 1]), np.array([1, 1], np.int8), 1.0, "outside"),
        (np.array([1, 2]), np.array([1, 1], np.int8), 0.0, "must be positive"),
    ],
)
def test_tags_that_cannot_be_are_refused(times, channels, duration_s, fault):
    with pytest.raises(ValueError, match=fault):
        TimeTags(times, channels, duration_s)


def test_tags_cannot_be_changed():
    tags = TimeTags(np.array([1, 2]), np.array([1, 2], np.int8), 1.0)
    with pytest.raises(ValueError, match="read-only"):
        tags.time_ps[0] = 5


def test_a_rate_that_only_a_saturated_detector_gives_is_an_interlock():
    check_rate("box", 3, 19_000_000, 1.0)
    with pytest.raises(Interlock, match="channel 3: the detector is saturated"):
        check_rate("box", 3, 210_000, 0.01)
