"""The journal of a run: one JSON line per event, each with a checksum, each on disk before the next step.

A line is ``{"body": {...}, "sum": "..."}``; `sum` is the checksum of the body's canonical JSON text. A last
line without its end or with a wrong checksum was torn by a crash and does not count; a bad line before it is
damage.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from labsync._durable import append_durably
from labsync.errors import DamagedRun


def checksum(data: bytes) -> str:
    """Return the 64-bit BLAKE2 checksum of `data` as hexadecimal text."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def to_json(value: Any) -> str:
    """Return the canonical JSON text of `value`; NaN is refused because JSON has none."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def append(path: Path, body: dict[str, Any]) -> None:
    """Append one event to the journal and flush it to disk."""
    text = to_json(body)
    append_durably(path, f'{{"body":{text},"sum":"{checksum(text.encode())}"}}\n'.encode())


def read(path: Path) -> list[dict[str, Any]]:
    """Return the bodies of all whole lines.

    Raises
    ------
    DamagedRun
        If a line before the last one is unreadable or fails its checksum.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    bodies = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        body = _body(line)
        if body is None:
            # text after the last newline, or a broken last line: torn by a crash, so it never happened
            if number >= len(lines) - 1:
                break
            raise DamagedRun(
                f"{path}, line {number}: the journal line fails its checksum; the run folder is damaged."
            )
        bodies.append(body)
    return bodies


def _body(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
        body = entry["body"]
        return body if entry["sum"] == checksum(to_json(body).encode()) else None
    except (ValueError, KeyError, TypeError):
        return None
