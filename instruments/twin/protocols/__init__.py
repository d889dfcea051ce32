"""What the simulated instruments say and understand; nothing else in the twin knows bytes."""

from ._lines import LineSession
from ._reply import Reply, Session
from .camera import CameraSession
from .data_link import DataLinkProtocol
from .elliptec import ElliptecSession
from .esp300 import ESP300Protocol
from .fsv import FSVProtocol
from .id900 import ID900Protocol
from .infiniivision import InfiniiVisionProtocol
from .keithley import KeithleyProtocol
from .lakeshore import LakeShoreProtocol
from .mercury import MercuryProtocol
from .pm100 import PM100Protocol
from .redpitaya import RedPitayaProtocol
from .taggers import RecorderProtocol, TaggerProtocol

__all__ = [
    "DataLinkProtocol",
    "RecorderProtocol",
    "TaggerProtocol",
    "CameraSession",
    "ESP300Protocol",
    "FSVProtocol",
    "ElliptecSession",
    "ID900Protocol",
    "InfiniiVisionProtocol",
    "KeithleyProtocol",
    "LakeShoreProtocol",
    "LineSession",
    "MercuryProtocol",
    "PM100Protocol",
    "RedPitayaProtocol",
    "Reply",
    "Session",
]
