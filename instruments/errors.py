"""What can go wrong with an instrument, as types: catch `InstrumentError` for all of them."""

__all__ = [
    "InstrumentDisconnected",
    "InstrumentError",
    "InstrumentProtocolError",
    "InstrumentTimeout",
    "Interlock",
    "NotSettled",
    "OutOfRange",
]


class InstrumentError(Exception):
    """Any failure of an instrument or of the connection to it."""


class InstrumentTimeout(InstrumentError):
    """The instrument is connected but did not answer, or did not finish, in time."""


class InstrumentDisconnected(InstrumentError):
    """Nobody listens at the address, or the connection broke."""


class InstrumentProtocolError(InstrumentError):
    """An answer that cannot be right: garbled, cut, of the wrong form, an error code, or the wrong box."""


class OutOfRange(InstrumentError, ValueError):
    """A request outside the limits; nothing was sent to the instrument."""


class NotSettled(InstrumentError):
    """The quantity did not stay inside its band for the dwell time before the deadline."""


class Interlock(InstrumentError):
    """A fault that must stop the experiment: compliance, heater or sensor fault, a stalled motor."""
