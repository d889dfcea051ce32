"""Readings for interlocks: what an instrument says of a quantity that must not rise above its limit."""

from collections.abc import Callable, Mapping
from typing import Any

from labsync._safety_sections import InterlockSection

COUNTING_S = 0.1
"""How long is counted for a count rate, in s."""


def _power_w(instrument: Any) -> float:
    if hasattr(type(instrument), "power_w"):
        return instrument.power_w
    return instrument.voltage_v * instrument.current_a if instrument.output_on else 0.0


def _current_a(pump: Any) -> float:
    return pump.current_a if pump.output_on else 0.0


READERS: dict[str, Callable[[Any], float]] = {
    "temperature": lambda cryostat: cryostat.temperature_k,
    "current": _current_a,
    "power": _power_w,
}


def read(interlock: InterlockSection, instruments: Mapping[str, Any]) -> float:
    """Return the reading of an interlock, in its unit.

    Raises
    ------
    InstrumentError
        If there is none.
    """
    instrument = instruments[interlock.role]
    if interlock.input is not None:
        return instrument.counts(interlock.input, COUNTING_S) / COUNTING_S
    return READERS[interlock.quantity](instrument)


def violation(interlock: InterlockSection, reading: float) -> str | None:
    """Return what is wrong with a reading in one clause, or None; what is no number is wrong."""
    if reading <= interlock.highest:
        return None
    return f"{interlock.name} is {reading:.6g} {interlock.unit}, above the limit of {interlock.limit}"
