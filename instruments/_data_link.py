"""ID Quantique's DataLinkTarget service, which hands the ID900's time tags to other programs.

The service is part of ID Quantique's software and runs on the computer that the tags arrive at. It takes
commands on a ZeroMQ REP socket (port 6060) and answers in JSON; the tags of each input come on a PAIR socket
of their own, on a port that the client names: little-endian 64-bit words of ps, with an empty message at the
end (ID Quantique's published Python examples).
"""

import json
import re
import socket
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import numpy as np
import zmq

from instruments.errors import InstrumentProtocolError, InstrumentTimeout
from instruments.transport import ZmqTransport

__all__ = ["DataLink", "words"]


class DataLink:
    """Streams of time tags, one per input; closes them all at the end of a ``with`` block.

    Parameters
    ----------
    address
        Of the service, ``tcp://host:6060``.
    controller
        Address of the time controller, as the service is to reach it.
    timeout_s
        Longest time for an answer, and between two messages of a stream.

    Raises
    ------
    InstrumentDisconnected
        Nobody listens at the address.
    """

    def __init__(self, address: str, controller: str, timeout_s: float) -> None:
        self.where = f"DataLinkTarget service at {address}"
        self._host = urlsplit(address).hostname
        self._controller = urlsplit(controller).hostname or controller
        self._timeout_s = timeout_s
        self._service = ZmqTransport(address, "DataLinkTarget service", timeout_s)
        self._streams: dict[int, tuple[str, zmq.Socket]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, stream in self._streams.values():
            stream.close(linger=0)
        self._service.close()

    def ask(self, command: str) -> Any:
        """Send a command and return the answer.

        Raises
        ------
        InstrumentProtocolError
            The service reports an error, or answers no JSON.
        """
        self._service.write(command)
        reply = self._service.read()
        try:
            answer = json.loads(reply)
        except ValueError as cause:
            raise self._wrong(command, f"reply {reply[:80]!r} is no JSON") from cause
        if isinstance(answer, dict) and "error" in answer:
            raise self._wrong(command, f"refused with {answer['error']!r:.200}")
        return answer

    def clear(self) -> None:
        """Stop the streams that an earlier measurement left behind."""
        names = self.ask("list")
        if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
            raise self._wrong("list", f"{names!r:.80} is no list of names")
        for name in names:
            self._stop(name)

    def open(self, channel: int) -> None:
        """Start the stream of an input."""
        with socket.create_server(("", 0)) as free:
            port = free.getsockname()[1]
        command = f"start-stream --address {self._controller} --channel {channel} --stream-port {port}"
        answer = self.ask(command)
        if not (isinstance(answer, dict) and _is_name(answer.get("id"))):
            raise self._wrong(command, f"answer {answer!r:.80} names no stream")
        stream: zmq.Socket = zmq.Context.instance().socket(zmq.PAIR)
        stream.setsockopt(zmq.LINGER, 0)
        stream.connect(f"tcp://{self._host}:{port}")
        self._streams[channel] = answer["id"], stream

    def status(self, channel: int) -> tuple[int, int, bool]:
        """Return how many recordings of an input have ended, their tags, and whether tags were lost."""
        command = f"status --id {self._streams[channel][0]}"
        answer = self.ask(command)
        if not isinstance(answer, dict):
            raise self._wrong(command, f"answer {answer!r:.80} is no status")
        ended, tags = answer.get("acquisitions_count"), answer.get("timestamps_count")
        if not (type(ended) is int and ended >= 0 and type(tags) is int and tags >= 0):
            raise self._wrong(command, f"answer {answer!r:.120} lacks its counts")
        return ended, tags, bool(answer.get("errors"))

    def receive(self, channel: int, tags: int) -> np.ndarray:
        """Return the tags of an input, in ps.

        Raises
        ------
        InstrumentTimeout
            The stream broke off before the given number of tags.
        InstrumentProtocolError
            More tags came, or a message is cut.
        """
        stream, messages, size = self._streams[channel][1], [], 0
        what = f"stream of input {channel}"
        while True:
            if not stream.poll(round(1000 * self._timeout_s)):
                raise InstrumentTimeout(
                    f"{self.where}, {what}: {size // 8} of {tags} time tags arrived, then nothing for "
                    f"{self._timeout_s:.3g} s."
                )
            message = stream.recv()
            if not message:
                break
            messages.append(message)
            size += len(message)
        if size != 8 * tags:
            raise self._wrong(what, f"{size} bytes arrived where {tags} time tags were announced")
        try:
            return words(b"".join(messages))
        except ValueError as cause:
            raise self._wrong(what, str(cause)) from cause

    def close(self, channel: int) -> None:
        """Stop the stream of an input."""
        name, stream = self._streams.pop(channel)
        stream.close(linger=0)
        self._stop(name)

    def _stop(self, name: str) -> None:
        if not _is_name(name):
            raise self._wrong("list", f"{name!r:.80} is no name of a stream")
        self.ask(f"stop --id {name}")

    def _wrong(self, command: str, what: str) -> InstrumentProtocolError:
        self._service.resync()
        return InstrumentProtocolError(f"{self.where}, {command!r}: {what}.")


def words(data: bytes) -> np.ndarray:
    """Return little-endian 64-bit words as int64.

    Raises
    ------
    ValueError
        The data are cut, or a word exceeds what a time in ps can be.
    """
    if len(data) % 8:
        raise ValueError(f"{len(data)} bytes are not a whole number of 64-bit words")
    times = np.frombuffer(data, "<u8")
    if len(times) and times.max() >= 1 << 63:
        raise ValueError(f"{times.max()} ps is no time")
    return times.astype(np.int64)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[\w.:/-]+", name) is not None
