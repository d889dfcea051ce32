"""The lock of a run folder: one process writes a run, and everybody can see which."""

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import IO, Any

from labsync.errors import UsageError

# Who asks whether the lock is held has it for some microseconds: that is no other writer.
_ATTEMPTS = 5
_PAUSE_S = 0.02


def take(path: Path, what: str, since: str) -> IO[str]:
    """Take the lock for as long as this process lives, and write its owner into the file.

    Parameters
    ----------
    path : Path
        The lock file; it stays when the lock is gone.
    what : str
        What is locked, for the message.
    since : str
        The present time.

    Returns
    -------
    file
        Closing it gives the lock back.

    Raises
    ------
    UsageError
        If another process holds the lock, naming it, or if the file cannot be written.
    """
    try:
        file = path.open("a+")
    except OSError as error:
        raise UsageError(f"{what} cannot be written: {error.strerror} ({path}).") from error
    for attempt in range(_ATTEMPTS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_PAUSE_S)
                continue
            file.close()
            sentence = f"{what} is being written by {_described(owner(path))}; stop that first."
            raise UsageError(sentence) from None
    file.truncate(0)
    json.dump({"pid": os.getpid(), "host": socket.gethostname(), "since": since}, file)
    file.flush()
    return file


def held(path: Path) -> bool:
    """Return whether a process holds the lock."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def owner(path: Path) -> dict[str, Any]:
    """Return process, host and time of who took the lock last; empty if that is not known."""
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def _described(owner: dict[str, Any]) -> str:
    if not owner:
        return "another process"
    return f"process {owner.get('pid')} on {owner.get('host')} since {owner.get('since')}"
