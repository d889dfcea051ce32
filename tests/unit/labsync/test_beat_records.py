"""Files of recorded beat notes through the command: what is found in them, and what is refused."""

import json
import os
import wave
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter
from typer.testing import CliRunner

from labsync.cli import app

RATE_HZ, LINE_HZ, WIDTH_HZ = 10e6, 1.2e6, 20e3
SAMPLES = 2**18


def command(*arguments, code=0):
    done = CliRunner().invoke(app, ["fit", "heterodyne", *map(str, arguments)], env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return done.output


def laser(rng, samples=SAMPLES, phase=0.0):
    """Return a beat note of 1 V whose phase is a random walk, behind 10 mV of white noise, and its phase."""
    steps = np.sqrt(2 * np.pi * WIDTH_HZ / RATE_HZ) * rng.standard_normal(samples)
    whole = 2 * np.pi * LINE_HZ * np.arange(samples) / RATE_HZ + np.cumsum(steps)
    return np.cos(whole + phase) + 0.01 * rng.standard_normal(samples), whole


def within(found, truth, most=4.0):
    assert abs(found["value"] - truth) < most * found["std"], (found, truth)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_record_of_one_line_gives_its_width_by_its_shape_and_by_its_noise(tmp_path, seed):
    volts, _ = laser(np.random.default_rng(seed))
    np.save(tmp_path / "beat.npy", np.rint(1000 * volts).astype(np.int16))
    said = command(
        tmp_path / "beat.npy",
        "--sample-rate-hz",
        RATE_HZ,
        "--scale-v",
        0.001,
        "--bandwidth-hz",
        1e6,
        "--json",
    )
    (found,) = json.loads(said)["channels"]
    within(found["centre_hz"], LINE_HZ)
    within(found["width_hz"], WIDTH_HZ)
    within(found["intrinsic_width_hz"], WIDTH_HZ)
    assert found["power_v2"]["value"] == pytest.approx(0.5, rel=0.05)
    assert found["intrinsic_width_hz"]["std"] < 0.05 * WIDTH_HZ
    assert found["extreme_share"] < 0.01


def test_two_channels_give_their_relative_phase_whatever_they_share(tmp_path):
    rng = np.random.default_rng(3)
    # an Ornstein-Uhlenbeck phase of 0.4 rad rms with a memory of 10 us
    memory, rms = np.exp(-1 / (10e-6 * RATE_HZ)), 0.4
    drawn = rms * np.sqrt(1 - memory**2) * rng.standard_normal(SAMPLES)
    phase = lfilter([1.0], [1.0, -memory], drawn)
    first, whole = laser(rng)
    second = np.cos(whole + phase + 1.0) + 0.01 * rng.standard_normal(SAMPLES)
    np.save(tmp_path / "two.npy", np.array([first, second], np.float32))
    arguments = tmp_path / "two.npy", "--sample-rate-hz", RATE_HZ, "--bandwidth-hz", 1e6
    found = json.loads(command(*arguments, "--json"))["relative_phase"]
    # 26 ms hold 1300 independent values of the phase
    assert found["concentration"] == pytest.approx(np.exp(-(rms**2) / 2), abs=0.01)
    assert found["well_rad"] == pytest.approx(1.0, abs=0.15)
    assert found["slips"] == 0
    assert found["slip_rate_hz"]["high"] == pytest.approx(1.84 / found["duration_s"], rel=0.01)
    # in a deep well, Adler's equation is this process: locking cos(offset) = 1/memory, D = rms^2/memory
    within(found["adler"]["diffusion_rad2_per_s"], rms**2 / 10e-6, 5.0)
    said = command(*arguments, "--figures", tmp_path / "figures")
    assert "phase of 2 over 1" in said
    assert "no channel said to be clipped" in said
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert names == {f"beat-two-{each}.png" for each in ("line-1", "line-2", "noise", "allan", "phase")}


def test_counter_readings_give_allan_deviation_and_widths(tmp_path):
    rng = np.random.default_rng(4)
    readings = 1e8 + np.sqrt(WIDTH_HZ / np.pi / 2 / 1e-4) * rng.standard_normal(4096)
    rows = [f"{1e-4 * k:.6f},{value:.3f}" for k, value in enumerate(readings)]
    path = tmp_path / "counter.csv"
    path.write_text("\n".join(["#Trigger Source: None", "Time,Frequency", *rows]))
    found = json.loads(command(path, "--json"))
    assert found["interval_s"] == pytest.approx(1e-4)
    # white frequency noise h0 = width/pi: deviation sqrt(h0/2/tau)
    assert found["allan"][0]["deviation_hz"] == pytest.approx(np.sqrt(WIDTH_HZ / np.pi / 2e-4), rel=0.03)
    within(found["intrinsic_width_hz"], WIDTH_HZ)
    within(found["noises"]["lorentzian_hz"], WIDTH_HZ)
    assert "counter.csv" in command(path, "--figures", tmp_path)
    assert (tmp_path / "beat-counter-allan.png").exists()


def real(name):
    home = Path(os.environ.get("LABSYNC_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
    if not (home / name).exists():
        pytest.skip(f"no {name}; LABSYNC_TEST_DATA names the folder of real recordings")
    return home / name


def test_a_real_counter_series_has_the_allan_deviation_that_its_readings_have():
    path = real("ft_Counter_2.csv")
    found = json.loads(command(path, "--json"))
    readings = np.array([float(row.split(",")[1]) for row in path.read_text().splitlines()[8:]])
    assert found["readings"] == len(readings) == 10_000
    assert found["interval_s"] == pytest.approx(1e-5, rel=2e-4)
    for row, m in zip(found["allan"], 2 ** np.arange(13), strict=True):
        mean = np.convolve(readings, np.ones(m) / m, "valid")
        direct = np.sqrt(np.mean((mean[m:] - mean[:-m]) ** 2) / 2)
        assert row["deviation_hz"] == pytest.approx(direct, rel=1e-9)


def test_a_real_trace_of_an_analyser_shows_its_line(tmp_path):
    found = json.loads(command(real("ft_laser_spectrum_analyzer_data.txt"), "--resolution-hz", 1e5, "--json"))
    assert found["points"] == 401
    assert found["centre_hz"]["value"] == pytest.approx(60.2e6, abs=0.05e6)
    command(real("ft_laser_spectrum_analyzer_data.txt"), "--resolution-hz", 1e5, "--figures", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["beat-ft_laser_spectrum_analyzer_data-line.png"]


@pytest.fixture
def files(tmp_path):
    """Write one of the files that are wrong, or asked for wrongly."""
    rng = np.random.default_rng(5)
    volts = laser(rng, 2**14)[0]
    clipped = np.clip(1000 * volts, -50, 50).astype(np.int16)
    pairs = (2000 * np.exp(2j * np.pi * 0.1 * np.arange(4096))).view(float).astype("<i2")

    def write(name):
        path = tmp_path / name
        arrays = {
            "good.npy": volts,
            "empty.npy": volts[:0],
            "constant.npy": np.full(4096, 7, np.int16),
            "clipped.npy": clipped,
            "nan.npy": np.where(np.arange(len(volts)) == 99, np.nan, volts),
        }
        if name in arrays:
            np.save(path, arrays[name])
        elif name == "odd.iq":
            path.write_bytes(pairs.tobytes()[:-3])
        elif name == "pairs.iq":
            path.write_bytes(pairs.tobytes())
        elif name == "readings.csv":
            path.write_text("Frequency (Hz)\n" + "\n".join(f"{1e8 + k % 7}" for k in range(99)))
        elif name == "table.csv":
            path.write_text("\n".join(f"{1e-6 * k:.6f},{k % 7}" for k in range(99)))
        elif name == "silent.wav":
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, 48_000, 0, "NONE", "not compressed"))
        return path

    return write


FS = ("--sample-rate-hz", "1e7")


@pytest.mark.parametrize(
    ("name", "options", "code", "sentence"),
    [
        ("empty.npy", FS, 1, "There is no sample in empty.npy"),
        ("silent.wav", (), 1, "There is no sample in silent.wav"),
        ("constant.npy", FS, 1, "is constant: all 4096 samples are 7"),
        ("clipped.npy", FS, 1, "is clipped"),
        ("nan.npy", FS, 1, "sample 99 is nan"),
        ("good.npy", (), 2, "does not tell its sampling rate; give --sample-rate-hz"),
        ("good.npy", ("--sample-rate-hz", "-1"), 2, "The sampling rate of good.npy is -1"),
        ("good.npy", (*FS, "--near-hz", "7e6"), 1, "A line at 7e+06 Hz lies outside the spectrum"),
        ("good.npy", (*FS, "--near-hz", "4e6"), 1, "No line"),
        ("good.npy", (*FS, "--resolution-hz", "100"), 1, "A resolution of 100 Hz takes"),
        ("good.npy", (*FS, "--bandwidth-hz", "3e6"), 1, "The bandwidth is 3e+06 Hz"),
        ("good.npy", (*FS, "--near-hz", "1e6", "--near-hz", "1.001e6"), 1, "closer than the resolution of"),
        ("good.npy", (*FS, "--shift-hz", "1e6"), 2, "takes --self-heterodyne-delay-us, too"),
        ("good.npy", (*FS, "--shift-hz", "7e6", "--self-heterodyne-delay-us", "1"), 1, "A shift of 7e+06 Hz"),
        ("good.npy", (*FS, "--bandwidth-hz", "0"), 1, "The bandwidth is 0 Hz"),
        ("good.npy", (*FS, "--resolution-hz", "0"), 1, "The resolution is 0 Hz"),
        ("good.npy", (*FS, "--byte-order", "big"), 2, "tells its byte order; leave --byte-order big out"),
        ("good.npy", (*FS, "--shape", "round"), 2, "'round' is no shape of a line"),
        ("good.npy", (*FS, "--interval-s", "1"), 2, "--interval-s is not for good.npy"),
        ("good.npy", (*FS, "--detector", "P1"), 2, "--detector chooses a detector of a run"),
        ("odd.iq", (*FS, "--byte-order", "little"), 1, "no whole number of IQ pairs"),
        ("pairs.iq", FS, 2, "does not tell its byte order; give --byte-order little or --byte-order big"),
        ("pairs.iq", (*FS, "--byte-order", "big"), 1, "is not big-endian"),
        ("readings.csv", (), 2, "does not tell its interval; give --interval-s"),
        ("table.csv", (), 2, "does not tell what it holds; say --kind record, readings, trace"),
        ("table.csv", ("--kind", "noise"), 2, "'noise' is no kind of file"),
        ("nowhere.npy", (), 2, "There is no file"),
        ("latest", FS, 2, "--sample-rate-hz is for files"),
    ],
)
def test_what_cannot_be_analysed_is_refused_in_one_sentence(files, name, options, code, sentence):
    said = command(name if name == "latest" else files(name), *options, code=code)
    assert sentence in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1


def test_a_record_that_the_fits_do_not_describe_says_so(tmp_path):
    rng = np.random.default_rng(6)
    volts = laser(rng, 2**15)[0]
    np.save(tmp_path / "same.npy", np.stack([volts, -volts]))
    found = json.loads(command(tmp_path / "same.npy", *FS, "--json"))
    assert found["relative_phase"] is None
    assert "both channels hold the same signal" in found["untold"]
    np.save(tmp_path / "weak.npy", np.rint(1000 * (volts + 2 * rng.standard_normal(volts.size))).astype("i2"))
    said = command(tmp_path / "weak.npy", *FS, "--figures", tmp_path)
    assert "Noise alone may make the phase of channel 1 slip" in said
    assert "power (code²)" in said
    wandering = 1e8 + 100 * np.cumsum(rng.standard_normal(4096))
    rows = "\n".join(f"{each:.3f}" for each in wandering)
    (tmp_path / "counter.csv").write_text(f"Frequency (Hz)\n{rows}\n")
    said = json.loads(command(tmp_path / "counter.csv", "--interval-s", "1e-3", "--json"))["untold"]
    assert "The frequency noise is no sum of white noise and flicker" in said


def test_slips_while_the_light_is_gone_are_told_from_those_of_a_phase(tmp_path):
    rng = np.random.default_rng(7)
    # light of a thermal source: its phase turns where its amplitude passes near zero
    chaotic = lfilter([1.0], [1.0, -0.99], rng.standard_normal((SAMPLES, 2)) @ [1, 1j])
    wave = np.exp(2j * np.pi * LINE_HZ / RATE_HZ * np.arange(SAMPLES))
    np.save(tmp_path / "chaotic.npy", np.stack([laser(rng)[0], (chaotic * wave).real]))
    arguments = tmp_path / "chaotic.npy", *FS, "--bandwidth-hz", "5e5", "--json"
    phase = json.loads(command(*arguments))["relative_phase"]
    assert phase["slips"] > 100
    assert "slips come while the amplitude of a channel passes near zero" in phase["untold"]


@pytest.mark.parametrize("delay_us", [200, 10])
def test_light_that_beats_with_its_own_delayed_light_gives_its_width(tmp_path, delay_us):
    rng, delayed = np.random.default_rng(8), round(1e-6 * delay_us * RATE_HZ)
    phase = np.cumsum(np.sqrt(2 * np.pi * WIDTH_HZ / RATE_HZ) * rng.standard_normal(SAMPLES + delayed))
    beat = 2 * np.pi * 2e6 * np.arange(SAMPLES) / RATE_HZ + phase[delayed:] - phase[:SAMPLES]
    np.save(tmp_path / "self.npy", np.cos(beat) + 0.01 * rng.standard_normal(SAMPLES))
    options = "--shift-hz", 2e6, "--self-heterodyne-delay-us", delay_us, "--resolution-hz", 3e3
    (found,) = json.loads(command(tmp_path / "self.npy", *FS, *options, "--json"))["self_heterodyne"]
    within(found["linewidth_hz"], WIDTH_HZ)
    assert found["linewidth_hz"]["std"] < 0.08 * WIDTH_HZ
    command(tmp_path / "self.npy", *FS, *options, "--figures", tmp_path)
    assert (tmp_path / "beat-self-self-heterodyne-1.png").exists()


def test_lines_beside_each_other_are_fitted_together(tmp_path):
    rng = np.random.default_rng(9)
    volts = laser(rng)[0] + 0.5 * np.cos(laser(rng)[1] * (LINE_HZ + 60e3) / LINE_HZ)
    np.save(tmp_path / "two.npy", volts)
    near = "--near-hz", LINE_HZ, "--near-hz", LINE_HZ + 60e3
    found = json.loads(command(tmp_path / "two.npy", *FS, *near, "--json"))["channels"]
    for line, centre, power in zip(found, (LINE_HZ, LINE_HZ + 60e3), (0.5, 0.125), strict=True):
        within(line["centre_hz"], centre)
        assert line["power_v2"]["value"] == pytest.approx(power, rel=0.15)
    command(tmp_path / "two.npy", *FS, *near, "--figures", tmp_path)
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "beat-two-line-1-1.png",
        "beat-two-line-1-2.png",
    }
