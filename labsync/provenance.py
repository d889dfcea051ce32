"""What made a run: versions, machine, and the state of the code."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

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
    """Return versions of the packages, the machine, and git revision (None outside a checkout)."""
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


def _revision() -> dict[str, Any] | None:
    home = Path(__file__).resolve().parent.parent
    if not (home / ".git").exists():
        return None
    try:
        commit = _git(home, "rev-parse", "HEAD")
        return {"commit": commit.strip(), "dirty": bool(_git(home, "status", "--porcelain").strip())}
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
    ).stdout
