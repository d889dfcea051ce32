"""Ctrl-C and termination: they stop a step anywhere, but never a commit or the way to the safe state."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Turn SIGINT and SIGTERM into KeyboardInterrupt, held back where a piece of work must not be cut.

    Used as a context manager around a run. Outside the main thread (a window's worker) signals are not ours
    and nothing happens.

    Attributes
    ----------
    raised : bool
        Whether an interrupt came through; what fails after that fails because of it.
    """

    def __init__(self) -> None:
        self._holding = 0
        self._pending = False
        self.raised = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._receive) for number in _SIGNALS}
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._holding:
            self._pending = True
        elif not self.raised:  # a second Ctrl-C must not cut short what the first one set going
            self.raised = True
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Run the block to its end; an interrupt that came meanwhile is raised after it."""
        self._holding += 1
        try:
            yield
        finally:
            self._holding -= 1
        if self._pending and not self._holding:
            self._pending, self.raised = False, True
            raise KeyboardInterrupt

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """Run the block to its end; interrupts that came meanwhile are forgotten."""
        self._holding += 1
        try:
            yield
        finally:
            self._holding -= 1
            self._pending = False
