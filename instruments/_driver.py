"""What all drivers share: a checked connection, strict replies, frozen attributes."""

import logging
import re
from typing import ClassVar, Self

from pymeasure.adapters import Adapter

from instruments._frozen import Frozen
from instruments._replies import StrictReplies
from instruments.clock import Clock, SystemClock
from instruments.errors import InstrumentError, InstrumentProtocolError
from instruments.transport import SerialLine, open_transport

log = logging.getLogger(__name__)


class Driver(Frozen, StrictReplies):
    """Mixin before a PyMeasure instrument class; connects and refuses the wrong box.

    Parameters
    ----------
    address
        See `instruments.transport.open_transport`; an open PyMeasure adapter is taken as it is.
    clock
        Source of time; all waiting goes through it.
    timeout_s
        Longest time for one reply, in s. A query without side effects is asked twice at most, so a dead
        instrument is reported within twice this time.

    Raises
    ------
    InstrumentDisconnected
        Nobody listens at the address.
    InstrumentTimeout
        Somebody listens but does not answer.
    InstrumentProtocolError
        Another kind of instrument answers.
    """

    _kind: ClassVar[str]
    _identity_query: ClassVar[str] = "*IDN?"
    _identity_pattern: ClassVar[str]
    _read_termination: ClassVar[str] = "\n"
    _write_termination: ClassVar[str] = "\n"
    _serial_line: ClassVar[SerialLine] = SerialLine()

    adapter: Adapter

    def __init__(self, address: str | Adapter, *, clock: Clock | None = None, timeout_s: float = 2.0) -> None:
        self.clock = clock if clock is not None else SystemClock()
        self._identity = ""
        if isinstance(address, str):
            self.where = f"{self._kind} at {address}"
            adapter: Adapter = open_transport(
                address,
                instrument=self._kind,
                timeout_s=timeout_s,
                read_termination=self._read_termination,
                write_termination=self._write_termination,
                serial_line=self._serial_line,
            )
        else:
            self.where, adapter = f"{self._kind} at {address!r}", address
        super().__init__(adapter, name=self._kind, includeSCPI=False)  # type: ignore[call-arg]
        try:
            self._identity = self._identify()
        except InstrumentError:
            self.close()
            raise

    @property
    def identity(self) -> str:
        """What the instrument answered when it was asked who it is."""
        return self._identity

    def close(self) -> None:
        """Close the connection and leave the instrument as it is."""
        self.adapter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the connection; unlike PyMeasure's drivers, do not shut the instrument down."""
        self.close()

    def shutdown(self) -> None:
        """Nothing to make safe; never raises."""

    def wait_for(self, query_delay: float | None = None) -> None:
        """Wait between a query and its reply, on the driver's clock."""
        if query_delay:
            self.clock.sleep(query_delay)

    def _identify(self) -> str:
        reply = self.ask(self._identity_query).strip()
        if not re.search(self._identity_pattern, reply, re.IGNORECASE):
            raise InstrumentProtocolError(
                f"{self.where} answers {reply[:80]!r} to {self._identity_query!r}: "
                f"this is not a {self._kind}; check the address."
            )
        return reply


def log_failure(where: str, what: str, error: Exception) -> None:
    """Log a failure on the way to the safe state, where raising would do harm."""
    log.error("%s: %s failed: %s", where, what, error)
