"""What the transports share."""

import logging
from abc import ABC, abstractmethod
from typing import NoReturn

from pymeasure.adapters import Adapter

from instruments.errors import InstrumentDisconnected, InstrumentError, InstrumentProtocolError

log = logging.getLogger(__name__)

# Two attempts and a reconnect fit into twice the timeout that the user asked for.
REPLY_SHARE = 0.8


class Transport(Adapter, ABC):
    """What both transports share: the state of the connection and the wording of failures.

    Attributes
    ----------
    address, instrument : str
        Where, and what is there.
    timeout_s : float
        Longest time for one reply, in s.
    reconnects : int
        How often the connection was reopened since the start.
    """

    def __init__(self, address: str, instrument: str, timeout_s: float) -> None:
        super().__init__()
        self.address = address
        self.instrument = instrument
        self.timeout_s = timeout_s
        self.reconnects = 0
        self._command = "(connect)"
        self._usable = False
        self._closed = False
        self._open()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} to {self.instrument} at {self.address}>"

    def close(self) -> None:
        """Close the connection for good; later commands raise InstrumentDisconnected."""
        self._closed = True
        self._drop()

    def resync(self) -> None:
        """Reopen the connection before the next command, because its replies can no longer be trusted."""
        self._usable = False

    def flush_read_buffer(self) -> None:
        """Forget everything that was received but not read."""
        self.resync()

    @abstractmethod
    def _open(self) -> None:
        """Open the connection; raise InstrumentDisconnected where that is not possible."""

    @abstractmethod
    def _drop(self) -> None:
        """Close the connection without raising."""

    def _reopen(self) -> None:
        self._drop()
        self._open()
        self.reconnects += 1
        log.warning("Reopened the connection to %s at %s.", self.instrument, self.address)

    def _prepare(self, command: str) -> None:
        self._command = command
        if self._closed:
            self._fail(InstrumentDisconnected, "the connection was closed; make a new driver object")
        if not self._usable:
            self._reopen()

    def _fail(self, error: type[InstrumentError], what: str, cause: Exception | None = None) -> NoReturn:
        self._usable = False
        raise error(f"{self.instrument} at {self.address}, command {self._command!r}: {what}.") from cause

    def _text(self, message: bytes) -> str:
        text = message.decode("latin-1")
        if not (text.isascii() and text.replace("\t", " ").isprintable()):
            self._fail(
                InstrumentProtocolError,
                f"the reply {message[:60]!r} is garbled; check the cable and that nothing else uses the port",
            )
        return text
