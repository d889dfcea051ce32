"""Photon-HDF5 files (format version 0.4 and 0.5), single spot."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from analysis.timetags._errors import TagFileError
from analysis.timetags._file import TagFile
from analysis.timetags._ordered import Decoded
from analysis.timetags._stream import NO_GAPS

__all__ = ["open_photon_hdf5"]

_HIGHEST_COMPRESSION = 2000
_PERIODS_LATE = 4
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, AttributeError, MemoryError)


def open_photon_hdf5(path: Path) -> TagFile:
    """Read the description of a Photon-HDF5 file.

    With TCSPC data (`nanotimes`) the times are in units of 1 ps, else in the file's own unit.

    Raises
    ------
    TagFileError
        If it is damaged, or no Photon-HDF5 file of one spot.
    """
    try:
        with h5py.File(path, "r") as file:
            return _describe(path, file)
    except _DAMAGE as error:
        if isinstance(error, TagFileError):
            raise
        raise TagFileError(path, 0, f"no readable Photon-HDF5 file ({error})") from error


def _describe(path: Path, file: h5py.File) -> TagFile:
    data = file.get("photon_data")
    if not isinstance(data, h5py.Group):
        raise TagFileError(path, 0, "no group /photon_data; files of several spots are not read")
    times, detectors, after = (_column(path, data, name) for name in ("timestamps", "detectors", "nanotimes"))
    if times is None:
        raise TagFileError(path, 0, "no /photon_data/timestamps")
    unit_ps = float(data["timestamps_specs/timestamps_unit"][()]) * 1e12
    after_ps = float(data["nanotimes_specs/tcspc_unit"][()]) * 1e12 if after is not None else unit_ps
    for value in (unit_ps, after_ps):
        if not 1e-3 <= value <= 1e12:
            raise TagFileError(path, 0, f"a unit of {value:g} ps; from 0.001 to 1e12 ps is possible")
    for other in (detectors, after):
        if other is not None and other.shape != times.shape:
            raise TagFileError(path, 0, f"{times.size} timestamps but {other.size} {other.name}")
    seconds = float(file["acquisition_duration"][()]) if "acquisition_duration" in file else 0.0
    unit, late = (1.0, _PERIODS_LATE * unit_ps) if after is not None else (float(f"{unit_ps:.9g}"), 0.0)
    duration = int(seconds * 1e12 / unit) if 0 <= seconds < 1e7 else 0
    header: dict[str, Any] = {"acquisition_duration": seconds, "timestamps_unit_ps": unit_ps}
    return TagFile(
        path, "Photon-HDF5", unit, times.size, 0, 0, _decoder(unit_ps / unit, after_ps / unit),
        float(f"{after_ps:.9g}"), int(late), header, (), {}, duration,
    )  # fmt: skip


def _column(path: Path, data: h5py.Group, name: str) -> h5py.Dataset | None:
    column = data.get(name)
    if column is None:
        return None
    if not isinstance(column, h5py.Dataset) or column.ndim != 1 or column.dtype.kind not in "iu":
        raise TagFileError(path, 0, f"/photon_data/{name} is no list of whole numbers")
    if column.size * column.dtype.itemsize > _HIGHEST_COMPRESSION * column.id.get_storage_size():
        raise TagFileError(path, 0, f"/photon_data/{name} claims {column.size} tags that are not in the file")
    return column


def _decoder(scale: float, after_scale: float) -> Any:
    def decode(file: TagFile, chunk: int) -> Iterator[Decoded]:
        latest = 0
        for first in range(0, file.records, chunk):
            try:
                time, channel = _read(file.path, slice(first, first + chunk), scale, after_scale)
            except _DAMAGE as error:
                raise TagFileError(file.path, 0, f"tags from number {first} on: {error}") from error
            peak = np.maximum.accumulate(np.concatenate([[latest], time]))[1:]
            bad = (time < peak - file.horizon) | (time < 0)
            if np.any(bad):
                raise TagFileError(
                    file.path, 0, f"timestamp number {first + int(np.argmax(bad))} is out of order"
                )
            disorder = bool(np.any(np.diff(time, prepend=latest) < 0))
            latest, done = int(peak[-1]), first + time.size
            yield Decoded(
                time, channel, 0, time.size, disorder, latest, NO_GAPS, latest + 1, done / file.records
            )

    return decode


def _read(path: Path, rows: slice, scale: float, after_scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Return times in units and channels of some tags."""
    with h5py.File(path, "r") as file:
        data = file["photon_data"]
        stamps = data["timestamps"][rows].astype(np.int64)
        detector = data["detectors"][rows] if "detectors" in data else np.zeros(stamps.size, np.int8)
        after = data["nanotimes"][rows].astype(np.int64) if "nanotimes" in data else None
    if stamps.size and (stamps.min() < 0 or float(stamps.max()) * scale >= 2.0**62):
        raise ValueError("a timestamp is negative or too large")
    if detector.size and (detector.min() < 0 or detector.max() > 127):
        raise ValueError("detector numbers above 127 or below 0")
    if after is not None:
        whole = int(scale)
        # whole picoseconds exactly, the rest of the clock period in floating point
        stamps = stamps * whole + np.floor(stamps * (scale - whole) + after * after_scale + 0.5).astype(
            np.int64
        )
    return stamps, detector.astype(np.int8)
