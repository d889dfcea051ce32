"""The watchdog: a process of its own that brings the bench to its safe state when the program cannot.

It trips when the program dies (seen at once), is silent or stands still for too long (it is then ended by
force: it must not wake up and go on), and when a reading rises above its limit. In the last case the program,
if it can, goes to the safe state itself. The instruments are connected only after the program has ended, so
those that accept a single connection are free by then; readings of the watchdog's own are the exception.
"""

import json
import logging
import os
import signal
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, TextIO

from instruments.clock import SystemClock
from labsync import safety
from labsync._connections import Connections
from labsync._durable import write_durably
from labsync._engine import Engine
from labsync._own_readings import OwnReadings
from labsync._readings import violation
from labsync._safety_sections import WatchdogSection
from labsync.settings import StationSettings

__all__ = ["RECORD", "Watchdog", "quick_connections"]

log = logging.getLogger("labsync.watchdog")

RECORD = "watchdog.json"
"""What a watchdog that tripped leaves in the run folder."""
POLL_S = 0.1
GRACE_S = 2.0
"""How long the program may take to begin with the safe state when it is told to, in s."""
QUICK_STEPS, QUICK_PAUSE_S = 20, 0.01


def quick_connections(settings: StationSettings, addresses: Mapping[str, str]) -> Connections:
    """Return connections, opened on demand, with which the safe state is reached within a second.

    The pumps go down from their voltage limit in at most 20 steps, 10 ms apart. All waiting is real time, so
    that a simulated lab in lock-step, whose time only the program moves, is made safe as well.
    """
    pumps = {
        name: {
            "voltage_step_v": max(0.05, section.voltage_limit / QUICK_STEPS),
            "step_pause_s": QUICK_PAUSE_S,
        }
        for name, section in (("pump_1", settings.pump_1), ("pump_2", settings.pump_2))
    }
    return Connections(settings, addresses, SystemClock(), pumps)


class Trip(NamedTuple):
    """Why the safe state is needed, and whether the program may be able to reach it itself."""

    reason: str
    program_is_able: bool = False


class Watchdog:
    """Watches over one program on one bench.

    Parameters
    ----------
    settings : StationSettings
        The bench, its interlocks and its safe state.
    addresses : mapping of str to str, or None
        Where the instruments answer; None if they are simulated inside the program.
    engine : Engine
        The program.
    words : TextIO or None
        Where the program hears the watchdog; None if it does not, and nor does it speak.
    """

    def __init__(
        self,
        settings: StationSettings,
        addresses: Mapping[str, str] | None,
        engine: Engine,
        words: TextIO | None = None,
    ) -> None:
        self._settings, self._addresses, self._engine, self._words = settings, addresses, engine, words
        self._rules = settings.watchdog or WatchdogSection()
        self._interlocks = {each.name: each for each in self._rules.interlock}
        self._folder: Path | None = None
        self._heard_s = monotonic()
        self._idle_s = 0.0
        self._readings: dict[str, float] = {}
        self._ended = False
        self._safe: list[str] | None = None
        self._standing_down = False

    def run(self) -> bool:
        """Watch until the program has ended; return whether the watchdog tripped."""
        alone = self._words is None
        own = [each for each in self._rules.interlock if each.read_by == "watchdog" or alone]
        own = [each for each in own if each.input is None]
        with OwnReadings(own, self._settings, self._addresses, self._rules.silence) as readings:
            self._say(ready=True)
            self._heard_s = monotonic()
            trip = self._watch(readings)
        if trip is not None:
            self._act(trip)
        return trip is not None

    def _watch(self, own: OwnReadings) -> Trip | None:
        """Return why the safe state is needed, or None when the program ended well."""
        while True:
            self._listen()
            if self._ended:
                return None
            if not self._engine.alive:
                return Trip("the program died")
            if self._words is not None and (silent_s := monotonic() - self._heard_s) > self._rules.silence:
                return Trip(f"the program was silent for {silent_s:.1f} s")
            if self._idle_s > self._rules.stall:
                return Trip(f"the program stood still for {self._idle_s:.1f} s")
            for name, reading in {**self._readings, **own.latest()}.items():
                if (what := violation(self._interlocks[name], reading)) is not None:
                    return Trip(what, program_is_able=True)
            if (blind := own.blind()) is not None:
                return Trip(blind, program_is_able=True)

    def _listen(self) -> None:
        for word in self._engine.listen(POLL_S):
            self._heard_s = monotonic()
            self._idle_s = word.get("idle_s", self._idle_s)
            self._readings = word.get("readings", self._readings)
            self._folder = Path(word["folder"]) if "folder" in word else self._folder
            self._standing_down = self._standing_down or "standing_down" in word
            self._safe = word.get("problems", self._safe)
            self._ended = self._ended or "end" in word

    def _act(self, trip: Trip) -> None:
        """Bring the bench to its safe state: through the program if it is there and able, else ourselves."""
        begun = monotonic()
        log.error("The watchdog trips: %s.", trip.reason)
        self._say(trip=trip.reason)
        record: dict[str, Any] = {"by": "program", "actions": []}
        if not (trip.program_is_able and self._words and self._made_safe_by_program()):
            self._engine.kill()
            record = {"by": "watchdog", "actions": [asdict(each) for each in self._make_safe()]}
        record |= {"reason": trip.reason, "safe_after_s": round(monotonic() - begun, 4)}
        self._write({"tripped": datetime.now(UTC).isoformat(timespec="milliseconds"), **record})

    def _made_safe_by_program(self) -> bool:
        """Wait for the program to do it; False if it does not begin, does not end, or has problems."""
        self._safe, self._standing_down = None, False
        longest_s = GRACE_S + sum(step.timeout for step in self._settings.safe_state)
        begun = monotonic()
        while self._engine.alive and not self._ended and self._safe is None:
            self._listen()
            if monotonic() - begun > (longest_s if self._standing_down else GRACE_S):
                break
        return self._safe == []

    def _make_safe(self) -> list[safety.Outcome]:
        if self._addresses is None:
            log.error("The simulated lab was part of the program and ended with it; nothing is left on.")
            return []
        connections = quick_connections(self._settings, self._addresses)
        outcomes = safety.make_safe(self._settings.safe_state, connections, connections.forget)
        failed = safety.problems(outcomes)
        log.error("%s", f"Not safe! {'; '.join(failed)}" if failed else "Safe state reached.")
        return outcomes

    def _write(self, record: dict[str, Any]) -> None:
        if self._folder is None:
            return
        try:
            write_durably({self._folder / RECORD: json.dumps(record, indent=2).encode() + b"\n"})
        except OSError as error:
            log.error("What the watchdog did could not be written: %s", error)

    def _say(self, **word: Any) -> None:
        if self._words is None:
            return
        try:
            self._words.write(json.dumps(word) + "\n")
            self._words.flush()
        except OSError:
            pass  # the program is gone


def main() -> None:
    """Watch over the program that speaks on the standard input, to its end or ours."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it ends when the program has ended, and not before
    logging.basicConfig(format="labsync watchdog: %(message)s")
    feed = sys.stdin.fileno()
    with os.fdopen(os.dup(feed), "rb", buffering=0) as stream:  # unbuffered: the rest is for the engine
        opening = json.loads(stream.readline())
    settings = StationSettings.model_validate(tomllib.loads(opening["station"]))
    engine = Engine(opening["pid"], feed)
    Watchdog(settings, opening["addresses"], engine, sys.stdout).run()


if __name__ == "__main__":
    main()
