"""Boxes that record time tags: a PicoQuant-style recorder and a Swabian-style tagger."""

from collections.abc import Sequence

import numpy as np

from ..direct_light import DIRECT
from ..light import Conditions
from ..timetags import TAGGER_FAULTS, Limits, Recording, TagSource
from ..world import World
from ._errors import BadSetting

__all__ = ["INPUTS", "RECORDER_LIMITS", "TAGGER_LIMITS", "TagBox"]

RECORDER_LIMITS = Limits(tags_per_s=9e6, buffer=2**21, stops=True)
"""A HydraHarp 400 at USB 2: 2097152 records of buffer; a recording ends when it is full."""

TAGGER_LIMITS = Limits(tags_per_s=8.5e6, buffer=8_000_000)
"""A Time Tagger 20."""


INPUTS = (1, 2, 3, 4)


class TagBox:
    """A time tagger with 1 ps bins and four inputs; the direct detectors are at 3 and 4.

    Parameters
    ----------
    world : World
        Light and time.
    name : str
        Its name on the network, for its random streams.
    limits : Limits
        What it can carry away.
    """

    faults = TAGGER_FAULTS

    def __init__(self, world: World, name: str, limits: Limits) -> None:
        self._world = world
        self._limits = limits
        self.active_faults: set[str] = set()
        self.source = TagSource(world, name, self.active_faults)
        self.recording: Recording | None = None
        world.observe(self._expose)
        world.foresee(self)

    def _expose(self, start_s: float, conditions: Conditions, duration_s: float) -> None:
        if (record := self.recording) and (lasted := record.overlap_s(start_s, duration_s)) > 0:
            wired = set(DIRECT) & set(record.inputs)
            if wired:
                self.source.expose(start_s, conditions, wired, [(record.take, lasted)])

    def missing(self) -> bool:
        """Return whether tags wait to be drawn."""
        return self.source.waiting

    def prepare(self) -> None:
        """Draw them."""
        self.source.process()

    def start(self, inputs: Sequence[int], duration_s: float) -> None:
        """Start to record."""
        if not inputs or set(inputs) - set(INPUTS):
            raise BadSetting(f"inputs {list(inputs)} are none of 1 to 4")
        if not 1e-6 <= duration_s <= 1e5:
            raise BadSetting(f"a recording must last 1e-6..1e5 s, not {duration_s}")
        self.source.process()
        self.recording = Recording(
            self._world.now_s, duration_s, sorted(set(inputs)), self._limits, 1, self.active_faults
        )

    @property
    def running(self) -> bool:
        """Whether a recording runs."""
        return self.recording is not None and not self.recording.finished(self._world.now_s)

    @property
    def started_s(self) -> float:
        """When the last recording started."""
        return self.recording.start_s if self.recording else 0.0

    def finished(self) -> tuple[Recording, np.ndarray, np.ndarray]:
        """Return the finished recording, its times in ps and inputs; refuse while it runs."""
        if self.recording is None or self.running:
            raise BadSetting("there is no finished recording")
        self.source.process()
        return self.recording, *self.recording.tags()
