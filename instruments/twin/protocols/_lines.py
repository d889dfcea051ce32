"""Protocols made of lines of text."""

from collections.abc import Callable

from ._reply import Reply

__all__ = ["LineSession"]

LONGEST_LINE = 65536


class LineSession:
    """Cut the stream at newlines, hand each line to a handler, end each answer with a terminator.

    Parameters
    ----------
    handle : callable
        Takes a line without its end; returns the answer, as text or bytes, or None for silence.
    terminator : bytes
        What ends an answer.
    """

    def __init__(self, handle: Callable[[str], str | bytes | None], terminator: bytes) -> None:
        self._handle = handle
        self._terminator = terminator
        self._received = b""

    def feed(self, data: bytes) -> list[Reply]:
        """Take in received bytes, act on complete lines, return what to send."""
        *lines, self._received = (self._received + data).split(b"\n")
        if len(self._received) > LONGEST_LINE:
            self._received = b""
        replies = []
        for line in lines:
            answer = self._handle(line.decode("latin-1").strip())
            if answer is not None:
                data = answer.encode("latin-1") if isinstance(answer, str) else answer
                replies.append(Reply(data + self._terminator))
        return replies
