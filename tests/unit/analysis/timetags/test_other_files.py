"""quTAG, Becker & Hickl, Photon-HDF5 and our own files."""

import h5py
import numpy as np
import pytest

from analysis.timetags import TagFileError, TagStream, describe, open_tags, read_tags, write_tags


def test_qutag(tmp_path):
    path = tmp_path / "q.bin"
    tags = np.zeros(4, np.dtype([("time", "<i8"), ("channel", "<i2")]))
    tags["time"], tags["channel"] = [5, 30, 20, 40], [1, 2, 1, 4]
    path.write_bytes(b"\x55" * 40 + tags.tobytes())
    stream = read_tags(path, unit_ps=81.0)
    np.testing.assert_array_equal(stream.time, [5, 20, 30, 40])
    np.testing.assert_array_equal(stream.channel, [1, 1, 2, 4])
    assert stream.duration_s == pytest.approx(41 * 81e-12)
    tags["channel"][2] = 300
    path.write_bytes(b"\x55" * 40 + tags.tobytes())
    with pytest.raises(TagFileError, match=r"byte 60: no tag of a quTAG: time 20 .* channel 300"):
        read_tags(path)
    path.write_bytes(b"\x55" * 30)
    with pytest.raises(TagFileError, match="shorter than the 40 bytes"):
        read_tags(path)


def spc_word(clock: int, route: int, adc: int, flags: int = 0) -> bytes:
    return (clock | route << 12 | adc << 16 | flags << 28).to_bytes(4, "little")


def test_becker_hickl_times_of_the_clock_and_of_the_converter(tmp_path):
    path = tmp_path / "m.spc"
    gap, overflow, invalid, marker = 2, 4, 8, 1
    head = (125).to_bytes(3, "little") + b"\x80"
    words = [
        spc_word(100, 3, 4000),
        spc_word(7, 0, 0, overflow | invalid),  # seven overflows
        spc_word(50, 1, 0, overflow),
        spc_word(60, 4, 0, marker | invalid),
        spc_word(70, 2, 4095, gap),
        spc_word(80, 2, 5, invalid),
    ]
    path.write_bytes(head + b"".join(words))
    stream = read_tags(path)
    assert stream.unit_ps == 12500
    np.testing.assert_array_equal(stream.time, [100, 8 * 4096 + 50, 8 * 4096 + 60, 8 * 4096 + 70])
    np.testing.assert_array_equal(stream.channel, [3, 1, -4, 2])
    np.testing.assert_array_equal(stream.gaps, [[8 * 4096 + 60, 8 * 4096 + 70]])
    assert "no .set file" in stream.notes[0]
    path.with_suffix(".set").write_bytes(b"\0\1#SP [SP_TAC_R,F,5.0e-08]\r\n#SP [SP_TAC_G,I,4]\0")
    fine = read_tags(path)
    channel_ps = 50e3 / 4 / 4096
    assert fine.resolution_ps == pytest.approx(channel_ps)
    assert fine.time[0] == 100 * 12500 + round(95 * channel_ps)
    assert fine.time[1] == (8 * 4096 + 50) * 12500 + round(4095 * channel_ps)


def test_becker_hickl_spc_600(tmp_path):
    path = tmp_path / "m.spc"
    word = bytes([0x34, 0x02 | 0x20, 0x01, 9, 0x05, 0x00])  # overflow, clock 0x010005, detector 9
    path.write_bytes(bytes([0, 0, 125, 0, 0, 0]) + bytes([0, 0, 0, 2, 7, 0]) + word)
    stream = read_tags(path, kind="spc-600-48")
    np.testing.assert_array_equal(stream.time, [7, (1 << 24) + 0x010005])
    np.testing.assert_array_equal(stream.channel, [2, 9])
    path.write_bytes(bytes([125, 0, 0, 0]) + bytes([77, 5, 1, 0x40 | 3 << 1 | 1]))
    stream = read_tags(path, kind="spc-600-32")
    np.testing.assert_array_equal(stream.time, [(1 << 17) + (1 << 16) + (1 << 8) + 5])
    np.testing.assert_array_equal(stream.channel, [3])


def test_photon_hdf5_with_and_without_nanotimes(tmp_path):
    path = tmp_path / "p.hdf5"
    with h5py.File(path, "w") as file:
        file["acquisition_duration"] = 2e-3
        data = file.create_group("photon_data")
        data["timestamps"] = np.array([10, 20, 21], np.int64)
        data["detectors"] = np.array([0, 1, 0], np.uint8)
        data["timestamps_specs/timestamps_unit"] = 12.5e-9
    stream = read_tags(path)
    assert (stream.unit_ps, stream.duration) == (12500, 160_000)
    np.testing.assert_array_equal(stream.time, [10, 20, 21])
    with h5py.File(path, "a") as file:
        file["photon_data/nanotimes"] = np.array([3, 900, 5], np.uint16)
        file["photon_data/nanotimes_specs/tcspc_unit"] = 16e-12
    stream = read_tags(path)
    np.testing.assert_array_equal(stream.time, [125_048, 262_580, 264_400])
    np.testing.assert_array_equal(stream.channel, [0, 0, 1])
    with h5py.File(path, "a") as file:
        del file["photon_data/detectors"]
        file["photon_data/detectors"] = np.zeros(2, np.uint8)
    with pytest.raises(TagFileError, match="3 timestamps but 2"):
        open_tags(path)


def test_a_photon_hdf5_file_that_claims_absent_tags_is_refused(tmp_path):
    path = tmp_path / "vast.hdf5"
    with h5py.File(path, "w") as file:
        data = file.create_group("photon_data")
        data.create_dataset("timestamps", shape=(10**13,), dtype=np.int64, chunks=(1 << 16,))
        data["timestamps_specs/timestamps_unit"] = 1e-9
    with pytest.raises(TagFileError, match="not in the file"):
        open_tags(path)


def test_our_own_files_keep_everything(tmp_path):
    rng = np.random.default_rng(8)
    stream = TagStream(
        np.sort(rng.integers(0, 10**6, 999)), rng.integers(-3, 9, 999), 1_100_000, 0.5,
        np.array([[10, 20], [500_000, 500_500]]), {1: 3.5, 2: -7.0}, 2.0, "a run",
    )  # fmt: skip
    path = tmp_path / "t.tags"
    write_tags(path, stream)
    back = read_tags(path)
    for name in ("time", "channel", "gaps"):
        np.testing.assert_array_equal(getattr(back, name), getattr(stream, name))
    assert (back.duration, back.unit_ps, back.delays_ps, back.resolution_ps) == (
        1_100_000,
        0.5,
        {1: 3.5, 2: -7.0},
        2.0,
    )
    parts = list(open_tags(path).chunks(100))
    np.testing.assert_array_equal(np.concatenate([p.gaps for p in parts]), stream.gaps)
    assert parts[-1].elapsed == stream.duration
    assert describe(path)["dead_s"] == pytest.approx(510 * 0.5e-12)
    data = bytearray(path.read_bytes())
    data[-9:-1] = (3).to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(TagFileError, match=rf"byte {len(data) - 9}: the times decrease"):
        read_tags(path)


def test_an_unknown_file_is_refused_by_name(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(TagFileError, match="no known file of time tags begins with b'hello'"):
        open_tags(path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"time": [3, 2]}, "decrease"),
        ({"time": [3, 200]}, "outside of the duration"),
        ({"channel": [1]}, "every tag needs one of each"),
        ({"unit_ps": 0.0}, "must be positive"),
        ({"gaps": [[5, 2]]}, "overlap or are not in order"),
    ],
)
def test_streams_that_do_not_fit_together_are_refused(wrong, message):
    good = {"time": np.array([1, 2]), "channel": np.array([1, 2]), "duration": 100}
    with pytest.raises(ValueError, match=message):
        TagStream(**(good | {name: np.array(v) if isinstance(v, list) else v for name, v in wrong.items()}))
