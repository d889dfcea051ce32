import numpy as np
import pytest

from instruments import FabryPerot, InstrumentError, ScanningFabryPerot


class Bench:
    """A generator and a correlator in one, that write down what they are asked."""

    def __init__(self):
        self.ramps, self.histograms = [], []

    def start_triangle(self, frequency_hz, amplitude_v, offset_v):
        self.ramps.append((frequency_hz, amplitude_v, offset_v))

    def stop(self):
        self.ramps.append("stop")

    def counts(self, channel, integration_s):
        return 0

    def start_stop_histogram(self, reference, channels, bin_width_ps, bins, integration_s):
        self.histograms.append((reference, channels, bin_width_ps, bins, integration_s))
        return np.arange(len(channels) * bins, dtype=np.int64).reshape(len(channels), bins)


def test_a_record_covers_the_up_ramp_and_carries_its_units(clock):
    bench = Bench()
    interferometer = ScanningFabryPerot(bench, bench, clock=clock)
    data = interferometer.record(0.5)
    assert bench.ramps == [(50.0, 0.9, 0.0)]
    assert bench.histograms == [(5, (1, 2), 2441400, 4096, 0.5)]
    assert data.counts.dims == ("pillar", "bin")
    assert data.counts.dtype == np.int64
    assert data.counts.attrs["units"] == "counts"
    assert list(data.pillar.values) == ["P1", "P2"]
    assert data.counts.sel(pillar="P2")[0] == 4096
    assert data.ramp_time_ms.attrs["units"] == "ms"
    assert data.attrs == {"ramp_frequency_hz": 50.0, "bin_width_ps": 2441400, "integration_s": 0.5}
    edge = data.ramp_time_ms.values[-1] + 0.5 * 2441400e-9
    assert 9.999 < edge <= 10.0
    assert data.ramp_time_ms.values[0] == pytest.approx(0.5 * 2441400e-9)


def test_the_ramp_is_started_once_and_again_after_a_stop(clock):
    bench = Bench()
    interferometer = ScanningFabryPerot(bench, bench, frequency_hz=100.0, bins=1000, clock=clock)
    interferometer.record(0.1)
    interferometer.record(0.1)
    interferometer.stop()
    interferometer.record(0.1)
    assert bench.ramps == [(100.0, 0.9, 0.0), "stop", (100.0, 0.9, 0.0)]
    assert bench.histograms[0][2] == 5_000_000
    assert clock.sleeps == [0.1, 0.1]


def test_a_missing_sync_pulse_is_an_error_and_not_an_empty_spectrum(clock):
    bench = Bench()
    bench.start_stop_histogram = lambda *_: np.zeros((2, 4096), dtype=np.int64)
    with pytest.raises(InstrumentError, match="sync cable"):
        ScanningFabryPerot(bench, bench, clock=clock).record(0.5)


def test_an_integration_shorter_than_a_ramp_is_refused(clock):
    bench = Bench()
    with pytest.raises(ValueError, match="shorter than one ramp"):
        ScanningFabryPerot(bench, bench, clock=clock).record(0.01)
    assert bench.ramps == []


@pytest.mark.parametrize(
    "options", [{"frequency_hz": 1e-4}, {"frequency_hz": 1e6, "bins": 16384}, {"channels": ()}]
)
def test_impossible_scans_are_refused(options):
    with pytest.raises(ValueError, match="bins|channels"):
        ScanningFabryPerot(Bench(), Bench(), **options)


def test_the_interferometer_plays_its_role():
    assert isinstance(ScanningFabryPerot(Bench(), Bench()), FabryPerot)
