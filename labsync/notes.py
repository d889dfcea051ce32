"""Tags and notes of a run: one checksummed line each in the run folder, beside the data, only ever added to.

They may be written while the run goes on, and by several people at once; the measured data and the run's own
lock are not touched.
"""

import fcntl
import getpass
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labsync import _journal
from labsync.errors import UsageError
from labsync.store import Run, now

FILE = "notes.jsonl"
_TAG = re.compile(r"[\w.+-]+")


@dataclass(frozen=True)
class Notes:
    """Everything that was said about a run.

    Attributes
    ----------
    tags : tuple of str
        The tags it has now, in the order they were given.
    notes : tuple of dict
        ``time``, ``by`` and ``text`` of every note, oldest first.
    """

    tags: tuple[str, ...] = ()
    notes: tuple[dict[str, Any], ...] = ()


def read(run: Run) -> Notes:
    """Return the tags and notes of a run.

    Raises
    ------
    DamagedRun
        If a line other than the last fails its checksum.
    """
    tags: dict[str, None] = {}
    notes = []
    for body in _journal.read(run.path / FILE):
        if body["kind"] == "note":
            notes.append({key: body[key] for key in ("time", "by", "text")})
        elif body["kind"] == "tag":
            tags |= dict.fromkeys(body["names"])
        elif body["kind"] == "untag":
            tags = {tag: None for tag in tags if tag not in body["names"]}
    return Notes(tuple(tags), tuple(notes))


def add_note(run: Run, text: str) -> None:
    """Add a note to a run.

    Raises
    ------
    UsageError
        If the text is empty.
    """
    if not text.strip():
        raise UsageError("A note needs some text: labsync note RUN 'what you saw'.")
    _add(run, {"kind": "note", "text": text.strip()})


def add_tags(run: Run, names: Iterable[str], remove: bool = False) -> None:
    """Give a run tags, or take them from it.

    Raises
    ------
    UsageError
        If a tag is not made of letters, digits, dots, plus and minus, or one to remove is not there.
    """
    wanted = list(names)
    for name in wanted:
        if not _TAG.fullmatch(name):
            raise UsageError(
                f"'{name}' cannot be a tag; use letters, digits and . + - _ without spaces, such as "
                "'paper-fig3', and 'labsync note' for sentences."
            )
    have = read(run).tags
    missing = [name for name in wanted if name not in have]
    if remove and missing:
        raise UsageError(f"{run.uid} has no tag {', '.join(missing)}; it has {', '.join(have) or 'none'}.")
    _add(run, {"kind": "untag" if remove else "tag", "names": wanted})


def _add(run: Run, body: dict[str, Any]) -> None:
    path = run.path / FILE
    folder = os.open(run.path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # freed when it is closed
        _journal.mend(path)
        _journal.append(path, {**body, "time": now(), "by": _user()})
    except OSError as error:
        raise UsageError(f"Nothing can be noted in {run.path}: {error.strerror}.") from error
    finally:
        os.close(folder)
    run.touch()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no login name, as in a container
        return "unknown"
