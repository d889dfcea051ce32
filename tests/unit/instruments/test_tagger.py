import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments import (
    InstrumentDisconnected,
    InstrumentProtocolError,
    InstrumentTimeout,
    Interlock,
    OutOfRange,
    SwabianTagger,
)
from instruments._network_tagger import TAG, TagBuffer, parse_tags

TAG_EVENT, OVERFLOW_BEGIN, OVERFLOW_END, MISSED = 0, 2, 3, 4


class Api:
    """The maker's package with a tagger whose next recording is given: (kind, missed, channel, time)."""

    def __init__(self, events, polls=0, start_ps=5_000_000):
        self.tags = np.array([(kind, 0, missed, c, start_ps + t) for kind, missed, c, t in events], TAG)
        self.polls, self.start_ps = polls, start_ps
        self.calls = []

    def createTimeTagger(self):
        return self

    def freeTimeTagger(self, tagger):
        self.calls.append("free")

    def getModel(self):
        return "Time Tagger 20"

    def getSerial(self):
        return "1740000JG2"

    def TimeTagStream(self, tagger, n_max_events, channels):
        self.calls.append(("stream", channels))
        return self

    def startFor(self, duration_ps):
        self.calls.append(("startFor", duration_ps))

    def isRunning(self):
        self.polls -= 1
        return self.polls >= 0

    def stop(self):
        self.calls.append("stop")

    def getData(self):
        return TagBuffer(self.start_ps, self.tags)


def test_a_recording_starts_at_zero_and_keeps_times_and_channels(clock):
    api = Api([(0, 0, 3, 10), (0, 0, 4, 10), (0, 0, 3, 999)], polls=2)
    with SwabianTagger(api, clock=clock) as tagger:
        assert tagger.identity == "Swabian Instruments,Time Tagger 20,1740000JG2"
        tags = tagger.record([4, 3], 0.5)
    assert tags.time_ps.tolist() == [10, 10, 999]
    assert tags.channel.tolist() == [3, 4, 3]
    assert (tags.duration_s, tags.overflows, tags.gaps_ps) == (0.5, 0, ())
    assert api.calls == [("stream", [3, 4]), ("startFor", 500_000_000_000), "stop", "free"]
    assert clock.sleeps[0] == 0.5


def test_lost_tags_are_an_error_or_marked_gaps(clock):
    events = [
        (0, 0, 3, 10),
        (OVERFLOW_BEGIN, 0, 0, 20),
        (MISSED, 7, 3, 60),
        (OVERFLOW_END, 0, 0, 60),
        (0, 0, 3, 70),
    ]
    tagger = SwabianTagger(Api(events), clock=clock)
    with pytest.raises(InstrumentProtocolError, match="lost 1 time"):
        tagger.record([3], 0.5)
    tags = tagger.record([3], 0.5, allow_gaps=True)
    assert tags.time_ps.tolist() == [10, 70]
    assert (tags.overflows, tags.gaps_ps) == (1, ((20, 60),))


def test_missed_events_alone_count_as_an_overflow(clock):
    tagger = SwabianTagger(Api([(MISSED, 3, 3, 10)]), clock=clock)
    assert tagger.record([3], 0.5, allow_gaps=True).overflows == 1


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ([(0, 0, 5, 10)], InstrumentProtocolError),
        ([(0, 0, 3, 20), (0, 0, 3, 10)], InstrumentProtocolError),
        ([(0, 0, 3, -5)], InstrumentProtocolError),
        ([(0, 0, 3, 10**12)], InstrumentProtocolError),
        ([(0, 0, 3, t) for t in range(25)], Interlock),
    ],
)
def test_a_recording_that_cannot_be_right_is_a_typed_error(events, error, clock):
    with pytest.raises(error):
        SwabianTagger(Api(events), clock=clock).record([3], 1e-6)


def test_a_recording_that_does_not_end_is_a_timeout_and_is_stopped(clock):
    api = Api([], polls=10**6)
    with pytest.raises(InstrumentTimeout):
        SwabianTagger(api, clock=clock, timeout_s=0.2).record([3], 0.5)
    assert api.calls[-1] == "stop"


@pytest.mark.parametrize(
    "request_", [([], 1.0), ([0], 1.0), ([9], 1.0), ([3, 3], 1.0), ([3], 0.0), ([3], 1e6)]
)
def test_impossible_recordings_are_refused(request_, clock):
    api = Api([])
    with pytest.raises(OutOfRange):
        SwabianTagger(api, clock=clock).record(*request_)
    assert api.calls == []


def test_a_missing_package_says_what_to_install():
    with pytest.raises(InstrumentDisconnected, match="pip install Swabian-TimeTagger"):
        SwabianTagger("swabian:1740000JG2")


@given(st.binary(max_size=200))
def test_bytes_are_whole_tags_of_known_kinds_or_a_value_error(data):
    try:
        tags = parse_tags(data)
    except ValueError:
        assert len(data) % 16 or any(data[i] > 4 or data[i + 1] for i in range(0, len(data), 16))
    else:
        assert tags.tobytes() == data
