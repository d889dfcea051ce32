"""Small fake instruments: servers on loopback whose every byte a test decides."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq
from pymeasure.adapters import Adapter

Answer = Callable[[str], Any]


class ManualClock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time_s += seconds


class LineServer:
    """A TCP server; `answer` maps a command to bytes, None for silence, or "close"; `end` None: no lines."""

    def __init__(self, answer: Answer, end: bytes | None) -> None:
        self.answer, self.end = answer, end
        self.received: list[str] = []
        self.sockets: list[socket.socket] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connections(self) -> int:
        return len(self.sockets)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sockets.append(connection)
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        buffer = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                buffer += data
                if self.end is None:
                    commands, buffer = [buffer], b""
                else:
                    *commands, buffer = buffer.split(self.end)
                for command in commands:
                    self._reply(connection, command.decode("latin-1"))

    def _reply(self, connection: socket.socket, command: str) -> None:
        self.received.append(command)
        reply = self.answer(command)
        if reply == "close":
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        elif isinstance(reply, bytes):
            connection.sendall(reply)
        elif reply is not None:
            for delay_s, part in reply:
                time.sleep(delay_s)
                connection.sendall(part)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


class MessageServer:
    """A ZeroMQ server that may stay silent; `answer` maps a message to bytes or None."""

    def __init__(self, answer: Answer, end: bytes | None = None) -> None:
        self.answer = answer
        self.received: list[str] = []
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while self.running:
            if self.socket.poll(20):
                *envelope, message = self.socket.recv_multipart()
                self.received.append(message.decode("latin-1"))
                reply = self.answer(self.received[-1])
                parts = [(0, reply)] if isinstance(reply, bytes) else reply or []
                for delay_s, part in parts:
                    time.sleep(delay_s)
                    self.socket.send_multipart([*envelope, part])
        self.socket.close(linger=0)

    def stop(self) -> None:
        self.running = False
        self.thread.join()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def serve() -> Iterator[Callable[..., LineServer]]:
    servers: list[LineServer] = []

    def start(answer: Answer, end: bytes | None = b"\n") -> LineServer:
        servers.append(LineServer(answer, end))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def serve_messages() -> Iterator[Callable[..., MessageServer]]:
    servers: list[MessageServer] = []

    def start(answer: Answer, end: bytes | None = None) -> MessageServer:
        servers.append(MessageServer(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


class Wire(Adapter):
    """A connection without a network: `answer` maps a command to the reply's text, or None."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.sent: list[str] = []
        self.replies: list[str] = []

    def close(self) -> None:
        pass

    def _write(self, command: str, **kwargs: Any) -> None:
        self.sent.append(command)
        reply = self.answer(command)
        if reply is not None:
            self.replies.append(reply)

    def _read(self, **kwargs: Any) -> str:
        return self.replies.pop(0)


@pytest.fixture
def wire() -> type[Wire]:
    return Wire
