"""Checks of the installation and of a bench: what is wrong, where, and what would be right.

Imports of the suite's other packages stay inside the checks: one of them may be shadowed by a file of the
user's, and this module is the one that must still say so.
"""

import importlib.metadata
import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from labsync.provenance import LIBRARIES

PACKAGES = ("labsync", "instruments", "analysis", "models")


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes
    ----------
    what : str
        What was checked.
    ok : bool
        Whether it is as it should be.
    found : str
        What was found, and for a problem what would be right.
    """

    what: str
    ok: bool
    found: str

    def as_dict(self) -> dict[str, object]:
        """Return the finding ready for JSON."""
        return asdict(self)


def examine(station: str | None = None) -> list[Finding]:
    """Run all checks; with a station file, connect to each instrument too."""
    findings = [_python(), *map(_package, PACKAGES), *map(_library, LIBRARIES), _temporary_folder()]
    if station is not None and all(finding.ok for finding in findings):
        findings.extend(_bench(station))
    return findings


def table(findings: list[Finding]) -> Table:
    """Return the findings as a terminal table."""
    grid = Table("check", "", "found")
    for finding in findings:
        grid.add_row(
            finding.what, "[green]ok[/]" if finding.ok else "[bold red]problem[/]", escape(finding.found)
        )
    return grid


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "python",
        sys.version_info >= (3, 11),
        version if sys.version_info >= (3, 11) else f"{version}; needs 3.11 or newer",
    )


def _package(name: str) -> Finding:
    """Tell whether a file or folder of the user's hides one of the suite's packages from Python."""
    home = Path(__file__).resolve().parent.parent
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        where = Path(next(iter(spec.submodule_search_locations or ["?"]))) if spec else None
        found = (
            f"{where} hides the suite's package; rename it"
            if where
            else f"not found beside {home}; reinstall labsync"
        )
        return Finding(f"package {name}", False, found)
    origin = Path(spec.origin).resolve()
    if origin.parent != home / name:
        return Finding(
            f"package {name}", False, f"{origin} hides the suite's package {home / name}; rename or move it"
        )
    return Finding(f"package {name}", True, str(origin.parent))


def _library(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, f"not installed; 'pip install {name}'")


def _temporary_folder() -> Finding:
    try:
        with tempfile.TemporaryDirectory() as folder:
            return Finding("temporary folder", True, str(Path(folder).parent))
    except OSError as error:
        return Finding("temporary folder", False, f"not writable: {error}")


def _bench(reference: str) -> Iterator[Finding]:
    from instruments.errors import InstrumentError
    from labsync.errors import LabsyncError
    from labsync.settings import read_station_file
    from labsync.station import open_station

    try:
        settings, _ = read_station_file(reference)
        yield Finding("station file", True, settings.station.name)
        with open_station(settings, guarded=False) as station:
            for name, identity in station.identities.items():
                yield Finding(name, True, identity)
    except (LabsyncError, InstrumentError, OSError) as error:
        yield Finding("station", False, str(error))
