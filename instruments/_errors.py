"""The error queue of SCPI instruments."""

import re
from typing import ClassVar

from instruments._driver import Driver
from instruments.errors import InstrumentProtocolError

__all__ = ["ScpiDriver", "next_error"]

LONGEST_QUEUE = 50


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


class ScpiDriver(Driver):
    """A driver of an instrument with an error queue; `Driver` explains the parameters."""

    _error_query: ClassVar[str] = "SYST:ERR?"

    def check_errors(self) -> list:
        """Read the error queue until it is empty; raise InstrumentProtocolError if it was not."""
        errors: list[str] = []
        while len(errors) < LONGEST_QUEUE:
            entry = self.parsed(self._error_query, next_error, 'an error such as 0,"No error"')
            if entry is None:
                break
            errors.append(entry)
        if errors:
            raise InstrumentProtocolError(f"{self.where} reports {'; '.join(errors[:3])}.")
        return errors
