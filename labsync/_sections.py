"""Sections of the station file: one class per driver, with the options that it passes to the driver."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from instruments.oxford import BOARD
from labsync._quantities import Amperes, Degrees, Gigahertz, Hertz, Kelvin, Micrometres, Seconds, Volts


class Section(BaseModel):
    """A section: unknown keys are refused, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StationSection(Section):
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


def _rising(limits: tuple[float, float]) -> tuple[float, float]:
    if not limits[0] < limits[1]:
        raise ValueError(f"the lower limit comes first, and {limits[0]:g} is not below {limits[1]:g}")
    return limits


def _different(inputs: tuple[int, int]) -> tuple[int, int]:
    if inputs[0] == inputs[1]:
        raise ValueError(f"both detectors cannot be connected to input {inputs[0]}")
    return inputs


TwoInputs = Annotated[tuple[int, int], AfterValidator(_different)]


class TwinSection(Section):
    """The simulated lab: its instruments, seed of its hidden truth, and how its time runs."""

    bench: Literal["minimal", "full", "mercury-scope"] = "minimal"
    seed: int = Field(default=1, ge=0)
    clock: Annotated[str | float, BeforeValidator(_clock_speed)] = "lock-step"
    attach: str | None = Field(default=None, description="control address of a lab served by 'labsync twin'")
    configuration: Literal["face-to-face", "relay"] = "face-to-face"
    local_oscillator: Gigahertz = Field(default=0.02, ge=-100, le=100, description="above P1's strong mode")


class InstrumentSection(Section):
    """Where an instrument answers, and which driver speaks to it."""

    driver: str
    address: str | None = None
    timeout: Seconds = Field(default=2.0, gt=0)

    def options(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Return the driver's options beyond address, clock and timeout; `addresses` are the bench's."""
        return {}


class SettleRule(Section):
    """Settled: inside the band for the whole dwell, before the deadline."""

    band: Kelvin = Field(gt=0)
    dwell: Seconds = Field(ge=0)
    deadline: Seconds = Field(gt=0)


class CryostatSection(InstrumentSection):
    """A cryostat's temperature controller."""

    setpoint_limits: Annotated[tuple[Kelvin, Kelvin], AfterValidator(_rising)]
    settle: SettleRule


class _LakeShoreSection(CryostatSection):
    sensor: str = "A"
    heater: Literal[1, 2] = 1

    def options(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Return the loop and its limits."""
        return {"sensor": self.sensor, "output": self.heater, "setpoint_limits_k": self.setpoint_limits}


class LakeShore336Section(_LakeShoreSection):
    """A Lake Shore 336: four sensor inputs, two heater outputs with a loop."""

    driver: Literal["lakeshore336"]
    sensor: Literal["A", "B", "C", "D"] = "A"


class LakeShore335Section(_LakeShoreSection):
    """A Lake Shore 335: two sensor inputs, two heater outputs."""

    driver: Literal["lakeshore335"]
    sensor: Literal["A", "B"] = "A"


def _board(name: str) -> str:
    if not BOARD.fullmatch(name):
        raise ValueError(f"a MercuryiTC names its boards like MB1.T1, MB0.H1 or DB8.T1, not {name!r}")
    return name


Board = Annotated[str, AfterValidator(_board)]


class MercurySection(CryostatSection):
    """An Oxford MercuryiTC: sensor and heater by their board's names."""

    driver: Literal["mercuryitc"]
    sensor: Board = "MB1.T1"
    heater: Board = "MB0.H1"

    def options(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Return the loop and its limits."""
        return {"sensor": self.sensor, "heater": self.heater, "setpoint_limits_k": self.setpoint_limits}


class PumpSection(InstrumentSection):
    """A voltage source that pumps one array of pillars."""

    driver: Literal["keithley2450"]
    pillars: int = Field(gt=0, description="pillars that share the array current")
    voltage_limit: Volts = Field(gt=0)
    current_limit: Amperes = Field(gt=0)

    def options(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Return the limits."""
        return {"voltage_limit_v": self.voltage_limit, "current_limit_a": self.current_limit}


class CorrelatorSection(InstrumentSection):
    """The time controller that counts photons."""

    driver: Literal["id900"]
    data_link: str | None = Field(default=None, description="second address, over which time tags come")

    def options(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Return the address of the time tags."""
        return {"data_link": self.data_link or addresses.get("correlator_stream")}


class RedPitayaSection(InstrumentSection):
    """A Red Pitaya: the generator of the Fabry-Perot ramp, or the digitizer of the beat note."""

    driver: Literal["redpitaya"]


class RotatorSection(InstrumentSection):
    """The rotation mount of the half-wave plate in the coupling path."""

    driver: Literal["ell14"]


class AnalyserSection(InstrumentSection):
    """The rotation mount of the half-wave plate that selects a mode of one pillar."""

    driver: Literal["ell14"]
    angle_of_strong_mode: Degrees = 0.0


class ScopeSection(InstrumentSection):
    """The oscilloscope that records photodetectors."""

    driver: Literal["infiniivision"]


class SpectrumAnalyserSection(InstrumentSection):
    """The spectrum analyser of the beat note."""

    driver: Literal["fsv"]


class PowerMeterSection(InstrumentSection):
    """The power meter in the collected light."""

    driver: Literal["pm100"]


class StageSection(InstrumentSection):
    """The stage that holds the second sample in place."""

    driver: Literal["esp300"]
    limits_x: Annotated[tuple[Micrometres, Micrometres], AfterValidator(_rising)]
    limits_y: Annotated[tuple[Micrometres, Micrometres], AfterValidator(_rising)]

    def options(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Return the limits of travel."""
        return {"limits_x_um": self.limits_x, "limits_y_um": self.limits_y}


class CameraSection(InstrumentSection):
    """The camera that sees the second sample."""

    driver: Literal["camera"]
    exposure: Seconds = 0.02

    def options(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        """Return the exposure."""
        return {"exposure_s": self.exposure}


class RecorderSection(InstrumentSection):
    """The recorder of photon arrival times that writes files."""

    driver: Literal["picoquant"]


class TaggerSection(InstrumentSection):
    """The time tagger."""

    driver: Literal["swabian"]


class DetectorsSection(Section):
    """The two photon detectors for correlations: what records them, what they see, what they bear."""

    read_by: Literal["correlator", "tagger"] = "correlator"
    inputs: TwoInputs = Field(description="inputs of the recorder to which they are connected")
    configuration: Literal["cross", "hbt-1", "hbt-2"] = "cross"
    count_rate_ceiling: Hertz = Field(gt=0)
    timing_jitter: Seconds = Field(description="full width at half maximum of one detector's response")
    dead_time: Seconds
    dark_rate: Hertz = 0.0

    @property
    def pillars(self) -> tuple[str, str]:
        """Which pillar each detector sees."""
        seen = {"cross": ("P1", "P2"), "hbt-1": ("P1", "P1"), "hbt-2": ("P2", "P2")}
        return seen[self.configuration]


class RetriesSection(Section):
    """How often a step is tried when an instrument is silent, gone or garbled, and the first wait."""

    attempts: int = Field(default=3, ge=1, le=20)
    back_off: Seconds = Field(default=2.0, ge=0, description="doubled after each attempt")


class AttenuatorSection(Section):
    """Half-wave plate and polariser: the angle of full transmission."""

    angle_of_full_transmission: Degrees


class FabryPerotSection(Section):
    """The scanning interferometer and the ramp of its piezo."""

    read_by: str = "correlator"
    free_spectral_range: Gigahertz
    finesse: float = Field(gt=1)
    ramp_frequency: Hertz
    ramp_amplitude: Volts
    ramp_offset: Volts

    def options(self) -> dict[str, Any]:
        """Return the ramp."""
        return {
            "frequency_hz": self.ramp_frequency,
            "amplitude_v": self.ramp_amplitude,
            "offset_v": self.ramp_offset,
        }


class PhotonFabryPerotSection(FabryPerotSection):
    """An interferometer with photon counters behind it: the correlator histograms over the ramp."""

    read_by: Literal["correlator"] = "correlator"
    bins: int = Field(gt=15, le=16384)
    reference_input: int
    inputs: TwoInputs = Field(description="correlator inputs of the detectors for P1 and P2")

    def options(self) -> dict[str, Any]:
        """Return the ramp and the histogram."""
        histogram = {"bins": self.bins, "reference": self.reference_input, "channels": self.inputs}
        return super().options() | histogram


class ScopeFabryPerotSection(FabryPerotSection):
    """An interferometer with photodiodes behind it: the oscilloscope records them over the ramp."""

    read_by: Literal["scope"]
    bins: int = Field(gt=15, le=16384)
    trigger_input: Literal["EXT", "CHAN1", "CHAN2", "CHAN3", "CHAN4"] = "EXT"
    monitor_input: Literal[1, 2, 3, 4] = 1
    inputs: TwoInputs = Field(description="oscilloscope channels of the photodiodes for P1 and P2")
    range: Volts

    def options(self) -> dict[str, Any]:
        """Return the ramp and the oscilloscope's channels."""
        wires = {"trigger": self.trigger_input, "monitor": self.monitor_input, "channels": self.inputs}
        return super().options() | {"bins": self.bins, "range_v": self.range} | wires


def _read_by(section: Any) -> str:
    return (
        section.get("read_by", "correlator") if isinstance(section, dict) else getattr(section, "read_by", "")
    )


AnyCryostat = Annotated[
    LakeShore336Section | LakeShore335Section | MercurySection, Field(discriminator="driver")
]
AnyFabryPerot = Annotated[
    Annotated[PhotonFabryPerotSection, Tag("correlator")] | Annotated[ScopeFabryPerotSection, Tag("scope")],
    Discriminator(_read_by),
]
