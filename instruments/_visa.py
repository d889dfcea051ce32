"""Connections through pyvisa-py."""

import logging
import select
import socket
import time
from typing import Any, NamedTuple, NoReturn

import pyvisa
from pyvisa.constants import Parity, StatusCode

from instruments._transport import REPLY_SHARE, Transport
from instruments.errors import InstrumentDisconnected, InstrumentProtocolError, InstrumentTimeout

log = logging.getLogger(__name__)

LONGEST_REPLY = 2**20
CHUNK = 65536


class SerialLine(NamedTuple):
    """Settings of a serial line; parity is "none", "odd" or "even"."""

    baud_rate: int = 9600
    data_bits: int = 8
    parity: str = "none"

    def options(self, address: str) -> dict[str, Any]:
        """Return the settings as pyvisa wants them; nothing for an address that is no serial line."""
        if not address.upper().startswith("ASRL"):
            return {}
        return self._asdict() | {"parity": Parity[self.parity]}


class VisaTransport(Transport):
    """A VISA connection over a TCP socket or a serial line, through pyvisa-py.

    pyvisa-py is called one layer below `pyvisa.Resource`, at its session: only there is the part of a cut
    reply visible, and only there can TCP_NODELAY be set (the VISA attribute is not wired in pyvisa-py 0.8;
    without it a command followed by a query takes 44 ms instead of 0.1 ms).
    """

    def __init__(
        self,
        address: str,
        instrument: str,
        timeout_s: float,
        read_termination: str,
        write_termination: str,
        serial_line: SerialLine,
    ) -> None:
        self._line_options = serial_line.options(address)
        self._read_termination = read_termination.encode()
        self._write_termination = write_termination.encode()
        self._session: Any = None
        self._received = bytearray()  # more than was asked for yet
        self._deadline_s: float | None = None
        super().__init__(address, instrument, timeout_s)

    @property
    def socket(self) -> socket.socket | None:
        """The TCP socket below the VISA session; None on a real serial line."""
        if self._session is None:
            return None
        interface = self._session.interface  # pyserial keeps the socket of socket:// in _socket
        return interface if isinstance(interface, socket.socket) else getattr(interface, "_socket", None)

    def _open(self) -> None:
        reply_ms = 1000 * REPLY_SHARE * self.timeout_s
        try:
            manager: Any = pyvisa.ResourceManager("@py")
            self.connection: Any = manager.open_resource(
                self.address,
                open_timeout=int(1000 * self.timeout_s),
                timeout=reply_ms,
                **self._line_options,
            )
            self.connection.read_termination = self._read_termination.decode()
            self._session = manager.visalib.sessions[self.connection.session]
            if (sock := self.socket) is not None:
                # pyvisa-py takes a refused connection for an open one.
                if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise OSError(code, "connection refused or unreachable")
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except Exception as cause:  # pyvisa-py raises bare Exception when it cannot connect
            self._drop()
            advice = (
                "could not connect; check that the instrument is on, the address, and that the port is free"
            )
            self._fail(InstrumentDisconnected, f"{advice} ({cause})", cause)
        self._usable = True

    def _drop(self) -> None:
        self._usable = False
        sock, session, connection = self.socket, self._session, getattr(self, "connection", None)
        self._session = self.connection = None
        self._received.clear()
        try:
            if sock is not None:
                sock.close()
                if session.interface is not sock:
                    session.interface.is_open = False  # spares pyserial's 0.3 s wait in close()
            if connection is not None:
                connection.close()
        except (OSError, pyvisa.errors.Error, AttributeError) as error:
            log.debug("While closing %s: %s", self.address, error)

    def _unread(self) -> bytes | None:
        """Bytes that wait (a peek); None when nothing waits; b"" when the peer left."""
        if self._received:
            return bytes(self._received)
        if (sock := self.socket) is None:
            return (
                self._session.interface.read(waiting)
                if (waiting := self._session.interface.in_waiting)
                else None
            )
        if not select.select([sock], [], [], 0)[0]:
            return None
        try:
            return sock.recv(60, socket.MSG_PEEK)
        except ConnectionError:
            return b""

    def _write(self, command: str, **kwargs: Any) -> None:
        self._write_bytes(command.encode("ascii"), **kwargs)

    def _write_bytes(self, content: bytes, **kwargs: Any) -> None:
        self._prepare(content.decode("latin-1"))
        self._deadline_s = None
        try:
            if (stale := self._unread()) is not None:
                log.warning("%s: %r waited, which nobody asked for.", self, stale)
                self._reopen()
            message = content + self._write_termination
            sent, status = self._session.write(message)
        except (OSError, pyvisa.errors.Error) as cause:
            self._fail(InstrumentDisconnected, f"the connection broke while writing ({cause})", cause)
        if sent != len(message) or status < 0:
            self._fail(
                InstrumentTimeout, f"only {sent} of {len(message)} bytes could be sent; is the box busy?"
            )

    def _read(self, **kwargs: Any) -> str:
        message = self._receive(LONGEST_REPLY, to_terminator=True)
        self._deadline_s = None
        if not message.endswith(self._read_termination):
            self._fail(
                InstrumentProtocolError,
                f"the reply {message[:60]!r} does not end with {self._read_termination!r}; check the "
                "terminator setting of the instrument",
            )
        return self._text(message.removesuffix(self._read_termination))

    def _read_bytes(self, count: int, break_on_termchar: bool = False, **kwargs: Any) -> bytes:
        if count < 0:
            return self._receive(LONGEST_REPLY, to_terminator=True)
        return self._receive(count, to_terminator=break_on_termchar)

    def _receive(self, count: int, to_terminator: bool) -> bytes:
        """Read `count` bytes, or fewer if a terminator comes first and `to_terminator` is set.

        All reads of one reply share one deadline, so that no reply that trickles in can hold the caller up.
        """
        if not self._usable:
            self._fail(InstrumentDisconnected, "the reply is lost because the connection had to be dropped")
        if self._deadline_s is None:
            self._deadline_s = time.monotonic() + REPLY_SHARE * self.timeout_s
        try:
            while (length := self._length(count, to_terminator)) is None:
                wanted = count - len(self._received)
                self._received += self._next_bytes(wanted, self._deadline_s - time.monotonic())
        except (OSError, pyvisa.errors.Error) as cause:
            self._fail(
                InstrumentDisconnected, f"the connection broke while waiting for the reply ({cause})", cause
            )
        message = bytes(self._received[:length])
        del self._received[:length]
        return message

    def _length(self, count: int, to_terminator: bool) -> int | None:
        """Return the length of what was asked for as soon as it is here."""
        if to_terminator and (place := self._received.find(self._read_termination[-1:], 0, count)) >= 0:
            return place + 1
        return count if len(self._received) >= count else None

    def _next_bytes(self, wanted: int, within_s: float) -> bytes:
        """Wait for bytes; pyvisa-py sees neither that a peer left nor, while bytes trickle in, a deadline."""
        if (sock := self.socket) is None:
            data, status = self._session.read(min(wanted, max(1, self._session.interface.in_waiting)))
            if status == StatusCode.error_timeout or within_s <= 0:
                self._received += data
                self._fail_late()
            return data
        if within_s <= 0 or not select.select([sock], [], [], within_s)[0]:
            self._fail_late()
        if not (data := sock.recv(CHUNK)):
            after = f" after {bytes(self._received[:60])!r}" if self._received else ""
            self._fail(InstrumentDisconnected, f"the instrument closed the connection{after}")
        return data

    def _fail_late(self) -> NoReturn:
        if self._received:
            self._fail(
                InstrumentProtocolError,
                f"the reply broke off after {bytes(self._received[:60])!r}; check the cable and the "
                "terminator setting",
            )
        self._fail(
            InstrumentTimeout,
            f"no reply within {REPLY_SHARE * self.timeout_s:.3g} s; check that the instrument is not "
            "busy, not in local mode, and knows the command",
        )
