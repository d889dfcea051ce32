"""The stretch between one instrument's protocol and its sockets, where faults happen."""

import time
from collections.abc import Callable, Hashable

from ._fault_effects import DELAYS_S, REPLY_FAULTS, Piece, Way, spoil
from ._fault_schedule import ActiveFault

__all__ = ["COMMAND_FAULTS", "FaultyLink"]

COMMAND_FAULTS = ("half_open", "busy")
"""Faults that act on what the client sends."""


class FaultyLink:
    """One instrument's faults, asked by its endpoint about everything that passes.

    Parameters
    ----------
    possible : frozenset of str
        Faults that the device itself can have.
    in_device : set of str
        Faults that the device has now; changed here.
    in_messages : bool
        Whether the instrument answers with ZeroMQ messages instead of a stream of bytes.
    now : callable
        Returns the world's time, in s.
    log : callable
        Called with a fault's name and what it did.
    """

    def __init__(
        self,
        possible: frozenset[str],
        in_device: set[str],
        in_messages: bool,
        now: Callable[[], float],
        log: Callable[[str, str], None],
    ) -> None:
        self.possible = possible
        self.in_device = in_device
        self._in_messages = in_messages
        self._now = now
        self._log = log
        self.active: dict[str, ActiveFault] = {}
        self._holding: set[str] = set()
        self._deaf: set[Hashable] = set()
        self._busy_until = 0.0

    def add(self, name: str, fault: ActiveFault) -> None:
        """Let a fault begin; one of the same name is replaced."""
        self.remove(name)
        self.active[name] = fault
        self.update()

    def remove(self, name: str) -> None:
        """End a fault."""
        self.active.pop(name, None)
        self._holding.discard(name)
        self.in_device.discard(name)
        if name == "busy":
            self._busy_until = 0.0

    def update(self) -> None:
        """Bring the steady faults up to the world's time."""
        now = self._now()
        for name, fault in self.active.items():
            if fault.schedule.steady and name not in REPLY_FAULTS[1:] + COMMAND_FAULTS:
                self._hold(name, fault, fault.in_force(now))

    def _hold(self, name: str, fault: ActiveFault, on: bool) -> None:
        """Switch a fault on or off that holds for a while."""
        if on and name not in self._holding:
            fault.fired = max(1, fault.fired)
            self._holding.add(name)
            self._log(name, "on")
        elif not on and name in self._holding:
            self._holding.discard(name)
            self._log(name, "off")
        if name in self.possible:
            (self.in_device.add if on else self.in_device.discard)(name)

    @property
    def gone(self) -> bool:
        """Whether the instrument is off the network: no port, no connections."""
        return "disconnect" in self._holding

    @property
    def listening(self) -> bool:
        """Whether the port is open."""
        return not self._holding & {"disconnect", "refuse_connect"}

    def take_dead(self) -> set[Hashable]:
        """Return the half-open connections that a box which is back would reset."""
        if "half_open" in self.active or not self._deaf:
            return set()
        dead, self._deaf = self._deaf, set()
        return dead

    def hears(self, connection: Hashable) -> bool:
        """Return whether the instrument hears what arrives on a connection; decides its device faults too."""
        now = self._now()
        for name, fault in self.active.items():
            if name in self.possible and not fault.schedule.steady:
                self._hold(name, fault, fault.fires(now))
        self.update()
        if connection in self._deaf:
            return False
        if self._fires("half_open", "connection went deaf"):
            self._deaf.add(connection)
            return False
        if time.monotonic() < self._busy_until:
            self._log("busy", "command dropped")
            return False
        if self._fires("busy", "command dropped, and busy from here"):
            self._busy_until = time.monotonic() + self._delay_s("busy")
            return False
        return True

    def forget(self, connection: Hashable) -> None:
        """Forget a connection that the client has closed."""
        self._deaf.discard(connection)

    def deliver(self, reply: bytes) -> list[list[Piece]]:
        """Return what reaches the client of one reply: replies, each in pieces."""
        pieces = [Piece(reply)]
        copies = 1
        for name in REPLY_FAULTS:
            if pieces and self._fires(name, f"reply {reply[:40]!r}"):
                if name == "duplicate_reply":
                    copies = 2
                else:
                    way = Way(self._in_messages, self._delay_s(name), self.active[name].rng)
                    pieces = spoil(name, pieces, way)
        return [pieces] * copies if pieces else []

    def _fires(self, name: str, what: str) -> bool:
        fault = self.active.get(name)
        if fault is None or not fault.fires(self._now()):
            return False
        self._log(name, what)
        return True

    def _delay_s(self, name: str) -> float:
        delay_s = self.active[name].schedule.delay_s
        return DELAYS_S.get(name, 0.0) if delay_s is None else delay_s
