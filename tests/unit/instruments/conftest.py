"""Small fake instruments, servers on loopback whose every byte a test decides; sheets on all drivers."""

import contextlib
import importlib
import socket
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
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


@dataclass(frozen=True)
class Sheet:
    """What the tests know of one driver: a file in ``sheets``.

    Attributes
    ----------
    driver : str
        The class, as module.name.
    face : str
        The class that a station uses, where that is another one around the driver.
    roles : list of str
        Protocols of `instruments.roles` that it plays.
    address : str
        Address with {} for the port.
    ends : list of str
        Terminator of commands ("" for none) and of replies.
    identity : str
        The query that asks who it is; its reply is in `replies`.
    replies : dict
        A reply to each query that connecting and `ask` send; `confirmation` answers everything else.
    ask, query : str
        Expression of ``driver`` that sends one query, and the query.
    wrong : list of str
        Replies to the query that look almost right.
    typo : list of str
        A setting that does not exist, and the one that the refusal should suggest.
    opening : list of pairs
        What is said while connecting.
    command : list of dict
        Rows of the command table: a call, its exchange on the wire, what it gives or raises.
    elsewhere : list of str
        Methods whose exchange is too long for the table; other tests call them.
    transcript : list of dict
        Calls that work on the real instrument too, and what must hold of the result.
    """

    driver: str
    roles: list[str]
    identity: str
    replies: dict[str, str]
    ask: str
    query: str
    wrong: list[str]
    typo: list[str]
    opening: list[list[str]]
    command: list[dict[str, Any]]
    transcript: list[dict[str, Any]]
    address: str = "TCPIP::127.0.0.1::{}::SOCKET"
    ends: list[str] = field(default_factory=lambda: ["\n", "\n"])
    confirmation: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)
    face: str = ""

    @property
    def cls(self) -> Any:
        """The driver's class."""
        return _named(self.driver)

    @property
    def player(self) -> Any:
        """The class that a station uses."""
        return _named(self.face or self.driver)


def _named(path: str) -> Any:
    module, name = path.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


SHEETS = {
    path.stem: Sheet(**tomllib.loads(path.read_text(encoding="utf-8")))
    for path in sorted((Path(__file__).parent / "sheets").glob("*.toml"))
}


@pytest.fixture(scope="session")
def sheets() -> list[Sheet]:
    return list(SHEETS.values())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that take a `sheet` for each driver, and those that take a `row` for each of its commands."""
    if "row" in metafunc.fixturenames:
        rows = [
            pytest.param(sheet, row, id=f"{name}-{number}")
            for name, sheet in SHEETS.items()
            for number, row in enumerate(sheet.command)
        ]
        metafunc.parametrize(("sheet", "row"), rows)
    elif "sheet" in metafunc.fixturenames:
        metafunc.parametrize("sheet", SHEETS.values(), ids=SHEETS)
