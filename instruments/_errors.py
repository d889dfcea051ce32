"""The error queue of SCPI instruments."""

import re

__all__ = ["next_error"]


def next_error(reply: str) -> str | None:
    """Return the entry in an answer such as ``-113,"Undefined header"``; None for ``0,"No error"``.

    Raises
    ------
    ValueError
        The answer is no entry of an error queue.
    """
    match = re.fullmatch(r"([+-]?\d+),\s*(.+)", reply)
    if match is None:
        raise ValueError(reply)
    return None if int(match[1]) == 0 else reply
