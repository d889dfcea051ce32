"""The settings of all instruments at one moment, as they report them themselves."""

import logging
from collections.abc import Mapping
from typing import Any

from instruments.errors import InstrumentDisconnected, InstrumentTimeout
from labsync._sections import InstrumentSection
from labsync.station import Station

__all__ = ["SETTINGS", "take"]

log = logging.getLogger(__name__)

_LAKE_SHORE = ("setpoint_k", "ramp_k_per_min", "heater_range", "PID? {heater}", "OUTMODE? {heater}")
_ELL14 = ("angle_deg",)

SETTINGS: Mapping[str, tuple[str, ...]] = {
    "camera": ("exposure_s",),
    "ell14": _ELL14,
    "esp300": ("position_um",),
    "fsv": (
        *("FREQ:CENT?", "FREQ:SPAN?", "BAND:RES?", "SWE:POIN?", "SWE:TIME?", "SWE:COUN?"),
        "DISP:TRAC:Y:RLEV?",
    ),
    "id900": (
        "DEVI:RES:BWID?",
        *(f"INPU{number}:{name}?" for number in range(1, 5) for name in ("ENAB", "COUP", "EDGE", "THRE")),
        *(f"STAR:{name}?" for name in ("ENAB", "COUP", "EDGE", "THRE")),
    ),
    "infiniivision": (
        *(":TIM:RANG?", ":TIM:POS?", ":ACQ:TYPE?", ":ACQ:COUN?"),
        *(":TRIG:SWE?", ":TRIG:EDGE:SOUR?", ":TRIG:EDGE:LEV?", ":TRIG:EDGE:SLOP?"),
        *(f":CHAN{number}:{name}?" for number in range(1, 5) for name in ("DISP", "RANG", "OFFS")),
    ),
    "keithley2450": (
        *("output_on", "source_mode", "voltage_v", "compliance_current"),
        *(":SOUR:VOLT:RANG?", ":SENS:FUNC?", ":SENS:CURR:RANG?", ":SENS:CURR:NPLC?", ":ROUT:TERM?"),
    ),
    "lakeshore335": _LAKE_SHORE,
    "lakeshore336": _LAKE_SHORE,
    "mercuryitc": (
        *("setpoint_k", "ramp_k_per_min"),
        *(f"READ:DEV:{{sensor}}:TEMP:LOOP:{name}" for name in ("P", "I", "D", "ENAB", "HTR")),
    ),
    "picoquant": (),  # it has none: every recording says all it depends on
    "pm100": ("sensor_name", "wavelength_nm"),
    "redpitaya": (
        *("SOUR1:FUNC?", "SOUR1:FREQ:FIX?", "SOUR1:VOLT?", "SOUR1:VOLT:OFFS?", "OUTPUT1:STATE?"),
        *("ACQ:DEC?", "ACQ:AVG?", "ACQ:DATA:UNITS?", "ACQ:SOUR1:GAIN?", "ACQ:SOUR2:GAIN?"),
    ),
    "swabian": (),
}
"""What is read of each driver: properties by their name, or queries, whose answer is kept as it is.

A name in braces is a key of the instrument's section in the station file.
"""
WITH_ERROR_QUEUE = frozenset({"camera", "esp300", "fsv", "infiniivision", "keithley2450", "redpitaya"})


def take(station: Station) -> dict[str, dict[str, Any]]:
    """Read the settings of all instruments of a station.

    Nothing is raised: where a reading fails, the sentence stands in its place, and an instrument that is
    silent or gone is not asked for more.

    Returns
    -------
    dict
        By instrument, settings by their name.
    """
    instruments = station.settings.instruments.items()
    return {name: _settings(station.role(name), section) for name, section in instruments}


def _settings(instrument: Any, section: InstrumentSection) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in SETTINGS[section.driver]:
        setting = name.format(**section.model_dump())
        try:
            found[setting] = _read(instrument, setting)
        except Exception as error:  # whatever it is, it must not end the run
            log.warning("%s cannot be read: %s", setting, error)
            found[setting] = f"{type(error).__name__}: {error}"
            if isinstance(error, InstrumentTimeout | InstrumentDisconnected):
                return found
    if section.driver in WITH_ERROR_QUEUE:
        _clear_errors(instrument)
    return found


def _clear_errors(instrument: Any) -> None:
    """Forget the errors that unknown queries left, lest the next command is blamed for them."""
    try:
        instrument.check_errors()
    except Exception as error:
        log.warning("While settings were read: %s", error)


def _read(instrument: Any, setting: str) -> Any:
    if setting.isidentifier():
        return getattr(instrument, setting)
    return instrument.ask(setting).strip()
