"""The section of the station file about beat notes: one class for each way to record them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from labsync._quantities import Hertz, Seconds
from labsync._sections import Section, TwoInputs


class HeterodyneSection(Section):
    """The beat notes of the pillars' light with a local oscillator: what records them."""

    read_by: str
    oscillator: Literal["below", "above"] = Field(default="below", description="below or above the light")
    oscillator_linewidth: Hertz = Field(default=0.0, ge=0, description="for the model's beat notes")
    photodiode_bandwidth: Hertz = Field(default=1e9, gt=0, description="for the model's beat notes")


class AnalyserHeterodyneSection(HeterodyneSection):
    """A spectrum analyser at the photodiodes of one pillar."""

    read_by: Literal["spectrum_analyser"]
    pillar: Literal["P1", "P2"] = "P1"
    centre: Hertz = Field(gt=0)
    span: Hertz = Field(gt=0)
    resolution_bandwidth: Hertz = Field(gt=0)
    points: int = Field(default=1001, ge=101, le=32001)
    sweep_time: Seconds = Field(default=0.1, gt=0)
    sweeps: int = Field(default=10, ge=1, le=32767, description="averaged to a spectrum")
    reference_level: float = Field(default=-10.0, ge=-130, le=30, description="in dBm")

    @model_validator(mode="after")
    def _above_zero(self) -> "AnalyserHeterodyneSection":
        if self.span > 2 * self.centre:
            raise ValueError(
                f"a span of {self.span:g} Hz around {self.centre:g} Hz reaches below zero; raise the centre "
                "or reduce the span"
            )
        return self


class DigitizerHeterodyneSection(HeterodyneSection):
    """A digitizer with one channel at the photodiodes of each pillar."""

    read_by: Literal["digitizer"]
    inputs: TwoInputs = Field(default=(1, 2), description="inputs of the photodiodes of P1 and P2")
    record: Seconds = Field(gt=0, description="length of a record")
    records: int = Field(default=10, ge=1, le=10000, description="averaged to a spectrum")
    resolution_bandwidth: Hertz = Field(gt=0)
    pilot_tone: Hertz | None = Field(default=None, gt=0, description="known frequency in both inputs")


AnyHeterodyne = Annotated[
    AnalyserHeterodyneSection | DigitizerHeterodyneSection, Field(discriminator="read_by")
]
