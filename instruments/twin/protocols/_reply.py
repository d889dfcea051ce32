"""What a protocol hands to the server."""

from typing import NamedTuple, Protocol

__all__ = ["Reply", "Session"]


class Reply(NamedTuple):
    """Bytes to send, and the world time to wait before sending them, in s."""

    data: bytes
    after_s: float = 0.0


class Session(Protocol):
    """One connection's side of a protocol; it keeps what was received of an unfinished command."""

    def feed(self, data: bytes) -> list[Reply]:
        """Take in received bytes, act on complete commands, return what to send."""
        ...
