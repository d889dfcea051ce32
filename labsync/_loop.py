"""The scan loop itself: next point, approach, observe, commit; retries, pauses, steps done again."""

import itertools
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from instruments.errors import InstrumentDisconnected, InstrumentProtocolError, InstrumentTimeout
from labsync._interrupts import Interrupts
from labsync.errors import DamagedRun
from labsync.events import Event, Listener, Point
from labsync.station import Station
from labsync.store import Run

if TYPE_CHECKING:
    from labsync.scan import Scan

log = logging.getLogger(__name__)

TRANSIENT = (InstrumentTimeout, InstrumentDisconnected, InstrumentProtocolError)
"""Errors after which a step is tried again; what endangers the experiment is never among them."""
PAUSE_POLL_S = 0.1


@dataclass(frozen=True)
class Measured:
    """A step that is measured and not yet committed."""

    point: Point
    step: xr.Dataset
    spent_s: dict[str, float]


@dataclass
class Loop:
    """One scan on one station into one run.

    Attributes
    ----------
    timings : list of dict
        Time spent in each phase of each step, in s.
    """

    scan: "Scan"
    station: Station | None
    run: Run
    listener: Listener
    interrupts: Interrupts
    timings: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Ask the scan how long it is."""
        self._total = self.scan.expected_steps()

    def replay(self) -> None:
        """Do the committed steps once more, without keeping them, and compare them with what is stored.

        In lock-step everything that happens follows from what was asked before, so this brings a fresh
        simulated lab, the drivers and the scan to the very state in which the run was interrupted. A damaged
        step is stored anew.
        """
        entries = {entry["step"]: entry for entry in self.run.journal()}
        damaged = set(self.run.damaged())
        differing = []
        for number in range(self.run.committed):
            measured = self._again(number, "replay")
            if number in damaged:
                self._commit(number, measured)
            elif self.run.sums(measured.step).items() - entries[number]["sums"].items():
                differing.append(number)
        if self.run.committed:
            self.run.note("replay", steps=self.run.committed, differing=differing)
        if differing:
            log.warning(
                "Repeated, the run's step %s came out different; what follows is not, bit by bit, what an "
                "uninterrupted run would have measured.",
                ", ".join(map(str, differing)),
            )

    def go(self) -> bool:
        """Measure what is damaged, then what is missing; return whether the scan is complete."""
        for number in self.run.damaged():
            self._commit(number, self._again(number))
        history = self.run.history()
        while (point := self.scan.next_point(history)) is not None:
            number = self.run.committed
            self._wait_while_paused(number)
            self._commit(number, self._measure(number, point))
            history = self.run.history(number + 1)
            if self.scan.should_stop():
                return False
        return True

    def _again(self, number: int, kind: str = "") -> Measured:
        """Measure a step that was measured before, where the journal says or the steps before it lead."""
        noted = {entry["step"]: entry.get("point") for entry in self.run.journal()}.get(number)
        point = self.scan.next_point(self.run.history(number)) if kind or noted is None else noted
        if point is None:
            raise DamagedRun(
                f"{self.run.uid} holds a step {number}, but its scan ends before; was the procedure changed?"
            )
        return self._measure(number, point, kind)

    def _measure(self, number: int, point: Point, kind: str = "") -> Measured:
        """Approach and observe a point, again after a transient error as often as allowed."""
        for attempt in itertools.count(1):
            try:
                return self._attempt(number, point, kind)
            except TRANSIENT as error:
                if self.station is None or self.interrupts.raised:
                    raise
                rule = self.station.settings.retries
                if attempt >= rule.attempts:
                    raise
                self._back_off(number, attempt, error, rule.back_off * 2 ** (attempt - 1))
        raise AssertionError("unreachable")

    def _attempt(self, number: int, point: Point, kind: str) -> Measured:
        def report(facts: Mapping[str, float], phase: str = "approach") -> None:
            if self.scan.should_stop():
                raise KeyboardInterrupt
            self.listener(Event(kind or phase, number, self._total, dict(facts)))

        begun = time.perf_counter()
        report(point)
        self.scan.approach(self.station, point, report)
        settled = time.perf_counter()
        report(point, "observe")
        step = self.scan.observe(self.station, point)
        return Measured(point, step, {"settle": settled - begun, "measure": time.perf_counter() - settled})

    def _back_off(self, number: int, attempt: int, error: Exception, pause_s: float) -> None:
        assert self.station is not None
        facts = {"attempt": attempt, "error": f"{type(error).__name__}: {error}", "pause_s": pause_s}
        log.warning("Step %d, attempt %d: %s; again in %g s.", number, attempt, facts["error"], pause_s)
        with self.interrupts.held():
            self.run.note("retry", step=number, **facts)
        self.listener(Event("retry", number, self._total, facts))
        self.station.clock.sleep(pause_s)

    def _commit(self, number: int, measured: Measured) -> None:
        begun = time.perf_counter()
        row, spent = self.scan.summarise(measured.step), measured.spent_s
        summarised = time.perf_counter()
        spent["measure"] += summarised - begun
        with self.interrupts.held():
            self.run.commit(
                measured.step, number=number, point=measured.point, row=_json_row(row), timing_s=spent
            )
        spent["commit"] = time.perf_counter() - summarised
        self.timings.append(spent)
        self.listener(Event("commit", number, self._total, {"row": row, "timing_s": spent}))

    def _wait_while_paused(self, number: int) -> None:
        if not self.interrupts.paused:
            return
        self.run.note("pause", step=number)
        while self.interrupts.paused:
            if self.scan.should_stop():
                raise KeyboardInterrupt
            self.listener(Event("pause", number, self._total))
            time.sleep(PAUSE_POLL_S)  # the operator's time: a lab in lock-step stands still
        self.run.note("continue", step=number)


def _json_row(row: dict[str, float]) -> dict[str, float | None]:
    """NaN, which JSON lacks, becomes null."""
    return {name: float(value) if np.isfinite(value) else None for name, value in row.items()}
