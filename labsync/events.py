"""What the scan loop tells whoever listens: progress bars, windows, heartbeats."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Point = dict[str, float]


@dataclass(frozen=True)
class Event:
    """What the loop tells its listener.

    Attributes
    ----------
    kind : str
        ``approach`` (repeated while settling), ``observe`` or ``commit``; ``replay`` instead of the first two
        while a simulated lab is brought back to where it was; ``retry`` when a step begins again; ``pause``
        (repeated) while the operator holds the scan.
    step, total : int
        Number of the step from 0, and how many there will be (0 if not known).
    facts : dict
        Values to show: temperatures while settling, row and timing at the commit, the error at a retry.
    """

    kind: str
    step: int
    total: int
    facts: dict[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]
Report = Callable[[Mapping[str, float]], None]
