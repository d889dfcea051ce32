import numpy as np
import ptufile
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments import InstrumentProtocolError, InstrumentTimeout, Interlock, OutOfRange, PicoQuantRecorder
from instruments._ptu import counts_per_channel, parse_header
from instruments.twin.protocols._ptu import ptu_bytes, t2_records

WRAP = 1 << 25
TAGS = st.lists(st.tuples(st.integers(0, 50 * WRAP), st.integers(1, 8)), max_size=60).map(sorted)


def arrays(tags):
    return np.array([t for t, _ in tags], np.int64), np.array([c for _, c in tags], np.int8)


class Recorder:
    """Answers of a recorder that has a file."""

    def __init__(self, content=None, states=("DONE",), tags=1000):
        times = np.arange(tags, dtype=np.int64) * 10_000_000
        self.content = ptu_bytes(times, np.full(tags, 3, np.int8), 0.01, 0.0, False)
        self.content = self.content if content is None else content(self.content)
        self.states = list(states)

    def __call__(self, command):
        if command == "*IDN?":
            return b"PicoQuant,HydraHarp 400 recorder,1,3.0\n"
        if command.startswith("REC:STAR"):
            return None
        if command == "REC:STAT?":
            return (self.states.pop(0) if len(self.states) > 1 else self.states[0]).encode() + b"\n"
        if command == "FILE:SIZE?":
            return b"%d\n" % len(self.content)
        if command.startswith("FILE:DATA?"):
            offset, size = map(int, command.split()[1].split(","))
            part = self.content[offset : offset + size]
            return b"#%d%d%s\n" % (len(str(len(part))), len(part), part)
        return b'0,"No error"\n'


@pytest.fixture
def recorder(serve, clock):
    drivers = []

    def connect(answer):
        address = f"TCPIP::127.0.0.1::{serve(answer).port}::SOCKET"
        drivers.append(PicoQuantRecorder(address, clock=clock, timeout_s=0.3))
        return drivers[-1]

    yield connect
    for driver in drivers:
        driver.close()


@given(TAGS)
def test_records_of_the_simulated_recorder_hold_every_tag(tags):
    times, inputs = arrays(tags)
    words = t2_records(times, inputs).astype(np.int64)
    wraps = np.where(words >> 25 == 127, words & (WRAP - 1), 0).cumsum()
    photons = words < 1 << 31
    np.testing.assert_array_equal((words & (WRAP - 1))[photons] + WRAP * wraps[photons], times)
    np.testing.assert_array_equal((words >> 25)[photons] + 1, inputs)
    assert counts_per_channel(words.astype("<u4").tobytes()).sum() == len(tags)


@given(TAGS, st.booleans())
def test_the_header_is_read_as_it_was_written(tags, full):
    times, inputs = arrays(tags)
    content = ptu_bytes(times, inputs, 1.5, 3.0, full)
    header = parse_header(content)
    assert header["MeasDesc_AcquisitionTime"] == 1500
    assert header["MeasDesc_GlobalResolution"] == 1e-12
    assert header["HW_Type"] == "HydraHarp 400"
    assert header["TTResult_StopReason"] == int(full)
    assert len(content) - header.size == 4 * header["TTResult_NumberOfRecords"]


@given(st.integers(0, 1200), st.binary(max_size=40))
def test_a_spoilt_header_is_a_value_error_or_still_a_header(at, junk):
    content = bytearray(ptu_bytes(np.zeros(0, np.int64), np.zeros(0, np.int8), 1.0, 0.0, False))
    content[at : at + len(junk)] = junk
    try:
        header = parse_header(bytes(content))
    except ValueError:
        return
    assert 16 < header.size <= len(content)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_as_a_header(data):
    with pytest.raises(ValueError, match="starts with|cut"):
        parse_header(data)


def test_a_recording_is_kept_and_opens_in_another_reader(recorder, clock, tmp_path):
    path = recorder(Recorder(states=["RUNNING", "DONE"])).record_to(tmp_path / "a.ptu", 0.01)
    assert path.read_bytes() == Recorder().content
    assert list(tmp_path.iterdir()) == [path]
    assert clock.sleeps[0] == 0.01
    with ptufile.PtuFile(path) as ptu:
        records = ptu.decode_records()
        assert (ptu.number_photons, ptu.active_channels, ptu.global_resolution) == (1000, (2,), 1e-12)
    photons = records[records["channel"] >= 0]
    np.testing.assert_array_equal(photons["time"], np.arange(1000) * 10_000_000)


def test_nothing_is_ever_overwritten(recorder, tmp_path):
    path = tmp_path / "a.ptu"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="never overwritten"):
        recorder(Recorder()).record_to(path, 0.01)
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize("duration_s", [0.0, -1.0, 0.00051, 360001.0, float("nan")])
def test_impossible_durations_are_refused(recorder, tmp_path, duration_s):
    with pytest.raises(OutOfRange, match="steps of 0.001"):
        recorder(Recorder()).record_to(tmp_path / "a.ptu", duration_s)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:-4],
        lambda content: content + b"\0\0\0\0",
        lambda content: b"X" + content[1:],
        lambda content: content[:300],
        lambda content: b"",
        lambda content: content.replace(b"\x04\x02\x01\x01", b"\x04\x03\x01\x01"),
    ],
)
def test_a_file_that_is_not_what_its_header_says_is_not_kept(recorder, tmp_path, spoil):
    with pytest.raises(InstrumentProtocolError, match="the file cannot be right"):
        recorder(Recorder(spoil)).record_to(tmp_path / "a.ptu", 0.01)
    assert not list(tmp_path.iterdir())


def test_a_full_buffer_is_an_error_unless_gaps_are_allowed(recorder, tmp_path):
    driver = recorder(Recorder(states=["FIFO_FULL"]))
    with pytest.raises(InstrumentProtocolError, match="buffer was full"):
        driver.record_to(tmp_path / "a.ptu", 0.01)
    assert not list(tmp_path.iterdir())
    assert driver.record_to(tmp_path / "a.ptu", 0.01, allow_gaps=True).exists()


@pytest.mark.parametrize(
    ("state", "error"),
    [("RUNNING", InstrumentTimeout), ("IDLE", InstrumentProtocolError), ("?", InstrumentProtocolError)],
)
def test_a_recording_that_does_not_end_well_is_a_typed_error(recorder, tmp_path, state, error):
    with pytest.raises(error):
        recorder(Recorder(states=[state])).record_to(tmp_path / "a.ptu", 0.01)


def test_a_saturated_detector_is_an_interlock(recorder, tmp_path):
    with pytest.raises(Interlock, match="channel 3"):
        recorder(Recorder(tags=25_000)).record_to(tmp_path / "a.ptu", 0.001)
