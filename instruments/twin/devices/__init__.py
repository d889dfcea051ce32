"""Registers, status and errors of the simulated instruments; nothing here knows bytes."""

from ._errors import BadSetting
from .camera import Camera
from .ell14 import ELL14
from .esp300 import ESP300
from .fsv import FSV
from .id900 import ID900
from .infiniivision import InfiniiVision
from .keithley2450 import Keithley2450
from .lakeshore import LakeShore335, LakeShore336
from .mercury import MercuryITC
from .pm100 import PM100
from .redpitaya import RedPitaya
from .tagger import TagBox

__all__ = [
    "BadSetting",
    "Camera",
    "ELL14",
    "ESP300",
    "FSV",
    "ID900",
    "InfiniiVision",
    "Keithley2450",
    "LakeShore335",
    "LakeShore336",
    "MercuryITC",
    "PM100",
    "RedPitaya",
    "TagBox",
]
