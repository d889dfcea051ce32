"""Connections to the instruments of a bench, opened when they are first asked for."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from instruments.clock import Clock
from instruments.errors import InstrumentDisconnected
from labsync._wiring import COMPOSITES, DRIVERS
from labsync.errors import UsageError
from labsync.settings import StationSettings

PARTS = {"attenuator": "rotator"}
"""Through whose connection the roles on the way to the safe state act that have none of their own."""


class Connections(Mapping[str, Any]):
    """What plays each role, by name.

    Parameters
    ----------
    settings : StationSettings
        The bench.
    addresses : mapping of str to str
        Where its instruments answer.
    clock : Clock
        The time the drivers wait by.
    options : mapping of str to mapping
        Options of drivers, by role, in place of those of the station file.
    """

    def __init__(
        self,
        settings: StationSettings,
        addresses: Mapping[str, str],
        clock: Clock,
        options: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._settings, self._addresses, self._clock = settings, addresses, clock
        self._options = options or {}
        self._open: dict[str, Any] = {}
        self._forgotten: list[Any] = []
        self._closed = False

    def __iter__(self) -> Iterator[str]:
        yield from self._settings.instruments
        yield from (name for name in COMPOSITES if self._settings.has(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    def __getitem__(self, name: str) -> Any:
        """Return the instrument, connected.

        Raises
        ------
        KeyError
            If the bench has no such role.
        InstrumentError
            If it cannot be connected.
        UsageError
            If the simulated lab lacks it.
        """
        if name not in self:
            raise KeyError(name)
        if self._closed:
            raise InstrumentDisconnected(
                f"The connection to {name} is closed, with those to all of the bench."
            )
        if name not in self._open:
            self._close_forgotten()
            compose = COMPOSITES.get(name)
            self._open[name] = (
                compose(self._settings, self, self._clock) if compose else self._connected(name)
            )
        return self._open[name]

    def _connected(self, name: str) -> Any:
        if name not in self._addresses:
            raise UsageError(
                f"The simulated lab has no {name}; its instruments are {', '.join(self._addresses)}. Choose "
                "another bench in [twin], or remove the section."
            )
        section = self._settings.instruments[name]
        options = {**section.options(self._addresses), **self._options.get(name, {})}
        return DRIVERS[section.driver](
            self._addresses[name], clock=self._clock, timeout_s=section.timeout, **options
        )

    def forget(self, name: str) -> None:
        """Let the next use of a role connect anew, because somebody hangs in its connection."""
        for whole in COMPOSITES:
            self._open.pop(whole, None)
        if (lost := self._open.pop(PARTS.get(name, name), None)) is not None:
            self._forgotten.append(lost)

    def close(self) -> None:
        """Close all connections; the instruments stay as they are."""
        for name, instrument in reversed(self._open.items()):
            if name in self._settings.instruments:
                instrument.close()
        self._open.clear()
        self._closed = True

    def _close_forgotten(self) -> None:
        while self._forgotten:
            with contextlib.suppress(Exception):  # it is broken; all that counts is that its port is free
                self._forgotten.pop().close()
