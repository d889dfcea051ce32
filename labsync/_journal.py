"""The journal of a run: one JSON line per event, each with a checksum, each on disk before the next step.

A line is ``{"body": {...}, "sum": "..."}``; `sum` is the checksum of the body's canonical JSON text. A last
line without its end or with a wrong checksum was torn by a crash and does not count; a bad line before it is
damage.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from labsync._durable import append_durably, write_durably
from labsync.errors import DamagedRun


def checksum(data: bytes) -> str:
    """Return the 64-bit BLAKE2 checksum of `data` as hexadecimal text."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def to_json(value: Any) -> str:
    """Return the canonical JSON text of `value`; NaN is refused because JSON has none."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def append(path: Path, body: dict[str, Any]) -> None:
    """Append one event to the journal and flush it to disk.

    Raises
    ------
    OSError
        If it cannot be written; the journal is as it was before.
    """
    text = to_json(body)
    append_durably(path, f'{{"body":{text},"sum":"{checksum(text.encode())}"}}\n'.encode())


def read(path: Path) -> list[dict[str, Any]]:
    """Return the bodies of all whole lines.

    Raises
    ------
    DamagedRun
        If a line before the last one is unreadable or fails its checksum.
    """
    lines = _lines(path)
    bodies = []
    for number, line in enumerate(lines, start=1):
        body = _body(line)
        if body is not None:
            bodies.append(body)
        elif number < len(lines):  # a broken last line was torn by a crash, so it never happened
            raise DamagedRun(
                f"{path}, line {number}: the journal line fails its checksum; 'labsync resume' does the "
                "step of that line again."
            )
    return bodies


def read_on(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return what was added after `offset` bytes, and where to read on next time.

    Only whole lines count; one that is broken is passed over, since who only looks on cannot mend it.
    """
    with path.open("rb") as file:
        file.seek(offset)
        added = file.read()
    end = added.rfind(b"\n") + 1
    bodies = [_body(line) for line in added[:end].split(b"\n")]
    return [body for body in bodies if body is not None], offset + end


def mend(path: Path) -> None:
    """Make the journal fit to be appended to: only whole lines stay.

    A torn end is cut off. Where a line before it is broken, the journal as found is kept beside the mended
    one as ``journal.jsonl.broken``; the event of that line is lost.

    Raises
    ------
    OSError
        If the journal cannot be written.
    """
    lines = _lines(path)
    whole = [line for line in lines if _body(line) is not None]
    mended = b"".join(line + b"\n" for line in whole)
    if not lines or mended == path.read_bytes():
        return
    if whole != lines[: len(whole)]:
        write_durably({path.with_name(path.name + ".broken"): path.read_bytes()})
    write_durably({path: mended})


def _lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().split(b"\n") if line] if path.exists() else []


def _body(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
        body = entry["body"]
        return body if entry["sum"] == checksum(to_json(body).encode()) else None
    except (ValueError, KeyError, TypeError):
        return None
