"""Recording beat notes: digitizer and analyser, their health, raw records, and what the scan refuses."""

import hashlib
import json
import types

import numpy as np
import pytest
import xarray as xr

from instruments.errors import InstrumentTimeout, Interlock
from labsync import acquisition
from labsync._beat_notes import pilot_error, record_beat_notes
from labsync._heterodyne_sections import AnalyserHeterodyneSection, DigitizerHeterodyneSection
from labsync.errors import UsageError
from labsync.settings import BUILT_IN, read_station_file

RATE_HZ, SAMPLES, TONE_HZ = 125e6, 16384, 12e6
DIGITIZER = {"read_by": "digitizer", "record": "131 us", "records": 4, "resolution_bandwidth": "100 kHz"}


class Board:
    """A digitizer that records noise and a tone, with a clock that runs slow by 20 ppm."""

    def __init__(self, clipped=(), lost=()):
        self.rng = np.random.default_rng(1)
        self.clipped, self.lost, self.asked = set(clipped), set(lost), 0

    def record(self, channels, duration_s, *, accept_clipped=False):
        number, self.asked = self.asked, self.asked + 1
        if number in self.lost:
            raise InstrumentTimeout("the trigger did not come")
        time_s = np.arange(SAMPLES) / RATE_HZ
        tone = 0.2 * np.sin(2 * np.pi * TONE_HZ * (1 + 20e-6) * time_s + number)
        volts = np.array([tone + 0.1 * self.rng.standard_normal(SAMPLES) for _ in channels], np.float32)
        bad = int(number in self.clipped)
        return xr.Dataset(
            {"voltage_v": (("channel", "time_s"), volts)},
            {"channel": list(channels), "time_s": time_s},
            {"sample_rate_hz": RATE_HZ, "clipped": [bad, 0]},
        )


def station(section, **instruments):
    return types.SimpleNamespace(settings=types.SimpleNamespace(heterodyne=section), **instruments)


def test_digitized_spectra_are_calibrated_and_say_what_was_lost_and_clipped(tmp_path):
    section = DigitizerHeterodyneSection(**DIGITIZER, pilot_tone="12 MHz")
    found = record_beat_notes(station(section, digitizer=Board(clipped=[3], lost=[1])), tmp_path / "r")
    frequency = found["beat_frequency_hz"].values
    away = np.abs(frequency - TONE_HZ) > 2e6
    # white noise of 0.1 V rms up to half the sampling rate
    floor = found["density"].sel(detector="P2").values[away]
    assert floor.mean() == pytest.approx(0.01 / (RATE_HZ / 2), rel=0.05)
    tone = (found["density"].sel(detector="P1").values[~away]).sum() * (frequency[1] - frequency[0])
    assert tone == pytest.approx(0.2**2 / 2 + 0.01 * 4e6 / 62.5e6, rel=0.02)
    assert found["clipped"].values.tolist() == [0.25, 0.0]
    assert int(found["records_lost"]) == 1
    # 131 us of a tone 9 dB above the noise in the whole band: the phase's slope is good to a few ppm
    assert float(found["clock_error"]) == pytest.approx(20e-6, abs=3e-6)
    # at most what was asked for, with segments of a length that is transformed fast
    assert 0.95e5 < found.attrs["resolution_bandwidth_hz"] <= 1e5


def test_raw_records_are_kept_in_segments_whose_checksums_hold(tmp_path):
    folder = tmp_path / "records"
    record_beat_notes(station(DigitizerHeterodyneSection(**DIGITIZER), digitizer=Board()), folder)
    about = json.loads((folder / "segments.json").read_text())
    assert (about["sample_rate_hz"], about["samples"], about["channels"]) == (RATE_HZ, SAMPLES, ["1", "2"])
    assert len(about["segments"]) == 4
    for segment in about["segments"]:
        data = (folder / segment["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == segment["sha256"]
    volts = np.frombuffer(data, about["dtype"]).reshape(2, SAMPLES)
    assert volts.std(axis=1) == pytest.approx([np.sqrt(0.02 + 0.01)] * 2, rel=0.02)


def test_a_digitizer_that_only_clips_or_never_triggers_gives_no_spectrum():
    section = DigitizerHeterodyneSection(**DIGITIZER)
    with pytest.raises(Interlock, match="Every record of the digitizer was clipped"):
        record_beat_notes(station(section, digitizer=Board(clipped=range(4))))
    with pytest.raises(InstrumentTimeout):
        record_beat_notes(station(section, digitizer=Board(lost=range(9))))
    fine = DigitizerHeterodyneSection(**{**DIGITIZER, "resolution_bandwidth": "1 kHz"})
    with pytest.raises(UsageError, match=r"1000 Hz is out of reach .* use 1.1e\+04 to 1.13e\+07 Hz"):
        record_beat_notes(station(fine, digitizer=Board()))


def test_noise_is_no_pilot_tone():
    noise = np.random.default_rng(2).standard_normal(SAMPLES)
    assert np.isnan(pilot_error(noise, RATE_HZ, 12e6))
    assert np.isnan(pilot_error(noise, RATE_HZ, None))


def test_a_trace_becomes_a_density_by_the_noise_bandwidth_of_the_filter():
    asked = {}

    class Analyser:
        def configure(self, *numbers, **options):
            asked.update(options, numbers=numbers)

        def trace(self):
            levels = np.full(401, -80.0, np.float32)
            coords = {"frequency_hz": np.linspace(0.5e9, 1.5e9, 401)}
            return xr.Dataset(
                {"power_dbm": ("frequency_hz", levels)}, coords, {"resolution_bandwidth_hz": 3e6}
            )

    section = AnalyserHeterodyneSection(
        read_by="spectrum_analyser", centre="1 GHz", span="1 GHz", resolution_bandwidth="3 MHz", points=401
    )
    found = record_beat_notes(station(section, spectrum_analyser=Analyser()))
    assert asked["numbers"] == (1e9, 1e9, 3e6)
    # 1e-11 W in 50 Ohm, in 3 MHz times 1.0645
    assert found["density"].values == pytest.approx(np.full((1, 401), 1e-11 * 50 / (3e6 * 1.0645)), rel=1e-4)
    assert found.attrs["looks"] == pytest.approx(3e6 * 0.1 / 401 * 10)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('centre = "1.05 GHz"', 'centre = "0.5 GHz"', "reaches below zero; raise the centre"),
        ('oscillator = "below"', 'oscillator = "beside"', "oscillator.*'below' or 'above', not 'beside'"),
        ('read_by = "spectrum_analyser"  #', 'read_by = "eye"  #', "'eye' is unknown; known are"),
        ("[spectrum_analyser]", "[spectrum_analiser]", "did you mean 'spectrum_analyser'"),
        ('span = "2 GHz"\n', "", r"\[heterodyne\] lacks 'span'"),
    ],
)
def test_a_wrong_section_about_beat_notes_is_refused_in_a_sentence(old, new, sentence, tmp_path):
    text = (BUILT_IN / "full.toml").read_text()
    assert text.count(old) == 1
    (tmp_path / "station.toml").write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=sentence):
        read_station_file(str(tmp_path / "station.toml"))


def test_a_scan_refuses_what_its_bench_cannot_do_before_anything_moves():
    bench = types.SimpleNamespace(settings=read_station_file("full")[0])
    acquisition.build("heterodyne-scan", []).check(bench)
    with pytest.raises(UsageError, match="keep_records = True needs"):
        acquisition.build("heterodyne-scan", ["--keep-records", "true"]).check(bench)
    with pytest.raises(UsageError, match="the simulated path is face-to-face"):
        acquisition.build("heterodyne-scan", ["--configuration", "relay"]).check(bench)
    minimal = read_station_file("minimal")[0]
    with pytest.raises(UsageError, match="has no heterodyne"):
        minimal.require(acquisition.build("heterodyne-scan", []).needs, "heterodyne-scan")
