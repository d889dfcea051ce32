"""Connections through ZeroMQ."""

import socket
from typing import Any, NoReturn
from urllib.parse import urlsplit

import zmq

from instruments._transport import REPLY_SHARE, Transport
from instruments.errors import InstrumentDisconnected, InstrumentProtocolError, InstrumentTimeout


class ZmqTransport(Transport):
    """A ZeroMQ REQ socket that carries one text message per command and one per reply.

    REQ_RELAXED and REQ_CORRELATE let a request follow an unanswered one and drop its late reply; the socket
    is replaced after a timeout all the same. ZeroMQ hides refused connections, so a plain TCP connection is
    tried first and after each timeout.
    """

    def __init__(self, address: str, instrument: str, timeout_s: float) -> None:
        parts = urlsplit(address)
        if not parts.hostname or not parts.port:
            raise ValueError(f"The address {address!r} of {instrument} lacks host or port: tcp://host:port.")
        self._endpoint = (parts.hostname, parts.port)
        super().__init__(address, instrument, timeout_s)

    def _open(self) -> None:
        self._probe()
        self.connection: Any = zmq.Context.instance().socket(zmq.REQ)
        for option, value in (
            (zmq.REQ_RELAXED, 1),
            (zmq.REQ_CORRELATE, 1),
            (zmq.LINGER, 0),
            (zmq.SNDTIMEO, int(1000 * REPLY_SHARE * self.timeout_s)),
        ):
            self.connection.setsockopt(option, value)
        self.connection.connect(self.address)
        self._usable = True

    def _drop(self) -> None:
        self._usable = False
        if (connection := getattr(self, "connection", None)) is not None:
            connection.close(linger=0)
        self.connection = None

    def _probe(self) -> None:
        try:
            socket.create_connection(self._endpoint, timeout=self.timeout_s).close()
        except OSError as cause:
            advice = "could not connect; check that the instrument is on, and the address"
            self._fail(InstrumentDisconnected, f"{advice} ({cause})", cause)

    def _write(self, command: str, **kwargs: Any) -> None:
        self._write_bytes(command.encode("ascii"), **kwargs)

    def _write_bytes(self, content: bytes, **kwargs: Any) -> None:
        self._prepare(content.decode("latin-1"))
        try:
            self.connection.send(content)
        except zmq.Again as cause:
            self._fail_late(cause)
        except zmq.ZMQError as cause:
            self._fail(InstrumentDisconnected, f"the connection broke while writing ({cause})", cause)

    def _read(self, **kwargs: Any) -> str:
        return self._text(self._read_bytes(-1))

    def _read_bytes(self, count: int, break_on_termchar: bool = False, **kwargs: Any) -> bytes:
        if not self._usable:
            self._fail(InstrumentDisconnected, "the reply is lost because the connection had to be dropped")
        try:
            if not self.connection.poll(1000 * REPLY_SHARE * self.timeout_s):
                self._fail_late()
            frames = self.connection.recv_multipart()
        except zmq.ZMQError as cause:
            self._fail(
                InstrumentDisconnected, f"the connection broke while waiting for the reply ({cause})", cause
            )
        if len(frames) != 1:
            self._fail(InstrumentProtocolError, f"the reply has {len(frames)} parts instead of one")
        return frames[0]

    def _fail_late(self, cause: Exception | None = None) -> NoReturn:
        self._probe()
        self._fail(
            InstrumentTimeout,
            f"no reply within {REPLY_SHARE * self.timeout_s:.3g} s; check that a ZeroMQ server "
            "listens at this port",
            cause,
        )
