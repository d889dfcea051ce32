"""Which class plays which entry of the station file, and what is composed of several instruments."""

from collections.abc import Callable, Mapping
from typing import Any

from instruments.attenuator import PolarisationAttenuator
from instruments.clock import Clock
from instruments.fabry_perot import ScanningFabryPerot
from instruments.idquantique import ID900
from instruments.keithley import Keithley2450Pump
from instruments.lakeshore import LakeShore336
from instruments.redpitaya import RedPitaya
from instruments.thorlabs import ELL14
from labsync.settings import StationSettings

DRIVERS: dict[str, Callable[..., Any]] = {
    "ell14": ELL14,
    "id900": ID900,
    "keithley2450": Keithley2450Pump,
    "lakeshore336": LakeShore336,
    "redpitaya": RedPitaya,
}
"""The driver of each `driver = ...` in the station file."""

FABRY_PEROTS: dict[str, Callable[..., Any]] = {"correlator": ScanningFabryPerot}
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


COMPOSITES: dict[str, Callable[[StationSettings, Mapping[str, Any], Clock], Any]] = {
    "fabry_perot": _fabry_perot,
    "attenuator": _attenuator,
}
"""How to make what consists of several instruments."""
