"""Opens a file of time tags by what it is."""

from pathlib import Path
from typing import Any

import numpy as np

from analysis.timetags._errors import TagFileError
from analysis.timetags._file import TagFile
from analysis.timetags._hdf5 import open_photon_hdf5
from analysis.timetags._histograms import read_histograms
from analysis.timetags._labsync import MAGIC, open_labsync
from analysis.timetags._picoquant import open_harp, open_ptu
from analysis.timetags._qutag import open_qutag
from analysis.timetags._spc import LAYOUTS, open_spc
from analysis.timetags._stream import TagStream

__all__ = ["describe", "open_tags", "read_tags"]

_KINDS = ("ptu", "ht2", "ht3", "qutag", *LAYOUTS, "photon-hdf5", "labsync")


def open_tags(path: Path | str, *, kind: str | None = None, unit_ps: float = 1.0) -> TagFile:
    """Open a file of time tags and read its header.

    Parameters
    ----------
    path
        A .ptu, .ht2, .ht3, .spc, quTAG, Photon-HDF5 or labsync file.
    kind
        What it is, where neither its first bytes nor its suffix say so: "qutag" (also by suffix .bin), "spc"
        (also by suffix .spc), "spc-600-48" or "spc-600-32".
    unit_ps
        Time base of a quTAG file, which does not hold it.

    Returns
    -------
    TagFile
        Its `chunks` yield the tags, with constant memory.

    Raises
    ------
    TagFileError
        If the file is damaged or of an unknown kind; the message names byte offset and reason.
    OSError
        If it cannot be opened.
    """
    path = Path(path)
    kind = kind or _kind(path)
    if kind == "ptu":
        return open_ptu(path)
    if kind in ("ht2", "ht3"):
        return open_harp(path)
    if kind == "qutag":
        return open_qutag(path, unit_ps)
    if kind in LAYOUTS:
        return open_spc(path, kind)
    if kind == "photon-hdf5":
        return open_photon_hdf5(path)
    if kind == "labsync":
        return open_labsync(path)
    raise ValueError(f"Unknown kind of time tags {kind!r}; known are {', '.join(_KINDS)}.")


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(16)
    for magic, kind in (
        (b"PQTTTR", "ptu"), (b"HydraHarp", "ht2"), (b"\x89HDF\r\n\x1a\n", "photon-hdf5"), (MAGIC, "labsync"),
    ):  # fmt: skip
        if start.startswith(magic):
            return kind
    if start.startswith(b"PQHISTO"):
        raise TagFileError(path, 0, "the file holds histograms, no time tags; read_histograms reads it")
    by_suffix = {".spc": "spc", ".bin": "qutag"}.get(path.suffix.lower())
    if by_suffix is None:
        raise TagFileError(path, 0, f"no known file of time tags begins with {start[:8]!r}")
    return by_suffix


def read_tags(path: Path | str, *, kind: str | None = None, unit_ps: float = 1.0) -> TagStream:
    """Read a file of time tags into memory; parameters and errors as of `open_tags`."""
    return open_tags(path, kind=kind, unit_ps=unit_ps).read()


def describe(path: Path | str, *, kind: str | None = None, unit_ps: float = 1.0) -> dict[str, Any]:
    """Read a file through and say what it holds.

    Returns
    -------
    dict
        ``file``, ``format``, ``unit_ps``, ``resolution_ps``, ``records``, ``tags``, ``duration_s`` (what the
        data hold), ``dead_s`` (gaps), ``channels`` (tags by channel), ``rates_hz`` (by channel), ``markers``,
        ``notes`` (where header and data disagree) and ``header``. Of a .phu file: ``curves``, ``bins``,
        ``counts`` and ``resolution_ps`` (by curve).

    Raises
    ------
    TagFileError
        If the file is damaged.
    """
    path = Path(path)
    with path.open("rb") as raw:
        if raw.read(7) == b"PQHISTO":
            return _describe_histograms(path)
    file = open_tags(path, kind=kind, unit_ps=unit_ps)
    counts, dead, elapsed = np.zeros(256, np.int64), 0, file.duration
    for chunk in file.chunks():
        counts += np.bincount(chunk.channel.view(np.uint8), minlength=256)
        dead, elapsed = dead + int(np.diff(chunk.gaps, axis=1).sum()), chunk.elapsed
    seconds = file.unit_ps * 1e-12
    channels = {int(c): int(counts[c]) for c in np.flatnonzero(counts[:128])}
    live_s = (elapsed - dead) * seconds
    return {
        "file": str(path),
        "format": file.format,
        "unit_ps": file.unit_ps,
        "resolution_ps": file.resolution_ps,
        "records": file.records,
        "tags": int(counts.sum()),
        "duration_s": elapsed * seconds,
        "dead_s": dead * seconds,
        "channels": channels,
        "rates_hz": {c: n / live_s if live_s > 0 else 0.0 for c, n in channels.items()},
        "markers": int(counts[128:].sum()),
        "notes": list(file.notes),
        "header": dict(file.header),
    }


def _describe_histograms(path: Path) -> dict[str, Any]:
    data = read_histograms(path)
    return {
        "file": str(path),
        "format": "PicoQuant PHU",
        "curves": data.sizes["curve"],
        "bins": data.sizes["bin"],
        "counts": data["counts"].sum("bin").values.tolist(),
        "resolution_ps": data["resolution_ps"].values.tolist(),
        "notes": [],
    }
