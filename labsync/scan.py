"""The scan loop: a scan is a pure function of what was measured so far to the next point.

Each step is approached, observed, summarised and committed before the next point is asked for. A step is
atomic: it is in the run folder whole or not at all. Whatever ends the loop, the station goes to its safe
state.
"""

import functools
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from pymeasure.experiment import Procedure

from labsync._interrupts import Interrupts
from labsync._loop import Loop
from labsync.errors import LabsyncError
from labsync.events import Event, Listener, Point, Report
from labsync.station import Station
from labsync.store import Run

__all__ = ["Event", "Listener", "Point", "Report", "Scan", "acquire"]

log = logging.getLogger(__name__)


class Scan(Procedure, ABC):
    """Base of all scans: parameters (PyMeasure's) and four methods.

    A subclass defines `slug` (its name on the command line) and

    - ``next_point(history)``: the next point from the committed steps, or None at the end; pure
    - ``approach(station, point, report)``: go there and wait until settled
    - ``observe(station, point)``: measure; returns the step's Dataset without a step dimension
    - ``summarise(step)``: the scalars of the live table

    The class is a `pymeasure.experiment.Procedure`, so PyMeasure's worker and windows can run it: set
    `station` and `run` before.
    """

    slug: ClassVar[str] = ""
    needs: ClassVar[tuple[str, ...]] = ()
    """Roles, beyond cryostats and pumps, without which the scan cannot run."""
    station: Station | None = None
    run: Run | None = None
    remarks: tuple[str, ...] = ()
    """What has to be said of the results so far; kept with the end of a simulated run."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let no `shutdown` raise: PyMeasure's worker would never end, and whoever waits for it neither."""
        super().__init_subclass__(**kwargs)
        if "shutdown" in vars(cls):
            cls.shutdown = _never_raising(cls.shutdown)

    def expected_steps(self) -> int:
        """Return the number of steps of the whole scan, 0 if it is not known beforehand."""
        return 0

    def check(self, station: Any) -> None:
        """Refuse parameters that the station's limits forbid, before anything moves."""

    @abstractmethod
    def next_point(self, history: xr.Dataset) -> Point | None:
        """Return the next point, or None when the scan is complete."""

    @abstractmethod
    def approach(self, station: Any, point: Point, report: Report) -> None:
        """Move to `point` and wait until everything is settled; `report` takes values to show meanwhile."""

    @abstractmethod
    def observe(self, station: Any, point: Point) -> xr.Dataset:
        """Measure and return the step."""

    @abstractmethod
    def summarise(self, step: xr.Dataset) -> dict[str, float]:
        """Return the row of the live table for one step."""

    def should_stop(self) -> bool:
        """Whether a stop was asked for; PyMeasure's worker replaces this by its own."""
        return False

    def execute(self) -> None:
        """Run the scan under a PyMeasure worker, which gets the rows and the progress in per cent."""
        if self.run is None:
            raise LabsyncError(
                "Set the run, and the station if there is one, before a worker executes the scan."
            )

        def emit(event: Event) -> None:
            if event.kind == "commit":
                self.emit(
                    "results", {name: event.facts["row"].get(name, np.nan) for name in self.DATA_COLUMNS}
                )
                if event.total:
                    self.emit("progress", 100.0 * (event.step + 1) / event.total)

        acquire(self, self.station, self.run, emit)


def _never_raising(shutdown: Callable[[Scan], None]) -> Callable[[Scan], None]:
    @functools.wraps(shutdown)
    def quiet(scan: Scan) -> None:
        try:
            shutdown(scan)
        except Exception:
            log.exception("The shutdown of %s failed; the station is made safe all the same.", scan.slug)

    return quiet


def acquire(
    scan: Scan,
    station: Station | None,
    run: Run,
    listener: Listener = lambda event: None,
    *,
    replay: bool = False,
    closing: Callable[[], dict[str, Any]] = dict,
) -> str:
    """Run `scan` on `station` into `run` until it is complete, stopped or failed.

    SIGUSR1 and the key p hold the scan before its next step, and let it go on; SIGINT, SIGTERM and the key q
    stop it.

    Parameters
    ----------
    scan : Scan
        The scan with its parameters set.
    station : Station or None
        Connected instruments; None for a simulation, which has none.
    run : Run
        A run folder open for writing; committed steps in it are the scan's history.
    listener : callable
        Told of every phase of every step.
    replay : bool
        First repeat the committed steps on a fresh simulated lab in lock-step.
    closing : callable
        Returns more facts for ``stop.json``. It is called after the last step of a scan that came to its
        end, before the station is made safe; otherwise safety comes first.

    Returns
    -------
    str
        ``finished`` or ``aborted`` (Ctrl-C, termination, a window's stop button). The step in progress is
        dropped, everything committed stays, the station is safe and ``stop.json`` is written.

    Raises
    ------
    InstrumentError, LabsyncError
        What went wrong, after the station was made safe and the run closed as ``failed``.
    """
    scan.run = run
    status, message = "failed", ""
    timings: list[dict[str, float]] = []
    facts: dict[str, Any] = {}
    with Interrupts() as interrupts:
        try:
            scan.check(station)
            if station is not None:
                listener = station.watched(listener, run.path)
            loop = Loop(scan, station, run, listener, interrupts, timings)
            if replay:
                loop.replay()
            status = "finished" if loop.go() else "aborted"
            facts = closing()
        except KeyboardInterrupt:
            status, message = "aborted", "stopped by the operator"
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            if not interrupts.raised:
                raise
            status = "aborted"
        finally:
            with interrupts.ignored():
                problems = station.make_safe() if station is not None else []
                facts = facts or closing()
                _finish(
                    run, status, message, timing_s=_medians(timings), safe_state_problems=problems, **facts
                )
    return status


def _finish(run: Run, status: str, message: str, **facts: Any) -> None:
    """Close the run; a disk that refuses that must not hide why the run ended."""
    try:
        run.finish(status, message, **facts)
    except (OSError, LabsyncError) as error:
        log.error("How run %s ended (%s %s) cannot be stored: %s", run.uid, status, message, error)


def _medians(timings: list[dict[str, float]]) -> dict[str, float]:
    """Return the median time per step spent in each phase, in seconds."""
    if not timings:
        return {}
    return {phase: float(np.median([timing[phase] for timing in timings])) for phase in timings[0]}
