"""Compiled kernels on disk: names that change with the sources, compile times, removal of old versions."""

import contextlib
import glob
import hashlib
import inspect
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numba

__all__ = ["can_be_cached", "first_call", "name_on_disk"]

_log = logging.getLogger("models.numerics")


def can_be_cached(function: Callable) -> bool:
    """Tell whether another process can import the function: neither local, nor typed in, nor a script's."""
    local = "<locals>" in function.__qualname__ or function.__module__ == "__main__"
    return not local and Path(inspect.getfile(function)).is_file()


def name_on_disk(function: Callable, counts: str, sources: Sequence[Path]) -> str:
    """Return a kernel's name: its family, then a digest of all source text that goes into it.

    Parameters
    ----------
    function : callable
        Step function; its module's text goes into the kernel.
    counts : str
        What else tells kernels of this function apart.
    sources : sequence of Path
        Further sources of the kernel.
    """
    path = Path(inspect.getfile(function))
    digest = hashlib.sha256(f"{numba.__version__} {function.__module__}".encode())
    for source in (path, *sources):
        digest.update(source.read_bytes())
    where = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    return f"advance_{where}_{function.__qualname__}_{counts}_{digest.hexdigest()[:16]}"


def first_call(kernel: Any, *arguments: Any) -> float:
    """Call a kernel, so that it is ready afterwards; return the seconds that it took to compile it.

    That is 0 if it was ready or came from the disk cache. A kernel compiled anew replaces its older versions
    in the cache: other processes that still use those have them in memory, or compile them again.
    """
    ready, found = len(kernel.overloads), sum(kernel.stats.cache_hits.values())
    begin = time.perf_counter()
    kernel(*arguments)
    if len(kernel.overloads) == ready or sum(kernel.stats.cache_hits.values()) > found:
        return 0.0
    seconds = time.perf_counter() - begin
    _log.info("compiled %s in %.1f s", kernel.py_func.__qualname__, seconds)
    if kernel.stats.cache_path:
        _remove_older(Path(kernel.stats.cache_path), kernel.py_func)
    return seconds


def _remove_older(folder: Path, kernel: Callable) -> None:
    """Remove cached kernels of the same family and Python version that were made from older sources."""
    name, module = kernel.__qualname__, Path(inspect.getfile(kernel)).stem
    family = name.rpartition("_")[0]
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    for path in folder.glob(f"{module}.{glob.escape(family)}_*.{python}*.nb[ci]"):
        if name not in path.name:
            with contextlib.suppress(OSError):  # in use, or already removed by another process
                path.unlink()
