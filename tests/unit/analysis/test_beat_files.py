import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from analysis.heterodyne import RecordError, demodulate, kind_of, phase, read_readings, read_record, spectrum

RATE, TONE = 1e6, 210e3
ANGLE = 2 * np.pi * TONE * np.arange(20_000) / RATE
PAIR = np.stack([0.8 * np.cos(ANGLE), 0.2 * np.cos(ANGLE + 1)])


def amplitudes(record: object) -> np.ndarray:
    return phase(demodulate(record, TONE, 20e3))["amplitude_v"].mean("time_s").values


def as_segments(folder: Path, parts: list[np.ndarray], **changed: object) -> Path:
    """Write what a heterodyne scan keeps."""
    folder.mkdir()
    segments = []
    for number, part in enumerate(parts):
        data = part.astype("<f4").tobytes()
        name = f"segment-{number:04d}.f4"
        (folder / name).write_bytes(data)
        segments.append({"file": name, "sha256": hashlib.sha256(data).hexdigest(), "clipped": [0, number]})
    about = {
        "sample_rate_hz": RATE, "dtype": "<f4", "units": "V", "channels": ["IN1", "IN2"],
        "samples": parts[0].shape[1], "segments": segments, **changed,
    }  # fmt: skip
    (folder / "segments.json").write_text(json.dumps(about))
    return folder


def test_segments_of_a_scan_are_read_with_their_gaps_and_what_the_recorder_said(tmp_path):
    record = read_record(as_segments(tmp_path / "records", [PAIR, PAIR[:, ::-1]]))
    assert (record.samples, record.longest, len(record.stretches)) == (40_000, 20_000, 2)
    assert record.channels == ("IN1", "IN2")
    assert record.clipped == (False, True)
    np.testing.assert_allclose(amplitudes(record.stretch(1)), [0.8, 0.2], rtol=2e-4)
    assert spectrum(record, 1e3)["power_density"].idxmax("frequency_hz").values == pytest.approx(
        TONE, abs=700
    )


def test_changed_cut_or_missing_segments_are_refused(tmp_path):
    folder = as_segments(tmp_path / "records", [PAIR, PAIR])
    segment = folder / "segment-0001.f4"
    data = segment.read_bytes()
    segment.write_bytes(data[:-4] + b"\0\0\0\0")
    with pytest.raises(RecordError, match="segment-0001.f4 of records is not what was written: its checksum"):
        read_record(folder)
    segment.write_bytes(data[:-4])
    with pytest.raises(RecordError, match="has 159996 bytes instead of 160000"):
        read_record(folder / "segments.json")
    segment.unlink()
    with pytest.raises(RecordError, match="segment-0001.f4 of records is missing"):
        read_record(folder)
    with pytest.raises(RecordError, match="is 1e\\+06 Hz, not 2e\\+06 Hz; leave it out"):
        read_record(folder, 2e6)
    (folder / "segments.json").write_text("{}")
    with pytest.raises(RecordError, match="segments.json is damaged: KeyError\\('channels'\\)"):
        read_record(folder)
    about = {"channels": ["1"], "samples": 9, "dtype": "<f4", "sample_rate_hz": 1e6}
    for wrong in (
        {"segments": [{}]}, {"segments": ["a"]}, {"segments": [], "lost": "x"},
        {"segments": [{"file": "a", "sha256": "", "clipped": [True, True]}]},
        {"segments": [], "samples": -1}, {"segments": None}, {"segments": [], "channels": []},
    ):  # fmt: skip
        (folder / "segments.json").write_text(json.dumps(about | wrong))
        with pytest.raises(RecordError, match="segments.json is damaged: "):
            read_record(folder)
    (folder / "segments.json").unlink()
    with pytest.raises(RecordError, match="There is no segments.json"):
        read_record(tmp_path)


def test_what_a_file_tells_is_not_to_be_said_again(tmp_path):
    folder = as_segments(tmp_path / "records", [PAIR])
    np.save(tmp_path / "a.npy", PAIR)
    for path in (folder, tmp_path / "a.npy"):
        with pytest.raises(RecordError, match="tells its byte order; leave byte_order='big' out"):
            read_record(path, byte_order="big")
        with pytest.raises(RecordError, match="tells whether it is complex"):
            read_record(path, iq=True)
    with pytest.raises(RecordError, match="records is in V already; leave scale_v out"):
        read_record(folder, scale_v=0.1)
    for rate in (1e-30, 1e30, -1.0, 0.0, np.nan):
        with pytest.raises(RecordError, match="The sampling rate of a.npy is"):
            read_record(tmp_path / "a.npy", rate)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [">i2", "<f4", "<f8"])
def test_numpy_files_of_both_layouts_and_byte_orders_are_read(tmp_path, dtype, order):
    scale = 1e-4 if dtype == ">i2" else None
    np.save(tmp_path / "a.npy", np.asarray(np.round(PAIR / 1e-4) if scale else PAIR, dtype, order))
    np.testing.assert_allclose(
        amplitudes(read_record(tmp_path / "a.npy", RATE, scale_v=scale)), [0.8, 0.2], rtol=5e-4
    )


def test_complex_numpy_files_hold_iq_samples(tmp_path):
    np.save(tmp_path / "a.npy", 0.5 * np.exp(-1j * ANGLE))
    record = read_record(tmp_path / "a.npy", RATE)
    assert phase(demodulate(record, -TONE, 20e3))["amplitude_v"].mean() == pytest.approx(0.5, rel=2e-4)


def test_wav_files_tell_their_rate_and_may_hold_iq_samples(tmp_path):
    path = tmp_path / "a.wav"
    wavfile.write(path, 48_000, np.round(PAIR.T * 30_000).astype(np.int16))
    record = read_record(path)
    assert (record.sample_rate_hz, record.unit) == (48_000, "code")
    in_volts = read_record(path, scale_v=1 / 30_000)
    assert spectrum(in_volts, 200.0)["power_density"].sum() * 48_000 / 20_000 > 0
    levels = demodulate(in_volts, 0.21 * 48_000, 1000.0)["iq"]
    np.testing.assert_allclose(np.abs(levels).mean("time_s"), [0.8, 0.2], rtol=5e-4)
    plain = path.read_bytes()
    path.write_bytes(plain[:36] + b"auxi\x04\0\0\0note" + plain[36:])  # a radio's remarks
    assert read_record(path).samples == 20_000
    path.write_bytes(plain[:-2])
    with pytest.raises(RecordError, match="a.wav cannot be read as .wav"):
        read_record(path)
    wavfile.write(path, 48_000, np.stack([np.cos(ANGLE), -np.sin(ANGLE)], axis=1).astype(np.float32))
    turned = demodulate(read_record(path, iq=True), -0.21 * 48_000, 1000.0)["iq"]
    np.testing.assert_allclose(np.abs(turned), 1, rtol=5e-4)


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("peak", [3, 300, 30_000])
def test_raw_iq_samples_are_read_in_the_order_given_and_never_in_a_wrong_one(tmp_path, order, peak):
    path = tmp_path / "a.iq"
    rng = np.random.default_rng(peak)
    iq = peak * np.exp(1j * ANGLE) + rng.normal(0, 1, (2, ANGLE.size)).T @ [1, 1j]
    pairs = np.stack([iq.real, iq.imag], axis=1).round()
    pairs.astype("<i2" if order == "little" else ">i2").tofile(path)
    record = read_record(path, RATE, scale_v=1e-3, byte_order=order)
    found = phase(demodulate(record, TONE, 20e3))
    assert found["amplitude_v"].mean() == pytest.approx(1e-3 * peak, rel=0.01)
    other = {"little": "big", "big": "little"}[order]
    with pytest.raises(RecordError, match=f"a.iq is not {other}-endian: its high bytes are all numbers"):
        read_record(path, RATE, byte_order=other)


def test_codes_that_a_converter_has_shifted_up_keep_their_byte_order(tmp_path):
    rng = np.random.default_rng(1)
    for bits in (0, 2, 4, 8):
        codes = (rng.normal(0, 2**12 / 2**bits, 40_000).round() * 2**bits).clip(-(2**15), 2**15 - 1)
        codes.astype("<i2").tofile(tmp_path / "a.raw")
        assert read_record(tmp_path / "a.raw", RATE, byte_order="little").samples == 20_000


def test_raw_samples_that_leave_something_open_are_refused(tmp_path):
    path = tmp_path / "a.iq"
    path.write_bytes(bytes(range(250)) + b"abcd" * 100)
    with pytest.raises(RecordError, match="does not tell its byte order; give byte_order='little' or"):
        read_record(path, RATE)
    with pytest.raises(RecordError, match="has 650 bytes, no whole number of IQ pairs"):
        read_record(path, RATE, byte_order="big")
    path.write_bytes(b"abcd" * 100)
    with pytest.raises(RecordError, match="a.iq does not tell its sampling rate; give sample_rate_hz"):
        read_record(path, byte_order="big")
    path.write_bytes(b"")
    with pytest.raises(RecordError, match="There is no sample in a.iq"):
        read_record(path, RATE, byte_order="big")


def oscilloscope(separator: str, decimal: str, heading: str) -> str:
    rows = [f"{k / RATE:.7e}{separator}{a:.5f}{separator}{b:.5f}" for k, (a, b) in enumerate(PAIR.T[:4000])]
    return "Model,XY\n" + heading + "\n" + "\n".join(rows).replace(".", decimal) + "\n"


@pytest.mark.parametrize(
    ("separator", "decimal", "heading"),
    [
        (",", ".", "time (s),CH1 (V),CH2 (V)"), (";", ",", "t;CH1 (V);CH2 (V)"),
        ("\t", ".", "t\tCH1 [V]\tCH2 [V]"), (" ", ".", "# volts"),
    ],
)  # fmt: skip
def test_tables_of_oscilloscopes_are_read_whatever_the_separator(tmp_path, separator, decimal, heading):
    path = tmp_path / "a.csv"
    path.write_text(oscilloscope(separator, decimal, heading))
    record = read_record(path)
    assert record.sample_rate_hz == pytest.approx(RATE, rel=1e-6)
    np.testing.assert_allclose(amplitudes(record), [0.8, 0.2], rtol=5e-4)
    assert kind_of(path) == "record"
    if "CH1" in heading:
        assert record.channels[0].startswith("CH1")


def test_units_in_headings_are_taken_into_account(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("t (us),CH1 (mV)\n" + "".join(f"{k},{1e3 * v:.4f}\n" for k, v in enumerate(PAIR[0])))
    record = read_record(path)
    assert record.sample_rate_hz == pytest.approx(RATE)
    np.testing.assert_allclose(amplitudes(record), [0.8], rtol=2e-4)
    path.write_text("t (ms),f (MHz)\n0,100.5\n10,100.25\n20,100.75\n")
    readings = read_readings(path)
    np.testing.assert_allclose(readings.frequency_hz, [100.5e6, 100.25e6, 100.75e6])
    assert (readings.interval_s, kind_of(path)) == (pytest.approx(0.01), "readings")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("t (µs);CH1 (mV)\n", "latin-1"),
        ("\ufefft (\N{GREEK SMALL LETTER MU}s);CH1 (mV)\n", "utf-8"),
        ("t (µs);CH1 (mV)\n", "utf-16"),
        ("t;Channel A\n(us);(mV)\n\n", "utf-8"),
        ('"t";"CH1"\n"us";"mV"\n', "utf-8"),
    ],
)
def test_units_are_found_in_any_encoding_and_in_a_row_of_their_own(tmp_path, text, encoding):
    path = tmp_path / "a.csv"
    rows = (f'"{0.5 * k}";{1e3 * v:.4f}\n' for k, v in enumerate(PAIR[0, :4000]))
    path.write_text(text + "".join(rows).replace(".", ","), encoding=encoding)
    record = read_record(path)
    assert record.sample_rate_hz == pytest.approx(2e6)
    assert abs(record.stretches[0].values).max() == pytest.approx(abs(PAIR[0, :4000]).max(), abs=1e-4)
    assert kind_of(path) == "record"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Frequency (Hz),CH1 (V)\n", r"column 1 is 'Frequency \(Hz\)' where s, or"),
        ("t (s),CH1 (A)\n", r"column 2 is 'CH1 \(A\)' where V, or"),
        ("X,CH1,Start,Increment\nSequence,Volt,-1e-3,1e-6\n", "counts the rows and names no unit of time"),
    ],
)
def test_what_is_no_time_or_no_voltage_is_not_taken_for_one(tmp_path, text, sentence):
    (tmp_path / "a.csv").write_text(text + "".join(f"{k},{v:.4f},\n" for k, v in enumerate(PAIR[0, :99])))
    with pytest.raises(RecordError, match=sentence):
        read_record(tmp_path / "a.csv")


BAD_TABLES = {
    "no number": ("t,V\n0,1\n1,2\n2,OVR\n3,4\n", "a.csv, line 4: '2,OVR' is no row of numbers"),
    "short row": ("t,V\n0,1\n1\n2,3\n", "a.csv, line 3: 1 numbers where the rows above have 2"),
    "uneven": ("t,V\n0,1\n1,2\n5,3\n6,3\n", "not evenly spaced, row 3 comes 4 s after the one before"),
    "falling": ("t,V\n2,1\n1,2\n0,3\n", "the times in the first column do not rise"),
    "words": ("hello\nworld\n", "no row of numbers in its first 2 lines"),
    "empty": ("", "There is no sample in a.csv"),
    "no times": ("V\n1\n2\n", "a.csv does not tell its sampling rate; give sample_rate_hz"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_damaged_table_is_refused_saying_where(tmp_path, name):
    text, sentence = BAD_TABLES[name]
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(RecordError, match=sentence):
        read_record(tmp_path / "a.csv")


def test_damaged_and_unknown_files_are_refused(tmp_path):
    for name, data, sentence in (
        ("a.npy", b"nonsense", "a.npy is no .npy file"),
        ("a.wav", b"RIFFnonsense", "a.wav cannot be read as .wav"),
        ("b.wav", b"RIFF\x10\0\0\0WAVEdata\x04\0\0\0abcd", "b.wav cannot be read as .wav"),
        ("a.xls", b"x", "a.xls is of no known kind; known are .npy, .wav"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RecordError, match=sentence):
            read_record(tmp_path / name, RATE)
    np.save(tmp_path / "b.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(RecordError, match="b.npy holds an array of object of shape"):
        read_record(tmp_path / "b.npy", RATE)
    np.save(tmp_path / "c.npy", PAIR)
    (tmp_path / "c.npy").write_bytes((tmp_path / "c.npy").read_bytes()[:-8])
    with pytest.raises(RecordError, match="c.npy ends before its 40000 samples; it was cut"):
        read_record(tmp_path / "c.npy", RATE)
    with pytest.raises(RecordError, match="There is no file"):
        read_record(tmp_path / "none.npy", RATE)


def test_readings_with_gaps_or_without_an_interval_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("Frequency\n1e8\n1.1e8\n")
    with pytest.raises(RecordError, match="a.csv does not tell its interval; give interval_s"):
        read_readings(path)
    assert read_readings(path, 0.1).interval_s == 0.1
    path.write_text("Time,Frequency\n0,1e8\n1,nan\n2,1e8\n")
    with pytest.raises(RecordError, match="reading 1 is nan Hz; readings are positive"):
        read_readings(path)
    path.write_text("Time,Frequency\n0,1e8\n1,1e8\n")
    with pytest.raises(RecordError, match="The interval of a.csv is 1 s, not 2 s; leave it out"):
        read_readings(path, 2.0)


def test_a_real_counter_series_is_read():
    home = Path(os.environ.get("LABSYNC_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
    path = home / "ft_Counter_2.csv"
    if not path.is_file():
        pytest.skip("the recordings are not here")
    readings = read_readings(path)
    assert kind_of(path) == "readings"
    assert readings.frequency_hz.size == 10_000
    assert readings.interval_s == pytest.approx(0.1 / 9999)
    assert readings.frequency_hz[3] == 105.069e6
    assert kind_of(home / "ft_laser_spectrum_analyzer_data.txt") == "trace"
