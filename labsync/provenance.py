"""What made a run: versions, machine, and the state of the code."""

import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from labsync.store import Run

HOME = Path(__file__).resolve().parent.parent
PACKAGES = ("labsync", "instruments", "analysis", "models")
LIBRARIES = (
    "pymeasure",
    "pyvisa",
    "pyvisa-py",
    "pyzmq",
    "numpy",
    "scipy",
    "numba",
    "lmfit",
    "xarray",
    "zarr",
    "qutip",
)


def collect() -> dict[str, Any]:
    """Return versions of the packages, the machine, and git revision (None outside a checkout).

    Where the code differs from its revision, ``diff`` names the file that says how (see `keep_code`).
    """
    versions = {name: _version(name) for name in ("labsync", *LIBRARIES)}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "machine": {"node": platform.node(), "system": platform.platform(), "processor": platform.machine()},
        "git": _revision(),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def keep_code(run: Run) -> None:
    """Store what distinguishes the code from its git revision, beside the data, if there is anything.

    The file is named after its contents, ``code-CHECKSUM.diff``; `collect` gives the same name. New modules
    that git does not know yet are part of it.
    """
    changes = _changes()
    if changes:
        run.keep(_diff_name(changes), changes)


def _revision() -> dict[str, Any] | None:
    if not (HOME / ".git").exists():
        return None
    try:
        commit = _git("rev-parse", "HEAD").decode().strip()
    except (OSError, subprocess.SubprocessError):
        return None
    changes = _changes()
    return {"commit": commit, "dirty": bool(changes), "diff": _diff_name(changes) if changes else None}


def _changes() -> bytes:
    """Return the difference between the packages as they are and as they were committed."""
    if not (HOME / ".git").exists():
        return b""
    try:
        with tempfile.TemporaryDirectory() as folder:
            # a copy of the index, in which new files are announced, leaves the user's own alone
            index = Path(folder) / "index"
            shutil.copy(HOME / _git("rev-parse", "--git-path", "index").decode().strip(), index)
            _git("add", "--intent-to-add", "--", *PACKAGES, index=index)
            return _git("diff", "--binary", "HEAD", "--", *PACKAGES, index=index)
    except (OSError, subprocess.SubprocessError):
        return b""


def _diff_name(changes: bytes) -> str:
    return f"code-{hashlib.blake2b(changes, digest_size=8).hexdigest()}.diff"


def _git(*arguments: str, index: Path | None = None) -> bytes:
    environment = os.environ | ({"GIT_INDEX_FILE": str(index)} if index else {})
    return subprocess.run(
        ["git", "-C", str(HOME), *arguments], capture_output=True, check=True, timeout=10, env=environment
    ).stdout
