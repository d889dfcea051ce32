"""The one place that opens connections to instruments.

Two transports share PyMeasure's `Adapter` interface, so that PyMeasure's drivers run on either:
`VisaTransport` (pyvisa with the pure Python backend "@py") and `ZmqTransport` (ZeroMQ REQ).

Three rules keep a wrong number from ever being returned:

* After a timeout or a garbled reply the connection is closed, and reopened before the next command, so a
  late reply cannot be taken for the answer to the next question.
* Bytes that wait in the input buffer before a command is sent (a duplicate, an unasked message) are never an
  answer: the connection is dropped and reopened.
* A reply must end with the instrument's terminator and be printable ASCII.

Every failure is an `InstrumentTimeout`, `InstrumentDisconnected` or `InstrumentProtocolError`.
"""

from instruments._transport import Transport
from instruments._visa import SerialLine, VisaTransport
from instruments._zmq import ZmqTransport

__all__ = ["SerialLine", "Transport", "VisaTransport", "ZmqTransport", "open_transport"]

SERIAL_9600_8N1 = SerialLine()


def open_transport(
    address: str,
    *,
    instrument: str,
    timeout_s: float,
    read_termination: str = "\n",
    write_termination: str = "\n",
    serial_line: SerialLine = SERIAL_9600_8N1,
) -> "Transport":
    r"""Open the connection that an address names.

    Parameters
    ----------
    address
        ``TCPIP::host::port::SOCKET``, ``ASRLsocket://host:port::INSTR``, ``ASRL/dev/ttyUSB0::INSTR``
        (serial) or ``tcp://host:port`` (ZeroMQ).
    instrument
        Name of the instrument, for error messages.
    timeout_s
        Longest time, in s, between a query and the end of its reply.
    read_termination, write_termination
        Ends of a reply and of a command; ZeroMQ messages have none.
    serial_line
        Speed, data bits and parity of a serial line, with one stop bit.

    Raises
    ------
    InstrumentDisconnected
        Nobody listens at the address.
    ValueError
        The address has none of the forms above, or the timeout is not positive.
    """
    if not timeout_s > 0:
        raise ValueError(
            f"timeout_s of {instrument} is {timeout_s}; it must be a positive number of seconds."
        )
    kind = address.upper()
    if kind.startswith("TCP://"):
        return ZmqTransport(address, instrument, timeout_s)
    if kind.startswith("ASRL") or (kind.startswith("TCPIP") and kind.endswith("::SOCKET")):
        return VisaTransport(address, instrument, timeout_s, read_termination, write_termination, serial_line)
    raise ValueError(
        f"The address {address!r} of {instrument} is of no known form; write TCPIP::host::port::SOCKET, "
        "ASRLsocket://host:port::INSTR or tcp://host:port."
    )
