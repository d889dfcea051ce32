"""Tags of one counting box: detection events at its inputs, and what it can keep of them."""

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ._photon_kernels import fifo
from ._streams import stream
from .direct_light import DETECTORS, DIRECT, FLOOD_CPS
from .light import Conditions
from .photons import Counter, Pool, Track

if TYPE_CHECKING:
    from .world import World

__all__ = ["SYNC", "TAGGER_FAULTS", "Limits", "Recording", "TagSource"]

SYNC = 5
"""Number of the ramp generator's sync output among a box's inputs."""

TAGGER_FAULTS = frozenset({"detector_saturated", "tag_overflow", "clock_drift"})
DRIFT = 2e-5
"""Clock error of a box with the fault clock_drift: within what is usual for a quartz without a reference."""

Times = dict[int, np.ndarray]
Sink = Callable[[Times, int], None]
"""Takes the times per input, and the start of their piece of time, all in ps by the box's clock."""


@dataclass(frozen=True)
class _Piece:
    start_s: float
    conditions: Conditions
    inputs: tuple[int, ...]
    sinks: tuple[tuple[Sink, float], ...]

    @property
    def duration_s(self) -> float:
        """Time for which the longest sink wants events."""
        return max(lasted for _, lasted in self.sinks)


class _Light(NamedTuple):
    """Light on one detector; without a phase, it is played from the stretches that all detectors share."""

    pool: Pool
    mean_cps: float
    phase: float | None


class TagSource:
    """Events at the inputs of one box, drawn when somebody needs them.

    The box has photons of its own, from streams named after it: two boxes on the same detectors record the
    same light, but not the same photons.

    Parameters
    ----------
    world : World
        The light.
    name : str
        The box, for its random streams.
    faults : set of str
        Faults that are active: detector_saturated, clock_drift.
    """

    def __init__(self, world: "World", name: str, faults: set[str]) -> None:
        self._world = world
        self._faults = faults
        seed = world.settings.seed
        self._track = Track(stream(seed, name, "stretches"))
        self._counters = {
            n: Counter(world.direct.modules[n], stream(seed, name, "photons", n)) for n in DETECTORS
        }
        self._elapsed_ps = 0.0
        self._pieces: list[_Piece] = []
        self._lock = threading.Lock()  # tags may be drawn beside the server's thread

    def expose(
        self,
        start_s: float,
        conditions: Conditions,
        inputs: Iterable[int],
        sinks: Sequence[tuple[Sink, float]],
    ) -> None:
        """Let a piece of time pass; each sink gets the events of its first so many seconds."""
        self._pieces.append(_Piece(start_s, conditions, tuple(sorted(set(inputs))), tuple(sinks)))

    @property
    def waiting(self) -> bool:
        """Whether pieces of time have passed whose events are not drawn yet."""
        return bool(self._pieces)

    @property
    def missing(self) -> bool:
        """Whether light must be simulated before the events can be drawn."""
        direct = self._world.direct
        return any(direct.missing(p.conditions) for p in list(self._pieces) if set(p.inputs) & set(DIRECT))

    def process(self) -> None:
        """Draw the events of the time that has passed, and hand them on."""
        while self._pieces:
            piece = self._pieces[0]
            light = {n: self._light(n, piece) for n in piece.inputs}  # long, and others may go on meanwhile
            with self._lock:
                if self._pieces and self._pieces[0] is piece:
                    self._draw(self._pieces.pop(0), light)
        with self._lock:
            return  # another thread may just have drawn the last piece

    def _light(self, n: int, piece: _Piece) -> _Light | None:
        """Return what shines on an input; None where there is no detector."""
        direct = self._world.direct
        if n not in DETECTORS:
            return None
        if "detector_saturated" in self._faults:
            return _Light(direct.still, FLOOD_CPS, 0.0)
        if n in DIRECT:
            pool, light_cps = direct.pool(n, piece.conditions)
            return _Light(pool, light_cps, None if light_cps else 0.0)
        return _Light(*direct.through_etalon(n, piece.conditions, piece.start_s))

    def _draw(self, piece: _Piece, light: dict[int, _Light | None]) -> None:
        stretch = 1 + DRIFT if "clock_drift" in self._faults else 1.0
        start_ps = self._elapsed_ps
        self._elapsed_ps += stretch * piece.duration_s * 1e12
        times = {
            n: np.floor(start_ps + stretch * events).astype(np.int64)
            for n, events in self._events(piece, light).items()
        }
        for sink, lasted_s in piece.sinks:
            end_ps = start_ps + stretch * lasted_s * 1e12
            sink({n: t[: np.searchsorted(t, end_ps)] for n, t in times.items()}, int(start_ps))

    def _events(self, piece: _Piece, light: dict[int, _Light | None]) -> dict[int, np.ndarray]:
        """Return the events' times in ps from the start of the piece."""
        duration_ps = piece.duration_s * 1e12
        events = {}
        track: tuple[np.ndarray, float] | None = None
        for n, seen in light.items():
            if seen is None:
                events[n] = self._sync_ps(piece) if n == SYNC else np.zeros(0)
                continue
            pool = seen.pool
            if seen.phase is None:
                order, phase = track = track or self._track.advance(pool, duration_ps)
            else:
                order, phase = np.zeros(2 + int(duration_ps / pool.sample_ps / pool.samples), int), seen.phase
            events[n] = self._counters[n].register(pool, order, phase, duration_ps, seen.mean_cps)
        return events

    def _sync_ps(self, piece: _Piece) -> np.ndarray:
        ramp = piece.conditions.ramp
        if not ramp.on:
            return np.zeros(0)
        first = (piece.start_s - self._world.ramp_start_s) * ramp.frequency_hz
        last = first + piece.duration_s * ramp.frequency_hz
        return (np.arange(math.ceil(first), math.ceil(last)) - first) / ramp.frequency_hz * 1e12


@dataclass(frozen=True)
class Limits:
    """What a box can carry away: tags per second for ever, and a buffer for bursts."""

    tags_per_s: float
    buffer: int
    stops: bool = False
    """Whether a recording ends when the buffer is full."""


CHOKED = Limits(1000.0, 50)
"""A box with the fault tag_overflow: its computer hardly fetches anything."""


class Recording:
    """Tags of some inputs during a span of time.

    Parameters
    ----------
    start_s, duration_s : float
        The span, in world time.
    inputs : sequence of int
        Inputs to record.
    limits : Limits
        What the box can carry away.
    unit_ps : int
        Width of its time bins.
    faults : set of str
        Faults that are active: tag_overflow.

    Attributes
    ----------
    overflows, lost : int
        How often the buffer was full, and how many tags did not fit.
    gaps_ps : list of (int, int)
        From the first lost tag to the last one, for each overflow.
    """

    def __init__(
        self,
        start_s: float,
        duration_s: float,
        inputs: Sequence[int],
        limits: Limits,
        unit_ps: int,
        faults: set[str],
    ) -> None:
        self.start_s, self.duration_s, self.inputs = start_s, duration_s, tuple(inputs)
        self._limits, self._unit_ps, self._faults = limits, unit_ps, faults
        self._state = np.zeros(3)
        self._origin_ps: int | None = None
        self._kept: list[tuple[np.ndarray, np.ndarray]] = []
        self.overflows = self.lost = 0
        self.gaps_ps: list[tuple[int, int]] = []

    def overlap_s(self, start_s: float, duration_s: float) -> float:
        """Return for how much of a piece of time the recording runs."""
        return max(0.0, min(duration_s, self.start_s + self.duration_s - start_s))

    def finished(self, now_s: float) -> bool:
        """Return whether the span is over, or the box gave up."""
        return now_s >= self.start_s + self.duration_s - 1e-9 or (self._limits.stops and self.overflows > 0)

    def end(self, now_s: float) -> None:
        """End the recording early."""
        self.duration_s = min(self.duration_s, max(0.0, now_s - self.start_s))

    def take(self, times: Times, start_ps: int) -> None:
        """Take in the events of a piece of time."""
        if self._origin_ps is None:
            self._origin_ps = start_ps
        if self._limits.stops and self.overflows:
            return
        wired = [n for n in self.inputs if n in times]
        merged = np.concatenate([times[n] for n in wired]) - self._origin_ps
        channels = np.repeat(np.array(wired, np.int8), [len(times[n]) for n in wired])
        order = np.argsort(merged, kind="stable")
        merged, channels = merged[order], channels[order]
        limits = CHOKED if "tag_overflow" in self._faults else self._limits
        kept, overflows = fifo(merged, limits.tags_per_s * 1e-12, limits.buffer, self._state)
        if not kept.all():
            if self._limits.stops:
                kept[np.argmin(kept) :] = False
                overflows = 1
            self._note_gaps(merged, kept, overflows)
        inside = kept & (merged >= 0) & (merged < self.duration_s * 1e12)
        self._kept.append((merged[inside] // self._unit_ps * self._unit_ps, channels[inside]))

    def _note_gaps(self, merged: np.ndarray, kept: np.ndarray, overflows: int) -> None:
        self.overflows += overflows
        self.lost += int(np.count_nonzero(~kept))
        edges = np.flatnonzero(np.diff(np.concatenate([[True], kept, [True]]).astype(np.int8)))
        gaps = [(int(merged[a]), int(merged[b - 1])) for a, b in edges.reshape(-1, 2)]
        if self.gaps_ps and kept[0] == 0 and len(gaps) > overflows:  # goes on from the piece before
            self.gaps_ps[-1] = (self.gaps_ps[-1][0], gaps.pop(0)[1])
        self.gaps_ps += gaps

    def tags(self) -> tuple[np.ndarray, np.ndarray]:
        """Return times in ps from the start, sorted, and their inputs."""
        times = np.concatenate([np.zeros(0, np.int64), *(t for t, _ in self._kept)])
        channels = np.concatenate([np.zeros(0, np.int8), *(c for _, c in self._kept)])
        if np.any(times[1:] < times[:-1]):  # only where a piece of time reaches a little into the next
            order = np.argsort(times, kind="stable")
            times, channels = times[order], channels[order]
        self._kept = [(times, channels)]
        return self._kept[0]
