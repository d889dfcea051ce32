"""Readings that the watchdog makes itself, through connections of its own, each in a thread of its own."""

import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Self

from instruments.clock import SystemClock
from instruments.errors import InstrumentError
from labsync._connections import Connections
from labsync._readings import read
from labsync._safety_sections import InterlockSection
from labsync.settings import StationSettings

EVERY_S = 0.5


class OwnReadings:
    """The latest reading of each interlock, and whether any is missing; a context manager.

    Parameters
    ----------
    interlocks : sequence of InterlockSection
        What to read. Instruments must accept a connection beside the program's.
    settings : StationSettings
        The bench.
    addresses : mapping of str to str, or None
        Where the instruments answer.
    patience_s : float
        How long a reading may be missing, beyond twice the instrument's timeout, in s.
    """

    def __init__(
        self,
        interlocks: Sequence[InterlockSection],
        settings: StationSettings,
        addresses: Mapping[str, str] | None,
        patience_s: float,
    ) -> None:
        self._interlocks = interlocks if addresses is not None else ()
        self._settings, self._addresses, self._patience_s = settings, addresses or {}, patience_s
        self._latest: dict[str, float] = {}
        self._read_s: dict[str, float] = {}
        self._trouble: dict[str, str] = {}
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        for each in self._interlocks:
            self._read_s[each.name] = monotonic()
            threading.Thread(target=self._keep_reading, args=(each,), name=each.name, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()

    def latest(self) -> dict[str, float]:
        """Return the latest readings, by the interlocks' names."""
        return dict(self._latest)

    def blind(self) -> str | None:
        """Return what cannot be read, and why, or None."""
        for each in self._interlocks:
            longest_s = self._patience_s + 2 * self._settings.instruments[each.role].timeout
            if monotonic() - self._read_s[each.name] > longest_s:
                trouble = self._trouble.get(each.name, "it does not answer")
                return f"{each.name} cannot be read: {trouble}"
        return None

    def _keep_reading(self, interlock: InterlockSection) -> None:
        connections = Connections(self._settings, self._addresses, SystemClock())
        while not self._ended.wait(EVERY_S if interlock.name in self._latest else 0.0):
            try:
                self._latest[interlock.name] = read(interlock, connections)
                self._read_s[interlock.name] = monotonic()
            except InstrumentError as error:
                self._trouble[interlock.name] = str(error)
                self._ended.wait(EVERY_S)
        connections.close()
