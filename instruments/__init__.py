"""Instrument drivers: bytes in, physical units out."""

from instruments.attenuator import PolarisationAttenuator
from instruments.clock import Clock, SystemClock
from instruments.errors import (
    InstrumentDisconnected,
    InstrumentError,
    InstrumentProtocolError,
    InstrumentTimeout,
    Interlock,
    NotSettled,
    OutOfRange,
)
from instruments.fabry_perot import ScanningFabryPerot
from instruments.idquantique import ID900
from instruments.keithley import Keithley2450Pump
from instruments.lakeshore import LakeShore336
from instruments.redpitaya import RedPitaya
from instruments.roles import (
    Attenuator,
    Correlator,
    FabryPerot,
    PumpSource,
    RampGenerator,
    Rotator,
    TemperatureController,
)
from instruments.thorlabs import ELL14

__all__ = [
    "ELL14",
    "ID900",
    "Attenuator",
    "Clock",
    "Correlator",
    "FabryPerot",
    "InstrumentDisconnected",
    "InstrumentError",
    "InstrumentProtocolError",
    "InstrumentTimeout",
    "Interlock",
    "Keithley2450Pump",
    "LakeShore336",
    "NotSettled",
    "OutOfRange",
    "PolarisationAttenuator",
    "PumpSource",
    "RampGenerator",
    "RedPitaya",
    "Rotator",
    "ScanningFabryPerot",
    "SystemClock",
    "TemperatureController",
]
