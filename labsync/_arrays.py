"""The arrays of a run: Zarr v3, one chunk per step and variable, of plain bytes.

Readers that do not know the journal find the arrays' lengths in the consolidated metadata, which are one
file: replaced as a whole, it never shows arrays of different lengths. The arrays' own metadata follow when a
run ends.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from labsync._durable import flush_folders, flush_tree
from labsync._journal import checksum
from labsync.errors import DamagedRun


def create(path: Path, step: xr.Dataset) -> None:
    """Make empty arrays for steps that look like `step`, with its coordinates; durable when it returns."""
    part = path.with_name(path.name + ".part")
    # CF's way to tell xarray which variables are coordinates
    attributes = {
        **step.attrs,
        "coordinates": " ".join(str(name) for name in step.coords if step[name].dims != (name,)),
    }
    group = zarr.create_group(part, zarr_format=3, overwrite=True, attributes=attributes)
    _coordinates(group, step)
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
            # one folder per variable, not per chunk
            chunk_key_encoding={"name": "default", "separator": "."},
        )
    _root(part).write_bytes(_consolidated(part, 0))
    flush_tree(part)
    shutil.rmtree(path, ignore_errors=True)  # arrays that no step was ever committed to
    part.replace(path)
    flush_folders({path.parent})


def renew_coordinates(path: Path, step: xr.Dataset) -> None:
    """Write the coordinates once more, as `step` has them."""
    part = path.with_name(path.name + ".part")
    _coordinates(zarr.create_group(part, zarr_format=3, overwrite=True), step)
    flush_tree(part)
    for new in [each for each in part.iterdir() if each.is_dir()]:
        shutil.rmtree(path / new.name, ignore_errors=True)
        new.replace(path / new.name)
    flush_folders({path})
    shutil.rmtree(part)


def coordinates(path: Path) -> dict[str, str]:
    """Return the checksum of each coordinate: of all its files, in order."""
    names = [name for name, about in _metas(path).items() if about["dimension_names"][:1] != ["step"]]
    return {
        name: checksum(
            b"".join(each.read_bytes() for each in sorted((path / name).rglob("*")) if each.is_file())
        )
        for name in names
    }


def _coordinates(group: zarr.Group, step: xr.Dataset) -> None:
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


def meta(path: Path, name: str) -> dict[str, Any]:
    """Return the Zarr metadata of an array.

    Raises
    ------
    DamagedRun
        If they are missing or unreadable.
    """
    try:
        found: dict[str, Any] = json.loads((path / name / "zarr.json").read_text())
        return found
    except (OSError, ValueError) as error:
        raise DamagedRun(f"{path / name / 'zarr.json'} is missing or unreadable ({error}).") from error


def chunk(path: Path, name: str, number: int, dims: int) -> Path:
    """Return the file that holds step `number` of an array with `dims` dimensions."""
    return path / name / ".".join(["c", str(number), *["0"] * (dims - 1)])


def raw(name: str, values: xr.DataArray, meta: Mapping[str, Any]) -> bytes:
    """Return a step's values as the bytes of its chunk.

    Raises
    ------
    DamagedRun
        If their shape is not that of the steps before.
    """
    data = np.asarray(values.values, dtype=np.dtype(meta["data_type"]).newbyteorder("<"), order="C")
    if list(data.shape) != meta["shape"][1:]:
        raise DamagedRun(f"{name} of the step has shape {data.shape}, but the run holds {meta['shape'][1:]}.")
    return data.tobytes()


def files(
    path: Path, step: xr.Dataset, number: int, steps: int
) -> tuple[dict[Path, bytes], dict[str, bytes]]:
    """Return the files that make `step` the one with that number.

    Parameters
    ----------
    path : Path
        The arrays' folder.
    step : xarray.Dataset
        The step.
    number : int
        Its number.
    steps : int
        Length of the arrays with it, for readers that do not know the journal.

    Returns
    -------
    dict, dict
        Contents by path, chunks first; the chunks' bytes by variable.
    """
    arrays = {str(name): values for name, values in step.data_vars.items()}
    arrays["step"] = xr.DataArray(np.int64(number))
    metas = {name: meta(path, name) for name in arrays}
    raws = {name: raw(name, values, metas[name]) for name, values in arrays.items()}
    contents = {chunk(path, name, number, len(metas[name]["shape"])): data for name, data in raws.items()}
    return contents | {_root(path): _consolidated(path, steps)}, raws


def lengths(path: Path, steps: int) -> dict[Path, bytes]:
    """Return the files that make the arrays as long in their own metadata as in the consolidated ones."""
    contents = {_root(path): _consolidated(path, steps)} if _root(path).exists() else {}
    for name, about in _metas(path).items():
        if about["dimension_names"][:1] == ["step"]:
            about["shape"][0] = steps
            contents[path / name / "zarr.json"] = _json(about)
    return contents


def _root(path: Path) -> Path:
    return path / "zarr.json"


def _consolidated(path: Path, steps: int) -> bytes:
    """Return the group's metadata with those of all arrays in it, as if all of them held so many steps."""
    root: dict[str, Any] = json.loads(_root(path).read_bytes())
    inside = root.get("consolidated_metadata") or {"kind": "inline", "must_understand": False}
    metas = inside.get("metadata") or _metas(path)
    for about in metas.values():
        if about["dimension_names"][:1] == ["step"]:
            about["shape"][0] = steps
    return _json({**root, "consolidated_metadata": {**inside, "metadata": metas}})


def _metas(path: Path) -> dict[str, dict[str, Any]]:
    names = sorted(each.parent.name for each in path.glob("*/zarr.json"))
    return {name: meta(path, name) for name in names}


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2).encode()
