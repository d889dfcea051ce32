"""The process that the watchdog watches: whether it lives, what it says, and its end by force."""

import contextlib
import json
import os
import select
import signal
from typing import Any

LONGEST_DEATH_S = 0.5
CHUNK = 65536


class Engine:
    """A process by its number, and the pipe over which it speaks, as far as there are any.

    The process is held by a file descriptor (Linux), so that a later process of the same number is never
    taken for it. Its end is noticed by that and by the end of the pipe, whichever comes first: a child that
    it forked may keep the pipe open.

    Parameters
    ----------
    pid : int or None
        The process.
    feed : int or None
        File descriptor from which it is heard.

    Raises
    ------
    ProcessLookupError
        If there is no such process.
    """

    def __init__(self, pid: int | None, feed: int | None = None) -> None:
        self._process = os.pidfd_open(pid) if pid is not None else None
        self._feed = feed
        self._received = b""
        self.alive = True

    def listen(self, within_s: float) -> list[dict[str, Any]]:
        """Return what the process said, waiting for a word of it; clears `alive` when it has ended."""
        sources = [each for each in (self._feed, self._process) if each is not None]
        ready = select.select(sources, [], [], within_s)[0]
        if self._feed in ready:
            data = os.read(self._feed, CHUNK)
            self.alive = bool(data)
            self._received += data
        elif self._process in ready:
            self.alive = False
        *lines, self._received = self._received.split(b"\n")
        return [json.loads(line) for line in lines]

    def kill(self) -> None:
        """End the process by force, so that it does nothing any more and its connections are free."""
        self.alive = False
        if self._process is None:
            return
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        select.select([self._process], [], [], LONGEST_DEATH_S)
