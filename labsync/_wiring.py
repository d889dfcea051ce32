"""Which class plays which entry of the station file, and what is composed of several instruments."""

from collections.abc import Callable, Mapping
from typing import Any

from instruments import (
    ELL14,
    ESP300,
    FSV,
    ID900,
    PM100,
    Clock,
    FrameCamera,
    InfiniiVision,
    Keithley2450Pump,
    LakeShore335,
    LakeShore336,
    MercuryiTC,
    PolarisationAttenuator,
    PositionLoop,
    RedPitaya,
    ScanningFabryPerot,
    ScopeFabryPerot,
)
from instruments.picoquant import PicoQuantRecorder
from instruments.tagger import SwabianTagger
from labsync.settings import StationSettings

DRIVERS: dict[str, Callable[..., Any]] = {
    "camera": FrameCamera,
    "ell14": ELL14,
    "esp300": ESP300,
    "fsv": FSV,
    "id900": ID900,
    "infiniivision": InfiniiVision,
    "keithley2450": Keithley2450Pump,
    "lakeshore335": LakeShore335,
    "lakeshore336": LakeShore336,
    "mercuryitc": MercuryiTC,
    "picoquant": PicoQuantRecorder,
    "pm100": PM100,
    "redpitaya": RedPitaya,
    "swabian": SwabianTagger,
}
"""The driver of each `driver = ...` in the station file."""

FABRY_PEROTS: dict[str, Callable[..., Any]] = {"correlator": ScanningFabryPerot, "scope": ScopeFabryPerot}
"""The interferometer's class by what reads it."""


def _fabry_perot(settings: StationSettings, instruments: Mapping[str, Any], clock: Clock) -> Any:
    section = settings.fabry_perot
    assert section is not None
    reader = instruments[section.read_by]
    return FABRY_PEROTS[section.read_by](instruments["ramp"], reader, clock=clock, **section.options())


def _attenuator(settings: StationSettings, instruments: Mapping[str, Any], clock: Clock) -> Any:
    section = settings.attenuator
    assert section is not None
    return PolarisationAttenuator(instruments["rotator"], zero_deg=section.angle_of_full_transmission)


def _position_loop(settings: StationSettings, instruments: Mapping[str, Any], clock: Clock) -> Any:
    return PositionLoop(instruments["camera"], instruments["stage"], clock=clock)


def _time_tagger(settings: StationSettings, instruments: Mapping[str, Any], clock: Clock) -> Any:
    assert settings.detectors is not None
    return instruments[settings.detectors.read_by]


COMPOSITES: dict[str, Callable[[StationSettings, Mapping[str, Any], Clock], Any]] = {
    "fabry_perot": _fabry_perot,
    "attenuator": _attenuator,
    "position_loop": _position_loop,
    "time_tagger": _time_tagger,
}
"""How to make what consists of several instruments."""
