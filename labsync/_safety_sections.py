"""Sections of the station file for what must not go wrong: safe state, watchdog, interlocks."""

from typing import Literal

from pydantic import Field, model_validator

from labsync._quantities import Seconds, in_unit
from labsync._sections import Section

CRYOSTATS, PUMPS, COUNTERS = ("cryostat_1", "cryostat_2"), ("pump_1", "pump_2"), ("correlator", "tagger")

ROLES_OF_ACTIONS: dict[str, tuple[str, ...]] = {
    "to zero": PUMPS,
    "heater off": CRYOSTATS,
    "off": ("ramp",),
    "closed": ("attenuator",),
    "stopped": ("stage",),
}
"""Who can do what on the way to the safe state."""

UNITS_OF_QUANTITIES = {"temperature": "K", "current": "A", "power": "W", "count rate": "Hz"}
ROLES_OF_QUANTITIES: dict[str, tuple[str, ...]] = {
    "temperature": CRYOSTATS,
    "current": PUMPS,
    "power": (*PUMPS, "power_meter"),
    "count rate": COUNTERS,
}
"""Of whom what can be limited; the power of a pump is voltage times current."""


def _check_role(role: str, what: str, table: dict[str, tuple[str, ...]]) -> None:
    if role not in table[what]:
        able = [name for name, roles in table.items() if role in roles]
        known = f"{role} knows {' and '.join(map(repr, able))}" if able else f"{role} knows none"
        raise ValueError(f"{what!r} is for {' and '.join(table[what])}; {known}")


class SafeStep(Section):
    """One step on the way to the safe state: who does what, and how long that may take."""

    role: str
    action: Literal["to zero", "heater off", "off", "closed", "stopped"]
    timeout: Seconds = Field(default=30.0, gt=0)

    @model_validator(mode="after")
    def _possible(self) -> "SafeStep":
        _check_role(self.role, self.action, ROLES_OF_ACTIONS)
        return self


class InterlockSection(Section):
    """A reading that must never lie above its limit, and who reads it."""

    role: str
    quantity: Literal["temperature", "current", "power", "count rate"]
    limit: str
    input: int | None = Field(default=None, description="of the counter, for a count rate")
    read_by: Literal["program", "watchdog"] = "program"

    @model_validator(mode="after")
    def _possible(self) -> "InterlockSection":
        _check_role(self.role, self.quantity, ROLES_OF_QUANTITIES)
        in_unit(self.limit, self.unit)
        if (self.quantity == "count rate") != (self.input is not None):
            raise ValueError("a count rate, and nothing else, has an 'input' of the counter")
        if self.input is not None and self.read_by == "watchdog":
            raise ValueError(
                "a count rate is read by the program only; a second reader would change its integration time"
            )
        return self

    @property
    def unit(self) -> str:
        """Unit of the limit and of readings."""
        return UNITS_OF_QUANTITIES[self.quantity]

    @property
    def highest(self) -> float:
        """The limit in `unit`."""
        return in_unit(self.limit, self.unit)

    @property
    def name(self) -> str:
        """What is limited, such as "cryostat_2 temperature"."""
        return f"{self.role} {self.quantity}" + ("" if self.input is None else f" at input {self.input}")


class WatchdogSection(Section):
    """The process that watches over a run: how long the program may be silent, stand still, and do what."""

    silence: Seconds = Field(default=10.0, gt=0.1)
    stall: Seconds = Field(default=600.0, gt=0.1)
    interlock: tuple[InterlockSection, ...] = ()
