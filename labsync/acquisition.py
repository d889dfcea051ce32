"""From a procedure's name and a station file to a finished run folder."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from pymeasure.experiment import IntegerParameter, Parameter
from rich.console import Console

from labsync import provenance, snapshot, store
from labsync.errors import UsageError
from labsync.procedures import PROCEDURES
from labsync.progress import ScanProgress
from labsync.scan import Scan, acquire
from labsync.settings import read_station_file
from labsync.station import open_station
from labsync.store import Run


def build(name: str, arguments: Sequence[str], known: Mapping[str, type[Scan]] = PROCEDURES) -> Scan:
    """Return the procedure or simulation named `name`, with parameters from ``--name value`` arguments.

    Raises
    ------
    UsageError
        For an unknown procedure or parameter, or a value that does not fit.
    """
    if name not in known:
        raise UsageError(f"Unknown procedure '{name}'{_near(name, known)}.")
    scan = known[name]()
    parameters = scan.parameter_objects()
    for parameter, text in _pairs(arguments):
        if parameter not in parameters:
            option = f"--{parameter.replace('_', '-')}"
            options = [f"--{each.replace('_', '-')}" for each in parameters]
            raise UsageError(f"{name} has no parameter {option}{_near(option, options)}.")
        setattr(scan, parameter, _converted(parameters[parameter], parameter, text))
    return scan


def run(scan: Scan, station: str, root: Path, console: Console, **facts: Any) -> Run:
    """Run `scan` on a station with a progress bar and return the closed run.

    Parameters
    ----------
    scan : Scan
        With its parameters set.
    station : str
        Station file or name of a built-in station.
    root : Path
        Folder of all runs.
    console : Console
        Where the progress bar goes.
    **facts
        More for ``start.json``.

    Raises
    ------
    UsageError
        If station file or parameters are refused; nothing was started then.
    InstrumentError
        If an instrument failed; the run folder keeps what was committed.
    """
    settings, text = read_station_file(station)
    settings.require(scan.needs, scan.slug)
    with open_station(settings) as bench:
        scan.check(bench)
        about = {
            "parameters": scan.parameter_values(),
            "station": settings.station.name,
            "backend": settings.station.backend,
            "seed": settings.twin.seed if settings.station.backend == "twin" else None,
            "instruments": bench.identities,
            "calibration": settings.calibration,
            "settings": snapshot.take(bench),
            **provenance.collect(),
            **facts,
        }
        opened = store.create(root, scan.slug, about, text)
        provenance.keep_code(opened)
        with ScanProgress(console, scan.slug) as progress:
            acquire(scan, bench, opened, progress, closing=lambda: {"settings": snapshot.take(bench)})
    return opened


def simulate(scan: Scan, root: Path, console: Console, **facts: Any) -> Run:
    """Run a scan that needs no station, with a progress bar, and return the closed run.

    Raises
    ------
    UsageError
        If the parameters are refused; nothing was started then.
    """
    scan.check(None)
    about = {
        "parameters": scan.parameter_values(),
        "seed": scan.parameter_values().get("seed"),
        **provenance.collect(),
        **facts,
    }
    opened = store.create(root, scan.slug, about)
    provenance.keep_code(opened)
    with ScanProgress(console, scan.slug) as progress:
        acquire(scan, None, opened, progress, closing=lambda: {"remarks": list(scan.remarks)})
    return opened


def _pairs(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Return (name, value) of ``--name value`` and ``--name=value`` arguments."""
    pairs = []
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if not option.startswith("--"):
            raise UsageError(f"Unexpected argument '{option}'; parameters are given as --name value.")
        name, equals, value = option[2:].partition("=")
        if not equals:
            if not rest:
                raise UsageError(f"{option} needs a value.")
            value = rest.pop(0)
        pairs.append((name.replace("-", "_"), value))
    return pairs


def _converted(parameter: Parameter, name: str, text: str) -> Any:
    try:
        parameter.value = text
        return parameter.value
    except (ValueError, TypeError) as error:
        raise UsageError(f"{name} = {text!r} does not fit; give {_wanted(parameter)}.") from error


def _wanted(parameter: Parameter) -> str:
    low, high = getattr(parameter, "minimum", None), getattr(parameter, "maximum", None)
    if low is None or high is None:
        return f"a value for '{parameter.name}'"
    kind = "a whole number" if isinstance(parameter, IntegerParameter) else "a number"
    return f"{kind} between {low:g} and {high:g} {parameter.units or ''}".rstrip()


def _near(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; known are {', '.join(known)}"
