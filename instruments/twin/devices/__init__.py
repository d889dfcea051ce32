"""Registers, status and errors of the simulated instruments; nothing here knows bytes."""

from ._errors import BadSetting
from .ell14 import ELL14
from .id900 import ID900
from .keithley2450 import Keithley2450
from .lakeshore336 import LakeShore336
from .redpitaya import RedPitaya

__all__ = ["BadSetting", "ELL14", "ID900", "Keithley2450", "LakeShore336", "RedPitaya"]
