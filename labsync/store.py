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

A step is committed in this order: chunks (temporary file, flush, rename), array shapes, journal line (flush).
A chunk without its journal line does not exist for any reader.
"""

import contextlib
import datetime
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from labsync import _journal
from labsync._durable import write_durably
from labsync.errors import DamagedRun, NotARun, UsageError

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
        start = {
            "uid": uid,
            "procedure": procedure,
            "started": now(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
            **about,
        }
        write_durably({path / "start.json": _pretty(start)})
        if station_text is not None:
            write_durably({path / "station.toml": station_text.encode()})
    except OSError as error:
        raise UsageError(
            f"Cannot create a run folder in {root}: {error.strerror}; choose a writable folder with --runs."
        ) from error
    return Run(path, writable=True)


class Run:
    """One run folder, open for reading, and for writing by the process that created it.

    Parameters
    ----------
    path : Path
        The run folder.
    writable : bool
        Take the run's lock, which marks it as running for as long as this process lives.

    Raises
    ------
    NotARun
        If `path` has no readable ``start.json``.
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
        if writable:
            self._lock = (self.path / "lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

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
        return "running" if _locked(self.path / "lock") else "interrupted"

    def journal(self) -> list[dict[str, Any]]:
        """Return the committed steps in order, one mapping each."""
        return [body for body in _journal.read(self.path / "journal.jsonl") if body.get("kind") == "step"]

    def commit(self, step: xr.Dataset, **entry: Any) -> None:
        """Commit one step: after this returns, the step survives a power cut.

        Parameters
        ----------
        step : xarray.Dataset
            The step's variables, without a step dimension; scalars are allowed. Coordinates are stored with
            the first step.
        **entry
            JSON-ready facts for the journal line: point, row, timing.
        """
        number = self._committed
        if not (self.path / ARRAYS).exists():
            _create_arrays(self.path / ARRAYS, step)
        arrays = {str(name): values for name, values in step.data_vars.items()}
        arrays["step"] = xr.DataArray(np.int64(number))
        metas = {name: self._meta(name) for name in arrays}
        raws = {name: _raw(name, values, metas[name]) for name, values in arrays.items()}
        write_durably(
            {self._chunk(name, number, len(metas[name]["shape"])): raw for name, raw in raws.items()}
        )
        self._grow(metas, number + 1)
        sums = {name: _journal.checksum(raw) for name, raw in raws.items()}
        body = {"kind": "step", "step": number, "time": now(), "sums": sums, **entry}
        _journal.append(self.path / "journal.jsonl", body)
        self._committed += 1

    def _meta(self, name: str) -> dict[str, Any]:
        meta: dict[str, Any] = json.loads((self.path / ARRAYS / name / "zarr.json").read_text())
        return meta

    def _chunk(self, name: str, number: int, dims: int) -> Path:
        return self.path / ARRAYS / name / ".".join(["c", str(number), *["0"] * (dims - 1)])

    def _grow(self, metas: Mapping[str, dict[str, Any]], steps: int) -> None:
        """Set the arrays' length, for readers that do not know the journal."""
        for name, meta in metas.items():
            meta["shape"][0] = steps
            path = self.path / ARRAYS / name / "zarr.json"
            part = path.with_name("zarr.json.part")
            part.write_bytes(_pretty(meta))
            part.replace(path)

    def finish(self, status: str, message: str = "", **facts: Any) -> None:
        """Write ``stop.json``: the run is over."""
        stop = {"status": status, "message": message, "stopped": now(), "steps": len(self.journal()), **facts}
        write_durably({self.path / "stop.json": _pretty(stop)})

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
        steps = self.journal()
        self._verify(steps)
        data = self.history(len(steps)).load()
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
        count = len(self.journal()) if steps is None else steps
        if not count:
            return xr.Dataset(coords={"step": np.arange(0)}, attrs=self._attrs())
        opened = xr.open_zarr(self.path / ARRAYS, consolidated=False, chunks=None)
        return opened.isel(step=slice(0, count)).assign_attrs(self._attrs())

    def _verify(self, steps: list[dict[str, Any]]) -> None:
        dims = {name: len(self._meta(name)["shape"]) for name in (steps[0]["sums"] if steps else ())}
        for step in steps:
            for name, expected in step["sums"].items():
                chunk = self._chunk(name, step["step"], dims[name])
                try:
                    found = _journal.checksum(chunk.read_bytes())
                except OSError:
                    found = "missing"
                if found != expected:
                    raise DamagedRun(
                        f"{self.uid}: {name} of step {step['step']} fails its checksum ({found})."
                    )

    def _attrs(self) -> dict[str, Any]:
        parameters = {k: v for k, v in self.start.get("parameters", {}).items() if v is not None}
        return {**parameters, "uid": self.uid, "procedure": self.procedure}

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


def _create_arrays(path: Path, step: xr.Dataset) -> None:
    part = path.with_name(path.name + ".part")
    # CF's way to tell xarray which variables are coordinates
    attributes = {
        **step.attrs,
        "coordinates": " ".join(str(name) for name in step.coords if step[name].dims != (name,)),
    }
    group = zarr.create_group(part, zarr_format=3, overwrite=True, attributes=attributes)
    for name, coord in step.coords.items():
        if not coord.dims:
            continue
        kind: Any = str if coord.dtype.kind in "UT" else coord.dtype
        array = group.create_array(
            str(name),
            shape=coord.shape,
            dtype=kind,
            dimension_names=tuple(map(str, coord.dims)),
            attributes=dict(coord.attrs),
        )
        array[:] = coord.values.astype(object) if kind is str else coord.values
    steps = xr.DataArray(np.int64(0), attrs={"long_name": "step"})
    for name, values in {**step.data_vars, "step": steps}.items():
        group.create_array(
            str(name),
            shape=(0, *values.shape),
            chunks=(1, *values.shape),
            dtype=values.dtype,
            dimension_names=("step", *map(str, values.dims)),
            attributes=dict(values.attrs),
            compressors=None,  # a chunk is the plain bytes, so that its checksum is that of the numbers
            fill_value=0,
            chunk_key_encoding={
                "name": "default",
                "separator": ".",
            },  # one folder per variable, not per chunk
        )
    part.replace(path)


def _raw(name: str, values: xr.DataArray, meta: Mapping[str, Any]) -> bytes:
    data = np.asarray(values.values, dtype=np.dtype(meta["data_type"]).newbyteorder("<"), order="C")
    if list(data.shape) != meta["shape"][1:]:
        raise DamagedRun(f"{name} of the step has shape {data.shape}, but the run holds {meta['shape'][1:]}.")
    return data.tobytes()


def _locked(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _pretty(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n").encode()
