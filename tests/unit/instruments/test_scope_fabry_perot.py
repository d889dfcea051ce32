"""An interferometer read by an oscilloscope, against a fake one that draws what it is told."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter

from instruments import FabryPerot, InstrumentError, InstrumentProtocolError, ScopeFabryPerot

FREQUENCY_HZ, NOISE_V = 50.0, 5e-3


class Bench:
    """A generator and an oscilloscope in one; the clock of the latter may be off."""

    def __init__(self, seed=0, clock_error=0.0, ramp=True, memory=0.0):
        self.rng, self.clock_error, self.ramp_on = np.random.default_rng(seed), clock_error, ramp
        self.memory = memory
        self.asked, self.captures = [], []

    def start_triangle(self, *triangle):
        self.asked.append(triangle)

    def stop(self):
        self.asked.append("stop")

    def set_timebase(self, start_s, duration_s):
        self.start_s, self.duration_s = start_s, duration_s

    def set_trigger(self, source, level_v=0.0, slope="rising"):
        self.asked.append((source, slope))

    def set_range(self, channel, range_v, offset_v=0.0):
        self.asked.append((channel, range_v, offset_v))

    def capture(self, channels, *, averages=1, points=2000, wait_s=0.0, accept_clipped=False):
        self.captures.append((tuple(channels), averages, wait_s))
        time_s = self.start_s + np.arange(points) / points * self.duration_s
        phase = np.mod(time_s * (1 + self.clock_error) * FREQUENCY_HZ, 1.0)
        ramp = 0.9 * (1 - 4 * np.abs(phase - 0.5)) * self.ramp_on
        signals = [ramp, np.exp(-(((phase - 0.2) / 0.01) ** 2)), 0.5 * phase]
        white = NOISE_V / np.sqrt(averages) * self.rng.standard_normal((3, points))
        noise = lfilter([np.sqrt(1 - self.memory**2)], [1, -self.memory], white)
        return xr.Dataset(
            {"voltage_v": (("channel", "time_s"), np.asarray(signals) + noise)}, {"time_s": time_s}
        )


def interferometer(bench, clock):
    return ScopeFabryPerot(bench, bench, frequency_hz=FREQUENCY_HZ, bins=1000, clock=clock)


def test_a_record_is_the_mean_over_the_up_ramp_with_the_noise_of_its_acquisitions(clock):
    bench = Bench()
    data = interferometer(bench, clock).record(4.0)
    assert bench.captures == [((1, 2, 3), 25, pytest.approx(26 / 50))] * 8
    assert data.voltage.dims == ("pillar", "bin")
    assert data.voltage.attrs["units"] == "V"
    middle = data.ramp_time_ms.values * 1e-3 * FREQUENCY_HZ
    # four points in a bin, 200 ramps
    expected_std = NOISE_V / np.sqrt(200 * 4)
    residual = data.voltage.sel(pillar="P2").values - 0.5 * middle
    assert residual.std() == pytest.approx(expected_std, rel=0.1)
    assert np.sqrt((data.voltage_std.values**2).mean()) == pytest.approx(expected_std, rel=0.05)
    assert middle[np.argmax(data.voltage.sel(pillar="P1").values)] == pytest.approx(0.2, abs=5e-4)
    assert data.ramp_time_ms.values[-1] < 10.0


@pytest.mark.parametrize("memory", [0.0, 0.8])
def test_noise_that_neighbouring_bins_share_is_part_of_the_stated_error(clock, memory):
    bench = Bench(seed=3, memory=memory)
    spectrometer, pulls = interferometer(bench, clock), []
    for _ in range(16):
        row = spectrometer.record(1.0).sel(pillar="P2").isel(bin=slice(0, 900))
        residual = row.voltage.values - 0.5 * row.ramp_time_ms.values * 1e-3 * FREQUENCY_HZ
        blocks = residual.reshape(-1, 30).mean(axis=1)
        pulls.append(blocks * np.sqrt(30) / np.sqrt((row.voltage_std.values**2).mean()))
    # means of 30 bins: 480 of them tell the error to 3 %; 0.8 of memory reaches a little beyond 3 bins
    assert np.std(pulls) == pytest.approx(1.0, abs=4 / np.sqrt(2 * 480) + 0.02)


def test_the_ramp_is_started_once_and_again_after_a_stop(clock):
    bench = Bench()
    spectrometer = interferometer(bench, clock)
    for _ in range(2):
        spectrometer.record(0.1)
    spectrometer.stop()
    spectrometer.record(0.1)
    assert bench.asked.count((FREQUENCY_HZ, 0.9, 0.0)) == 2
    assert bench.asked.count(("EXT", "rising")) == 2


@pytest.mark.parametrize("clock_error", [2e-3, -2e-3])
def test_a_ramp_that_turns_at_the_wrong_time_betrays_a_wrong_clock(clock, clock_error):
    with pytest.raises(InstrumentProtocolError, match=r"ramp turn -?\d+ ppm off"):
        interferometer(Bench(clock_error=clock_error), clock).record(0.5)
    interferometer(Bench(clock_error=clock_error / 10), clock).record(0.5)


def test_a_missing_ramp_is_an_error_and_not_a_spectrum(clock):
    with pytest.raises(InstrumentError, match="monitor"):
        interferometer(Bench(ramp=False), clock).record(0.5)


def test_impossible_records_are_refused(clock):
    with pytest.raises(ValueError, match="fewest that tell the noise"):
        interferometer(Bench(), clock).record(0.05)
    with pytest.raises(ValueError, match="bins"):
        ScopeFabryPerot(Bench(), Bench(), bins=10)
    with pytest.raises(ValueError, match="monitor"):
        ScopeFabryPerot(Bench(), Bench(), monitor=2)


def test_the_interferometer_plays_its_role():
    assert isinstance(ScopeFabryPerot(Bench(), Bench()), FabryPerot)
