"""Export of a run to formats that other programs read."""

import json
from pathlib import Path

import pandas as pd
import xarray as xr

from labsync.errors import UsageError
from labsync.store import Run

FORMATS = ("netcdf", "csv")


def export(run: Run, to: str, folder: Path) -> list[Path]:
    """Write the committed steps of `run` into `folder` and return the new files.

    Parameters
    ----------
    run : Run
        Any run, also a live one.
    to : str
        ``netcdf``: one file with all variables, units and the run's provenance. ``csv``: a table of the
        steps' scalars, one table per array variable set in long form, and the provenance as JSON.
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
    return _netcdf(run, data, folder) if to == "netcdf" else _csv(run, data, folder)


def _netcdf(run: Run, data: xr.Dataset, folder: Path) -> list[Path]:
    path = _new(folder / f"{run.uid}.nc")
    data.assign_attrs(provenance=json.dumps(run.start, ensure_ascii=False)).to_netcdf(path, engine="h5netcdf")
    return [path]


def _csv(run: Run, data: xr.Dataset, folder: Path) -> list[Path]:
    scalars = [name for name, values in data.data_vars.items() if values.dims == ("step",)]
    paths = [_table(_new(folder / f"{run.uid}-steps.csv"), data[scalars].to_dataframe())]
    shapes = {values.dims for values in data.data_vars.values() if len(values.dims) > 1}
    for dims in sorted(shapes, key=str):
        names = [name for name, values in data.data_vars.items() if values.dims == dims]
        label = "-".join(str(dim) for dim in dims[1:])
        frame = data[names].to_dataframe(dim_order=[str(dim) for dim in dims])
        paths.append(_table(_new(folder / f"{run.uid}-{label}.csv"), frame))
    about = _new(folder / f"{run.uid}-start.json")
    about.write_text(json.dumps(run.start, indent=2, ensure_ascii=False), encoding="utf-8")
    return [*paths, about]


def _table(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(path, encoding="utf-8")
    return path


def _new(path: Path) -> Path:
    if path.exists():
        raise UsageError(f"{path} exists already and is not overwritten; choose another folder with --into.")
    return path
