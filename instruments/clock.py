"""Time as the drivers see it, so that a simulated lab can bring its own."""

import time
from typing import Protocol, runtime_checkable

__all__ = ["Clock", "SystemClock"]


@runtime_checkable
class Clock(Protocol):
    """A source of time and the one way to wait."""

    def now(self) -> float:
        """Return the time since an arbitrary start, in s; it never runs backwards."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait for the given time, in s."""
        ...


class SystemClock:
    """The computer's own monotonic clock."""

    def now(self) -> float:
        """Return the time since an arbitrary start, in s."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for the given time, in s; zero and negative times return at once."""
        if seconds > 0:
            time.sleep(seconds)
