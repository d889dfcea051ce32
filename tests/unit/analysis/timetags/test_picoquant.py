"""PicoQuant's files: records by hand, real recordings, damage."""

import struct

import numpy as np
import pytest

from analysis.timetags import (
    TagFileError,
    TagStream,
    describe,
    open_tags,
    read_histograms,
    read_tags,
    write_ptu,
)
from instruments.twin.protocols._ptu import ptu_bytes

HYDRAHARP_1, HYDRAHARP_2, MULTIHARP = 0x00010204, 0x01010204, 0x00010207


def special(code: int, low: int = 0) -> int:
    return 1 << 31 | code << 25 | low


def test_hydraharp_t2_records_become_inputs_sync_and_markers(tmp_path, ptu):
    records = [
        (3 << 25) | 100,
        special(63, 2),
        special(0, 7),
        special(5, 9),
        (0 << 25) | 11,
        special(63, 0),
        12,
    ]
    for kind, wrap, count in ((HYDRAHARP_2, 1 << 25, 2), (MULTIHARP, 1 << 25, 2), (HYDRAHARP_1, 33552000, 1)):
        path = tmp_path / f"{kind}.ptu"
        path.write_bytes(ptu(kind, records))
        stream = read_tags(path)
        later = count * wrap
        np.testing.assert_array_equal(stream.time, [100, later + 7, later + 9, later + 11, later + wrap + 12])
        np.testing.assert_array_equal(stream.channel, [4, 0, -5, 1, 1])
        assert stream.duration == later + wrap + 13
        assert stream.channels() == [0, 1, 4]


def test_picoharp_t2_records(tmp_path, ptu):
    path = tmp_path / "p.ptu"
    path.write_bytes(ptu(0x00010203, [(1 << 28) | 50, 15 << 28, 15 << 28 | 0x52, 60]))
    stream = read_tags(path)
    np.testing.assert_array_equal(stream.time, [50, 210698240 + 60, 210698240 + 0x52])
    np.testing.assert_array_equal(stream.channel, [1, 0, -2])


@pytest.mark.parametrize(("kind", "picoharp"), [(0x00010303, True), (0x01010304, False), (0x00010307, False)])
def test_t3_times_are_those_of_the_pulse_plus_the_time_after_it(tmp_path, ptu, kind, picoharp):
    wrap, period = (65536, 12500.4) if picoharp else (1024, 12500.4)
    if picoharp:
        records = [2 << 28 | 30 << 16 | 9, 15 << 28, 15 << 28 | 1 << 16 | 3, 1 << 28 | 4 << 16 | 5]
        turns, channels = 1, [2, -1, 1]
    else:
        records = [1 << 25 | 30 << 10 | 9, special(63, 3), special(1, 3), 0 << 25 | 4 << 10 | 5]
        turns, channels = 3, [2, -1, 1]
    path = tmp_path / "t3.ptu"
    path.write_bytes(ptu(kind, records))
    stream = read_tags(path)
    start = turns * wrap * period
    expected = [9 * period + 120, start + 3 * period, start + 5 * period + 16]
    np.testing.assert_array_equal(stream.time, np.floor(np.array(expected) + 0.5))
    np.testing.assert_array_equal(stream.channel, channels)
    assert stream.unit_ps == 1.0
    assert stream.resolution_ps == 4.0


def test_sync_periods_do_not_add_up_rounding_errors(tmp_path, ptu):
    turns = 200_000
    path = tmp_path / "long.ptu"
    path.write_bytes(ptu(0x01010304, [special(63, 1)] * turns + [5]))
    expected = (turns * 1024 + 5) * 12500.4
    assert abs(read_tags(path).time[0] - expected) <= 1


def test_tags_a_little_out_of_order_are_sorted_across_chunks(tmp_path, ptu):
    rng = np.random.default_rng(5)
    times = np.sort(rng.integers(0, 1 << 24, 3000)) + rng.integers(0, 900_000, 3000)
    path = tmp_path / "mixed.ptu"
    path.write_bytes(ptu(HYDRAHARP_2, times.tolist()))
    for chunk in (7, 100, 5000):
        parts = list(open_tags(path).chunks(chunk))
        np.testing.assert_array_equal(np.concatenate([p.time for p in parts]), np.sort(times))


def test_a_tag_far_out_of_order_is_an_error_with_its_offset(tmp_path, ptu):
    path = tmp_path / "bad.ptu"
    data = ptu(HYDRAHARP_2, [20_000_000, 20_000_001, 5])
    path.write_bytes(data)
    with pytest.raises(TagFileError, match="much earlier") as caught:
        read_tags(path)
    assert caught.value.offset == len(data) - 4


def test_a_truncated_recording_reports_the_duration_of_its_data(tmp_path, ptu):
    path = tmp_path / "cut.ptu"
    path.write_bytes(ptu(HYDRAHARP_2, [10, 500], claimed=1000) + b"\1\2")
    info = describe(path)
    assert info["duration_s"] == pytest.approx(501e-12)
    assert info["tags"] == 2
    assert "the header says 1000 records, the file holds 2" in info["notes"][0]
    assert "2 bytes after" in info["notes"][1]


def test_a_whole_recording_lasts_as_long_as_its_header_says_if_the_rate_allows(tmp_path, ptu):
    path = tmp_path / "w.ptu"
    overflows = [special(63, 298), 5] * 100  # one tag in ten milliseconds, one second in all
    for stop_ms, lasts_s in ((1100, 1.1), (1500, 0.99991), (900, 0.99991)):
        path.write_bytes(ptu(HYDRAHARP_2, overflows, TTResult_StopAfter=stop_ms))
        assert read_tags(path).duration_s == pytest.approx(lasts_s, rel=1e-4)
    path.write_bytes(ptu(HYDRAHARP_2, overflows, TTResult_StopAfter=1100, claimed=201))
    assert read_tags(path).duration_s == pytest.approx(0.99991, rel=1e-4)


def test_the_recorder_of_the_simulated_lab_is_read(tmp_path):
    rng = np.random.default_rng(9)
    time, channel = np.sort(rng.integers(0, 10**11, 3000)), rng.integers(1, 5, 3000)
    path = tmp_path / "twin.ptu"
    path.write_bytes(ptu_bytes(time, channel, 0.1, 0.0, full=False))
    stream = read_tags(path)
    np.testing.assert_array_equal(stream.time, time)
    np.testing.assert_array_equal(stream.channel, channel)
    assert stream.duration_s == pytest.approx(0.1)
    assert stream.notes == ()


def test_records_of_another_mode_than_the_header_says_are_refused(tmp_path, ptu):
    path = tmp_path / "mode.ptu"
    path.write_bytes(ptu(HYDRAHARP_2, [1], Measurement_Mode=3))
    with pytest.raises(TagFileError, match="HydraHarp V2 T2 but Measurement_Mode is 3"):
        open_tags(path)


def test_overflows_beyond_any_recording_are_an_error(tmp_path, ptu):
    path = tmp_path / "eternal.ptu"
    path.write_bytes(ptu(HYDRAHARP_2, [special(63, (1 << 25) - 1)] * 5000))
    with pytest.raises(TagFileError, match="add up to more"):
        read_tags(path)


def test_a_header_that_claims_more_than_the_file_has_is_an_error(tmp_path):
    path = tmp_path / "claim.ptu"
    head = b"PQTTTR\0\0" + b"1.0.00\0\0" + b"File_Comment".ljust(32, b"\0")
    path.write_bytes(head + struct.pack("<iIq", -1, 0x4001FFFF, 1 << 40))
    with pytest.raises(TagFileError, match="byte 56: a header tag claims"):
        open_tags(path)


def test_what_is_written_reads_back(tmp_path):
    rng = np.random.default_rng(6)
    time = np.sort(rng.integers(0, 10**13, 5000))
    stream = TagStream(time, rng.integers(-15, 64, 5000), 2 * 10**13, unit_ps=0.5)
    write_ptu(tmp_path / "w.ptu", stream)
    back = read_tags(tmp_path / "w.ptu")
    np.testing.assert_array_equal(back.time, stream.time)
    np.testing.assert_array_equal(back.channel, stream.channel)
    assert back.unit_ps == 0.5
    assert stream.duration - back.duration < 1 << 25  # a record of time passed counts so many units
    assert back.notes == ()


def test_ptufile_reads_what_we_write(tmp_path):
    ptufile = pytest.importorskip("ptufile")
    time = np.sort(np.random.default_rng(7).integers(0, 10**11, 2000))
    channel = np.where(np.arange(2000) % 3, 1, 2)
    write_ptu(tmp_path / "w.ptu", TagStream(time, channel, 10**11))
    with ptufile.PtuFile(tmp_path / "w.ptu") as file:
        records = file.decode_records()
        assert file.global_resolution == pytest.approx(1e-12)
    photons = records[records["channel"] >= 0]
    np.testing.assert_array_equal(photons["time"], time)
    np.testing.assert_array_equal(photons["channel"] + 1, channel)


def test_histograms_of_a_phu_file(tmp_path, phu):
    path = tmp_path / "h.phu"
    path.write_bytes(phu([1, 2, 3], [7, 8]))
    data = read_histograms(path)
    np.testing.assert_array_equal(data["counts"], [[1, 2, 3], [7, 8, 0]])
    np.testing.assert_allclose(data["delay_ns"][0], [0, 0.008, 0.016])
    assert np.isnan(data["delay_ns"][1, 2])
    assert describe(path)["counts"] == [6, 15]
    with pytest.raises(TagFileError, match="histograms, no time tags"):
        open_tags(path)
    path.write_bytes(phu([1, 2, 3])[:-1])
    with pytest.raises(TagFileError, match="needs 12 bytes; the file has 11"):
        read_histograms(path)


def test_real_hydraharp_ptu(recording):
    info = describe(recording("lpq_hydraharp_v30_t2.ptu"))
    assert (info["records"], info["channels"], info["notes"]) == (435319, {1: 305565}, [])
    assert info["unit_ps"] == 1.0
    # the program measured for 5000 ms
    assert info["duration_s"] == pytest.approx(5.0, abs=1e-4)


def test_real_hydraharp_ht2_of_which_the_end_is_missing(recording):
    stream = read_tags(recording("lpq_hydraharp_v20.ht2"))
    assert stream.channels() == [0]
    assert stream.time.size == 25
    assert "truncated" in stream.notes[0]
    # the sync rate of the header is that of its tags
    rate = 24 / (stream.time[-1] - stream.time[0]) / stream.unit_ps * 1e12
    assert rate == pytest.approx(stream.header["SyncRate"], rel=1e-3)


def test_real_hydraharp_ht3(recording):
    stream = read_tags(recording("lpq_hydraharp_v20.ht3"))
    assert stream.channels() == [1, 2, 3, 4]
    assert stream.time.size == 44141
    assert stream.header["SyncRate"] == 998898
    assert stream.duration_s == pytest.approx(stream.header["AcquisitionTime"] * 1e-3, rel=1e-4)
