"""Ports: one TCP or ZeroMQ endpoint per instrument, and the control port, in one event loop."""

import asyncio
import errno
import ipaddress
import logging
import socket
from concurrent.futures import ThreadPoolExecutor

import zmq.asyncio

from instruments.errors import InstrumentError

from ._endpoints import Endpoint, MessageEndpoint, StreamEndpoint
from ._fault_link import FaultyLink
from .bench import Bench
from .clock import WallPace
from .control import ControlProtocol
from .faults import Faults
from .protocols import LineSession, Reply, Session
from .settings import TwinSettings
from .world import World

__all__ = ["LabServer"]

LOOPBACK = "127.0.0.1"
TICK_S = 0.05
THREADS = 64

log = logging.getLogger(__name__)


class LabServer:
    """The simulated lab on sockets; all its methods run in the event loop's thread.

    Parameters
    ----------
    settings : TwinSettings
        The lab.

    Attributes
    ----------
    bench : Bench
        Instruments and world.
    faults : Faults
        What is wrong with them; `settle` makes the ports follow a change.
    addresses : dict of str
        Addresses of the instruments and of the control port.
    """

    def __init__(self, settings: TwinSettings) -> None:
        self.bench = Bench(World(settings))
        factors = {"real": 1.0, "lock-step": None}
        factor = factors[settings.clock] if isinstance(settings.clock, str) else settings.clock
        self._pace = None if factor is None else WallPace(factor)
        self._settings = settings
        self.faults = Faults(self.bench.stations, settings.seed, self._now_s)
        self.bench.world.observe(lambda *_: self.faults.update())
        self._control = ControlProtocol(
            self._now_s, factor, self._advance, lambda: dict(self.addresses), self.faults
        )
        self.addresses: dict[str, str] = {}
        self._ports: dict[str, int] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._tasks: list[asyncio.Task] = []
        self._context = zmq.asyncio.Context()
        self._threads = ThreadPoolExecutor(THREADS, "simulated instrument")

    async def start(self) -> None:
        """Open all ports.

        Raises
        ------
        InstrumentError
            If a port is taken, or the host is none of this computer.
        """
        names = [*self.bench.stations, "control"]
        name, port = "", 0
        try:
            host = socket.gethostbyname(self._settings.host)
            for index, name in enumerate(names):
                port = self._settings.port_base and self._settings.port_base + index
                self._endpoints[name] = self._endpoint(name, host)
                self._ports[name] = await self._endpoints[name].open(port)
                self.addresses[name] = self._address(name)
        except OSError as error:
            await self.stop()
            raise _port_error(self._settings.host, name, port, error) from error
        self._tasks.append(asyncio.create_task(self._tick()))

    def _endpoint(self, name: str, host: str) -> Endpoint:
        station = self.bench.stations.get(name)
        if station is None:
            link = FaultyLink(frozenset(), set(), False, self._now_s, lambda *_: None)
            return StreamEndpoint(host, self._control_session, self._obey, link)
        link = self.faults.links[name]
        if station.message_based:
            return MessageEndpoint(self._context, host, station.session, self._answer, link)
        return StreamEndpoint(host, station.session, self._answer, link)

    def _control_session(self) -> Session:
        return LineSession(self._control.handle, b"\n")

    def _address(self, name: str) -> str:
        station = self.bench.stations.get(name)
        address = (station.address if station else LOOPBACK + ":{port}").format(port=self._ports[name])
        everywhere = ipaddress.ip_address(socket.gethostbyname(self._settings.host)).is_unspecified
        return address if everywhere else address.replace(LOOPBACK, self._settings.host)

    def _now_s(self) -> float:
        return self.bench.world.now_s

    async def _answer(self, session: Session, data: bytes) -> list[Reply]:
        """Let an instrument answer; a move that takes world time is answered after as much real time.

        Where the clock runs by itself, an answer may need light that takes seconds to simulate: it is made
        in a thread, and the other instruments have their turn meanwhile.
        """
        if self._pace is None:
            return [Reply(reply.data) for reply in self._feed(session, data)]
        self._catch_up()
        replies = await asyncio.get_running_loop().run_in_executor(self._threads, self._feed, session, data)
        return [Reply(reply.data, reply.after_s / self._pace.factor) for reply in replies]

    async def _obey(self, session: Session, data: bytes) -> list[Reply]:
        """Let the control port answer."""
        await self._get_ready(data)
        self._catch_up()
        replies = self._feed(session, data)
        await self.settle()
        return replies

    def _feed(self, session: Session, data: bytes) -> list[Reply]:
        """Hand bytes to a protocol; whatever they are, the server lives on."""
        try:
            with self.bench.world.turn:
                return session.feed(data)
        except Exception:
            log.exception("a simulated instrument failed on %r", data[:100])
            return []

    def _catch_up(self) -> None:
        """Bring a world tied to the wall clock up to its time."""
        if self._pace is not None:
            with self.bench.world.turn:
                self.bench.world.advance(max(0.0, self._pace.now_s() - self.bench.world.now_s))

    def _advance(self, duration_s: float) -> None:
        """Let time pass in lock-step; spectra are simulated here, where the client expects to wait."""
        self.bench.world.advance(duration_s)
        self.bench.world.prepare()

    async def _prepare(self) -> None:
        """Simulate what the instruments will be asked for, beside a loop tied to the wall clock."""
        world = self.bench.world
        if self._pace is not None and world.missing():
            await asyncio.get_running_loop().run_in_executor(None, world.prepare)

    async def _get_ready(self, data: bytes) -> None:
        """Let the world stand still while the model computes what a client's sleep has exposed."""
        if self._pace is not None and self._control.asks_to_get_ready(data):
            self._catch_up()
            with self._pace.paused():
                await self._prepare()

    async def _tick(self) -> None:
        """Keep a world tied to the wall clock going, and compute ahead."""
        while self._pace is not None:
            await asyncio.sleep(TICK_S)
            self._catch_up()
            await self.settle()
            await self._prepare()

    async def settle(self) -> None:
        """Open, close and reset what the faults that are in force open, close and reset."""
        self.faults.update()
        for name, link in self.faults.links.items():
            endpoint = self._endpoints[name]
            if dead := link.take_dead():
                endpoint.cut(dead)
            if link.listening:
                await endpoint.open(self._ports[name])
                continue
            await endpoint.close()
            if link.gone:
                endpoint.cut()

    async def stop(self) -> None:
        """Close all ports."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for endpoint in self._endpoints.values():
            await endpoint.end()
        self._context.destroy(linger=0)
        self.bench.close()
        self._threads.shutdown(wait=False)


def _port_error(host: str, name: str, port: int, error: OSError) -> InstrumentError:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return InstrumentError(f"{host!r} is no address of this computer; give one, or 0.0.0.0 for all")
    if error.errno == errno.EADDRINUSE:
        return InstrumentError(
            f"port {port} for {name} of the simulated lab is taken; "
            "choose another port_base, or 0 for free ports"
        )
    return InstrumentError(f"cannot open port {port} for {name} of the simulated lab: {error}")
