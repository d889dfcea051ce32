"""The station file: which instruments a bench has, where they answer, and the limits nobody may cross.

All quantities carry their unit in the text ("5 mK", "15 GHz"). Unknown sections, keys and units are refused.
"""

import difflib
import tomllib
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, PrivateAttr, ValidationError, model_validator

from labsync._heterodyne_sections import AnyHeterodyne
from labsync._safety_sections import SafeStep, WatchdogSection
from labsync._sections import (
    AnalyserSection,
    AnyCryostat,
    AnyFabryPerot,
    AttenuatorSection,
    CameraSection,
    CorrelatorSection,
    DetectorsSection,
    InstrumentSection,
    PowerMeterSection,
    PumpSection,
    RecorderSection,
    RedPitayaSection,
    RetriesSection,
    RotatorSection,
    ScopeSection,
    Section,
    SpectrumAnalyserSection,
    StageSection,
    StationSection,
    TaggerSection,
    TwinSection,
)
from labsync.errors import UsageError
from labsync.safety import DEFAULT_SAFE_STATE

__all__ = ["BUILT_IN", "DetectorsSection", "PumpSection", "StationSettings", "read_station_file"]


class StationSettings(Section):
    """A whole station file.

    Every bench has two cryostats and two pumps; all other instruments may be missing.
    """

    station: StationSection
    twin: TwinSection = TwinSection()
    cryostat_1: AnyCryostat
    cryostat_2: AnyCryostat
    pump_1: PumpSection
    pump_2: PumpSection
    correlator: CorrelatorSection | None = None
    ramp: RedPitayaSection | None = None
    rotator: RotatorSection | None = None
    analyser_1: AnalyserSection | None = None
    analyser_2: AnalyserSection | None = None
    power_meter: PowerMeterSection | None = None
    stage: StageSection | None = None
    camera: CameraSection | None = None
    digitizer: RedPitayaSection | None = None
    spectrum_analyser: SpectrumAnalyserSection | None = None
    scope: ScopeSection | None = None
    recorder: RecorderSection | None = None
    tagger: TaggerSection | None = None
    detectors: DetectorsSection | None = None
    retries: RetriesSection = RetriesSection()
    attenuator: AttenuatorSection | None = None
    fabry_perot: AnyFabryPerot | None = None
    heterodyne: AnyHeterodyne | None = None
    safe_state: tuple[SafeStep, ...] = DEFAULT_SAFE_STATE
    watchdog: WatchdogSection | None = None
    _text: str = PrivateAttr("")

    @property
    def text(self) -> str:
        """The station file's text."""
        return self._text

    @property
    def instruments(self) -> dict[str, InstrumentSection]:
        """Sections of the instruments that this bench has, in the order in which they are connected."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: each for name, each in sections.items() if isinstance(each, InstrumentSection)}

    @property
    def calibration(self) -> dict[str, Any]:
        """What the station file says about the optics: everything that turns readings into physics."""
        sections = {name: getattr(self, name) for name in CALIBRATED}
        return {name: section.model_dump() for name, section in sections.items() if section is not None}

    def has(self, role: str) -> bool:
        """Tell whether the bench has what plays `role`."""
        parts = COMPOSED.get(role, (role,))
        return all(getattr(self, part) is not None for part in parts)

    def require(self, roles: typing.Iterable[str], purpose: str) -> None:
        """Refuse a bench that lacks one of `roles`.

        Raises
        ------
        UsageError
            Naming the station, what it lacks and what needs it.
        """
        missing = [role for role in roles if not self.has(role)]
        if missing:
            raise UsageError(
                f"Station '{self.station.name}' has no {' and no '.join(missing)}; "
                f"{purpose} needs {'one' if len(missing) == 1 else 'them'}."
            )

    @model_validator(mode="after")
    def _addresses_where_needed(self) -> "StationSettings":
        for name, section in self.instruments.items():
            given = section.address is not None
            given_too = given or getattr(section, "data_link", None) is not None
            if self.station.backend == "hardware" and not given:
                raise ValueError(f"[{name}] has no address; a hardware bench needs one for every instrument")
            if self.station.backend == "twin" and given_too:
                raise ValueError(
                    f"[{name}] has an address, but a twin brings its own; remove it or set backend 'hardware'"
                )
        return self

    @model_validator(mode="after")
    def _instruments_where_needed(self) -> "StationSettings":
        needs: dict[str, tuple[str, ...]] = {"attenuator": ("rotator",)}
        if self.fabry_perot is not None:
            needs["fabry_perot"] = ("ramp", self.fabry_perot.read_by)
        if self.detectors is not None:
            needs["detectors"] = (self.detectors.read_by,)
        if self.heterodyne is not None:
            needs["heterodyne"] = (self.heterodyne.read_by,)
        for name, parts in needs.items():
            for part in parts:
                if getattr(self, name) is not None and getattr(self, part) is None:
                    raise ValueError(f"[{name}] needs a section [{part}], which is missing")
        return self

    @model_validator(mode="after")
    def _safety_with_what_is_there(self) -> "StationSettings":
        listed = self.safe_state if "safe_state" in self.model_fields_set else ()
        interlocks = self.watchdog.interlock if self.watchdog is not None else ()
        for section, entries in (("safe_state", listed), ("watchdog.interlock", interlocks)):
            for entry in entries:
                if not self.has(entry.role):
                    raise ValueError(f"[[{section}]] names {entry.role}, which this bench has not")
        inside = self.station.backend == "twin" and self.twin.attach is None
        if inside and any(entry.read_by == "watchdog" for entry in interlocks):
            raise ValueError(
                "[[watchdog.interlock]] has read_by 'watchdog', but a lab simulated inside the program is "
                "read by the program only; give read_by 'program', or attach to a lab of 'labsync twin'"
            )
        return self


CALIBRATED = ("attenuator", "fabry_perot", "detectors", "analyser_1", "analyser_2")
"""Sections that hold what was measured once and is relied on since."""
COMPOSED = {"position_loop": ("camera", "stage"), "time_tagger": ("detectors",)}
"""Roles without a section of their own: they exist where their parts do."""
BUILT_IN = Path(__file__).parent / "stations"
ALIASES = {"simulated": "minimal"}
"""Other names of built-in stations."""


def read_station_file(reference: str) -> tuple[StationSettings, str]:
    """Read and check a station file.

    Parameters
    ----------
    reference : str
        Path of the file, or the name of a built-in station: ``minimal`` (also called ``simulated``),
        ``full`` or ``mercury-scope``.

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
    built_in = BUILT_IN / f"{ALIASES.get(reference, reference)}.toml"
    if not path.is_file() and built_in.is_file():
        path = built_in
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        names = ", ".join(sorted([*ALIASES, *(p.stem for p in BUILT_IN.glob("*.toml"))]))
        raise UsageError(
            f"No readable station file '{reference}'; give a path or a built-in station ({names})."
        ) from error
    try:
        settings = StationSettings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name}: not a TOML file: {error}.") from error
    except ValidationError as error:
        clause = _explain(error)
        raise UsageError(f"{path.name}: {clause}{'' if clause.endswith('?') else '.'}") from error
    settings._text = text
    return settings, text


def _explain(error: ValidationError) -> str:
    """Return one clause on the first problem of a station file."""
    # a mistyped key gives two problems, an unknown and a missing one; the first is the cause
    problem = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    where = [str(part) for part in problem["loc"] if not isinstance(part, int)]
    section = f"[{where[0]}]" if where else ""
    kinds = _models(StationSettings.model_fields[where[0]].annotation) if section in _SECTIONS else []
    # where a section may be of several kinds, pydantic puts the kind between section and key
    key = ".".join(where[2 if len(kinds) > 1 else 1 :])
    message = problem["msg"].removeprefix("Value error, ")
    match problem["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(where[-1], _model_at(where[:-1]).model_fields, n=1)
            kind = f"unknown key '{key}' in {section}" if key else f"unknown section {section}"
            known = ", ".join(_model_at(where[:-1]).model_fields)
            return f"{kind}; {f'did you mean {near[0]!r}?' if near else f'known are {known}'}"
        case "missing":
            return f"{section} lacks '{key}'" if key else f"section {section} is missing"
        case "union_tag_not_found":
            return f"{section} lacks {problem['ctx']['discriminator']}"
        case "union_tag_invalid":
            tag, known = problem["ctx"]["tag"], problem["ctx"]["expected_tags"]
            return f"{section}: {tag!r} is unknown; known are {known}"
    if problem["type"] != "value_error" and isinstance(given := problem["input"], str | int | float):
        message += f", not {given!r}"
    return f"{section} {key}: {message}" if where else message


_SECTIONS = {f"[{name}]" for name in StationSettings.model_fields}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation such as ``Annotated[A | B, ...] | None`` allows."""
    if isinstance(annotation, type):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for part in typing.get_args(annotation) for model in _models(part)]


def _model_at(where: list[str]) -> type[BaseModel]:
    """Return the model at the place of an error: sections, kinds of a section, tables inside."""
    model: type[BaseModel] = StationSettings
    kinds: list[type[BaseModel]] = []
    for part in where:
        if part in model.model_fields:
            kinds = _models(model.model_fields[part].annotation)
        else:
            kinds = [kind for kind in kinds if part in _tags(kind)]
        model = kinds[0] if kinds else model
    return model


def _tags(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the names by which pydantic tells kinds of a section apart."""
    names = [name for name in ("driver", "read_by") if name in model.model_fields]
    return tuple(tag for name in names for tag in typing.get_args(model.model_fields[name].annotation))
