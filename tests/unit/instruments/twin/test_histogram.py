import numpy as np
import pytest

from instruments.twin._streams import stream
from instruments.twin.devices.id900 import ID900
from instruments.twin.optics import Ramp
from instruments.twin.protocols import ID900Protocol
from instruments.twin.settings import TwinSettings
from instruments.twin.world import World

RAMP = Ramp("TRIANGLE", 50.0, 0.9, 0.0, on=True)


class FlatLight:
    """Light of a constant rate, so that counts have a known expectation."""

    rate_cps = 2e5

    def expected_counts(self, exposed, pillar, times_s):
        return np.full(len(times_s), self.rate_cps * (pillar + 1) * sum(lasted for _, lasted in exposed))

    def mean_counts(self, exposed, pillar):
        return self.rate_cps * (pillar + 1) * sum(lasted for _, lasted in exposed)


def correlator(seed=1, ramp=RAMP):
    world = World(TwinSettings(seed=seed))
    world.light = FlatLight()
    world.set_ramp(ramp)
    device = ID900(world)
    histogram = device.histograms[1]
    for port, block in {"REF": "STAR", "STOP": "TSCO5", "ENAB": "TSGE8"}.items():
        device.set_link(histogram.links, port, block)
    histogram.set_binning("bins", 4000)
    histogram.set_binning("bin_width_ps", 2_500_000)
    return world, device, histogram


@pytest.mark.parametrize("seed", [1, 2])
def test_counts_per_bin_are_poisson_numbers_with_the_expected_mean(seed):
    world, device, histogram = correlator(seed)
    device.switch_gate(8, True)
    world.advance(20.0)
    device.switch_gate(8, False)
    counts = histogram.counts()
    expected = 2e5 * 20.0 * 50.0 * 2.5e-6
    assert counts.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / 4000))
    dispersion = counts.var(ddof=1) / counts.mean()
    assert dispersion == pytest.approx(1.0, abs=4 * np.sqrt(2 / 4000))


def test_reading_a_histogram_twice_changes_nothing_and_counts_only_grow():
    world, device, histogram = correlator()
    device.switch_gate(8, True)
    world.advance(1.0)
    first = histogram.counts().copy()
    assert np.array_equal(first, histogram.counts())
    world.advance(1.0)
    assert np.all(histogram.counts() >= first)
    assert histogram.counts().sum() > first.sum()
    histogram.flush()
    assert histogram.counts().sum() == 0


def test_only_the_time_with_an_open_gate_counts():
    world, device, histogram = correlator()
    world.advance(5.0)
    device.set_pulse(8, 2.0)
    device.switch_gate(8, True)
    world.advance(7.0)
    expected = 2e5 * 2.0 * 50.0 * 0.01
    assert histogram.counts().sum() == pytest.approx(expected, abs=4 * np.sqrt(expected))


@pytest.mark.parametrize("stop", ["TSCO5", "DELA1", "INPU1", "tsco5"])
def test_links_are_followed_to_the_input(stop):
    _, device, histogram = correlator()
    device.set_link(histogram.links, "STOP", stop)
    assert histogram.pillar == 0
    device.set_link(histogram.links, "STOP", "NONE")
    assert histogram.pillar is None


@pytest.mark.parametrize("node", ["FIR", "FIRS", "INPO:FIRST"])
def test_combiners_can_be_linked_anew(node):
    _, device, histogram = correlator()
    answer = ID900Protocol(device, "1").handle(f"TSCO5:{node}:LINK INPU2")
    assert answer == "Value set to INPU2"
    assert histogram.pillar == 1


def test_a_delay_shifts_the_histogram():
    world, device, histogram = correlator()
    device.set_delay(1, 5_000_000_000)  # 5 ms
    device.switch_gate(8, True)
    world.advance(2.0)
    counts = histogram.counts()
    assert counts[:2000].sum() == 0
    assert counts[2000:].min() > 0


def test_nothing_is_counted_without_a_running_ramp_or_after_its_period():
    world, device, histogram = correlator(ramp=Ramp("TRIANGLE", 50.0, 0.9, 0.0, on=False))
    device.switch_gate(8, True)
    world.advance(1.0)
    assert histogram.counts().sum() == 0
    world.set_ramp(Ramp("TRIANGLE", 200.0, 0.9, 0.0, on=True))  # a period of 5 ms is half the histogram
    world.advance(1.0)
    assert histogram.counts()[2000:].sum() == 0
    assert histogram.counts()[:2000].min() > 0


@pytest.mark.parametrize("piece_s", [0.013, 0.1, 3.0])
def test_a_counter_holds_its_last_complete_cycle(piece_s):
    world, device, _ = correlator()
    counter = device.counters[2]
    counter.set_integration(500)
    world.advance(0.3)
    assert counter.count() == 0
    for _ in range(round(3.0 / piece_s)):
        world.advance(piece_s)
    counts = counter.count()
    assert counts == pytest.approx(4e5 * 0.5, abs=4 * np.sqrt(2e5))
    assert counter.count() == counts


def test_an_accumulating_counter_sums_until_its_reset():
    world, device, _ = correlator()
    counter = device.counters[1]
    counter.set_accumulate(True)
    world.advance(1.0)
    counter.count()
    world.advance(2.0)
    assert counter.count() == pytest.approx(6e5, abs=4 * np.sqrt(6e5))
    counter.reset()
    assert counter.count() == 0


def test_the_start_counter_counts_ramps():
    world, device, _ = correlator()
    device.counters[5].set_integration(1000)
    world.advance(3.0)
    assert device.counters[5].count() == 50


@pytest.mark.parametrize(
    ("name", "value"), [("bins", 16385), ("bins", 0), ("bin_width_ps", 99), ("minimum_ps", -1)]
)
def test_a_binning_outside_the_box_is_refused(name, value):
    _, _, histogram = correlator()
    with pytest.raises(ValueError, match=name):
        histogram.set_binning(name, value)


def test_streams_with_other_names_are_independent():
    a, b = stream(1, "a").standard_normal(10_000), stream(1, "b").standard_normal(10_000)
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(10_000)
