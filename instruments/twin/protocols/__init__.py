"""What the simulated instruments say and understand; nothing else in the twin knows bytes."""

from ._lines import LineSession
from ._reply import Reply, Session
from .elliptec import ElliptecSession
from .id900 import ID900Protocol
from .keithley import KeithleyProtocol
from .lakeshore import LakeShoreProtocol
from .redpitaya import RedPitayaProtocol

__all__ = [
    "ElliptecSession",
    "ID900Protocol",
    "KeithleyProtocol",
    "LakeShoreProtocol",
    "LineSession",
    "RedPitayaProtocol",
    "Reply",
    "Session",
]
