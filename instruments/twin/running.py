"""A simulated lab in a thread of this process, or in the foreground."""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .clock import TwinClock
from .faults import Firing
from .server import LabServer
from .settings import TwinSettings
from .spectra import warm_up

__all__ = ["RunningTwin", "serve_forever", "start_twin"]


class RunningTwin:
    """Handle on a running simulated lab.

    Attributes
    ----------
    settings : TwinSettings
        What it was started with.
    addresses : dict of str
        Addresses of the instruments (cryostat_1, cryostat_2, pump_1, pump_2, correlator, ramp, rotator) and
        of the control port (control).
    clock : TwinClock
        The world's clock.
    """

    def __init__(self, server: LabServer, loop: asyncio.AbstractEventLoop, settings: TwinSettings) -> None:
        self._server = server
        self._loop = loop
        self.settings = settings
        self.addresses = dict(server.addresses)
        self.clock = TwinClock(self.addresses["control"])

    def inject(self, instrument: str, fault: str, **options: Any) -> None:
        """Let a fault begin.

        Parameters
        ----------
        instrument : str
            Name as in `addresses`.
        fault : str
            A fault of the connection (see `instruments.twin.faults`), or one of the instrument's own.
        **options
            When it fires: probability, after, count, after_s, for_s and delay_s (see `Schedule`); always,
            by default.

        Raises
        ------
        ValueError
            If the instrument does not exist or cannot have this fault, or an option is impossible.
        """

        async def act() -> None:
            self._server.faults.inject(instrument, fault, **options)
            await self._server.settle()

        self._run(act())

    def clear(self, instrument: str | None = None, fault: str | None = None) -> None:
        """End a fault, all of an instrument's faults, or all faults."""

        async def act() -> None:
            self._server.faults.clear(instrument, fault)
            await self._server.settle()

        self._run(act())

    @property
    def possible_faults(self) -> dict[str, list[str]]:
        """The faults that each instrument can have."""
        return self._server.faults.possible()

    @property
    def fault_log(self) -> list[Firing]:
        """What the faults did so far, the latest last."""

        async def copy() -> list[Firing]:
            return list(self._server.faults.log)

        return self._run(copy())

    def _run(self, work: Coroutine) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)


@contextmanager
def start_twin(settings: TwinSettings | None = None) -> Iterator[RunningTwin]:
    """Run a simulated lab in a background thread for the duration of a ``with`` block.

    Parameters
    ----------
    settings : TwinSettings, optional
        The lab; by default the one of seed 1, in real time, on free ports.

    Yields
    ------
    RunningTwin
        Addresses, clock and faults.

    Raises
    ------
    InstrumentError
        If a port is taken.
    """
    settings = settings or TwinSettings()
    warm_up()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulated lab", daemon=True)
    thread.start()

    async def build() -> LabServer:
        server = LabServer(settings)
        await server.start()
        return server

    try:
        server = asyncio.run_coroutine_threadsafe(build(), loop).result()
        try:
            twin = RunningTwin(server, loop, settings)
            try:
                yield twin
            finally:
                twin.clock.close()
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(timeout=60)
            asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(timeout=60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def serve_forever(
    settings: TwinSettings | None = None,
    announce: Callable[[dict[str, str]], None] | None = None,
    faults: Iterable[Mapping[str, Any]] = (),
) -> None:
    """Run a simulated lab until interrupted (Ctrl-C, SIGTERM); to be called in the main thread.

    A shell starts commands in the background with SIGINT ignored; the lab listens to it all the same.

    Parameters
    ----------
    settings : TwinSettings, optional
        The lab.
    announce : callable, optional
        Called once with the addresses, when all ports are open.
    faults : iterable of mapping, optional
        Arguments of `RunningTwin.inject`, for faults that are there from the start.

    Raises
    ------
    InstrumentError
        If a port is taken.
    ValueError
        If a fault is impossible.
    """
    with start_twin(settings) as twin, _told_to_stop() as told:
        for fault in faults:
            twin.inject(**fault)
        if announce is not None:
            announce(twin.addresses)
        told.wait()


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set for as long as the block lasts."""
    told = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
