"""The run folder: where a measurement lives, step by step, from its first moment on.

Layout::

    20261121-083012-detuning-scan-3f2a/
      start.json      procedure, parameters, versions, seed, machine, time
      station.toml    the station file as used
      run.zarr/       Zarr v3, one chunk per step and variable, readable with xarray.open_zarr
      journal.jsonl   one checksummed line per committed step: the truth about what was measured
      stop.json       how the run ended; absent while it runs or if it was killed
      lock            held by the process that writes the run, as long as it lives
      results/        fits (JSON); figures/ (PNG): derived, may be remade at any time

A step is committed in this order: chunks and array shapes (temporary file, flush, rename), then the journal
line (flush).
A chunk without its journal line does not exist for any reader.
"""

import contextlib
import datetime
import json
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import xarray as xr

from labsync import _arrays, _journal, _lock
from labsync._durable import flush_folders, remove_durably, write_durably
from labsync.errors import DamagedRun, LabsyncError, NotARun, NotStored, UsageError

ARRAYS = "run.zarr"


def now() -> str:
    """Return the present time as ISO 8601 text with zone, to the millisecond."""
    return datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")


def create(root: Path, procedure: str, about: Mapping[str, Any], station_text: str | None = None) -> "Run":
    """Create a new run folder below `root` and return the open run.

    Parameters
    ----------
    root : Path
        Folder of all runs; made when absent.
    procedure : str
        Name of the procedure, such as ``detuning-scan``.
    about : mapping
        What goes into ``start.json`` beside the identity: parameters, versions, provenance.
    station_text : str, optional
        The station file as used.

    Raises
    ------
    UsageError
        If the folder cannot be written.
    """
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    uid = f"{stamp}-{procedure}-{secrets.token_hex(2)}"
    path = root / uid
    try:
        path.mkdir(parents=True)
        flush_folders({root})
        start = {
            "uid": uid,
            "procedure": procedure,
            "started": now(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
            **about,
        }
        # start.json, which makes the folder a run, comes last
        station = {} if station_text is None else {path / "station.toml": station_text.encode()}
        write_durably({**station, path / "start.json": _pretty(start)})
    except OSError as error:
        raise UsageError(
            f"Cannot create a run folder in {root}: {error.strerror}; choose a writable folder with --runs."
        ) from error
    return Run(path, writable=True)


class Run:
    """One run folder, open for reading, or for writing by one process.

    Parameters
    ----------
    path : Path
        The run folder.
    writable : bool
        Take the run's lock, which marks it as running for as long as this process lives or until `finish`,
        and cut off what a crash has left of a journal line.

    Raises
    ------
    NotARun
        If `path` has no readable ``start.json``.
    UsageError
        If it is to be written but cannot, or is being written by another process.
    """

    def __init__(self, path: Path, writable: bool = False):
        self.path = Path(path)
        try:
            self.start: dict[str, Any] = json.loads((self.path / "start.json").read_text())
            self.uid: str = self.start["uid"]
            self.procedure: str = self.start["procedure"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotARun(
                f"{path} is not a run folder (no readable start.json); 'labsync runs' lists the runs."
            ) from error
        self._committed = 0
        self._lock: IO[str] | None = None
        if writable:
            self._lock = _lock.take(self.path / "lock", f"Run {self.uid}", now())
            try:
                _journal.mend(self._journal_path)
            except OSError as error:
                raise UsageError(f"Run {self.uid} cannot be written: {error.strerror}.") from error
            self._committed = max((entry["step"] + 1 for entry in self.journal()), default=0)

    @property
    def _journal_path(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def committed(self) -> int:
        """Number of steps committed, as far as the process that writes the run knows."""
        return self._committed

    @property
    def stop(self) -> dict[str, Any] | None:
        """How the run ended, or None if it has not ended properly."""
        try:
            return json.loads((self.path / "stop.json").read_text())
        except (OSError, ValueError):
            return None

    @property
    def status(self) -> str:
        """``running``, ``finished``, ``aborted``, ``failed``, or ``interrupted`` (its process died)."""
        stop = self.stop
        if stop is not None:
            return str(stop["status"])
        return "running" if _lock.held(self.path / "lock") else "interrupted"

    def events(self) -> list[dict[str, Any]]:
        """Return everything in the journal in order: steps, retries, pauses, resumptions.

        Raises
        ------
        DamagedRun
            If a line before the last one is broken.
        """
        return _journal.read(self._journal_path)

    def journal(self) -> list[dict[str, Any]]:
        """Return the committed steps in order, one mapping each; of a step done again, the last."""
        steps = {body["step"]: body for body in self.events() if body.get("kind") == "step"}
        return [steps[number] for number in sorted(steps)]

    def commit(self, step: xr.Dataset, *, number: int | None = None, **entry: Any) -> None:
        """Commit one step: after this returns, the step survives a power cut.

        Parameters
        ----------
        step : xarray.Dataset
            The step's variables, without a step dimension; scalars are allowed. Coordinates are stored with
            the first step.
        number : int, optional
            A step that is done again; the next one when absent.
        **entry
            JSON-ready facts for the journal line: point, row, timing.

        Raises
        ------
        NotStored
            If the disk refuses it; the run is as it was before.
        """
        self._must_be_ours()
        number = self._committed if number is None else number
        steps = max(self._committed, number + 1)
        try:
            if number == 0:
                entry["coordinates"] = self._store_coordinates(step)
            files, raws = _arrays.files(self.path / ARRAYS, step, number, steps)
            write_durably(files)
            sums = {name: _journal.checksum(raw) for name, raw in raws.items()}
            self._append({"kind": "step", "step": number, "sums": sums, **entry})
        except OSError as error:
            raise NotStored(
                f"Step {number} of {self.uid} cannot be stored: {error.strerror}; mend that, then "
                f"'labsync resume {self.uid}'."
            ) from error
        self._committed = steps

    def _store_coordinates(self, step: xr.Dataset) -> dict[str, str]:
        """Make the arrays with the first step, or their coordinates anew; return the checksums."""
        if self._committed:
            _arrays.renew_coordinates(self.path / ARRAYS, step)
        else:
            _arrays.create(self.path / ARRAYS, step)
        return _arrays.coordinates(self.path / ARRAYS)

    def _must_be_ours(self) -> None:
        if self._lock is None or self._lock.closed:
            raise LabsyncError(f"{self.uid} is open for reading only; open it for writing to add to it.")

    def sums(self, step: xr.Dataset) -> dict[str, str]:
        """Return the checksums that the variables of `step` would have in the journal."""
        path = self.path / ARRAYS
        return {
            str(name): _journal.checksum(_arrays.raw(str(name), values, _arrays.meta(path, str(name))))
            for name, values in step.data_vars.items()
        }

    def note(self, kind: str, **facts: Any) -> None:
        """Add an event that is no step to the journal, such as a retry.

        Raises
        ------
        NotStored
            If the disk refuses it.
        """
        self._must_be_ours()
        try:
            self._append({"kind": kind, **facts})
        except OSError as error:
            raise NotStored(f"The journal of {self.uid} cannot be written: {error.strerror}.") from error

    def _append(self, body: dict[str, Any]) -> None:
        _journal.append(self._journal_path, {"time": now(), **body})

    def reopen(self, **facts: Any) -> None:
        """Note in the journal that the run goes on, and how it had ended, which it has not any more."""
        self.note("resume", pid=os.getpid(), host=socket.gethostname(), ended=self.stop, **facts)
        remove_durably(self.path / "stop.json")
        self.touch()

    def finish(self, status: str, message: str = "", **facts: Any) -> None:
        """Write ``stop.json``: the run is over, and no longer locked."""
        stop = {"status": status, "message": message, "stopped": now(), "steps": len(self.journal()), **facts}
        arrays = _arrays.lengths(self.path / ARRAYS, self._committed)
        write_durably({**arrays, self.path / "stop.json": _pretty(stop)})
        if self._lock is not None:
            self._lock.close()

    def dataset(self) -> xr.Dataset:
        """Return all committed steps, loaded and checked against the journal.

        Returns
        -------
        xarray.Dataset
            Dimension ``step`` first; ``attrs`` hold the procedure's parameters. Empty if nothing was
            committed.

        Raises
        ------
        DamagedRun
            If a chunk is missing or differs from its checksum in the journal.
        """
        for entry in self.journal():
            for variable, found in self._differing(entry).items():
                raise DamagedRun(
                    f"{self.uid}: {variable} of step {entry['step']} fails its checksum ({found}); "
                    f"'labsync resume {self.uid}' does the step again."
                )
        data = self.history().load()
        for name, coord in data.coords.items():
            if coord.dtype.kind == "T":  # numpy's variable-width strings are still rare elsewhere
                data = data.assign_coords({name: (coord.dims, np.array(coord.values.tolist()), coord.attrs)})
        return data

    def history(self, steps: int | None = None) -> xr.Dataset:
        """Return the committed steps without reading them: values are loaded when they are used.

        Parameters
        ----------
        steps : int, optional
            How many steps; all that the journal holds when absent.
        """
        numbers = [entry["step"] for entry in self.journal()] if steps is None else list(range(steps))
        if not numbers:
            return xr.Dataset(coords={"step": np.arange(0)}, attrs=self._attrs())
        opened = xr.open_zarr(self.path / ARRAYS, chunks=None)
        # a slice, where it does, leaves the values unread
        chosen = slice(0, len(numbers)) if numbers[-1] == len(numbers) - 1 else numbers
        return opened.isel(step=chosen).assign_attrs(self._attrs())

    def damaged(self) -> list[int]:
        """Return the numbers of the steps that were committed but are not whole any more.

        The coordinates, which every step brings along, count as the first step's.
        """
        whole = {entry["step"] for entry in self.journal() if not self._differing(entry)}
        return [number for number in range(self._committed) if number not in whole]

    def _differing(self, entry: Mapping[str, Any]) -> dict[str, str]:
        """Return what is found instead, by variable, where a step differs from its line in the journal."""
        path = self.path / ARRAYS
        differing = {}
        for name, expected in entry["sums"].items():
            try:
                dims = len(_arrays.meta(path, name)["shape"])
                found = _journal.checksum(_arrays.chunk(path, name, entry["step"], dims).read_bytes())
            except (OSError, DamagedRun):
                found = "missing"
            if found != expected:
                differing[name] = found
        if "coordinates" in entry and self._found_coordinates() != entry["coordinates"]:
            differing["a coordinate"] = "of all steps"
        return differing

    def _found_coordinates(self) -> dict[str, str]:
        try:
            return _arrays.coordinates(self.path / ARRAYS)
        except (OSError, DamagedRun):
            return {}

    def _attrs(self) -> dict[str, Any]:
        parameters = {k: v for k, v in self.start.get("parameters", {}).items() if v is not None}
        return {**parameters, "uid": self.uid, "procedure": self.procedure}

    def keep(self, name: str, content: bytes) -> None:
        """Store a file of any kind in the run folder, unless it is there already."""
        if not (self.path / name).exists():
            write_durably({self.path / name: content})

    def save_result(self, name: str, result: Mapping[str, Any]) -> Path:
        """Write a derived result as ``results/NAME.json`` and return its path."""
        path = self.path / "results" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        write_durably({path: _pretty(result)})
        self.touch()
        return path

    def touch(self) -> None:
        """Mark the run as changed, for the catalogue, which looks at the times of folders."""
        for folder in (self.path, self.path.parent):
            with contextlib.suppress(PermissionError):  # a read-only shelf has no catalogue either
                os.utime(folder)


def find(root: Path, reference: str) -> Run:
    """Return the run that `reference` names: a folder, a uid or its unique beginning, or ``latest``.

    Raises
    ------
    NotARun
        If nothing, or more than one run, goes by that name.
    """
    if Path(reference).is_dir():
        return Run(Path(reference))
    runs = list_runs(root)
    if reference == "latest" and runs:
        return runs[-1]
    matching = [run for run in runs if run.uid.startswith(reference)]
    if len(matching) == 1:
        return matching[0]
    found = "no run" if not matching else f"{len(matching)} runs"
    raise NotARun(
        f"{found.capitalize()} in {root} named '{reference}'; 'labsync runs' lists the names there are."
    )


def list_runs(root: Path) -> list[Run]:
    """Return all runs below `root`, oldest first; folders that are no runs are passed over."""
    runs = []
    for path in root.iterdir() if root.is_dir() else ():
        try:
            runs.append(Run(path))
        except NotARun:
            continue
    return sorted(runs, key=lambda run: (str(run.start.get("started", "")), run.uid))


def _pretty(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n").encode()
