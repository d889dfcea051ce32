"""The tagged header of PicoQuant's .ptu and .phu files."""

import struct
from pathlib import Path
from typing import Any

from analysis.timetags._errors import TagFileError

__all__ = ["TAG_TYPES", "read_header"]

_EMPTY, _BOOL, _INT, _BITS, _COLOUR = 0xFFFF0008, 0x00000008, 0x10000008, 0x11000008, 0x12000008
_FLOAT, _DATE, _FLOATS = 0x20000008, 0x21000008, 0x2001FFFF
_TEXT, _WIDE_TEXT, _BLOB = 0x4001FFFF, 0x4002FFFF, 0xFFFFFFFF
#: Numbers of the types a writer needs.
TAG_TYPES = {"empty": _EMPTY, "bool": _BOOL, "int": _INT, "float": _FLOAT, "date": _DATE, "text": _TEXT}
_LONG = {_FLOATS, _TEXT, _WIDE_TEXT, _BLOB}
_LONGEST_HEADER = 1 << 24


def read_header(path: Path, magic: bytes) -> tuple[dict[str, Any], int]:
    """Return the tags of a header by name and the byte offset of what follows.

    A tag with an index is a dict of its values by index.

    Raises
    ------
    TagFileError
        If the header is cut off or not a list of tags.
    """
    with path.open("rb") as file:
        data = file.read(_LONGEST_HEADER)
    if data[: len(magic)] != magic:
        raise TagFileError(path, 0, f"the file does not begin with {magic.decode()}")
    tags: dict[str, Any] = {"version": data[8:16].rstrip(b"\0").decode("latin-1")}
    at = 16
    while True:
        if at + 48 > len(data):
            raise TagFileError(path, len(data), "the header is cut off: there is no tag Header_End")
        name = data[at : at + 32].split(b"\0")[0].decode("latin-1")
        index, kind = struct.unpack_from("<iI", data, at + 32)
        value, after = _value(path, data, at, kind)
        if name == "Header_End":
            return tags, after
        if index < 0:
            tags[name] = value
        else:
            indexed = tags.setdefault(name, {})
            if not isinstance(indexed, dict):
                raise TagFileError(path, at, f"the tag {name} occurs with and without an index")
            indexed[index] = value
        at = after


def _value(path: Path, data: bytes, at: int, kind: int) -> tuple[Any, int]:
    """Return the value of the tag at an offset, and the offset after it."""
    (number,) = struct.unpack_from("<q", data, at + 40)
    after = at + 48
    if kind == _EMPTY:
        return None, after
    if kind == _BOOL:
        return bool(number), after
    if kind in (_INT, _BITS, _COLOUR):
        return number, after
    if kind in (_FLOAT, _DATE):
        return struct.unpack_from("<d", data, at + 40)[0], after
    if kind not in _LONG:
        raise TagFileError(path, at + 36, f"unknown type {kind:#010x} of a header tag")
    if not 0 <= number <= len(data) - after:
        raise TagFileError(
            path, at + 40, f"a header tag claims {number} bytes; the file has {len(data) - after}"
        )
    content = data[after : after + number]
    if kind == _TEXT:
        return content.split(b"\0")[0].decode("utf-8", "replace"), after + number
    if kind == _WIDE_TEXT:
        return content.decode("utf-16-le", "replace").split("\0")[0], after + number
    if kind == _FLOATS:
        return struct.unpack(f"<{number // 8}d", content[: number // 8 * 8]), after + number
    return content, after + number
