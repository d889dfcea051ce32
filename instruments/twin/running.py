"""A simulated lab in a thread of this process, or in the foreground."""

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

from .clock import TwinClock
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

    def inject(self, instrument: str, fault: str) -> None:
        """Switch a fault on.

        Parameters
        ----------
        instrument : str
            Name as in `addresses`.
        fault : str
            "timeout" (silent) or "disconnect" (gone) for every instrument; "sensor_overrange",
            "sensor_underrange", "heater_off", "heater_open" or "not_settled" for a cryostat; "compliance"
            for a pump.

        Raises
        ------
        ValueError
            If the instrument does not exist or cannot have this fault.
        """
        self._run(self._server.inject(instrument, fault))

    def clear(self, instrument: str, fault: str | None = None) -> None:
        """Switch a fault off, or all of an instrument's faults."""
        self._run(self._server.clear(instrument, fault))

    def _run(self, work: Coroutine) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=60)


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
    settings: TwinSettings | None = None, announce: Callable[[dict[str, str]], None] | None = None
) -> None:
    """Run a simulated lab until interrupted (Ctrl-C, SIGTERM); to be called in the main thread.

    A shell starts commands in the background with SIGINT ignored; the lab listens to it all the same.

    Parameters
    ----------
    settings : TwinSettings, optional
        The lab.
    announce : callable, optional
        Called once with the addresses, when all ports are open.

    Raises
    ------
    InstrumentError
        If a port is taken.
    """
    with start_twin(settings) as twin, _told_to_stop() as told:
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
