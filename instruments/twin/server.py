"""Sockets: one TCP or ZeroMQ server per instrument, and the control port, in one event loop."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

import zmq
import zmq.asyncio

from instruments.errors import InstrumentError

from .bench import Bench, Station
from .clock import WallPace
from .control import ControlProtocol
from .protocols import LineSession, Session
from .settings import TwinSettings
from .world import World

__all__ = ["LabServer"]

HOST = "127.0.0.1"
TICK_S = 0.05

log = logging.getLogger(__name__)


class LabServer:
    """The simulated lab on loopback sockets; all its methods run in the event loop's thread.

    Parameters
    ----------
    settings : TwinSettings
        The lab.
    """

    def __init__(self, settings: TwinSettings) -> None:
        self.bench = Bench(World(settings))
        factors = {"real": 1.0, "lock-step": None}
        factor = factors[settings.clock] if isinstance(settings.clock, str) else settings.clock
        self._pace = None if factor is None else WallPace(factor)
        self._settings = settings
        self._control = ControlProtocol(
            lambda: self.bench.world.now_s, factor, self._advance, lambda: dict(self.addresses)
        )
        self.addresses: dict[str, str] = {}
        self._ports: dict[str, int] = {}
        self._tcp: dict[str, asyncio.Server] = {}
        self._connections: dict[str, set[asyncio.StreamWriter]] = {}
        self._tasks: list[asyncio.Task] = []
        self._context = zmq.asyncio.Context()
        self._messages: zmq.asyncio.Socket | None = None

    async def start(self) -> None:
        """Open all ports.

        Raises
        ------
        InstrumentError
            If a port is taken.
        """
        names = [*self.bench.stations, "control"]
        try:
            for index, name in enumerate(names):
                self._ports[name] = self._settings.port_base and self._settings.port_base + index
                await self._open(name)
        except OSError as error:
            await self.stop()
            raise _port_error(name, self._ports[name], error) from error
        self._tasks.append(asyncio.create_task(self._tick()))

    async def _open(self, name: str) -> None:
        """Open one instrument's port; a free one becomes its own from then on."""
        station = self.bench.stations.get(name)
        port = self._ports[name]
        if station is not None and station.message_based:
            port = self._open_messages(station, port)
        else:
            session: Callable[[], Session] = (
                station.session if station else lambda: LineSession(self._control.handle, b"\n")
            )
            connections = self._connections.setdefault(name, set())
            server = await asyncio.start_server(
                lambda reader, writer: self._serve(station, session(), connections, reader, writer),
                HOST,
                port,
                family=socket.AF_INET,
            )
            self._tcp[name] = server
            port = server.sockets[0].getsockname()[1]
        self._ports[name] = port
        self.addresses[name] = (station.address if station else HOST + ":{port}").format(port=port)

    def _open_messages(self, station: Station, port: int) -> int:
        messages = self._context.socket(zmq.ROUTER)
        messages.linger = 0
        try:
            messages.bind(f"tcp://{HOST}:{port or '*'}")
            bound = int(messages.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])
        except zmq.ZMQError as error:
            messages.close()
            raise OSError(error.errno, str(error)) from error
        self._messages = messages
        self._tasks.append(asyncio.create_task(self._serve_messages(station, messages)))
        return bound

    async def _serve(
        self,
        station: Station | None,
        session: Session,
        connections: set[asyncio.StreamWriter],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Serve one connection until the client hangs up."""
        connections.add(writer)
        try:
            while data := await reader.read(65536):
                if station is None:
                    await self._get_ready(data)
                for reply in self._feed(session, data):
                    if station is not None and "timeout" in station.link_faults:
                        continue
                    if reply.after_s and self._pace:
                        await asyncio.sleep(reply.after_s / self._pace.factor)
                    writer.write(reply.data)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            connections.discard(writer)
            writer.close()

    async def _serve_messages(self, station: Station, messages: zmq.asyncio.Socket) -> None:
        """Serve ZeroMQ requests; the envelope goes back as it came."""
        session = station.session()
        while True:
            *envelope, body = await messages.recv_multipart()
            await self._prepare()
            for reply in self._feed(session, body):
                if "timeout" not in station.link_faults:
                    await messages.send_multipart([*envelope, reply.data])

    def _feed(self, session: Session, data: bytes) -> list:
        """Hand bytes to a protocol; whatever they are, the server lives on."""
        self._catch_up()
        try:
            return session.feed(data)
        except Exception:
            log.exception("a simulated instrument failed on %r", data[:100])
            return []

    def _catch_up(self) -> None:
        """Bring a world tied to the wall clock up to its time."""
        if self._pace is not None:
            self.bench.world.advance(max(0.0, self._pace.now_s() - self.bench.world.now_s))

    def _advance(self, duration_s: float) -> None:
        """Let time pass in lock-step; spectra are simulated here, where the client expects to wait."""
        self.bench.world.advance(duration_s)
        self.bench.world.light.prepare(self.bench.correlator.exposed())

    async def _prepare(self) -> None:
        """Simulate the spectra that the running histograms need, beside a loop tied to the wall clock."""
        exposed, light = self.bench.correlator.exposed(), self.bench.world.light
        if self._pace is not None and light.missing(exposed):
            await asyncio.get_running_loop().run_in_executor(None, light.prepare, exposed)

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
            await self._prepare()

    async def inject(self, name: str, fault: str) -> None:
        """Switch a fault of an instrument on."""
        self._station(name).inject(fault)
        if fault == "disconnect":
            await self._hang_up(name)

    async def clear(self, name: str, fault: str | None) -> None:
        """Switch a fault of an instrument off, or all of them."""
        station = self._station(name)
        gone = "disconnect" in station.link_faults
        station.clear(fault)
        if gone and "disconnect" not in station.link_faults:
            await self._open(name)

    def _station(self, name: str) -> Station:
        if name not in self.bench.stations:
            known = ", ".join(self.bench.stations)
            raise ValueError(f"there is no instrument {name!r}; there are {known}")
        return self.bench.stations[name]

    async def _hang_up(self, name: str) -> None:
        """Close an instrument's port and its connections."""
        if name in self._tcp:
            self._tcp.pop(name).close()
            for writer in list(self._connections[name]):
                writer.transport.abort()
        elif self.bench.stations[name].message_based and self._messages is not None:
            self._messages.close()
            self._messages = None

    async def stop(self) -> None:
        """Close all ports."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for name in list(self._tcp):
            await self._hang_up(name)
        if self._messages is not None:
            self._messages.close()
        self._context.destroy(linger=0)


def _port_error(name: str, port: int, error: OSError) -> InstrumentError:
    if error.errno == errno.EADDRINUSE:
        return InstrumentError(
            f"port {port} for {name} of the simulated lab is taken; "
            "choose another port_base, or 0 for free ports"
        )
    return InstrumentError(f"cannot open port {port} for {name} of the simulated lab: {error}")
