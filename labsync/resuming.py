"""Runs that go on, and runs made again: ``labsync resume`` and ``labsync rerun``."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from labsync import acquisition, provenance, snapshot, store
from labsync.errors import UsageError
from labsync.procedures import PROCEDURES, SIMULATIONS
from labsync.progress import ScanProgress
from labsync.scan import Scan, acquire
from labsync.settings import StationSettings, read_station_file
from labsync.station import open_station
from labsync.store import Run

__all__ = ["rebuilt", "rerun", "resume"]


def rebuilt(run: Run) -> Scan:
    """Return the scan that `run` was made by, with its parameters.

    Raises
    ------
    UsageError
        If this version of labsync has no such procedure, or it has not these parameters.
    """
    known = {scan.slug: scan for scan in (*PROCEDURES.values(), *SIMULATIONS.values())}
    if run.procedure not in known:
        raise UsageError(f"{run.uid} was made by {run.procedure}, which is no procedure of this version.")
    scan = known[run.procedure]()
    parameters = scan.parameter_objects()
    for name, value in run.start.get("parameters", {}).items():
        if name not in parameters:
            raise UsageError(f"{run.uid} has a parameter {name}, which {run.procedure} does not know now.")
        setattr(scan, name, value)
    return scan


def resume(reference: str, root: Path, console: Console, consent: Callable[[str], bool]) -> Run:
    """Let a run that was aborted, failed or killed go on in its own folder.

    Steps whose data are damaged are measured again. A simulated lab of the run's own in lock-step is first
    brought to the state in which the run was interrupted, by repeating the committed steps; the data are
    then, bit by bit, those of an uninterrupted run. Any other bench goes on from where it is: every step sets
    and settles all it depends on.

    Parameters
    ----------
    reference : str
        See `store.find`.
    root : Path
        Folder of all runs.
    console : Console
        Where the progress bar goes.
    consent : callable
        Asked, with a sentence, before the pumps of a real bench may be switched on.

    Returns
    -------
    Run
        The closed run.

    Raises
    ------
    UsageError
        If the run is complete, is being written, or the operator does not consent; nothing was started then.
    InstrumentError, LabsyncError
        What went wrong; the run folder keeps what was committed.
    """
    scan = rebuilt(store.find(root, reference))
    run = Run(store.find(root, reference).path, writable=True)
    if run.status == "finished" and not run.damaged():
        raise UsageError(
            f"{run.uid} is complete: all {run.committed} steps are there; 'labsync rerun' makes it again."
        )
    if not (run.path / "station.toml").exists():
        return _resume_simulation(scan, run, console)
    settings, _ = read_station_file(str(run.path / "station.toml"))
    if settings.station.backend == "hardware" and not consent(_question(run, settings)):
        raise UsageError(f"Run {run.uid} was not resumed, and no pump was switched on.")
    with open_station(settings) as station:
        scan.check(station)
        run.reopen(instruments=station.identities, settings=snapshot.take(station), **provenance.collect())
        provenance.keep_code(run)
        with ScanProgress(console, scan.slug) as progress:
            acquire(
                scan,
                station,
                run,
                progress,
                replay=_repeatable(settings),
                closing=lambda: {"settings": snapshot.take(station)},
            )
    return run


def rerun(reference: str, root: Path, console: Console) -> Run:
    """Make a run again, with the same parameters and station file, into a new folder.

    Raises
    ------
    UsageError
        As for a new run, or if this version cannot make that run.
    InstrumentError
        If an instrument failed; the new run folder keeps what was committed.
    """
    found = store.find(root, reference)
    scan, station = rebuilt(found), found.path / "station.toml"
    if not station.exists():
        return acquisition.simulate(scan, root, console, rerun_of=found.uid)
    return acquisition.run(scan, str(station), root, console, rerun_of=found.uid)


def _resume_simulation(scan: Scan, run: Run, console: Console) -> Run:
    scan.check(None)
    scan.remarks = tuple((run.stop or {}).get("remarks", ()))
    run.reopen(**provenance.collect())
    provenance.keep_code(run)
    with ScanProgress(console, scan.slug) as progress:
        acquire(scan, None, run, progress, closing=lambda: {"remarks": list(scan.remarks)})
    return run


def _repeatable(settings: StationSettings) -> bool:
    """Whether the bench is a simulated lab that exists for this run alone, from its first moment on."""
    lab = settings.twin
    return settings.station.backend == "twin" and lab.attach is None and lab.clock == "lock-step"


def _question(run: Run, settings: StationSettings) -> str:
    return (
        f"Run {run.uid} goes on with step {run.committed} at station '{settings.station.name}': this "
        "switches both pumps on and moves both temperatures."
    )
