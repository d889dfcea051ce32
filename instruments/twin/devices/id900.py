"""Blocks of an ID Quantique ID900 time controller: inputs, delays, combiners, gates, histograms."""

import math
import re

import numpy as np

from .._streams import stream
from ..light import Conditions, Exposed
from ..timetags import SYNC, TAGGER_FAULTS, Limits, Recording, Sink, TagSource
from ..world import World
from ._errors import BadSetting
from ._histogram import Counter, Histogram

__all__ = ["START", "Counter", "ID900"]

START = SYNC
"""Number of the START input among the counters; it is wired to the sync output of the ramp generator."""

RESOLUTIONS_PS = {"HIRES": 13, "LOWRES": 100}

LIMITS = Limits(tags_per_s=1.25e7, buffer=2_000_000)
"""1 Gbit/s of 64-bit tags; the buffer, 1e8 tags in the box, is smaller here to spare memory."""


class Gate:
    """A signal generator (TSGE) used as a gate, open until it is switched off or its one-shot pulse ends."""

    def __init__(self) -> None:
        self.enabled = False
        self.pulse_s = math.inf
        self.opened_s = 0.0

    def switch(self, on: bool, now_s: float) -> None:
        """Open or close."""
        self.enabled = on
        self.opened_s = now_s

    def overlap_s(self, start_s: float, duration_s: float) -> float:
        """Return for how much of a piece of time the gate is open."""
        if not self.enabled:
            return 0.0
        return max(0.0, min(duration_s, self.opened_s + self.pulse_s - start_s))


class ID900:
    """Detectors behind the interferometer at inputs 1, 2, direct ones at 3, 4, the ramp's sync at START.

    Time tags are multiples of the resolution, 13 ps or 100 ps, counted from the start of the recording; a
    64-bit word of ps does not roll over.

    Parameters
    ----------
    world : World
        Light and time.
    """

    faults = TAGGER_FAULTS

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = stream(world.settings.seed, "correlator")
        self._counting = stream(world.settings.seed, "correlator", "counters")
        self.active_faults: set[str] = set()
        self.source = TagSource(world, "correlator", self.active_faults)
        self.load_init()
        world.observe(self._expose)
        world.foresee(self)

    def load_init(self) -> None:
        """Return to the initial configuration."""
        light, direct = self._world.light, self._world.direct
        self.counters = {
            n: Counter(light, direct, n, self._counting, self.active_faults) for n in range(1, START + 1)
        }
        self.histograms = {n: Histogram(light, self._rng, self.active_faults) for n in range(1, 5)}
        self.gates = {n: Gate() for n in range(1, 9)}
        self.delay_links = {n: f"INPU{n}" if n < START else "NONE" for n in range(1, 9)}
        self.delays_ps = dict.fromkeys(range(1, 9), 0)
        self.combiner_links = {n: f"DELA{n - 4}" if 5 <= n <= 8 else "NONE" for n in range(1, 17)}
        self.input_settings: dict[tuple[str, int], str] = {}
        self.device_settings = {"RESO": "HIRES", "SYNC": "INTERNAL"}
        self.tag_links = {n: f"TSCO{n + 4}" for n in range(1, 5)}
        self.sending: set[int] = set()
        self.record_ps = 10**12
        self.recording: Recording | None = None

    def set_link(self, links: dict, key: object, target: str) -> None:
        """Connect a block's port to another block, e.g. TSCO5; NONE disconnects."""
        name = canonical_block(target)
        links[key] = name
        for histogram in self.histograms.values():
            self._connect(histogram)

    def set_delay(self, block: int, picoseconds: int) -> None:
        """Set the delay of a DELA block."""
        if not 0 <= picoseconds <= 10**12:
            raise BadSetting(f"a delay must lie within 0..1e12 ps, not {picoseconds}")
        self.delays_ps[block] = picoseconds
        for histogram in self.histograms.values():
            self._connect(histogram)

    def _connect(self, histogram: Histogram) -> None:
        """Work out which inputs a histogram sees, and with which delay of the stops against the starts."""
        reference, reference_ps = self._source(histogram.links["REF"])
        stop, stop_ps = self._source(histogram.links["STOP"])
        behind_ramp = reference == START and stop in (1, 2)
        histogram.pillar = stop - 1 if behind_ramp else None
        histogram.pair = (reference, stop) if reference and stop and not behind_ramp else None
        histogram.delay_ps = stop_ps - reference_ps

    def _source(self, link: str, hops: int = 4) -> tuple[int, int]:
        """Follow links to an input (0 for none); returns it with the delay on the way, in ps."""
        if link == "STAR":
            return START, 0
        match = re.fullmatch(r"(INPU|DELA|TSCO)(\d+)", link)
        if not match or hops == 0:
            return 0, 0
        kind, number = match[1], int(match[2])
        if kind == "INPU":
            return number, 0
        if kind == "TSCO":
            return self._source(self.combiner_links[number], hops - 1)
        source, delay_ps = self._source(self.delay_links[number], hops - 1)
        return source, delay_ps + self.delays_ps[number]

    def _expose(self, start_s: float, conditions: Conditions, duration_s: float) -> None:
        for counter in self.counters.values():
            counter.expose(conditions, duration_s)
        tagged: list[tuple[tuple[int, ...], Sink, float]] = []
        if (record := self.recording) and (lasted := record.overlap_s(start_s, duration_s)) > 0:
            tagged.append((record.inputs, record.take, lasted))
        for histogram in self.histograms.values():
            link = histogram.links["ENAB"]
            gate = self.gates[int(link[4:])] if link.startswith("TSGE") else None
            lasted = gate.overlap_s(start_s, duration_s) if gate else 0.0
            if lasted > 0 and histogram.pillar is not None and conditions.ramp.on:
                histogram.exposure.add(conditions, lasted)
            if lasted > 0 and histogram.pair is not None:
                tagged.append((histogram.pair, histogram.take, lasted))
        if tagged:
            inputs = {n for wanted, _, _ in tagged for n in wanted}
            self.source.expose(start_s, conditions, inputs, [(sink, lasted) for _, sink, lasted in tagged])

    def exposed(self) -> list[Exposed]:
        """Return the moments that the running histograms have seen since they were last read."""
        seen: list[Exposed] = []
        for histogram in self.histograms.values():
            seen += histogram.exposure.moments
        return seen

    def missing(self) -> bool:
        """Return whether the running measurements need light that is not simulated yet."""
        waited = any(counter.missing() for counter in self.counters.values())
        return waited or self.source.waiting or self._world.light.missing(self.exposed())

    def prepare(self) -> None:
        """Simulate it, and draw the time tags."""
        self._world.light.prepare(self.exposed())
        for counter in self.counters.values():
            counter.prepare()
        self.source.process()

    @property
    def resolution_ps(self) -> int:
        """Width of the time bins."""
        return RESOLUTIONS_PS[self.device_settings["RESO"]]

    def set_resolution(self, name: str) -> None:
        """Choose between HIRES and LOWRES."""
        if name.upper() not in RESOLUTIONS_PS:
            raise BadSetting(f"the resolution is HIRES or LOWRES, not {name!r}")
        self.device_settings["RESO"] = name.upper()

    def set_record_ps(self, picoseconds: float) -> None:
        """Set the length of a recording."""
        if not 1e6 <= picoseconds <= 1e17:
            raise BadSetting(f"a recording must last 1e6..1e17 ps, not {picoseconds}")
        self.record_ps = int(picoseconds)

    def play(self) -> None:
        """Start to record the tags of the blocks that are to be sent."""
        inputs = [self._source(self.tag_links[n])[0] for n in sorted(self.sending)]
        self.recording = Recording(
            self._world.now_s, self.record_ps * 1e-12, inputs, LIMITS, self.resolution_ps, self.active_faults
        )

    def stop(self) -> None:
        """End the recording."""
        if self.recording is not None:
            self.recording.end(self._world.now_s)

    @property
    def playing(self) -> bool:
        """Whether a recording runs."""
        return self.recording is not None and not self.recording.finished(self._world.now_s)

    def tags_ps(self, block: int) -> np.ndarray | None:
        """Return the tags of one block in the finished recording, in ps; None while there is none."""
        if self.recording is None or self.playing:
            return None
        self.source.process()
        times, channels = self.recording.tags()
        return times[channels == self._source(self.tag_links[block])[0]]

    def tag_errors(self) -> int:
        """Return how often tags were lost in the last recording."""
        self.source.process()
        return self.recording.overflows if self.recording is not None else 0

    def check_input(self, number: int) -> int:
        """Return the number of an input that exists."""
        if not 1 <= number < START:
            raise BadSetting(f"there is no input {number}")
        return number

    def set_pulse(self, block: int, seconds: float) -> None:
        """Set the length of a gate's one-shot pulse."""
        if not seconds > 0:
            raise BadSetting(f"a pulse must have a positive length, not {seconds} s")
        self.gates[block].pulse_s = seconds

    def switch_gate(self, block: int, on: bool) -> None:
        """Open or close a gate now."""
        self.gates[block].switch(on, self._world.now_s)


def canonical_block(name: str) -> str:
    """Return a block's four-letter name with its number, or STAR or NONE."""
    text = name.strip().upper()
    if text in ("NONE", "STAR", "START"):
        return text[:4]
    match = re.fullmatch(r"(INPU|DELA|TSCO|TSGE)[A-Z]*(\d{1,2})", text)
    counts = {"INPU": 4, "DELA": 8, "TSCO": 16, "TSGE": 8}
    if not match or not 1 <= int(match[2]) <= counts[match[1]]:
        raise BadSetting(f"there is no block {name!r}")
    return f"{match[1]}{int(match[2])}"
