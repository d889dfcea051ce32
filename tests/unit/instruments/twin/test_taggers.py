"""The real drivers of the three time taggers on the simulated lab, and what is behind them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instruments import (
    ID900,
    InstrumentProtocolError,
    Interlock,
    Keithley2450Pump,
    PicoQuantRecorder,
    SwabianTagger,
)
from instruments._ptu import counts_per_channel, parse_header
from instruments.twin import TwinSettings, start_twin
from instruments.twin._photon_kernels import start_stop
from instruments.twin.devices import TagBox
from instruments.twin.devices.tagger import TAGGER_LIMITS
from instruments.twin.optics import Ramp
from instruments.twin.timetags import DRIFT, SYNC, Limits, Recording, TagSource
from instruments.twin.world import World

SETTINGS = TwinSettings(
    seed=4, bench="full", clock="lock-step", field_trajectories=4, field_duration_us=1.0, jitter_ps=30.0
)
DURATION_S = 0.01


class Lab:
    """A simulated lab with both pillars pumped, and its three taggers."""

    def __init__(self, twin, folder):
        self.twin, self.folder = twin, folder
        for pump, current_a in ((1, 3.0e-3), (2, 2.82e-3)):
            with Keithley2450Pump(twin.addresses[f"pump_{pump}"], clock=twin.clock) as source:
                source.ramp_to_current(current_a, 1e-5)
        link = twin.addresses["correlator_stream"]
        self.correlator = ID900(twin.addresses["correlator"], clock=twin.clock, data_link=link)
        self.tagger = SwabianTagger(twin.addresses["tagger"], clock=twin.clock)
        self.recorder = PicoQuantRecorder(twin.addresses["recorder"], clock=twin.clock)

    def record(self, box, allow_gaps=False):
        """Return the counts on inputs 3 and 4 of a recording of 10 ms."""
        if box != "recorder":
            tags = getattr(self, box).record([3, 4], DURATION_S, allow_gaps=allow_gaps)
            return tags.counts(3), tags.counts(4)
        path = self.folder / f"{len(list(self.folder.iterdir()))}.ptu"
        content = self.recorder.record_to(path, DURATION_S, allow_gaps=allow_gaps).read_bytes()
        return tuple(counts_per_channel(content[parse_header(content).size :])[2:4].tolist())

    def close(self):
        for driver in (self.correlator, self.tagger, self.recorder):
            driver.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with start_twin(SETTINGS) as twin:
        lab = Lab(twin, tmp_path_factory.mktemp("recordings"))
        yield lab
        lab.close()


def test_all_taggers_count_what_the_counters_count(lab):
    rates = [lab.correlator.counts(detector, 1.0) for detector in (3, 4)]
    assert min(rates) > 2e5
    for box in ("correlator", "tagger", "recorder"):
        for count, rate in zip(lab.record(box), rates, strict=True):
            # bunched light: four stretches of 1 us, played at random, scatter more than Poisson numbers
            assert count == pytest.approx(rate * DURATION_S, abs=5 * np.sqrt(rate * DURATION_S) * 1.3), box


def test_the_time_bins_of_the_correlator_are_its_resolution(lab):
    fine = lab.correlator.record([3, 4], DURATION_S)
    lab.correlator.command("DEVI:RESO LOWRES")
    coarse = lab.correlator.record([3], DURATION_S)
    lab.correlator.command("DEVI:RESO HIRES")
    assert (fine.unit_ps, coarse.unit_ps) == (13, 100)
    assert np.all(fine.time_ps % 13 == 0)
    assert np.all(coarse.time_ps % 100 == 0)
    assert 0.999 < fine.time_ps[-1] / (DURATION_S * 1e12) <= 1


def test_a_start_stop_histogram_of_two_detectors_pairs_starts_with_their_first_stop(lab):
    counts = lab.correlator.start_stop_histogram(3, [4], 10_000, 2000, 0.1)[0]
    starts, stops = lab.correlator.counts(3, 0.1), lab.correlator.counts(4, 0.1)
    # the last start before a stop: waits fall off with the sum of the rates, and each stop counts once
    mean_s = np.average((np.arange(2000) + 0.5) * 1e-8, weights=counts)
    assert mean_s == pytest.approx(0.1 / (starts + stops), rel=0.1)  # dead times change it by rate x 22 ns
    assert counts.sum() == pytest.approx(starts * stops / (starts + stops), rel=0.15)


@given(
    st.lists(st.integers(0, 3000), max_size=40).map(sorted),
    st.lists(st.integers(0, 3000), max_size=40).map(sorted),
    st.integers(0, 3000),
)
def test_the_histogram_is_that_of_brute_force_whatever_the_pieces(starts, stops, cut):
    expected = np.zeros(20, np.int64)
    for index, stop in enumerate(stops):
        before = [start for start in starts if start < stop]
        if before and not any(before[-1] < earlier for earlier in stops[:index]):
            delay = stop - before[-1] - 50
            if 0 <= delay < 2000:
                expected[delay // 100] += 1
    counts, waiting = np.zeros(20, np.int64), -1
    for low, high in ((0, cut), (cut, 3001)):
        parts = [np.array([t for t in times if low <= t < high], np.int64) for times in (starts, stops)]
        waiting = start_stop(*parts, 50, 100, counts, waiting)
    assert counts.tolist() == expected.tolist()


@pytest.mark.parametrize("box", ["correlator", "tagger", "recorder"])
@pytest.mark.parametrize(
    ("fault", "error"), [("tag_overflow", InstrumentProtocolError), ("detector_saturated", Interlock)]
)
def test_a_fault_of_a_tagger_is_a_typed_error_and_passes(lab, box, fault, error):
    lab.twin.inject(box, fault)
    with pytest.raises(error):
        lab.record(box)
    if fault == "tag_overflow":
        assert sum(lab.record(box, allow_gaps=True)) < 200
    lab.twin.clear(box, fault)
    assert sum(lab.record(box)) > 4000


def test_gaps_are_marked_by_the_tagger_and_counted_by_the_correlator(lab):
    lab.twin.inject("tagger", "tag_overflow")
    lab.twin.inject("correlator", "tag_overflow")
    tags = lab.tagger.record([3, 4], DURATION_S, allow_gaps=True)
    (begin, end), *_ = tags.gaps_ps
    assert tags.overflows >= 1
    assert not np.any((tags.time_ps >= begin) & (tags.time_ps <= end))
    assert lab.correlator.record([3], DURATION_S, allow_gaps=True).overflows == 1
    lab.twin.clear("tagger", "tag_overflow")
    lab.twin.clear("correlator", "tag_overflow")


def test_saturated_detectors_are_an_interlock_of_counts_and_histograms(lab):
    lab.twin.inject("correlator", "detector_saturated")
    with pytest.raises(Interlock):
        lab.correlator.counts(3, 0.1)
    with pytest.raises(Interlock):
        lab.correlator.start_stop_histogram(3, [4], 1000, 100, 0.01)
    lab.twin.clear("correlator", "detector_saturated")
    assert lab.correlator.counts(3, 0.1) > 10_000


def recorded(seed):
    """Return times and inputs that a box of a lab with both pillars pumped records in 2 ms."""
    world = World(TwinSettings(seed=seed, clock="lock-step", field_trajectories=2, field_duration_us=0.5))
    conditions = world.conditions()
    lit = replace(conditions, current_1_ua=25.0, current_2_ua=23.5, coupling=0.025, detuning_ghz=1.0)
    world.conditions = lambda: lit
    box = TagBox(world, "tagger", TAGGER_LIMITS)
    box.start([3, 4], 0.002)
    world.advance(0.001)
    world.advance(0.001)
    return box.finished()[1:]


def test_the_recording_of_a_lab_depends_on_its_seed_alone():
    one, again, other = (recorded(seed) for seed in (1, 1, 2))
    assert len(one[0]) > 300
    np.testing.assert_array_equal(one, again)
    assert len(one[0]) != len(other[0]) or np.any(one[0] != other[0])


@pytest.mark.parametrize(("buffer", "stops"), [(100, False), (100, True), (10**6, False)])
def test_a_box_loses_what_its_buffer_cannot_hold(buffer, stops):
    rng = np.random.default_rng(1)
    times = {3: np.sort(rng.integers(0, 10**9, 1000))}  # 1 Mcps for 1 ms
    recording = Recording(0.0, 1e-3, [3], Limits(1e5, buffer, stops), 1, set())
    recording.take(times, 0)
    kept, _ = recording.tags()
    if buffer > 1000:
        assert (recording.overflows, recording.lost, len(kept)) == (0, 0, 1000)
        return
    assert recording.overflows == (1 if stops else pytest.approx(2, abs=1))
    assert len(kept) == 1000 - recording.lost
    for begin, end in recording.gaps_ps:
        assert not np.any((kept >= begin) & (kept <= end))
    if stops:
        # 0.1 of what arrives is taken out: the buffer is full after about 100 / 0.9 tags
        assert len(kept) == pytest.approx(111, abs=5)
        assert recording.finished(0.0)


def test_a_drifting_clock_is_seen_in_the_period_of_a_reference_and_in_nothing_else():
    found = {}
    for faults in (set(), {"clock_drift"}):
        world = World(SETTINGS)
        world.set_ramp(Ramp("TRIANGLE", 1000.0, 0.5, 0.0, on=True))
        source = TagSource(world, "tagger", faults)
        source.expose(0.0, world.conditions(), [1, SYNC], [(lambda times, _: found.update(times), 1.0)])
        source.process()
        periods_ps = np.diff(found[SYNC])
        assert len(periods_ps) == 999
        # dark counts, 250/s give or take five standard errors, tell nothing of it
        assert abs(len(found[1]) - 250) < 5 * 250**0.5
        expected_ps = 1e9 * (1 + DRIFT * len(faults))
        assert periods_ps.mean() == pytest.approx(expected_ps, abs=1e-3 * DRIFT * 1e9)
