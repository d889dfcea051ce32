"""Blocks of an ID Quantique ID900 time controller: inputs, delays, combiners, gates, histograms."""

import math
import re

from .._streams import stream
from ..light import Conditions, Exposed
from ..world import World
from ._errors import BadSetting
from ._histogram import Counter, Histogram

__all__ = ["START", "Counter", "ID900"]

START = 5
"""Number of the START input among the counters; it is wired to the sync output of the ramp generator."""


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
    """Detectors of P1 and P2 at inputs 1 and 2, the ramp's sync at START.

    Only histograms of a detector against the ramp's sync are modelled; any other pair of links sees no
    coincidences.

    Parameters
    ----------
    world : World
        Light and time.
    """

    faults: frozenset[str] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = stream(world.settings.seed, "correlator")
        self.load_init()
        world.observe(self._expose)
        world.foresee(self)

    def load_init(self) -> None:
        """Return to the initial configuration."""
        light = self._world.light
        self.counters = {n: Counter(light, n, self._rng) for n in range(1, START + 1)}
        self.histograms = {n: Histogram(light, self._rng) for n in range(1, 5)}
        self.gates = {n: Gate() for n in range(1, 9)}
        self.delay_links = {n: f"INPU{n}" if n < START else "NONE" for n in range(1, 9)}
        self.delays_ps = dict.fromkeys(range(1, 9), 0)
        self.combiner_links = {n: f"DELA{n - 4}" if 5 <= n <= 8 else "NONE" for n in range(1, 17)}
        self.input_settings: dict[tuple[str, int], str] = {}
        self.device_settings = {"RESO": "HIRES", "SYNC": "INTERNAL"}

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
        """Work out which detector a histogram sees, and with which delay after the ramp's sync."""
        reference, reference_ps = self._source(histogram.links["REF"])
        stop, stop_ps = self._source(histogram.links["STOP"])
        histogram.pillar = stop - 1 if reference == START and stop in (1, 2) else None
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
        for histogram in self.histograms.values():
            link = histogram.links["ENAB"]
            gate = self.gates[int(link[4:])] if link.startswith("TSGE") else None
            lasted = gate.overlap_s(start_s, duration_s) if gate else 0.0
            if lasted > 0 and histogram.pillar is not None and conditions.ramp.on:
                histogram.exposure.add(conditions, lasted)

    def exposed(self) -> list[Exposed]:
        """Return the moments that the running histograms have seen since they were last read."""
        seen: list[Exposed] = []
        for histogram in self.histograms.values():
            seen += histogram.exposure.moments
        return seen

    def missing(self) -> bool:
        """Return whether the running histograms need spectra that are not simulated yet."""
        return self._world.light.missing(self.exposed())

    def prepare(self) -> None:
        """Simulate them."""
        self._world.light.prepare(self.exposed())

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
