"""Instrument drivers: bytes in, physical units out."""

from instruments.attenuator import PolarisationAttenuator
from instruments.camera import Frame, FrameCamera
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
from instruments.fabry_perot import ScanningFabryPerot, ScopeFabryPerot
from instruments.idquantique import ID900
from instruments.keithley import Keithley2450Pump
from instruments.keysight import InfiniiVision
from instruments.lakeshore import LakeShore335, LakeShore336
from instruments.newport import ESP300
from instruments.oxford import MercuryiTC
from instruments.picoquant import PicoQuantRecorder
from instruments.position_loop import Correction, PositionLoop
from instruments.redpitaya import RedPitaya
from instruments.rohdeschwarz import FSV
from instruments.roles import (
    Attenuator,
    Camera,
    Correlator,
    Digitizer,
    FabryPerot,
    Oscilloscope,
    PositioningStage,
    PowerMeter,
    PumpSource,
    RampGenerator,
    Rotator,
    SpectrumAnalyser,
    TemperatureController,
    TimeTagger,
)
from instruments.tagger import SwabianTagger
from instruments.thorlabs import ELL14
from instruments.thorlabs_power import PM100
from instruments.timetags import TimeTags

__all__ = [
    "PicoQuantRecorder",
    "SwabianTagger",
    "TimeTagger",
    "TimeTags",
    "ELL14",
    "ESP300",
    "FSV",
    "ID900",
    "PM100",
    "Attenuator",
    "Camera",
    "Clock",
    "Correction",
    "Correlator",
    "Digitizer",
    "FabryPerot",
    "Frame",
    "FrameCamera",
    "InfiniiVision",
    "InstrumentDisconnected",
    "InstrumentError",
    "InstrumentProtocolError",
    "InstrumentTimeout",
    "Interlock",
    "Keithley2450Pump",
    "LakeShore335",
    "LakeShore336",
    "MercuryiTC",
    "NotSettled",
    "Oscilloscope",
    "OutOfRange",
    "PolarisationAttenuator",
    "PositionLoop",
    "PositioningStage",
    "PowerMeter",
    "PumpSource",
    "RampGenerator",
    "RedPitaya",
    "Rotator",
    "ScanningFabryPerot",
    "ScopeFabryPerot",
    "SpectrumAnalyser",
    "SystemClock",
    "TemperatureController",
]
