"""The station file: which instruments a bench has, where they answer, and the limits nobody may cross.

All quantities carry their unit in the text ("5 mK", "15 GHz"). Unknown sections, keys and units are refused.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from labsync._quantities import Amperes, Degrees, Gigahertz, Hertz, Kelvin, Seconds, Volts
from labsync.errors import UsageError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StationSection(_Section):
    """What bench this is: its name, and whether instruments are real or simulated."""

    name: str
    backend: Literal["hardware", "twin"]


def _clock_speed(value: Any) -> str | float:
    if value in ("real", "lock-step"):
        return str(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf"):
        return float(value)
    raise ValueError(
        f"{value!r} is no clock; give 'real', 'lock-step' or a positive speed-up factor such as 20.0"
    )


class TwinSection(_Section):
    """The simulated lab: its instruments, seed of its hidden truth, and how its time runs."""

    bench: Literal["minimal", "full", "mercury-scope"] = "minimal"
    seed: int = 1
    clock: Annotated[str | float, BeforeValidator(_clock_speed)] = "lock-step"
    attach: str | None = Field(default=None, description="control address of a lab served by 'labsync twin'")


class InstrumentSection(_Section):
    """Where an instrument answers."""

    address: str | None = None
    timeout: Seconds = 2.0


class SettleRule(_Section):
    """Settled: inside the band for the whole dwell, before the deadline."""

    band: Kelvin
    dwell: Seconds
    deadline: Seconds


class CryostatSection(InstrumentSection):
    """A cryostat's temperature controller."""

    driver: Literal["lakeshore336"]
    sensor: Literal["A", "B", "C", "D"] = "A"
    heater: Literal[1, 2] = 1
    setpoint_limits: tuple[Kelvin, Kelvin]
    settle: SettleRule


class PumpSection(InstrumentSection):
    """A voltage source that pumps one array of pillars."""

    driver: Literal["keithley2450"]
    pillars: int = Field(gt=0, description="pillars that share the array current")
    voltage_limit: Volts
    current_limit: Amperes


class CorrelatorSection(InstrumentSection):
    """The time controller that counts photons."""

    driver: Literal["id900"]


class RampSection(InstrumentSection):
    """The generator of the Fabry-Perot ramp."""

    driver: Literal["redpitaya"]


class RotatorSection(InstrumentSection):
    """The rotation mount of the half-wave plate in the coupling path."""

    driver: Literal["ell14"]


class AttenuatorSection(_Section):
    """Half-wave plate and polariser: the angle of full transmission."""

    angle_of_full_transmission: Degrees


class FabryPerotSection(_Section):
    """The scanning interferometer: ramp of its piezo, detectors behind it."""

    free_spectral_range: Gigahertz
    finesse: float = Field(gt=1)
    ramp_frequency: Hertz
    ramp_amplitude: Volts
    ramp_offset: Volts
    bins: int = Field(gt=15, le=16384)
    reference_input: int
    inputs: tuple[int, int] = Field(description="correlator inputs of the detectors for P1 and P2")


class StationSettings(_Section):
    """A whole station file."""

    station: StationSection
    twin: TwinSection = TwinSection()
    cryostat_1: CryostatSection
    cryostat_2: CryostatSection
    pump_1: PumpSection
    pump_2: PumpSection
    correlator: CorrelatorSection
    ramp: RampSection
    rotator: RotatorSection
    attenuator: AttenuatorSection
    fabry_perot: FabryPerotSection

    @model_validator(mode="after")
    def _addresses_where_needed(self) -> "StationSettings":
        for name in INSTRUMENTS:
            given = getattr(self, name).address is not None
            if self.station.backend == "hardware" and not given:
                raise ValueError(f"[{name}] has no address; a hardware bench needs one for every instrument")
            if self.station.backend == "twin" and given:
                raise ValueError(
                    f"[{name}] has an address, but a twin brings its own; remove it or set backend 'hardware'"
                )
        return self


INSTRUMENTS = ("cryostat_1", "cryostat_2", "pump_1", "pump_2", "correlator", "ramp", "rotator")
BUILT_IN = Path(__file__).parent / "stations"


def read_station_file(reference: str) -> tuple[StationSettings, str]:
    """Read and check a station file.

    Parameters
    ----------
    reference : str
        Path of the file, or the name of a built-in station (``simulated``).

    Returns
    -------
    StationSettings, str
        The checked settings and the file's text.

    Raises
    ------
    UsageError
        With the section, the key and what would be right.
    """
    path = Path(reference)
    built_in = BUILT_IN / f"{reference}.toml"
    if not path.is_file() and built_in.is_file():
        path = built_in
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = ", ".join(sorted(p.stem for p in BUILT_IN.glob("*.toml")))
        raise UsageError(
            f"No readable station file '{reference}'; give a path or a built-in station ({names})."
        ) from error
    try:
        return StationSettings.model_validate(tomllib.loads(text)), text
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name}: not a TOML file: {error}.") from error
    except ValidationError as error:
        raise UsageError(f"{path.name}: {_explain(error)}.") from error


def _explain(error: ValidationError) -> str:
    """Return one clause on the first problem of a station file."""
    # a mistyped key gives two problems, an unknown and a missing one; the first is the cause
    problem = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    where = [str(part) for part in problem["loc"]]
    section = f"[{where[0]}]" if where else ""
    key = ".".join(where[1:])
    if problem["type"] == "extra_forbidden":
        model = _model_at(where[:-1])
        near = difflib.get_close_matches(where[-1], model.model_fields, n=1)
        kind = f"unknown key '{key}' in {section}" if key else f"unknown section [{where[0]}]"
        known = f"did you mean '{near[0]}'?" if near else "known are " + ", ".join(model.model_fields)
        return f"{kind}; {known}"
    if problem["type"] == "missing":
        return f"{section} lacks '{key}'" if key else f"section [{where[0]}] is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{section} {key}: {message}" if where else message


def _model_at(where: list[str]) -> type[BaseModel]:
    model: type[BaseModel] = StationSettings
    for part in where:
        inner = model.model_fields[part].annotation if part in model.model_fields else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return model
