"""Files that survive a power cut: complete or absent, never half."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Flushing is waiting, and a file system commits waiting files together: many flushes cost about one.
_FLUSHERS = ThreadPoolExecutor(max_workers=16, thread_name_prefix="flush")


def write_durably(files: Mapping[Path, bytes]) -> None:
    """Write whole files so that each exists complete or not at all, also after a power cut.

    Parameters
    ----------
    files : mapping of Path to bytes
        Written beside their place, flushed, then renamed into it; existing files are replaced.

    Raises
    ------
    OSError
        If a file cannot be written; files renamed by then stay.
    """
    parts = {path: path.with_name(path.name + ".part") for path in files}
    list(_FLUSHERS.map(_write, parts.values(), files.values()))
    for path, part in parts.items():
        part.replace(path)
    list(_FLUSHERS.map(_flush_folder, {path.parent for path in files}))


def append_durably(path: Path, line: bytes) -> None:
    """Append to a file and flush it."""
    with path.open("ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Flush a folder's entries: a rename is durable only after this."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
