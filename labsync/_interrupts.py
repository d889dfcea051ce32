"""Ctrl-C, termination and pause: they never cut a commit, nor the way to the safe state."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from labsync._keys import listening

_STOP = (signal.SIGINT, signal.SIGTERM)
_HOLD = signal.SIGUSR1
_KEYS = {"p": _HOLD, "q": signal.SIGINT}


class Interrupts:
    """Turn SIGINT and SIGTERM into KeyboardInterrupt, held back where a piece of work must not be cut.

    SIGUSR1 asks for a pause, and ends it. On a terminal the keys p and q do what SIGUSR1 and SIGINT do.

    Used as a context manager around a run. Outside the main thread (a window's worker) signals are not ours
    and nothing happens.

    Attributes
    ----------
    raised : bool
        Whether an interrupt came through; what fails after that fails because of it.
    paused : bool
        Whether a pause is asked for.
    """

    def __init__(self) -> None:
        self._holding = 0
        self._pending = False
        self.raised = False
        self.paused = False
        self._restore = ExitStack()

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in _STOP:
                self._take(number, self._receive)
            self._take(_HOLD, self._toggle)
            self._restore.enter_context(listening(_KEYS))
        return self

    def __exit__(self, *exc: object) -> None:
        self._restore.close()

    def _take(self, number: int, handler: object) -> None:
        before = signal.signal(number, handler)  # type: ignore[arg-type]
        self._restore.callback(signal.signal, number, before)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._holding:
            self._pending = True
        elif not self.raised:  # a second Ctrl-C must not cut short what the first one set going
            self.raised = True
            raise KeyboardInterrupt

    def _toggle(self, number: int, frame: FrameType | None) -> None:
        self.paused = not self.paused

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
