"""Files that survive a power cut: complete or absent, never half."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Flushing is waiting, and a file system commits waiting files together: many flushes cost about one.
_FLUSHERS = ThreadPoolExecutor(max_workers=32, thread_name_prefix="flush")


def write_durably(files: Mapping[Path, bytes]) -> None:
    """Write whole files so that each exists complete or not at all, also after a power cut.

    Parameters
    ----------
    files : mapping of Path to bytes
        Written beside their place, flushed, then renamed into it, in this order; existing files are replaced.

    Raises
    ------
    OSError
        If a file cannot be written; then none of them was replaced, or, if a rename failed, the first few.
    """
    parts = {path: path.with_name(path.name + ".part") for path in files}
    try:
        list(_FLUSHERS.map(_write, parts.values(), files.values()))
        for path, part in parts.items():
            part.replace(path)
    except OSError:
        for part in parts.values():
            _discard(part)
        raise
    flush_folders({path.parent for path in files})


def append_durably(path: Path, line: bytes) -> None:
    """Append to a file and flush it; what fails half-way is cut off again.

    Raises
    ------
    OSError
        If the line cannot be written or flushed.
    """
    new = not path.exists()
    with path.open("ab", buffering=0) as file:
        before = os.fstat(file.fileno()).st_size
        try:
            _write_all(file.fileno(), line)
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), before)
            raise
    if new:
        flush_folders({path.parent})


def remove_durably(path: Path) -> None:
    """Remove a file if it exists, so that it stays removed."""
    path.unlink(missing_ok=True)
    flush_folders({path.parent})


def flush_tree(root: Path) -> None:
    """Flush everything in and below a folder, whoever wrote it."""
    paths = [root, *root.rglob("*")]
    list(_FLUSHERS.map(_flush_path, paths))


def flush_folders(folders: Iterable[Path]) -> None:
    """Flush the entries of folders: a new or renamed file is durable only after this."""
    list(_FLUSHERS.map(_flush_path, folders))


def _write(path: Path, data: bytes) -> None:
    with path.open("wb", buffering=0) as file:
        _write_all(file.fileno(), data)
        os.fsync(file.fileno())


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:  # a full disk takes a part first, and says so only when asked to take the rest
        view = view[os.write(handle, view) :]


def _flush_path(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):  # an unfinished part harms nobody
        path.unlink(missing_ok=True)
