"""A tree of SCPI commands: long and short forms, numeric suffixes, chains with ``;``, an error queue."""

import inspect
import re
from collections import deque
from collections.abc import Callable, Iterable

from ..devices import BadSetting

__all__ = ["ScpiError", "ScpiTree", "number", "switch"]

QUEUE_LENGTH = 20

Handler = Callable[..., str | bytes | None]


class ScpiError(Exception):
    """An entry for the error queue."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def number(text: str) -> float:
    """Return a numeric parameter; a trailing unit such as V, or the ID900's TB, is dropped."""
    match = re.fullmatch(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*[A-Za-z]*\s*", text)
    if not match:
        raise ScpiError(-104, "Data type error")
    return float(match[1])


def switch(text: str) -> bool:
    """Return a boolean parameter: ON, OFF, 1 or 0."""
    word = text.strip().upper()
    if word not in ("ON", "OFF", "1", "0"):
        raise ScpiError(-104, "Data type error")
    return word in ("ON", "1")


def _compile(pattern: str) -> re.Pattern[str]:
    """Compile e.g. ``SOURce#:VOLTage[:LEVel]?``; # is an optional number, [] an optional node."""
    regex = ""
    for piece in re.findall(r"\*?[A-Za-z]+|[#:?\[\]]", pattern):
        if piece == "#":
            regex += r"(\d{0,2})"
        elif piece == "[":
            regex += "(?:"
        elif piece == "]":
            regex += ")?"
        elif piece in ":?":
            regex += re.escape(piece)
        else:
            short = re.match(r"\*?[A-Z]*", piece)[0]  # type: ignore[index]
            rest = piece[len(short) :]
            regex += re.escape(short) + (f"(?:{rest})?" if rest else "")
    return re.compile(regex, re.IGNORECASE)


class ScpiTree:
    """Commands of one instrument.

    Handlers get the numeric suffixes (missing ones as 1), then the parameters as text. A `BadSetting`
    from the device counts as "data out of range".

    Parameters
    ----------
    commands : iterable of (str, callable)
        Patterns in the manual's notation, and their handlers.
    """

    def __init__(self, commands: Iterable[tuple[str, Handler]]) -> None:
        self._commands = [(_compile(pattern), handler) for pattern, handler in commands]
        self._errors: deque[ScpiError] = deque()

    def execute(self, line: str) -> list[str | bytes | ScpiError]:
        """Run a chain of commands; return answers, and the errors where there were any, in order."""
        results: list[str | bytes | ScpiError] = []
        path = ""
        for unit in filter(None, (part.strip() for part in _split(line, ";"))):
            header, _, parameters = unit.partition(" ")
            if header.startswith(":") or header.startswith("*"):
                absolute = header.removeprefix(":")
            else:
                absolute = path + header
            if not header.startswith("*"):
                path = absolute.rpartition(":")[0] + ":" if ":" in absolute else ""
            try:
                answer = self._run(absolute, [p.strip() for p in _split(parameters, ",") if p.strip()])
            except ScpiError as error:
                self.push(error)
                results.append(error)
            else:
                if answer is not None:
                    results.append(answer)
        return results

    def _run(self, header: str, parameters: list[str]) -> str | bytes | None:
        for pattern, handler in self._commands:
            match = pattern.fullmatch(header)
            if match:
                suffixes = [int(group) if group else 1 for group in match.groups()]
                return _call(handler, [*suffixes, *parameters])
        raise ScpiError(-113, "Undefined header")

    def push(self, error: ScpiError) -> None:
        """Queue an error; when the queue is full its last entry says so."""
        if len(self._errors) >= QUEUE_LENGTH:
            self._errors[-1] = ScpiError(-350, "Queue overflow")
        else:
            self._errors.append(error)

    @property
    def has_errors(self) -> bool:
        """Whether errors wait in the queue."""
        return bool(self._errors)

    def next_error(self) -> str:
        """Take the oldest error off the queue, as text."""
        if not self._errors:
            return '0,"No error"'
        error = self._errors.popleft()
        return f'{error.code},"{error.message}"'

    def clear(self) -> None:
        """Empty the error queue."""
        self._errors.clear()


def _call(handler: Handler, arguments: list) -> str | bytes | None:
    """Call a handler; what the command got wrong becomes an error for the queue."""
    try:
        inspect.signature(handler).bind(*arguments)
    except TypeError as error:
        raise ScpiError(-109, "Missing parameter") from error
    try:
        return handler(*arguments)
    except (BadSetting, OverflowError) as error:
        raise ScpiError(-222, f"Data out of range; {error}") from error
    except KeyError as error:
        raise ScpiError(-114, "Header suffix out of range") from error


def _split(text: str, separator: str) -> list[str]:
    """Split outside quotes."""
    parts, quote = [""], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == separator:
            parts.append("")
            continue
        parts[-1] += character
    return parts
