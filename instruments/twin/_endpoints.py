"""Ports of instruments: TCP streams and ZeroMQ messages, both behind a link that can fail."""

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Protocol

import zmq
import zmq.asyncio

from ._fault_effects import Piece
from ._fault_link import FaultyLink
from .protocols import Reply, Session

__all__ = ["Endpoint", "MessageEndpoint", "StreamEndpoint"]

Answer = Callable[[Session, bytes], Awaitable[list[Reply]]]
CHUNK = 65536
LINGER_NOT = struct.pack("ii", 1, 0)
FREED_S = 2.0


class Endpoint(Protocol):
    """The port of one instrument."""

    async def open(self, port: int) -> int:
        """Listen, if it does not yet; returns the port, which is a free one for 0."""
        ...

    async def close(self) -> None:
        """Stop to listen; connections live on."""
        ...

    def cut(self, connections: Iterable[Hashable] | None = None) -> None:
        """Reset some connections, or all."""
        ...

    async def end(self) -> None:
        """Close everything."""
        ...


class StreamEndpoint:
    """A TCP port; every connection has a session of its own.

    Parameters
    ----------
    host : str
        Where to listen.
    session : callable
        Returns the protocol's side of a new connection.
    answer : callable
        Awaited with a session and received bytes; returns what to send.
    link : FaultyLink
        What happens on the way.
    """

    def __init__(self, host: str, session: Callable[[], Session], answer: Answer, link: FaultyLink) -> None:
        self._host = host
        self._session = session
        self._answer = answer
        self._link = link
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.Task | None] = {}

    async def open(self, port: int) -> int:
        """Listen, if it does not yet; returns the port, which is a free one for 0."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self._host, port, family=socket.AF_INET)
        return self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop to listen; connections live on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def cut(self, connections: Iterable[Hashable] | None = None) -> None:
        """Reset some connections, or all."""
        for writer in list(self._connections):
            if connections is None or writer in connections:
                _reset(writer)

    async def end(self) -> None:
        """Close everything."""
        await self.close()
        self.cut()
        tasks = [task for task in self._connections.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until the client hangs up."""
        self._connections[writer] = asyncio.current_task()
        session = self._session()
        try:
            while data := await reader.read(CHUNK):
                if not self._link.hears(writer):
                    continue
                for reply in await self._answer(session, data):
                    await asyncio.sleep(reply.after_s)
                    await _send(writer, itertools.chain(*self._link.deliver(reply.data)))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            del self._connections[writer]
            self._link.forget(writer)
            writer.close()


async def _send(writer: asyncio.StreamWriter, pieces: Iterable[Piece]) -> None:
    """Send pieces after their pauses; what belongs together goes out at once, as one packet."""
    together = b""
    for piece in pieces:
        if piece.after_s or piece.data is None:
            writer.write(together)
            together = b""
            await asyncio.sleep(piece.after_s)
        if piece.data is None:
            _reset(writer)
        if piece.data is None or writer.is_closing():
            raise ConnectionResetError
        together += piece.data
    writer.write(together)
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection the hard way, so that the client sees a reset."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    writer.transport.abort()


class MessageEndpoint:
    """A ZeroMQ port for requests; each message is complete in itself, its envelope goes back as it came.

    Parameters
    ----------
    context : zmq.asyncio.Context
        Of the lab.
    host, session, answer, link
        As for `StreamEndpoint`; all connections share one session.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        host: str,
        session: Callable[[], Session],
        answer: Answer,
        link: FaultyLink,
    ) -> None:
        self._context = context
        self._host = host
        self._session = session()
        self._answer = answer
        self._link = link
        self._socket: zmq.asyncio.Socket | None = None
        self._tasks: set[asyncio.Task] = set()

    async def open(self, port: int) -> int:
        """Listen, if it does not yet; returns the port, which is a free one for 0."""
        if self._socket is None:
            messages = self._context.socket(zmq.ROUTER)
            messages.linger = 0
            messages.maxmsgsize = CHUNK
            try:
                messages.bind(f"tcp://{self._host}:{port or '*'}")
            except zmq.ZMQError as error:
                messages.close()
                raise OSError(error.errno, str(error)) from error
            self._socket = messages
            self._start(self._serve(messages))
        return self._port(self._socket)

    @staticmethod
    def _port(messages: zmq.asyncio.Socket) -> int:
        return int(messages.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2])

    async def close(self) -> None:
        """Stop to listen; ZeroMQ ends the connections with it."""
        if self._socket is None:
            return
        messages, self._socket = self._socket, None
        for task in self._tasks:
            task.cancel()
        port = self._port(messages)
        messages.close()
        await _until_free(self._host, port)

    def cut(self, connections: Iterable[Hashable] | None = None) -> None:
        """Do nothing: ZeroMQ makes connections and ends them as it likes."""

    async def end(self) -> None:
        """Close everything."""
        tasks = list(self._tasks)
        await self.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, messages: zmq.asyncio.Socket) -> None:
        while True:
            *envelope, body = await messages.recv_multipart()
            if self._link.hears(envelope[0]):
                for reply in await self._answer(self._session, body):
                    for pieces in self._link.deliver(reply.data):
                        await self._send(messages, envelope, pieces)

    async def _send(self, messages: zmq.asyncio.Socket, envelope: list[bytes], pieces: list[Piece]) -> None:
        frames = [piece.data for piece in pieces if piece.data is not None]
        if len(frames) < len(pieces):
            return  # the message is lost with its connection, which ZeroMQ makes anew by itself
        if late_s := sum(piece.after_s for piece in pieces):
            self._start(self._send_late(messages, [*envelope, *frames], late_s))
        else:
            await messages.send_multipart([*envelope, *frames])

    async def _send_late(self, messages: zmq.asyncio.Socket, frames: list[bytes], late_s: float) -> None:
        await asyncio.sleep(late_s)
        await messages.send_multipart(frames)


async def _until_free(host: str, port: int) -> None:
    """Wait until nobody listens at a port; ZeroMQ closes its ports in a thread of its own."""
    until = asyncio.get_running_loop().time() + FREED_S
    while asyncio.get_running_loop().time() < until:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((host, port))
                return
        await asyncio.sleep(0.002)
