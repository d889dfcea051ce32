"""The program's side of the watchdog: starts it, sends it heartbeats, and hears when it trips."""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from instruments.clock import Clock, SystemClock
from instruments.errors import Interlock
from labsync._readings import read
from labsync._safety_sections import WatchdogSection
from labsync.errors import LabsyncError
from labsync.events import Event, Listener

COMMAND = (sys.executable, "-P", "-m", "labsync.watchdog")
LONGEST_START_S = 60.0
LONGEST_END_S = 5.0
READ_AT = ("approach", "observe", "replay")
"""Events at which the program reads what the interlocks limit: the same ones when a run is repeated."""


class Guard:
    """A watchdog process that watches over this one.

    Parameters
    ----------
    rules : WatchdogSection
        The station file's section.
    station : str
        The station file's text.
    addresses : mapping of str to str, or None
        Where the instruments answer; None if they are simulated in this process and end with it.
    """

    def __init__(self, rules: WatchdogSection, station: str, addresses: Mapping[str, str] | None) -> None:
        self._rules = rules
        self._readings: dict[str, float] = {}
        self._idle_since_s = time.monotonic()
        self._alarm: Exception | None = None
        self._standing_down = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self.tripped = threading.Event()
        self._process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
        )
        self._send(opening=True, station=station, addresses=addresses and dict(addresses), pid=os.getpid())
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def wait_until_ready(self) -> None:
        """Return as soon as the watchdog watches.

        Raises
        ------
        LabsyncError
            If it does not come to that.
        """
        assert self._process.stdout is not None
        begun = select.select([self._process.stdout], [], [], LONGEST_START_S)[0]
        if not begun or b"ready" not in self._process.stdout.readline():
            self._process.kill()
            raise LabsyncError("The watchdog does not start; nothing was switched on. Its words are above.")
        self._heart.start()

    def progress(self, within_s: float = 0.0) -> None:
        """Note that the program gets on, and for how long from now it may be busy with one thing."""
        self._idle_since_s = time.monotonic() + max(within_s, 0.0)

    def check(self) -> None:
        """Raise, once, why the run must end.

        Raises
        ------
        Interlock
            The watchdog has tripped.
        LabsyncError
            The watchdog itself was ended.
        """
        alarm, self._alarm = self._alarm, None
        if alarm is not None and not self._standing_down:
            raise alarm

    def listening(self, listener: Listener, instruments: Mapping[str, Any], folder: Path) -> Listener:
        """Return a listener that also reports to the watchdog, which writes what it did into `folder`."""
        self._send(folder=str(folder.resolve()))
        own = [each for each in self._rules.interlock if each.read_by == "program"]

        def heard(event: Event) -> None:
            self.progress()
            self.check()
            if event.kind in READ_AT:
                readings = {each.name: read(each, instruments) for each in own}
                if readings != self._readings:
                    self._readings = readings
                    self._send(beat=True, idle_s=0.0, readings=readings)
            listener(event)

        return heard

    def stand_down(self) -> None:
        """Tell the watchdog that the way to the safe state begins; nothing is raised from now on."""
        self._standing_down = True
        self._send(standing_down=True)

    def report_safe(self, problems: list[str]) -> None:
        """Tell the watchdog how the way to the safe state ended."""
        self.progress()
        self._send(safe=True, problems=problems)
        self._standing_down = False

    def end(self) -> None:
        """Tell the watchdog that all is well, and wait until it has ended."""
        self._send(end=True)
        self._ended.set()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LONGEST_END_S)
        if self._heart.ident is not None:
            self._heart.join(LONGEST_END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()

    def _send(self, **message: Any) -> None:
        assert self._process.stdin is not None
        with self._lock, contextlib.suppress(OSError, ValueError):  # that it is gone shows when we listen
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def _beat(self) -> None:
        assert self._process.stdout is not None
        words, interval_s = self._process.stdout, self._rules.silence / 6
        while not self._ended.is_set():
            if select.select([words], [], [], interval_s)[0] and not self._hear(words.readline()):
                return
            idle_s = max(0.0, time.monotonic() - self._idle_since_s)
            self._send(beat=True, idle_s=idle_s, readings=self._readings)

    def _hear(self, line: bytes) -> bool:
        """Take a word of the watchdog; return whether there is more to come."""
        if not line:
            if not self._ended.is_set():
                self._raise(LabsyncError("The watchdog was ended; the run stops, because nothing guards it."))
            return False
        if "trip" in (word := json.loads(line)):
            self._raise(Interlock(f"The watchdog stops the run: {word['trip']}."))
        return True

    def _raise(self, alarm: Exception) -> None:
        self._alarm = alarm
        self.tripped.set()


class WatchedClock:
    """A clock whose sleepers are known to be alive, and are woken when the watchdog trips.

    Parameters
    ----------
    clock : Clock
        The bench's clock.
    guard : Guard
        Told how long a sleep may take.
    """

    def __init__(self, clock: Clock, guard: Guard) -> None:
        self._clock, self._guard = clock, guard

    def now(self) -> float:
        """Return the time since an arbitrary start, in s."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Wait for the given time, in s.

        Raises
        ------
        Interlock
            If the watchdog trips meanwhile.
        """
        self._guard.progress(seconds)
        if isinstance(self._clock, SystemClock) and not self._guard.tripped.is_set():
            self._guard.tripped.wait(max(seconds, 0.0))
        else:
            self._clock.sleep(seconds)
        self._guard.progress()
        self._guard.check()
