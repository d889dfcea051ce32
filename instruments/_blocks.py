"""Binary blocks of IEEE 488.2: ``#``, the number of digits, the number of bytes, the bytes."""

import re
from collections.abc import Callable

from instruments._replies import StrictReplies

__all__ = ["ask_block", "read_block"]


def read_block(read: Callable[[int], bytes], end: bytes, unit: int = 1) -> bytes:
    r"""Read one block and its terminator, and check each part.

    Parameters
    ----------
    read
        Returns the given number of bytes, or fewer where the reply is too short.
    end
        What follows the block, such as ``b"\n"``.
    unit
        Bytes per value; the length must be a multiple of it.

    Raises
    ------
    ValueError
        The header is malformed, or the block does not end where its header says.
    """
    head = read(2)
    if not re.fullmatch(rb"#[1-9]", head):
        raise ValueError(f"a data block starts with # and a digit, not {head!r}")
    digits = read(int(head[1:]))
    if not re.fullmatch(rb"[0-9]+", digits) or len(digits) != int(head[1:]) or int(digits) % unit:
        raise ValueError(f"{digits!r} is not a length in multiples of {unit} bytes")
    length = int(digits)
    data, tail = read(length), read(len(end))
    if len(data) != length or tail != end:
        raise ValueError(f"the data block of {length} bytes is followed by {tail!r} instead of {end!r}")
    return data


def ask_block(instrument: StrictReplies, command: str, end: bytes, unit: int = 1) -> bytes:
    """Send a query to an instrument or a channel and return the bytes of the block it answers with.

    Raises
    ------
    InstrumentProtocolError
        The block is malformed; the connection is reopened before the next command.
    """
    instrument.write(command)
    try:
        return read_block(instrument.read_bytes, end, unit)
    except ValueError as cause:
        instrument._reject(command, "", str(cause), cause)
    except BaseException:
        instrument._resync()
        raise
