"""Export of a run to formats that other programs read, with everything that is known about it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import xarray as xr

from labsync import notes
from labsync.errors import UsageError
from labsync.store import Run


def export(run: Run, to: str, folder: Path) -> list[Path]:
    """Write the committed steps of `run` into `folder` and return the new files.

    Parameters
    ----------
    run : Run
        Any run, also a live one.
    to : str
        ``netcdf``: one file with all variables and units; what `metadata` returns stands in the file's
        attributes as JSON. ``hdf5``: one file with the same variables in the group ``data``, the scalars of
        the live table in ``rows``, and the metadata in ``metadata``, mappings as groups and values as
        attributes. ``csv``: a table of the steps' scalars, one table per array variable set in long form,
        and the metadata as JSON.
    folder : Path
        Where to write; made when absent.

    Raises
    ------
    UsageError
        For an unknown format, an empty run or a file that exists already.
    """
    if to not in FORMATS:
        raise UsageError(f"Unknown export format '{to}'; known are {', '.join(FORMATS)}.")
    data = run.dataset()
    if not data.sizes.get("step"):
        raise UsageError(f"{run.uid} holds no committed step, so there is nothing to export.")
    folder.mkdir(parents=True, exist_ok=True)
    data.attrs = {name: _attribute(value) for name, value in data.attrs.items()}
    return FORMATS[to](run, data, folder)


def metadata(run: Run) -> dict[str, Any]:
    """Return everything that is known about a run beside its arrays, ready for JSON.

    Returns
    -------
    dict
        ``provenance`` (``start.json``), ``stop``, ``station_file`` (text), ``code_difference`` (text, of a
        code that differed from its revision), ``journal`` (all lines: steps with their points, rows and
        timing, retries, pauses), ``tags``, ``notes``, ``results`` (fits by name).
    """
    said = notes.read(run)
    return {
        "provenance": run.start,
        "stop": run.stop or {},
        "station_file": _text(run.path / "station.toml"),
        "code_difference": "".join(_text(path) for path in sorted(run.path.glob("code-*.diff"))),
        "journal": run.events(),
        "tags": list(said.tags),
        "notes": list(said.notes),
        "results": {path.stem: json.loads(_text(path)) for path in sorted(run.path.glob("results/*.json"))},
    }


def _netcdf(run: Run, data: xr.Dataset, folder: Path) -> list[Path]:
    path = _new(folder / f"{run.uid}.nc")
    attributes = {key: each if isinstance(each, str) else _json(each) for key, each in metadata(run).items()}
    data.assign_attrs(attributes).to_netcdf(path, engine="h5netcdf")
    return [path]


def _hdf5(run: Run, data: xr.Dataset, folder: Path) -> list[Path]:
    path = _new(folder / f"{run.uid}.h5")
    data.to_netcdf(path, engine="h5netcdf", group="data")
    with h5py.File(path, "a", libver="latest") as file:  # attributes of any size
        rows = pd.DataFrame([entry.get("row", {}) for entry in run.journal()])
        for name in rows:
            file[f"rows/{name}"] = rows[name].to_numpy(dtype=float, na_value=float("nan"))
        _group(file.create_group("metadata"), metadata(run))
    return [path]


def _group(group: h5py.Group, values: Mapping[str, Any]) -> None:
    """Write a mapping: mappings in it as groups, lists of mappings as JSON lines, the rest as attributes."""
    for name, value in values.items():
        key = name.replace("/", "_")  # which would make a group of its own
        if isinstance(value, Mapping):
            _group(group.create_group(key), value)
        elif isinstance(value, list) and any(isinstance(each, Mapping | list) for each in value):
            group.create_dataset(key, data=[_json(each) for each in value], dtype=h5py.string_dtype())
        elif isinstance(value, list):
            group.attrs[key] = value if len({type(each) for each in value}) == 1 else _json(value)
        elif value is None:
            group.attrs[key] = h5py.Empty("f")
        else:
            group.attrs[key] = _attribute(value)


def _attribute(value: Any) -> Any:
    """Return a value that an attribute of HDF5 can hold; netCDF knows no truth values."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:  # a seed may be longer
        return str(value)
    return value


def _csv(run: Run, data: xr.Dataset, folder: Path) -> list[Path]:
    scalars = [name for name, values in data.data_vars.items() if values.dims == ("step",)]
    paths = [_table(_new(folder / f"{run.uid}-steps.csv"), data[scalars].to_dataframe())]
    shapes = {values.dims for values in data.data_vars.values() if len(values.dims) > 1}
    for dims in sorted(shapes, key=str):
        names = [name for name, values in data.data_vars.items() if values.dims == dims]
        label = "-".join(str(dim) for dim in dims[1:])
        frame = data[names].to_dataframe(dim_order=[str(dim) for dim in dims])
        paths.append(_table(_new(folder / f"{run.uid}-{label}.csv"), frame))
    about = _new(folder / f"{run.uid}-metadata.json")
    about.write_text(json.dumps(metadata(run), indent=2, ensure_ascii=False), encoding="utf-8")
    return [*paths, about]


FORMATS = {"netcdf": _netcdf, "hdf5": _hdf5, "csv": _csv}


def _table(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(path, encoding="utf-8")
    return path


def _new(path: Path) -> Path:
    if path.exists():
        raise UsageError(f"{path} exists already and is not overwritten; choose another folder with --into.")
    return path


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
