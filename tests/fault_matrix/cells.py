"""What becomes of one driver under one fault: a typed error in time, a right answer, or something bad."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from instruments.errors import InstrumentError
from instruments.twin import RunningTwin, TwinSettings, start_twin
from instruments.twin.faults import LINK_FAULTS
from instruments.twin.optics import Ramp

from .cases import Case

TIMEOUT_S = 0.15
SLACK_S = 1.0
APART_S = 5e-4
"""Pause after each command, so that commands that belong together can be lost one by one."""

RIGHT, WRONG, UNTYPED = "correct", "WRONG", "UNTYPED"
OPTIONS = {
    "late_reply": {"delay_s": 1.2 * TIMEOUT_S},
    "slow": {"delay_s": 1e-3},
    "split_writes": {"delay_s": 5e-3},
    "busy": {"delay_s": 0.1 * TIMEOUT_S},
}
SINGLE_SHOTS: dict[str, tuple[int, ...]] = {"busy": (0, 1, 2, 3), "refuse_connect": ()}
"""How many occasions pass before a fault strikes once, in the middle of a setting; 1 where it is not said."""


@dataclass
class Cell:
    """Outcomes under one fault, and what must not be: wrong values, untyped or late errors, no recovery."""

    outcomes: set[str] = field(default_factory=set)
    bad: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(sorted(self.outcomes))


class Bench:
    """One simulated lab in lock-step, with its truth."""

    def __init__(self, twin: RunningTwin) -> None:
        self.twin = twin
        self.world = twin._server.bench.world  # the truth, which no driver sees


class Subject:
    """One driver on its bench, and a second connection that tells what the instrument really did."""

    def __init__(self, case: Case, bench: Bench, closing: ExitStack) -> None:
        self.case, self.bench, self.twin = case, bench, bench.twin
        with self._connect(20.0) as patient:
            case.prepare(patient)
            self.check_right(case.read(patient))
        self.driver, self.witness = (closing.enter_context(self._connect(TIMEOUT_S)) for _ in range(2))
        self.turn = 0
        wire = getattr(self.driver, "_tagger", self.driver)  # a tagger's own calls stand before its wire
        self.watch = Watch(wire.adapter)

    def _connect(self, timeout_s: float) -> Any:
        addresses = self.twin.addresses
        options = self.case.options(addresses)
        address = addresses[self.case.instrument]
        return self.case.driver(address, clock=self.twin.clock, timeout_s=timeout_s, **options)

    def check_right(self, value: Any) -> None:
        if not self.case.right(value, self.bench.world):
            raise WrongAnswer(f"read {value!r}")

    def read(self) -> None:
        self.check_right(self.case.read(self.driver))

    def change(self) -> None:
        """Change the setting to its next value, which the instrument must then have if nothing was raised."""
        self.turn += 1
        self.case.change(self.driver, self.turn)
        self.twin.clear(self.case.instrument)
        if not self.case.confirm(self.witness, self.bench.world, self.turn):
            raise WrongAnswer(f"setting {self.turn} was taken for done, but is not")

    def under_link_fault(self, fault: str) -> Cell:
        """Let a fault strike always, then once in the middle of settings."""
        cell = Cell()
        options = OPTIONS.get(fault, {})
        for action in (self.read, self.change):
            self._strike(cell, fault, action, **options)
        if fault == "busy":
            options = {"delay_s": 0.0}  # one command is lost, and nothing tells
        for after in SINGLE_SHOTS.get(fault, (1,)):
            self._strike(cell, fault, self.change, after=after, count=1, **options)
        return cell

    def under_device_fault(self, fault: str) -> Cell:
        """Let a fault of the device be met."""
        cell = Cell()
        notice = self.case.notice.get(fault)

        def act() -> None:
            self.twin.clock.sleep(2.0)
            if notice is None or notice(self.driver) is not None:
                self.read()

        self._strike(cell, fault, act, recover=lambda: self.case.recover(self.driver))
        return cell

    def _strike(
        self,
        cell: Cell,
        fault: str,
        action: Callable[[], None],
        recover: Callable[[], Any] = lambda: None,
        **options: float,
    ) -> None:
        fired = len(self.twin.fault_log)
        self.twin.inject(self.case.instrument, fault, **options)
        outcome, problem = self.watch.outcome(action)
        struck = len(self.twin.fault_log) > fired
        self.twin.clear(self.case.instrument)
        if struck:
            cell.outcomes.add(outcome)
        elif "after" not in options:
            cell.bad.append(f"{fault}: it never fired")
        if problem:
            cell.bad.append(f"{fault} {options or ''}: {problem}")
        for step in (recover, self.read, self.change):
            try:
                step()
            except Exception as error:
                cell.bad.append(f"after {fault} {options or ''}: {type(error).__name__}: {error}")


class WrongAnswer(Exception):
    """The one thing that must not happen."""


class Watch:
    """Measures how long the command took that failed, with its repetition on a fresh connection."""

    def __init__(self, adapter: Any) -> None:
        self._last: tuple[str | bytes, float] = ("", 0.0)
        for name in ("write", "write_bytes"):
            setattr(adapter, name, self._watched(getattr(adapter, name)))

    def _watched(self, send: Callable[..., None]) -> Callable[..., None]:
        def watched(content: str | bytes, **options: Any) -> None:
            if content != self._last[0]:
                self._last = (content, time.monotonic())
            send(content, **options)
            time.sleep(APART_S)

        return watched

    def outcome(self, action: Callable[[], None]) -> tuple[str, str | None]:
        """Return the kind of outcome and, if it is bad, what is bad about it."""
        self._last = ("", time.monotonic())
        try:
            action()
        except InstrumentError as error:
            late_s = time.monotonic() - self._last[1] - 2 * TIMEOUT_S - SLACK_S
            name = type(error).__name__
            return name, f"{name} came {late_s:.2f} s late: {error}" if late_s > 0 else None
        except WrongAnswer as error:
            return WRONG, str(error)
        except Exception as error:
            return UNTYPED, f"{type(error).__name__}: {error}"
        return RIGHT, None


def rows(cases: tuple[Case, ...], seed: int) -> Iterator[tuple[Case, dict[str, Cell]]]:
    """Yield each case with its cells, one bench after the other."""
    for kind in dict.fromkeys(case.bench for case in cases):
        with open_bench(kind, seed) as bench:
            for case in cases:
                if case.bench == kind:
                    yield case, cells(case, bench)


@contextmanager
def open_bench(kind: str, seed: int) -> Iterator[Bench]:
    """Run a small lab in lock-step."""
    settings = TwinSettings(
        seed=seed, clock="lock-step", bench=kind, trajectories=16, duration_ns=200.0, field_duration_us=0.5
    )
    with start_twin(settings) as twin:
        bench = Bench(twin)
        bench.world.set_ramp(Ramp("TRIANGLE", 1000.0, 0.5, 0.1, on=True))
        yield bench


def cells(case: Case, bench: Bench) -> dict[str, Cell]:
    """Return all cells of one driver.

    A cell that only shows how busy this computer was is measured again, at most twice: an error that came
    late, or one in place of a right answer. A wrong answer is never excused.
    """
    with ExitStack() as closing:
        subject = Subject(case, bench, closing)
        found = {}
        for fault in bench.twin.possible_faults[case.instrument]:
            measure = subject.under_link_fault if fault in LINK_FAULTS else subject.under_device_fault
            cell = measure(fault)
            for _ in range(2):
                if cell.bad and WRONG not in cell.outcomes:
                    cell = measure(fault)
            found[fault] = cell
    return found
