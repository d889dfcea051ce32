"""What a link fault does to a reply on its way to the client."""

from typing import NamedTuple

import numpy as np

__all__ = ["DELAYS_S", "REPLY_FAULTS", "Piece", "Way", "spoil"]

DELAYS_S = {"late_reply": 3.0, "slow": 0.02, "split_writes": 0.01, "busy": 1.0}
"""Faults that have a length, and its default, in s of real time."""

REPLY_FAULTS = (
    "disconnect",
    "timeout",
    "garbage",
    "truncate",
    "wrong_terminator",
    "split_writes",
    "slow",
    "late_reply",
    "duplicate_reply",
)
"""Faults that act on replies, in the order in which they act when several fire at once."""

TERMINATORS = (b"\r\n", b"\n")
WRONG_TERMINATORS = (b"\r\n", b"\n", b"\r", b"\n\r")


class Piece(NamedTuple):
    """Bytes to send after a pause in s of real time; None hangs up instead."""

    data: bytes | None
    after_s: float = 0.0


class Way(NamedTuple):
    """How replies travel: as whole messages or in a stream; and the fault's length and random numbers."""

    in_messages: bool
    delay_s: float
    rng: np.random.Generator


def spoil(fault: str, reply: list[Piece], way: Way) -> list[Piece]:
    """Return what becomes of a reply."""
    if fault == "disconnect":
        return [Piece(None)]
    if fault == "timeout" or (fault == "truncate" and way.in_messages):
        return []
    if fault == "late_reply":
        return [Piece(piece.data, piece.after_s + way.delay_s * (not n)) for n, piece in enumerate(reply)]
    spoilt: list[Piece] = []
    for piece in reply:
        if piece.data is None:
            spoilt.append(piece)
        else:
            first, *rest = _CHANGES[fault](piece.data, way)
            spoilt += [Piece(first.data, first.after_s + piece.after_s), *rest]
    return spoilt


def _garble(data: bytes, way: Way) -> list[Piece]:
    body, end = _cut_terminator(data)
    noise = bytearray(way.rng.bytes(max(1, len(body))))
    noise[0] |= 0x80
    return [Piece(bytes(noise) + end)]


def _truncate(data: bytes, way: Way) -> list[Piece]:
    return [Piece(data[: int(way.rng.integers(1, max(2, len(data))))])]


def _change_terminator(data: bytes, way: Way) -> list[Piece]:
    body, end = _cut_terminator(data)
    wrong = [other for other in WRONG_TERMINATORS if other != end]
    return [Piece(body + wrong[int(way.rng.integers(len(wrong)))])]


def _split(data: bytes, way: Way) -> list[Piece]:
    cuts = sorted(set(way.rng.integers(1, max(2, len(data)), size=3).tolist()))
    parts = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    pause_s = 0.0 if way.in_messages else way.delay_s
    return [Piece(part, pause_s * (n > 0)) for n, part in enumerate(parts)]


def _slow_down(data: bytes, way: Way) -> list[Piece]:
    if way.in_messages:
        return [Piece(data, way.delay_s * len(data))]
    return [Piece(data[n : n + 1], way.delay_s) for n in range(len(data))]


_CHANGES = {
    "garbage": _garble,
    "truncate": _truncate,
    "wrong_terminator": _change_terminator,
    "split_writes": _split,
    "slow": _slow_down,
}


def _cut_terminator(data: bytes) -> tuple[bytes, bytes]:
    for end in TERMINATORS:
        if data.endswith(end):
            return data.removesuffix(end), end
    return data, b""
