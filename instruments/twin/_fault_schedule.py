"""When an injected fault fires."""

import math
from dataclasses import dataclass, fields

import numpy as np

__all__ = ["ActiveFault", "Schedule"]


@dataclass(frozen=True)
class Schedule:
    """When a fault fires; by default always, from the moment of its injection.

    An occasion is a reply, or a command where the fault acts on commands (see `instruments.twin.faults`).

    Parameters
    ----------
    probability : float
        Chance of firing at each occasion, above 0 and up to 1.
    after : int
        Number of occasions that pass unharmed first.
    count : int, optional
        Number of firings after which it is spent; by default there is no end.
    after_s, for_s : float, optional
        World time from the injection until it starts, and how long it then lasts, in s.
    delay_s : float, optional
        Length of the fault itself, in s of real time, where it has one.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    probability: float = 1.0
    after: int = 0
    count: int | None = None
    after_s: float = 0.0
    for_s: float | None = None
    delay_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse impossible schedules."""
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.default is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"{field.name} of a fault must be a number, not {value!r}")
            if value < 0:
                raise ValueError(f"{field.name} of a fault must not be negative, as {value} is")
        if not 0 < self.probability <= 1:
            raise ValueError(f"probability of a fault must lie above 0 and up to 1, not {self.probability}")
        if self.after != int(self.after) or (self.count or 1) != int(self.count or 1) or self.count == 0:
            raise ValueError(
                f"after and count of a fault must be whole numbers and count positive, not {self.after} and "
                f"{self.count}"
            )

    @property
    def steady(self) -> bool:
        """Whether it holds without a break, and does not depend on what is sent."""
        return self.probability == 1 and not self.after and self.count is None

    def as_dict(self) -> dict[str, float]:
        """Return what differs from the default."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }


class ActiveFault:
    """An injected fault with its schedule and its own random numbers.

    Parameters
    ----------
    schedule : Schedule
        When it fires.
    rng : numpy.random.Generator
        Its stream.
    injected_s : float
        World time of the injection, in s.
    """

    def __init__(self, schedule: Schedule, rng: np.random.Generator, injected_s: float) -> None:
        self.schedule = schedule
        self.rng = rng
        self.fired = 0
        self._seen = 0
        self._start_s = injected_s + schedule.after_s
        self._end_s = math.inf if schedule.for_s is None else self._start_s + schedule.for_s

    def in_force(self, now_s: float) -> bool:
        """Return whether its time has come and is not over."""
        return self._start_s <= now_s < self._end_s

    def fires(self, now_s: float) -> bool:
        """Return whether it fires at this occasion."""
        if not self.in_force(now_s):
            return False
        self._seen += 1
        if self._seen <= self.schedule.after or self.fired == self.schedule.count:
            return False
        if self.schedule.probability < 1 and self.rng.random() >= self.schedule.probability:
            return False
        self.fired += 1
        return True
