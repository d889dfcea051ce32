"""ID Quantique's DataLinkTarget service: commands in ZeroMQ messages, answers in JSON, tags on sockets."""

import argparse
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import zmq

from ..devices.id900 import ID900

__all__ = ["DataLinkProtocol"]

MESSAGE_BYTES = 8_000_000


@dataclass
class _Transfer:
    """Tags of one block on their way to a client."""

    channel: int
    socket: zmq.Socket
    waiting: list[bytes] | None = None
    tags: int = 0
    errors: list[dict] = field(default_factory=list)


class _Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _port(text: str) -> int:
    if not (text.isdecimal() and 1024 <= int(text) <= 65535):
        raise ValueError(f"{text!r} is no port; use 1024 to 65535")
    return int(text)


class DataLinkProtocol:
    """The service of one time controller: list, start-stream, status, stop.

    A stream's socket is bound on the port that the client names; each message holds little-endian 64-bit
    words of ps from the start of the recording, and an empty one ends the recording.

    Parameters
    ----------
    device : ID900
        Whose tags are sent.
    """

    def __init__(self, device: ID900) -> None:
        self._device = device
        self._context = zmq.Context()
        self._transfers: dict[str, _Transfer] = {}
        self._started = 0
        self._parser = _Arguments(add_help=False, exit_on_error=False)
        verbs = self._parser.add_subparsers(dest="verb", required=True, parser_class=_Arguments)
        verbs.add_parser("list", add_help=False)
        start = verbs.add_parser("start-stream", add_help=False)
        start.add_argument("--address", required=True)
        start.add_argument("--channel", type=int, choices=range(1, 5), required=True)
        start.add_argument("--stream-port", type=_port, required=True)
        for verb in ("status", "stop"):
            verbs.add_parser(verb, add_help=False).add_argument("--id", required=True)

    def handle(self, message: str) -> str:
        """Act on a message; return its answer."""
        try:
            asked = self._parser.parse_args(shlex.split(message.replace("\0", "")))
            answers: dict[str, Callable[[Any], Any]] = {
                "list": lambda _: list(self._transfers),
                "start-stream": self._start,
                "status": lambda a: self._status(self._transfer(a.id)),
                "stop": self._stop,
            }
            return json.dumps(answers[asked.verb](asked))
        except (ValueError, argparse.ArgumentError, zmq.ZMQError) as error:
            return json.dumps({"error": {"description": str(error)}})

    def close(self) -> None:
        """Close all streams."""
        self._context.destroy(linger=0)
        self._transfers.clear()

    def _start(self, asked: argparse.Namespace) -> dict:
        socket = self._context.socket(zmq.PAIR)
        socket.linger = 0
        socket.sndhwm = 0
        try:
            socket.bind(f"tcp://127.0.0.1:{asked.stream_port}")
        except zmq.ZMQError:
            socket.close()
            raise
        self._started += 1
        name = f"stream-{self._started}"
        self._transfers[name] = _Transfer(asked.channel, socket)
        return {"id": name}

    def _transfer(self, name: str) -> _Transfer:
        if name not in self._transfers:
            raise ValueError(f"there is no acquisition {name!r}")
        return self._transfers[name]

    def _status(self, transfer: _Transfer) -> dict:
        sent = self._send(transfer)
        return {
            "acquisitions_count": int(sent),
            "timestamps_count": transfer.tags,
            "inactivity": 0,
            "errors": transfer.errors,
        }

    def _send(self, transfer: _Transfer) -> bool:
        """Hand a finished recording to the socket; returns whether that is done."""
        if transfer.waiting is None:
            times = self._device.tags_ps(transfer.channel)
            if times is None or transfer.channel not in self._device.sending:
                return False
            data = times.astype("<u8").tobytes()
            transfer.tags = len(times)
            parts = [data[i : i + MESSAGE_BYTES] for i in range(0, len(data), MESSAGE_BYTES)]
            transfer.waiting = [*parts, b""]
            if self._device.tag_errors():
                transfer.errors.append({"description": "timestamps were lost"})
        while transfer.waiting:
            try:
                transfer.socket.send(transfer.waiting[0], zmq.NOBLOCK)
            except zmq.Again:
                return False
            transfer.waiting.pop(0)
        return True

    def _stop(self, asked: argparse.Namespace) -> dict:
        transfer = self._transfer(asked.id)
        status = self._status(transfer)
        del self._transfers[asked.id]
        transfer.socket.close()
        return {"status": status}
